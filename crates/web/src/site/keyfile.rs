//! 鍵の取得: password, form and file of a certificate, for `/p/rcd` (RCD-2 to RCD-7) and for a renewal at `/p/ru`
//! (RU-3, RU-4; manual 2.3, 3.2.1; decisions K3 to K5). What is asked and sent; the pages are in `page`.

mod page;

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{Error, FieldProblem, KeyFile, KeyFileForm, PasswordForm, Refusal, Visit};
use tegata_domain::flow::FlowStep;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use self::page::Step;
use super::mail_code;
use super::rcd::to_flow;
use super::ru;
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed};
use crate::making;
use crate::messages;
use crate::page::{Problem, Problems};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

/// GET /p/rcd/{flow}, /p/ru/key/{flow}
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    match Step::begin(&web, &flow, &caller).await {
        Ok(step) if step.state.step == FlowStep::Code => {
            let visit = Visit {
                cookie: flow.cookie(),
                presented: None,
                source: caller.source,
            };
            mail_code::show(&web, &flow, visit, Problems::default(), StatusCode::OK).await
        }
        Ok(step) => step.page(&flow, &caller, Problems::default()),
        Err(response) => response,
    }
}

/// GET …/{flow}/other: 「パスワードが違う」と表示されるとき (text 7)
pub(crate) async fn other_form(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    match Step::begin(&web, &flow, &caller).await {
        Ok(step) if step.state.step == FlowStep::Ready => {
            step.other_form_page(&flow, Problems::default())
        }
        Ok(_) => see_other(&flow.page()),
        Err(response) => response,
    }
}

/// GET …/{flow}/suggestion: 安全なパスワードを作る (text 6)
pub(crate) async fn suggestion(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    match Step::begin(&web, &flow, &caller).await {
        Ok(step) if step.takes_password() => step.suggestion_page(&flow, &caller),
        Ok(_) => see_other(&flow.page()),
        Err(response) => response,
    }
}

/// GET …/{flow}/erase: RCD-6
pub(crate) async fn erase_form(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    match Step::begin(&web, &flow, &caller).await {
        Ok(step) if step.state.step == FlowStep::Ready => {
            step.erase_page(&flow, Problems::default())
        }
        Ok(_) => see_other(&flow.page()),
        Err(response) => response,
    }
}

/// POST …/{flow}/password
pub(crate) async fn set_password(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(fields): Sent<PasswordFields>,
) -> Response {
    let now = web.now();
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let is_other = fields.is_other;
    let password = fields.form.password.clone();
    let (app, id) = (web.app().clone(), flow.id.clone());
    let cookie = visit.cookie.map(str::to_owned);
    let (presented, source) = (visit.presented, visit.source);
    let set = making::make(&web, &flow.id, async move {
        let visit = Visit {
            cookie: cookie.as_deref(),
            presented,
            source,
        };
        app.set_password(&id, visit, fields.form, now).await
    });
    let Some(set) = set.await else {
        return match web.app().cookie_with_password(&flow.id, visit, password) {
            Ok(cookie) => to_flow(&web, flow.procedure, &flow.id, Some(&cookie)),
            Err(error) => refuse_visit(&web, &flow, visit, error).await,
        };
    };
    match set {
        Ok(cookie) => to_flow(&web, flow.procedure, &flow.id, Some(&cookie)),
        Err(Error::Refused(Refusal::Fields(problems))) => {
            let problems = password_problems(&problems);
            match Step::begin(&web, &flow, &caller).await {
                Ok(step) if is_other => step.other_form_page(&flow, problems),
                Ok(step) => step.page(&flow, &caller, problems),
                Err(response) => response,
            }
        }
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error, now).await,
    }
}

/// POST …/{flow}/weak: 数字4桁のまま進む
pub(crate) async fn accept_weak(
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
    let (app, id) = (web.app().clone(), flow.id.clone());
    let cookie = visit.cookie.map(str::to_owned);
    let (presented, source) = (visit.presented, visit.source);
    let accepted = making::make(&web, &flow.id, async move {
        let visit = Visit {
            cookie: cookie.as_deref(),
            presented,
            source,
        };
        app.accept_weak_password(&id, visit, form.version, now)
            .await
    });
    match accepted.await {
        Some(Ok(())) | None => see_other(&flow.page()),
        Some(Err(error)) => moved_on_or_refuse(&web, &flow, visit, error, now).await,
    }
}

/// POST …/{flow}/file
pub(crate) async fn file(
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
    match web.app().download(&flow.id, visit, form.version, now).await {
        Ok(file) => attachment(&web, file),
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error, now).await,
    }
}

/// POST …/{flow}/again
pub(crate) async fn again(
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
        .change_password(&flow.id, visit, form.version)
        .await
    {
        Ok(()) => see_other(&flow.page()),
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error, now).await,
    }
}

/// POST …/{flow}/erase: RCD-6 → RCD-7
pub(crate) async fn erase(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<EraseForm>,
) -> Response {
    let now = web.now();
    let visit = match visit(&web, &flow, &caller).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let erased = web
        .app()
        .erase_key(&flow.id, visit, form.version, form.confirmed, now)
        .await;
    match erased {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::Fields(_))) => match Step::begin(&web, &flow, &caller).await {
            Ok(step) => step.erase_page(&flow, not_confirmed()),
            Err(response) => response,
        },
        Err(error) => moved_on_or_refuse(&web, &flow, visit, error, now).await,
    }
}

/// RCD-2 as sent.
pub(crate) struct PasswordFields {
    form: PasswordForm,
    /// Whether it came from RCD-5.
    is_other: bool,
}

impl Form for PasswordFields {
    const FIELDS: &'static [&'static str] = &[
        "version",
        "password",
        "password_confirmation",
        "form",
        "weak",
        "page",
    ];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        let form = PasswordForm {
            version: fields.version()?,
            password: Secret::new(fields.take("password")),
            confirmation: Secret::new(fields.take("password_confirmation")),
            form: KeyFileForm::parse(&fields.take("form")).ok_or(Malformed)?,
            weak_accepted: fields.take("weak") == "accepted",
        };
        let is_other = fields.take("page") == "other";
        Ok(Self { form, is_other })
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

/// RCD-6 as sent.
pub(crate) struct EraseForm {
    version: i64,
    confirmed: bool,
}

impl Form for EraseForm {
    const FIELDS: &'static [&'static str] = &["version", "confirmed"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
            confirmed: fields.take("confirmed") == "yes",
        })
    }
}

/// What this request brings to a procedure. At `/p/ru` the certificate is judged on every request (W2); one that
/// does not pass gets its own page.
pub(crate) async fn visit<'a>(
    web: &Web,
    flow: &'a FlowPath,
    caller: &Caller,
) -> Result<Visit<'a>, Response> {
    let presented = match flow.procedure {
        Procedure::Revoke if web.asks_for_certificate() => {
            Some(ru::stopped_holder(web, caller).await?)
        }
        Procedure::Apply | Procedure::Collect | Procedure::Inquire | Procedure::Revoke => None,
        Procedure::Address | Procedure::Renew | Procedure::Retrieve => {
            Some(ru::holder(web, caller).await?)
        }
    };
    Ok(Visit {
        cookie: flow.cookie(),
        presented,
        source: caller.source,
    })
}

/// E-04 shows where the procedure stands; everything else has a page of its own.
pub(crate) async fn moved_on_or_refuse(
    web: &Web,
    flow: &FlowPath,
    visit: Visit<'_>,
    error: Error,
    now: Timestamp,
) -> Response {
    if !matches!(
        error,
        Error::Conflict | Error::Refused(Refusal::FlowElsewhere)
    ) {
        return refuse_visit(web, flow, visit, error).await;
    }
    match web.app().collection_page(&flow.id, visit, now).await {
        Ok(state) => respond::elsewhere(web, flow, state.step),
        Err(error) => refuse_visit(web, flow, visit, error).await,
    }
}

/// Another certificate than the one that began has a page that names both (RU-E7).
pub(crate) async fn refuse_visit(
    web: &Web,
    flow: &FlowPath,
    visit: Visit<'_>,
    error: Error,
) -> Response {
    match (error, visit.presented) {
        (Error::Refused(Refusal::OtherCertificate), Some(presented)) => {
            ru::other_certificate(web, flow, presented).await
        }
        (error, _) => refuse(web, Place::Flow(flow), error),
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

fn not_confirmed() -> Problems {
    Problems(vec![Problem {
        field: "confirmed",
        message: messages::ERASE_NOT_CONFIRMED.to_owned(),
    }])
}
