//! PKCS#12 files: written, opened again, refused.

use proptest::prelude::*;
use tegata_pki::{
    key::{KeyAlgorithm, PrivateKey},
    pkcs12::{self, Pkcs12Error, Pkcs12Form},
};

use crate::sample::{Hierarchy, subscriber_name};

const FORMS: [Pkcs12Form; 2] = [Pkcs12Form::Legacy, Pkcs12Form::Modern];

fn file(key: &PrivateKey, chain: &[&[u8]], name: &str, form: Pkcs12Form) -> Vec<u8> {
    pkcs12::write(key, chain, name, "1234", form, 1000)
        .unwrap()
        .to_vec()
}

#[test]
fn a_file_of_either_form_opens_with_its_key_its_chain_and_its_names() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let root = &hierarchy.root.certificate;
    let subscriber = hierarchy.subscriber(KeyAlgorithm::P256);
    let name = subscriber_name().friendly_name();
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::P256] {
        let key = PrivateKey::generate(algorithm).unwrap();
        for form in FORMS {
            let chain = [subscriber.certificate.der(), root.der()];
            let der = file(&key, &chain, &name, form);
            let opened = pkcs12::open(&der, "1234").unwrap();
            assert_eq!(opened.key.public_key(), key.public_key());
            assert_eq!(opened.chain, chain);
            assert_eq!(opened.key_friendly_name.as_deref(), Some(name.as_str()));
            assert_eq!(
                opened.certificate_friendly_name.as_deref(),
                Some(name.as_str())
            );
            let fingerprint = subscriber.certificate.fingerprint_sha1();
            assert_eq!(opened.local_key_id.as_deref(), Some(&fingerprint[..]));
            let provider = match form {
                Pkcs12Form::Legacy => "Microsoft Enhanced RSA and AES Cryptographic Provider",
                Pkcs12Form::Modern => "Microsoft Software Key Storage Provider",
            };
            assert_eq!(opened.provider_name.as_deref(), Some(provider));
        }
    }
}

#[test]
fn each_form_names_only_its_own_algorithms() {
    // DER of 1.2.840.113549.1.12.1.3, 1.3.14.3.2.26, 1.2.840.113549.1.5.13 and
    // 2.16.840.1.101.3.4.2.1.
    let triple_des: &[u8] = &[6, 10, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 1, 3];
    let sha1: &[u8] = &[6, 5, 0x2b, 14, 3, 2, 26];
    let pbes2: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13];
    let sha256: &[u8] = &[6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let counts = |form| {
        let der = file(&key, &[b"certificate"], "name", form);
        [triple_des, sha1, pbes2, sha256]
            .map(|oid| der.windows(oid.len()).filter(|part| *part == oid).count())
    };
    assert_eq!(counts(Pkcs12Form::Legacy), [2, 1, 0, 0]);
    assert_eq!(counts(Pkcs12Form::Modern), [0, 0, 2, 1]);
}

#[test]
fn a_wrong_password_and_every_damaged_octet_are_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    for form in FORMS {
        let der = pkcs12::write(&key, &[b"certificate"], "name", "1234", form, 1);
        let der = der.unwrap().to_vec();
        assert!(matches!(
            pkcs12::open(&der, "1235"),
            Err(Pkcs12Error::Password)
        ));
        for position in 0..der.len() {
            let mut damaged = der.clone();
            damaged[position] ^= 0x01;
            if let Ok(opened) = pkcs12::open(&damaged, "1234") {
                // The parameters NULL of the MAC's digest are the only octets that nothing
                // protects.
                assert_eq!(opened.key.public_key(), key.public_key());
            }
        }
    }
}

#[test]
fn passwords_beyond_ascii_and_empty_ones_open_the_old_form() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    for password in ["", "暗証番号", "𠮷野家"] {
        let der = pkcs12::write(&key, &[b"c"], "name", password, Pkcs12Form::Legacy, 2).unwrap();
        let opened = pkcs12::open(&der, password).unwrap();
        assert_eq!(opened.key.public_key(), key.public_key());
    }
}

#[test]
fn a_hostile_iteration_count_is_refused_at_once() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    for form in FORMS {
        let mut der = file(&key, &[b"certificate"], "name", form);
        // The file ends with the iteration count of the MAC: 1000 is 0x03e8.
        assert_eq!(der[der.len() - 4..], [0x02, 0x02, 0x03, 0xe8]);
        let length = der.len();
        der[length - 2] = 0xff;
        assert!(matches!(
            pkcs12::open(&der, "1234"),
            Err(Pkcs12Error::Malformed)
        ));
    }
}

#[test]
fn two_files_of_one_key_share_no_salt() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    for form in FORMS {
        let first = file(&key, &[b"certificate"], "name", form);
        let second = file(&key, &[b"certificate"], "name", form);
        let salt_of_mac = |der: &[u8]| der[der.len() - 20..der.len() - 4].to_vec();
        assert_ne!(salt_of_mac(&first), salt_of_mac(&second));
        assert_eq!(first[first.len() - 22..first.len() - 20], [0x04, 16]);
    }
}

#[test]
fn the_three_layers_of_the_old_form_share_no_salt() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let der = file(&key, &[b"certificate"], "name", Pkcs12Form::Legacy);
    // Each salt is an OCTET STRING of 16 octets before the INTEGER 1000.
    let count: &[u8] = &[0x02, 0x02, 0x03, 0xe8];
    let mut salts: Vec<&[u8]> = der
        .windows(22)
        .filter(|part| part.starts_with(&[0x04, 16]) && part.ends_with(count))
        .map(|part| &part[2..18])
        .collect();
    assert_eq!(salts.len(), 3);
    salts.sort_unstable();
    salts.dedup();
    assert_eq!(salts.len(), 3);
}

#[test]
fn an_empty_chain_and_no_iterations_are_refused() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    for form in FORMS {
        let write = |chain: &[&[u8]], iterations| {
            pkcs12::write(&key, chain, "name", "1234", form, iterations).unwrap_err()
        };
        assert_eq!(write(&[], 1), Pkcs12Error::EmptyChain);
        assert_eq!(write(&[b"certificate"], 0), Pkcs12Error::Iterations);
    }
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(pkcs12::open(&bytes, "1234").is_err());
    }
}
