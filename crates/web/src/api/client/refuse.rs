//! How a terminal is told no: a problem (RFC 9457) with a message for the person before it (S4).

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{Error, FieldProblem, Refusal as Reason};
use tegata_protocol::{Message, MessageCode, Refusal};

use super::terminal::json_headers;
use crate::messages::{self, Said};
use crate::site::ru::subscriber_ca;
use crate::web::Web;

/// Seconds after which to try again.
const LATER: u64 = 60;

/// Why a terminal is refused before it is asked what it wants.
#[derive(Clone, Copy)]
pub(super) enum Unasked {
    /// No certificate was presented.
    Missing,
    /// We do not know it, it is another authority's, or nobody holds it: one answer.
    Unknown,
}

/// A refusal on its way out.
struct Told {
    status: StatusCode,
    /// The problem, in a word for programs.
    word: &'static str,
    /// What to do next, in English.
    detail: String,
    code: MessageCode,
    said: Said,
    /// Seconds after which to try again.
    later: Option<u64>,
    incident: Option<String>,
}

impl Told {
    fn new(
        status: StatusCode,
        (word, detail): (&'static str, &str),
        code: MessageCode,
        said: Said,
    ) -> Self {
        Self {
            status,
            word,
            detail: detail.to_owned(),
            code,
            said,
            later: None,
            incident: None,
        }
    }

    fn after(self, seconds: u64) -> Self {
        Self {
            later: Some(seconds),
            ..self
        }
    }
}

/// The answer to a request that the application refused or could not answer.
pub(super) fn refuse(web: &Web, error: Error) -> Response {
    let told = match error {
        Error::Conflict | Error::Full | Error::Unavailable => unavailable(),
        Error::Internal(text) => {
            let incident = web.incident();
            tracing::error!(incident, error = text.as_str(), "a request failed");
            let said = messages::client_fault(&incident, &help_desk(web));
            let detail = "Something is wrong here; tell the operator the incident number.";
            Told {
                incident: Some(incident),
                ..Told::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ("internal_error", detail),
                    MessageCode::FAULT,
                    said,
                )
            }
        }
        Error::Refused(reason) => reasoned(web, &reason),
    };
    answer(web, told)
}

/// Who has no certificate of ours.
pub(super) fn no_certificate(web: &Web, why: Unasked) -> Response {
    let (word, detail, number, screen) = match why {
        Unasked::Missing => (
            "certificate_missing",
            "Connect with the terminal's TLS client certificate.",
            MessageCode::CERTIFICATE_MISSING,
            messages::RU_MISSING,
        ),
        Unasked::Unknown => (
            "certificate_unknown",
            "This certificate is none of ours. Connect with the one that this authority gave to the terminal.",
            MessageCode::CERTIFICATE_UNKNOWN,
            messages::RU_FOREIGN,
        ),
    };
    let said = Said::new(
        screen.title,
        messages::choose_ours(subscriber_ca(web.app().policy())),
    );
    let told = Told::new(StatusCode::FORBIDDEN, (word, detail), number, said);
    answer(web, told)
}

/// A body that is not the JSON of its address.
pub(super) fn not_understood(web: &Web, status: StatusCode) -> Response {
    let detail = "Send the JSON that /api/client/v1/openapi.json describes, as application/json.";
    let told = Told::new(
        status,
        ("not_understood", detail),
        MessageCode::NOT_UNDERSTOOD,
        messages::client_not_understood(),
    );
    answer(web, told)
}

fn reasoned(web: &Web, reason: &Reason) -> Told {
    let detail = reason.to_string();
    let forbidden = |word, detail: &str, code, said| {
        Told::new(StatusCode::FORBIDDEN, (word, detail), code, said)
    };
    match reason {
        Reason::Expired { .. } => forbidden(
            "certificate_expired",
            &format!("{detail}; use a newer certificate, or apply for one"),
            MessageCode::EXPIRED,
            messages::client_expired(),
        ),
        Reason::Fields(problems) => {
            let problems: Vec<&FieldProblem> = problems.iter().collect();
            fields(&problems)
        }
        Reason::Form(problems) => {
            let problems: Vec<&FieldProblem> =
                problems.iter().map(|(_, problem)| problem).collect();
            fields(&problems)
        }
        Reason::FlowElsewhere => Told::new(
            StatusCode::CONFLICT,
            (
                "procedure_ended",
                "This procedure was answered with other content, or moved on; look where it stands, or begin another.",
            ),
            MessageCode::PROCEDURE_ENDED,
            messages::client_elsewhere(),
        ),
        // One answer for what there is not and for what is another terminal's (T24).
        Reason::FlowEnded | Reason::NotFound | Reason::OtherCertificate => Told::new(
            StatusCode::NOT_FOUND,
            (
                "not_found",
                "This terminal has nothing by this name; GET /api/client/v1/certificates lists what it has.",
            ),
            MessageCode::NOT_FOUND,
            messages::client_not_found(),
        ),
        Reason::Frozen { at } => forbidden(
            "frozen",
            &detail,
            MessageCode::FROZEN,
            messages::client_frozen(*at, &help_desk(web)),
        ),
        Reason::KeyDestroyed { .. } | Reason::WindowEnded { .. } => Told::new(
            StatusCode::GONE,
            ("window_ended", &detail),
            MessageCode::NOT_TO_FETCH,
            messages::client_window_ended(),
        ),
        Reason::NotMade => Told::new(
            StatusCode::CONFLICT,
            ("not_made", &detail),
            MessageCode::NOT_TO_FETCH,
            messages::client_not_made(),
        )
        .after(LATER),
        Reason::OnHold { at, by_operator } => {
            let short = &web.app().policy().names.ca_short;
            let said = messages::client_held(*at, *by_operator, short, &help_desk(web));
            let detail = format!("{detail}; call the help desk");
            forbidden("certificate_on_hold", &detail, MessageCode::ON_HOLD, said)
        }
        Reason::Replaced { .. } => forbidden(
            "certificate_replaced",
            &detail,
            MessageCode::REPLACED,
            messages::client_replaced(),
        ),
        Reason::Revoked { at } => forbidden(
            "certificate_revoked",
            &format!("{detail}; apply for a new one"),
            MessageCode::REVOKED,
            messages::client_revoked(*at),
        ),
        Reason::ShownNoMore => Told::new(
            StatusCode::GONE,
            ("shown_no_more", &detail),
            MessageCode::SHOWN_NO_MORE,
            messages::client_shown_no_more(),
        ),
        Reason::Throttled { seconds } => Told::new(
            StatusCode::TOO_MANY_REQUESTS,
            ("throttled", &detail),
            MessageCode::THROTTLED,
            messages::client_throttled(*seconds),
        )
        .after(*seconds),
        Reason::TooSoon { at } => {
            let wait = at.unix() - web.app().system_now().unix();
            let told = Told::new(
                StatusCode::TOO_MANY_REQUESTS,
                ("too_soon", &detail),
                MessageCode::TOO_SOON,
                messages::client_too_soon(*at),
            );
            told.after(u64::try_from(wait).unwrap_or(1).max(1))
        }
        Reason::Act(_)
        | Reason::Crowded { .. }
        | Reason::Enrolment(_)
        | Reason::HoldsQueue
        | Reason::NotAllowed
        | Reason::RenewalNotOpen { .. }
        | Reason::RenewalsPaused
        | Reason::RenewedBefore
        | Reason::SamePerson
        | Reason::State(_)
        | Reason::WrongIds => {
            tracing::warn!(%reason, "a terminal's request cannot go on; it is told to call the help desk");
            let said = messages::client_call(&help_desk(web));
            let told = ("refused", detail.as_str());
            Told::new(StatusCode::CONFLICT, told, MessageCode::FAULT, said)
        }
    }
}

/// Values that cannot be taken, and questions without an answer.
fn fields(problems: &[&FieldProblem]) -> Told {
    let sentences: Vec<String> = problems
        .iter()
        .map(|problem| messages::field_problem(problem))
        .collect();
    let text = sentences.join("\n");
    let (word, detail, code) = if problems.contains(&&FieldProblem::NewerUnanswered) {
        (
            "successor_unanswered",
            "There is a live newer certificate: say in `successor` whether it is stopped too.",
            MessageCode::SUCCESSOR_UNANSWERED,
        )
    } else if problems.contains(&&FieldProblem::MailCodeWrong) {
        (
            "code_wrong",
            "The code is wrong, or not taken any more; type the newest one, or have another sent.",
            MessageCode::CODE_WRONG,
        )
    } else {
        (
            "input",
            "A value cannot be taken; `message` says which, for the person who typed it.",
            MessageCode::INPUT,
        )
    };
    let said = Said::new(messages::CLIENT_INPUT, text);
    Told::new(StatusCode::UNPROCESSABLE_ENTITY, (word, detail), code, said)
}

fn unavailable() -> Told {
    Told::new(
        StatusCode::SERVICE_UNAVAILABLE,
        (
            "unavailable",
            "The service is not available now; send the same request again in a minute.",
        ),
        MessageCode::UNAVAILABLE,
        messages::client_unavailable(),
    )
    .after(LATER)
}

fn help_desk(web: &Web) -> String {
    messages::help_desk(&web.app().policy().names.help_desk)
}

fn answer(web: &Web, told: Told) -> Response {
    let addresses = web.app().addresses();
    let subscriber = addresses.subscriber.first().unwrap_or(&addresses.public);
    let apply = (format!("{}/p/rcr", addresses.public), messages::APPLY_ANEW);
    let check = (format!("{subscriber}/p/ru"), messages::CHECK_CERTIFICATE);
    let (link, link_text) = if told.said.leads_to_application {
        apply
    } else {
        check
    };
    let refusal = Refusal {
        kind: "about:blank".to_owned(),
        title: told
            .status
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
        status: told.status.as_u16(),
        code: told.word.to_owned(),
        detail: told.detail,
        message: Some(Message {
            code: told.code,
            notify: false,
            title: told.said.title.to_owned(),
            text: told.said.text,
            link,
            link_text: link_text.to_owned(),
        }),
        incident: told.incident,
    };
    // A struct of texts and numbers always becomes JSON.
    let body = serde_json::to_vec(&refusal).unwrap_or_default();
    let mut headers = json_headers("application/problem+json");
    if let Some(seconds) = told.later {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    (told.status, headers, body).into_response()
}
