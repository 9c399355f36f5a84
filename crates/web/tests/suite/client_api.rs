//! `/api/client/v1`: what a terminal is answered, and how it is refused.

use std::collections::BTreeSet;

use axum::http::header::IF_NONE_MATCH;
use axum::http::{Method, StatusCode};
use serde_json::Value;
use tegata_domain::id::Fingerprint;
use tegata_pki::digest::sha256;
use tegata_protocol::{MessageCode, NOTICES_PATH, Notices, Refusal, Renewal, Status};

use crate::house::House;
use crate::visitor::{Answer, Visitor, get_request, present, send};

/// A house with a collected certificate.
async fn house() -> (House, Vec<u8>) {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    (house, certificate)
}

async fn ask(house: &House, presented: Option<&[u8]>) -> Answer {
    present(house, NOTICES_PATH, presented.map(<[u8]>::to_vec)).await
}

fn notices(answer: &Answer) -> Notices {
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let notices: Notices = serde_json::from_slice(&answer.body).unwrap();
    let again = serde_json::to_vec(&notices).unwrap();
    assert_eq!(
        again, answer.body,
        "the answer is what the crate protocol says"
    );
    notices
}

fn refusal(answer: &Answer) -> Refusal {
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("etag"), "");
    let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(refusal.status, answer.status.as_u16());
    assert!(refusal.detail.len() > 20);
    refusal
}

#[tokio::test]
async fn a_terminal_with_years_left_is_told_when_to_come_and_to_show_nothing() {
    let (house, certificate) = house().await;
    let notices = notices(&ask(&house, Some(&certificate)).await);
    assert_eq!(notices.certificate, Fingerprint(sha256(&certificate)));
    assert_eq!(notices.day.to_string(), "2026-01-19");
    assert_eq!((notices.status, notices.days_left), (Status::Good, 1_186));
    assert_eq!(
        (notices.level, notices.renewal),
        (None, Some(Renewal::Early))
    );
    let message = notices.message.unwrap();
    assert_eq!(message.code, MessageCode::BEFORE_RENEWAL);
    assert!(!message.notify);
    assert_eq!(
        message.text,
        "電子証明書の更新は、2029年1月19日(金)から行えます。"
    );
    let next = notices.next_request_at.unwrap();
    assert_eq!(next.japan_date(), notices.renewal_opens.japan_date());
}

#[tokio::test]
async fn a_level_comes_with_its_words_its_number_and_a_tag() {
    let (house, certificate) = house().await;
    house.clock.advance((1_186 - 60) * 86_400);
    let answer = ask(&house, Some(&certificate)).await;
    let told = notices(&answer);
    assert_eq!((told.level, told.renewal), (Some(60), Some(Renewal::Open)));
    let message = told.message.unwrap();
    assert_eq!((message.code, message.notify), (MessageCode::EXPIRY, true));
    assert_eq!(message.title, "電子証明書の有効期限まで、あと60日です");
    assert_eq!(message.link, "https://localhost:8441/p/ru");

    let tag = answer.header("etag").to_owned();
    let mut again = get_request(NOTICES_PATH);
    again
        .headers_mut()
        .insert(IF_NONE_MATCH, tag.parse().unwrap());
    let router = &house.subscriber;
    let same = send(router, again, Some("localhost"), Some(certificate.clone())).await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    assert_eq!(same.header("cache-control"), "no-store");
    house.clock.advance(86_400);
    let next = ask(&house, Some(&certificate)).await;
    assert_ne!(next.header("etag"), tag);
    let quiet = notices(&next);
    assert_eq!((quiet.level, quiet.days_left), (None, 59));
    assert!(!quiet.message.unwrap().notify);
}

#[tokio::test]
async fn what_was_stopped_and_what_is_over_is_told_with_its_number() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    house.clock.advance(1_187 * 86_400);
    let expired = notices(&ask(&house, Some(&certificate)).await);
    assert_eq!((expired.status, expired.level), (Status::Expired, Some(-1)));
    let message = expired.message.unwrap();
    assert_eq!((message.code, message.notify), (MessageCode::EXPIRY, true));
    assert_eq!(message.link, "https://localhost:8440/p/rcr");
    house.clock.advance(-1_187 * 86_400);

    Visitor::new(&house).revoke(&letter).await;
    let held = notices(&ask(&house, Some(&certificate)).await);
    assert_eq!((held.status, held.level), (Status::OnHold, None));
    assert_eq!(held.since, Some(house.now()));
    let message = held.message.unwrap();
    assert_eq!((message.code, message.notify), (MessageCode::ON_HOLD, true));
    assert_eq!(message.title, "この電子証明書は、一時停止中です");
}

#[tokio::test]
async fn w2_without_a_certificate_the_handler_says_what_is_missing() {
    let (house, _) = house().await;
    let answer = ask(&house, None).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let refusal = refusal(&answer);
    assert_eq!(refusal.code, "certificate_missing");
    let message = refusal.message.unwrap();
    assert_eq!(message.code, MessageCode::CERTIFICATE_MISSING);
    assert_eq!(message.title, "電子証明書が選択されていません");
    assert!(
        message
            .text
            .contains("Sample Billing NW Common Root CA - G1")
    );
}

#[tokio::test]
async fn an_unknown_and_a_foreign_certificate_have_one_answer() {
    let (house, _) = house().await;
    let ca = house.app.ca_certificates().remove(0).der;
    let (other, foreign) = self::house().await;
    drop(other);
    let mut bodies = BTreeSet::new();
    for der in [b"no certificate".to_vec(), Vec::new(), ca, foreign] {
        // The other house has the same seed and another key: its certificates are not ours.
        let answer = ask(&house, Some(&der)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let refusal = refusal(&answer);
        assert_eq!(refusal.code, "certificate_unknown");
        let message = refusal.message.unwrap();
        assert_eq!(message.code, MessageCode::CERTIFICATE_UNKNOWN);
        bodies.insert(answer.body);
    }
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn t26_no_header_says_whose_terminal_it_is() {
    let (house, certificate) = house().await;
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &certificate);
    for (name, value) in [
        ("client-cert", format!(":{encoded}:")),
        ("x-client-cert", encoded.clone()),
        ("x-ssl-client-cert", encoded),
    ] {
        let mut request = get_request(NOTICES_PATH);
        request.headers_mut().insert(name, value.parse().unwrap());
        let answer = send(&house.subscriber, request, Some("localhost"), None).await;
        assert_eq!(refusal(&answer).code, "certificate_missing", "{name}");
    }
}

#[tokio::test]
async fn other_addresses_and_methods_are_told_so_in_json() {
    let (house, certificate) = house().await;
    for path in ["/api/client/v1", "/api/client/v1/notice"] {
        let answer = present(&house, path, Some(certificate.clone())).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(refusal(&answer).code, "unknown_address", "{path}");
    }
    let mut post = get_request(NOTICES_PATH);
    *post.method_mut() = Method::POST;
    let router = &house.subscriber;
    let post = send(router, post, Some("localhost"), Some(certificate)).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(refusal(&post).code, "method_not_allowed");
    // On the other listeners there is no such address.
    let public = send(
        &house.public,
        get_request(NOTICES_PATH),
        Some("localhost"),
        None,
    )
    .await;
    assert_eq!(public.status, StatusCode::NOT_FOUND);
}

/// The names of an object's fields.
fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn the_description_names_every_field_of_the_answers() {
    let (house, certificate) = house().await;
    let described = present(&house, "/api/client/v1/openapi.json", None).await;
    assert_eq!(described.status, StatusCode::OK);
    let described: Value = serde_json::from_slice(&described.body).unwrap();
    let schemas = &described["components"]["schemas"];
    let told = ask(&house, Some(&certificate)).await;
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    let refused: Value = serde_json::from_slice(&ask(&house, None).await.body).unwrap();
    for (schema, answered) in [
        ("Notices", &told),
        ("Message", &told["message"]),
        ("Message", &refused["message"]),
        ("Schedule", &told["schedule"]),
    ] {
        let schema = &schemas[schema];
        assert_eq!(names(&schema["properties"]), names(answered));
        assert_eq!(
            schema["required"].as_array().unwrap().len(),
            names(answered).len()
        );
    }
    let refusal = names(&schemas["Refusal"]["properties"]);
    assert!(refusal.is_superset(&names(&refused)));
}
