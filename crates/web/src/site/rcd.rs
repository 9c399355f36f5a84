//! 電子証明書ダウンロードサイト (`/p/rcd`, manual 2.3): RCD-1, and the stop by 「心当たりがない」. The pages about the file
//! itself are in [`super::keyfile`].

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{Error, Refusal, TypedIds, Visit};
use tegata_domain::policy::SecondFactor;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::secret::Secret;

use super::keyfile::{StepForm, moved_on_or_refuse};
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure, set_cookie};
use crate::form::{Fields, Malformed};
use crate::messages::{RCD_1, SITE_COLLECT};
use crate::page::{Frame, page};
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

/// Why a pair of IDs leads nowhere: one answer for both fields (E-01, E-02, E-05). The page keeps the first of the pair; the
/// other is a secret and is typed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdsProblem {
    /// E-05: nothing is wrong with them.
    Later,
    /// E-02, with the seconds to wait.
    Throttled(u64),
    /// E-01
    Wrong,
}

impl IdsProblem {
    /// The problem and its status; any other error goes back.
    pub(crate) fn of(error: Error) -> Result<(Self, StatusCode), Error> {
        match error {
            Error::Conflict | Error::Full | Error::Unavailable => {
                Ok((Self::Later, StatusCode::SERVICE_UNAVAILABLE))
            }
            Error::Refused(Refusal::WrongIds) => Ok((Self::Wrong, StatusCode::BAD_REQUEST)),
            Error::Refused(Refusal::Throttled { seconds }) => {
                Ok((Self::Throttled(seconds), StatusCode::TOO_MANY_REQUESTS))
            }
            other => Err(other),
        }
    }

    /// Says in the header, too, when to try again.
    pub(crate) fn mark(self, response: Response) -> Response {
        match self {
            Self::Later => respond::later(response),
            Self::Throttled(seconds) => {
                let mut response = response;
                respond::retry_after(&mut response, seconds);
                response
            }
            Self::Wrong => response,
        }
    }
}

#[derive(Template)]
#[template(path = "rcd/ids.html")]
struct IdsPage<'a> {
    frame: Frame,
    request_id: &'a str,
    reference_length: usize,
    mail_code: bool,
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
        mail_code: web.app().policy().collect.second_factor == SecondFactor::MailCode,
        problem,
    };
    let response = page(status, &view);
    match problem {
        Some(problem) => problem.mark(response),
        None => response,
    }
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

/// POST /p/rcd/{flow}/freeze
pub(crate) async fn freeze(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let now = web.now();
    let visit = Visit {
        cookie: flow.cookie(),
        presented: None,
        source: caller.source,
    };
    match web.app().freeze(&flow.id, visit, form.version, now).await {
        Ok(()) => see_other(&flow.page()),
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error, now).await,
    }
}
