//! C-7: requests to revoke that wait, and how each ends: proposed by one operator, confirmed by another (decision F4).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{Error, Names, Session};
use tegata_domain::access::Right;
use tegata_domain::operator::Act;
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState};

use super::desk::{Desk, Posted, Signed};
use super::step_up::{self, CodePosted};
use super::{fault, grant};
use crate::extract::{Caller, Form};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, C_REVOCATIONS};
use crate::page::page as render;
use crate::respond::see_other;
use crate::web::Web;

/// The address of a request.
pub(super) fn address(number: &str) -> String {
    format!("/console/revocations/{number}")
}

struct Row {
    address: String,
    number: String,
    submitted_at: String,
    age: String,
    reason: &'static str,
    state: &'static str,
    is_queued: bool,
}

#[derive(Template)]
#[template(path = "console/revocations.html")]
struct RevocationsPage {
    desk: Desk,
    rows: Vec<Row>,
}

/// GET /console/revocations
pub(crate) async fn list(State(web): State<Web>, Signed(session): Signed) -> Response {
    let waiting = match web.app().list_revocations().await {
        Ok(waiting) => waiting,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let row = |request: &RevocationRequest| Row {
        address: address(&request.number),
        number: request.number.clone(),
        submitted_at: messages::moment(request.submitted_at),
        age: messages::age(request.submitted_at, web.now()),
        reason: messages::reason_name(request.reason),
        state: messages::revocation_state(&request.state),
        is_queued: request.is_queued(),
    };
    let view = RevocationsPage {
        desk: Desk::new(&web, &session, C_REVOCATIONS, "/console/revocations"),
        rows: waiting.iter().map(row).collect(),
    };
    render(StatusCode::OK, &view)
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Typed {
    outcome: String,
    note: String,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "console/revocation.html")]
struct RevocationPage {
    desk: Desk,
    here: String,
    number: String,
    state: &'static str,
    persons: Vec<(&'static str, String)>,
    submitted_at: String,
    held_at: String,
    reason: &'static str,
    mail: String,
    source: String,
    institution: String,
    code: String,
    terminal: String,
    telephone: String,
    grant_address: String,
    request_id: String,
    /// The proposed outcome, where one is proposed.
    proposed: Option<&'static str>,
    may_decide: bool,
    is_own: bool,
    may_hold: bool,
    typed: Typed,
}

/// GET /console/revocations/{number}
pub(crate) async fn page(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(number): Path<String>,
) -> Response {
    show(&web, &session, &number, Typed::default()).await
}

async fn show(web: &Web, session: &Session, number: &str, typed: Typed) -> Response {
    let app = web.app();
    let (file, names) = match (
        app.revocation_file(number).await,
        app.operator_names().await,
    ) {
        (Ok(file), Ok(names)) => (file, names),
        (Err(error), _) | (_, Err(error)) => return fault::refuse(web, session, error),
    };
    let (request, grant, institution) = (file.request, file.grant, file.institution);
    let may = |act| Right::Do(act).is_held_by(&session.operator);
    let ended = request.state.outcome().is_some();
    let proposed_by = match &request.state {
        RevocationState::Proposed { by, .. } => Some(by),
        _ => None,
    };
    let is_own = proposed_by == Some(&session.operator.id);
    let status = match &typed.problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let view = RevocationPage {
        desk: Desk::new(web, session, C_REVOCATIONS, ""),
        here: address(&request.number),
        state: messages::revocation_state(&request.state),
        persons: persons(&request.state, &names),
        submitted_at: messages::date_and_time(request.submitted_at),
        held_at: request
            .held_at
            .map_or_else(|| messages::W_NOT_HELD.to_owned(), messages::date_and_time),
        reason: messages::reason_name(request.reason),
        mail: request.mail.to_string(),
        source: if request.is_by_operator() {
            messages::W_OPERATOR.to_owned()
        } else {
            request.source.clone()
        },
        proposed: match &request.state {
            RevocationState::Proposed { outcome, .. } => Some(outcome.as_str()),
            _ => None,
        },
        institution: institution.name,
        code: grant.code.to_string(),
        terminal: grant.terminal.as_str().to_owned(),
        telephone: institution.telephone,
        grant_address: grant::address(&grant.request_id),
        request_id: grant.request_id.to_string(),
        may_decide: !ended && may(Act::FinishRevocation),
        is_own,
        may_hold: request.is_queued() && may(Act::Hold),
        number: request.number,
        typed,
    };
    render(status, &view)
}

fn persons(state: &RevocationState, names: &Names) -> Vec<(&'static str, String)> {
    match state {
        RevocationState::Ended {
            proposed_by,
            confirmed_by,
            at,
            note,
            ..
        } => vec![
            (messages::W_PROPOSER, names.of(proposed_by).to_owned()),
            (
                messages::W_CONFIRMER,
                format!(
                    "{} {}",
                    names.of(confirmed_by),
                    messages::date_and_time(*at)
                ),
            ),
            (messages::W_NOTE, note.clone()),
        ],
        RevocationState::Proposed { by, at, note, .. } => vec![
            (
                messages::W_PROPOSER,
                format!("{} {}", names.of(by), messages::date_and_time(*at)),
            ),
            (messages::W_NOTE, note.clone()),
        ],
        RevocationState::EndedByHolder { .. } | RevocationState::Submitted => Vec::new(),
    }
}

/// How it ends, as sent.
pub(crate) struct DecisionForm {
    outcome: String,
    note: String,
    code: String,
}

impl Form for DecisionForm {
    const FIELDS: &'static [&'static str] = &["outcome", "note", "code"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            outcome: fields.take("outcome"),
            note: fields.take("note"),
            code: half_width(&fields.take("code")),
        })
    }
}

/// POST /console/revocations/{number}/decide
pub(crate) async fn decide(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(number): Path<String>,
    caller: Caller,
    Posted(form): Posted<DecisionForm>,
) -> Response {
    let typed = |problem: String| Typed {
        outcome: form.outcome.clone(),
        note: form.note.clone(),
        problem: Some(problem),
    };
    let Some(outcome) = Outcome::parse(&form.outcome) else {
        let typed = typed(messages::OUTCOME_MISSING.to_owned());
        return show(&web, &session, &number, typed).await;
    };
    match step_up::passed(&web, &session, caller.source, &form.code).await {
        Ok(None) => {}
        Ok(Some(told)) => return show(&web, &session, &number, typed(told)).await,
        Err(error) => return fault::refuse(&web, &session, error),
    }
    let (by, now) = (&session.operator, web.now());
    let app = web.app();
    let done = app
        .decide_revocation(&number, outcome, &form.note, by, now)
        .await;
    after(&web, &session, &number, done.map(drop), typed).await
}

async fn after(
    web: &Web,
    session: &Session,
    number: &str,
    done: Result<(), Error>,
    typed: impl Fn(String) -> Typed,
) -> Response {
    match done {
        Ok(()) => see_other(&address(number)),
        Err(error) => match step_up::sentence(error) {
            Ok(told) => show(web, session, number, typed(told)).await,
            Err(error) => fault::refuse(web, session, error),
        },
    }
}

fn only(problem: String) -> Typed {
    Typed {
        problem: Some(problem),
        ..Typed::default()
    }
}

/// POST /console/revocations/{number}/withdraw
pub(crate) async fn withdraw(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(number): Path<String>,
    caller: Caller,
    Posted(form): CodePosted,
) -> Response {
    match step_up::passed(&web, &session, caller.source, &form.code).await {
        Ok(None) => {}
        Ok(Some(told)) => return show(&web, &session, &number, only(told)).await,
        Err(error) => return fault::refuse(&web, &session, error),
    }
    let (by, now) = (&session.operator, web.now());
    let done = web.app().withdraw_decision(&number, by, now).await;
    after(&web, &session, &number, done.map(drop), only).await
}

/// POST /console/revocations/{number}/hold
pub(crate) async fn hold(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(number): Path<String>,
    Posted(super::desk::Button): Posted<super::desk::Button>,
) -> Response {
    let (by, now) = (&session.operator, web.now());
    let done = web.app().hold_queued(&number, by, now).await;
    after(&web, &session, &number, done.map(drop), only).await
}
