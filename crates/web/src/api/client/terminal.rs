//! Who asks, and what it sends: the certificate of the connection, and JSON.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tegata_app::{Error, Refusal, Source};
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;
use tokio::time::timeout;

use super::refuse::{Unasked, no_certificate, not_understood, refuse};
use crate::extract::Caller;
use crate::status::present;
use crate::web::Web;

/// Longest body, octets.
const LONGEST: usize = 16 * 1024;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal with a certificate of ours, whatever it is good for.
pub(crate) struct Terminal {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) source: Source,
    /// The instant of this request.
    pub(crate) now: Timestamp,
}

impl FromRequestParts<Web> for Terminal {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, web).await?;
        let now = web.now();
        let Some(presented) = &caller.client_certificate else {
            return Err(no_certificate(web, Unasked::Missing));
        };
        let known = web.app().own_fingerprint(presented, caller.source, now);
        match known.await {
            Ok(Some(fingerprint)) => Ok(Self {
                fingerprint,
                source: caller.source,
                now,
            }),
            Ok(None) => Err(no_certificate(web, Unasked::Unknown)),
            Err(error) => Err(refuse(web, error)),
        }
    }
}

/// The リクエストID in an address; what can be none is as good as another terminal's.
pub(crate) struct NamedRequest(pub(crate) RequestId);

impl FromRequestParts<Web> for NamedRequest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, web).await;
        let id = text.ok().and_then(|Path(text)| RequestId::parse(&text));
        id.map(Self)
            .ok_or_else(|| refuse(web, Refusal::NotFound.into()))
    }
}

/// The procedure in an address.
pub(crate) struct NamedProcedure(pub(crate) FlowId);

impl FromRequestParts<Web> for NamedProcedure {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, web).await;
        let id = text.ok().and_then(|Path(text)| FlowId::parse(&text).ok());
        id.map(Self)
            .ok_or_else(|| refuse(web, Refusal::NotFound.into()))
    }
}

/// JSON as sent. Fields that this version does not know are passed over.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Web> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        if !is_json(request.headers()) {
            return Err(not_understood(web, StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = timeout(PATIENCE, to_bytes(request.into_body(), LONGEST))
            .await
            .map_err(|_| not_understood(web, StatusCode::REQUEST_TIMEOUT))?
            .map_err(|_| not_understood(web, StatusCode::PAYLOAD_TOO_LARGE))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|_| not_understood(web, StatusCode::BAD_REQUEST))
    }
}

/// One Content-Type that says JSON: no form of another site can send it.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind.to_str().is_ok_and(|kind| {
            let essence = kind.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/json")
        }),
        _ => false,
    }
}

/// 200 with JSON that nothing on the way may keep.
pub(crate) fn say(web: &Web, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (json_headers("application/json"), body).into_response(),
        Err(error) => refuse(web, Error::Internal(error.to_string())),
    }
}

pub(crate) fn json_headers(kind: &str) -> HeaderMap {
    present([
        (CONTENT_TYPE, Some(kind.to_owned())),
        (CACHE_CONTROL, Some("no-store".to_owned())),
    ])
}
