//! Revocation lists: written, read back, believed or not.

use proptest::prelude::*;
use tegata_pki::{
    crl::{Crl, CrlEntry, CrlError, CrlWriter, ReasonCode},
    key::KeyAlgorithm,
    signer::Signer,
    soft::SoftSigner,
};

use crate::sample::{self, NOT_BEFORE, ca_name, serial};

const SHARD: &str = "http://pki.example/crl/0.crl";

fn writer(signer: &SoftSigner, shard: Option<&str>) -> CrlWriter {
    let name = ca_name("Sample Root");
    CrlWriter::new(
        &name,
        signer.public_key(),
        4711,
        NOT_BEFORE,
        NOT_BEFORE + 72 * 3600,
        shard,
    )
    .unwrap()
}

#[test]
fn a_list_reads_back_as_written() {
    for algorithm in [
        KeyAlgorithm::P256,
        KeyAlgorithm::P384,
        KeyAlgorithm::Rsa2048,
    ] {
        let signer = sample::signer(algorithm);
        let mut list = writer(&signer, Some(SHARD));
        list.push(
            &serial(1),
            NOT_BEFORE - 9,
            Some(ReasonCode::CertificateHold),
        )
        .unwrap();
        list.push(&serial(2), NOT_BEFORE - 8, None).unwrap();
        let crl = Crl::parse(&list.finish(&signer).unwrap()).unwrap();
        assert!(crl.verify(signer.public_key()));
        assert_eq!(crl.issuer(), &ca_name("Sample Root"));
        assert_eq!(crl.number(), Some(4711));
        assert_eq!(crl.this_update(), NOT_BEFORE);
        assert_eq!(crl.next_update(), NOT_BEFORE + 72 * 3600);
        assert_eq!(crl.issuing_distribution_point(), Some(SHARD));
        assert_eq!(
            crl.authority_key_identifier(),
            Some(signer.public_key().key_identifier().as_slice())
        );
        let held = CrlEntry {
            serial: &serial(1),
            revoked_at: NOT_BEFORE - 9,
            reason: Some(ReasonCode::CertificateHold),
        };
        let revoked = CrlEntry {
            serial: &serial(2),
            revoked_at: NOT_BEFORE - 8,
            reason: None,
        };
        assert_eq!(crl.entries().collect::<Vec<_>>(), [held, revoked]);
        assert_eq!(crl.find(&serial(2)), Some(revoked));
        assert_eq!(crl.find(&serial(3)), None);
    }
}

#[test]
fn an_empty_complete_list_has_neither_entries_nor_a_distribution_point() {
    let signer = sample::signer(KeyAlgorithm::P256);
    let crl = Crl::parse(&writer(&signer, None).finish(&signer).unwrap()).unwrap();
    assert!(crl.verify(signer.public_key()));
    assert_eq!(crl.entries().count(), 0);
    assert_eq!(crl.issuing_distribution_point(), None);
    assert!(crl.is_current_at(NOT_BEFORE) && !crl.is_current_at(NOT_BEFORE - 1));
    assert!(crl.is_current_at(crl.next_update()) && !crl.is_current_at(crl.next_update() + 1));
}

#[test]
fn the_reason_unspecified_is_left_out() {
    let signer = sample::signer(KeyAlgorithm::P256);
    let length = |reason| {
        let mut list = writer(&signer, None);
        list.push(&serial(1), NOT_BEFORE, reason).unwrap();
        Crl::parse(&list.finish(&signer).unwrap())
            .unwrap()
            .entries()
            .next()
            .unwrap()
            .reason
    };
    assert_eq!(length(Some(ReasonCode::Unspecified)), None);
    assert_eq!(
        length(Some(ReasonCode::KeyCompromise)),
        Some(ReasonCode::KeyCompromise)
    );
}

#[test]
fn a_refused_entry_leaves_no_trace() {
    let signer = sample::signer(KeyAlgorithm::P256);
    let mut list = writer(&signer, None);
    assert!(matches!(
        list.push(&serial(1), -1, None),
        Err(CrlError::Time(_))
    ));
    list.push(&serial(2), NOT_BEFORE, None).unwrap();
    let crl = Crl::parse(&list.finish(&signer).unwrap()).unwrap();
    assert_eq!(crl.entries().count(), 1);
}

#[test]
fn another_signer_cannot_finish_the_list() {
    let signer = sample::signer(KeyAlgorithm::P256);
    let other = sample::signer(KeyAlgorithm::P256);
    assert_eq!(
        writer(&signer, None).finish(&other).unwrap_err(),
        CrlError::Signer
    );
}

#[test]
fn a_long_list_has_the_right_lengths() {
    let signer = sample::signer(KeyAlgorithm::P256);
    for count in [1_u32, 3, 5, 6, 1300, 1400, 3000] {
        let mut list = writer(&signer, None);
        for number in 0..count {
            let mut serial = serial(0);
            serial[12..].copy_from_slice(&number.to_be_bytes());
            list.push(&serial, NOT_BEFORE, Some(ReasonCode::Superseded))
                .unwrap();
        }
        let crl = Crl::parse(&list.finish(&signer).unwrap()).unwrap();
        assert!(crl.verify(signer.public_key()));
        assert_eq!(crl.entries().count(), usize::try_from(count).unwrap());
    }
}

#[test]
fn every_damaged_octet_is_refused_or_does_not_verify() {
    let signer = sample::signer(KeyAlgorithm::P256);
    let mut list = writer(&signer, Some(SHARD));
    list.push(&serial(1), NOT_BEFORE, Some(ReasonCode::Superseded))
        .unwrap();
    let der = list.finish(&signer).unwrap();
    for position in 0..der.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[position] ^= flip;
            assert!(!Crl::parse(&damaged).is_ok_and(|crl| crl.verify(signer.public_key())));
        }
    }
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Crl::parse(&bytes).is_err());
    }
}
