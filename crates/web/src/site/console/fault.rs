//! What the console says when something does not go: one page for each kind, with where to go on.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use tegata_app::{Error, Refusal, Session};

use super::desk::{self, Desk};
use super::shown;
use crate::messages::{self, SITE_CONSOLE, Screen};
use crate::page::{Frame, page};
use crate::respond;
use crate::web::Web;

/// Fields that are never shown again.
const NOT_SHOWN: [&str; 6] = ["code", "csrf", "next", "password", "seen", "version"];

#[derive(Template)]
#[template(path = "console/fault.html")]
struct FaultPage {
    desk: Desk,
    /// Why, in a sentence.
    reason: Option<String>,
    /// What the program says, in English.
    detail: Option<String>,
    incident: Option<String>,
    /// Where the case is, for whoever has to look at it again.
    case: Option<String>,
    /// What was typed, by the names of the fields.
    typed: Vec<(String, String)>,
}

/// What a fault's page says. It stands beside the page that was made of it, so that the guard, which knows the address,
/// can add where the case is and what was typed.
#[derive(Clone)]
pub(super) struct Fault {
    screen: Screen,
    status: StatusCode,
    reason: Option<String>,
    detail: Option<String>,
    incident: Option<String>,
}

#[derive(Template)]
#[template(path = "console/over.html")]
struct OverPage {
    frame: Frame,
    console_style: String,
    typed: Vec<(String, String)>,
}

fn fault(web: &Web, session: &Session, screen: Screen, status: StatusCode) -> Response {
    told(web, session, screen, status, (None, None))
}

fn told(
    web: &Web,
    session: &Session,
    screen: Screen,
    status: StatusCode,
    (reason, detail): (Option<String>, Option<String>),
) -> Response {
    let fault = Fault {
        screen,
        status,
        reason,
        detail,
        incident: None,
    };
    fault.respond(web, session)
}

impl Fault {
    fn respond(self, web: &Web, session: &Session) -> Response {
        let mut response = self.page(web, session, None, Vec::new());
        response.extensions_mut().insert(self);
        response
    }

    /// The page, with a link to the case of the address that failed, and what was typed there.
    pub(super) fn page(
        &self,
        web: &Web,
        session: &Session,
        case: Option<String>,
        typed: Vec<(String, String)>,
    ) -> Response {
        let may_look = [messages::C_MOVED, messages::C_STATE, messages::C_FAULT];
        let view = FaultPage {
            desk: Desk::new(web, session, self.screen, ""),
            reason: self.reason.clone(),
            detail: self.detail.clone(),
            incident: self.incident.clone(),
            case: case.filter(|_| may_look.contains(&self.screen)),
            typed: named(typed),
        };
        page(self.status, &view)
    }
}

/// The page of the case that an address of the console is about.
pub(super) fn case_of(path: &str) -> Option<String> {
    const CASES: [&str; 7] = [
        "announcements",
        "applications",
        "grants",
        "institutions",
        "proposals",
        "revocations",
        "unreachable",
    ];
    let mut parts = path.strip_prefix("/console/")?.split('/');
    let (kind, id) = (parts.next()?, parts.next()?);
    let is_case = CASES.contains(&kind) && !id.is_empty();
    is_case.then(|| format!("/console/{kind}/{id}"))
}

/// The page for an error, wherever the page itself has no better place for it.
pub(super) fn refuse(web: &Web, session: &Session, error: Error) -> Response {
    match error {
        Error::Refused(Refusal::NotAllowed) => {
            fault(web, session, messages::C_DENIED, StatusCode::FORBIDDEN)
        }
        Error::Refused(Refusal::SamePerson) => {
            fault(web, session, messages::C_SAME_PERSON, StatusCode::FORBIDDEN)
        }
        Error::Refused(Refusal::NotFound) => unknown(web, session),
        Error::Refused(Refusal::Act(refusal)) => {
            let reason = Some(messages::acts::act_refusal(&refusal));
            let (screen, status) = (messages::C_STATE, StatusCode::CONFLICT);
            told(web, session, screen, status, (reason, None))
        }
        Error::Refused(refusal) => {
            let detail = Some(refusal.to_string());
            let (screen, status) = (messages::C_STATE, StatusCode::CONFLICT);
            told(web, session, screen, status, (None, detail))
        }
        Error::Conflict => fault(web, session, messages::C_MOVED, StatusCode::CONFLICT),
        Error::Full | Error::Unavailable => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            fault(web, session, messages::C_FAULT, status)
        }
        Error::Internal(text) => {
            let incident = web.incident();
            tracing::error!(incident, error = text, "a request of the console failed");
            let fault = Fault {
                screen: messages::C_FAULT,
                status: StatusCode::INTERNAL_SERVER_ERROR,
                reason: None,
                detail: None,
                incident: Some(incident),
            };
            fault.respond(web, session)
        }
    }
}

/// CE-7
pub(super) fn unknown(web: &Web, session: &Session) -> Response {
    fault(web, session, messages::C_UNKNOWN, StatusCode::NOT_FOUND)
}

/// CE-2, and a line in the audit trail (T40).
pub(super) async fn denied(web: &Web, session: &Session, what: String) -> Response {
    match web.app().record_denied(session, what).await {
        Ok(()) => fault(web, session, messages::C_DENIED, StatusCode::FORBIDDEN),
        Err(error) => refuse(web, session, error),
    }
}

/// CE-3: the form was not made for this session (T04).
pub(super) fn forged(web: &Web, session: &Session) -> Response {
    fault(web, session, messages::C_FORGED, StatusCode::FORBIDDEN)
}

/// A body that is no form of ours.
pub(super) fn unreadable(web: &Web, session: &Session) -> Response {
    fault(web, session, messages::C_FORGED, StatusCode::BAD_REQUEST)
}

/// CE-1: what was typed stands on the page, to be copied after the login.
pub(super) fn over(web: &Web, typed: Vec<(String, String)>) -> Response {
    let view = OverPage {
        frame: web.frame(SITE_CONSOLE, messages::C_ENDED),
        console_style: format!("/assets/{}", web.assets().console_style),
        typed: named(typed),
    };
    page(StatusCode::UNAUTHORIZED, &view)
}

/// Texts that may be shown again, under the names of their fields.
fn named(typed: Vec<(String, String)>) -> Vec<(String, String)> {
    typed
        .into_iter()
        .filter(|(name, text)| !text.is_empty() && !NOT_SHOWN.contains(&name.as_str()))
        .map(|(name, text)| (shown::field_name(&name).to_owned(), text))
        .collect()
}

/// An error before anybody is known.
pub(super) fn outside(web: &Web, error: Error) -> Response {
    respond::refuse(web, respond::Place::Entrance, error)
}

/// The page for an address that does not exist.
pub(crate) async fn unknown_page(web: &Web, headers: HeaderMap) -> Response {
    match desk::session_of(web, &headers).await {
        Ok(Some(session)) => unknown(web, &session),
        Ok(None) => respond::unknown(web),
        Err(error) => outside(web, error),
    }
}

/// E-09
pub(crate) fn wrong_method(web: &Web) -> Response {
    respond::wrong_method(web)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_below_a_case_leads_to_the_case() {
        for (path, case) in [
            (
                "/console/grants/202601190000001/extend",
                Some("/console/grants/202601190000001"),
            ),
            (
                "/console/applications/0a1b/examine",
                Some("/console/applications/0a1b"),
            ),
            (
                "/console/revocations/R26-0000001",
                Some("/console/revocations/R26-0000001"),
            ),
            ("/console/grants/", None),
            ("/console/grants", None),
            ("/console/letters/posted", None),
            ("/console", None),
            ("/p/rx/1", None),
        ] {
            assert_eq!(case_of(path).as_deref(), case, "{path}");
        }
    }
}
