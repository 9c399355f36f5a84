//! What machines ask over plain HTTP: OCSP (RFC 6960, RFC 5019), revocation lists and CA certificates
//! (RFC 5280 §4.2.1.13, §4.2.2.1; decision W4). These answers are no pages: no Japanese, no cookies.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, LAST_MODIFIED,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tegata_app::OcspAnswer;
use tegata_domain::id::CaKeyId;
use tokio::time::timeout;

use crate::form::percent_decode;
use crate::http_date::http_date;
use crate::respond::{self, Place};
use crate::site::cert;
use crate::tag::digest;
use crate::web::Web;

/// Longest OCSP request, octets.
const LONGEST_REQUEST: usize = 4 * 1024;
/// How long a request's body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);
/// CA certificates change with the key only, and a key has its own address.
const CA_CACHING: &str = "public, max-age=86400";

/// POST /ocsp
pub(crate) async fn ocsp_post(State(web): State<Web>, request: Request) -> Response {
    let mut kinds = request.headers().get_all(CONTENT_TYPE).iter();
    let is_ocsp = kinds
        .next()
        .is_some_and(|kind| kind == "application/ocsp-request");
    if !is_ocsp || kinds.next().is_some() {
        let told = "send application/ocsp-request\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, told).into_response();
    }
    match timeout(BODY_TIME, to_bytes(request.into_body(), LONGEST_REQUEST)).await {
        Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request did not arrive\n").into_response(),
        Ok(Err(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "at most 4096 octets\n").into_response(),
        Ok(Ok(body)) => {
            let answer = web.app().answer_ocsp(&body, web.now()).await;
            ocsp_response(answer, &HeaderMap::new())
        }
    }
}

/// GET /ocsp/{base64 of the request, percent-encoded} (RFC 6960 appendix A.1)
pub(crate) async fn ocsp_get(State(web): State<Web>, request: Request) -> Response {
    let path = request.uri().path();
    let encoded = path.strip_prefix("/ocsp/").unwrap_or_default();
    let der = decode_ocsp_path(encoded).unwrap_or_default();
    let answer = web.app().answer_ocsp(&der, web.now()).await;
    ocsp_response(answer, request.headers())
}

/// The request in a path: percent signs undone, then base64; `None` where it is none. Slashes and plus
/// signs of base64 may come as they are or percent-encoded, padding may be missing.
pub(crate) fn decode_ocsp_path(encoded: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    if encoded.len() > LONGEST_REQUEST * 2 {
        return None;
    }
    let text = percent_decode(encoded.as_bytes()).ok()?;
    ENGINE
        .decode(text)
        .ok()
        .filter(|der| der.len() <= LONGEST_REQUEST)
}

fn ocsp_response(answer: OcspAnswer, request: &HeaderMap) -> Response {
    let kind = HeaderValue::from_static("application/ocsp-response");
    let Some(cache) = answer.cache else {
        return ([(CONTENT_TYPE, kind)], answer.der).into_response();
    };
    let tag = format!("\"{}\"", digest(&answer.der));
    let max_age = cache.max_age;
    let caching = format!("public, max-age={max_age}, no-transform, must-revalidate");
    let headers = present([
        (CONTENT_TYPE, Some("application/ocsp-response".to_owned())),
        (CACHE_CONTROL, Some(caching)),
        (ETAG, Some(tag.clone())),
        (LAST_MODIFIED, http_date(cache.this_update)),
        (EXPIRES, http_date(cache.next_update)),
    ]);
    conditional(request, &tag, headers, answer.der.into())
}

/// GET /crl/{ca key id}/{shard or all}.crl
pub(crate) async fn revocation_list(
    State(web): State<Web>,
    Path((ca_key, list)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let asked = CaKeyId::parse(&ca_key).ok().zip(list.strip_suffix(".crl"));
    let Some((ca_key, list)) = asked else {
        return nothing();
    };
    match web.app().revocation_list(&ca_key, list).await {
        Ok(Some(list)) => {
            let tag = format!("\"{}\"", list.number);
            let max_age = web.app().policy().crl.max_age;
            let named = present([
                (CONTENT_TYPE, Some("application/pkix-crl".to_owned())),
                (CACHE_CONTROL, Some(format!("public, max-age={max_age}"))),
                (ETAG, Some(tag.clone())),
                (LAST_MODIFIED, http_date(list.this_update)),
            ]);
            conditional(&headers, &tag, named, Bytes::from_owner(list.der))
        }
        Ok(None) => nothing(),
        Err(error) => respond::refuse(&web, Place::Entrance, error),
    }
}

/// GET /ca/{ca key id}.cer
pub(crate) async fn ca_certificate(
    State(web): State<Web>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(certificate) = cert::find(&web, &file) else {
        return nothing();
    };
    let tag = format!("\"{}\"", certificate.sha256);
    let named = present([
        (CONTENT_TYPE, Some("application/pkix-cert".to_owned())),
        (CACHE_CONTROL, Some(CA_CACHING.to_owned())),
        (ETAG, Some(tag.clone())),
        (LAST_MODIFIED, http_date(certificate.not_before)),
    ]);
    conditional(&headers, &tag, named, certificate.der.into())
}

fn nothing() -> Response {
    (StatusCode::NOT_FOUND, "there is nothing here\n").into_response()
}

/// The header fields that have a value.
pub(crate) fn present<const N: usize>(headers: [(HeaderName, Option<String>); N]) -> HeaderMap {
    let headers = headers.into_iter().filter_map(|(name, value)| {
        let value = HeaderValue::try_from(value?).ok()?;
        Some((name, value))
    });
    headers.collect()
}

/// The content, or 304 where the caller has it (RFC 9110 §13.1.2).
pub(crate) fn conditional(
    request: &HeaderMap,
    tag: &str,
    headers: HeaderMap,
    content: Bytes,
) -> Response {
    if has_it_already(request, tag) {
        (StatusCode::NOT_MODIFIED, headers, Body::empty()).into_response()
    } else {
        (headers, content).into_response()
    }
}

fn has_it_already(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|held| held.trim().trim_start_matches("W/"))
        .any(|held| held == tag || held == "*")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ocsp_request_in_a_path_may_be_written_in_several_ways() {
        // 0xfb 0xff 0xbf is `+/+/` in base64; two octets need padding.
        for (path, der) in [
            ("+/+/", Some(vec![0xfb, 0xff, 0xbf])),
            ("%2B%2F%2b%2f", Some(vec![0xfb, 0xff, 0xbf])),
            ("+/+%2F", Some(vec![0xfb, 0xff, 0xbf])),
            ("%2B/8=", Some(vec![0xfb, 0xff])),
            ("%2B/8%3D", Some(vec![0xfb, 0xff])),
            ("+/8", Some(vec![0xfb, 0xff])),
            ("%252B", None),
            ("%2", None),
            ("-_-_", None),
            ("a b=", None),
            ("+", None),
        ] {
            assert_eq!(decode_ocsp_path(path), der, "{path}");
        }
    }

    #[test]
    fn an_ocsp_request_of_more_than_4096_octets_is_none() {
        let text = |octets: usize| "AAAA".repeat(octets / 3);
        assert!(decode_ocsp_path(&text(4095)).is_some());
        assert!(decode_ocsp_path(&text(4098)).is_none());
    }

    #[test]
    fn a_caller_that_has_the_content_is_told_so() {
        for (held, has) in [
            ("\"12\"", true),
            ("W/\"12\"", true),
            ("\"11\", \"12\"", true),
            ("*", true),
            ("\"13\"", false),
            ("12", false),
        ] {
            let mut request = HeaderMap::new();
            request.insert(IF_NONE_MATCH, HeaderValue::from_static(held));
            assert_eq!(has_it_already(&request, "\"12\""), has, "{held}");
        }
        assert!(!has_it_already(&HeaderMap::new(), "\"12\""));
    }
}
