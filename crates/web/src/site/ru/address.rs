//! 通知用メールアドレスの変更: RU-6, the page that asks for the code, and the last one (P-23).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{AddressForm, AddressPage, CodeForm, Error, FieldProblem, Refusal};
use tegata_domain::flow::FlowStep;
use tegata_domain::id::Fingerprint;

use super::apply::{BeginForm, refuse_holder};
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, RU_6, RU_6B, RU_6C, SITE_RENEW};
use crate::page::{Frame, Holder, Problem, Problems, page};
use crate::respond::{self, Place, later, refuse, retry_after, see_other};
use crate::site::keyfile::StepForm;
use crate::site::mail_code::{Again, TypedCode};
use crate::site::ru;
use crate::web::Web;

#[derive(Template)]
#[template(path = "ru/address.html")]
struct FormPage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    registered: String,
    registered_second: Option<String>,
    mail: String,
    mail_confirmation: String,
    second_mail: String,
    sender: String,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "ru/address_code.html")]
struct CodePage {
    frame: Frame,
    certificate: Holder,
    here: String,
    version: i64,
    mail: String,
    second_mail: Option<String>,
    /// Whether the number is that of 予備.
    asks_second: bool,
    /// Whether that one is asked for next.
    second_follows: bool,
    /// When the code was sent, and until when it is taken.
    sent: Option<(String, String)>,
    /// When another one may be sent, where that is not now.
    next_at: Option<String>,
    sender: String,
    codes_per_hour: usize,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "ru/address_done.html")]
struct DonePage {
    frame: Frame,
    certificate: Holder,
    registered: String,
    registered_second: Option<String>,
}

/// POST /p/ru/address
pub(crate) async fn begin(
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
        return see_other("/p/ru");
    }
    let (app, now) = (web.app(), web.now());
    match app.open_address_change(presented, caller.source, now).await {
        Ok(flow) => see_other(&Procedure::Address.page(&flow)),
        Err(error) => refuse(&web, Place::Renew, error),
    }
}

/// GET /p/ru/address/{flow}
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath, caller: Caller) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    here(&web, &flow, presented, None, Again::default()).await
}

/// RU-6 as sent.
pub(crate) struct Typed(AddressForm);

impl Form for Typed {
    const FIELDS: &'static [&'static str] =
        &["version", "mail", "mail_confirmation", "second_mail"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self(AddressForm {
            version: fields.version()?,
            mail: half_width(&fields.take("mail")),
            confirmation: half_width(&fields.take("mail_confirmation")),
            second_mail: half_width(&fields.take("second_mail")),
        }))
    }
}

/// POST /p/ru/address/{flow}/form
pub(crate) async fn enter(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(Typed(form)): Sent<Typed>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let (app, now) = (web.app(), web.now());
    let entered = app
        .enter_address(&flow.id, presented, form.clone(), caller.source, now)
        .await;
    match entered {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::Form(problems))) => {
            let problem = |(field, problem): (&'static str, FieldProblem)| Problem {
                field,
                message: messages::field_problem(&problem),
            };
            let problems = Problems(problems.into_iter().map(problem).collect());
            here(&web, &flow, presented, Some(form), Again::of(problems)).await
        }
        Err(Error::Full | Error::Unavailable) => {
            let again = Again::of(Problems::unavailable());
            later(here(&web, &flow, presented, Some(form), again).await)
        }
        Err(error) => moved_on_or_refuse(&web, &flow, presented, error).await,
    }
}

/// POST /p/ru/address/{flow}/code
pub(crate) async fn confirm(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<TypedCode>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let form: CodeForm = form.into();
    let (app, now) = (web.app(), web.now());
    let confirmed = app
        .confirm_address(&flow.id, presented, form, caller.source, now)
        .await;
    stepped(&web, &flow, presented, confirmed).await
}

/// POST /p/ru/address/{flow}/resend: もう一度送る
pub(crate) async fn resend(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let (app, now) = (web.app(), web.now());
    let sent = app
        .resend_address_code(&flow.id, presented, form.version, caller.source, now)
        .await;
    stepped(&web, &flow, presented, sent).await
}

/// POST /p/ru/address/{flow}/correct: 戻る
pub(crate) async fn correct(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<StepForm>,
) -> Response {
    let presented = match ru::holder(&web, &caller).await {
        Ok(presented) => presented,
        Err(response) => return response,
    };
    let corrected = web
        .app()
        .correct_address(&flow.id, presented, form.version)
        .await;
    stepped(&web, &flow, presented, corrected).await
}

/// The page that a step leads to. What can be put right is told on the page itself.
async fn stepped(
    web: &Web,
    flow: &FlowPath,
    presented: Fingerprint,
    step: tegata_app::Result<()>,
) -> Response {
    let error = match step {
        Ok(()) => return see_other(&flow.page()),
        Err(error) => error,
    };
    match Again::told(web, error) {
        Ok(again) => here(web, flow, presented, None, again).await,
        Err(error) => moved_on_or_refuse(web, flow, presented, error).await,
    }
}

/// The procedure's page where it stands, with what was typed and what is wrong with it.
async fn here(
    web: &Web,
    flow: &FlowPath,
    presented: Fingerprint,
    typed: Option<AddressForm>,
    again: Again,
) -> Response {
    let state = match web.app().address_page(&flow.id, presented).await {
        Ok(state) => state,
        Err(error) => return refuse_holder(web, flow, presented, error).await,
    };
    let (status, wait) = (again.status, again.wait);
    let mut response = match state.step {
        FlowStep::Code => code_page(web, flow, state, again),
        FlowStep::Done => done_page(web, state),
        _ => form_page(web, flow, state, typed, again.problems, status),
    };
    if let Some(seconds) = wait {
        retry_after(&mut response, seconds);
    }
    response
}

fn form_page(
    web: &Web,
    flow: &FlowPath,
    state: AddressPage,
    typed: Option<AddressForm>,
    problems: Problems,
    status: StatusCode,
) -> Response {
    let policy = web.app().policy();
    let [registered, second] = registered(&state);
    let entered = state.entered;
    let (mail, mail_confirmation, second_mail) = match (typed, entered) {
        (Some(typed), _) => (typed.mail, typed.confirmation, typed.second_mail),
        (None, Some(entered)) => {
            let mail = entered.mail.to_string();
            let second = entered.second_mail.map(|second| second.to_string());
            (mail.clone(), mail, second.unwrap_or_default())
        }
        (None, None) => (String::new(), String::new(), second.clone()),
    };
    let view = FormPage {
        frame: web.frame(SITE_RENEW, RU_6),
        certificate: Holder::new(state.certificate, policy, web.now()),
        here: flow.page(),
        version: state.version,
        registered,
        registered_second: Some(second).filter(|second| !second.is_empty()),
        mail,
        mail_confirmation,
        second_mail,
        sender: policy.names.sender.clone(),
        problems,
    };
    page(status, &view)
}

fn code_page(web: &Web, flow: &FlowPath, state: AddressPage, again: Again) -> Response {
    let policy = web.app().policy();
    let hours = |(at, until)| (messages::time(at), messages::time(until));
    let asks_second = state
        .entered
        .as_ref()
        .is_some_and(|new| new.is_first_proven);
    let (mail, second_mail) = match state.entered {
        Some(new) => (
            new.mail.to_string(),
            new.second_mail.map(|second| second.to_string()),
        ),
        None => (String::new(), None),
    };
    let view = CodePage {
        frame: web.frame(SITE_RENEW, RU_6B),
        certificate: Holder::new(state.certificate, policy, web.now()),
        here: flow.page(),
        version: state.version,
        mail,
        second_mail,
        asks_second,
        second_follows: state.second_follows,
        sent: state.sent.map(hours),
        next_at: state.next_at.map(messages::from_minute),
        sender: policy.names.sender.clone(),
        codes_per_hour: policy.collect.codes_per_hour,
        problems: again.problems,
    };
    page(again.status, &view)
}

fn done_page(web: &Web, state: AddressPage) -> Response {
    let [registered, second] = registered(&state);
    let view = DonePage {
        frame: web.frame(SITE_RENEW, RU_6C),
        certificate: Holder::new(state.certificate, web.app().policy(), web.now()),
        registered,
        registered_second: Some(second).filter(|second| !second.is_empty()),
    };
    page(StatusCode::OK, &view)
}

/// The registered address and 予備; empty where there is none.
fn registered(state: &AddressPage) -> [String; 2] {
    let text = |at| {
        let address = state.registered.get(at);
        address.map_or_else(String::new, ToString::to_string)
    };
    [text(0), text(1)]
}

async fn moved_on_or_refuse(
    web: &Web,
    flow: &FlowPath,
    presented: Fingerprint,
    error: Error,
) -> Response {
    if !matches!(
        error,
        Error::Conflict | Error::Refused(Refusal::FlowElsewhere)
    ) {
        return refuse_holder(web, flow, presented, error).await;
    }
    match web.app().address_page(&flow.id, presented).await {
        Ok(state) => respond::elsewhere(web, flow, state.step),
        Err(error) => refuse_holder(web, flow, presented, error).await,
    }
}
