//! 電子証明書更新申請サイト, front page.

use axum::http::StatusCode;

use crate::house::House;
use crate::visitor::{Visitor, get_request, present, send};

#[tokio::test]
async fn the_public_name_leads_to_the_subscriber_listener() {
    let house = House::new().await;
    let answer = Visitor::new(&house).get("/p/ru").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), "https://localhost:8441/p/ru");
}

#[tokio::test]
async fn choosing_again_leads_to_the_next_name() {
    let house = House::new().await;
    let answer = present(&house, "/p/ru", None).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer
            .html()
            .contains("href=\"https://r1.localhost:8441/p/ru\"")
    );
}

#[tokio::test]
async fn what_is_no_certificate_is_foreign() {
    let house = House::new().await;
    for certificate in [vec![], vec![0x30, 0x00], b"<script>".to_vec()] {
        let answer = present(&house, "/p/ru", Some(certificate)).await;
        assert_eq!(
            (answer.status, answer.screen().as_str()),
            (StatusCode::FORBIDDEN, "RU-E2")
        );
    }
}

#[tokio::test]
async fn a_ca_certificate_of_ours_is_foreign() {
    let house = House::new().await;
    for certificate in house.app.ca_certificates() {
        let answer = present(&house, "/p/ru", Some(certificate.der)).await;
        assert_eq!(answer.screen(), "RU-E2");
        assert!(answer.text().contains(&certificate.common_name));
    }
}

#[tokio::test]
async fn t26_no_header_says_who_the_client_is() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &certificate);
    for name in [
        "Client-Cert",
        "Client-Cert-Chain",
        "X-SSL-Client-Cert",
        "X-SSL-Client-Verify",
        "X-SSL-Client-S-DN",
        "X-SSL-CERT",
        "SSL_CLIENT_CERT",
        "SSL-Client-Cert",
        "X-Client-Cert",
        "X-Forwarded-Client-Cert",
        "X-Forwarded-Tls-Client-Cert",
        "X-Forwarded-Tls-Client-Cert-Info",
        "X-ARR-ClientCert",
        "X-Amzn-Mtls-Clientcert",
        "X-Amzn-Mtls-Clientcert-Leaf",
        "X-Client-Certificate",
        "X-TLS-Client-Cert",
        "X-SSL-Client-Certificate",
        "X-SSL-Client-Fingerprint",
        "X-SSL-Client-Serial",
        "Ssl-Client-Verify",
        "CF-Client-Cert-Der-Base64",
        "Cert",
        "X-Cert",
        "Remote-User",
    ] {
        for value in [
            encoded.clone(),
            format!(":{encoded}:"),
            "SUCCESS".to_owned(),
        ] {
            let mut request = get_request("/p/ru");
            request.headers_mut().insert(
                axum::http::HeaderName::try_from(name).unwrap(),
                value.parse().unwrap(),
            );
            let answer = send(&house.subscriber, request, Some("localhost"), None).await;
            assert_eq!(answer.screen(), "RU-E3", "{name}: {value}");
        }
    }
}
