//! EST (RFC 7030, RFC 8951): what other programs meet below `/.well-known/est`.

use axum::body::Body;
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tegata_domain::policy::SecondFactor;
use tegata_pki::certificate::Certificate;
use tegata_pki::cms::read_certificates_only;
use tegata_pki::csr::{CertificationRequest, wanted_attributes};
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::soft::SoftSigner;
use tegata_protocol::{MessageCode, Refusal};

use crate::house::{House, Letter};
use crate::visitor::{Answer, Visitor, get_request, present, send};

const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";

/// A request for a new key, base64 without line breaks.
fn request() -> String {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let signer = SoftSigner::from_private_key(key);
    let empty = DistinguishedName::builder().build().unwrap();
    BASE64_STANDARD.encode(CertificationRequest::create(&empty, &signer).unwrap())
}

fn basic(letter: &Letter) -> String {
    let pair = format!("{}:{}", letter.request_id, letter.reference_id);
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

fn post(path: &str, body: &str) -> Request<Body> {
    Request::post(format!("/.well-known/est/{path}"))
        .header(HOST, "localhost:8441")
        .header(CONTENT_TYPE, "application/pkcs10")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn answer(house: &House, request: Request<Body>, presented: Option<&[u8]>) -> Answer {
    let presented = presented.map(<[u8]>::to_vec);
    send(&house.subscriber, request, Some("localhost"), presented).await
}

async fn enroll(house: &House, letter: &Letter, body: &str) -> Answer {
    let mut request = post("simpleenroll", body);
    let value = basic(letter).parse().unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    answer(house, request, None).await
}

async fn reenroll(house: &House, body: &str, presented: Option<&[u8]>) -> Answer {
    answer(house, post("simplereenroll", body), presented).await
}

/// The DER in an answer's base64.
fn der(answer: &Answer) -> Vec<u8> {
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.ends_with('\n') && text.lines().all(|line| line.len() <= 64));
    BASE64_STANDARD.decode(text.replace('\n', "")).unwrap()
}

fn certificate(answer: &Answer) -> Certificate {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.html());
    assert_eq!(answer.header("content-type"), CERTS_ONLY);
    assert_eq!(answer.header("cache-control"), "no-store");
    let mut inside = read_certificates_only(&der(answer)).unwrap();
    assert_eq!(inside.len(), 1);
    inside.remove(0)
}

/// A refusal as most clients see it.
#[track_caller]
fn refused(answer: &Answer, status: StatusCode, word: &str) {
    assert_eq!(answer.header("tegata-error"), word, "{}", answer.html());
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert!(answer.html().is_ascii() && answer.html().ends_with('\n'));
    let asks = answer.header("www-authenticate");
    assert_eq!(
        asks.starts_with("Basic realm="),
        status == StatusCode::UNAUTHORIZED,
        "{asks}"
    );
}

/// The certificate for a new key of the holder's terminal.
pub(crate) async fn renewed(house: &House, presented: &[u8]) -> Certificate {
    certificate(&reenroll(house, &request(), Some(presented)).await)
}

#[tokio::test]
async fn cacerts_and_csrattrs_ask_for_nothing() {
    let house = House::new().await;
    let ca = present(&house, "/.well-known/est/cacerts", None).await;
    assert_eq!(
        (ca.status, ca.header("content-type")),
        (StatusCode::OK, CERTS_ONLY)
    );
    assert_eq!(ca.header("content-transfer-encoding"), "base64");
    let inside = read_certificates_only(&der(&ca)).unwrap();
    assert!(inside.iter().all(Certificate::is_ca));
    let wanted = present(&house, "/.well-known/est/csrattrs", None).await;
    assert_eq!(
        (wanted.status, wanted.header("content-type")),
        (StatusCode::OK, "application/csrattrs")
    );
    assert_eq!(der(&wanted), wanted_attributes(KeyAlgorithm::P256));
}

#[tokio::test]
async fn a_letter_gets_one_certificate_by_basic_whatever_the_line_breaks() {
    let house = House::new().await;
    let letter = house.letter().await;
    let body = request();
    let first = certificate(&enroll(&house, &letter, &body).await);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let mut broken = post("simpleenroll", &format!("{}\r\n", lines.join("\r\n")));
    let headers = broken.headers_mut();
    headers.insert(AUTHORIZATION, basic(&letter).parse().unwrap());
    // RFC 8951 §3.1: whatever it says.
    headers.insert("content-transfer-encoding", "binary".parse().unwrap());
    let again = answer(&house, broken, None).await;
    assert_eq!(certificate(&again), first);
    assert_eq!(house.certificate(&letter).await, first.der());
    let other = enroll(&house, &letter, &request()).await;
    refused(&other, StatusCode::CONFLICT, "key_fixed");
}

#[tokio::test]
async fn i3_wrong_and_unknown_ids_have_one_answer() {
    let house = House::new().await;
    let letter = house.letter().await;
    let body = request();
    let mut answers = Vec::new();
    for (request_id, reference_id) in [
        (letter.request_id.as_str(), "AbCdEfGh23"),
        ("202601190999999", letter.reference_id.as_str()),
        ("nobody", "x"),
    ] {
        let wrong = Letter {
            request_id: request_id.to_owned(),
            reference_id: reference_id.to_owned(),
        };
        let told = enroll(&house, &wrong, &body).await;
        refused(&told, StatusCode::UNAUTHORIZED, "ids_wrong");
        answers.push(told.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let none = answer(&house, post("simpleenroll", &body), None).await;
    refused(&none, StatusCode::UNAUTHORIZED, "ids_missing");
    // A certificate opens no letter.
    let mine = enroll(&house, &letter, &body).await;
    let mine = certificate(&mine);
    let by_card = answer(&house, post("simpleenroll", &request()), Some(mine.der())).await;
    refused(&by_card, StatusCode::UNAUTHORIZED, "ids_missing");
}

#[tokio::test]
async fn other_addresses_and_methods_of_est_are_told_so() {
    let house = House::new().await;
    for path in ["", "/serverkeygen", "/fullcmc", "/label/cacerts"] {
        let unknown = present(&house, &format!("/.well-known/est{path}"), None).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{path}");
    }
    for (method, path, allowed) in [
        (Method::POST, "cacerts", "GET,HEAD"),
        (Method::POST, "csrattrs", "GET,HEAD"),
        (Method::GET, "simpleenroll", "POST"),
        (Method::PUT, "simplereenroll", "POST"),
    ] {
        let mut request = post(path, "");
        *request.method_mut() = method;
        let told = answer(&house, request, None).await;
        refused(&told, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        assert_eq!(told.header("allow"), allowed, "{path}");
    }
    // The public listener has none of it.
    let request = get_request("/.well-known/est/cacerts");
    let public = send(&house.public, request, Some("localhost"), None).await;
    assert_eq!(public.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bodies_that_are_no_requests_are_told_so() {
    let house = House::new().await;
    let letter = house.letter().await;
    let long = "A".repeat(24 * 1024 + 1);
    let garbage = BASE64_STANDARD.encode(b"no request");
    let pem = "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n";
    for (body, status, word) in [
        ("", StatusCode::BAD_REQUEST, "not_base64"),
        (pem, StatusCode::BAD_REQUEST, "not_base64"),
        (&garbage, StatusCode::BAD_REQUEST, "request_malformed"),
        (&long, StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
    ] {
        refused(&enroll(&house, &letter, body).await, status, word);
    }
    for kind in ["application/x-www-form-urlencoded", "text/plain"] {
        let mut other = post("simpleenroll", &request());
        let headers = other.headers_mut();
        headers.insert(AUTHORIZATION, basic(&letter).parse().unwrap());
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        let told = answer(&house, other, None).await;
        refused(&told, StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type");
    }
}

/// T20: the same table as for the pages; the body is not even read.
#[tokio::test]
async fn t20_only_a_certificate_in_force_renews() {
    let house = House::new().await;
    let ca = house.app.ca_certificates().remove(0).der;
    let other_house = House::new().await;
    let letter = other_house.letter().await;
    let foreign = certificate(&enroll(&other_house, &letter, &request()).await);
    for presented in [ca.as_slice(), foreign.der(), b"no certificate"] {
        let told = reenroll(&house, "", Some(presented)).await;
        refused(&told, StatusCode::FORBIDDEN, "certificate_unknown");
    }
    let none = reenroll(&house, &request(), None).await;
    refused(&none, StatusCode::FORBIDDEN, "certificate_missing");

    let (kept, held) = (house.letter().await, house.letter().await);
    let card = certificate(&enroll(&house, &kept, &request()).await);
    let early = reenroll(&house, &request(), Some(card.der())).await;
    refused(&early, StatusCode::FORBIDDEN, "renewal_not_open");
    let stopped = certificate(&enroll(&house, &held, &request()).await);
    Visitor::new(&house).revoke(&held).await;
    let told = reenroll(&house, &request(), Some(stopped.der())).await;
    refused(&told, StatusCode::FORBIDDEN, "certificate_on_hold");

    house.clock.advance((1_186 - 60) * 86_400);
    let body = request();
    let next = certificate(&reenroll(&house, &body, Some(card.der())).await);
    let again = certificate(&reenroll(&house, &body, Some(card.der())).await);
    assert_eq!(again, next);
    assert_eq!(next.subject(), card.subject());
    assert_ne!(next, card);

    house.clock.advance(61 * 86_400);
    let told = reenroll(&house, &request(), Some(card.der())).await;
    refused(&told, StatusCode::FORBIDDEN, "certificate_expired");
}

/// T26: who asks is never said by a header.
#[tokio::test]
async fn t26_no_header_says_whose_certificate_is_renewed() {
    let house = House::new().await;
    let letter = house.letter().await;
    let card = certificate(&enroll(&house, &letter, &request()).await);
    house.clock.advance((1_186 - 60) * 86_400);
    let encoded = BASE64_STANDARD.encode(card.der());
    for (name, value) in [
        ("client-cert", format!(":{encoded}:")),
        ("x-ssl-client-cert", encoded.clone()),
        ("authorization", basic(&letter)),
    ] {
        let mut forged = post("simplereenroll", &request());
        forged.headers_mut().insert(name, value.parse().unwrap());
        let told = answer(&house, forged, None).await;
        refused(&told, StatusCode::FORBIDDEN, "certificate_missing");
    }
}

#[tokio::test]
async fn a_client_that_asks_for_it_gets_the_refusal_with_japanese_words() {
    let house = House::new().await;
    let letter = house.letter().await;
    enroll(&house, &letter, &request()).await;
    let mut request = post("simpleenroll", &request());
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, basic(&letter).parse().unwrap());
    let accepts = "application/pkcs7-mime, application/problem+json";
    headers.insert(ACCEPT, accepts.parse().unwrap());
    let told = answer(&house, request, None).await;
    assert_eq!(told.header("content-type"), "application/problem+json");
    assert_eq!(told.header("tegata-error"), "key_fixed");
    let refusal: Refusal = serde_json::from_slice(&told.body).unwrap();
    assert_eq!((refusal.status, refusal.code.as_str()), (409, "key_fixed"));
    let message = refusal.message.unwrap();
    assert_eq!(message.code, MessageCode::KEY_FIXED);
    assert_eq!(message.title, "電子証明書を発行できません");
    assert!(message.text.contains("別の鍵で取得済みです"));
}

#[tokio::test]
async fn k2_a_mailed_code_is_asked_for_and_taken_in_header_fields() {
    let house = House::with_codes().await;
    let policy = house.app.policy().collect.second_factor;
    assert_eq!(policy, SecondFactor::MailCode);
    let letter = house.letter().await;
    let body = request();
    let asked = enroll(&house, &letter, &body).await;
    refused(&asked, StatusCode::FORBIDDEN, "mail_code_needed");
    let procedure = asked.header("tegata-procedure").to_owned();
    assert_eq!(procedure.len(), 32);
    let (code, _) = house.mailed_code().await;
    let with = async |procedure: &str, code: &str| {
        let mut request = post("simpleenroll", &body);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, basic(&letter).parse().unwrap());
        headers.insert("tegata-procedure", procedure.parse().unwrap());
        headers.insert("tegata-mail-code", code.parse().unwrap());
        answer(&house, request, None).await
    };
    let wrong = if code == "00000000" {
        "11111111"
    } else {
        "00000000"
    };
    let told = with(&procedure, wrong).await;
    refused(&told, StatusCode::FORBIDDEN, "mail_code_wrong");
    let told = with(&procedure, "123").await;
    refused(&told, StatusCode::FORBIDDEN, "mail_code_wrong");
    for other in ["x", &"0".repeat(32)] {
        let told = with(other, &code).await;
        refused(&told, StatusCode::FORBIDDEN, "mail_code_ended");
    }
    let first = certificate(&with(&procedure, &code).await);
    assert_eq!(certificate(&with(&procedure, &code).await), first);
}

#[tokio::test]
async fn s7_a_doubted_clock_is_503_and_nothing_is_stored() {
    let house = House::new().await;
    let letter = house.letter().await;
    house.app.pause_signing();
    let told = enroll(&house, &letter, &request()).await;
    refused(&told, StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert_eq!(told.header("retry-after"), "60");
}
