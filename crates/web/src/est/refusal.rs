//! How EST says no (RFC 7030 §4.2.3, RFC 8951 §4): a status, a word for programs in `Tegata-Error`, and one English
//! sentence that says what to do next. A client that accepts `application/problem+json` gets the same with a message in
//! Japanese for the person at the terminal.

use axum::http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{EnrolmentRefusal, Error, FieldProblem, Refusal};
use tegata_domain::id::FlowId;
use tegata_domain::time::Timestamp;
use tegata_protocol::MessageCode;

use super::request::PROCEDURE;
use crate::messages;
use crate::respond::retry_after;
use crate::site::ru::subscriber_ca;
use crate::told::{Told, help_desk};
use crate::web::Web;

/// The problem, in a word for programs.
const ERROR: HeaderName = HeaderName::from_static("tegata-error");
/// Basic asks for UTF-8, as RFC 7617 §2.1 lets a server do.
const CHALLENGE: &str = "Basic realm=\"request ID and reference ID\", charset=\"UTF-8\"";
const PROBLEM: &str = "application/problem+json";
/// Seconds after which to try again where many renew at once (F9).
const PAUSE: u64 = 600;

/// Why a request is not answered.
pub(super) enum Refused {
    /// The application says no.
    App(Error),
    /// The field of the procedure can be none.
    CodeEnded,
    /// No IDs were sent.
    IdsMissing,
    /// The body is no PKCS#10.
    MediaType,
    /// No certificate was presented.
    Missing,
    /// The body is no base64.
    NotBase64,
    /// The body is too long.
    TooLarge,
    /// The body did not arrive.
    TooSlow,
    /// The certificate is none of ours.
    Unknown,
    /// There is no such address.
    UnknownAddress,
    /// The address does not have this method.
    WrongMethod,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

/// What is told, and the procedure that takes a 確認番号.
struct Answered {
    told: Told,
    procedure: Option<FlowId>,
}

impl From<Told> for Answered {
    fn from(told: Told) -> Self {
        Self {
            told,
            procedure: None,
        }
    }
}

/// The answer.
pub(super) fn refuse(web: &Web, asked: &HeaderMap, refused: Refused) -> Response {
    let Answered { told, procedure } = match refused {
        Refused::App(error) => by_app(web, error),
        other => by_edge(web, &other).into(),
    };
    let wants_problem = asked
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains(PROBLEM));
    let (status, word, later) = (told.status, told.word, told.later);
    let (kind, body) = if wants_problem {
        // A struct of texts and numbers always becomes JSON.
        let problem = serde_json::to_string(&told.problem(web)).unwrap_or_default();
        (PROBLEM, problem)
    } else {
        ("text/plain; charset=utf-8", format!("{}\n", told.detail))
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (ERROR, HeaderValue::from_static(word)),
    ];
    let mut response = (status, headers, body).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(CHALLENGE);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = later {
        retry_after(&mut response, seconds);
    }
    let procedure = procedure.and_then(|flow| HeaderValue::from_str(flow.as_str()).ok());
    if let Some(value) = procedure {
        let name = HeaderName::from_static(PROCEDURE);
        response.headers_mut().insert(name, value);
    }
    response
}

/// What never reached the application.
fn by_edge(web: &Web, refused: &Refused) -> Told {
    let not_understood = (
        MessageCode::NOT_UNDERSTOOD,
        messages::client_not_understood(),
    );
    let (status, word, detail) = match refused {
        Refused::IdsMissing => {
            let detail =
                "Send the request ID as user and the reference ID as password of HTTP Basic.";
            let about = (MessageCode::IDS_WRONG, messages::est_ids_wrong());
            return Told::new(StatusCode::UNAUTHORIZED, "ids_missing", detail, about);
        }
        Refused::Missing => {
            let detail = "Connect with the TLS client certificate that is to be renewed.";
            let words = messages::est_certificate_missing(subscriber_ca(web.app().policy()));
            let about = (MessageCode::CERTIFICATE_MISSING, words);
            return Told::new(StatusCode::FORBIDDEN, "certificate_missing", detail, about);
        }
        Refused::Unknown => {
            let detail = "This certificate is none of ours. Connect with the one that this authority gave to the terminal.";
            let words = messages::est_certificate_unknown(subscriber_ca(web.app().policy()));
            let about = (MessageCode::CERTIFICATE_UNKNOWN, words);
            return Told::new(StatusCode::FORBIDDEN, "certificate_unknown", detail, about);
        }
        Refused::App(_) | Refused::CodeEnded => return code_ended(),
        Refused::MediaType => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type",
            "Send Content-Type: application/pkcs10.",
        ),
        Refused::NotBase64 => (
            StatusCode::BAD_REQUEST,
            "not_base64",
            "Send the DER of a PKCS#10 request in base64, without PEM lines.",
        ),
        Refused::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The body is too long: at most 24 KiB are read.",
        ),
        Refused::TooSlow => (
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "The body did not arrive in 20 seconds; send it again.",
        ),
        Refused::UnknownAddress => (
            StatusCode::NOT_FOUND,
            "unknown_address",
            "There is cacerts, csrattrs, simpleenroll and simplereenroll below /.well-known/est, and nothing else.",
        ),
        Refused::WrongMethod => (
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "Use GET for cacerts and csrattrs, POST for simpleenroll and simplereenroll.",
        ),
    };
    Told::new(status, word, detail, not_understood)
}

fn by_app(web: &Web, error: Error) -> Answered {
    match error {
        Error::Refused(Refusal::Enrolment(refusal)) => by_enrolment(web, refusal),
        Error::Refused(refusal) => Told::of_standing(web, &refusal)
            .unwrap_or_else(|| by_rules(web, refusal))
            .into(),
        Error::Conflict | Error::Full | Error::Unavailable => Told::unavailable().into(),
        Error::Internal(text) => Told::fault(web, &text).into(),
    }
}

fn code_ended() -> Told {
    let detail = "This procedure takes no code any more; send the request without Tegata-Procedure to get another one.";
    let about = (MessageCode::CODE_WRONG, messages::est_code_wrong());
    Told::new(StatusCode::FORBIDDEN, "mail_code_ended", detail, about)
}

fn by_rules(web: &Web, refusal: Refusal) -> Told {
    match refusal {
        Refusal::Fields(problems) => by_code(&problems),
        Refusal::FlowEnded | Refusal::FlowElsewhere => code_ended(),
        Refusal::KeyDestroyed { at, .. } => {
            let detail =
                format!("The key was destroyed at {at}; call the help desk, or apply anew.");
            let about = (
                MessageCode::NOT_TO_FETCH,
                messages::est_key_destroyed(&help_desk(web)),
            );
            Told::new(StatusCode::GONE, "key_destroyed", detail, about)
        }
        Refusal::RenewalNotOpen { opens } => {
            let detail =
                format!("Renewal opens at {opens}; the certificate stays in force until then.");
            let about = (MessageCode::BEFORE_RENEWAL, messages::est_early(opens));
            Told::new(StatusCode::FORBIDDEN, "renewal_not_open", detail, about)
        }
        Refusal::RenewalsPaused => {
            let detail = "Too many renew in this hour; send the same request again in ten minutes.";
            let about = (MessageCode::UNAVAILABLE, messages::client_unavailable());
            Told::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "renewals_paused",
                detail,
                about,
            )
            .after(PAUSE)
        }
        Refusal::RenewedBefore => {
            let detail = "The certificate was renewed, and the newer one is in use: use that one, or call the help desk if you never had it.";
            let about = (
                MessageCode::RENEWED_BEFORE,
                messages::est_renewed_before(&help_desk(web)),
            );
            Told::new(StatusCode::CONFLICT, "renewed_before", detail, about)
        }
        Refusal::TooSoon { at } => {
            let seconds = seconds_to(web, at);
            let detail = "Enough codes were mailed in this hour; use the newest one, or wait.";
            let about = (MessageCode::TOO_SOON, messages::client_too_soon(at));
            Told::new(
                StatusCode::TOO_MANY_REQUESTS,
                "mail_code_too_soon",
                detail,
                about,
            )
            .after(seconds)
        }
        Refusal::WindowEnded { window_end, .. } => {
            let detail =
                format!("The collection window ended at {window_end}; call the help desk.");
            let about = (
                MessageCode::NOT_TO_FETCH,
                messages::est_window_ended(window_end, &help_desk(web)),
            );
            Told::new(StatusCode::GONE, "window_ended", detail, about)
        }
        Refusal::WrongIds => {
            let detail =
                "The request ID or the reference ID is not right; read them again from the letter.";
            let about = (MessageCode::IDS_WRONG, messages::est_ids_wrong());
            Told::new(StatusCode::UNAUTHORIZED, "ids_wrong", detail, about)
        }
        other => {
            let told = other.to_string();
            tracing::warn!(reason = told, "a terminal's request cannot go on");
            let detail = format!("{told}; call the help desk.");
            let about = (MessageCode::CALL, messages::client_call(&help_desk(web)));
            Told::new(StatusCode::CONFLICT, "call_help_desk", detail, about)
        }
    }
}

fn by_code(problems: &[FieldProblem]) -> Told {
    let detail = match problems {
        [FieldProblem::MailCodeForm { digits }] => {
            format!("Tegata-Mail-Code has {digits} digits; send the request again with the mailed ones.")
        }
        _ => "The code is wrong or has ended; send the request again with the newest one, or without Tegata-Procedure to get another.".to_owned(),
    };
    let about = (MessageCode::CODE_WRONG, messages::est_code_wrong());
    Told::new(StatusCode::FORBIDDEN, "mail_code_wrong", detail, about)
}

fn by_enrolment(web: &Web, refusal: EnrolmentRefusal) -> Answered {
    let sentence = refusal.to_string();
    let detail = format!("The request cannot be taken: {sentence}.");
    let bad = StatusCode::BAD_REQUEST;
    let conflict = StatusCode::CONFLICT;
    let request = (MessageCode::KEY_REFUSED, messages::est_key_refused());
    let told = match refusal {
        EnrolmentRefusal::Algorithm { .. } => {
            Told::new(bad, "signature_algorithm", detail, request)
        }
        EnrolmentRefusal::CodeNeeded {
            flow,
            masked_mail,
            expires_at,
        } => {
            let detail = format!(
                "A code was mailed to {masked_mail}, good until {expires_at}: send the same request again with Tegata-Procedure as in this answer and the code in Tegata-Mail-Code."
            );
            let words = messages::est_code_needed(&masked_mail, expires_at);
            let about = (MessageCode::CODE_NEEDED, words);
            return Answered {
                told: Told::new(StatusCode::FORBIDDEN, "mail_code_needed", detail, about),
                procedure: Some(flow),
            };
        }
        EnrolmentRefusal::KeyFixed => {
            let words = messages::est_key_fixed(&help_desk(web));
            let about = (MessageCode::KEY_FIXED, words);
            Told::new(conflict, "key_fixed", detail, about)
        }
        EnrolmentRefusal::KeyKind { .. } => Told::new(bad, "key_kind", detail, request),
        EnrolmentRefusal::KeyKnown => Told::new(conflict, "key_known", detail, request),
        EnrolmentRefusal::Malformed => Told::new(bad, "request_malformed", detail, request),
        EnrolmentRefusal::Possession => Told::new(bad, "proof_of_possession", detail, request),
        EnrolmentRefusal::Subject { .. } => Told::new(bad, "subject", detail, request),
        EnrolmentRefusal::TooManyKeys { .. } => {
            let about = (MessageCode::CALL, messages::client_call(&help_desk(web)));
            Told::new(conflict, "too_many_keys", detail, about)
        }
        EnrolmentRefusal::Weak(_) => Told::new(bad, "key_weak", detail, request),
    };
    told.into()
}

/// Seconds until an instant of the system's clock; at least one.
fn seconds_to(web: &Web, at: Timestamp) -> u64 {
    let wait = at.seconds_since(web.app().system_now()).max(1);
    wait.unsigned_abs()
}
