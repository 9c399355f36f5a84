//! C-1: name, password and one-time code (decision F8). One answer for whatever of them is wrong.

use askama::Template;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use tegata_app::{Error, Refusal};
use tegata_domain::secret::Secret;

use super::desk::{self, Button, COOKIE_NAME, Posted, Signed};
use super::fault;
use crate::extract::{Caller, Form, Sent};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, C_LOGIN, SITE_CONSOLE};
use crate::page::{Frame, Problem, Problems, page};
use crate::respond;
use crate::web::Web;

#[derive(Template)]
#[template(path = "console/login.html")]
struct LoginPage<'a> {
    frame: Frame,
    console_style: String,
    name: &'a str,
    next: &'a str,
    problems: Problems,
}

/// The address of the login that leads back to `here`.
pub(super) fn address(here: Option<&str>) -> String {
    match here.filter(|here| is_ours(here) && *here != "/console") {
        Some(here) => format!("/console/login?next={}", percent_encode(here)),
        None => "/console/login".to_owned(),
    }
}

/// Whether an address is one of the console's own, so that a login never leads elsewhere.
fn is_ours(address: &str) -> bool {
    let rest = address.strip_prefix("/console").unwrap_or("x");
    let plain = |b: u8| b.is_ascii_graphic() && b != b'\\';
    (rest.is_empty() || rest.starts_with(['/', '?'])) && address.bytes().all(plain)
}

pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"/-_.".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}

/// GET /console/login
pub(crate) async fn form(State(web): State<Web>, uri: Uri) -> Response {
    let next = desk::asked(&uri, &["next"]).take("next");
    login_page(&web, "", &next, Problems::default(), StatusCode::OK)
}

/// C-1 as sent.
pub(crate) struct LoginForm {
    name: String,
    password: Secret<String>,
    code: String,
    next: String,
}

impl Form for LoginForm {
    const FIELDS: &'static [&'static str] = &["name", "password", "code", "next"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            name: half_width(&fields.take("name")),
            password: Secret::new(fields.take("password")),
            code: half_width(&fields.take("code")),
            next: fields.take("next"),
        })
    }
}

/// POST /console/login
pub(crate) async fn log_in(
    State(web): State<Web>,
    caller: Caller,
    headers: HeaderMap,
    Sent(form): Sent<LoginForm>,
) -> Response {
    let app = web.app();
    let token = app
        .log_in(&form.name, &form.password, &form.code, caller.source)
        .await;
    let token = match token {
        Ok(token) => token,
        Err(error) => return wrong(&web, &form, error),
    };
    // The session before this one, where there was one, ends: a login always has a new value (T03).
    match desk::session_of(&web, &headers).await {
        Ok(Some(earlier)) => {
            if let Err(error) = app.log_out(&earlier).await {
                return fault::outside(&web, error);
            }
        }
        Ok(None) => {}
        Err(error) => return fault::outside(&web, error),
    }
    let next = Some(form.next.as_str()).filter(|next| is_ours(next));
    let mut response = respond::see_other(next.unwrap_or("/console"));
    set_cookie(&mut response, token.expose(), "");
    response
}

fn wrong(web: &Web, form: &LoginForm, error: Error) -> Response {
    let (message, status) = match error {
        Error::Refused(Refusal::NotAllowed) => {
            (messages::LOGIN_WRONG.to_owned(), StatusCode::FORBIDDEN)
        }
        Error::Refused(Refusal::Throttled { seconds }) => (
            messages::login_throttled(seconds),
            StatusCode::TOO_MANY_REQUESTS,
        ),
        error => return fault::outside(web, error),
    };
    let problems = Problems(vec![Problem {
        field: "name",
        message,
    }]);
    let mut response = login_page(web, &form.name, &form.next, problems, status);
    if let Error::Refused(Refusal::Throttled { seconds }) = error {
        respond::retry_after(&mut response, seconds);
    }
    response
}

fn login_page(
    web: &Web,
    name: &str,
    next: &str,
    problems: Problems,
    status: StatusCode,
) -> Response {
    let view = LoginPage {
        frame: web.frame(SITE_CONSOLE, C_LOGIN),
        console_style: format!("/assets/{}", web.assets().console_style),
        name,
        next,
        problems,
    };
    page(status, &view)
}

/// POST /console/logout
pub(crate) async fn log_out(
    State(web): State<Web>,
    Signed(session): Signed,
    Posted(Button): Posted<Button>,
) -> Response {
    match web.app().log_out(&session).await {
        Ok(()) => {
            let mut response = respond::see_other("/console/login");
            set_cookie(&mut response, "", "; Max-Age=0");
            response
        }
        Err(error) => fault::refuse(&web, &session, error),
    }
}

fn set_cookie(response: &mut Response, value: &str, more: &str) {
    let text = format!("{COOKIE_NAME}={value}; Path=/; Secure; HttpOnly; SameSite=Strict{more}");
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_back_to_the_console_only() {
        assert_eq!(address(None), "/console/login");
        assert_eq!(address(Some("/console")), "/console/login");
        assert_eq!(
            address(Some("/console/search?q=a&b=1")),
            "/console/login?next=/console/search%3Fq%3Da%26b%3D1"
        );
        for elsewhere in [
            "https://evil.example/",
            "//evil.example/console",
            "/consoleevil",
            "/console/\\evil",
            "/console/a\r\nb",
            "",
        ] {
            assert!(!is_ours(elsewhere), "{elsewhere:?}");
        }
    }
}
