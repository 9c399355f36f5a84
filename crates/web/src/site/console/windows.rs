//! C-21: collection windows that come to their end, and a longer one for a batch of them, by two operators (decision D4).

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::{OpenWindow, Session};
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::RequestId;
use tegata_domain::time::CalendarDate;

use super::case::read_date;
use super::desk::{self, Desk, Posted, Signed};
use super::{fault, grant, proposals, step_up};
use crate::extract::{Caller, Form};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, C_WINDOWS};
use crate::page::page as render;
use crate::respond::see_other;
use crate::web::Web;

/// Certificates that the page lists, and that one batch names at first.
const MOST: usize = 1_000;
/// Days ahead whose ends are listed where no day is asked for.
const AHEAD: i64 = 30;

struct Row {
    address: String,
    request_id: String,
    institution: String,
    terminal: String,
    posted_at: String,
    window_end: String,
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Typed {
    requests: Option<String>,
    until: String,
    reason: String,
    /// The field's id and the sentence.
    problem: Option<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "console/windows.html")]
struct WindowsPage {
    desk: Desk,
    /// The day up to whose end windows are listed.
    to: String,
    rows: Vec<Row>,
    /// Whether there are more than the page lists.
    is_full: bool,
    requests: String,
    typed: Typed,
}

/// GET /console/windows
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let to = half_width(&desk::asked(&uri, &["to"]).take("to"));
    let typed = match to.as_str() {
        "" => Typed::default(),
        to => match read_date(to) {
            Some(day) => return show(&web, &session, day, Typed::default()).await,
            None => Typed {
                problem: Some(("to", messages::DATE_WRONG.to_owned())),
                ..Typed::default()
            },
        },
    };
    show(&web, &session, usual_day(&web), typed).await
}

fn usual_day(web: &Web) -> CalendarDate {
    web.now().japan_date().plus_days(AHEAD)
}

async fn show(web: &Web, session: &Session, to: CalendarDate, typed: Typed) -> Response {
    let windows = match web.app().ending_windows(to, MOST, web.now()).await {
        Ok(windows) => windows,
        Err(error) => return fault::refuse(web, session, error),
    };
    let status = match &typed.problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let all: Vec<String> = windows
        .iter()
        .map(|window| window.request_id.to_string())
        .collect();
    let view = WindowsPage {
        desk: Desk::new(web, session, C_WINDOWS, ""),
        to: to.to_string(),
        is_full: windows.len() == MOST,
        rows: windows.iter().map(row).collect(),
        requests: typed.requests.clone().unwrap_or_else(|| all.join("\n")),
        typed,
    };
    render(status, &view)
}

fn row(window: &OpenWindow) -> Row {
    Row {
        address: grant::address(&window.request_id),
        request_id: window.request_id.to_string(),
        institution: window.institution.clone(),
        terminal: window.terminal.clone(),
        posted_at: messages::date(window.posted_at),
        window_end: messages::date(window.window_end),
    }
}

/// A batch, as sent.
pub(crate) struct BatchForm {
    requests: String,
    until: String,
    reason: String,
    code: String,
}

impl Form for BatchForm {
    const FIELDS: &'static [&'static str] = &["requests", "until", "reason", "code"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            requests: fields.take("requests"),
            until: half_width(&fields.take("until")),
            reason: fields.take("reason"),
            code: half_width(&fields.take("code")),
        })
    }
}

/// What the form asks for, or the field that is wrong and why.
fn read(form: &BatchForm) -> Result<ProposedAct, (&'static str, &'static str)> {
    let lines = form.requests.lines().map(half_width);
    let requests: Option<BTreeSet<RequestId>> = lines
        .filter(|line| !line.is_empty())
        .map(|line| RequestId::parse(&line))
        .collect();
    let requests = requests.filter(|requests| !requests.is_empty());
    let requests = requests.ok_or(("requests", messages::REQUESTS_WRONG))?;
    let until = read_date(&form.until).ok_or(("until", messages::DATE_WRONG))?;
    if form.reason.trim().is_empty() {
        return Err(("reason", messages::REASON_MISSING));
    }
    Ok(ProposedAct::ExtendWindow { requests, until })
}

/// POST /console/windows/propose
pub(crate) async fn propose(
    State(web): State<Web>,
    Signed(session): Signed,
    caller: Caller,
    Posted(form): Posted<BatchForm>,
) -> Response {
    let wrong = |field, told: String| Typed {
        requests: Some(form.requests.clone()),
        until: form.until.clone(),
        reason: form.reason.clone(),
        problem: Some((field, told)),
    };
    let day = usual_day(&web);
    let act = match read(&form) {
        Ok(act) => act,
        Err((field, told)) => {
            return show(&web, &session, day, wrong(field, told.to_owned())).await;
        }
    };
    match step_up::passed(&web, &session, caller.source, &form.code).await {
        Ok(None) => {}
        Ok(Some(told)) => return show(&web, &session, day, wrong("requests", told)).await,
        Err(error) => return fault::refuse(&web, &session, error),
    }
    let (by, now) = (&session.operator, web.now());
    match web.app().propose(act, &form.reason, by, now).await {
        Ok(proposal) => see_other(&proposals::address(&proposal.id)),
        Err(error) => match step_up::sentence(error) {
            Ok(told) => show(&web, &session, day, wrong("requests", told)).await,
            Err(error) => fault::refuse(&web, &session, error),
        },
    }
}
