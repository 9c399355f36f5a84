//! OCSP: requests and responses between our responder and our relying system.

use proptest::prelude::*;
use tegata_pki::{
    crl::ReasonCode,
    key::KeyAlgorithm,
    ocsp::{
        CertStatus, ErrorStatus, HashAlgorithm, IssuerIds, MOST_CERT_IDS, OcspError, OcspRequest,
        OcspResponse, OcspResponseBuilder,
    },
    signer::Signer,
};

use crate::sample::{Hierarchy, Member, NOT_BEFORE, serial};

const NOW: i64 = NOT_BEFORE + 86_400;
const NONCE: [u8; 32] = [0x4e; 32];

struct Scene {
    hierarchy: Hierarchy,
    responder: Member,
    subscriber: Member,
    ids: IssuerIds,
}

fn scene() -> Scene {
    let hierarchy = Hierarchy::new(KeyAlgorithm::P256);
    let root = &hierarchy.root.certificate;
    let ids = IssuerIds::of(root.subject(), root.public_key());
    let responder = hierarchy.responder();
    let subscriber = hierarchy.subscriber(KeyAlgorithm::P256);
    Scene {
        hierarchy,
        responder,
        subscriber,
        ids,
    }
}

impl Scene {
    fn request(&self) -> OcspRequest {
        let root = &self.hierarchy.root.certificate;
        let der = OcspRequest::for_certificate(&self.subscriber.certificate, root, Some(&NONCE));
        OcspRequest::parse(&der).unwrap()
    }

    fn respond(&self, status: CertStatus) -> Vec<u8> {
        let request = self.request();
        assert!(self.ids.matches(&request.cert_ids()[0]));
        OcspResponseBuilder::new(NOW)
            .single(&request.cert_ids()[0], status, NOW, NOW + 43_200)
            .unwrap()
            .nonce(request.nonce_to_echo())
            .responder_certificate(&self.responder.certificate)
            .sign(&self.responder.signer)
            .unwrap()
    }

    fn ask(&self, response: &[u8], at: i64) -> Result<Option<CertStatus>, OcspError> {
        let root = &self.hierarchy.root.certificate;
        let response = OcspResponse::parse(response)?;
        response.verify(root, at, Some(&NONCE))?;
        Ok(response.status_of(&self.subscriber.certificate, root, at))
    }
}

#[test]
fn every_status_arrives_as_sent() {
    let scene = scene();
    let held = CertStatus::Revoked {
        at: NOW - 5,
        reason: Some(ReasonCode::CertificateHold),
    };
    let revoked = CertStatus::Revoked {
        at: NOW - 5,
        reason: None,
    };
    for status in [CertStatus::Good, held, revoked, CertStatus::Unknown] {
        assert_eq!(scene.ask(&scene.respond(status), NOW), Ok(Some(status)));
    }
}

#[test]
fn an_old_status_is_no_status() {
    let scene = scene();
    let response = scene.respond(CertStatus::Good);
    assert_eq!(
        scene.ask(&response, NOW + 43_200 + 300),
        Ok(Some(CertStatus::Good))
    );
    assert_eq!(scene.ask(&response, NOW + 43_200 + 301), Ok(None));
    assert_eq!(scene.ask(&response, NOW - 301), Ok(None));
}

#[test]
fn a_responder_without_the_purpose_is_not_believed() {
    let scene = scene();
    let root = &scene.hierarchy.root.certificate;
    let request = scene.request();
    let response = OcspResponseBuilder::new(NOW)
        .single(&request.cert_ids()[0], CertStatus::Good, NOW, NOW + 60)
        .unwrap()
        .responder_certificate(&scene.subscriber.certificate)
        .sign(&scene.subscriber.signer)
        .unwrap();
    let response = OcspResponse::parse(&response).unwrap();
    assert_eq!(response.verify(root, NOW, None), Err(OcspError::Responder));
}

#[test]
fn a_responder_of_another_ca_is_not_believed() {
    let scene = scene();
    let other = Hierarchy::new(KeyAlgorithm::P256);
    let response = OcspResponse::parse(&scene.respond(CertStatus::Good)).unwrap();
    let refused = response.verify(&other.root.certificate, NOW, None);
    assert_eq!(refused, Err(OcspError::Responder));
}

#[test]
fn a_responder_is_not_believed_outside_its_validity() {
    let scene = scene();
    let response = OcspResponse::parse(&scene.respond(CertStatus::Good)).unwrap();
    let root = &scene.hierarchy.root.certificate;
    let end = scene.responder.certificate.not_after();
    assert_eq!(response.verify(root, end, None), Ok(()));
    assert_eq!(
        response.verify(root, end + 1, None),
        Err(OcspError::Responder)
    );
}

#[test]
fn the_ca_itself_may_answer() {
    let scene = scene();
    let root = &scene.hierarchy.root;
    let cert_id = scene.ids.cert_id(HashAlgorithm::Sha1, &serial(3));
    let response = OcspResponseBuilder::new(NOW)
        .single(&cert_id, CertStatus::Good, NOW, NOW + 60)
        .unwrap()
        .sign(&root.signer)
        .unwrap();
    let response = OcspResponse::parse(&response).unwrap();
    assert_eq!(response.verify(&root.certificate, NOW, None), Ok(()));
    let status = response.status_of(&scene.subscriber.certificate, &root.certificate, NOW);
    assert_eq!(status, Some(CertStatus::Good));
}

#[test]
fn another_nonce_is_refused() {
    let scene = scene();
    let response = OcspResponse::parse(&scene.respond(CertStatus::Good)).unwrap();
    let root = &scene.hierarchy.root.certificate;
    assert_eq!(
        response.verify(root, NOW, Some(&[1; 32])),
        Err(OcspError::Nonce)
    );
}

#[test]
fn nonces_of_1_to_128_octets_are_read_and_of_16_to_32_repeated() {
    let scene = scene();
    let cert_id = scene.ids.cert_id(HashAlgorithm::Sha256, &serial(3));
    for (length, read, repeated) in [
        (0, false, false),
        (1, true, false),
        (15, true, false),
        (16, true, true),
        (32, true, true),
        (33, true, false),
        (128, true, false),
        (129, false, false),
    ] {
        let der = OcspRequest::for_cert_id(&cert_id, Some(&vec![7; length]));
        let request = OcspRequest::parse(&der);
        assert_eq!(request.is_ok(), read, "{length}");
        let echo = request.is_ok_and(|request| request.nonce_to_echo().is_some());
        assert_eq!(echo, repeated, "{length}");
    }
}

#[test]
fn a_request_names_its_issuer_by_name_and_key() {
    let scene = scene();
    let root = &scene.hierarchy.root.certificate;
    let other = Hierarchy::new(KeyAlgorithm::P256);
    let same_name = IssuerIds::of(root.subject(), other.root.signer.public_key());
    for algorithm in [HashAlgorithm::Sha1, HashAlgorithm::Sha256] {
        let cert_id = scene.ids.cert_id(algorithm, &serial(3));
        assert!(scene.ids.matches(&cert_id));
        assert!(!same_name.matches(&cert_id));
        assert_eq!(cert_id.serial_16(), Some(serial(3)));
    }
}

#[test]
fn more_than_eight_certificates_are_refused() {
    let scene = scene();
    let one = scene.ids.cert_id(HashAlgorithm::Sha1, &serial(3));
    let request = OcspRequest::for_cert_id(&one, None);
    // The headers of request, tbsRequest and requestList have two octets each.
    let single = &request[6..];
    assert_eq!(usize::from(request[5]), single.len());
    let wrap = |content: Vec<u8>| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[0x30, 0x82], &length[..], &content].concat()
    };
    let of_singles = |count: usize| wrap(wrap(wrap(single.repeat(count))));
    let eight = OcspRequest::parse(&of_singles(MOST_CERT_IDS)).unwrap();
    assert_eq!(eight.cert_ids().len(), MOST_CERT_IDS);
    assert!(OcspRequest::parse(&of_singles(MOST_CERT_IDS + 1)).is_err());
}

#[test]
fn answers_without_a_status_are_named() {
    for status in [
        ErrorStatus::MalformedRequest,
        ErrorStatus::InternalError,
        ErrorStatus::TryLater,
        ErrorStatus::Unauthorized,
    ] {
        let refused = OcspResponse::parse(&status.to_der()).unwrap_err();
        assert_eq!(refused, OcspError::Refused(status));
    }
}

#[test]
fn every_damaged_octet_is_refused_or_changes_nothing() {
    let scene = scene();
    let response = scene.respond(CertStatus::Good);
    for position in 0..response.len() {
        let mut damaged = response.clone();
        damaged[position] ^= 0x01;
        // Octets of the enclosed certificate that are not needed may differ; the answer may not.
        if let Ok(status) = scene.ask(&damaged, NOW) {
            assert_eq!(status, Some(CertStatus::Good), "octet {position}");
        }
    }
}

proptest! {
    #[test]
    fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(OcspRequest::parse(&bytes).is_err());
        prop_assert!(OcspResponse::parse(&bytes).is_err());
    }

    #[test]
    fn damaged_requests_do_not_panic(position in 0_usize..110, flip in 1_u8..) {
        let scene_request = sample_request();
        let mut damaged = scene_request;
        let position = position % damaged.len();
        damaged[position] ^= flip;
        let _ = OcspRequest::parse(&damaged);
    }
}

fn sample_request() -> Vec<u8> {
    let signer = crate::sample::signer(KeyAlgorithm::P256);
    let ids = IssuerIds::of(&crate::sample::subscriber_name(), signer.public_key());
    OcspRequest::for_cert_id(&ids.cert_id(HashAlgorithm::Sha1, &serial(3)), Some(&NONCE))
}
