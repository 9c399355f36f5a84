//! C-13: who works here; roles, a closed account and a new authenticator are proposed here and confirmed by another
//! administrator (decision F8).

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::Session;
use tegata_domain::access::Right;
use tegata_domain::id::OperatorId;
use tegata_domain::operator::{Act, Operator, Role};
use tegata_domain::proposal::ProposedAct;

use super::desk::{Desk, Posted, Signed};
use super::{fault, proposals, step_up};
use crate::extract::{Caller, Form};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, C_OPERATORS};
use crate::page::page as render;
use crate::respond::see_other;
use crate::web::Web;

struct Choice {
    word: &'static str,
    label: &'static str,
    chosen: bool,
}

struct Person {
    id: String,
    name: String,
    roles: String,
    disabled_at: Option<String>,
    choices: Vec<Choice>,
    /// What was typed as the reason, and what is wrong.
    wrong: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "console/operators.html")]
struct OperatorsPage {
    desk: Desk,
    people: Vec<Person>,
    may_manage: bool,
}

/// A form that could not be taken.
struct Wrong {
    operator: OperatorId,
    roles: Option<BTreeSet<Role>>,
    reason: String,
    told: String,
}

/// GET /console/operators
pub(crate) async fn page(State(web): State<Web>, Signed(session): Signed) -> Response {
    show(&web, &session, None).await
}

async fn show(web: &Web, session: &Session, wrong: Option<Wrong>) -> Response {
    let operators = match web.app().list_operators().await {
        Ok(operators) => operators,
        Err(error) => return fault::refuse(web, session, error),
    };
    let status = wrong
        .as_ref()
        .map_or(StatusCode::OK, |_| StatusCode::BAD_REQUEST);
    let view = OperatorsPage {
        desk: Desk::new(web, session, C_OPERATORS, "/console/operators"),
        people: operators
            .iter()
            .map(|one| person(one, wrong.as_ref().filter(|wrong| wrong.operator == one.id)))
            .collect(),
        may_manage: Right::Do(Act::GiveRoles).is_held_by(&session.operator),
    };
    render(status, &view)
}

fn person(operator: &Operator, wrong: Option<&Wrong>) -> Person {
    let chosen = wrong
        .and_then(|wrong| wrong.roles.as_ref())
        .unwrap_or(&operator.roles);
    let roles: Vec<&str> = operator
        .roles
        .iter()
        .map(|role| messages::role_name(*role))
        .collect();
    Person {
        id: operator.id.to_string(),
        name: operator.name.clone(),
        roles: roles.join(messages::W_DOT),
        disabled_at: operator.disabled_at.map(messages::moment),
        choices: Role::ALL
            .into_iter()
            .map(|role| Choice {
                word: role.as_str(),
                label: messages::role_name(role),
                chosen: chosen.contains(&role),
            })
            .collect(),
        wrong: wrong.map(|wrong| (wrong.reason.clone(), wrong.told.clone())),
    }
}

/// A form of the page, as sent.
pub(crate) struct StaffForm {
    roles: BTreeSet<Role>,
    reason: String,
    code: String,
}

impl Form for StaffForm {
    const FIELDS: &'static [&'static str] = &[
        "administrator",
        "approver",
        "auditor",
        "dispatcher",
        "examiner",
        "help_desk",
        "intake",
        "reason",
        "code",
    ];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        let mut ticked = |role: &Role| fields.take(role.as_str()) == "yes";
        let roles = Role::ALL.into_iter().filter(|role| ticked(role)).collect();
        Ok(Self {
            roles,
            reason: fields.take("reason"),
            code: half_width(&fields.take("code")),
        })
    }
}

async fn propose(
    (web, session, id): (Web, Session, String),
    caller: Caller,
    form: StaffForm,
    act: fn(OperatorId, BTreeSet<Role>) -> ProposedAct,
) -> Response {
    let Ok(operator) = OperatorId::parse(&id) else {
        return fault::unknown(&web, &session);
    };
    let act = act(operator.clone(), form.roles.clone());
    let asks_roles = matches!(act, ProposedAct::GiveRoles { .. });
    let wrong = |told: String| {
        Some(Wrong {
            operator: operator.clone(),
            roles: asks_roles.then(|| form.roles.clone()),
            reason: form.reason.clone(),
            told,
        })
    };
    if form.reason.trim().is_empty() {
        return show(&web, &session, wrong(messages::REASON_MISSING.to_owned())).await;
    }
    match step_up::passed(&web, &session, caller.source, &form.code).await {
        Ok(None) => {}
        Ok(Some(told)) => return show(&web, &session, wrong(told)).await,
        Err(error) => return fault::refuse(&web, &session, error),
    }
    let (by, now) = (&session.operator, web.now());
    match web.app().propose(act, &form.reason, by, now).await {
        Ok(proposal) => see_other(&proposals::address(&proposal.id)),
        Err(error) => match step_up::sentence(error) {
            Ok(told) => show(&web, &session, wrong(told)).await,
            Err(error) => fault::refuse(&web, &session, error),
        },
    }
}

/// POST /console/operators/{id}/roles
pub(crate) async fn roles(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    caller: Caller,
    Posted(form): Posted<StaffForm>,
) -> Response {
    let act = |operator, roles| ProposedAct::GiveRoles { operator, roles };
    propose((web, session, id), caller, form, act).await
}

/// POST /console/operators/{id}/disable
pub(crate) async fn disable(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    caller: Caller,
    Posted(form): Posted<StaffForm>,
) -> Response {
    let act = |operator, _| ProposedAct::DisableOperator { operator };
    propose((web, session, id), caller, form, act).await
}

/// POST /console/operators/{id}/authenticator
pub(crate) async fn authenticator(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    caller: Caller,
    Posted(form): Posted<StaffForm>,
) -> Response {
    let act = |operator, _| ProposedAct::ResetAuthenticator { operator };
    propose((web, session, id), caller, form, act).await
}
