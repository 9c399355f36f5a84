//! 電子証明書失効申請サイト (`/p/rx`, manual 4.1): RX-1 to RX-4 by the letter's IDs (decision F4).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{
    AcceptedRevocation, CertificateBox, EnteredRevocation, Error, FieldProblem, HolderStatus,
    Refusal, RevocationForm, RevocationPage,
};
use tegata_domain::flow::FlowStep;
use tegata_domain::revocation::{Outcome, StatedReason};
use tegata_domain::time::Timestamp;

use super::keyfile::StepForm;
use super::rcd::{IdsForm, IdsProblem, to_flow};
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, RX_1, RX_2, RX_3, RX_4, SITE_REVOKE};
use crate::page::{Frame, Holder, Problem, Problems, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

#[derive(Template)]
#[template(path = "rx/ids.html")]
struct IdsPage<'a> {
    frame: Frame,
    request_id: &'a str,
    reference_length: usize,
    problem: Option<IdsProblem>,
}

/// GET /p/rx
pub(crate) async fn ids(State(web): State<Web>) -> Response {
    ids_page(&web, "", None, StatusCode::OK)
}

/// POST /p/rx
pub(crate) async fn open(
    State(web): State<Web>,
    caller: Caller,
    Sent(form): Sent<IdsForm>,
) -> Response {
    let opened = web
        .app()
        .open_revocation(form.typed(), caller.source, web.now())
        .await;
    match opened {
        Ok(opened) => to_flow(&web, Procedure::Revoke, &opened.flow, Some(&opened.cookie)),
        Err(error) => match IdsProblem::of(error) {
            Ok((problem, status)) => ids_page(&web, &form.request_id, Some(problem), status),
            Err(error) => refuse(&web, Place::First(Procedure::Revoke), error),
        },
    }
}

fn ids_page(
    web: &Web,
    request_id: &str,
    problem: Option<IdsProblem>,
    status: StatusCode,
) -> Response {
    let frame = web.frame(SITE_REVOKE, RX_1);
    let reference_length = web.app().policy().reference_id.length;
    let view = IdsPage {
        frame,
        request_id,
        reference_length,
        problem,
    };
    let mut response = page(status, &view);
    if let Some(problem) = problem {
        problem.mark(&mut response);
    }
    response
}

struct ReasonChoice {
    value: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "rx/form.html")]
struct FormPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    last_two: String,
    collected: bool,
    mail: String,
    mail_confirmation: String,
    reasons: Vec<ReasonChoice>,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "rx/confirm.html")]
struct ConfirmPage<'a> {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    last_two: String,
    collected: bool,
    mail: String,
    reason: &'static str,
    relying_systems: &'a str,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "rx/accepted.html")]
struct AcceptedPage {
    frame: Frame,
    certificate: Holder,
    number: String,
    accepted_at: String,
    state: &'static str,
    outcome: Option<Outcome>,
    mail: String,
    masked_mail: String,
}

/// GET /p/rx/{flow}
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath) -> Response {
    match web.app().revocation_page(&flow.id, flow.cookie()).await {
        Ok(state) => flow_page(&web, &flow, state, None, web.now()),
        Err(error) => refuse(&web, Place::Flow(&flow), error),
    }
}

/// What was typed and what is wrong with it.
struct Typed {
    mail: String,
    mail_confirmation: String,
    reason: StatedReason,
    problems: Problems,
}

impl Typed {
    /// What was entered before, or an empty form.
    fn entered(entered: Option<EnteredRevocation>) -> Self {
        let (mail, reason) = match entered {
            Some(entered) => (entered.mail, entered.reason),
            None => (String::new(), StatedReason::NotStated),
        };
        Self {
            mail_confirmation: mail.clone(),
            mail,
            reason,
            problems: Problems::default(),
        }
    }
}

fn flow_page(
    web: &Web,
    flow: &FlowPath,
    state: RevocationPage,
    typed: Option<Typed>,
    now: Timestamp,
) -> Response {
    let certificate = |shown: CertificateBox| Holder::new(shown, web.app().policy(), now);
    let collected = state.status == HolderStatus::InUse;
    match (state.step, state.accepted) {
        (FlowStep::Done, Some(accepted)) => {
            accepted_page(web, certificate(state.certificate), accepted)
        }
        (FlowStep::Confirm, _) => {
            let problems = typed.map(|typed| typed.problems).unwrap_or_default();
            let status = status_of(&problems);
            let entered = Typed::entered(state.entered);
            let view = ConfirmPage {
                frame: web.frame(SITE_REVOKE, RX_3),
                certificate: certificate(state.certificate),
                here: flow.page(),
                version: state.version,
                last_two: state.last_two,
                collected,
                mail: entered.mail,
                reason: messages::reason_name(entered.reason),
                relying_systems: &web.app().policy().names.relying_systems,
                problems,
            };
            page(status, &view)
        }
        _ => {
            let typed = typed.unwrap_or_else(|| Typed::entered(state.entered));
            let reasons = StatedReason::ALL.map(|reason| ReasonChoice {
                value: reason.as_str(),
                name: messages::reason_name(reason),
                chosen: reason == typed.reason,
            });
            let view = FormPage {
                frame: web.frame(SITE_REVOKE, RX_2),
                certificate: certificate(state.certificate),
                here: flow.page(),
                version: state.version,
                last_two: state.last_two,
                collected,
                mail: typed.mail,
                mail_confirmation: typed.mail_confirmation,
                reasons: reasons.into(),
                problems: typed.problems,
            };
            page(status_of(&view.problems), &view)
        }
    }
}

fn accepted_page(web: &Web, certificate: Holder, accepted: AcceptedRevocation) -> Response {
    let view = AcceptedPage {
        frame: web.frame(SITE_REVOKE, RX_4),
        certificate,
        number: accepted.number,
        accepted_at: messages::date_and_time(accepted.at),
        state: messages::outcome_name(accepted.outcome),
        outcome: accepted.outcome,
        mail: accepted.mail,
        masked_mail: accepted.masked_registered_mail,
    };
    page(StatusCode::OK, &view)
}

fn status_of(problems: &Problems) -> StatusCode {
    if problems.0.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    }
}

/// RX-2 as sent.
pub(crate) struct RevocationFields(RevocationForm);

impl Form for RevocationFields {
    const FIELDS: &'static [&'static str] = &["version", "mail", "mail_confirmation", "reason"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self(RevocationForm {
            version: fields.version()?,
            mail: half_width(&fields.take("mail")),
            confirmation: half_width(&fields.take("mail_confirmation")),
            reason: fields.take("reason"),
        }))
    }
}

/// RX-3 as sent.
pub(crate) struct SubmitForm {
    version: i64,
    confirmed: bool,
}

impl Form for SubmitForm {
    const FIELDS: &'static [&'static str] = &["version", "confirmed"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
            confirmed: fields.take("confirmed") == "yes",
        })
    }
}

/// POST /p/rx/{flow}/form
pub(crate) async fn enter(
    State(web): State<Web>,
    flow: FlowPath,
    Sent(RevocationFields(form)): Sent<RevocationFields>,
) -> Response {
    let typed = |problems: &[FieldProblem]| Typed {
        mail: form.mail.clone(),
        mail_confirmation: form.confirmation.clone(),
        reason: StatedReason::parse(&form.reason).unwrap_or(StatedReason::NotStated),
        problems: form_problems(problems),
    };
    match web
        .app()
        .enter_revocation(&flow.id, flow.cookie(), form.clone())
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::Fields(problems))) => {
            form_again(&web, &flow, typed(&problems)).await
        }
        Err(error) => moved_on_or_refuse(&web, &flow, error).await,
    }
}

/// POST /p/rx/{flow}/correct
pub(crate) async fn correct(
    State(web): State<Web>,
    flow: FlowPath,
    Sent(form): Sent<StepForm>,
) -> Response {
    match web
        .app()
        .correct_revocation(&flow.id, flow.cookie(), form.version)
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(error) => moved_on_or_refuse(&web, &flow, error).await,
    }
}

/// POST /p/rx/{flow}/submit
pub(crate) async fn submit(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<SubmitForm>,
) -> Response {
    let (cookie, now) = (flow.cookie(), web.now());
    let (version, confirmed) = (form.version, form.confirmed);
    let app = web.app();
    match app
        .submit_revocation(&flow.id, cookie, version, confirmed, caller.source, now)
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::Fields(problems))) => {
            let typed = Typed {
                problems: form_problems(&problems),
                ..Typed::entered(None)
            };
            form_again(&web, &flow, typed).await
        }
        Err(error) => moved_on_or_refuse(&web, &flow, error).await,
    }
}

/// The page that the procedure stands at, with what is wrong.
async fn form_again(web: &Web, flow: &FlowPath, typed: Typed) -> Response {
    match web.app().revocation_page(&flow.id, flow.cookie()).await {
        Ok(state) => flow_page(web, flow, state, Some(typed), web.now()),
        Err(error) => refuse(web, Place::Flow(flow), error),
    }
}

/// E-04 shows where the procedure stands; everything else has a page of its own.
async fn moved_on_or_refuse(web: &Web, flow: &FlowPath, error: Error) -> Response {
    if !matches!(
        error,
        Error::Conflict | Error::Refused(Refusal::FlowElsewhere)
    ) {
        return refuse(web, Place::Flow(flow), error);
    }
    match web.app().revocation_page(&flow.id, flow.cookie()).await {
        Ok(state) => respond::elsewhere(web, flow, state.step),
        Err(error) => refuse(web, Place::Flow(flow), error),
    }
}

fn form_problems(problems: &[FieldProblem]) -> Problems {
    let problems = problems.iter().map(|problem| Problem {
        field: match problem {
            FieldProblem::MailsDiffer => "mail_confirmation",
            FieldProblem::NotConfirmed => "confirmed",
            FieldProblem::ReasonUnknown => "reason",
            _ => "mail",
        },
        message: messages::field_problem(problem),
    });
    Problems(problems.collect())
}
