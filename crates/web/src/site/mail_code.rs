//! RCD-1b 確認番号の入力 (`/p/rcd`, decision K2): between the two IDs and the password, where the policy says so.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{CodeForm, CodePage, Error, FieldProblem, Refusal, Visit};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use super::keyfile::{StepForm, moved_on_or_refuse, refuse_visit, visit};
use crate::extract::{Caller, Form, Sent};
use crate::flow::FlowPath;
use crate::form::{Fields, Malformed};
use crate::messages::{self, RCD_1B, SITE_COLLECT};
use crate::page::{Frame, Problem, Problems, page};
use crate::respond::{retry_after, see_other};
use crate::web::Web;

/// Nothing of the certificate is shown before the code is right.
#[derive(Template)]
#[template(path = "rcd/code.html")]
struct CodeView {
    frame: Frame,
    here: String,
    version: i64,
    masked_mail: String,
    /// When the code was sent, and until when it is taken.
    sent: Option<(String, String)>,
    /// When another one may be sent, where that is not now.
    next_at: Option<String>,
    sender: String,
    codes_per_hour: usize,
    problems: Problems,
}

/// RCD-1b as sent.
pub(crate) struct TypedCode {
    version: i64,
    code: Secret<String>,
}

impl Form for TypedCode {
    const FIELDS: &'static [&'static str] = &["version", "code"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
            code: Secret::new(fields.take("code")),
        })
    }
}

impl From<TypedCode> for CodeForm {
    fn from(typed: TypedCode) -> Self {
        Self {
            version: typed.version,
            code: typed.code,
        }
    }
}

/// POST /p/rcd/{flow}/code
pub(crate) async fn confirm(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<TypedCode>,
) -> Response {
    let now = web.now();
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    match web
        .app()
        .confirm_code(&flow.id, visit, form.into(), now)
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(error) => again_or_refuse(&web, &flow, visit, error, now).await,
    }
}

/// POST /p/rcd/{flow}/resend: もう一度送る
pub(crate) async fn resend(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let now = web.now();
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    match web
        .app()
        .resend_code(&flow.id, visit, form.version, now)
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(error) => again_or_refuse(&web, &flow, visit, error, now).await,
    }
}

/// RCD-1b, with what is wrong.
pub(crate) async fn show(
    web: &Web,
    flow: &FlowPath,
    visit: Visit<'_>,
    problems: Problems,
    status: StatusCode,
) -> Response {
    let now = web.now();
    match web.app().code_page(&flow.id, visit, now).await {
        Ok(state) => code_page(web, flow, state, problems, status),
        // It went on between two looks.
        Err(Error::Refused(Refusal::FlowElsewhere)) => see_other(&flow.page()),
        Err(error) => refuse_visit(web, flow, visit, error).await,
    }
}

fn code_page(
    web: &Web,
    flow: &FlowPath,
    state: CodePage,
    problems: Problems,
    status: StatusCode,
) -> Response {
    let policy = web.app().policy();
    let hours = |(at, until)| (messages::time(at), messages::time(until));
    let view = CodeView {
        frame: web.frame(SITE_COLLECT, RCD_1B),
        here: flow.page(),
        version: state.version,
        masked_mail: state.masked_mail,
        sent: state.sent.map(hours),
        next_at: state.next_at.map(messages::from_minute),
        sender: policy.names.sender.clone(),
        codes_per_hour: policy.collect.codes_per_hour,
        problems,
    };
    page(status, &view)
}

/// A page that is shown again, with what is wrong.
pub(crate) struct Again {
    pub(crate) problems: Problems,
    pub(crate) status: StatusCode,
    /// Seconds after which it can be tried again.
    pub(crate) wait: Option<u64>,
}

impl Default for Again {
    fn default() -> Self {
        Self {
            problems: Problems::default(),
            status: StatusCode::OK,
            wait: None,
        }
    }
}

impl Again {
    /// Fields that cannot be taken.
    pub(crate) fn of(problems: Problems) -> Self {
        Self {
            status: problems.status(),
            problems,
            wait: None,
        }
    }

    /// What is told on the page of a code itself; other errors are given back.
    pub(crate) fn told(web: &Web, error: Error) -> Result<Self, Error> {
        let (field, message, status, wait) = match error {
            Error::Refused(Refusal::Fields(problems)) => {
                let told = problems.first().unwrap_or(&FieldProblem::MailCodeWrong);
                let message = messages::field_problem(told);
                ("code", message, StatusCode::BAD_REQUEST, None)
            }
            Error::Refused(Refusal::Throttled { seconds }) => {
                let message = messages::code_throttled(seconds);
                let status = StatusCode::TOO_MANY_REQUESTS;
                ("code", message, status, Some(seconds))
            }
            Error::Refused(Refusal::TooSoon { at }) => {
                let message = messages::code_too_soon(at);
                let seconds = at.unix() - web.app().system_now().unix();
                let seconds = u64::try_from(seconds).unwrap_or(0);
                let status = StatusCode::TOO_MANY_REQUESTS;
                ("resend", message, status, Some(seconds))
            }
            other => return Err(other),
        };
        Ok(Self {
            problems: Problems(vec![Problem { field, message }]),
            status,
            wait,
        })
    }
}

/// What can be put right is told on the page itself.
async fn again_or_refuse(
    web: &Web,
    flow: &FlowPath,
    visit: Visit<'_>,
    error: Error,
    now: Timestamp,
) -> Response {
    let again = match Again::told(web, error) {
        Ok(again) => again,
        Err(other) => return moved_on_or_refuse(web, flow, visit, other, now).await,
    };
    let mut response = show(web, flow, visit, again.problems, again.status).await;
    if let Some(seconds) = again.wait {
        retry_after(&mut response, seconds);
    }
    response
}
