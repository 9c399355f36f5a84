//! OCSP, revocation lists and CA certificates over plain HTTP.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, IF_NONE_MATCH};
use axum::http::{Method, Request, StatusCode};
use tegata_app::CaKeyPurpose;

use crate::house::House;
use crate::visitor::{Answer, get_request, send};

async fn get(house: &House, path: &str) -> Answer {
    send(&house.plain, get_request(path), None, None).await
}

/// OCSPResponse with the status malformedRequest (RFC 6960 §4.2.1).
const MALFORMED: [u8; 5] = [0x30, 0x03, 0x0a, 0x01, 0x01];

#[tokio::test]
async fn a_revocation_list_can_be_had_and_kept() {
    let house = House::new().await;
    let key = house
        .app
        .ca_certificates()
        .into_iter()
        .find(|c| c.purpose == CaKeyPurpose::Subscriber);
    let key = key.unwrap().id;
    for list in ["0", "all"] {
        let path = format!("/crl/{key}/{list}.crl");
        let first = get(&house, &path).await;
        assert_eq!(first.status, StatusCode::OK, "{path}");
        assert_eq!(first.header("content-type"), "application/pkix-crl");
        assert_eq!(first.header("cache-control"), "public, max-age=60");
        assert_eq!(
            first.header("last-modified"),
            "Mon, 19 Jan 2026 01:00:00 GMT"
        );
        let mut request = get_request(&path);
        request
            .headers_mut()
            .insert(IF_NONE_MATCH, first.headers["etag"].clone());
        let again = send(&house.plain, request, None, None).await;
        assert_eq!(
            (again.status, again.body.len()),
            (StatusCode::NOT_MODIFIED, 0)
        );
        let mut request = get_request(&path);
        *request.method_mut() = Method::HEAD;
        let head = send(&house.plain, request, None, None).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), first.body.len().to_string());
    }
    for path in ["9999.crl", "all", "all.crl.crl", "%2e%2e.crl"] {
        let answer = get(&house, &format!("/crl/{key}/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn ca_certificates_can_be_had_and_kept() {
    let house = House::new().await;
    for certificate in house.app.ca_certificates() {
        let answer = get(&house, &format!("/ca/{}.cer", certificate.id)).await;
        assert_eq!(answer.header("content-type"), "application/pkix-cert");
        assert_eq!(answer.header("cache-control"), "public, max-age=86400");
        assert_eq!(answer.body, certificate.der);
    }
    assert_eq!(get(&house, "/ca/x.cer").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_malformed_ocsp_request_is_told_so_and_not_kept() {
    let house = House::new().await;
    for path in [
        "/ocsp/AAAA",
        "/ocsp/%",
        "/ocsp/%FF",
        "/ocsp///",
        "/ocsp/-_-_",
    ] {
        let answer = get(&house, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("content-type"), "application/ocsp-response");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.body, MALFORMED);
    }
}

#[tokio::test]
async fn an_ocsp_post_has_one_type_and_a_limit() {
    let house = House::new().await;
    for (kind, octets, status) in [
        ("application/ocsp-request", 3, StatusCode::OK),
        ("application/ocsp-request", 4 * 1024, StatusCode::OK),
        (
            "application/ocsp-request",
            4 * 1024 + 1,
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            "application/octet-stream",
            3,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
    ] {
        let body = Body::from(vec![0; octets]);
        let request = Request::post("/ocsp")
            .header(CONTENT_TYPE, kind)
            .body(body)
            .unwrap();
        let answer = send(&house.plain, request, None, None).await;
        assert_eq!(answer.status, status, "{kind} {octets}");
        if status == StatusCode::OK {
            assert_eq!(answer.body, MALFORMED);
        }
    }
}
