//! 鍵の取得: password, form and file of a certificate, for `/p/rcd` (RCD-2 to RCD-7) and for a renewal at `/p/ru`
//! (RU-3, RU-4; manual 2.3, 3.2.1; decisions K3 to K5).

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tegata_app::{
    CollectionPage, Error, FieldProblem, KeyFile, KeyFileForm, PasswordForm, Refusal, Visit,
};
use tegata_domain::flow::FlowStep;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use super::mail_code;
use super::rcd::to_flow;
use super::ru;
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed};
use crate::making;
use crate::messages::{self, FileScreens};
use crate::page::{Frame, Holder, Problem, Problems, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

struct Earlier {
    at: String,
    source: String,
    refused: bool,
}

/// One of the two forms of the file, as a choice.
struct FormChoice {
    word: &'static str,
    name: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "keyfile/password.html")]
struct PasswordPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    is_renewal: bool,
    version: i64,
    window_end: String,
    downloads: usize,
    earlier: Vec<Earlier>,
    hint: String,
    four_digits: bool,
    crack_time: &'static str,
    forms: [FormChoice; 2],
    form_name: &'static str,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "keyfile/other_form.html")]
struct OtherFormPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    downloaded_at: Option<String>,
    earlier_form: &'static str,
    form: &'static str,
    form_name: &'static str,
    is_old: bool,
    hint: String,
    four_digits: bool,
    crack_time: &'static str,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "keyfile/suggestion.html")]
struct SuggestionPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    form: &'static str,
    password: String,
}

#[derive(Template)]
#[template(path = "keyfile/weak.html")]
struct WeakPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    crack_time: &'static str,
    is_guessable: bool,
}

#[derive(Template)]
#[template(path = "keyfile/making.html")]
struct MakingPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    /// Name and `done`, nothing or `ahead`.
    stages: [(&'static str, &'static str); 3],
}

#[derive(Template)]
#[template(path = "keyfile/ready.html")]
struct ReadyPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    is_renewal: bool,
    version: i64,
    file_name: String,
    check: String,
    relying_systems: String,
}

#[derive(Template)]
#[template(path = "keyfile/erase.html")]
struct ErasePage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "keyfile/erased.html")]
struct ErasedPage {
    frame: Frame,
    certificate: Holder,
    erased_at: String,
}

#[derive(Template)]
#[template(path = "keyfile/on_terminal.html")]
struct OnTerminalPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    since: String,
}

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

/// Where a procedure about a file stands, for one request.
struct Step<'a> {
    web: &'a Web,
    state: CollectionPage,
    certificate: Holder,
    screens: &'static FileScreens,
    is_renewal: bool,
    /// Whether the file was being made when this request began to look.
    is_making: bool,
}

impl<'a> Step<'a> {
    async fn begin(web: &'a Web, flow: &FlowPath, caller: &Caller) -> Result<Self, Response> {
        let now = web.now();
        // Asked first: what ends while the state is read must not bring the form back.
        let is_making = web.making().is_underway(&flow.id);
        let visit = visit(web, flow, caller).await?;
        let state = match web.app().collection_page(&flow.id, visit, now).await {
            Ok(state) => state,
            Err(error) => return Err(refuse_visit(web, flow, visit, error).await),
        };
        Ok(Self {
            web,
            certificate: Holder::new(state.certificate.clone(), web.app().policy(), now),
            state,
            screens: messages::file_screens(flow.procedure),
            is_renewal: flow.procedure == Procedure::Retrieve,
            is_making,
        })
    }

    fn frame(&self, screen: messages::Screen) -> Frame {
        self.web.frame(self.screens.site, screen)
    }

    /// Whether a password may be set now.
    fn takes_password(&self) -> bool {
        matches!(self.state.step, FlowStep::Password | FlowStep::Confirm)
    }

    fn page(self, flow: &FlowPath, caller: &Caller, problems: Problems) -> Response {
        match self.state.step {
            _ if self.state.on_terminal.is_some() && self.state.step != FlowStep::Done => {
                self.on_terminal_page(flow)
            }
            FlowStep::Ready => self.ready_page(flow),
            FlowStep::Password | FlowStep::Confirm if self.is_making => self.making_page(flow),
            FlowStep::Done => match self.state.erased_at {
                Some(at) => self.erased_page(at),
                None => respond::frozen(self.web, None, Some(self.certificate)),
            },
            FlowStep::Confirm => self.weak_page(flow),
            FlowStep::Code | FlowStep::Form | FlowStep::Password => {
                self.password_page(flow, caller, problems)
            }
        }
    }

    fn password_page(self, flow: &FlowPath, caller: &Caller, problems: Problems) -> Response {
        let chosen = self.form(caller);
        let status = status_of(&problems);
        let frame = self.frame(self.screens.password);
        let earlier = self.state.earlier.into_iter().map(|entry| Earlier {
            at: messages::date_and_time(entry.at),
            source: entry.source,
            refused: entry.refused,
        });
        let view = PasswordPage {
            frame,
            certificate: self.certificate,
            here: flow.page(),
            is_renewal: self.is_renewal,
            version: self.state.version,
            window_end: messages::date(self.state.window_end),
            downloads: self.state.downloads,
            earlier: earlier.collect(),
            hint: messages::password_hint(self.state.min_length),
            four_digits: self.state.min_length <= 4,
            crack_time: messages::CRACK_TIME,
            forms: [KeyFileForm::Modern, KeyFileForm::Old].map(|form| FormChoice {
                word: form.as_str(),
                name: messages::form_name(form),
                chosen: form == chosen,
            }),
            form_name: messages::form_name(chosen),
            problems,
        };
        page(status, &view)
    }

    fn other_form_page(self, flow: &FlowPath, problems: Problems) -> Response {
        let earlier_form = self.state.form.unwrap_or(KeyFileForm::Modern);
        let form = earlier_form.other();
        let last = self.state.earlier.iter().rfind(|entry| !entry.refused);
        let view = OtherFormPage {
            frame: self.frame(self.screens.other_form),
            here: flow.page(),
            version: self.state.version,
            downloaded_at: last.map(|entry| messages::date_and_time(entry.at)),
            earlier_form: messages::form_name(earlier_form),
            form: form.as_str(),
            form_name: messages::form_name(form),
            is_old: form == KeyFileForm::Old,
            hint: messages::password_hint(self.state.min_length),
            four_digits: self.state.min_length <= 4,
            crack_time: messages::CRACK_TIME,
            certificate: self.certificate,
            problems,
        };
        page(status_of(&view.problems), &view)
    }

    fn suggestion_page(self, flow: &FlowPath, caller: &Caller) -> Response {
        let view = SuggestionPage {
            frame: self.frame(self.screens.suggestion),
            here: flow.page(),
            version: self.state.version,
            form: self.form(caller).as_str(),
            password: self.web.app().suggest_password().expose().clone(),
            certificate: self.certificate,
        };
        page(StatusCode::OK, &view)
    }

    fn weak_page(self, flow: &FlowPath) -> Response {
        let view = WeakPage {
            frame: self.frame(self.screens.weak),
            here: flow.page(),
            version: self.state.version,
            crack_time: messages::CRACK_TIME,
            is_guessable: self.state.is_guessable,
            certificate: self.certificate,
        };
        page(StatusCode::OK, &view)
    }

    /// RCD-3: asks for itself again until the file is there.
    fn making_page(self, flow: &FlowPath) -> Response {
        let view = MakingPage {
            frame: self.frame(self.screens.making),
            here: flow.page(),
            stages: messages::stages(&self.state.status),
            certificate: self.certificate,
        };
        making::refreshing(page(StatusCode::OK, &view))
    }

    fn ready_page(self, flow: &FlowPath) -> Response {
        let app = self.web.app();
        let view = ReadyPage {
            frame: self.frame(self.screens.ready),
            here: flow.page(),
            is_renewal: self.is_renewal,
            version: self.state.version,
            check: ru::check_address(app.addresses(), flow.procedure),
            relying_systems: app.policy().names.relying_systems.clone(),
            certificate: self.certificate,
            file_name: self.state.file_name,
        };
        page(StatusCode::OK, &view)
    }

    fn erase_page(self, flow: &FlowPath, problems: Problems) -> Response {
        let mut frame = self.frame(self.screens.erase);
        frame.title = messages::erase_title(&frame.ca_short);
        let view = ErasePage {
            frame,
            here: flow.page(),
            version: self.state.version,
            certificate: self.certificate,
            problems,
        };
        page(status_of(&view.problems), &view)
    }

    fn erased_page(self, at: Timestamp) -> Response {
        let view = ErasedPage {
            frame: self.frame(self.screens.erased),
            certificate: self.certificate,
            erased_at: messages::date_and_time(at),
        };
        page(StatusCode::OK, &view)
    }

    fn on_terminal_page(self, flow: &FlowPath) -> Response {
        let since = self.state.on_terminal.map(messages::date_and_time);
        let view = OnTerminalPage {
            frame: self.frame(messages::RCD_ON_TERMINAL),
            here: flow.page(),
            version: self.state.version,
            since: since.unwrap_or_default(),
            certificate: self.certificate,
        };
        page(StatusCode::OK, &view)
    }

    /// The form that was chosen, or the one for this system (K5).
    fn form(&self, caller: &Caller) -> KeyFileForm {
        let own = KeyFileForm::for_user_agent(&caller.user_agent);
        self.state.form.unwrap_or(own)
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

fn status_of(problems: &Problems) -> StatusCode {
    if problems.0.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    }
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
