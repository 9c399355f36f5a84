//! A small sample hierarchy that the integration tests share.

use tegata_pki::{
    ObjectIdentifier,
    certificate::Certificate,
    key::{KeyAlgorithm, PrivateKey, PublicKey},
    name::DistinguishedName,
    profile::{
        CaPosition, CertificatePolicy, CertificateProfile, DocumentSigner, OcspResponder,
        Subscriber, SubscriberCa, TlsCa, TlsServer,
    },
    signer::Signer,
    soft::SoftSigner,
    tbs::{self, TbsParameters},
};

/// 2027-01-01 00:00:00 UTC.
pub(crate) const NOT_BEFORE: i64 = 1_798_761_600;
/// 39 months later.
pub(crate) const NOT_AFTER: i64 = 1_901_232_000 - 1;

/// A certificate with its key.
pub(crate) struct Member {
    pub(crate) certificate: Certificate,
    pub(crate) signer: SoftSigner,
}

/// A root and what it issues.
pub(crate) struct Hierarchy {
    pub(crate) algorithm: KeyAlgorithm,
    pub(crate) root: Member,
}

impl Hierarchy {
    pub(crate) fn new(algorithm: KeyAlgorithm) -> Self {
        let profile = CertificateProfile::SubscriberCa(SubscriberCa {
            position: CaPosition::Root,
            path_length: None,
        });
        let root = self_signed("Sample Root", algorithm, &profile, serial(1));
        Self { algorithm, root }
    }

    pub(crate) fn subordinate(&self) -> Member {
        let profile = CertificateProfile::SubscriberCa(SubscriberCa {
            position: CaPosition::Subordinate {
                policies: vec![CertificatePolicy::any()],
                crl_uri: Some("http://pki.example/root.crl".to_owned()),
                ca_issuers_uri: Some("http://pki.example/root.crt".to_owned()),
            },
            path_length: Some(0),
        });
        let name = ca_name("Sample Subordinate");
        issued(
            &self.root,
            &name,
            signer(self.algorithm),
            &profile,
            serial(2),
        )
    }

    pub(crate) fn subscriber(&self, algorithm: KeyAlgorithm) -> Member {
        self.subscriber_with_key(PrivateKey::generate(algorithm).unwrap())
    }

    pub(crate) fn subscriber_with_key(&self, key: PrivateKey) -> Member {
        let profile = CertificateProfile::Subscriber(subscriber_profile());
        issued(
            &self.root,
            &subscriber_name(),
            SoftSigner::from_private_key(key),
            &profile,
            serial(3),
        )
    }

    pub(crate) fn subscriber_with_serial(&self, serial: [u8; 16]) -> Member {
        let profile = CertificateProfile::Subscriber(subscriber_profile());
        issued(
            &self.root,
            &subscriber_name(),
            signer(KeyAlgorithm::P256),
            &profile,
            serial,
        )
    }

    pub(crate) fn responder(&self) -> Member {
        self.responder_with(PrivateKey::generate(KeyAlgorithm::P256).unwrap())
    }

    pub(crate) fn responder_with(&self, key: PrivateKey) -> Member {
        let signer = SoftSigner::from_private_key(key);
        let profile = CertificateProfile::OcspResponder(OcspResponder);
        let name = ca_name("Sample OCSP Responder");
        issued(&self.root, &name, signer, &profile, serial(4))
    }

    pub(crate) fn tls_ca(&self) -> Member {
        let profile = CertificateProfile::TlsCa(TlsCa {
            permitted_dns: vec!["pki.example".to_owned()],
            permitted_ips: Vec::new(),
            path_length: Some(0),
        });
        self_signed("Sample TLS CA", self.algorithm, &profile, serial(5))
    }

    pub(crate) fn tls_server(&self, ca: &Member) -> Member {
        let profile = CertificateProfile::TlsServer(TlsServer {
            dns_names: vec!["cert.pki.example".to_owned()],
            ip_addresses: Vec::new(),
            crl_uri: Some("http://pki.example/tls.crl".to_owned()),
        });
        let name = DistinguishedName::builder()
            .common_name("cert.pki.example")
            .build()
            .unwrap();
        issued(ca, &name, signer(KeyAlgorithm::P256), &profile, serial(6))
    }
}

pub(crate) fn subscriber_profile() -> Subscriber {
    Subscriber {
        policy: CertificatePolicy {
            identifier: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1"),
            cps_uri: Some("http://pki.example/cps".to_owned()),
        },
        crl_uri: "http://pki.example/crl/0.crl".to_owned(),
        ocsp_uri: Some("http://pki.example/ocsp".to_owned()),
        ca_issuers_uri: Some("http://pki.example/ca.crt".to_owned()),
    }
}

pub(crate) fn subscriber_name() -> DistinguishedName {
    DistinguishedName::builder()
        .country("JP")
        .organization("ReceiptOnline")
        .organizational_unit("hokkaido")
        .organizational_unit("medical")
        .common_name("0110119153")
        .build()
        .unwrap()
}

pub(crate) fn ca_name(common_name: &str) -> DistinguishedName {
    DistinguishedName::builder()
        .country("JP")
        .organization("見本・使用禁止")
        .common_name(common_name)
        .build()
        .unwrap()
}

pub(crate) fn signer(algorithm: KeyAlgorithm) -> SoftSigner {
    SoftSigner::from_private_key(PrivateKey::generate(algorithm).unwrap())
}

/// 16 octets with the top bit clear.
pub(crate) fn serial(number: u8) -> [u8; 16] {
    let mut serial = [0x5a; 16];
    serial[15] = number;
    serial
}

fn self_signed(
    common_name: &str,
    algorithm: KeyAlgorithm,
    profile: &CertificateProfile,
    serial: [u8; 16],
) -> Member {
    let signer = signer(algorithm);
    let name = ca_name(common_name);
    let certificate = issue(
        (&name, &signer),
        (&name, signer.public_key()),
        profile,
        serial,
    );
    Member {
        certificate,
        signer,
    }
}

fn issued(
    issuer: &Member,
    subject: &DistinguishedName,
    signer: SoftSigner,
    profile: &CertificateProfile,
    serial: [u8; 16],
) -> Member {
    let issuer = (issuer.certificate.subject(), &issuer.signer);
    let certificate = issue(issuer, (subject, signer.public_key()), profile, serial);
    Member {
        certificate,
        signer,
    }
}

fn issue(
    (issuer, issuer_signer): (&DistinguishedName, &SoftSigner),
    (subject, subject_key): (&DistinguishedName, &PublicKey),
    profile: &CertificateProfile,
    serial: [u8; 16],
) -> Certificate {
    let tbs = tbs::build_tbs(&TbsParameters {
        serial,
        issuer,
        issuer_key: issuer_signer.public_key(),
        signature_algorithm: issuer_signer.signature_algorithm(),
        subject,
        subject_key,
        not_before: NOT_BEFORE,
        not_after: NOT_AFTER,
        profile,
    })
    .unwrap();
    Certificate::from_der(&tbs::issue(&tbs, issuer_signer).unwrap()).unwrap()
}

/// Whoever signs documents under `issuer`.
pub(crate) fn document_signer(issuer: &Member) -> Member {
    let profile = CertificateProfile::DocumentSigner(DocumentSigner {
        crl_uri: "http://pki.example/7.crl".to_owned(),
    });
    let name = ca_name("Sample Document Signer");
    issued(
        issuer,
        &name,
        signer(KeyAlgorithm::P256),
        &profile,
        serial(9),
    )
}
