//! A procedure in an address, and the cookie that reaches no further than it (decisions F1, K3, T01, T03).

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use tegata_domain::id::FlowId;

use crate::respond;
use crate::web::Web;

const COOKIE_NAME: &str = "__Secure-tegata-flow";

/// Which procedure an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Procedure {
    /// `/p/ru/address`: 通知用メールアドレスの変更.
    Address,
    /// `/p/rcr`: 発行申請.
    Apply,
    /// `/p/rcd`
    Collect,
    /// `/p/rcr/status`: 申請状況照会.
    Inquire,
    /// `/p/ru`: the application for a renewal.
    Renew,
    /// `/p/ru/key`: the file of an accepted renewal.
    Retrieve,
    /// `/p/rx`
    Revoke,
}

impl Procedure {
    /// The site's first page.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Address => "/p/ru/address",
            Self::Apply => "/p/rcr",
            Self::Collect => "/p/rcd",
            Self::Inquire => "/p/rcr/status",
            Self::Renew => "/p/ru",
            Self::Retrieve => "/p/ru/key",
            Self::Revoke => "/p/rx",
        }
    }

    /// The address of a procedure's page.
    pub(crate) fn page(self, flow: &FlowId) -> String {
        format!("{}/{}", self.path(), flow.as_str())
    }

    fn of(path: &str) -> Self {
        [
            Self::Inquire,
            Self::Apply,
            Self::Address,
            Self::Retrieve,
            Self::Renew,
            Self::Revoke,
        ]
        .into_iter()
        .find(|procedure| path.starts_with(procedure.path()))
        .unwrap_or(Self::Collect)
    }
}

/// A procedure as a request names it, with the value of its cookie.
pub(crate) struct FlowPath {
    pub(crate) procedure: Procedure,
    pub(crate) id: FlowId,
    value: Option<String>,
}

impl FlowPath {
    /// The cookie's value.
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The address of the procedure's page.
    pub(crate) fn page(&self) -> String {
        self.procedure.page(&self.id)
    }
}

impl FromRequestParts<Web> for FlowPath {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let procedure = Procedure::of(parts.uri.path());
        let params = RawPathParams::from_request_parts(parts, web).await;
        let id = params.ok().and_then(|params| {
            let (_, text) = params.iter().find(|(name, _)| *name == "flow")?;
            FlowId::parse(text).ok()
        });
        Ok(Self {
            procedure,
            id: id.ok_or_else(|| respond::ended(web, procedure))?,
            value: read_cookie(&parts.headers),
        })
    }
}

/// The Set-Cookie header of a procedure.
pub(crate) fn set_cookie(
    procedure: Procedure,
    flow: &FlowId,
    value: &str,
    hours: i64,
) -> Option<(axum::http::HeaderName, HeaderValue)> {
    let text = format!(
        "{COOKIE_NAME}={value}; Path={}; Secure; HttpOnly; SameSite=Strict; Max-Age={}",
        procedure.page(flow),
        hours.saturating_mul(3_600)
    );
    HeaderValue::try_from(text)
        .ok()
        .map(|value| (SET_COOKIE, value))
}

/// The value of our cookie; two of them are none.
fn read_cookie(headers: &HeaderMap) -> Option<String> {
    cookie_named(headers, COOKIE_NAME)
}

/// The value of the cookie with this name; two of them are none.
pub(crate) fn cookie_named(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let mut values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> FlowId {
        FlowId::parse("000102030405060708090a0b0c0d0e0f").unwrap()
    }

    #[test]
    fn the_cookie_reaches_no_further_than_its_procedure() {
        let (name, value) = set_cookie(Procedure::Collect, &flow(), "abc", 2).unwrap();
        assert_eq!(name, SET_COOKIE);
        assert_eq!(
            value,
            "__Secure-tegata-flow=abc; Path=/p/rcd/000102030405060708090a0b0c0d0e0f; Secure; \
             HttpOnly; SameSite=Strict; Max-Age=7200"
        );
        let (_, value) = set_cookie(Procedure::Revoke, &flow(), "abc", 2).unwrap();
        assert!(value.to_str().unwrap().contains("; Path=/p/rx/0001"));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        for (header, found) in [
            ("__Secure-tegata-flow=abc", Some("abc")),
            ("a=b; __Secure-tegata-flow=a=b; c=d", Some("a=b")),
            ("tegata-flow=abc", None),
            ("__Secure-tegata-flow=a; __Secure-tegata-flow=b", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, HeaderValue::from_static(header));
            assert_eq!(read_cookie(&headers).as_deref(), found, "{header}");
        }
    }
}
