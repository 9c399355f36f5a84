//! The authority behind the server: its keys, and certificates that it really signs.

use tegata_domain::time::Timestamp;
use tegata_pki::ObjectIdentifier;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::profile::{
    CaPosition, CertificatePolicy, CertificateProfile, Subscriber, SubscriberCa, TlsCa,
};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;
use tegata_pki::tbs::{self, TbsParameters};

use crate::world::at;

pub(super) struct Authority {
    pub(super) name: DistinguishedName,
    pub(super) signer: SoftSigner,
}

pub(super) fn authority(
    common_name: &str,
    profile: &CertificateProfile,
) -> (Authority, Certificate) {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let signer = SoftSigner::from_private_key(key);
    let name = DistinguishedName::builder()
        .country("JP")
        .organization("Sample Billing NW")
        .common_name(common_name)
        .build()
        .unwrap();
    let authority = Authority { name, signer };
    let public = authority.signer.public_key().clone();
    let validity = (at("2020-01-01T00:00:00Z"), at("2040-01-01T00:00:00Z"));
    let name = authority.name.clone();
    let certificate = sign(&authority, &name, &public, profile, validity);
    (authority, certificate)
}

pub(super) fn issue(
    authority: &Authority,
    subject: &DistinguishedName,
    key: &PublicKey,
    validity: (Timestamp, Timestamp),
) -> Certificate {
    let profile = CertificateProfile::Subscriber(Subscriber {
        policy: CertificatePolicy {
            identifier: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1"),
            cps_uri: None,
        },
        crl_uri: "http://pki.example/0.crl".to_owned(),
        ocsp_uri: None,
        ca_issuers_uri: None,
    });
    sign(authority, subject, key, &profile, validity)
}

pub(super) fn sign(
    authority: &Authority,
    subject: &DistinguishedName,
    key: &PublicKey,
    profile: &CertificateProfile,
    validity: (Timestamp, Timestamp),
) -> Certificate {
    let tbs = tbs::build_tbs(&TbsParameters {
        serial: [0x5a; 16],
        issuer: &authority.name,
        issuer_key: authority.signer.public_key(),
        signature_algorithm: authority.signer.signature_algorithm(),
        subject,
        subject_key: key,
        not_before: validity.0.unix(),
        not_after: validity.1.unix(),
        profile,
    })
    .unwrap();
    Certificate::from_der(&tbs::issue(&tbs, &authority.signer).unwrap()).unwrap()
}

pub(super) fn subject() -> DistinguishedName {
    DistinguishedName::builder()
        .country("JP")
        .organization("ReceiptOnline")
        .organizational_unit("hokkaido")
        .organizational_unit("medical")
        .common_name("0110119153")
        .build()
        .unwrap()
}

pub(super) fn ca_profile() -> CertificateProfile {
    CertificateProfile::SubscriberCa(SubscriberCa {
        position: CaPosition::Root,
        path_length: None,
    })
}

pub(super) fn tls_profile() -> CertificateProfile {
    CertificateProfile::TlsCa(TlsCa {
        permitted_dns: vec!["r.example".to_owned()],
        permitted_ips: Vec::new(),
        path_length: Some(0),
    })
}
