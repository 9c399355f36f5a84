//! `/api/client/v1`: what terminals ask, on the subscriber listener (decision W2; R-030).
//!
//! The terminal is known by the certificate of this very connection and by nothing else; a header never says who asks
//! (T26). Whatever certificate of ours it is, the answer says how it stands: a stop is an answer, not an error. Only
//! who has none, or one that is not ours, is refused.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{RelyingWords, TerminalNotice};
use tegata_domain::relying::{RelyingMessage, RelyingStatus};
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::terminal_notice::TerminalMessage;
use tegata_protocol::{Message, MessageCode, Notices, Refusal, Renewal, Status, VERSION};

use super::problem::{Problem, failed};
use crate::extract::Caller;
use crate::messages::{CHECK_CERTIFICATE, RU_FOREIGN, RU_MISSING, choose_ours};
use crate::site::ru::subscriber_ca;
use crate::status::{conditional, present};
use crate::tag::digest;
use crate::web::Web;

/// An address that there is not.
pub(crate) const UNKNOWN_ADDRESS: Problem = Problem::new(
    StatusCode::NOT_FOUND,
    "unknown_address",
    "There is nothing at this address; /api/client/v1/openapi.json lists every address.",
);

/// Why a terminal is refused.
#[derive(Clone, Copy)]
enum Refused {
    /// No certificate was presented.
    Missing,
    /// We do not know it, it is another authority's, or nobody holds it: one answer.
    Unknown,
}

/// GET /api/client/v1/notices
pub(crate) async fn notices(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let Some(presented) = &caller.client_certificate else {
        return refused(&web, Refused::Missing);
    };
    let app = web.app();
    let notice = app.terminal_notice(presented, caller.source, web.now());
    match notice.await {
        Ok(Some(notice)) => told(&web, &headers, notice),
        Ok(None) => refused(&web, Refused::Unknown),
        Err(error) => failed(&web, error),
    }
}

/// GET /api/client/v1/openapi.json
pub(crate) async fn description() -> Response {
    const DOCUMENT: &str = include_str!("../../../../docs/reference/client-openapi.json");
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// The notice. The tag is for the terminal, which may keep its last answer; nothing on the way may.
fn told(web: &Web, headers: &HeaderMap, notice: TerminalNotice) -> Response {
    let body = match serde_json::to_vec(&body(notice)) {
        Ok(body) => body,
        Err(error) => return failed(web, tegata_app::Error::Internal(error.to_string())),
    };
    let tag = format!("\"{}\"", digest(&body));
    let named = present([
        (CONTENT_TYPE, Some("application/json".to_owned())),
        (CACHE_CONTROL, Some("no-store".to_owned())),
        (ETAG, Some(tag.clone())),
    ]);
    conditional(headers, &tag, named, body.into())
}

fn body(notice: TerminalNotice) -> Notices {
    Notices {
        version: VERSION,
        certificate: notice.fingerprint,
        day: notice.day,
        status: match notice.status {
            RelyingStatus::Expired => Status::Expired,
            RelyingStatus::Good => Status::Good,
            RelyingStatus::OnHold { .. } => Status::OnHold,
            RelyingStatus::Revoked { .. } => Status::Revoked,
            RelyingStatus::Superseded { .. } => Status::Superseded,
        },
        since: notice.status.since(),
        not_after: notice.not_after,
        days_left: notice.days_left,
        level: notice.level,
        renewal: notice.renewal.map(|standing| match standing {
            RenewalStanding::Accepted => Renewal::Accepted,
            RenewalStanding::Collected => Renewal::Collected,
            RenewalStanding::Early { .. } => Renewal::Early,
            RenewalStanding::Open => Renewal::Open,
            RenewalStanding::Replaced => Renewal::InUse,
        }),
        renewal_opens: notice.renewal_opens,
        message: notice
            .message
            .map(|(about, words)| message(code(about), notice.notifies, words)),
        next_request_at: notice.next.map(|next| next.at),
        next_request_until: notice.next.map(|next| next.until),
        schedule: notice.plan.into(),
    }
}

fn message(code: MessageCode, notify: bool, words: RelyingWords) -> Message {
    Message {
        code,
        notify,
        title: words.heading,
        text: words.text,
        link: words.link,
        link_text: words.link_text.to_owned(),
    }
}

/// The number of a message (S4).
const fn code(about: TerminalMessage) -> MessageCode {
    match about {
        TerminalMessage::About(about) => match about {
            RelyingMessage::Collect
            | RelyingMessage::CollectAfterEnd
            | RelyingMessage::Ended
            | RelyingMessage::Install
            | RelyingMessage::Renew => MessageCode::EXPIRY,
            RelyingMessage::OnHold => MessageCode::ON_HOLD,
            RelyingMessage::Revoked => MessageCode::REVOKED,
            RelyingMessage::UseNewer => MessageCode::REPLACED,
        },
        TerminalMessage::BeforeRenewal { .. } => MessageCode::BEFORE_RENEWAL,
    }
}

fn refused(web: &Web, why: Refused) -> Response {
    let (word, detail, number, screen) = match why {
        Refused::Missing => (
            "certificate_missing",
            "Connect with the terminal's TLS client certificate.",
            MessageCode::CERTIFICATE_MISSING,
            RU_MISSING,
        ),
        Refused::Unknown => (
            "certificate_unknown",
            "This certificate is none of ours. Connect with the one that this authority gave to the terminal.",
            MessageCode::CERTIFICATE_UNKNOWN,
            RU_FOREIGN,
        ),
    };
    let addresses = web.app().addresses();
    let subscriber = addresses.subscriber.first().unwrap_or(&addresses.public);
    let words = RelyingWords {
        heading: screen.title.to_owned(),
        text: choose_ours(subscriber_ca(web.app().policy())),
        link: format!("{subscriber}/p/ru"),
        link_text: CHECK_CERTIFICATE,
    };
    let status = StatusCode::FORBIDDEN;
    let refusal = Refusal {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or_default().to_owned(),
        status: status.as_u16(),
        code: word.to_owned(),
        detail: detail.to_owned(),
        message: Some(message(number, false, words)),
        incident: None,
    };
    let named = present([
        (CONTENT_TYPE, Some("application/problem+json".to_owned())),
        (CACHE_CONTROL, Some("no-store".to_owned())),
    ]);
    match serde_json::to_vec(&refusal) {
        Ok(body) => (status, named, body).into_response(),
        Err(error) => failed(web, tegata_app::Error::Internal(error.to_string())),
    }
}
