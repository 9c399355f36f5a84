//! OCSP, revocation lists and CA certificates over plain HTTP.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, IF_NONE_MATCH};
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tegata_app::{CaCertificate, CaKeyPurpose};
use tegata_pki::certificate::Certificate;
use tegata_pki::ocsp::{CertStatus, OcspRequest, OcspResponse};

use crate::house::House;
use crate::visitor::{Answer, Visitor, get_request, send};

async fn get(house: &House, path: &str) -> Answer {
    send(&house.plain, get_request(path), None, None).await
}

fn subscriber_ca(house: &House) -> CaCertificate {
    let mut certificates = house.app.ca_certificates().into_iter();
    let found = certificates.find(|certificate| certificate.purpose == CaKeyPurpose::Subscriber);
    found.unwrap()
}

/// OCSPResponse with the status malformedRequest (RFC 6960 §4.2.1).
const MALFORMED: [u8; 5] = [0x30, 0x03, 0x0a, 0x01, 0x01];

#[tokio::test]
async fn a_revocation_list_can_be_had_and_kept() {
    let house = House::new().await;
    let key = subscriber_ca(&house).id;
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
async fn an_ocsp_request_is_answered_alike_by_get_and_post() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = Certificate::from_der(&house.certificate(&letter).await).unwrap();
    let issuer = subscriber_ca(&house).der;
    let issuer = Certificate::from_der(&issuer).unwrap();
    let nonce = [7; 32];
    for nonce in [None, Some(nonce.as_slice())] {
        let der = OcspRequest::for_certificate(&certificate, &issuer, nonce);
        let text = BASE64_STANDARD.encode(&der);
        let encoded = text
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        let post = Request::post("/ocsp").header(CONTENT_TYPE, "application/ocsp-request");
        for answer in [
            send(
                &house.plain,
                post.body(Body::from(der)).unwrap(),
                None,
                None,
            )
            .await,
            get(&house, &format!("/ocsp/{encoded}")).await,
            get(&house, &format!("/ocsp/{text}")).await,
        ] {
            let response = OcspResponse::parse(&answer.body).unwrap();
            let now = house.now().unix();
            response.verify(&issuer, now, nonce).unwrap();
            assert_eq!(
                response.status_of(&certificate, &issuer, now),
                Some(CertStatus::Good)
            );
            let caching = ["cache-control", "last-modified", "expires"].map(|n| answer.header(n));
            let wanted = match nonce {
                None => [
                    "public, max-age=60, no-transform, must-revalidate",
                    "Mon, 19 Jan 2026 01:00:00 GMT",
                    "Mon, 19 Jan 2026 13:00:00 GMT",
                ],
                Some(_) => ["no-store", "", ""],
            };
            assert_eq!(caching, wanted);
        }
    }
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
