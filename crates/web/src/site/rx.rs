//! 電子証明書失効申請サイト (`/p/rx`, manual 4.1): RX-1 to RX-4, by the letter's IDs on the public listener and by
//! the certificate itself on the subscriber listener (decisions F4, W1).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{
    AcceptedRevocation, CertificateBox, EnteredRevocation, Error, FieldProblem, HolderStatus,
    Refusal, RevocationForm, RevocationPage, Visit,
};
use tegata_domain::flow::FlowStep;
use tegata_domain::revocation::{Outcome, StatedReason};
use tegata_domain::time::Timestamp;

use super::keyfile::{StepForm, refuse_visit, visit};
use super::rcd::{IdsForm, IdsProblem, to_flow};
use super::ru;
use super::ru::apply::BeginForm;
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, RX_1, RX_1B, RX_2, RX_3, RX_4, SITE_REVOKE};
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
    own: String,
}

#[derive(Template)]
#[template(path = "rx/own.html")]
struct OwnPage {
    frame: Frame,
    certificate: Holder,
    thumbprint: String,
    with_others: bool,
}

/// GET /p/rx on the subscriber listener: whose certificate would be stopped?
pub(crate) async fn own(State(web): State<Web>, caller: Caller) -> Response {
    let (fingerprint, certificate) = match ru::shown_holder(&web, &caller).await {
        Ok(holder) => holder,
        Err(response) => return response,
    };
    let with_others = match web.app().own_revocation_waits(fingerprint).await {
        Ok(waits) => waits,
        Err(error) => return refuse(&web, Place::First(Procedure::Revoke), error),
    };
    let view = OwnPage {
        with_others,
        frame: web.frame(SITE_REVOKE, RX_1B),
        certificate: Holder::new(certificate, web.app().policy(), web.now()),
        thumbprint: fingerprint.to_string(),
    };
    page(StatusCode::OK, &view)
}

/// POST /p/rx on the subscriber listener
pub(crate) async fn open_own(
    State(web): State<Web>,
    caller: Caller,
    Sent(form): Sent<BeginForm>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    // The page showed another certificate: its holder sees first which one is presented now (T02).
    if form.thumbprint != presented.to_string() {
        return see_other("/p/rx");
    }
    let now = web.now();
    let app = web.app();
    match app.open_own_revocation(presented, caller.source, now).await {
        Ok(flow) => see_other(&Procedure::Revoke.page(&flow)),
        Err(error) => refuse(&web, Place::First(Procedure::Revoke), error),
    }
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
        own: own_address(web),
    };
    let response = page(status, &view);
    match problem {
        Some(problem) => problem.mark(response),
        None => response,
    }
}

/// Where 「この端末の電子証明書で申請する」 leads.
fn own_address(web: &Web) -> String {
    let names = &web.app().addresses().subscriber;
    let name = names.first().map_or("", String::as_str);
    format!("{name}/p/rx")
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
    /// The newer certificate's end, where the page asks about it, and the answer so far.
    newer: Option<String>,
    stop_newer: Option<bool>,
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
    with_others: bool,
    /// Whether the newer certificate was never used (RX-3).
    newer_unused: bool,
    stop_newer: Option<bool>,
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
    is_stopped_now: bool,
}

/// GET /p/rx/{flow}
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    match web.app().revocation_page(&flow.id, visit).await {
        Ok(state) => flow_page(&web, &flow, state, None, web.now()),
        Err(error) => refuse_visit(&web, &flow, visit, error).await,
    }
}

/// What was typed and what is wrong with it.
struct Typed {
    mail: String,
    mail_confirmation: String,
    reason: StatedReason,
    stop_newer: Option<bool>,
    problems: Problems,
}

impl Typed {
    /// What was entered before, or an empty form.
    fn entered(entered: Option<EnteredRevocation>) -> Self {
        let (mail, reason, stop_newer) = match entered {
            Some(entered) => (entered.mail, entered.reason, entered.stop_newer),
            None => (String::new(), StatedReason::NotStated, None),
        };
        Self {
            mail_confirmation: mail.clone(),
            mail,
            reason,
            stop_newer,
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
            let by_certificate = state.by_certificate;
            accepted_page(
                web,
                certificate(state.certificate),
                accepted,
                by_certificate,
            )
        }
        (FlowStep::Confirm, _) => {
            let problems = typed.map(|typed| typed.problems).unwrap_or_default();
            let status = problems.status();
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
                with_others: state.with_others,
                newer_unused: state.newer.is_some_and(|newer| !newer.is_in_use),
                stop_newer: entered.stop_newer,
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
                newer: state
                    .newer
                    .map(|newer| messages::date_and_time(newer.not_after)),
                stop_newer: typed.stop_newer,
                problems: typed.problems,
            };
            page(view.problems.status(), &view)
        }
    }
}

fn accepted_page(
    web: &Web,
    certificate: Holder,
    accepted: AcceptedRevocation,
    by_certificate: bool,
) -> Response {
    let view = AcceptedPage {
        frame: web.frame(SITE_REVOKE, RX_4),
        certificate,
        number: accepted.number,
        accepted_at: messages::date_and_time(accepted.at),
        state: messages::outcome_name(accepted.outcome),
        outcome: accepted.outcome,
        mail: accepted.mail,
        masked_mail: accepted.masked_registered_mail,
        is_stopped_now: by_certificate && accepted.is_by_holder,
    };
    page(StatusCode::OK, &view)
}

/// RX-2 as sent.
pub(crate) struct RevocationFields(RevocationForm);

impl Form for RevocationFields {
    const FIELDS: &'static [&'static str] =
        &["version", "mail", "mail_confirmation", "reason", "newer"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self(RevocationForm {
            version: fields.version()?,
            mail: half_width(&fields.take("mail")),
            confirmation: half_width(&fields.take("mail_confirmation")),
            reason: fields.take("reason"),
            newer: fields.take("newer"),
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
    caller: Caller,
    Sent(RevocationFields(form)): Sent<RevocationFields>,
) -> Response {
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let typed = |problems: &[FieldProblem]| Typed {
        mail: form.mail.clone(),
        mail_confirmation: form.confirmation.clone(),
        reason: StatedReason::parse(&form.reason).unwrap_or(StatedReason::NotStated),
        stop_newer: match form.newer.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        problems: form_problems(problems),
    };
    match web
        .app()
        .enter_revocation(&flow.id, visit, form.clone())
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::Fields(problems))) => {
            form_again(&web, &flow, visit, typed(&problems)).await
        }
        Err(Error::Full | Error::Unavailable) => {
            let typed = Typed {
                problems: Problems::unavailable(),
                ..typed(&[])
            };
            respond::later(form_again(&web, &flow, visit, typed).await)
        }
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error).await,
    }
}

/// POST /p/rx/{flow}/correct
pub(crate) async fn correct(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    match web
        .app()
        .correct_revocation(&flow.id, visit, form.version)
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error).await,
    }
}

/// POST /p/rx/{flow}/submit
pub(crate) async fn submit(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<SubmitForm>,
) -> Response {
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let (version, confirmed) = (form.version, form.confirmed);
    let app = web.app();
    match app
        .submit_revocation(&flow.id, visit, version, confirmed, web.now())
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::Fields(problems))) => {
            let typed = Typed {
                problems: form_problems(&problems),
                ..Typed::entered(None)
            };
            form_again(&web, &flow, visit, typed).await
        }
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error).await,
    }
}

/// The page that the procedure stands at, with what is wrong.
async fn form_again(web: &Web, flow: &FlowPath, visit: Visit<'_>, typed: Typed) -> Response {
    match web.app().revocation_page(&flow.id, visit).await {
        Ok(state) => flow_page(web, flow, state, Some(typed), web.now()),
        Err(error) => refuse_visit(web, flow, visit, error).await,
    }
}

/// E-04 shows where the procedure stands; everything else has a page of its own.
async fn moved_on_or_refuse(
    web: &Web,
    flow: &FlowPath,
    visit: Visit<'_>,
    error: Error,
) -> Response {
    if !matches!(
        error,
        Error::Conflict | Error::Refused(Refusal::FlowElsewhere)
    ) {
        return refuse_visit(web, flow, visit, error).await;
    }
    match web.app().revocation_page(&flow.id, visit).await {
        Ok(state) => respond::elsewhere(web, flow, state.step),
        Err(error) => refuse_visit(web, flow, visit, error).await,
    }
}

fn form_problems(problems: &[FieldProblem]) -> Problems {
    let problems = problems.iter().map(|problem| Problem {
        field: match problem {
            FieldProblem::MailsDiffer => "mail_confirmation",
            FieldProblem::NewerUnanswered => "newer",
            FieldProblem::NotConfirmed => "confirmed",
            FieldProblem::ReasonUnknown => "reason",
            _ => "mail",
        },
        message: messages::field_problem(problem),
    });
    Problems(problems.collect())
}
