//! What other implementations wrote, read by this crate; origins stand in `tests/vectors/README.md`.

use tegata_pki::{
    certificate::Certificate,
    crl::{Crl, ReasonCode},
    csr::CertificationRequest,
    key::KeyAlgorithm,
    lint,
    ocsp::{CertStatus, IssuerIds, OcspRequest, OcspResponse},
    pkcs12, soft,
};

const MADE_AT: i64 = 1_795_435_178;
const REVOKED_AT: i64 = 1_798_848_000;

fn ca() -> Certificate {
    Certificate::from_pem(include_str!("../vectors/openssl/ca.pem")).unwrap()
}

fn leaf() -> Certificate {
    Certificate::from_pem(include_str!("../vectors/openssl/leaf.pem")).unwrap()
}

#[test]
fn certificates_of_openssl_are_read() {
    let (ca, leaf) = (ca(), leaf());
    assert!(ca.is_ca() && ca.is_signed_by(ca.public_key()));
    assert!(leaf.has_client_auth() && leaf.is_signed_by(ca.public_key()));
    assert_eq!(ca.public_key().algorithm(), KeyAlgorithm::Rsa2048);
    assert_eq!(ca.public_key().check_strength(), Ok(()));
    let subject = leaf.subject().to_string();
    assert_eq!(
        subject,
        "CN=0110119153,OU=medical,OU=hokkaido,O=Example,C=JP"
    );
    assert_eq!(leaf.not_before(), MADE_AT);
    assert_eq!(leaf.serial_16().unwrap()[..2], [0x5a, 0x5b]);
    assert_eq!(leaf.crl_distribution_points(), ["http://pki.example/0.crl"]);
    assert_eq!(leaf.ocsp_urls(), ["http://pki.example/ocsp"]);
    assert_eq!(
        leaf.authority_key_identifier().unwrap(),
        ca.public_key().key_identifier()
    );
    assert_eq!(leaf.fingerprint_sha256()[..4], [0xb3, 0x36, 0x8b, 0x9f]);
}

#[test]
fn a_certificate_without_a_policy_is_the_only_objection_to_the_leaf() {
    let rules: Vec<_> = lint::lint_tbs(leaf().tbs_der())
        .into_iter()
        .map(|finding| finding.rule)
        .collect();
    assert_eq!(rules, ["subscriber_has_a_policy"]);
}

#[test]
fn a_request_of_openssl_gives_the_key_of_the_leaf() {
    let der = include_bytes!("../vectors/openssl/request.csr");
    let request = CertificationRequest::from_der(der).unwrap();
    assert_eq!(request.public_key(), leaf().public_key());
    assert_eq!(&request.subject().unwrap(), leaf().subject());
}

#[test]
fn a_list_of_openssl_names_the_leaf() {
    let crl = Crl::parse(include_bytes!("../vectors/openssl/list.crl")).unwrap();
    assert!(crl.verify(ca().public_key()));
    assert_eq!(crl.issuer(), ca().subject());
    assert_eq!(crl.number(), Some(0x1267));
    assert_eq!(
        crl.issuing_distribution_point(),
        Some("http://pki.example/0.crl")
    );
    let entry = crl.find(leaf().serial()).unwrap();
    assert_eq!(entry.revoked_at, REVOKED_AT);
    assert_eq!(entry.reason, Some(ReasonCode::KeyCompromise));
    assert_eq!(crl.entries().count(), 1);
}

#[test]
fn an_answer_of_openssl_is_believed() {
    let (ca, leaf) = (ca(), leaf());
    let request = OcspRequest::parse(include_bytes!("../vectors/openssl/request.ocsp")).unwrap();
    assert!(IssuerIds::of(ca.subject(), ca.public_key()).matches(&request.cert_ids()[0]));
    assert_eq!(request.cert_ids()[0].serial(), leaf.serial());
    assert_eq!(request.nonce().map(<[u8]>::len), Some(16));
    let response = include_bytes!("../vectors/openssl/response.ocsp");
    let response = OcspResponse::parse(response).unwrap();
    let at = response.produced_at();
    assert_eq!(response.verify(&ca, at, request.nonce()), Ok(()));
    let expected = CertStatus::Revoked {
        at: REVOKED_AT,
        reason: Some(ReasonCode::KeyCompromise),
    };
    assert_eq!(response.status_of(&leaf, &ca, at), Some(expected));
}

#[test]
fn files_of_openssl_open() {
    let file = include_bytes!("../vectors/openssl/file.p12");
    let opened = pkcs12::open(file, "1234").unwrap();
    assert_eq!(opened.key.public_key(), leaf().public_key());
    assert_eq!(opened.chain, [leaf().der(), ca().der()]);
    assert_eq!(opened.key_friendly_name.as_deref(), Some("cn=0110119153"));
    assert_eq!(
        opened.certificate_friendly_name.as_deref(),
        Some("cn=0110119153")
    );
    assert_eq!(opened.local_key_id.unwrap(), leaf().fingerprint_sha1());
    let key = include_str!("../vectors/openssl/key.pem");
    let key = soft::open_key_file(key, b"passphrase").unwrap();
    assert_eq!(key.public_key(), leaf().public_key());
}

#[test]
fn a_file_of_the_old_form_of_openssl_opens() {
    let file = include_bytes!("../vectors/openssl/file-old.p12");
    let opened = pkcs12::open(file, "1234").unwrap();
    assert_eq!(opened.key.public_key(), leaf().public_key());
    assert_eq!(opened.chain, [leaf().der(), ca().der()]);
    assert_eq!(opened.key_friendly_name.as_deref(), Some("cn=0110119153"));
    assert_eq!(opened.local_key_id.unwrap(), leaf().fingerprint_sha1());
    assert_eq!(
        opened.provider_name.as_deref(),
        Some("Microsoft Enhanced RSA and AES Cryptographic Provider")
    );
    let refused = pkcs12::open(file, "1235").err();
    assert_eq!(refused, Some(pkcs12::Pkcs12Error::Password));
}
