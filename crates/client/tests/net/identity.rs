//! The terminal's certificate in the handshake, by what its key can do.

use std::sync::Arc;

use rustls::SignatureScheme;
use tegata_client::ports::{
    Http as _, HttpError, Identity, Request, Scheme, StoreError, TerminalKey,
};
use tegata_pki::key::{KeyAlgorithm, PublicKey};

use super::origin::Origin;
use super::pki::{Authority, LimitedKey, VALID};
use super::terminal::{direct, get};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn each_kind_of_key_proves_itself_in_the_newest_version_that_it_can() {
    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    let rsa = ca.subscriber(KeyAlgorithm::Rsa2048);
    let curve = ca.subscriber(KeyAlgorithm::P256);
    for (member, schemes, version, used) in [
        (
            &rsa,
            &[Scheme::RsaPssSha256, Scheme::RsaPkcs1Sha256][..],
            "TLSv1_3",
            SignatureScheme::RSA_PSS_SHA256,
        ),
        (
            &rsa,
            &[Scheme::RsaPkcs1Sha256], // as keys of CAPI
            "TLSv1_2",
            SignatureScheme::RSA_PKCS1_SHA256,
        ),
        (
            &curve,
            &[Scheme::EcdsaP256Sha256],
            "TLSv1_3",
            SignatureScheme::ECDSA_NISTP256_SHA256,
        ),
    ] {
        let request = Request {
            identity: Some(Identity {
                chain: vec![member.certificate.clone()],
                key: Arc::new(LimitedKey::new(&member.key, schemes)),
            }),
            ..get(origin.server())
        };
        assert_eq!(direct().send(&request, &ca.root).unwrap().status, 200);
        let seen = origin.seen().pop().unwrap();
        assert_eq!(seen.version, version);
        assert_eq!(seen.scheme, Some(used));
        assert_eq!(seen.certificate.as_ref(), Some(&member.certificate));
    }
    let without = direct().send(&get(origin.server()), &ca.root).unwrap();
    assert_eq!(without.status, 200);
    assert_eq!(origin.seen().pop().unwrap().certificate, None);
}

#[test]
fn a_key_that_does_not_sign_says_so_itself() {
    struct Declined(PublicKey);

    impl TerminalKey for Declined {
        fn public_key(&self) -> &PublicKey {
            &self.0
        }

        fn schemes(&self) -> Vec<Scheme> {
            vec![Scheme::EcdsaP256Sha256]
        }

        fn sign(&self, _: Scheme, _: &[u8]) -> Result<Vec<u8>, StoreError> {
            Err(StoreError::Declined)
        }
    }

    let ca = Authority::new("Sample");
    let origin = Origin::start(&ca.server("localhost", VALID), ANSWER);
    let member = ca.subscriber(KeyAlgorithm::P256);
    let request = Request {
        identity: Some(Identity {
            chain: vec![member.certificate.clone()],
            key: Arc::new(Declined(member.key.public_key().clone())),
        }),
        ..get(origin.server())
    };
    assert_eq!(
        direct().send(&request, &ca.root).unwrap_err(),
        HttpError::Key("the person declined".to_owned())
    );
    assert!(origin.seen().iter().all(|seen| seen.asked.is_empty()));
}
