//! Bad input at the door of the forms: a clear refusal, nothing half stored.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Request, StatusCode};

use crate::house::House;
use crate::visitor::{Answer, Visitor, send};

#[tokio::test]
async fn a_body_that_is_no_form_of_ours_is_refused() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    let password = format!("{here}/password");
    let before = visitor.get(&here).await.text();
    for (path, body) in [
        (
            "/p/rcd",
            "request_id=1&request_id=2&reference_id=3".to_owned(),
        ),
        ("/p/rcd", "request_id=%zz&reference_id=3".to_owned()),
        ("/p/rcd", "request_id=%ff&reference_id=3".to_owned()),
        ("/p/rcd", "request_id=1&reference_id=%00".to_owned()),
        ("/p/rcd", "request_id=1&reference_id=2&admin=1".to_owned()),
        ("/p/rx", "nonsense".to_owned()),
        (
            &password,
            "password=2580&password_confirmation=2580&form=modern".to_owned(),
        ),
        (
            &password,
            "version=x&password=2580&password_confirmation=2580&form=modern".to_owned(),
        ),
        (
            &password,
            "version=1&version=1&password=2580&password_confirmation=2580&form=modern".to_owned(),
        ),
    ] {
        let answer = visitor.post(path, &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.screen(), "E-07", "{body}");
    }
    assert_eq!(visitor.get(&here).await.text(), before);
}

#[tokio::test]
async fn a_form_has_at_most_16_kibibytes() {
    let house = House::new().await;
    let mut visitor = Visitor::new(&house);
    let fill = |octets: usize| format!("request_id={}", "1".repeat(octets - 11));
    let answer = visitor.post("/p/rcd", &fill(16 * 1024)).await;
    assert_eq!(
        answer.status,
        StatusCode::BAD_REQUEST,
        "as long as it may be: E-01"
    );
    assert!(answer.text().contains("E-01"));
    let answer = visitor.post("/p/rcd", &fill(16 * 1024 + 1)).await;
    assert_eq!(
        (answer.status, answer.screen().as_str()),
        (StatusCode::PAYLOAD_TOO_LARGE, "E-07")
    );
}

#[tokio::test]
async fn only_urlencoded_forms_are_read() {
    let house = House::new().await;
    for kind in [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
    ] {
        let request = Request::post("/p/rcd")
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, kind)
            .body(Body::from("request_id=1&reference_id=2"))
            .unwrap();
        let answer = send(&house.public, request, Some("localhost"), None).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
        assert_eq!(answer.screen(), "E-07");
    }
}

#[tokio::test]
async fn addresses_that_no_procedure_has_are_ended() {
    let house = House::new().await;
    let mut visitor = Visitor::new(&house);
    for flow in [
        "x",
        "%00",
        "00000000000000000000000000000000",
        "%E3%81%82",
        "..",
        "A%2FB",
    ] {
        for site in ["/p/rcd", "/p/rx"] {
            let answer = visitor.get(&format!("{site}/{flow}")).await;
            assert_eq!(
                (answer.status, answer.screen().as_str()),
                (StatusCode::GONE, "E-03")
            );
            assert!(answer.html().contains(&format!("href=\"{site}\"")));
        }
    }
}

#[tokio::test]
async fn hostile_texts_stay_texts() {
    let house = House::with(|policy| policy.guessing.free_per_minute = 100).await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rx", &letter).await;
    let version = visitor.get(&here).await.version();
    let mut markup = Vec::new();
    for typed in [
        "harmless",
        "%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "%22+onfocus%3D%22alert(1)",
        "%26lt%3Bb%26gt%3B",
        "%7B%7B7*7%7D%7D",
        "a%40b.example%0D%0ABcc%3A+c%40d.example",
    ] {
        let form = format!("version={version}&mail={typed}&mail_confirmation=x&reason=lost");
        let mail = visitor.post(&format!("{here}/form"), &form).await;
        assert_eq!(mail.status, StatusCode::BAD_REQUEST, "{typed}");
        let ids = visitor
            .post("/p/rcd", &format!("request_id={typed}&reference_id=1"))
            .await;
        let marks = |page: &Answer| page.html().matches(['<', '>', '"', '\'']).count();
        markup.push((marks(&mail), marks(&ids)));
    }
    markup.dedup();
    assert_eq!(markup.len(), 1, "typed text adds no markup");
}
