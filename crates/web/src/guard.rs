//! Rules for every request: who may send a POST (T04), and the headers of every answer (T44).

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;

use crate::connection::authority;
use crate::respond;
use crate::web::Web;

/// No HSTS: `/p/cert` must stay reachable for those who do not trust our TLS certificate yet.
/// Referrer-Policy is not `no-referrer`: browsers would then send `Origin: null` with our own forms.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Adds the headers of every answer; what does not say otherwise is never kept.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses a POST that another site made a browser send. GET and HEAD change nothing.
pub(crate) async fn refuse_cross_site(
    State(web): State<Web>,
    request: Request,
    next: Next,
) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let host = authority(request.uri(), request.headers());
    if is_safe || is_from_our_own_page(request.headers(), host.as_deref()) {
        next.run(request).await
    } else {
        respond::cross_site(&web)
    }
}

/// `Sec-Fetch-Site`, where sent, says same-origin; `Origin`, where sent, is the page's own. Programs
/// that are no browsers send neither.
pub(crate) fn is_from_our_own_page(headers: &HeaderMap, host: Option<&str>) -> bool {
    let site_is_same = headers
        .get_all("sec-fetch-site")
        .iter()
        .all(|value| value == "same-origin");
    let origin_is_same = headers.get_all(ORIGIN).iter().all(|value| {
        let origin = value
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix("https://"));
        matches!((origin, host), (Some(origin), Some(host)) if without_default_port(origin)
            .eq_ignore_ascii_case(without_default_port(host)))
    });
    site_is_same && origin_is_same
}

fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":443").unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_own(headers: &[(&'static str, &'static str)], host: &str) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        is_from_our_own_page(&map, Some(host))
    }

    #[test]
    fn t04_a_post_of_another_site_is_refused() {
        for (headers, own) in [
            (vec![], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("origin", "https://localhost:8440")], true),
            (vec![("origin", "https://LOCALHOST:8440")], true),
            (vec![("origin", "http://localhost:8440")], false),
            (vec![("origin", "https://localhost:8441")], false),
            (vec![("origin", "https://localhost")], false),
            (vec![("origin", "null")], false),
            (
                vec![
                    ("sec-fetch-site", "same-origin"),
                    ("origin", "https://evil.example"),
                ],
                false,
            ),
            (
                vec![
                    ("origin", "https://localhost:8440"),
                    ("origin", "https://evil.example"),
                ],
                false,
            ),
        ] {
            assert_eq!(is_own(&headers, "localhost:8440"), own, "{headers:?}");
        }
    }

    #[test]
    fn the_default_port_may_be_left_out_on_either_side() {
        assert!(is_own(
            &[("origin", "https://ca.example")],
            "ca.example:443"
        ));
        assert!(is_own(
            &[("origin", "https://ca.example:443")],
            "ca.example"
        ));
    }
}
