//! What comes from browsers, terminals and proxies, read as the handlers read it: for `crates/fuzz` alone, which has no
//! listener. Each function hands its octets to the one reader that the handlers have, and says what that made of them.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::header::{COOKIE, FORWARDED, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tegata_app::TypedIds;
use tegata_domain::notice::NoticeChannel;

use crate::api::relying;
use crate::connection;
use crate::est::request;
use crate::flow;
use crate::form::{self, Fields};
use crate::forwarded;
use crate::guard;
use crate::status;

/// The peer of every connection here.
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The fields of a form that knows these names; `None` where it is refused.
pub fn form(body: &[u8], known: &[&str]) -> Option<Vec<(String, String)>> {
    let mut fields = Fields::parse(body, known).ok()?;
    let taken = known.iter().map(|name| {
        let value = fields.take(name);
        ((*name).to_owned(), value)
    });
    Some(taken.collect())
}

/// What is told of a form that is not acted upon.
pub fn form_leniently(body: &[u8]) -> Vec<(String, String)> {
    Fields::lenient(body)
}

/// Percent encoding, undone.
pub fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    form::percent_decode(text).ok()
}

/// The address of the person behind [`PEER`], by the lines of `Forwarded` that it sends.
pub fn source(lines: &[&[u8]], is_proxy: bool) -> Option<IpAddr> {
    let headers = headers(&FORWARDED, lines)?;
    Some(forwarded::source(PEER, is_proxy, &headers))
}

/// The certificate in a header `Client-Cert`.
pub fn client_cert(line: &[u8]) -> Option<Vec<u8>> {
    relying::client_cert(&headers(&HeaderName::from_static("client-cert"), &[line])?)
}

/// The channel that a relying system's query names.
pub fn channel(query: &str) -> Option<NoticeChannel> {
    relying::channel(Some(query))
}

/// The OCSP request in the path of a GET.
pub fn ocsp_path(encoded: &str) -> Option<Vec<u8>> {
    status::decode_ocsp_path(encoded)
}

/// The DER in the body of an EST request.
pub fn est_body(body: &[u8]) -> Option<Vec<u8>> {
    request::decode(body)
}

/// The IDs in a header `Authorization` of an EST request.
pub fn est_ids(line: &[u8]) -> Option<TypedIds> {
    let name = axum::http::header::AUTHORIZATION;
    request::typed_ids(&headers(&name, &[line])?)
}

/// The value of the cookie `wanted` in these lines.
pub fn cookie(lines: &[&[u8]], wanted: &str) -> Option<String> {
    flow::cookie_named(&headers(&COOKIE, lines)?, wanted)
}

/// The host that a request names by its header, and whether the handshake's name `server_name` is the same.
pub fn host(line: &[u8], server_name: &str) -> Option<(String, bool)> {
    let host = connection::authority(&Uri::from_static("/"), &headers(&HOST, &[line])?)?;
    let is_same = connection::is_same_name(Some(&host), Some(server_name));
    Some((host, is_same))
}

/// Whether a POST with this header `Origin` to `host` counts as sent by our own page.
pub fn is_own_origin(line: &[u8], host: &str) -> Option<bool> {
    let headers = headers(&ORIGIN, &[line])?;
    Some(guard::is_from_our_own_page(&headers, Some(host)))
}

/// Header fields of one name; `None` where HTTP itself lets one of them not through.
fn headers(name: &HeaderName, lines: &[&[u8]]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(name, HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}
