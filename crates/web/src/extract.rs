//! From a request to typed input: forms and the caller. What cannot be read is refused here.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tegata_app::Source;
use tokio::time::timeout;

use crate::connection::{Connection, authority};
use crate::form::{Fields, Malformed};
use crate::forwarded;
use crate::messages::{FORM_MALFORMED, FORM_TOO_LARGE, FORM_TOO_SLOW};
use crate::respond;
use crate::web::Web;

/// Longest body of a form, octets.
const LONGEST_FORM: usize = 16 * 1024;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// A form of ours.
pub(crate) trait Form: Sized {
    /// The names of its fields.
    const FIELDS: &'static [&'static str];

    /// Takes the values; texts that a person typed are judged later, one by one.
    fn read(fields: &mut Fields) -> Result<Self, Malformed>;
}

/// A form as sent.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: Form> FromRequest<Web> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let body = body_of_form(web, request, LONGEST_FORM).await?;
        Fields::parse(&body, T::FIELDS)
            .and_then(|mut fields| T::read(&mut fields))
            .map(Self)
            .map_err(|_| respond::unreadable(web, StatusCode::BAD_REQUEST, FORM_MALFORMED))
    }
}

/// The body of a form of at most `longest` octets, or the refusal.
pub(crate) async fn body_of_form(
    web: &Web,
    request: Request,
    longest: usize,
) -> Result<Bytes, Response> {
    let refuse = |status, why| respond::unreadable(web, status, why);
    if !is_form(request.headers()) {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, FORM_MALFORMED));
    }
    timeout(BODY_TIME, to_bytes(request.into_body(), longest))
        .await
        .map_err(|_| refuse(StatusCode::REQUEST_TIMEOUT, FORM_TOO_SLOW))?
        .map_err(|_| refuse(StatusCode::PAYLOAD_TOO_LARGE, FORM_TOO_LARGE))
}

/// One Content-Type that says a form, whatever its parameters.
fn is_form(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    match (kinds.next(), kinds.next()) {
        (Some(kind), None) => kind.to_str().is_ok_and(|kind| {
            let essence = kind.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        }),
        _ => false,
    }
}

/// Who asks: the network address, behind a configured proxy what that says of it, and the certificate of the connection, the name asked for, and what the
/// browser says of its system.
pub(crate) struct Caller {
    pub(crate) source: Source,
    pub(crate) client_certificate: Option<Vec<u8>>,
    pub(crate) host: Option<String>,
    pub(crate) user_agent: String,
}

impl FromRequestParts<Web> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let connection = parts.extensions.get::<Connection>();
        let connection = connection.ok_or_else(|| {
            respond::internal(web, "the listener did not say whose connection this is")
        })?;
        let peer = connection.peer.ip();
        let is_proxy = web.app().is_proxy(peer);
        Ok(Self {
            source: Source(forwarded::source(peer, is_proxy, &parts.headers)),
            client_certificate: connection.client_certificate.clone(),
            host: authority(&parts.uri, &parts.headers),
            user_agent: user_agent(&parts.headers),
        })
    }
}

/// What a browser says of its system; a hint for people, believed in nothing else (K5).
fn user_agent(headers: &HeaderMap) -> String {
    let text = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_content_type_of_a_form_is_taken() {
        for (kinds, is) in [
            (vec!["application/x-www-form-urlencoded"], true),
            (
                vec!["Application/X-WWW-Form-Urlencoded; charset=UTF-8"],
                true,
            ),
            (vec!["multipart/form-data; boundary=x"], false),
            (vec!["application/json"], false),
            (vec!["text/plain"], false),
            (vec![], false),
            (vec!["application/x-www-form-urlencoded"; 2], false),
        ] {
            let mut headers = HeaderMap::new();
            for kind in &kinds {
                headers.append(CONTENT_TYPE, kind.parse().unwrap());
            }
            assert_eq!(is_form(&headers), is, "{kinds:?}");
        }
    }
}
