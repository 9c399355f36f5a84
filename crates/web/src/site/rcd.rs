//! 電子証明書ダウンロードサイト (`/p/rcd`, manual 2.3): RCD-1, and the stop by 「心当たりがない」. The pages about the file
//! itself are in [`super::keyfile`].

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{CodeWait, CollectionPage, Error, Refusal, TypedIds, Visit};
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::secret::Secret;

use super::keyfile::{StepForm, moved_on_or_refuse};
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure, set_cookie};
use crate::form::{Fields, Malformed};
use crate::messages::{self, RCD_1, RCD_1B, SITE_COLLECT};
use crate::page::{Frame, Problem, Problems, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

/// The two IDs of a letter, as typed.
pub(crate) struct IdsForm {
    pub(crate) request_id: String,
    reference_id: Secret<String>,
}

impl Form for IdsForm {
    const FIELDS: &'static [&'static str] = &["request_id", "reference_id"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            request_id: fields.take("request_id"),
            reference_id: Secret::new(fields.take("reference_id")),
        })
    }
}

impl IdsForm {
    pub(crate) fn typed(&self) -> TypedIds {
        TypedIds {
            request: RequestId::parse(&self.request_id),
            reference: ReferenceId::parse(self.reference_id.expose()),
        }
    }
}

/// What is wrong with a pair of IDs: one answer for both fields (E-01, E-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdsProblem {
    /// E-02, with the seconds to wait.
    Throttled(u64),
    /// E-01
    Wrong,
}

impl IdsProblem {
    /// The problem and its status; any other error goes back.
    pub(crate) fn of(error: Error) -> Result<(Self, StatusCode), Error> {
        match error {
            Error::Refused(Refusal::WrongIds) => Ok((Self::Wrong, StatusCode::BAD_REQUEST)),
            Error::Refused(Refusal::Throttled { seconds }) => {
                Ok((Self::Throttled(seconds), StatusCode::TOO_MANY_REQUESTS))
            }
            other => Err(other),
        }
    }

    /// Says in the header, too, when to try again.
    pub(crate) fn mark(self, response: &mut Response) {
        if let Self::Throttled(seconds) = self {
            respond::retry_after(response, seconds);
        }
    }
}

#[derive(Template)]
#[template(path = "rcd/ids.html")]
struct IdsPage<'a> {
    frame: Frame,
    request_id: &'a str,
    reference_length: usize,
    problem: Option<IdsProblem>,
}

/// GET /p/rcd
pub(crate) async fn ids(State(web): State<Web>) -> Response {
    ids_page(&web, "", None, StatusCode::OK)
}

/// POST /p/rcd
pub(crate) async fn open(
    State(web): State<Web>,
    caller: Caller,
    Sent(form): Sent<IdsForm>,
) -> Response {
    let opened = web
        .app()
        .open_collection(form.typed(), caller.source, web.now())
        .await;
    match opened {
        Ok(opened) => to_flow(&web, Procedure::Collect, &opened.flow, Some(&opened.cookie)),
        Err(error) => match IdsProblem::of(error) {
            Ok((problem, status)) => ids_page(&web, &form.request_id, Some(problem), status),
            Err(error) => refuse(&web, Place::First(Procedure::Collect), error),
        },
    }
}

fn ids_page(
    web: &Web,
    request_id: &str,
    problem: Option<IdsProblem>,
    status: StatusCode,
) -> Response {
    let frame = web.frame(SITE_COLLECT, RCD_1);
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

/// 303 to a procedure's page, with its cookie where there is a new one.
pub(crate) fn to_flow(
    web: &Web,
    procedure: Procedure,
    flow: &tegata_domain::id::FlowId,
    cookie: Option<&str>,
) -> Response {
    let mut response = see_other(&procedure.page(flow));
    let hours = web.app().policy().periods.flow_hours;
    let header = cookie.and_then(|value| set_cookie(procedure, flow, value, hours));
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    response
}

#[derive(Template)]
#[template(path = "rcd/code.html")]
struct CodePage {
    frame: Frame,
    here: String,
    version: i64,
    wait: CodeWait,
    /// The address that our mails come from.
    sender: String,
    problems: Problems,
}

/// RCD-1b: nothing of the certificate is shown before the number is right.
pub(crate) fn code_page(
    web: &Web,
    flow: &FlowPath,
    state: CollectionPage,
    problems: Problems,
) -> Response {
    let Some(wait) = state.code else {
        return respond::internal(web, "a procedure waits for a number that it does not have");
    };
    let status = if problems.0.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let view = CodePage {
        frame: web.frame(SITE_COLLECT, RCD_1B),
        here: flow.page(),
        version: state.version,
        wait,
        sender: web.app().policy().names.sender.clone(),
        problems,
    };
    page(status, &view)
}

/// RCD-1b as sent.
pub(crate) struct CodeForm {
    version: i64,
    code: Secret<String>,
}

impl Form for CodeForm {
    const FIELDS: &'static [&'static str] = &["version", "code"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
            code: Secret::new(fields.take("code")),
        })
    }
}

/// POST /p/rcd/{flow}/code
pub(crate) async fn enter_code(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<CodeForm>,
) -> Response {
    let app = web.app();
    let visit = visit_of(&flow, &caller);
    let entered = app.enter_code(&flow.id, visit, form.version, &form.code);
    let entered = entered.await;
    code_answer(&web, &flow, visit, entered).await
}

/// POST /p/rcd/{flow}/resend: もう一度送る
pub(crate) async fn resend(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let (visit, now) = (visit_of(&flow, &caller), web.now());
    let sent = web
        .app()
        .send_code_again(&flow.id, visit, form.version, now)
        .await;
    code_answer(&web, &flow, visit, sent).await
}

fn visit_of<'a>(flow: &'a FlowPath, caller: &Caller) -> Visit<'a> {
    Visit {
        cookie: flow.cookie(),
        presented: None,
        source: caller.source,
    }
}

async fn code_answer(
    web: &Web,
    flow: &FlowPath,
    visit: Visit<'_>,
    done: tegata_app::Result<()>,
) -> Response {
    let now = web.now();
    let problems = match done {
        Ok(()) => return see_other(&flow.page()),
        Err(Error::Refused(Refusal::Fields(problems))) => problems,
        Err(error) => return moved_on_or_refuse(web, flow, visit, error, now).await,
    };
    let problems = problems.iter().map(|problem| Problem {
        field: "code",
        message: messages::field_problem(problem),
    });
    match web.app().collection_page(&flow.id, visit, now).await {
        Ok(state) => code_page(web, flow, state, Problems(problems.collect())),
        Err(error) => refuse(web, Place::Flow(flow), error),
    }
}

/// POST /p/rcd/{flow}/freeze
pub(crate) async fn freeze(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let (visit, now) = (visit_of(&flow, &caller), web.now());
    match web.app().freeze(&flow.id, visit, form.version, now).await {
        Ok(()) => see_other(&flow.page()),
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error, now).await,
    }
}
