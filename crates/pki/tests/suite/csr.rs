//! Certification requests: only a key that its holder proves to hold is taken.

use proptest::prelude::*;
use tegata_pki::{
    csr::{CertificationRequest, CsrError, LONGEST_REQUEST, wanted_attributes},
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
fn the_wanted_attributes_name_key_and_signature() {
    // SEQUENCE { SEQUENCE { rsaEncryption, SET { 2048 } }, sha256WithRSAEncryption }
    let rsa = wanted_attributes(KeyAlgorithm::Rsa2048);
    assert_eq!(
        hex(&rsa),
        "301e301106092a864886f70d010101310402020800\
         06092a864886f70d01010b"
    );
    let p256 = wanted_attributes(KeyAlgorithm::P256);
    assert_eq!(
        hex(&p256),
        "3021301506072a8648ce3d0201310a06082a8648ce3d030107\
         06082a8648ce3d040302"
    );
}

#[test]
fn a_key_stands_for_its_kind_and_rsa_for_shorter_rsa() {
    use KeyAlgorithm::{P256, P384, Rsa2048, Rsa3072, Rsa4096};
    let all = [P256, P384, Rsa2048, Rsa3072, Rsa4096];
    for (wanted, fitting) in [
        (P256, vec![P256]),
        (P384, vec![P384]),
        (Rsa2048, vec![Rsa2048, Rsa3072, Rsa4096]),
        (Rsa3072, vec![Rsa3072, Rsa4096]),
        (Rsa4096, vec![Rsa4096]),
    ] {
        let found: Vec<_> = all
            .into_iter()
            .filter(|key| key.satisfies(wanted))
            .collect();
        assert_eq!(found, fitting, "{wanted}");
    }
}

#[test]
fn a_huge_request_is_not_read() {
    let refused = CertificationRequest::from_der(&vec![0x30; LONGEST_REQUEST + 1]).unwrap_err();
    assert_eq!(refused, CsrError::TooLong(LONGEST_REQUEST + 1));
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(CertificationRequest::from_der(&bytes).is_err());
    }
}
