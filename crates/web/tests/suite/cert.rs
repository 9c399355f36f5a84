//! ルート証明書ダウンロードサイト.

use axum::http::StatusCode;

use crate::house::House;
use crate::visitor::{Visitor, get_request, send};

#[tokio::test]
async fn the_root_certificates_can_be_had_with_and_without_tls() {
    let house = House::new().await;
    for certificate in house.app.ca_certificates() {
        let path = format!("/p/cert/{}.cer", certificate.id);
        for (router, server_name) in [(&house.public, Some("localhost")), (&house.plain, None)] {
            let page = send(router, get_request("/p/cert"), server_name, None).await;
            assert_eq!(page.status, StatusCode::OK);
            assert!(page.html().contains(&format!("href=\"{path}\"")));
            assert!(page.text().contains(&certificate.sha1));
            let file = send(router, get_request(&path), server_name, None).await;
            assert_eq!(file.header("content-type"), "application/x-x509-ca-cert");
            assert_eq!(file.body, certificate.der);
        }
    }
}

#[tokio::test]
async fn a_file_is_named_after_its_certificate() {
    let house = House::new().await;
    let certificates = house.app.ca_certificates();
    let tls = certificates
        .iter()
        .find(|c| c.common_name.contains("Site"))
        .unwrap();
    let path = format!("/p/cert/{}.cer", tls.id);
    let file = Visitor::new(&house).get(&path).await;
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"Sample-Billing-NW-Site-CA-G1.cer\""
    );
}

#[tokio::test]
async fn the_proof_of_trust_is_shown_over_tls_only() {
    let house = House::new().await;
    assert_eq!(
        Visitor::new(&house).get("/p/cert/ok").await.screen(),
        "CERT-2"
    );
    let answer = send(&house.plain, get_request("/p/cert/ok"), None, None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let page = send(&house.plain, get_request("/p/cert"), None, None).await;
    assert!(
        page.html()
            .contains("href=\"https://localhost:8440/p/cert/ok\"")
    );
}

#[tokio::test]
async fn there_is_no_other_file() {
    let house = House::new().await;
    let mut visitor = Visitor::new(&house);
    for file in [
        "x.cer",
        "00000000000000000000000000000000.cer",
        "..%2f..%2fkek.cer",
        ".cer",
    ] {
        let answer = visitor.get(&format!("/p/cert/{file}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{file}");
    }
}
