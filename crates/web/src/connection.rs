//! What the accept loop knows about a connection, and the rule that a request stays on its name (W2).

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::messages::MISDIRECTED;

/// Stands in the extensions of every request. No header can say any of this (T26).
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end.
    pub peer: SocketAddr,
    /// The name of the TLS handshake (SNI).
    pub server_name: Option<String>,
    /// The client's leaf certificate, DER; its key was proved in the handshake, nothing else.
    pub client_certificate: Option<Vec<u8>>,
    /// Whether TLS ended here.
    pub tls: bool,
}

/// Answers 421 unless the request names the host of the handshake (RFC 9110 §15.5.20).
pub(crate) async fn keep_to_name(request: Request, next: Next) -> Response {
    let server_name = request
        .extensions()
        .get::<Connection>()
        .and_then(|connection| connection.server_name.as_deref());
    let host = authority(request.uri(), request.headers());
    if is_same_name(host.as_deref(), server_name) {
        next.run(request).await
    } else {
        let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
        (StatusCode::MISDIRECTED_REQUEST, headers, MISDIRECTED).into_response()
    }
}

/// The host and port that a request names, in small letters: HTTP/2's `:authority`, or the one Host
/// header. Two Host headers name nothing.
pub(crate) fn authority(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if let Some(authority) = uri.authority() {
        return Some(authority.as_str().to_ascii_lowercase());
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().map(str::to_ascii_lowercase),
        _ => None,
    }
}

pub(crate) fn is_same_name(authority: Option<&str>, server_name: Option<&str>) -> bool {
    let (Some(authority), Some(server_name)) = (authority, server_name) else {
        return false;
    };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    !host.is_empty() && plain(host).eq_ignore_ascii_case(plain(server_name))
}

/// A name without the dot of the root.
fn plain(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_stays_on_the_name_of_the_handshake() {
        for (host, server_name, same) in [
            (Some("localhost:8440"), Some("localhost"), true),
            (Some("localhost"), Some("LOCALHOST"), true),
            (Some("r1.localhost.:8441"), Some("r1.localhost"), true),
            (Some("localhost:8441"), Some("r1.localhost"), false),
            (Some("localhost.evil:8440"), Some("localhost"), false),
            (Some("localhost:x"), Some("localhost"), false),
            (Some(":8440"), Some(""), false),
            (Some("localhost"), None, false),
            (None, Some("localhost"), false),
        ] {
            assert_eq!(
                is_same_name(host, server_name),
                same,
                "{host:?} {server_name:?}"
            );
        }
    }

    #[test]
    fn two_host_headers_name_nothing() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, "localhost".parse().unwrap());
        assert_eq!(
            authority(&Uri::from_static("/"), &headers).as_deref(),
            Some("localhost")
        );
        headers.append(HOST, "localhost".parse().unwrap());
        assert_eq!(authority(&Uri::from_static("/"), &headers), None);
    }
}
