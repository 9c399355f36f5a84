//! Who sits at the console: the session of a request, the right of its address, and what stands around a page.

use std::sync::{Arc, OnceLock};

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use tegata_app::Session;
use tegata_domain::access::Right;

use super::fault::{self, Fault};
use crate::extract::{Form, body_of_form};
use crate::flow::cookie_named;
use crate::form::Fields;
use crate::messages::{self, SITE_CONSOLE, Screen};
use crate::page::Frame;
use crate::respond;
use crate::web::Web;

/// Bound to this very host, and to no other path or name (T03).
pub(crate) const COOKIE_NAME: &str = "__Host-tegata-console";
/// The field of every form that proves the page was ours.
const FORM_TOKEN: &str = "csrf";
/// Longest body of a form, octets: a thousand request IDs with their numbers of the post.
const LONGEST_FORM: usize = 128 * 1_024;

/// Lets a request through whose session holds the right of the address.
pub(crate) async fn guard(
    State((web, right)): State<(Web, Right)>,
    mut request: Request,
    next: Next,
) -> Response {
    if right.is_open() {
        return next.run(request).await;
    }
    let session = match session_of(&web, request.headers()).await {
        Ok(session) => session,
        Err(error) => return fault::outside(&web, error),
    };
    let Some(session) = session else {
        return over(&web, request).await;
    };
    if !right.is_held_by(&session.operator) {
        let what = format!("{} {}", request.method(), request.uri().path());
        return fault::denied(&web, &session, what).await;
    }
    let case = fault::case_of(request.uri().path());
    let typed = Typed::default();
    request.extensions_mut().insert(session.clone());
    request.extensions_mut().insert(typed.clone());
    let response = next.run(request).await;
    match response.extensions().get::<Fault>() {
        Some(fault) => fault.page(&web, &session, case, typed.take()),
        None => response,
    }
}

/// What a form of this request said, for the page of a fault: it keeps what was typed.
#[derive(Clone, Default)]
struct Typed(Arc<OnceLock<Vec<(String, String)>>>);

impl Typed {
    fn keep(&self, body: &[u8]) {
        // A request has one body.
        let _ = self.0.set(Fields::lenient(body));
    }

    fn take(&self) -> Vec<(String, String)> {
        self.0.get().cloned().unwrap_or_default()
    }
}

/// The session that a request's cookie names.
pub(super) async fn session_of(
    web: &Web,
    headers: &HeaderMap,
) -> Result<Option<Session>, tegata_app::Error> {
    match cookie_named(headers, COOKIE_NAME) {
        Some(token) => web.app().session(&token).await,
        None => Ok(None),
    }
}

/// Nobody is logged in (any more): to the login, or a page that keeps what was typed.
async fn over(web: &Web, request: Request) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let here = request.uri().path_and_query().map(ToString::to_string);
        return respond::see_other(&super::login::address(here.as_deref()));
    }
    let body = to_bytes(request.into_body(), LONGEST_FORM).await;
    let typed = body.map(|body| Fields::lenient(&body)).unwrap_or_default();
    fault::over(web, typed)
}

/// The session of a request that the guard let through.
pub(crate) struct Signed(pub(crate) Session);

impl FromRequestParts<Web> for Signed {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Response> {
        let session = parts.extensions.get::<Session>().cloned();
        let lost = || respond::internal(web, "an address of the console has no guard");
        session.map(Self).ok_or_else(lost)
    }
}

/// A form of one of our own pages, sent in the session that the page was made for (T04).
pub(crate) struct Posted<T>(pub(crate) T);

impl<T: Form> FromRequest<Web> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Web) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Signed(session) = Signed::from_request_parts(&mut parts, web).await?;
        let typed = parts.extensions.get::<Typed>().cloned().unwrap_or_default();
        let request = Request::from_parts(parts, body);
        let body = body_of_form(web, request, LONGEST_FORM).await?;
        let known: Vec<&str> = T::FIELDS.iter().copied().chain([FORM_TOKEN]).collect();
        let unreadable = || fault::unreadable(web, &session);
        let mut fields = Fields::parse(&body, &known).map_err(|_| unreadable())?;
        if !session.made_form(&fields.take(FORM_TOKEN)) {
            return Err(fault::forged(web, &session));
        }
        typed.keep(&body);
        T::read(&mut fields).map(Self).map_err(|_| unreadable())
    }
}

/// A form that is only its button.
pub(crate) struct Button;

impl Form for Button {
    const FIELDS: &'static [&'static str] = &[];

    fn read(_: &mut Fields) -> Result<Self, crate::form::Malformed> {
        Ok(Self)
    }
}

/// What was asked in an address after the `?`; what cannot be read is as if it was not there.
pub(super) fn asked(parts: &axum::http::Uri, known: &[&str]) -> Fields {
    let query = parts.query().unwrap_or_default();
    Fields::parse(query.as_bytes(), known).unwrap_or_default()
}

/// A line of the menu.
pub(crate) struct Item {
    pub(crate) label: &'static str,
    pub(crate) address: &'static str,
    /// The key that leads there with the browser's access key.
    pub(crate) key: &'static str,
    pub(crate) is_here: bool,
}

/// What stands around a page of the console.
pub(crate) struct Desk {
    pub(crate) frame: Frame,
    pub(crate) console_style: String,
    /// The operator's name.
    pub(crate) name: String,
    /// 役割.
    pub(crate) roles: String,
    pub(crate) csrf: String,
    /// Whether acts of two persons ask for a one-time code.
    pub(crate) asks_code: bool,
    pub(crate) menu: Vec<Item>,
    /// Whether the operator may look for cases.
    pub(crate) searches: bool,
    /// What stands in the search field.
    pub(crate) looked_for: String,
}

/// Label, address, key, and the right of the address.
const MENU: &[(&str, &str, &str, Right)] = &[
    (messages::MENU_START, "/console", "0", Right::SignedIn),
    (
        messages::MENU_EXAMINE,
        "/console/queue?state=submitted",
        "1",
        Right::ReadCases,
    ),
    (
        messages::MENU_APPROVE,
        "/console/queue?state=examined",
        "2",
        Right::ReadCases,
    ),
    (
        messages::MENU_LETTERS,
        "/console/letters",
        "3",
        Right::ReadLetters,
    ),
    (
        messages::MENU_REVOCATIONS,
        "/console/revocations",
        "4",
        Right::ReadCases,
    ),
    (
        messages::MENU_PROPOSALS,
        "/console/proposals",
        "5",
        Right::SignedIn,
    ),
    (
        messages::W_REGISTER,
        "/console/institutions",
        "6",
        Right::ReadCases,
    ),
    (
        messages::W_OPERATOR,
        "/console/operators",
        "7",
        Right::ReadOperators,
    ),
    (
        messages::MENU_AUDIT,
        "/console/audit",
        "8",
        Right::ReadAudit,
    ),
    (
        messages::MENU_ANNOUNCEMENTS,
        "/console/announcements",
        "9",
        Right::ReadAnnouncements,
    ),
    (
        messages::MENU_NOTICES,
        "/console/notices",
        "m",
        Right::ReadFigures,
    ),
];

impl Desk {
    pub(crate) fn new(web: &Web, session: &Session, screen: Screen, here: &str) -> Self {
        let operator = &session.operator;
        let roles: Vec<&str> = operator
            .roles
            .iter()
            .map(|role| messages::role_name(*role))
            .collect();
        let menu = MENU
            .iter()
            .filter(|(_, _, _, right)| right.is_held_by(operator))
            .map(|(label, address, key, _)| Item {
                label,
                address,
                key,
                is_here: *address == here,
            });
        Self {
            frame: web.frame(SITE_CONSOLE, screen),
            console_style: format!("/assets/{}", web.assets().console_style),
            name: operator.name.clone(),
            roles: roles.join(messages::W_DOT),
            csrf: session.csrf.clone(),
            asks_code: !session.is_stepped_up,
            menu: menu.collect(),
            searches: Right::ReadCases.is_held_by(operator),
            looked_for: String::new(),
        }
    }
}
