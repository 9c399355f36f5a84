//! How an API says no: `application/problem+json` (RFC 9457), in English, with what to do next.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::web::Web;

/// Seconds after which to try again.
const LATER: u64 = 60;

/// Why a request was not answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
}

/// The members of RFC 9457 §3.1 and the extension `code`, by which programs tell problems apart.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<&'a str>,
}

impl Problem {
    /// A problem that is named by `code` wherever it occurs.
    pub(crate) const fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self {
            status,
            code,
            detail,
        }
    }

    /// The answer.
    pub(crate) fn answer(self) -> Response {
        self.with(None)
    }

    fn with(self, incident: Option<&str>) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            incident,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let headers: [(HeaderName, HeaderValue); 2] = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("application/problem+json"),
            ),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (self.status, headers, text).into_response()
    }
}

/// An address that there is not.
pub(crate) const UNKNOWN_ADDRESS: Problem = Problem::new(
    StatusCode::NOT_FOUND,
    "unknown_address",
    "There is nothing at this address; /api/relying/v1/openapi.json lists every address.",
);

/// A method that an address does not have.
pub(crate) const WRONG_METHOD: Problem = Problem::new(
    StatusCode::METHOD_NOT_ALLOWED,
    "method_not_allowed",
    "Use GET; nothing can be changed here.",
);

/// What the application could not answer.
pub(crate) fn failed(web: &Web, error: tegata_app::Error) -> Response {
    if let tegata_app::Error::Internal(text) = &error {
        let incident = web.incident();
        tracing::error!(incident, error = text.as_str(), "a request failed");
        return Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something is wrong here; tell the operator the incident number.",
        )
        .with(Some(&incident));
    }
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "The service is not available now; try again in a minute.",
    );
    let mut response = problem.answer();
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(LATER));
    response
}
