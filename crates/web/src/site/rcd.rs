//! 電子証明書ダウンロードサイト (`/p/rcd`, manual 2.3): RCD-1, RCD-2 and RCD-4.

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{CollectionPage, Error, FieldProblem, KeyFile, PasswordForm, Refusal, TypedIds};
use tegata_domain::flow::FlowStep;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure, set_cookie};
use crate::form::{Fields, Malformed};
use crate::messages::{self, RCD_1, RCD_2, RCD_4, SITE_COLLECT};
use crate::page::{Frame, Holder, Problem, Problems, page};
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

struct Earlier {
    at: String,
    source: String,
    refused: bool,
}

#[derive(Template)]
#[template(path = "rcd/password.html")]
struct PasswordPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    window_end: String,
    downloads: usize,
    earlier: Vec<Earlier>,
    hint: String,
    four_digits: bool,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "rcd/ready.html")]
struct ReadyPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    file_name: String,
    check: String,
}

/// GET /p/rcd/{flow}
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath) -> Response {
    let now = web.now();
    match web
        .app()
        .collection_page(&flow.id, flow.cookie(), now)
        .await
    {
        Ok(state) => flow_page(&web, &flow, state, Problems::default(), now),
        Err(error) => refuse(&web, Place::Flow(&flow), error),
    }
}

fn flow_page(
    web: &Web,
    flow: &FlowPath,
    state: CollectionPage,
    problems: Problems,
    now: Timestamp,
) -> Response {
    let certificate = Holder::new(state.certificate, web.app().policy(), now);
    let here = flow.page();
    match state.step {
        FlowStep::Ready => {
            let view = ReadyPage {
                frame: web.frame(SITE_COLLECT, RCD_4),
                certificate,
                here,
                version: state.version,
                file_name: state.file_name,
                check: super::ru::check_address(web.app().addresses()),
            };
            page(StatusCode::OK, &view)
        }
        FlowStep::Done => respond::frozen(web, None, Some(certificate)),
        FlowStep::Code | FlowStep::Confirm | FlowStep::Form | FlowStep::Password => {
            let is_wrong = !problems.0.is_empty();
            let earlier = state.earlier.into_iter().map(|entry| Earlier {
                at: messages::date_and_time(entry.at),
                source: entry.source,
                refused: entry.refused,
            });
            let view = PasswordPage {
                frame: web.frame(SITE_COLLECT, RCD_2),
                certificate,
                here,
                version: state.version,
                window_end: messages::date(state.window_end),
                downloads: state.downloads,
                earlier: earlier.collect(),
                hint: messages::password_hint(state.min_length),
                four_digits: state.min_length <= 4,
                problems,
            };
            page(
                if is_wrong {
                    StatusCode::BAD_REQUEST
                } else {
                    StatusCode::OK
                },
                &view,
            )
        }
    }
}

/// RCD-2 as sent.
pub(crate) struct PasswordFields(PasswordForm);

impl Form for PasswordFields {
    const FIELDS: &'static [&'static str] = &["version", "password", "password_confirmation"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self(PasswordForm {
            version: fields.version()?,
            password: Secret::new(fields.take("password")),
            confirmation: Secret::new(fields.take("password_confirmation")),
        }))
    }
}

/// A button of a procedure: nothing but its version.
pub(crate) struct StepForm {
    pub(crate) version: i64,
}

impl Form for StepForm {
    const FIELDS: &'static [&'static str] = &["version"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
        })
    }
}

/// POST /p/rcd/{flow}/password
pub(crate) async fn set_password(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(PasswordFields(form)): Sent<PasswordFields>,
) -> Response {
    let now = web.now();
    let app = web.app();
    match app
        .set_password(&flow.id, flow.cookie(), form, caller.source, now)
        .await
    {
        Ok(cookie) => to_flow(&web, flow.procedure, &flow.id, Some(&cookie)),
        Err(Error::Refused(Refusal::Fields(problems))) => {
            match app.collection_page(&flow.id, flow.cookie(), now).await {
                Ok(state) => flow_page(&web, &flow, state, password_problems(&problems), now),
                Err(error) => refuse(&web, Place::Flow(&flow), error),
            }
        }
        Err(error) => moved_on_or_refuse(&web, &flow, error, now).await,
    }
}

/// POST /p/rcd/{flow}/file
pub(crate) async fn file(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let now = web.now();
    let file = web
        .app()
        .download(&flow.id, flow.cookie(), form.version, caller.source, now)
        .await;
    match file {
        Ok(file) => attachment(&web, file),
        Err(error) => moved_on_or_refuse(&web, &flow, error, now).await,
    }
}

/// POST /p/rcd/{flow}/again
pub(crate) async fn again(
    State(web): State<Web>,
    flow: FlowPath,
    Sent(form): Sent<StepForm>,
) -> Response {
    let now = web.now();
    match web
        .app()
        .change_password(&flow.id, flow.cookie(), form.version)
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(error) => moved_on_or_refuse(&web, &flow, error, now).await,
    }
}

/// POST /p/rcd/{flow}/freeze
pub(crate) async fn freeze(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let now = web.now();
    let frozen = web
        .app()
        .freeze(&flow.id, flow.cookie(), form.version, caller.source, now)
        .await;
    match frozen {
        Ok(()) => see_other(&flow.page()),
        Err(error) => moved_on_or_refuse(&web, &flow, error, now).await,
    }
}

/// E-04 shows where the procedure stands; everything else has a page of its own.
async fn moved_on_or_refuse(web: &Web, flow: &FlowPath, error: Error, now: Timestamp) -> Response {
    if !matches!(
        error,
        Error::Conflict | Error::Refused(Refusal::FlowElsewhere)
    ) {
        return refuse(web, Place::Flow(flow), error);
    }
    match web
        .app()
        .collection_page(&flow.id, flow.cookie(), now)
        .await
    {
        Ok(state) => respond::elsewhere(web, flow, state.step),
        Err(error) => refuse(web, Place::Flow(flow), error),
    }
}

/// The file, under the name that `app` made of the request ID (T47).
fn attachment(web: &Web, file: KeyFile) -> Response {
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let Ok(disposition) = HeaderValue::try_from(disposition) else {
        return respond::internal(web, "the file's name is no header value");
    };
    let kind = HeaderValue::from_static("application/x-pkcs12");
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition)];
    (headers, file.der.to_vec()).into_response()
}

fn password_problems(problems: &[FieldProblem]) -> Problems {
    let problems = problems.iter().map(|problem| Problem {
        field: match problem {
            FieldProblem::PasswordsDiffer => "password_confirmation",
            _ => "password",
        },
        message: messages::field_problem(problem),
    });
    Problems(problems.collect())
}
