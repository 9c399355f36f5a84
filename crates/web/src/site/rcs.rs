//! 申請状況照会 (`/p/rcr/status`): RCS-1 to RCS-4 (decisions F2, I6).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{ApplicationStatus, Error, InquiryPage, Refusal, TypedNumbers};
use tegata_domain::applicant::ApplicationNumber;
use tegata_domain::flow::ApplicationStep;
use tegata_domain::reference::ReferenceId;
use tegata_domain::secret::Secret;

use super::keyfile::StepForm;
use super::rcd::{IdsProblem, to_flow};
use super::rcr::standing;
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed};
use crate::messages::{self, RCS_1, RCS_2, RCS_3, RCS_4, SITE_APPLY};
use crate::page::{Frame, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

#[derive(Template)]
#[template(path = "rcs/numbers.html")]
struct NumbersPage<'a> {
    frame: Frame,
    application_no: &'a str,
    problem: Option<IdsProblem>,
}

#[derive(Template)]
#[template(path = "rcs/status.html")]
struct StatusPage {
    frame: Frame,
    here: String,
    version: i64,
    inquiry: Shown,
    status: &'static str,
    sentence: String,
    call: bool,
    /// Whether the applicant has to do something.
    asks: bool,
    story: Vec<(&'static str, Option<String>)>,
    can_cancel: bool,
    can_correct: bool,
}

#[derive(Template)]
#[template(path = "rcs/cancel.html")]
struct CancelPage {
    frame: Frame,
    here: String,
    version: i64,
    inquiry: Shown,
}

#[derive(Template)]
#[template(path = "rcs/cancelled.html")]
struct CancelledPage {
    frame: Frame,
    inquiry: Shown,
    cancelled_at: String,
}

/// Whose application it is.
struct Shown {
    application_no: String,
    institution: String,
    terminal: String,
    entered_on: String,
}

/// GET /p/rcr/status
pub(crate) async fn numbers(State(web): State<Web>) -> Response {
    numbers_page(&web, "", None, StatusCode::OK)
}

/// POST /p/rcr/status
pub(crate) async fn open(
    State(web): State<Web>,
    caller: Caller,
    Sent(form): Sent<NumbersForm>,
) -> Response {
    let typed = TypedNumbers {
        application: ApplicationNumber::parse(&form.application_no),
        inquiry: ReferenceId::parse(form.inquiry_no.expose()),
    };
    match web.app().open_inquiry(typed, caller.source).await {
        Ok(opened) => to_flow(&web, Procedure::Inquire, &opened.flow, Some(&opened.cookie)),
        Err(error) => match IdsProblem::of(error) {
            Ok((problem, status)) => {
                numbers_page(&web, &form.application_no, Some(problem), status)
            }
            Err(error) => refuse(&web, Place::First(Procedure::Inquire), error),
        },
    }
}

fn numbers_page(
    web: &Web,
    application_no: &str,
    problem: Option<IdsProblem>,
    status: StatusCode,
) -> Response {
    let view = NumbersPage {
        frame: web.frame(SITE_APPLY, RCS_1),
        application_no,
        problem,
    };
    let response = page(status, &view);
    match problem {
        Some(problem) => problem.mark(response),
        None => response,
    }
}

/// GET /p/rcr/status/{flow}: RCS-2, or RCS-4 after the withdrawal
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath) -> Response {
    let app = web.app();
    match app.inquiry_page(&flow.id, flow.cookie(), web.now()).await {
        Ok(state) => flow_page(&web, &flow, state),
        Err(error) => refuse(&web, Place::Flow(&flow), error),
    }
}

/// GET /p/rcr/status/{flow}/cancel: RCS-3
pub(crate) async fn cancel_form(State(web): State<Web>, flow: FlowPath) -> Response {
    let app = web.app();
    match app.inquiry_page(&flow.id, flow.cookie(), web.now()).await {
        Ok(state) if state.can_cancel => {
            let view = CancelPage {
                frame: web.frame(SITE_APPLY, RCS_3),
                here: flow.page(),
                version: state.version,
                inquiry: shown(&state),
            };
            page(StatusCode::OK, &view)
        }
        Ok(_) => see_other(&flow.page()),
        Err(error) => refuse(&web, Place::Flow(&flow), error),
    }
}

/// POST /p/rcr/status/{flow}/cancel: RCS-3 → RCS-4
pub(crate) async fn cancel(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let (app, now) = (web.app(), web.now());
    let cancelled = app
        .cancel_application(&flow.id, flow.cookie(), form.version, caller.source, now)
        .await;
    match cancelled {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Conflict | Error::Refused(Refusal::FlowElsewhere | Refusal::State(_))) => {
            match app.inquiry_page(&flow.id, flow.cookie(), now).await {
                Ok(state) => respond::elsewhere(&web, &flow, standing(state.step)),
                Err(error) => refuse(&web, Place::Flow(&flow), error),
            }
        }
        Err(error) => refuse(&web, Place::Flow(&flow), error),
    }
}

/// POST /p/rcr/status/{flow}/correct: 入力内容を直す → RCR-2
pub(crate) async fn correct(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(_): Sent<StepForm>,
) -> Response {
    let app = web.app();
    match app
        .begin_correction(&flow.id, flow.cookie(), caller.source, web.now())
        .await
    {
        Ok(opened) => to_flow(&web, Procedure::Apply, &opened.flow, Some(&opened.cookie)),
        Err(Error::Refused(Refusal::FlowElsewhere)) => see_other(&flow.page()),
        Err(error) => refuse(&web, Place::Flow(&flow), error),
    }
}

fn flow_page(web: &Web, flow: &FlowPath, state: InquiryPage) -> Response {
    if let (ApplicationStep::Done, ApplicationStatus::Cancelled { at }) =
        (state.step, &state.status)
    {
        let view = CancelledPage {
            frame: web.frame(SITE_APPLY, RCS_4),
            cancelled_at: messages::date_and_time(*at),
            inquiry: shown(&state),
        };
        return page(StatusCode::OK, &view);
    }
    let when = |at: Option<_>| at.map(messages::date_and_time);
    let view = StatusPage {
        frame: web.frame(SITE_APPLY, RCS_2),
        here: flow.page(),
        version: state.version,
        inquiry: shown(&state),
        status: messages::application_status(&state.status),
        sentence: messages::application_sentence(&state.status),
        call: matches!(
            state.status,
            ApplicationStatus::Approved
                | ApplicationStatus::LetterReturned
                | ApplicationStatus::Rejected { .. }
                | ApplicationStatus::WindowEnded
        ),
        asks: matches!(
            state.status,
            ApplicationStatus::LetterReturned
                | ApplicationStatus::Rejected { .. }
                | ApplicationStatus::Returned { .. }
                | ApplicationStatus::WindowEnded
        ),
        story: messages::APPLICATION_STORY
            .into_iter()
            .zip([
                when(Some(state.entered_at)),
                when(state.examined_at),
                when(state.approved_at),
                when(state.posted_at),
                when(state.collected_at),
            ])
            .collect(),
        can_cancel: state.can_cancel,
        can_correct: state.can_correct,
    };
    page(StatusCode::OK, &view)
}

fn shown(state: &InquiryPage) -> Shown {
    Shown {
        application_no: state.application_no.clone(),
        institution: state.institution.clone(),
        terminal: state.terminal.clone(),
        entered_on: messages::date(state.entered_at),
    }
}

/// RCS-1 as sent.
pub(crate) struct NumbersForm {
    application_no: String,
    inquiry_no: Secret<String>,
}

impl Form for NumbersForm {
    const FIELDS: &'static [&'static str] = &["application_no", "inquiry_no"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            application_no: fields.take("application_no"),
            inquiry_no: Secret::new(fields.take("inquiry_no")),
        })
    }
}
