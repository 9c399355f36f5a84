//! C-3: applications by state, the oldest first, paged by key; and the next one for whoever asks.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::{Queued, Result, Session};
use tegata_domain::application::{ApplicationState, CertificateApplication};
use tegata_domain::id::ApplicationId;
use tegata_domain::operator::Operator;

use super::desk::{self, Desk, Signed};
use super::fault;
use crate::messages::{self, C_QUEUE};
use crate::page::page as render;
use crate::respond;
use crate::web::Web;

/// Applications on a page.
const PAGE: u32 = 50;
/// Applications that one look for the next case reads.
const LOOK: u32 = 200;
/// The states that are worked on, in the order of the tabs.
const STATES: [&str; 3] = ["submitted", "examined", "returned"];

struct Tab {
    label: &'static str,
    address: String,
    is_here: bool,
}

struct Entry {
    address: String,
    entered_at: String,
    age: String,
    code: String,
    institution: String,
    terminal: String,
}

#[derive(Template)]
#[template(path = "console/queue.html")]
struct QueuePage {
    desk: Desk,
    tabs: Vec<Tab>,
    /// What the last act was, where it led here.
    done: Option<&'static str>,
    entries: Vec<Entry>,
    next_case: String,
    next_page: Option<String>,
}

/// A state that is worked on; the first where another word stands.
fn known(state: &str) -> &'static str {
    let found = STATES.into_iter().find(|known| *known == state);
    found.unwrap_or("submitted")
}

/// GET /console/queue
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let mut fields = desk::asked(&uri, &["state", "after", "done"]);
    let state = known(&fields.take("state"));
    let after = ApplicationId::parse(&fields.take("after")).ok();
    let done = super::case::done_name(&fields.take("done"));
    let queue = match web.app().queue(state, after.as_ref(), PAGE).await {
        Ok(queue) => queue,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let full = u32::try_from(queue.len()).is_ok_and(|count| count == PAGE);
    let last = queue.last().filter(|_| full);
    let here = format!("/console/queue?state={state}");
    let view = QueuePage {
        desk: Desk::new(&web, &session, C_QUEUE, &here),
        tabs: STATES.map(|tab| tab_of(tab, state)).into(),
        done,
        next_page: last.map(|entry| format!("{here}&after={}", entry.application.id)),
        entries: queue.iter().map(|queued| entry(&web, queued)).collect(),
        next_case: format!("/console/queue/next?state={state}"),
    };
    render(StatusCode::OK, &view)
}

fn tab_of(tab: &'static str, state: &str) -> Tab {
    Tab {
        label: messages::queue_name(tab),
        address: format!("/console/queue?state={tab}"),
        is_here: tab == state,
    }
}

fn entry(web: &Web, queued: &Queued) -> Entry {
    let application = &queued.application;
    Entry {
        address: super::case::address(&application.id),
        entered_at: messages::moment(application.entered_at),
        age: messages::age(application.entered_at, web.now()),
        code: queued.institution.code.to_string(),
        institution: queued.institution.name.clone(),
        terminal: application.terminal.as_str().to_owned(),
    }
}

/// GET /console/queue/next
pub(crate) async fn next(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let mut fields = desk::asked(&uri, &["state", "after"]);
    let state = known(&fields.take("state"));
    let after = ApplicationId::parse(&fields.take("after")).ok();
    match next_address(&web, &session, state, after.as_ref(), "").await {
        Ok(address) => respond::see_other(&address),
        Err(error) => fault::refuse(&web, &session, error),
    }
}

/// Where whoever finished a case goes: to the next one that is not his own, or to the empty queue.
pub(super) async fn next_address(
    web: &Web,
    session: &Session,
    state: &'static str,
    after: Option<&ApplicationId>,
    done: &str,
) -> Result<String> {
    let mut found = next_case(web, &session.operator, state, after).await?;
    if found.is_none() && after.is_some() {
        found = next_case(web, &session.operator, state, None).await?;
    }
    let done = match after {
        Some(of) if !done.is_empty() => format!("done={done}&of={of}"),
        _ => String::new(),
    };
    Ok(match found {
        Some(next) if done.is_empty() => super::case::address(&next),
        Some(next) => format!("{}?{done}", super::case::address(&next)),
        None => match done.split_once('&') {
            Some((done, _)) => format!("/console/queue?state={state}&{done}"),
            None => format!("/console/queue?state={state}"),
        },
    })
}

async fn next_case(
    web: &Web,
    operator: &Operator,
    state: &str,
    after: Option<&ApplicationId>,
) -> Result<Option<ApplicationId>> {
    let waiting = web.app().list_applications(state, after, LOOK).await?;
    let foreign = waiting.into_iter().find(|one| !took_part(one, operator));
    Ok(foreign.map(|application| application.id))
}

/// Whether the operator entered or examined it: then he is not the next person (F8).
pub(super) fn took_part(application: &CertificateApplication, operator: &Operator) -> bool {
    let examined = matches!(
        &application.state, ApplicationState::Examined { by, .. } if *by == operator.id);
    examined || application.entered_by.is(&operator.id)
}
