//! How EST says no (RFC 7030 §4.2.3, RFC 8951 §4): a status, a word for programs in `Tegata-Error`, and one English
//! sentence that says what to do next. A client that accepts `application/problem+json` gets the same with a message in
//! Japanese for the person at the terminal.

use axum::http::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{EnrolmentRefusal, Error, FieldProblem, Refusal};
use tegata_domain::id::FlowId;
use tegata_domain::time::Timestamp;
use tegata_protocol::{Message, MessageCode};

use super::request::PROCEDURE;
use crate::messages::{self, Said};
use crate::respond::retry_after;
use crate::site::ru::subscriber_ca;
use crate::web::Web;

/// The problem, in a word for programs.
const ERROR: HeaderName = HeaderName::from_static("tegata-error");
/// Basic asks for UTF-8, as RFC 7617 §2.1 lets a server do.
const CHALLENGE: &str = "Basic realm=\"request ID and reference ID\", charset=\"UTF-8\"";
const PROBLEM: &str = "application/problem+json";
/// Seconds after which to try again.
const LATER: u64 = 60;
/// The same where many renew at once (F9).
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

/// Everything that an answer is made of.
struct Told {
    status: StatusCode,
    word: &'static str,
    /// English: what is wrong, and what to do next.
    detail: String,
    number: MessageCode,
    /// Japanese: the same for a person.
    words: Said,
    /// When to try again.
    after: Option<u64>,
    /// The procedure that takes a 確認番号.
    procedure: Option<FlowId>,
    incident: Option<String>,
}

impl Told {
    fn new(
        status: StatusCode,
        word: &'static str,
        detail: impl Into<String>,
        (number, words): (MessageCode, Said),
    ) -> Self {
        Self {
            status,
            word,
            detail: detail.into(),
            number,
            words,
            after: None,
            procedure: None,
            incident: None,
        }
    }

    fn after(mut self, seconds: u64) -> Self {
        self.after = Some(seconds);
        self
    }
}

/// The answer.
pub(super) fn refuse(web: &Web, asked: &HeaderMap, refused: Refused) -> Response {
    let told = match refused {
        Refused::App(error) => by_app(web, error),
        other => by_edge(web, &other),
    };
    let wants_problem = asked
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.to_ascii_lowercase().contains(PROBLEM));
    let (kind, body) = if wants_problem {
        (PROBLEM, problem(web, &told))
    } else {
        ("text/plain; charset=utf-8", format!("{}\n", told.detail))
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (ERROR, HeaderValue::from_static(told.word)),
    ];
    let mut response = (told.status, headers, body).into_response();
    if told.status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(CHALLENGE);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = told.after {
        retry_after(&mut response, seconds);
    }
    let procedure = told
        .procedure
        .and_then(|flow| HeaderValue::from_str(flow.as_str()).ok());
    if let Some(value) = procedure {
        let name = HeaderName::from_static(PROCEDURE);
        response.headers_mut().insert(name, value);
    }
    response
}

/// The members of RFC 9457 with the message for the person.
fn problem(web: &Web, told: &Told) -> String {
    let addresses = web.app().addresses();
    let subscriber = addresses.subscriber.first().unwrap_or(&addresses.public);
    let (link, link_text) = if told.words.leads_to_application {
        (format!("{}/p/rcr", addresses.public), messages::APPLY_ANEW)
    } else {
        (format!("{subscriber}/p/ru"), messages::CHECK_CERTIFICATE)
    };
    let refusal = tegata_protocol::Refusal {
        kind: "about:blank".to_owned(),
        title: told
            .status
            .canonical_reason()
            .unwrap_or_default()
            .to_owned(),
        status: told.status.as_u16(),
        code: told.word.to_owned(),
        detail: told.detail.clone(),
        message: Some(Message {
            code: told.number,
            notify: false,
            title: told.words.title.to_owned(),
            text: told.words.text.clone(),
            link,
            link_text: link_text.to_owned(),
        }),
        incident: told.incident.clone(),
    };
    serde_json::to_string(&refusal).unwrap_or_default()
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

fn by_app(web: &Web, error: Error) -> Told {
    match error {
        Error::Refused(refusal) => by_rules(web, refusal),
        Error::Conflict | Error::Full | Error::Unavailable => {
            let detail =
                "The service is not available now; send the same request again in a minute.";
            let about = (MessageCode::UNAVAILABLE, messages::client_unavailable());
            Told::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                detail,
                about,
            )
            .after(LATER)
        }
        Error::Internal(text) => fault(web, &text),
    }
}

fn fault(web: &Web, text: &str) -> Told {
    let incident = web.incident();
    tracing::error!(incident, error = text, "a request failed");
    let detail =
        format!("Something is wrong here; tell the operator the incident number {incident}.");
    let about = (
        MessageCode::FAULT,
        messages::client_fault(&incident, &help_desk(web)),
    );
    let told = Told::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        detail,
        about,
    );
    Told {
        incident: Some(incident),
        ..told
    }
}

fn code_ended() -> Told {
    let detail = "This procedure takes no code any more; send the request without Tegata-Procedure to get another one.";
    let about = (MessageCode::CODE_WRONG, messages::est_code_wrong());
    Told::new(StatusCode::FORBIDDEN, "mail_code_ended", detail, about)
}

fn by_rules(web: &Web, refusal: Refusal) -> Told {
    let forbidden = StatusCode::FORBIDDEN;
    let ca_short = &web.app().policy().names.ca_short;
    match refusal {
        Refusal::Enrolment(refusal) => by_enrolment(web, refusal),
        Refusal::Expired { not_after } => {
            let detail = format!(
                "The certificate expired at {not_after}: retrieve its renewal, or apply for a new one."
            );
            let about = (MessageCode::EXPIRED, messages::client_expired());
            Told::new(forbidden, "certificate_expired", detail, about)
        }
        Refusal::Fields(problems) => by_code(&problems),
        Refusal::FlowEnded | Refusal::FlowElsewhere => code_ended(),
        Refusal::Frozen { at } => {
            let detail =
                format!("Collecting was stopped by its holder at {at}; call the help desk.");
            let about = (
                MessageCode::FROZEN,
                messages::client_frozen(at, &help_desk(web)),
            );
            Told::new(forbidden, "frozen", detail, about)
        }
        Refusal::KeyDestroyed { at, .. } => {
            let detail =
                format!("The key was destroyed at {at}; call the help desk, or apply anew.");
            let about = (
                MessageCode::NOT_TO_FETCH,
                messages::est_key_destroyed(&help_desk(web)),
            );
            Told::new(StatusCode::GONE, "key_destroyed", detail, about)
        }
        Refusal::OnHold { at, by_operator } => {
            let detail = format!("The certificate is on hold since {at}; call the help desk.");
            let words = messages::client_held(at, by_operator, ca_short, &help_desk(web));
            Told::new(
                forbidden,
                "certificate_on_hold",
                detail,
                (MessageCode::ON_HOLD, words),
            )
        }
        Refusal::RenewalNotOpen { opens } => {
            let detail =
                format!("Renewal opens at {opens}; the certificate stays in force until then.");
            let about = (MessageCode::BEFORE_RENEWAL, messages::est_early(opens));
            Told::new(forbidden, "renewal_not_open", detail, about)
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
        Refusal::Replaced { .. } => {
            let detail = "A newer certificate took the place of this one: use that one.";
            let about = (MessageCode::REPLACED, messages::client_replaced());
            Told::new(forbidden, "certificate_replaced", detail, about)
        }
        Refusal::Revoked { at } => {
            let detail = format!("The certificate is revoked since {at}; apply for a new one.");
            let about = (MessageCode::REVOKED, messages::client_revoked(at));
            Told::new(forbidden, "certificate_revoked", detail, about)
        }
        Refusal::Throttled { seconds } => {
            let detail = format!("Too many wrong attempts; wait {seconds} seconds.");
            let about = (MessageCode::THROTTLED, messages::client_throttled(seconds));
            Told::new(StatusCode::TOO_MANY_REQUESTS, "throttled", detail, about).after(seconds)
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

fn by_enrolment(web: &Web, refusal: EnrolmentRefusal) -> Told {
    let sentence = refusal.to_string();
    let detail = format!("The request cannot be taken: {sentence}.");
    let bad = StatusCode::BAD_REQUEST;
    let conflict = StatusCode::CONFLICT;
    let request = (MessageCode::KEY_REFUSED, messages::est_key_refused());
    match refusal {
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
            let told = Told::new(StatusCode::FORBIDDEN, "mail_code_needed", detail, about);
            Told {
                procedure: Some(flow),
                ..told
            }
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
    }
}

fn help_desk(web: &Web) -> String {
    messages::help_desk(&web.app().policy().names.help_desk)
}

/// Seconds until an instant of the system's clock; at least one.
fn seconds_to(web: &Web, at: Timestamp) -> u64 {
    let wait = at.seconds_since(web.app().system_now()).max(1);
    wait.unsigned_abs()
}
