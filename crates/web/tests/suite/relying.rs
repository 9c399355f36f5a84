//! `/api/relying/v1`: who may ask, and what is answered.

use axum::body::Body;
use axum::http::header::IF_NONE_MATCH;
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tegata_app::RelyingSystems;
use tegata_domain::id::Fingerprint;
use tegata_pki::certificate::Certificate;
use tegata_pki::digest::sha256;
use tegata_web::{SiteOptions, relying_router};

use crate::house::House;
use crate::visitor::{Answer, Visitor, get_request, send};

const SYSTEM: &[u8] = b"the certificate of a relying system";
const NOTICE: &str = "/api/relying/v1/notice?channel=claims_message";

/// A house with a collected certificate.
async fn house() -> (House, Vec<u8>) {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    (house, certificate)
}

async fn ask(house: &House, request: Request<Body>, presented: Option<&[u8]>) -> Answer {
    let mut systems = RelyingSystems::default();
    systems.insert(Fingerprint(sha256(SYSTEM)), "claims");
    let router = relying_router(house.app.clone(), SiteOptions::default(), systems);
    let presented = presented.map(<[u8]>::to_vec);
    send(&router, request, Some("localhost"), presented).await
}

fn with_client_cert(values: &[String]) -> Request<Body> {
    let mut request = get_request(NOTICE);
    for value in values {
        let value = value.parse().unwrap();
        request.headers_mut().append("client-cert", value);
    }
    request
}

fn client_cert(der: &[u8]) -> String {
    format!(":{}:", BASE64_STANDARD.encode(der))
}

/// As nginx hands a certificate on.
fn escaped_pem(der: &[u8]) -> String {
    let pem = Certificate::from_der(der).unwrap().pem();
    pem.replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}

fn by_fingerprint(der: &[u8]) -> String {
    let fingerprint = Fingerprint(sha256(der));
    format!("/api/relying/v1/certificates/{fingerprint}/notice?channel=claims_message")
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

/// Status and code of a problem.
fn problem(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = json(answer);
    assert_eq!(body["status"], answer.status.as_u16());
    assert_eq!(body["type"], "about:blank");
    assert!(body["detail"].as_str().unwrap().len() > 20);
    (
        answer.status.as_u16(),
        body["code"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn the_same_notice_by_fingerprint_by_header_and_by_the_holder_itself() {
    let (house, certificate) = house().await;
    let path = by_fingerprint(&certificate);
    let answers = [
        ask(&house, get_request(&path), Some(SYSTEM)).await,
        ask(
            &house,
            with_client_cert(&[client_cert(&certificate)]),
            Some(SYSTEM),
        )
        .await,
        ask(
            &house,
            with_client_cert(&[escaped_pem(&certificate)]),
            Some(SYSTEM),
        )
        .await,
        ask(&house, get_request(NOTICE), Some(&certificate)).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "private, no-cache");
        assert_eq!(answer.header("vary"), "Client-Cert");
        let body = json(&answer);
        assert_eq!(
            body["certificate"],
            Fingerprint(sha256(&certificate)).to_string()
        );
        assert_eq!(body["status"], "good");
        assert_eq!(body["day"], "2026-01-19");
        assert_eq!(body["renewal"], "early");
        assert_eq!(body["not_after"], "2029-04-19T00:59:59Z");
        assert_eq!(body["days_left"], 1_186);
        assert!(body["message"].is_null() && body["level"].is_null());
    }
}

#[tokio::test]
async fn a_message_comes_with_its_words_and_its_link_and_a_tag_for_the_day() {
    let (house, certificate) = house().await;
    let path = by_fingerprint(&certificate);
    house.clock.advance((1_186 - 45) * 86_400);
    let first = ask(&house, get_request(&path), Some(SYSTEM)).await;
    let body = json(&first);
    assert_eq!(
        (&body["level"], &body["days_left"]),
        (&45.into(), &45.into())
    );
    assert_eq!(
        body["message"]["heading"],
        "電子証明書の有効期限まで、あと45日です"
    );
    assert_eq!(body["message"]["link"], "https://localhost:8441/p/ru");
    let again = |tag: String| {
        let mut request = get_request(&path);
        request
            .headers_mut()
            .insert(IF_NONE_MATCH, tag.parse().unwrap());
        request
    };
    let tag = first.header("etag").to_owned();
    let same = ask(&house, again(tag.clone()), Some(SYSTEM)).await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    house.clock.advance(86_400);
    let next = ask(&house, again(tag), Some(SYSTEM)).await;
    assert_eq!(json(&next)["level"], 44);
    let other = path.replace("claims_message", "eligibility_message");
    let other = ask(&house, get_request(&other), Some(SYSTEM)).await;
    assert!(json(&other)["message"].is_null());
}

#[tokio::test]
async fn t26_only_a_relying_system_may_ask_about_somebody_else() {
    let (house, certificate) = house().await;
    let unknown = (403, "relying_system_unknown".to_owned());
    let path = by_fingerprint(&certificate);
    for presented in [
        None,
        Some(certificate.as_slice()),
        Some(b"other".as_slice()),
    ] {
        let answer = ask(&house, get_request(&path), presented).await;
        assert_eq!(problem(&answer), unknown);
    }
    let header = || with_client_cert(&[client_cert(&certificate)]);
    assert_eq!(problem(&ask(&house, header(), None).await), unknown);
    // A holder is told about the certificate of the handshake, whatever a header says.
    let foreign = ask(&house, header(), Some(b"other")).await;
    assert_eq!(problem(&foreign), (404, "certificate_unknown".to_owned()));
}

#[tokio::test]
async fn an_unknown_and_a_foreign_certificate_have_one_answer() {
    let (house, _) = house().await;
    let wanted = (404, "certificate_unknown".to_owned());
    let ca = house.app.ca_certificates().remove(0).der;
    let mut bodies = Vec::new();
    for der in [b"no certificate".to_vec(), ca] {
        let by_print = ask(&house, get_request(&by_fingerprint(&der)), Some(SYSTEM)).await;
        let presented = ask(&house, with_client_cert(&[client_cert(&der)]), Some(SYSTEM)).await;
        let own = ask(&house, get_request(NOTICE), Some(&der)).await;
        for answer in [by_print, presented, own] {
            assert_eq!(problem(&answer), wanted);
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_what_to_send_instead() {
    let (house, certificate) = house().await;
    let fingerprint = Fingerprint(sha256(&certificate));
    let of = format!("/api/relying/v1/certificates/{fingerprint}/notice");
    for path in [
        of.clone(),
        format!("{of}?"),
        format!("{of}?channel="),
        format!("{of}?channel=mail"),
        format!("{of}?channel=terminal"),
        format!("{of}?channel=claims_message&channel=claims_message"),
        format!("{of}?channel=claims_message&x=1"),
        format!("{of}?Channel=claims_message"),
    ] {
        let answer = ask(&house, get_request(&path), Some(SYSTEM)).await;
        assert_eq!(
            problem(&answer),
            (400, "channel_invalid".to_owned()),
            "{path}"
        );
    }
    for digits in ["0f", "%00", "zz", &"g".repeat(64), &"0".repeat(65)] {
        let path = format!("/api/relying/v1/certificates/{digits}/notice?channel=claims_message");
        let answer = ask(&house, get_request(&path), Some(SYSTEM)).await;
        assert_eq!(problem(&answer), (400, "fingerprint_invalid".to_owned()));
    }
    let right = client_cert(&certificate);
    for values in [
        vec![],
        vec![right.clone(), right.clone()],
        vec![right.trim_matches(':').to_owned()],
        vec!["::".to_owned()],
        vec![":####:".to_owned()],
        vec![format!("{right}, {right}")],
        vec!["-----BEGIN%20CERTIFICATE-----%0AAAAA".to_owned()],
        vec!["%".to_owned()],
    ] {
        let answer = ask(&house, with_client_cert(&values), Some(SYSTEM)).await;
        assert_eq!(
            problem(&answer),
            (400, "client_cert_invalid".to_owned()),
            "{values:?}"
        );
    }
}

#[tokio::test]
async fn the_feed_is_for_relying_systems_alone_and_comes_with_its_signature() {
    let (house, certificate) = house().await;
    house.clock.advance((1_186 - 45) * 86_400);
    for path in ["/api/relying/v1/feed", "/api/relying/v1/feed.p7s"] {
        for presented in [None, Some(certificate.as_slice())] {
            let refused = ask(&house, get_request(path), presented).await;
            let unknown = (403, "relying_system_unknown".to_owned());
            assert_eq!(problem(&refused), unknown);
        }
    }
    let feed = ask(&house, get_request("/api/relying/v1/feed"), Some(SYSTEM)).await;
    let signature = ask(
        &house,
        get_request("/api/relying/v1/feed.p7s"),
        Some(SYSTEM),
    )
    .await;
    assert_eq!(feed.header("content-type"), "application/jsonl");
    let kind = signature.header("content-type");
    assert_eq!(kind, "application/pkcs7-signature");
    assert_eq!(feed.header("etag"), signature.header("etag"));
    let text = String::from_utf8(feed.body.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[2], "{\"certificates\":1}");
    assert!(lines[1].contains("\"levels\":{\"claims_message\":45,\"eligibility_message\":null}"));
    let mut again = get_request("/api/relying/v1/feed");
    again
        .headers_mut()
        .insert(IF_NONE_MATCH, feed.header("etag").parse().unwrap());
    let again = ask(&house, again, Some(SYSTEM)).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn other_addresses_and_methods_are_told_so() {
    let (house, _) = house().await;
    let nowhere = ask(&house, get_request("/api/relying/v2/notice"), Some(SYSTEM)).await;
    assert_eq!(problem(&nowhere), (404, "unknown_address".to_owned()));
    let mut post = get_request(NOTICE);
    *post.method_mut() = Method::POST;
    let post = ask(&house, post, Some(SYSTEM)).await;
    assert_eq!(problem(&post), (405, "method_not_allowed".to_owned()));
}

/// The names of an object's members.
fn names(object: &Value) -> Vec<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn the_description_is_served_and_says_what_is_answered() {
    let (house, certificate) = house().await;
    house.clock.advance((1_186 - 45) * 86_400);
    let served = ask(
        &house,
        get_request("/api/relying/v1/openapi.json"),
        Some(SYSTEM),
    )
    .await;
    let document = json(&served);
    let schemas = &document["components"]["schemas"];
    for path in names(&document["paths"]) {
        let fingerprint = Fingerprint(sha256(&certificate)).to_string();
        let path = path.replace("{fingerprint}", &fingerprint);
        let mut request = with_client_cert(&[client_cert(&certificate)]);
        *request.uri_mut() = format!("{path}?channel=claims_message").parse().unwrap();
        let answer = ask(&house, request, Some(SYSTEM)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    let notice = ask(
        &house,
        get_request(&by_fingerprint(&certificate)),
        Some(SYSTEM),
    )
    .await;
    let notice = json(&notice);
    assert_eq!(names(&notice), names(&schemas["Notice"]["properties"]));
    let words = names(&schemas["Message"]["properties"]);
    assert_eq!(names(&notice["message"]), words);
    let feed = ask(&house, get_request("/api/relying/v1/feed"), Some(SYSTEM)).await;
    let text = String::from_utf8(feed.body).unwrap();
    let line: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(names(&line), names(&schemas["FeedLine"]["properties"]));
    let nobody = ask(&house, get_request(NOTICE), None).await;
    let (_, code) = problem(&nobody);
    let codes = schemas["Problem"]["properties"]["code"]["enum"].as_array();
    assert!(codes.unwrap().contains(&code.into()));
}
