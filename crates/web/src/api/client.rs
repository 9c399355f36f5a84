//! `/api/client/v1`: what terminals ask, on the subscriber listener (decision W2; R-030).
//!
//! The terminal is known by the certificate of this very connection and by nothing else; a header never says who asks
//! (T26). Whatever certificate of ours it is, the notices say how it stands: a stop is an answer there, not an error.
//! What it does (`certificates`, `reference_id`, `address`, `stop`), it does about itself and its own lineage (T24).

pub(crate) mod address;
pub(crate) mod certificates;
pub(crate) mod reference_id;
mod refuse;
pub(crate) mod stop;
mod terminal;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{RelyingWords, TerminalNotice};
use tegata_domain::relying::{RelyingMessage, RelyingStatus};
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::terminal_notice::TerminalMessage;
use tegata_protocol::{Message, MessageCode, Notices, Renewal, Status, VERSION};

use self::refuse::{Unasked, no_certificate, refuse};
use self::terminal::json_headers;
use super::problem::Problem;
use crate::extract::Caller;
use crate::status::conditional;
use crate::tag::digest;
use crate::web::Web;

/// An address that there is not.
pub(crate) const UNKNOWN_ADDRESS: Problem = Problem::new(
    StatusCode::NOT_FOUND,
    "unknown_address",
    "There is nothing at this address; /api/client/v1/openapi.json lists every address.",
);

/// A method that an address does not have.
pub(crate) const WRONG_METHOD: Problem = Problem::new(
    StatusCode::METHOD_NOT_ALLOWED,
    "method_not_allowed",
    "This address has no such method; /api/client/v1/openapi.json lists those that it has.",
);

/// GET /api/client/v1/notices
pub(crate) async fn notices(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
) -> Response {
    let Some(presented) = &caller.client_certificate else {
        return no_certificate(&web, Unasked::Missing);
    };
    let app = web.app();
    let notice = app.terminal_notice(presented, caller.source, web.now());
    match notice.await {
        Ok(Some(notice)) => told(&web, &headers, notice),
        Ok(None) => no_certificate(&web, Unasked::Unknown),
        Err(error) => refuse(&web, error),
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
        Err(error) => return refuse(web, tegata_app::Error::Internal(error.to_string())),
    };
    let tag = format!("\"{}\"", digest(&body));
    let mut named = json_headers("application/json");
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        named.insert(ETAG, tag);
    }
    conditional(headers, &tag, named, body.into())
}

fn body(notice: TerminalNotice) -> Notices {
    Notices {
        version: VERSION,
        certificate: notice.fingerprint,
        day: notice.day,
        status: status(notice.status),
        since: notice.status.since(),
        not_after: notice.not_after,
        days_left: notice.days_left,
        level: notice.level,
        renewal: notice.renewal.map(renewal),
        renewal_opens: notice.renewal_opens,
        message: notice
            .message
            .map(|(about, words)| message(code(about), notice.notifies, words)),
        next_request_at: notice.next.map(|next| next.at),
        next_request_until: notice.next.map(|next| next.until),
        schedule: notice.plan.into(),
    }
}

const fn status(status: RelyingStatus) -> Status {
    match status {
        RelyingStatus::Expired => Status::Expired,
        RelyingStatus::Good => Status::Good,
        RelyingStatus::OnHold { .. } => Status::OnHold,
        RelyingStatus::Revoked { .. } => Status::Revoked,
        RelyingStatus::Superseded { .. } => Status::Superseded,
    }
}

const fn renewal(standing: RenewalStanding) -> Renewal {
    match standing {
        RenewalStanding::Accepted => Renewal::Accepted,
        RenewalStanding::Collected => Renewal::Collected,
        RenewalStanding::Early { .. } => Renewal::Early,
        RenewalStanding::Open => Renewal::Open,
        RenewalStanding::Replaced => Renewal::InUse,
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
            | RelyingMessage::InstallAfterEnd
            | RelyingMessage::Renew => MessageCode::EXPIRY,
            RelyingMessage::OnHold => MessageCode::ON_HOLD,
            RelyingMessage::Revoked => MessageCode::REVOKED,
            RelyingMessage::UseNewer => MessageCode::REPLACED,
        },
        TerminalMessage::BeforeRenewal { .. } => MessageCode::BEFORE_RENEWAL,
    }
}
