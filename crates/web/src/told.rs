//! What a program is told whose request is refused, and the person before it (RFC 9457, S4): where the same is wrong, the
//! same at `/api/client/v1` and at EST.

use axum::http::StatusCode;
use tegata_app::Refusal;
use tegata_protocol::{Message, MessageCode};

use crate::messages::{self, Said};
use crate::web::Web;

/// Seconds after which to try again.
const LATER: u64 = 60;

/// Everything that an answer is made of.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    /// The problem, in a word for programs.
    pub(crate) word: &'static str,
    /// English: what is wrong, and what to do next.
    pub(crate) detail: String,
    /// The message's number.
    code: MessageCode,
    /// Japanese: the same for a person.
    said: Said,
    /// Seconds after which to try again.
    pub(crate) later: Option<u64>,
    incident: Option<String>,
}

impl Told {
    pub(crate) fn new(
        status: StatusCode,
        word: &'static str,
        detail: impl Into<String>,
        (code, said): (MessageCode, Said),
    ) -> Self {
        Self {
            status,
            word,
            detail: detail.into(),
            code,
            said,
            later: None,
            incident: None,
        }
    }

    pub(crate) fn after(self, seconds: u64) -> Self {
        Self {
            later: Some(seconds),
            ..self
        }
    }

    /// The database or the key does not answer, or somebody was first.
    pub(crate) fn unavailable() -> Self {
        let detail = "The service is not available now; send the same request again in a minute.";
        let about = (MessageCode::UNAVAILABLE, messages::client_unavailable());
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "unavailable", detail, about).after(LATER)
    }

    /// Something is wrong in the program; the log has the incident's number too.
    pub(crate) fn fault(web: &Web, text: &str) -> Self {
        let incident = web.incident();
        tracing::error!(incident, error = text, "a request failed");
        let detail =
            format!("Something is wrong here; tell the operator the incident number {incident}.");
        let said = messages::client_fault(&incident, &help_desk(web));
        let about = (MessageCode::FAULT, said);
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self {
            incident: Some(incident),
            ..Self::new(status, "internal_error", detail, about)
        }
    }

    /// What stands against the certificate or its holder, whatever was asked; `None` where the refusal is about what was
    /// asked.
    pub(crate) fn of_standing(web: &Web, refusal: &Refusal) -> Option<Self> {
        let forbidden = |word, detail: String, code, said| {
            Self::new(StatusCode::FORBIDDEN, word, detail, (code, said))
        };
        Some(match *refusal {
            Refusal::Expired { not_after } => forbidden(
                "certificate_expired",
                format!(
                    "The certificate expired at {not_after}: use a newer certificate, retrieve its renewal, or apply for a \
                     new one."
                ),
                MessageCode::EXPIRED,
                messages::client_expired(),
            ),
            Refusal::Frozen { at } => forbidden(
                "frozen",
                format!("Collecting was stopped by its holder at {at}; call the help desk."),
                MessageCode::FROZEN,
                messages::client_frozen(at, &help_desk(web)),
            ),
            Refusal::OnHold { at, by_operator } => {
                let short = &web.app().policy().names.ca_short;
                forbidden(
                    "certificate_on_hold",
                    format!("The certificate is on hold since {at}; call the help desk."),
                    MessageCode::ON_HOLD,
                    messages::client_held(at, by_operator, short, &help_desk(web)),
                )
            }
            Refusal::Replaced { .. } => forbidden(
                "certificate_replaced",
                "A newer certificate took the place of this one: use that one.".to_owned(),
                MessageCode::REPLACED,
                messages::client_replaced(),
            ),
            Refusal::Revoked { at } => forbidden(
                "certificate_revoked",
                format!("The certificate is revoked since {at}; apply for a new one."),
                MessageCode::REVOKED,
                messages::client_revoked(at),
            ),
            Refusal::Throttled { seconds } => {
                let detail = format!("Too many wrong attempts; wait {seconds} seconds.");
                let about = (MessageCode::THROTTLED, messages::client_throttled(seconds));
                let status = StatusCode::TOO_MANY_REQUESTS;
                Self::new(status, "throttled", detail, about).after(seconds)
            }
            _ => return None,
        })
    }

    /// The members of RFC 9457, with the message for the person.
    pub(crate) fn problem(self, web: &Web) -> tegata_protocol::Refusal {
        let addresses = web.app().addresses();
        let subscriber = addresses.subscriber.first().unwrap_or(&addresses.public);
        let (link, link_text) = if self.said.leads_to_application {
            (format!("{}/p/rcr", addresses.public), messages::APPLY_ANEW)
        } else {
            (format!("{subscriber}/p/ru"), messages::CHECK_CERTIFICATE)
        };
        tegata_protocol::Refusal {
            kind: "about:blank".to_owned(),
            title: self
                .status
                .canonical_reason()
                .unwrap_or_default()
                .to_owned(),
            status: self.status.as_u16(),
            code: self.word.to_owned(),
            detail: self.detail,
            message: Some(Message {
                code: self.code,
                notify: false,
                title: self.said.title.to_owned(),
                text: self.said.text,
                link,
                link_text: link_text.to_owned(),
            }),
            incident: self.incident,
        }
    }
}

/// The help desk in one line, for what a terminal is told.
pub(crate) fn help_desk(web: &Web) -> String {
    messages::help_desk(&web.app().policy().names.help_desk)
}
