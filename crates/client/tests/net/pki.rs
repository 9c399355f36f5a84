//! A CA for these tests, and what it issues.

use std::net::{IpAddr, Ipv4Addr};

use tegata_client::ports::{Scheme, StoreError, TerminalKey};
use tegata_pki::ObjectIdentifier;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::profile::{
    CertificatePolicy, CertificateProfile, IpSubtree, Subscriber, TlsCa, TlsServer,
};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;
use tegata_pki::tbs::{TbsParameters, assemble, build_tbs, sign_tbs};

/// 2026-01-01 to 2031-01-01, and an instant between.
pub(crate) const VALID: (i64, i64) = (1_767_225_600, 1_924_991_999);
pub(crate) const NOW: i64 = 1_800_000_000;

/// A root for `localhost`, and its key.
pub(crate) struct Authority {
    name: DistinguishedName,
    signer: SoftSigner,
    pub(crate) root: Certificate,
}

/// A certificate and its key.
pub(crate) struct Member {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: PrivateKey,
}

impl Authority {
    pub(crate) fn new(common_name: &str) -> Self {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let signer = SoftSigner::from_private_key(key);
        let name = name(common_name);
        let profile = CertificateProfile::TlsCa(TlsCa {
            permitted_dns: vec!["localhost".to_owned()],
            permitted_ips: vec![IpSubtree {
                address: IpAddr::V4(Ipv4Addr::LOCALHOST),
                prefix_length: 8,
            }],
            path_length: Some(0),
        });
        let root = sign(&signer, &name, &name, signer.public_key(), &profile, VALID);
        let root = Certificate::from_der(&root).unwrap();
        Self { name, signer, root }
    }

    pub(crate) fn server(&self, host: &str, valid: (i64, i64)) -> Member {
        let profile = CertificateProfile::TlsServer(TlsServer {
            dns_names: vec![host.to_owned()],
            ip_addresses: Vec::new(),
            crl_uri: None,
        });
        self.issue(host, KeyAlgorithm::P256, &profile, valid)
    }

    pub(crate) fn subscriber(&self, algorithm: KeyAlgorithm) -> Member {
        let profile = CertificateProfile::Subscriber(Subscriber {
            policy: CertificatePolicy {
                identifier: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.1"),
                cps_uri: None,
            },
            crl_uri: "http://pki.example/0.crl".to_owned(),
            ocsp_uri: None,
            ca_issuers_uri: None,
        });
        self.issue("0110119153", algorithm, &profile, VALID)
    }

    fn issue(
        &self,
        common_name: &str,
        algorithm: KeyAlgorithm,
        profile: &CertificateProfile,
        valid: (i64, i64),
    ) -> Member {
        let key = PrivateKey::generate(algorithm).unwrap();
        let subject = name(common_name);
        let signed = sign(
            &self.signer,
            &self.name,
            &subject,
            key.public_key(),
            profile,
            valid,
        );
        Member {
            certificate: signed,
            key,
        }
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let name = DistinguishedName::builder().country("JP");
    name.organization("Sample")
        .common_name(common_name)
        .build()
        .unwrap()
}

fn sign(
    signer: &SoftSigner,
    issuer: &DistinguishedName,
    subject: &DistinguishedName,
    subject_key: &PublicKey,
    profile: &CertificateProfile,
    (not_before, not_after): (i64, i64),
) -> Vec<u8> {
    let tbs = build_tbs(&TbsParameters {
        serial: [0x42; 16],
        issuer,
        issuer_key: signer.public_key(),
        signature_algorithm: signer.signature_algorithm(),
        subject,
        subject_key,
        not_before,
        not_after,
        profile,
    })
    .unwrap();
    let signature = sign_tbs(&tbs, signer).unwrap();
    assemble(&tbs, signer.signature_algorithm(), &signature)
}

/// A key that signs in these ways alone, as the stores of systems have them.
pub(crate) struct LimitedKey {
    public: PublicKey,
    key: std::sync::Arc<dyn rustls::sign::SigningKey>,
    schemes: Vec<Scheme>,
}

impl LimitedKey {
    pub(crate) fn new(key: &PrivateKey, schemes: &[Scheme]) -> Self {
        let pkcs8 = key.to_pkcs8().unwrap().to_vec();
        let der = rustls::pki_types::PrivatePkcs8KeyDer::from(pkcs8).into();
        Self {
            public: key.public_key().clone(),
            key: rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).unwrap(),
            schemes: schemes.to_vec(),
        }
    }
}

impl TerminalKey for LimitedKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Vec<Scheme> {
        self.schemes.clone()
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, StoreError> {
        let scheme = match scheme {
            Scheme::EcdsaP256Sha256 => rustls::SignatureScheme::ECDSA_NISTP256_SHA256,
            Scheme::EcdsaP384Sha384 => rustls::SignatureScheme::ECDSA_NISTP384_SHA384,
            Scheme::RsaPkcs1Sha256 => rustls::SignatureScheme::RSA_PKCS1_SHA256,
            Scheme::RsaPssSha256 => rustls::SignatureScheme::RSA_PSS_SHA256,
        };
        let signer = self.key.choose_scheme(&[scheme]).unwrap();
        Ok(signer.sign(message).unwrap())
    }
}
