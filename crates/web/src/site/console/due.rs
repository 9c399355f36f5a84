//! C-19: この日に送るもの: which notices go out on a day, as things stand (F6). Addresses are masked.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::{DueCursor, DueDay, DueEntries, DueEntry, DueGroup, Session};
use tegata_domain::time::CalendarDate;

use super::case::read_date;
use super::desk::{self, Desk, Signed};
use super::{fault, grant, step_up};
use crate::form::half_width;
use crate::messages::{self, C_DUE};
use crate::page::page as render;
use crate::web::Web;

/// The address of the page.
const HERE: &str = "/console/notices/due";
/// Notices on a page.
const PAGE: u32 = 50;

/// The address of what goes out on a day.
pub(super) fn address(day: CalendarDate) -> String {
    format!("{HERE}?on={day}")
}

struct GroupRow {
    occasion: String,
    kind: &'static str,
    notices: String,
    mails: String,
}

struct EntryRow {
    address: String,
    request_id: String,
    institution: String,
    terminal: String,
    kind: &'static str,
    days_left: String,
    mails: String,
}

/// What a day brings.
struct Shown {
    title: String,
    is_queued: bool,
    groups: Vec<GroupRow>,
    notices: String,
    mails: String,
    entries: Vec<EntryRow>,
    next_page: Option<String>,
}

#[derive(Template)]
#[template(path = "console/due.html")]
struct DuePage {
    desk: Desk,
    /// The day as typed.
    on: String,
    problem: Option<String>,
    shown: Option<Shown>,
}

/// GET /console/notices/due
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let mut fields = desk::asked(&uri, &["on", "after"]);
    let on = half_width(fields.take("on").trim());
    let after = DueCursor::parse(&fields.take("after"));
    let tomorrow = web.now().japan_date().plus_days(1);
    let day = match on.as_str() {
        "" => Some(tomorrow),
        typed => read_date(typed),
    };
    let Some(day) = day else {
        return show(&web, &session, on, Err(messages::DATE_WRONG.to_owned()));
    };
    let app = web.app();
    let looked = async {
        let due = app.due_on(day).await?;
        let entries = app.due_entries(&due, after.as_ref(), PAGE).await?;
        Ok((due, entries))
    };
    let (due, entries) = match looked.await {
        Ok(looked) => looked,
        Err(error) => match step_up::sentence(error) {
            Ok(told) => return show(&web, &session, on, Err(told)),
            Err(error) => return fault::refuse(&web, &session, error),
        },
    };
    show(&web, &session, day.to_string(), Ok(shown(&due, &entries)))
}

fn show(web: &Web, session: &Session, on: String, shown: Result<Shown, String>) -> Response {
    let (status, problem, shown) = match shown {
        Ok(shown) => (StatusCode::OK, None, Some(shown)),
        Err(problem) => (StatusCode::BAD_REQUEST, Some(problem), None),
    };
    let view = DuePage {
        desk: Desk::new(web, session, C_DUE, ""),
        on,
        problem,
        shown,
    };
    render(status, &view)
}

fn shown(due: &DueDay, entries: &DueEntries) -> Shown {
    let here = address(due.day);
    Shown {
        title: messages::due_title(due.day),
        is_queued: due.is_queued,
        groups: due.groups.iter().map(group_row).collect(),
        notices: messages::certificates(due.notices()),
        mails: messages::mails(due.mails()),
        entries: entries.entries.iter().map(entry_row).collect(),
        next_page: entries
            .next
            .as_ref()
            .map(|next| format!("{here}&after={next}")),
    }
}

fn group_row(group: &DueGroup) -> GroupRow {
    GroupRow {
        occasion: messages::occasion(group.occasion),
        kind: messages::mail_name(group.kind),
        notices: messages::thousands(group.notices),
        mails: messages::thousands(group.mails),
    }
}

fn entry_row(entry: &DueEntry) -> EntryRow {
    EntryRow {
        address: grant::address(&entry.request_id),
        request_id: entry.request_id.to_string(),
        institution: entry.institution.clone(),
        terminal: entry.terminal.clone(),
        kind: messages::mail_name(entry.kind),
        days_left: messages::days_left(entry.days_left),
        mails: entry.mails.join(messages::W_COMMA),
    }
}
