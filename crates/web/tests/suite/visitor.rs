//! A browser of a few lines: keeps cookies by path, sends forms, follows nothing by itself.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use tegata_web::Connection;
use tower::ServiceExt as _;

use crate::house::{House, Letter};
use crate::reading;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The page as its HTML.
    pub(crate) fn html(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The page as a person reads it.
    pub(crate) fn text(&self) -> String {
        reading::text(self.html())
    }

    /// 画面番号.
    pub(crate) fn screen(&self) -> String {
        let text = self.text();
        let (_, number) = text.split_once("画面番号 ").unwrap_or_default();
        number.trim().to_owned()
    }

    /// The value of the hidden field `version`.
    pub(crate) fn version(&self) -> String {
        self.hidden("version")
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let field = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.html().split_once(&field).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

/// Sends one request as the accept loop would hand it on.
pub(crate) async fn send(
    router: &Router,
    request: Request<Body>,
    server_name: Option<&str>,
    client_certificate: Option<Vec<u8>>,
) -> Answer {
    let peer = IpAddr::from([192, 0, 2, 7]);
    send_from(peer, router, request, server_name, client_certificate).await
}

/// The same from another address.
pub(crate) async fn send_from(
    peer: IpAddr,
    router: &Router,
    mut request: Request<Body>,
    server_name: Option<&str>,
    client_certificate: Option<Vec<u8>>,
) -> Answer {
    request.extensions_mut().insert(Connection {
        peer: SocketAddr::from((peer, 40_000)),
        server_name: server_name.map(str::to_owned),
        client_certificate,
        tls: server_name.is_some(),
    });
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

pub(crate) fn get_request(path: &str) -> Request<Body> {
    Request::get(path)
        .header(HOST, "localhost:8440")
        .body(Body::empty())
        .unwrap()
}

pub(crate) fn form_request(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header(HOST, "localhost:8440")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

/// A person at the public sites, or with a certificate at the subscriber's.
pub(crate) struct Visitor<'a> {
    house: &'a House,
    certificate: Option<Vec<u8>>,
    /// Where the last form led.
    at: String,
    /// Path and value.
    cookies: Vec<(String, String)>,
}

impl<'a> Visitor<'a> {
    pub(crate) fn new(house: &'a House) -> Self {
        Self {
            house,
            certificate: None,
            at: String::new(),
            cookies: Vec::new(),
        }
    }

    /// The holder of a certificate, at the subscriber listener.
    pub(crate) fn holder(house: &'a House, certificate: Vec<u8>) -> Self {
        Self {
            certificate: Some(certificate),
            ..Self::new(house)
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(get_request(path)).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Answer {
        self.send(form_request(path, body)).await
    }

    /// Sends a form and asks for the page that the answer names.
    pub(crate) async fn go(&mut self, path: &str, body: &str) -> Answer {
        let answer = self.post(path, body).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        self.at = answer.header("location").to_owned();
        let page = self.at.clone();
        self.get(&page).await
    }

    /// The address to which the last form led.
    pub(crate) fn at(&self) -> String {
        self.at.clone()
    }

    /// Enters the two IDs of a letter; answers the address of the procedure's page.
    pub(crate) async fn enter(&mut self, site: &str, letter: &Letter) -> String {
        let answer = self.post(site, &ids(letter)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        answer.headers[LOCATION].to_str().unwrap().to_owned()
    }

    /// Collects with a letter; answers the address of the procedure's page, RCD-4.
    pub(crate) async fn collect(&mut self, letter: &Letter) -> String {
        let here = self.enter("/p/rcd", letter).await;
        let version = self.get(&here).await.version();
        let form = format!(
            "version={version}&password=2580&password_confirmation=2580&form=modern&weak=accepted"
        );
        let page = self.go(&format!("{here}/password"), &form).await;
        assert_eq!(page.screen(), "RCD-4");
        let form = format!("version={}", page.version());
        let file = self.post(&format!("{here}/file"), &form).await;
        assert_eq!(file.status, StatusCode::OK);
        here
    }

    /// Asks to revoke with a letter; answers RX-4.
    pub(crate) async fn revoke(&mut self, letter: &Letter) -> Answer {
        let here = self.enter("/p/rx", letter).await;
        let version = self.get(&here).await.version();
        let form = format!("version={version}&{MAILS}&reason=lost");
        let page = self.go(&format!("{here}/form"), &form).await;
        let form = format!("version={}&confirmed=yes", page.version());
        self.go(&format!("{here}/submit"), &form).await
    }

    /// RCR-1 to RCR-4 for these terminals.
    pub(crate) async fn apply(&mut self, terminals: &[&str]) -> Answer {
        let first = self.go("/p/rcr", "").await;
        let here = self.at();
        let form = institution_form(&first, "1310123458");
        let contact = self.go(&format!("{here}/institution"), &form).await;
        let mut more = String::new();
        for (at, name) in terminals.iter().enumerate().skip(1) {
            more = format!("{more}&terminal_{}={name}", at + 1);
        }
        let form = contact_form(&contact, &more);
        self.go(&format!("{here}/contact"), &form).await
    }

    /// Applies for one terminal; 申請番号 and 照会番号.
    pub(crate) async fn applied(&mut self) -> [String; 2] {
        let confirm = self.apply(&["受付1号機"]).await;
        let form = format!("version={}", confirm.version());
        let done = self.go(&format!("{}/submit", self.at()), &form).await;
        ["申請番号", "照会番号"].map(|name| {
            let text = done.text();
            let (_, rest) = text.split_once(&format!("{name}: ")).unwrap();
            rest.lines().next().unwrap().to_owned()
        })
    }

    /// The request with the cookies of its path.
    pub(crate) fn with_cookies(&self, mut request: Request<Body>) -> Request<Body> {
        let path = request.uri().path().to_owned();
        for (at, value) in &self.cookies {
            if path == *at || path.starts_with(&format!("{at}/")) {
                let cookie = format!("__Secure-tegata-flow={value}");
                request
                    .headers_mut()
                    .append(COOKIE, cookie.parse().unwrap());
            }
        }
        request
    }

    async fn send(&mut self, request: Request<Body>) -> Answer {
        let request = self.with_cookies(request);
        let router = match self.certificate {
            Some(_) => &self.house.subscriber,
            None => &self.house.public,
        };
        let certificate = self.certificate.clone();
        let answer = send(router, request, Some("localhost"), certificate).await;
        for header in answer.headers.get_all(SET_COOKIE) {
            let header = header.to_str().unwrap();
            let (_, value) = header.split_once("__Secure-tegata-flow=").unwrap();
            let value = value.split(';').next().unwrap().to_owned();
            let (_, at) = header.split_once("; Path=").unwrap();
            let at = at.split(';').next().unwrap().to_owned();
            self.cookies.retain(|(other, _)| *other != at);
            self.cookies.push((at, value));
        }
        answer
    }
}

pub(crate) const MAILS: &str = "mail=desk%40clinic.example&mail_confirmation=desk%40clinic.example";

/// RCR-2 for the house's institution.
pub(crate) fn institution_form(page: &Answer, code: &str) -> String {
    let version = page.version();
    format!("version={version}&class=medical&prefecture=tokyo&code={code}")
}

/// RCR-3 with a first terminal and what else is said.
pub(crate) fn contact_form(page: &Answer, more: &str) -> String {
    let version = page.version();
    format!(
        "version={version}&terminal_1=受付1号機&person=見本花子&telephone=00-0000-0000&{MAILS}{more}"
    )
}

pub(crate) fn ids(letter: &Letter) -> String {
    format!(
        "request_id={}&reference_id={}",
        letter.request_id, letter.reference_id
    )
}

/// Visits `/p/ru` with a certificate.
pub(crate) async fn present(house: &House, path: &str, certificate: Option<Vec<u8>>) -> Answer {
    let request = Request::get(path)
        .header(HOST, "localhost:8441")
        .body(Body::empty())
        .unwrap();
    send(&house.subscriber, request, Some("localhost"), certificate).await
}
