//! PKCS#12 files: written, opened again, refused.

use proptest::prelude::*;
use tegata_pki::{
    key::{KeyAlgorithm, PrivateKey},
    pkcs12::{self, Pkcs12Error, Pkcs12Form},
};

use crate::sample::{Hierarchy, subscriber_name};

fn file(key: &PrivateKey, chain: &[&[u8]], name: &str) -> Vec<u8> {
    pkcs12::write(key, chain, name, "1234", Pkcs12Form::Modern, 1000)
        .unwrap()
        .to_vec()
}

#[test]
fn a_file_opens_with_its_key_its_chain_and_its_names() {
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P256] {
        let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
        let root = &hierarchy.root.certificate;
        let subscriber = hierarchy.subscriber(KeyAlgorithm::P256);
        let key = PrivateKey::generate(algorithm).unwrap();
        let name = subscriber_name().friendly_name();
        let der = file(&key, &[subscriber.certificate.der(), root.der()], &name);
        let opened = pkcs12::open(&der, "1234").unwrap();
        assert_eq!(opened.key.public_key(), key.public_key());
        assert_eq!(opened.chain, [subscriber.certificate.der(), root.der()]);
        assert_eq!(opened.key_friendly_name.as_deref(), Some(name.as_str()));
        assert_eq!(
            opened.certificate_friendly_name.as_deref(),
            Some(name.as_str())
        );
        let fingerprint = subscriber.certificate.fingerprint_sha1();
        assert_eq!(opened.local_key_id.as_deref(), Some(&fingerprint[..]));
        let provider = opened.provider_name.unwrap();
        assert_eq!(provider, "Microsoft Software Key Storage Provider");
    }
}

#[test]
fn a_wrong_password_and_every_damaged_octet_are_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let der = pkcs12::write(
        &key,
        &[b"certificate"],
        "name",
        "1234",
        Pkcs12Form::Modern,
        1,
    );
    let der = der.unwrap().to_vec();
    assert!(matches!(
        pkcs12::open(&der, "1235"),
        Err(Pkcs12Error::Password)
    ));
    for position in 0..der.len() {
        let mut damaged = der.clone();
        damaged[position] ^= 0x01;
        if let Ok(opened) = pkcs12::open(&damaged, "1234") {
            // The parameters NULL of the MAC's digest are the only octets that nothing protects.
            assert_eq!(opened.key.public_key(), key.public_key());
        }
    }
}

#[test]
fn a_hostile_iteration_count_is_refused_at_once() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let mut der = file(&key, &[b"certificate"], "name");
    // The file ends with the iteration count of the MAC: 1000 is 0x03e8.
    assert_eq!(der[der.len() - 4..], [0x02, 0x02, 0x03, 0xe8]);
    let length = der.len();
    der[length - 2] = 0xff;
    assert!(matches!(
        pkcs12::open(&der, "1234"),
        Err(Pkcs12Error::Malformed)
    ));
}

#[test]
fn two_files_of_one_key_share_no_salt() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let first = file(&key, &[b"certificate"], "name");
    let second = file(&key, &[b"certificate"], "name");
    let salt_of_mac = |der: &[u8]| der[der.len() - 20..der.len() - 4].to_vec();
    assert_ne!(salt_of_mac(&first), salt_of_mac(&second));
    assert_eq!(first[first.len() - 22..first.len() - 20], [0x04, 16]);
}

#[test]
fn an_empty_chain_and_no_iterations_are_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let write = |chain: &[&[u8]], iterations| {
        pkcs12::write(&key, chain, "name", "1234", Pkcs12Form::Modern, iterations).unwrap_err()
    };
    assert_eq!(write(&[], 1), Pkcs12Error::EmptyChain);
    assert_eq!(write(&[b"certificate"], 0), Pkcs12Error::Iterations);
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(pkcs12::open(&bytes, "1234").is_err());
    }
}
