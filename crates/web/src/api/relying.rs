//! `/api/relying/v1`: what relying systems ask (decision F7, P-40).
//!
//! Two may ask. A *relying system* is known by the TLS client certificate of this very connection, whose SHA-256 the
//! operator has written into the configuration; it may ask about any certificate, by fingerprint or by the one that
//! its own client presented to it (`Client-Cert`, RFC 9440). The *holder* of a certificate is known by having used it
//! for this very connection, and is told about that one alone. From anybody else the header is never read (T26).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LAST_MODIFIED, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use tegata_app::{RelyingFeed, RelyingNotice, RelyingSystems};
use tegata_domain::audit::Actor;
use tegata_domain::id::Fingerprint;
use tegata_domain::notice::NoticeChannel;

use super::problem::{Problem, failed};
use crate::connection::Connection;
use crate::form::percent_decode;
use crate::http_date::http_date;
use crate::status::{conditional, present};
use crate::tag::digest;
use crate::web::Web;

/// The header in which a relying system hands on the certificate that was presented to it (RFC 9440 §2.2).
const CLIENT_CERT: &str = "client-cert";

/// One answer for a certificate that we do not know, that is another authority's, or that nobody holds.
const UNKNOWN_CERTIFICATE: Problem = Problem::new(
    StatusCode::NOT_FOUND,
    "certificate_unknown",
    "This certificate is none of ours. Ask about the leaf certificate that the client presented.",
);
const CHANNEL_MISSING: Problem = Problem::new(
    StatusCode::BAD_REQUEST,
    "channel_invalid",
    "Say once where the notice is shown: channel=claims_message or channel=eligibility_message.",
);
const FINGERPRINT_INVALID: Problem = Problem::new(
    StatusCode::BAD_REQUEST,
    "fingerprint_invalid",
    "Name the certificate by the SHA-256 of its DER, in 64 hexadecimal digits.",
);
const CLIENT_CERT_INVALID: Problem = Problem::new(
    StatusCode::BAD_REQUEST,
    "client_cert_invalid",
    "Send one Client-Cert header: the DER in base64 between two colons (RFC 9440), or PEM in percent-encoding.",
);
const NOT_A_RELYING_SYSTEM: Problem = Problem::new(
    StatusCode::FORBIDDEN,
    "relying_system_unknown",
    "Connect with the TLS client certificate of a relying system; the operator lists its SHA-256 in relying.systems.",
);

/// Who asks.
pub(crate) enum Asker {
    /// Somebody with a certificate that is no relying system's: a holder, if it is one of ours.
    Holder(Vec<u8>, Actor),
    /// A relying system of this name.
    System(String),
}

impl Asker {
    const fn is_system(&self) -> bool {
        matches!(self, Self::System(_))
    }
}

impl FromRequestParts<Web> for Asker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let systems = parts.extensions.get::<RelyingSystems>();
        let connection = parts.extensions.get::<Connection>();
        let (Some(systems), Some(connection)) = (systems, connection) else {
            let what = "the listener did not say whose connection this is".to_owned();
            return Err(failed(web, tegata_app::Error::Internal(what)));
        };
        let certificate = connection
            .client_certificate
            .as_ref()
            .ok_or_else(|| NOT_A_RELYING_SYSTEM.answer())?;
        Ok(match systems.name_of(certificate) {
            Some(name) => Self::System(name.to_owned()),
            None => {
                let source = connection.peer.ip().to_string();
                Self::Holder(certificate.clone(), Actor::Subscriber(source))
            }
        })
    }
}

/// GET /api/relying/v1/certificates/{fingerprint}/notice
pub(crate) async fn of_fingerprint(
    State(web): State<Web>,
    asker: Asker,
    Path(fingerprint): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Asker::System(name) = asker else {
        return NOT_A_RELYING_SYSTEM.answer();
    };
    let Some(channel) = channel(query.as_deref()) else {
        return CHANNEL_MISSING.answer();
    };
    let Some(fingerprint) = Fingerprint::parse(&fingerprint) else {
        return FINGERPRINT_INVALID.answer();
    };
    let actor = Actor::RelyingSystem(name);
    let app = web.app();
    let notice = app.relying_notice(fingerprint, channel, actor, web.now());
    answer(&web, &headers, notice.await)
}

/// GET /api/relying/v1/notice
pub(crate) async fn of_presented(
    State(web): State<Web>,
    asker: Asker,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(channel) = channel(query.as_deref()) else {
        return CHANNEL_MISSING.answer();
    };
    let (presented, actor) = match asker {
        Asker::Holder(certificate, actor) => (certificate, actor),
        Asker::System(name) => match client_cert(&headers) {
            Some(certificate) => (certificate, Actor::RelyingSystem(name)),
            None => return CLIENT_CERT_INVALID.answer(),
        },
    };
    let app = web.app();
    let notice = app.notice_of_presented(&presented, channel, actor, web.now());
    answer(&web, &headers, notice.await)
}

/// GET /api/relying/v1/feed
pub(crate) async fn feed(State(web): State<Web>, asker: Asker, headers: HeaderMap) -> Response {
    if !asker.is_system() {
        return NOT_A_RELYING_SYSTEM.answer();
    }
    match web.app().relying_feed(web.now()).await {
        Ok(feed) => of_day(&headers, &feed, "application/jsonl", &feed.body),
        Err(error) => failed(&web, error),
    }
}

/// GET /api/relying/v1/feed.p7s
pub(crate) async fn feed_signature(
    State(web): State<Web>,
    asker: Asker,
    headers: HeaderMap,
) -> Response {
    if !asker.is_system() {
        return NOT_A_RELYING_SYSTEM.answer();
    }
    match web.app().relying_feed(web.now()).await {
        Ok(feed) => of_day(
            &headers,
            &feed,
            "application/pkcs7-signature",
            &feed.signature,
        ),
        Err(error) => failed(&web, error),
    }
}

/// The feed or its signature: the same until the day is over, and the same tag on both.
fn of_day(
    headers: &HeaderMap,
    feed: &RelyingFeed,
    kind: &'static str,
    content: &Arc<[u8]>,
) -> Response {
    let tag = format!("\"{}-{}\"", feed.day, feed.sha256);
    let named = present([
        (CONTENT_TYPE, Some(kind.to_owned())),
        (CACHE_CONTROL, Some("private, no-cache".to_owned())),
        (ETAG, Some(tag.clone())),
        (LAST_MODIFIED, http_date(feed.made_at)),
    ]);
    conditional(headers, &tag, named, Bytes::from_owner(Arc::clone(content)))
}

/// The one `channel` of a query. Nothing but the two words of relying systems is one.
pub(crate) fn channel(query: Option<&str>) -> Option<NoticeChannel> {
    let mut fields = query?.split('&').filter(|field| !field.is_empty());
    let channel = match (fields.next(), fields.next()) {
        (Some(field), None) => field.strip_prefix("channel=")?,
        _ => return None,
    };
    NoticeChannel::parse(channel).filter(|channel| match channel {
        NoticeChannel::ClaimsMessage | NoticeChannel::EligibilityMessage => true,
        NoticeChannel::Mail | NoticeChannel::Terminal => false,
    })
}

/// The certificate of the one `Client-Cert` header: a byte sequence of RFC 8941 §3.3.5, or PEM in percent-encoding,
/// which is all that nginx can hand on (`$ssl_client_escaped_cert`).
pub(crate) fn client_cert(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut values = headers.get_all(CLIENT_CERT).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let text = value.to_str().ok()?.trim();
    let base64 = match text.strip_prefix(':') {
        Some(rest) => rest.strip_suffix(':')?.to_owned(),
        None => String::from_utf8(percent_decode(text.as_bytes()).ok()?)
            .ok()?
            .trim()
            .strip_prefix("-----BEGIN CERTIFICATE-----")?
            .strip_suffix("-----END CERTIFICATE-----")?
            .split_ascii_whitespace()
            .collect(),
    };
    let der = BASE64_STANDARD.decode(base64).ok();
    der.filter(|der| !der.is_empty())
}

/// GET /api/relying/v1/openapi.json: what this API is, for whoever can connect.
pub(crate) async fn description() -> Response {
    const DOCUMENT: &str = include_str!("../../../../docs/reference/relying-openapi.json");
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// A notice as JSON. `docs/reference/relying-openapi.json` describes it.
#[derive(Serialize)]
struct NoticeBody<'a> {
    certificate: String,
    channel: &'static str,
    day: String,
    status: &'static str,
    since: Option<String>,
    not_after: String,
    days_left: i64,
    level: Option<i64>,
    renewal: Option<&'static str>,
    message: Option<MessageBody<'a>>,
}

#[derive(Serialize)]
struct MessageBody<'a> {
    heading: &'a str,
    text: &'a str,
    link: &'a str,
    link_text: &'a str,
}

impl<'a> NoticeBody<'a> {
    fn of(notice: &'a RelyingNotice) -> Self {
        Self {
            certificate: notice.fingerprint.to_string(),
            channel: notice.channel.as_str(),
            day: notice.day.to_string(),
            status: notice.status.as_str(),
            since: notice.status.since().map(|at| at.to_string()),
            not_after: notice.not_after.to_string(),
            days_left: notice.days_left,
            level: notice.level,
            renewal: notice.renewal.map(|standing| standing.as_str()),
            message: notice.message.as_ref().map(|words| MessageBody {
                heading: &words.heading,
                text: &words.text,
                link: &words.link,
                link_text: words.link_text,
            }),
        }
    }
}

/// The notice with a tag that changes with the day and with whatever is told; a hold is told at once, so it may be
/// kept only to be asked about again.
fn answer(
    web: &Web,
    headers: &HeaderMap,
    notice: tegata_app::Result<Option<RelyingNotice>>,
) -> Response {
    let notice = match notice {
        Ok(Some(notice)) => notice,
        Ok(None) => return UNKNOWN_CERTIFICATE.answer(),
        Err(error) => return failed(web, error),
    };
    let body = match serde_json::to_vec(&NoticeBody::of(&notice)) {
        Ok(body) => body,
        Err(error) => {
            return failed(web, tegata_app::Error::Internal(error.to_string()));
        }
    };
    let tag = format!("\"{}-{}\"", notice.day, digest(&body));
    let named = present([
        (CONTENT_TYPE, Some("application/json".to_owned())),
        (CACHE_CONTROL, Some("private, no-cache".to_owned())),
        (VARY, Some("Client-Cert".to_owned())),
        (ETAG, Some(tag.clone())),
    ]);
    conditional(headers, &tag, named, body.into())
}
