//! Samples that every reader takes, made by the code itself wherever it makes such things.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_fuzz::formats::PASSWORD;
use tegata_pki::ObjectIdentifier;
use tegata_pki::certificate::Certificate;
use tegata_pki::cms;
use tegata_pki::connection_code::ConnectionCode;
use tegata_pki::crl::{CrlWriter, ReasonCode};
use tegata_pki::csr::CertificationRequest;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::ocsp::{CertStatus, HashAlgorithm, IssuerIds, OcspRequest, OcspResponseBuilder};
use tegata_pki::pkcs12::{self, Pkcs12Form};
use tegata_pki::profile::{
    CaPosition, CertificatePolicy, CertificateProfile, OcspResponder, Subscriber, SubscriberCa,
    TlsCa, TlsServer,
};
use tegata_pki::signer::{SignatureAlgorithm, Signer as _};
use tegata_pki::soft::{SoftSigner, encrypt_key_file_with};
use tegata_pki::tbs::{self, TbsParameters};

#[path = "messages.rs"]
mod messages;

/// 2027-01-01.
const NOW: i64 = 1_798_761_600;

/// Samples by the reader that they are for.
pub(crate) struct Samples(BTreeMap<&'static str, Vec<Vec<u8>>>);

impl<const N: usize> From<[(&'static str, Vec<Vec<u8>>); N]> for Samples {
    fn from(samples: [(&'static str, Vec<Vec<u8>>); N]) -> Self {
        Self(BTreeMap::from(samples))
    }
}

impl Samples {
    pub(crate) fn of(&self, name: &str) -> &[Vec<u8>] {
        &self.0[name]
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().copied()
    }
}

/// All samples.
pub(crate) fn all() -> Samples {
    let mut samples = of_formats();
    samples.0.extend(messages::all(&samples));
    samples
}

/// A certificate with its key.
struct Member {
    certificate: Certificate,
    signer: SoftSigner,
}

fn of_formats() -> Samples {
    let root = root();
    let subscriber_key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let pkcs8 = subscriber_key.to_pkcs8().unwrap().to_vec();
    let file_key = PrivateKey::from_pkcs8(&pkcs8).unwrap();
    let subscriber = issued(&root, "0110119153", subscriber_key, &subscriber(), 2);
    let rsa_key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
    let rsa_pkcs8 = rsa_key.to_pkcs8().unwrap().to_vec();
    let rsa = issued(&root, "受付", rsa_key, &self::subscriber(), 3);
    let responder = CertificateProfile::OcspResponder(OcspResponder);
    let responder_key = PrivateKey::generate(KeyAlgorithm::P384).unwrap();
    let responder = issued(&root, "Sample Responder", responder_key, &responder, 4);
    let (tls_ca, tls_server) = tls();
    let members = [&root, &subscriber, &rsa, &responder, &tls_ca, &tls_server];
    let certificates = members.map(|member| member.certificate.clone());
    let list = |of: fn(&Certificate) -> Vec<u8>| certificates.iter().map(of).collect::<Vec<_>>();
    let chain = [&subscriber, &root].map(|member| member.certificate.der());
    let file = |form| {
        let name = subscriber.certificate.subject().friendly_name();
        let written = pkcs12::write(&file_key, &chain, &name, PASSWORD, form, 2);
        written.unwrap().to_vec()
    };
    let key_file = |key: &[u8]| {
        let key = PrivateKey::from_pkcs8(key).unwrap();
        let file = encrypt_key_file_with(&key, PASSWORD.as_bytes(), NonZeroU32::MIN);
        file.unwrap().into_bytes()
    };
    let bundle: String = certificates.iter().take(3).map(Certificate::pem).collect();
    let signed = cms::sign_detached(
        b"feed",
        &rsa.signer,
        std::slice::from_ref(&rsa.certificate),
        NOW,
    );
    let algorithms = [
        SignatureAlgorithm::EcdsaSha256,
        SignatureAlgorithm::EcdsaSha384,
        SignatureAlgorithm::RsaSha256,
    ];
    let codes = list(|one| {
        let code = ConnectionCode::of(one.public_key()).to_string();
        code.to_lowercase().replace('-', "ー").into_bytes()
    });
    Samples::from([
        ("certificate", list(|one| one.der().to_vec())),
        (
            "certificate_text",
            vec![
                root.certificate.pem().into_bytes(),
                format!("two of them\n{bundle}").into_bytes(),
            ],
        ),
        (
            "cms",
            vec![
                cms::certificates_only(&certificates[..1]),
                cms::certificates_only(&certificates),
                signed.unwrap(),
            ],
        ),
        ("connection_code", codes),
        (
            "crl",
            vec![
                crl(&root, 0, None),
                crl(&root, 5, Some("http://pki.example/1.crl")),
            ],
        ),
        (
            "csr",
            [&subscriber, &responder, &rsa]
                .map(|member| {
                    let subject = member.certificate.subject();
                    CertificationRequest::create(subject, &member.signer).unwrap()
                })
                .to_vec(),
        ),
        ("key_file", vec![key_file(&pkcs8), key_file(&rsa_pkcs8)]),
        ("name", list(|one| one.subject().to_der())),
        ("ocsp_request", ocsp_requests(&root, &subscriber)),
        (
            "ocsp_response",
            ocsp_responses(&root, &subscriber, &responder),
        ),
        (
            "pkcs12",
            vec![file(Pkcs12Form::Legacy), file(Pkcs12Form::Modern)],
        ),
        ("private_key", vec![pkcs8, rsa_pkcs8]),
        (
            "public_key",
            list(|one| one.public_key().spki_der().to_vec()),
        ),
        (
            "signature_algorithm",
            algorithms.map(SignatureAlgorithm::to_der).to_vec(),
        ),
        ("tbs_certificate", list(|one| one.tbs_der().to_vec())),
    ])
}

fn root() -> Member {
    let profile = CertificateProfile::SubscriberCa(SubscriberCa {
        position: CaPosition::Root,
        path_length: None,
    });
    self_signed("Sample Root", &profile)
}

fn tls() -> (Member, Member) {
    let ca = CertificateProfile::TlsCa(TlsCa {
        permitted_dns: vec!["pki.example".to_owned()],
        permitted_ips: Vec::new(),
        path_length: Some(0),
    });
    let ca = self_signed("Sample TLS CA", &ca);
    let server = CertificateProfile::TlsServer(TlsServer {
        dns_names: vec!["my.pki.example".to_owned(), "pki.example".to_owned()],
        ip_addresses: Vec::new(),
        crl_uri: Some("http://pki.example/tls.crl".to_owned()),
    });
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let server = issued(&ca, "my.pki.example", key, &server, 6);
    (ca, server)
}

fn subscriber() -> CertificateProfile {
    CertificateProfile::Subscriber(Subscriber {
        policy: CertificatePolicy {
            identifier: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1"),
            cps_uri: Some("http://pki.example/cps".to_owned()),
        },
        crl_uri: "http://pki.example/crl/0.crl".to_owned(),
        ocsp_uri: Some("http://pki.example/ocsp".to_owned()),
        ca_issuers_uri: Some("http://pki.example/ca.crt".to_owned()),
    })
}

fn subject(common_name: &str) -> DistinguishedName {
    let builder = DistinguishedName::builder()
        .country("JP")
        .organization("見本・使用禁止")
        .organizational_unit("hokkaido");
    builder.common_name(common_name).build().unwrap()
}

fn self_signed(name: &str, profile: &CertificateProfile) -> Member {
    let signer = signer(PrivateKey::generate(KeyAlgorithm::P256).unwrap());
    let certificate = certificate(&subject(name), &signer, name, &signer, profile, 1);
    Member {
        certificate,
        signer,
    }
}

fn issued(
    issuer: &Member,
    name: &str,
    key: PrivateKey,
    profile: &CertificateProfile,
    number: u8,
) -> Member {
    let (from, own) = (issuer.certificate.subject(), signer(key));
    let certificate = certificate(from, &issuer.signer, name, &own, profile, number);
    Member {
        certificate,
        signer: own,
    }
}

fn certificate(
    issuer: &DistinguishedName,
    issuer_signer: &SoftSigner,
    name: &str,
    own: &SoftSigner,
    profile: &CertificateProfile,
    number: u8,
) -> Certificate {
    let mut serial = [0x5a; 16];
    serial[15] = number;
    let tbs = tbs::build_tbs(&TbsParameters {
        serial,
        issuer,
        issuer_key: issuer_signer.public_key(),
        signature_algorithm: issuer_signer.signature_algorithm(),
        subject: &subject(name),
        subject_key: own.public_key(),
        not_before: NOW,
        not_after: NOW + 86_400 * 1_000,
        profile,
    });
    let der = tbs::issue(&tbs.unwrap(), issuer_signer).unwrap();
    Certificate::from_der(&der).unwrap()
}

fn signer(key: PrivateKey) -> SoftSigner {
    SoftSigner::from_private_key(key)
}

fn crl(root: &Member, entries: u8, point: Option<&str>) -> Vec<u8> {
    let (name, key) = (root.certificate.subject(), root.certificate.public_key());
    let mut list = CrlWriter::new(name, key, 4711, NOW, NOW + 86_400, point).unwrap();
    for number in 1..=entries {
        let reason = ReasonCode::from_code(number);
        list.push(&[number; 16], NOW - 60, reason).unwrap();
    }
    list.finish(&root.signer).unwrap()
}

fn ocsp_requests(root: &Member, subscriber: &Member) -> Vec<Vec<u8>> {
    let (root, subscriber) = (&root.certificate, &subscriber.certificate);
    let ids = IssuerIds::of(root.subject(), root.public_key());
    let id = ids.cert_id(HashAlgorithm::Sha1, subscriber.serial());
    vec![
        OcspRequest::for_certificate(subscriber, root, Some(&[7; 32])),
        OcspRequest::for_cert_id(&id, None),
    ]
}

fn ocsp_responses(root: &Member, subscriber: &Member, responder: &Member) -> Vec<Vec<u8>> {
    let issuer = &root.certificate;
    let ids = IssuerIds::of(issuer.subject(), issuer.public_key());
    let id = ids.cert_id(HashAlgorithm::Sha256, subscriber.certificate.serial());
    let revoked = CertStatus::Revoked {
        at: NOW - 60,
        reason: Some(ReasonCode::CertificateHold),
    };
    let statuses = [CertStatus::Good, CertStatus::Unknown, revoked];
    let respond = |status| {
        OcspResponseBuilder::new(NOW)
            .single(&id, status, NOW, NOW + 43_200)
            .unwrap()
            .nonce(Some(&[7; 32]))
            .responder_certificate(&responder.certificate)
            .sign(&responder.signer)
            .unwrap()
    };
    statuses.map(respond).to_vec()
}

/// Base64 in one line.
fn base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}
