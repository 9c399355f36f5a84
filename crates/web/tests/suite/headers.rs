//! What every answer carries, and names, methods and assets.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{Method, Request, StatusCode};

use crate::house::House;
use crate::visitor::{Visitor, form_request, get_request, ids, send};

#[tokio::test]
async fn t44_every_answer_forbids_what_no_page_needs() {
    let house = House::new().await;
    for (router, server_name) in [
        (&house.public, Some("localhost")),
        (&house.subscriber, Some("localhost")),
        (&house.plain, None),
        (&house.public, None),
    ] {
        for path in [
            "/", "/p/rcd", "/p/rcd/x", "/p/cert", "/nowhere", "/healthz", "/ocsp",
        ] {
            let answer = send(router, get_request(path), server_name, None).await;
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; "), "{path}");
            assert!(!policy.contains("unsafe"));
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("referrer-policy"), "same-origin");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            assert_eq!(answer.header("strict-transport-security"), "");
        }
    }
}

#[tokio::test]
async fn t44_no_page_has_script_or_style_in_itself() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    for path in ["/", "/p/rcd", "/p/rx", "/p/cert", &here] {
        let page = visitor.get(path).await;
        let html = page.html();
        assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" on"));
        assert_eq!(
            html.matches("<script").count(),
            html.matches("<script src=").count()
        );
    }
    let page = visitor.get(&here).await;
    assert!(page.text().contains("見本<内科>クリニック"));
    assert!(
        !page.html().contains("<内科>"),
        "what was entered is escaped"
    );
}

#[tokio::test]
async fn w2_a_request_under_another_name_is_misdirected() {
    let house = House::new().await;
    for (host, server_name) in [
        ("localhost:8440", None),
        ("r1.localhost:8440", Some("localhost")),
        ("localhost:8440", Some("r1.localhost")),
    ] {
        let request = Request::get("/p/ru")
            .header(HOST, host)
            .body(Body::empty())
            .unwrap();
        let answer = send(&house.subscriber, request, server_name, None).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
        assert!(answer.html().contains("The host name"));
    }
    let request = Request::get("https://localhost:8440/healthz")
        .body(Body::empty())
        .unwrap();
    let answer = send(&house.public, request, Some("localhost"), None).await;
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "HTTP/2 names the host in the address"
    );
}

#[tokio::test]
async fn t04_a_form_of_another_site_changes_nothing() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rcd", &letter).await;
    for path in [
        "/p/rcd",
        "/p/rx",
        &format!("{here}/freeze"),
        &format!("{here}/password"),
    ] {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let mut request = form_request(path, &ids(&letter));
            request.headers_mut().insert(name, value.parse().unwrap());
            let answer = send(&house.public, request, Some("localhost"), None).await;
            assert_eq!(
                (answer.status, answer.screen().as_str()),
                (StatusCode::FORBIDDEN, "E-08")
            );
        }
    }
    let mut request = form_request("/p/rcd", &ids(&letter));
    request
        .headers_mut()
        .insert(ORIGIN, "https://localhost:8440".parse().unwrap());
    let answer = send(&house.public, request, Some("localhost"), None).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_method_that_a_page_does_not_have_is_named() {
    let house = House::new().await;
    for (method, path) in [
        (Method::PUT, "/p/rcd"),
        (Method::DELETE, "/"),
        (Method::POST, "/p/cert"),
        (Method::OPTIONS, "/p/rx"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::empty())
            .unwrap();
        let answer = send(&house.public, request, Some("localhost"), None).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.screen(), "E-09");
        assert!(answer.header("allow").contains("GET"), "{path}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_a_year_under_their_digest() {
    let house = House::new().await;
    let page = Visitor::new(&house).get("/").await;
    let addresses: Vec<_> = page
        .html()
        .split('"')
        .filter(|part| part.starts_with("/assets/"))
        .collect();
    assert_eq!(addresses.len(), 3);
    for address in addresses {
        for router in [&house.public, &house.subscriber] {
            let asset = send(router, get_request(address), Some("localhost"), None).await;
            assert_eq!(
                asset.header("cache-control"),
                "public, max-age=31536000, immutable"
            );
        }
        let asset = send(&house.plain, get_request(address), None, None).await;
        assert_eq!(asset.status, StatusCode::OK);
    }
    let old = Visitor::new(&house)
        .get("/assets/tegata-0000000000000000.css")
        .await;
    assert_eq!(old.status, StatusCode::NOT_FOUND);
}
