//! 電子証明書の発行申請サイト (`/p/rcr`, manual 2.1): RCR-1 to RCR-5 (decisions F2, I5, I6).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tegata_app::{
    ApplicationPage, EnteredContact, EnteredInstitution, Error, FieldProblem, IssuedNumbers,
    MOST_TERMINALS, Refusal, TERMINAL_FIELDS,
};
use tegata_domain::flow::{ApplicationStep, FlowStep};
use tegata_domain::institution::{Institution, Prefecture};

use super::keyfile::StepForm;
use super::rcd::to_flow;
use crate::extract::{Caller, Form, Sent};
use crate::flow::{FlowPath, Procedure};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, RCR_1, RCR_2, RCR_3, RCR_4, RCR_5, SITE_APPLY};
use crate::page::{Frame, Problem, Problems, page};
use crate::respond::{self, Place, refuse, see_other};
use crate::web::Web;

/// Classes that come first in the list, as the manual names them; others follow by their words.
const FIRST_CLASSES: [&str; 5] = ["medical", "dental", "pharmacy", "visiting-nurse", "insurer"];

#[derive(Template)]
#[template(path = "rcr/begin.html")]
struct BeginPage<'a> {
    frame: Frame,
    letter_days: &'a str,
}

/// One entry of a list to choose from.
struct Choice {
    value: String,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "rcr/institution.html")]
struct InstitutionPage {
    frame: Frame,
    here: String,
    version: i64,
    classes: Vec<Choice>,
    prefectures: Vec<Choice>,
    code: String,
    problems: Problems,
}

/// 端末名称等 of one terminal.
struct TerminalField {
    name: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "rcr/contact.html")]
struct ContactPage {
    frame: Frame,
    here: String,
    version: i64,
    institution: Option<Shown>,
    terminals: Vec<TerminalField>,
    can_add: bool,
    contact: EnteredContact,
    sender: String,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "rcr/confirm.html")]
struct ConfirmPage {
    frame: Frame,
    here: String,
    version: i64,
    institution: Option<Shown>,
    contact: EnteredContact,
    duplicates: Vec<(String, String)>,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "rcr/done.html")]
struct DonePage {
    frame: Frame,
    numbers: Vec<IssuedNumbers>,
    mail: String,
    is_mail_withheld: bool,
    is_correction: bool,
}

/// The institution as the register has it.
struct Shown {
    class: String,
    code: String,
    name: String,
    postal_code: String,
    address: String,
}

/// GET /p/rcr
pub(crate) async fn begin_page(State(web): State<Web>) -> Response {
    let view = BeginPage {
        frame: web.frame(SITE_APPLY, RCR_1),
        letter_days: &web.app().policy().names.letter_days,
    };
    page(StatusCode::OK, &view)
}

/// POST /p/rcr
pub(crate) async fn begin(
    State(web): State<Web>,
    caller: Caller,
    Sent(Nothing): Sent<Nothing>,
) -> Response {
    match web.app().begin_application(caller.source).await {
        Ok(opened) => to_flow(&web, Procedure::Apply, &opened.flow, Some(&opened.cookie)),
        Err(error) => refuse(&web, Place::First(Procedure::Apply), error),
    }
}

/// GET /p/rcr/{flow}
pub(crate) async fn show(State(web): State<Web>, flow: FlowPath) -> Response {
    shown(&web, &flow, Typed::default()).await
}

/// POST /p/rcr/{flow}/institution
pub(crate) async fn institution(
    State(web): State<Web>,
    flow: FlowPath,
    Sent(form): Sent<InstitutionForm>,
) -> Response {
    let entered = web
        .app()
        .enter_application_institution(&flow.id, flow.cookie(), form.version, form.entered.clone())
        .await;
    let typed = Typed {
        institution: Some(form.entered),
        ..Typed::default()
    };
    answer(&web, &flow, entered, typed).await
}

/// POST /p/rcr/{flow}/contact: 次へ, 端末を追加する or 戻る
pub(crate) async fn contact(
    State(web): State<Web>,
    flow: FlowPath,
    Sent(form): Sent<ContactForm>,
) -> Response {
    let (app, cookie) = (web.app(), flow.cookie());
    let (version, contact) = (form.version, form.entered.clone());
    let entered = match form.act {
        ContactAct::Next => {
            app.enter_application_contact(&flow.id, cookie, version, contact)
                .await
        }
        ContactAct::Add | ContactAct::Back => {
            let (kept, step) = match form.act {
                ContactAct::Add => (contact.with_one_more(), ApplicationStep::Contact),
                _ => (contact, ApplicationStep::Institution),
            };
            app.keep_application_contact(&flow.id, cookie, version, kept, step)
                .await
        }
    };
    let typed = Typed {
        contact: Some(form.entered),
        ..Typed::default()
    };
    answer(&web, &flow, entered, typed).await
}

/// POST /p/rcr/{flow}/change/{step}: 変更 and 戻る of RCR-4
pub(crate) async fn change_institution(
    State(web): State<Web>,
    flow: FlowPath,
    Sent(form): Sent<StepForm>,
) -> Response {
    change(&web, &flow, form, ApplicationStep::Institution).await
}

/// The same to RCR-3.
pub(crate) async fn change_contact(
    State(web): State<Web>,
    flow: FlowPath,
    Sent(form): Sent<StepForm>,
) -> Response {
    change(&web, &flow, form, ApplicationStep::Contact).await
}

async fn change(web: &Web, flow: &FlowPath, form: StepForm, step: ApplicationStep) -> Response {
    let changed = web
        .app()
        .change_application(&flow.id, flow.cookie(), form.version, step)
        .await;
    answer(web, flow, changed, Typed::default()).await
}

/// POST /p/rcr/{flow}/submit
pub(crate) async fn submit(
    State(web): State<Web>,
    flow: FlowPath,
    caller: Caller,
    Sent(form): Sent<SubmitForm>,
) -> Response {
    let submitted = web
        .app()
        .submit_application(
            &flow.id,
            flow.cookie(),
            form.version,
            form.is_other_terminal,
            caller.source,
            web.now(),
        )
        .await;
    answer(&web, &flow, submitted, Typed::default()).await
}

/// What was typed just now and what is wrong with it.
#[derive(Default)]
struct Typed {
    institution: Option<EnteredInstitution>,
    contact: Option<EnteredContact>,
    problems: Problems,
}

impl Typed {
    /// The step whose form this is.
    const fn form(&self) -> Option<ApplicationStep> {
        match (&self.institution, &self.contact) {
            (Some(_), _) => Some(ApplicationStep::Institution),
            (None, Some(_)) => Some(ApplicationStep::Contact),
            (None, None) => None,
        }
    }
}

/// 303 to the procedure's page; the form again where something is wrong; E-04 where it moved on.
async fn answer(
    web: &Web,
    flow: &FlowPath,
    done: tegata_app::Result<()>,
    mut typed: Typed,
) -> Response {
    match done {
        Ok(()) => see_other(&flow.page()),
        Err(Error::Refused(Refusal::Form(problems))) => {
            typed.problems = form_problems(&problems);
            shown(web, flow, typed).await
        }
        Err(Error::Full | Error::Unavailable) if typed.form().is_some() => {
            typed.problems = Problems::unavailable();
            respond::later(shown(web, flow, typed).await)
        }
        Err(Error::Conflict | Error::Refused(Refusal::FlowElsewhere)) => {
            match web.app().application_page(&flow.id, flow.cookie()).await {
                Ok(state) => respond::elsewhere(web, flow, standing(state.step)),
                Err(error) => refuse(web, Place::Flow(flow), error),
            }
        }
        Err(error) => refuse(web, Place::Flow(flow), error),
    }
}

async fn shown(web: &Web, flow: &FlowPath, typed: Typed) -> Response {
    let state = match web.app().application_page(&flow.id, flow.cookie()).await {
        Ok(state) => state,
        Err(error) => return refuse(web, Place::Flow(flow), error),
    };
    // It was stored after all, whatever the database answered: there is the next step.
    if typed.problems.is_unavailable() && typed.form() != Some(state.step) {
        return see_other(&flow.page());
    }
    let status = typed.problems.status();
    match state.step {
        ApplicationStep::Institution => page(status, &institution_page(web, flow, state, typed)),
        ApplicationStep::Contact => page(status, &contact_page(web, flow, state, typed)),
        ApplicationStep::Confirm => page(status, &confirm_page(web, flow, state, typed)),
        ApplicationStep::Done | ApplicationStep::Inquiry => page(
            StatusCode::OK,
            &DonePage {
                frame: web.frame(SITE_APPLY, RCR_5),
                numbers: state.numbers,
                mail: state.contact.mail,
                is_mail_withheld: state.is_mail_withheld,
                is_correction: state.is_correction,
            },
        ),
    }
}

fn institution_page(
    web: &Web,
    flow: &FlowPath,
    state: ApplicationPage,
    typed: Typed,
) -> InstitutionPage {
    let entered = typed.institution.unwrap_or(state.institution);
    let policy = web.app().policy();
    let mut words: Vec<&String> = policy.classes.keys().collect();
    words.sort_by_key(|word| {
        let place = FIRST_CLASSES.iter().position(|first| first == word);
        place.unwrap_or(FIRST_CLASSES.len())
    });
    let classes = words.into_iter().filter_map(|word| {
        Some(Choice {
            name: policy.classes.get(word)?.label.clone(),
            chosen: *word == entered.class,
            value: word.clone(),
        })
    });
    let prefectures = (1..=47)
        .filter_map(Prefecture::from_number)
        .map(|one| Choice {
            value: one.romaji().to_owned(),
            name: one.name().to_owned(),
            chosen: one.romaji() == entered.prefecture,
        });
    InstitutionPage {
        frame: web.frame(SITE_APPLY, RCR_2),
        here: flow.page(),
        version: state.version,
        classes: classes.collect(),
        prefectures: prefectures.collect(),
        code: entered.code,
        problems: typed.problems,
    }
}

fn contact_page(web: &Web, flow: &FlowPath, state: ApplicationPage, typed: Typed) -> ContactPage {
    let contact = typed.contact.unwrap_or(state.contact);
    let count = contact.terminals.len().clamp(1, MOST_TERMINALS);
    let terminals = TERMINAL_FIELDS.iter().take(count).enumerate();
    ContactPage {
        frame: web.frame(SITE_APPLY, RCR_3),
        here: flow.page(),
        version: state.version,
        institution: state.register.map(|found| shown_institution(web, found)),
        terminals: terminals
            .map(|(at, name)| TerminalField {
                name,
                value: contact.terminals.get(at).cloned().unwrap_or_default(),
            })
            .collect(),
        can_add: count < MOST_TERMINALS && !state.is_correction,
        contact,
        sender: web.app().policy().names.sender.clone(),
        problems: typed.problems,
    }
}

fn confirm_page(web: &Web, flow: &FlowPath, state: ApplicationPage, typed: Typed) -> ConfirmPage {
    let mut contact = state.contact;
    contact
        .terminals
        .retain(|terminal| !terminal.trim().is_empty());
    ConfirmPage {
        frame: web.frame(SITE_APPLY, RCR_4),
        here: flow.page(),
        version: state.version,
        institution: state.register.map(|found| shown_institution(web, found)),
        contact,
        duplicates: state
            .duplicates
            .into_iter()
            .map(|(terminal, at)| (terminal, messages::date(at)))
            .collect(),
        problems: typed.problems,
    }
}

fn shown_institution(web: &Web, found: Institution) -> Shown {
    let rule = web.app().policy().class(&found.class);
    Shown {
        class: rule.map_or_else(String::new, |rule| rule.label.clone()),
        code: found.code.as_str().to_owned(),
        name: found.name,
        postal_code: found.postal_code,
        address: found.address,
    }
}

/// Where a procedure stands, in the words of the other procedures (E-04).
pub(crate) const fn standing(step: ApplicationStep) -> FlowStep {
    match step {
        ApplicationStep::Confirm => FlowStep::Confirm,
        ApplicationStep::Done => FlowStep::Done,
        ApplicationStep::Contact | ApplicationStep::Inquiry | ApplicationStep::Institution => {
            FlowStep::Form
        }
    }
}

fn form_problems(problems: &[(&'static str, FieldProblem)]) -> Problems {
    let problems = problems.iter().map(|(field, problem)| Problem {
        field,
        message: messages::field_problem(problem),
    });
    Problems(problems.collect())
}

/// A form with nothing but its button.
pub(crate) struct Nothing;

impl Form for Nothing {
    const FIELDS: &'static [&'static str] = &[];

    fn read(_: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self)
    }
}

/// RCR-2 as sent.
pub(crate) struct InstitutionForm {
    version: i64,
    entered: EnteredInstitution,
}

impl Form for InstitutionForm {
    const FIELDS: &'static [&'static str] = &["version", "class", "prefecture", "code"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
            entered: EnteredInstitution {
                class: fields.take("class"),
                prefecture: fields.take("prefecture"),
                code: half_width(&fields.take("code")).replace('-', ""),
            },
        })
    }
}

/// Which button of RCR-3 was pressed.
enum ContactAct {
    Add,
    Back,
    Next,
}

/// RCR-3 as sent.
pub(crate) struct ContactForm {
    version: i64,
    act: ContactAct,
    entered: EnteredContact,
}

impl Form for ContactForm {
    const FIELDS: &'static [&'static str] = &[
        "version",
        "act",
        "terminal_1",
        "terminal_2",
        "terminal_3",
        "terminal_4",
        "terminal_5",
        "terminal_6",
        "terminal_7",
        "terminal_8",
        "department",
        "person",
        "telephone",
        "mail",
        "mail_confirmation",
        "second_mail",
    ];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        let mut terminals: Vec<String> = TERMINAL_FIELDS
            .iter()
            .map(|name| fields.take(name))
            .collect();
        while terminals.len() > 1 && terminals.last().is_some_and(String::is_empty) {
            terminals.pop();
        }
        Ok(Self {
            version: fields.version()?,
            act: match fields.take("act").as_str() {
                "add" => ContactAct::Add,
                "back" => ContactAct::Back,
                _ => ContactAct::Next,
            },
            entered: EnteredContact {
                terminals,
                department: fields.take("department"),
                person: fields.take("person"),
                telephone: half_width(&fields.take("telephone")),
                mail: half_width(&fields.take("mail")),
                mail_confirmation: half_width(&fields.take("mail_confirmation")),
                second_mail: half_width(&fields.take("second_mail")),
            },
        })
    }
}

/// RCR-4 as sent.
pub(crate) struct SubmitForm {
    version: i64,
    is_other_terminal: bool,
}

impl Form for SubmitForm {
    const FIELDS: &'static [&'static str] = &["version", "duplicate"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
            is_other_terminal: fields.take("duplicate") == "other",
        })
    }
}
