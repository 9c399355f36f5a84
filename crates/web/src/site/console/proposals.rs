//! C-8 and C-15: what one operator proposed and another confirms (decision F8). Each with a fresh one-time code.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::{Error, Names, Session};
use tegata_domain::access::Right;
use tegata_domain::id::ProposalId;
use tegata_domain::operator::Operator;
use tegata_domain::proposal::{Proposal, ProposalState, ProposedAct};

use super::desk::{self, Desk, Posted, Signed};
use super::step_up::{self, CodePosted};
use super::{fault, grant};
use crate::extract::Caller;
use crate::messages::{self, C_PROPOSAL, C_PROPOSALS, C_SECRET};
use crate::page::page as render;
use crate::respond::see_other;
use crate::web::Web;

/// Proposals on a page.
const PAGE: u32 = 100;
/// Request IDs that a proposal's page lists.
const LISTED: usize = 1_000;

/// The address of a proposal.
pub(super) fn address(id: &ProposalId) -> String {
    format!("/console/proposals/{id}")
}

/// Whoever may propose or confirm it sees it, and the auditor.
fn may_see(operator: &Operator, proposal: &Proposal) -> bool {
    let act = proposal.act.act();
    operator.may(act) || operator.may_confirm(act) || Right::ReadAudit.is_held_by(operator)
}

struct Row {
    address: String,
    act: &'static str,
    about: String,
    reason: String,
    proposed_by: String,
    proposed_at: String,
    /// Whether it waits for this very operator.
    is_mine: bool,
}

#[derive(Template)]
#[template(path = "console/proposals.html")]
struct ProposalsPage {
    desk: Desk,
    rows: Vec<Row>,
    next_page: Option<String>,
}

/// GET /console/proposals
pub(crate) async fn list(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let after = ProposalId::parse(&desk::asked(&uri, &["after"]).take("after")).ok();
    let app = web.app();
    let (waiting, names) = match (
        app.list_proposals(after.as_ref(), PAGE).await,
        app.operator_names().await,
    ) {
        (Ok(waiting), Ok(names)) => (waiting, names),
        (Err(error), _) | (_, Err(error)) => return fault::refuse(&web, &session, error),
    };
    let full = u32::try_from(waiting.len()).is_ok_and(|count| count == PAGE);
    let next = waiting.last().filter(|_| full);
    let operator = &session.operator;
    let view = ProposalsPage {
        desk: Desk::new(&web, &session, C_PROPOSALS, "/console/proposals"),
        next_page: next.map(|last| format!("/console/proposals?after={}", last.id)),
        rows: waiting
            .iter()
            .filter(|proposal| may_see(operator, proposal))
            .map(|proposal| Row {
                address: address(&proposal.id),
                act: messages::act_name(proposal.act.as_str()),
                about: about(&proposal.act, &names),
                reason: proposal.reason.clone(),
                proposed_by: names.of(&proposal.proposed_by).to_owned(),
                proposed_at: messages::moment(proposal.proposed_at),
                is_mine: operator.may_confirm(proposal.act.act())
                    && proposal.proposed_by != operator.id,
            })
            .collect(),
    };
    render(StatusCode::OK, &view)
}

/// What it is about, in a few words.
fn about(act: &ProposedAct, names: &Names) -> String {
    let told = match (act.operator(), act.requests().as_slice()) {
        (Some(operator), _) => names.of(operator).to_owned(),
        (None, [only]) => only.to_string(),
        (None, many) => messages::number_of(many.len(), false),
    };
    match act {
        ProposedAct::ChangeMail { mail, .. } => format!("{told} → {mail}"),
        ProposedAct::ExtendWindow { until, .. } => format!("{told} → {until}"),
        ProposedAct::GiveRoles { roles, .. } => {
            let roles: Vec<_> = roles
                .iter()
                .map(|role| messages::role_name(*role))
                .collect();
            format!("{told} → {}", roles.join(messages::W_DOT))
        }
        _ => told,
    }
}

#[derive(Template)]
#[template(path = "console/proposal.html")]
struct ProposalPage {
    desk: Desk,
    here: String,
    act: &'static str,
    about: String,
    reason: String,
    proposed_by: String,
    proposed_at: String,
    state: String,
    /// Addresses and request IDs.
    requests: Vec<(String, String)>,
    may_confirm: bool,
    may_withdraw: bool,
    is_own: bool,
    /// Where its letters are printed, for the two who released them.
    print: Option<String>,
    problem: Option<String>,
}

/// GET /console/proposals/{id}
pub(crate) async fn page(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
) -> Response {
    match ProposalId::parse(&id) {
        Ok(id) => show(&web, &session, &id, None).await,
        Err(_) => fault::unknown(&web, &session),
    }
}

pub(super) async fn show(
    web: &Web,
    session: &Session,
    id: &ProposalId,
    problem: Option<String>,
) -> Response {
    let app = web.app();
    let (proposal, names) = match (app.proposal(id).await, app.operator_names().await) {
        (Ok(proposal), Ok(names)) => (proposal, names),
        (Err(error), _) | (_, Err(error)) => return fault::refuse(web, session, error),
    };
    let operator = &session.operator;
    if !may_see(operator, &proposal) {
        return fault::denied(web, session, format!("proposal {id}")).await;
    }
    let act = proposal.act.act();
    let is_own = proposal.proposed_by == operator.id;
    let is_open = proposal.is_open();
    let released = matches!(proposal.act, ProposedAct::ReleaseLetters { .. });
    let persons = proposal.persons().filter(|_| released);
    let prints = persons.is_some_and(|two| two.contains(&&operator.id));
    let requests = proposal.act.requests().into_iter().take(LISTED);
    let status = match &problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let view = ProposalPage {
        desk: Desk::new(web, session, C_PROPOSAL, ""),
        here: address(id),
        act: messages::act_name(proposal.act.as_str()),
        about: about(&proposal.act, &names),
        reason: proposal.reason.clone(),
        proposed_by: names.of(&proposal.proposed_by).to_owned(),
        proposed_at: messages::date_and_time(proposal.proposed_at),
        state: state(&proposal.state, &names),
        requests: requests
            .map(|request| (grant::address(request), request.to_string()))
            .collect(),
        may_confirm: is_open && !is_own && operator.may_confirm(act),
        may_withdraw: is_open && is_own,
        is_own: is_open && is_own,
        print: prints.then(|| format!("/console/letters/{id}/pdf")),
        problem,
    };
    render(status, &view)
}

fn state(state: &ProposalState, names: &Names) -> String {
    let told = |what: &str, by: Option<&str>, at| {
        let at = messages::date_and_time(at);
        format!("{what} {} {at}", by.unwrap_or_default())
    };
    match state {
        ProposalState::Confirmed { by, at } => told(messages::W_CONFIRMED, Some(names.of(by)), *at),
        ProposalState::Proposed => messages::W_TO_CONFIRM.to_owned(),
        ProposalState::Refused { by, at } => told(messages::W_REFUSED, Some(names.of(by)), *at),
        ProposalState::Withdrawn { at } => told(messages::W_WITHDRAWN, None, *at),
    }
}

#[derive(Template)]
#[template(path = "console/secret.html")]
struct SecretPage {
    desk: Desk,
    operator: String,
    /// In groups of four, as one reads it off.
    secret: String,
}

/// What the buttons of a proposal's page do.
#[derive(Clone, Copy)]
enum Answer {
    Confirm,
    Refuse,
    Withdraw,
}

async fn answer(
    how: Answer,
    (web, session, id): (Web, Session, String),
    caller: Caller,
    code: String,
) -> Response {
    let Ok(id) = ProposalId::parse(&id) else {
        return fault::unknown(&web, &session);
    };
    match step_up::passed(&web, &session, caller.source, &code).await {
        Ok(None) => {}
        Ok(told) => return show(&web, &session, &id, told).await,
        Err(error) => return fault::refuse(&web, &session, error),
    }
    let (app, by, now) = (web.app(), &session.operator, web.now());
    let done = match how {
        Answer::Confirm => match app.confirm_proposal(&id, by, now).await {
            Ok(confirmed) => {
                if let Some(secret) = &confirmed.totp_secret {
                    return secret_page(&web, &session, &confirmed.proposal, secret.expose()).await;
                }
                Ok(())
            }
            Err(error) => Err(error),
        },
        Answer::Refuse => app.refuse_proposal(&id, by, now).await.map(drop),
        Answer::Withdraw => app.withdraw_proposal(&id, by, now).await.map(drop),
    };
    match done {
        Ok(()) => see_other(&address(&id)),
        Err(Error::Conflict) => fault::refuse(&web, &session, Error::Conflict),
        Err(error) => match step_up::sentence(error) {
            Ok(told) => show(&web, &session, &id, Some(told)).await,
            Err(error) => fault::refuse(&web, &session, error),
        },
    }
}

/// C-16: shown this once, to the person who confirmed.
async fn secret_page(web: &Web, session: &Session, proposal: &Proposal, secret: &str) -> Response {
    let names = match web.app().operator_names().await {
        Ok(names) => names,
        Err(error) => return fault::refuse(web, session, error),
    };
    let operator = proposal.act.operator().map(|id| names.of(id).to_owned());
    let view = SecretPage {
        desk: Desk::new(web, session, C_SECRET, ""),
        operator: operator.unwrap_or_default(),
        secret: in_fours(secret),
    };
    render(StatusCode::OK, &view)
}

fn in_fours(secret: &str) -> String {
    let signs: Vec<char> = secret.chars().collect();
    let groups = signs.chunks(4).map(String::from_iter);
    groups.collect::<Vec<_>>().join(" ")
}

/// POST /console/proposals/{id}/confirm
pub(crate) async fn confirm(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    caller: Caller,
    Posted(form): CodePosted,
) -> Response {
    answer(Answer::Confirm, (web, session, id), caller, form.code).await
}

/// POST /console/proposals/{id}/refuse
pub(crate) async fn refuse(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    caller: Caller,
    Posted(form): CodePosted,
) -> Response {
    answer(Answer::Refuse, (web, session, id), caller, form.code).await
}

/// POST /console/proposals/{id}/withdraw
pub(crate) async fn withdraw(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    caller: Caller,
    Posted(form): CodePosted,
) -> Response {
    answer(Answer::Withdraw, (web, session, id), caller, form.code).await
}
