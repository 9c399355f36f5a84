//! How a terminal is told no: a problem (RFC 9457) with a message for the person before it (S4).

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{Error, FieldProblem, Refusal as Reason};
use tegata_protocol::MessageCode;

use super::terminal::json_headers;
use crate::messages::{self, Said};
use crate::site::ru::subscriber_ca;
use crate::told::{Told, help_desk};
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

/// The answer to a request that the application refused or could not answer.
pub(super) fn refuse(web: &Web, error: Error) -> Response {
    let told = match error {
        Error::Conflict | Error::Full | Error::Unavailable => Told::unavailable(),
        Error::Internal(text) => Told::fault(web, &text),
        Error::Refused(reason) => {
            Told::of_standing(web, &reason).unwrap_or_else(|| reasoned(web, &reason))
        }
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
    answer(
        web,
        Told::new(StatusCode::FORBIDDEN, word, detail, (number, said)),
    )
}

/// A body that is not the JSON of its address.
pub(super) fn not_understood(web: &Web, status: StatusCode) -> Response {
    let detail = "Send the JSON that /api/client/v1/openapi.json describes, as application/json.";
    let about = (
        MessageCode::NOT_UNDERSTOOD,
        messages::client_not_understood(),
    );
    answer(web, Told::new(status, "not_understood", detail, about))
}

fn reasoned(web: &Web, reason: &Reason) -> Told {
    let detail = reason.to_string();
    match reason {
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
            "procedure_ended",
            "This procedure was answered with other content, or moved on; look where it stands, or begin another.",
            (MessageCode::PROCEDURE_ENDED, messages::client_elsewhere()),
        ),
        // One answer for what there is not and for what is another terminal's (T24).
        Reason::FlowEnded | Reason::NotFound | Reason::OtherCertificate => Told::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "This terminal has nothing by this name; GET /api/client/v1/certificates lists what it has.",
            (MessageCode::NOT_FOUND, messages::client_not_found()),
        ),
        Reason::KeyDestroyed { .. } | Reason::WindowEnded { .. } => Told::new(
            StatusCode::GONE,
            "window_ended",
            detail,
            (MessageCode::NOT_TO_FETCH, messages::client_window_ended()),
        ),
        Reason::NotMade => Told::new(
            StatusCode::CONFLICT,
            "not_made",
            detail,
            (MessageCode::NOT_TO_FETCH, messages::client_not_made()),
        )
        .after(LATER),
        Reason::ShownNoMore => Told::new(
            StatusCode::GONE,
            "shown_no_more",
            detail,
            (MessageCode::SHOWN_NO_MORE, messages::client_shown_no_more()),
        ),
        Reason::TooSoon { at } => {
            let about = (MessageCode::TOO_SOON, messages::client_too_soon(*at));
            let status = StatusCode::TOO_MANY_REQUESTS;
            let wait = at.unix() - web.app().system_now().unix();
            let seconds = u64::try_from(wait).unwrap_or(1).max(1);
            Told::new(status, "too_soon", detail, about).after(seconds)
        }
        // No terminal asks for what these are about, or its standing said it before.
        Reason::Act(_)
        | Reason::Crowded { .. }
        | Reason::Enrolment(_)
        | Reason::Expired { .. }
        | Reason::Frozen { .. }
        | Reason::HoldsQueue
        | Reason::NotAllowed
        | Reason::OnHold { .. }
        | Reason::RenewalNotOpen { .. }
        | Reason::RenewalsPaused
        | Reason::RenewedBefore
        | Reason::Replaced { .. }
        | Reason::Revoked { .. }
        | Reason::SamePerson
        | Reason::State(_)
        | Reason::Throttled { .. }
        | Reason::WrongIds => {
            tracing::warn!(%reason, "a terminal's request cannot go on; it is told to call the help desk");
            let about = (MessageCode::FAULT, messages::client_call(&help_desk(web)));
            Told::new(StatusCode::CONFLICT, "refused", detail, about)
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
    Told::new(StatusCode::UNPROCESSABLE_ENTITY, word, detail, (code, said))
}

fn answer(web: &Web, told: Told) -> Response {
    let (status, later) = (told.status, told.later);
    // A struct of texts and numbers always becomes JSON.
    let body = serde_json::to_vec(&told.problem(web)).unwrap_or_default();
    let mut headers = json_headers("application/problem+json");
    if let Some(seconds) = later {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    (status, headers, body).into_response()
}
