//! C-20: holders whose mails come back and whose certificate ends soon: whom to call or to write to, and what came of it
//! (P-23).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{Names, Session, UnreachableHolder};
use tegata_domain::access::Right;
use tegata_domain::bounce::{Attempt, BouncedAddress, Told};
use tegata_domain::operator::Act;
use tegata_domain::reference::RequestId;

use super::desk::{Desk, Posted, Signed};
use super::{fault, grant};
use crate::extract::Form;
use crate::form::{Fields, Malformed};
use crate::messages::{self, C_UNREACHABLE};
use crate::page::page as render;
use crate::respond::see_other;
use crate::web::Web;

/// The list's address.
pub(super) const LIST: &str = "/console/unreachable";
/// Holders that the list shows.
const PAGE: u32 = 200;
/// Characters of a note.
const LONGEST_NOTE: usize = 500;

struct Row {
    address: String,
    days_left: String,
    request_id: String,
    institution: String,
    terminal: String,
    telephone: String,
    last: String,
}

#[derive(Template)]
#[template(path = "console/unreachable.html")]
struct ListPage {
    desk: Desk,
    days: i64,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "console/unreachable_one.html")]
struct HolderPage {
    desk: Desk,
    here: String,
    grant_address: String,
    request_id: String,
    institution: String,
    code: String,
    terminal: String,
    not_after: String,
    days_left: String,
    telephone: String,
    postal_code: String,
    address: String,
    contact: Option<(String, String)>,
    bounced: Vec<String>,
    last: Option<String>,
    is_handled: bool,
    may_tell: bool,
    tries: i64,
    choices: Vec<(&'static str, &'static str, bool)>,
    note: String,
    problem: Option<&'static str>,
}

/// GET /console/unreachable
pub(crate) async fn list(State(web): State<Web>, Signed(session): Signed) -> Response {
    let app = web.app();
    let (holders, names) = match (
        app.unreachable_holders(PAGE, web.now()).await,
        app.operator_names().await,
    ) {
        (Ok(holders), Ok(names)) => (holders, names),
        (Err(error), _) | (_, Err(error)) => return fault::refuse(&web, &session, error),
    };
    let row = |holder: &UnreachableHolder| Row {
        address: address(&holder.grant.request_id),
        days_left: messages::days_to_the_end(holder.days_left),
        request_id: holder.grant.request_id.to_string(),
        institution: holder.institution.name.clone(),
        terminal: holder.grant.terminal.as_str().to_owned(),
        telephone: holder.institution.telephone.clone(),
        last: last(holder.last.as_ref(), &names).unwrap_or_default(),
    };
    let view = ListPage {
        desk: Desk::new(&web, &session, C_UNREACHABLE, LIST),
        days: app.policy().notices.unreachable,
        rows: holders.iter().map(row).collect(),
    };
    render(StatusCode::OK, &view)
}

/// The page of one holder.
pub(super) fn address(request: &RequestId) -> String {
    format!("{LIST}/{request}")
}

/// Why mails to an address come back, in one line.
pub(super) fn bounced_line(bounced: &BouncedAddress) -> String {
    let since = messages::moment(bounced.since);
    messages::bounced(
        bounced.address.as_str(),
        &since,
        bounced.status.as_str(),
        &bounced.said,
    )
}

fn last(last: Option<&Attempt>, names: &Names) -> Option<String> {
    last.map(|last| {
        let (at, how) = (messages::moment(last.at), messages::told_name(last.how));
        format!("{at} {how} {} {}", names.of(&last.by), last.note)
            .trim_end()
            .to_owned()
    })
}

/// GET /console/unreachable/{request}
pub(crate) async fn page(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(request): Path<String>,
) -> Response {
    match RequestId::parse(&request) {
        Some(request) => show(&web, &session, &request, None).await,
        None => fault::unknown(&web, &session),
    }
}

async fn show(
    web: &Web,
    session: &Session,
    request: &RequestId,
    wrong: Option<(ToldForm, &'static str)>,
) -> Response {
    let app = web.app();
    let (holder, names) = match (
        app.unreachable_holder(request, web.now()).await,
        app.operator_names().await,
    ) {
        (Ok(holder), Ok(names)) => (holder, names),
        (Err(error), _) | (_, Err(error)) => return fault::refuse(web, session, error),
    };
    let status = match &wrong {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let (typed, problem) = wrong.unzip();
    let typed = typed.unwrap_or_default();
    let chosen = |told: Told| {
        (
            told.as_str(),
            messages::told_choice(told),
            typed.how == told.as_str(),
        )
    };
    let (grant, institution) = (holder.grant, holder.institution);
    let view = HolderPage {
        desk: Desk::new(web, session, C_UNREACHABLE, ""),
        here: address(request),
        grant_address: grant::address(request),
        request_id: request.to_string(),
        institution: institution.name,
        code: grant.code.to_string(),
        terminal: grant.terminal.as_str().to_owned(),
        not_after: messages::date_and_time(grant.not_after),
        days_left: messages::days_to_the_end(holder.days_left),
        telephone: institution.telephone,
        postal_code: institution.postal_code,
        address: institution.address,
        contact: holder
            .contact
            .map(|contact| (contact.person, contact.telephone)),
        bounced: holder.bounced.iter().map(bounced_line).collect(),
        last: last(holder.last.as_ref(), &names),
        is_handled: holder.handled_at.is_some(),
        may_tell: Right::Do(Act::ReachHolder).is_held_by(&session.operator),
        tries: holder.tries,
        choices: Told::ALL.map(chosen).to_vec(),
        note: typed.note,
        problem,
    };
    render(status, &view)
}

/// What came of it, as sent.
#[derive(Default)]
pub(crate) struct ToldForm {
    tries: i64,
    how: String,
    note: String,
}

impl Form for ToldForm {
    const FIELDS: &'static [&'static str] = &["tries", "how", "note"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            tries: fields.take("tries").parse().map_err(|_| Malformed)?,
            how: fields.take("how"),
            note: fields.take("note"),
        })
    }
}

/// POST /console/unreachable/{request}/told
pub(crate) async fn told(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(request): Path<String>,
    Posted(form): Posted<ToldForm>,
) -> Response {
    let Some(request) = RequestId::parse(&request) else {
        return fault::unknown(&web, &session);
    };
    let Some(how) = Told::parse(&form.how) else {
        let wrong = Some((form, messages::TOLD_MISSING));
        return show(&web, &session, &request, wrong).await;
    };
    if form.note.trim().is_empty() || form.note.chars().count() > LONGEST_NOTE {
        let wrong = Some((form, messages::TOLD_NOTE));
        return show(&web, &session, &request, wrong).await;
    }
    let (by, now) = (&session.operator, web.now());
    let done = web
        .app()
        .record_told(&request, form.tries, (how, &form.note), by, now)
        .await;
    match done {
        Ok(()) => see_other(LIST),
        Err(error) => fault::refuse(&web, &session, error),
    }
}
