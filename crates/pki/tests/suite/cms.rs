//! Certificates in an envelope that nobody signed: what is written is read back, and nothing else is.

use proptest::prelude::*;
use tegata_pki::{
    cms::{self, CmsError},
    key::KeyAlgorithm,
};

use crate::sample::{self, Hierarchy};

#[test]
fn an_envelope_gives_its_certificates_back() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let leaf = hierarchy.subscriber(KeyAlgorithm::P256).certificate;
    let root = hierarchy.root.certificate.clone();
    for inside in [vec![], vec![leaf.clone()], vec![leaf, root]] {
        let der = cms::certificates_only(&inside);
        let mut read = cms::read_certificates_only(&der).unwrap();
        // A SET OF has no order.
        read.sort_by_key(|one| inside.iter().position(|other| other == one));
        assert_eq!(read, inside);
    }
}

#[test]
fn a_signed_document_is_no_envelope_of_certificates() {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let signer = sample::document_signer(&hierarchy.root);
    let chain = [signer.certificate.clone()];
    let signed = cms::sign_detached(b"x", &signer.signer, &chain, sample::NOT_BEFORE).unwrap();
    let refused = cms::read_certificates_only(&signed).unwrap_err();
    assert_eq!(refused, CmsError::Malformed);
}

#[test]
fn an_envelope_of_very_many_certificates_is_not_read() {
    let leaf = Hierarchy::new(KeyAlgorithm::P256).root.certificate;
    let read =
        |count| cms::read_certificates_only(&cms::certificates_only(&vec![leaf.clone(); count]));
    assert_eq!(read(16).unwrap().len(), 16);
    assert_eq!(read(17).unwrap_err(), CmsError::Malformed);
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(cms::read_certificates_only(&bytes).is_err());
    }
}
