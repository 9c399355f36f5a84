//! Certification requests: only a key that its holder proves to hold is taken.

use proptest::prelude::*;
use tegata_pki::{
    csr::{CertificationRequest, CsrError, LONGEST_REQUEST},
    key::KeyAlgorithm,
    signer::Signer,
};

use crate::sample;

#[test]
fn a_request_gives_its_key() {
    for algorithm in [
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
        KeyAlgorithm::Rsa2048,
    ] {
        let signer = sample::signer(algorithm);
        let der = CertificationRequest::create(&sample::subscriber_name(), &signer).unwrap();
        let request = CertificationRequest::from_der(&der).unwrap();
        assert_eq!(request.public_key(), signer.public_key());
        assert_eq!(request.subject().unwrap(), sample::subscriber_name());
    }
}

#[test]
fn every_damaged_octet_is_refused() {
    let signer = sample::signer(KeyAlgorithm::P256);
    let der = CertificationRequest::create(&sample::subscriber_name(), &signer).unwrap();
    for position in 0..der.len() {
        let mut damaged = der.clone();
        damaged[position] ^= 0x01;
        assert!(
            CertificationRequest::from_der(&damaged).is_err(),
            "octet {position}"
        );
    }
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let signer = sample::signer(KeyAlgorithm::P256);
    let der = CertificationRequest::create(&sample::subscriber_name(), &signer).unwrap();
    let other = sample::signer(KeyAlgorithm::P256);
    let key = signer.public_key().spki_der();
    let start = der
        .windows(key.len())
        .position(|window| window == key)
        .unwrap();
    let mut swapped = der;
    swapped[start..start + key.len()].copy_from_slice(other.public_key().spki_der());
    let refused = CertificationRequest::from_der(&swapped).unwrap_err();
    assert_eq!(refused, CsrError::ProofOfPossession);
}

#[test]
fn a_huge_request_is_not_read() {
    let refused = CertificationRequest::from_der(&vec![0x30; LONGEST_REQUEST + 1]).unwrap_err();
    assert_eq!(refused, CsrError::TooLong(LONGEST_REQUEST + 1));
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(CertificationRequest::from_der(&bytes).is_err());
    }
}
