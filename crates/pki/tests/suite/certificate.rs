//! Certificates of every profile: built, signed, read back.

use proptest::prelude::*;
use tegata_pki::{
    certificate::Certificate,
    key::{KeyAlgorithm, PrivateKey},
    profile::CertificateProfile,
    signer::{SignatureAlgorithm, Signer},
    tbs::{self, BuildError, IssueError, TbsParameters},
};

use crate::sample::{self, Hierarchy, NOT_AFTER, NOT_BEFORE};

#[test]
fn a_subscriber_certificate_says_what_was_asked() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::Rsa2048);
    let subscriber = hierarchy.subscriber(KeyAlgorithm::Rsa2048);
    let certificate = &subscriber.certificate;
    assert_eq!(certificate.subject(), &sample::subscriber_name());
    assert_eq!(certificate.issuer(), hierarchy.root.certificate.subject());
    assert_eq!(certificate.serial_16(), Some(sample::serial(3)));
    assert_eq!(
        (certificate.not_before(), certificate.not_after()),
        (NOT_BEFORE, NOT_AFTER)
    );
    assert_eq!(certificate.public_key(), subscriber.signer.public_key());
    assert!(certificate.has_client_auth() && !certificate.is_ca());
    assert_eq!(
        certificate.crl_distribution_points(),
        ["http://pki.example/crl/0.crl"]
    );
    assert_eq!(certificate.ocsp_urls(), ["http://pki.example/ocsp"]);
    assert!(certificate.is_signed_by(hierarchy.root.signer.public_key()));
    assert!(!certificate.is_signed_by(subscriber.signer.public_key()));
    assert_eq!(
        Certificate::from_pem(&certificate.pem()).unwrap(),
        *certificate
    );
}

#[test]
fn every_profile_is_issued_under_every_kind_of_key() {
    for algorithm in [
        KeyAlgorithm::Rsa2048,
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
    ] {
        let hierarchy = Hierarchy::new(algorithm);
        for member in [
            hierarchy.subordinate(),
            hierarchy.subscriber(KeyAlgorithm::P256),
            hierarchy.responder(),
        ] {
            assert!(
                member
                    .certificate
                    .is_signed_by(hierarchy.root.signer.public_key())
            );
        }
        let tls = hierarchy.tls_ca();
        let server = hierarchy.tls_server(&tls);
        assert!(server.certificate.has_server_auth());
        assert_eq!(server.certificate.dns_names(), ["cert.pki.example"]);
        assert!(server.certificate.is_signed_by(tls.signer.public_key()));
    }
}

#[test]
fn a_changed_octet_breaks_the_signature() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let mut der = hierarchy
        .subscriber(KeyAlgorithm::P256)
        .certificate
        .der()
        .to_vec();
    let key = hierarchy.root.signer.public_key();
    assert!(tbs::verify_signature(&der, key));
    der[40] ^= 1;
    assert!(!tbs::verify_signature(&der, key));
}

#[test]
fn a_signer_with_another_algorithm_is_refused() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let subscriber = hierarchy.subscriber(KeyAlgorithm::P256);
    let other = sample::signer(KeyAlgorithm::P384);
    let refused = tbs::sign_tbs(subscriber.certificate.tbs_der(), &other);
    assert_eq!(refused.unwrap_err(), IssueError::Algorithm);
}

#[test]
fn a_signer_that_makes_a_faulty_signature_issues_nothing() {
    struct Faulty<'a>(&'a dyn Signer);
    impl Signer for Faulty<'_> {
        fn public_key(&self) -> &tegata_pki::key::PublicKey {
            self.0.public_key()
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, tegata_pki::signer::SignError> {
            let mut signature = self.0.sign(message)?;
            signature[100] ^= 4;
            Ok(signature)
        }
        fn sign_digest(
            &self,
            digest: &tegata_pki::digest::MessageDigest,
        ) -> Result<Vec<u8>, tegata_pki::signer::SignError> {
            self.0.sign_digest(digest)
        }
    }
    let hierarchy = Hierarchy::new(KeyAlgorithm::Rsa2048);
    let subscriber = hierarchy.subscriber(KeyAlgorithm::P256);
    let refused = tbs::issue(
        subscriber.certificate.tbs_der(),
        &Faulty(&hierarchy.root.signer),
    );
    assert_eq!(refused.unwrap_err(), IssueError::Verify);
}

#[test]
fn what_cannot_stand_in_a_certificate_is_not_built() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let name = sample::subscriber_name();
    let issuer_name = sample::ca_name("Sample Root");
    let issuer = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let profile = CertificateProfile::Subscriber(sample::subscriber_profile());
    let good = || TbsParameters {
        serial: sample::serial(9),
        issuer: &issuer_name,
        issuer_key: issuer.public_key(),
        signature_algorithm: SignatureAlgorithm::EcdsaSha256,
        subject: &name,
        subject_key: key.public_key(),
        not_before: NOT_BEFORE,
        not_after: NOT_AFTER,
        profile: &profile,
    };
    let refusal = |parameters: TbsParameters<'_>| tbs::build_tbs(&parameters).unwrap_err();
    assert!(tbs::build_tbs(&good()).is_ok());
    assert_eq!(
        refusal(TbsParameters {
            serial: [0; 16],
            ..good()
        }),
        BuildError::SerialZero
    );
    assert_eq!(
        refusal(TbsParameters {
            not_after: NOT_BEFORE - 1,
            ..good()
        }),
        BuildError::Validity
    );
    assert_eq!(
        refusal(TbsParameters {
            issuer_key: key.public_key(),
            ..good()
        }),
        BuildError::SelfSigned
    );
    assert_eq!(
        refusal(TbsParameters {
            issuer: &name,
            ..good()
        }),
        BuildError::SelfSigned
    );
    let wrong = SignatureAlgorithm::RsaSha256;
    assert_eq!(
        refusal(TbsParameters {
            signature_algorithm: wrong,
            ..good()
        }),
        BuildError::SignatureAlgorithm(wrong)
    );
}

#[test]
fn a_serial_number_with_the_top_bit_set_stays_positive() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let mut serial = sample::serial(7);
    serial[0] = 0xff;
    let member = hierarchy.subscriber_with_serial(serial);
    assert_eq!(member.certificate.serial_16(), Some(serial));
    assert_eq!(member.certificate.serial().len(), 16);
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Certificate::from_der(&bytes).is_err());
    }
}

#[test]
fn every_damaged_octet_is_read_or_refused_without_panic() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let der = hierarchy
        .subscriber(KeyAlgorithm::P256)
        .certificate
        .der()
        .to_vec();
    for position in 0..der.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[position] ^= flip;
            if let Ok(certificate) = Certificate::from_der(&damaged) {
                let _ = certificate.crl_distribution_points();
                let _ = certificate.ocsp_urls();
                assert!(!certificate.is_signed_by(hierarchy.root.signer.public_key()));
            }
        }
    }
}
