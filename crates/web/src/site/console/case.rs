//! C-4: an application beside the register and the institution's history, with everything that happened, and the
//! acts of examiner and approver (decision F2). Each act carries what the page showed: whoever comes second is told
//! who was first.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::{Case, CaseGrant, Error, Refusal, Session};
use tegata_domain::access::Right;
use tegata_domain::applicant::Contact;
use tegata_domain::application::{ApplicationState, CertificateApplication};
use tegata_domain::grant::Grant;
use tegata_domain::id::ApplicationId;
use tegata_domain::operator::Act;
use tegata_domain::time::CalendarDate;

use super::desk::{self, Desk, Posted, Signed};
use super::fault;
use super::queue::{next_address, took_part};
use super::shown::{self, Line};
use super::unreachable::bounced_line;
use crate::extract::Form;
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, C_CASE};
use crate::page::{Problem, Problems, page as render};
use crate::respond;
use crate::tag::digest;
use crate::web::Web;

/// Days that an applicant has by default to correct a returned application.
const DUE_DAYS: i64 = 14;

/// The address of a case.
pub(super) fn address(id: &ApplicationId) -> String {
    format!("/console/applications/{id}")
}

/// What was done to the case before this one.
pub(super) fn done_name(word: &str) -> Option<&'static str> {
    match word {
        "examine" => Some(messages::DONE_EXAMINE),
        "approve" => Some(messages::DONE_APPROVE),
        "return" => Some(messages::DONE_RETURN),
        "reject" => Some(messages::DONE_REJECT),
        _ => None,
    }
}

/// What the page showed: another state, institution or terminal, another address or person to talk to, another mark.
fn mark(application: &CertificateApplication, contact: Option<&Contact>) -> String {
    let state = &application.state;
    let seen = format!(
        "{}\n{}\n{}\n{}\n{state:?}\n{contact:?}",
        application.institution,
        application.terminal.as_str(),
        application.mail,
        application.entered_at,
    );
    digest(seen.as_bytes())
}

struct Compared {
    label: &'static str,
    applied: String,
    registered: String,
    differs: bool,
}

struct GrantRow {
    address: String,
    request_id: String,
    terminal: String,
    approved_at: String,
    not_after: String,
    state: &'static str,
    certificate: String,
    tracking: String,
    is_same_terminal: bool,
}

struct OtherApplication {
    address: String,
    entered_at: String,
    terminal: String,
    state: &'static str,
    is_same_terminal: bool,
}

/// What was typed, and what is wrong with it.
#[derive(Default)]
struct Typed {
    return_reason: String,
    due: String,
    reject_reason: String,
    problems: Problems,
}

#[derive(Template)]
#[template(path = "console/case.html")]
struct CasePage {
    desk: Desk,
    here: String,
    seen: String,
    state: &'static str,
    last_act: Option<String>,
    reason: Option<String>,
    done: Option<(&'static str, String)>,
    skip: Option<String>,
    institution_address: String,
    compared: Vec<Compared>,
    application_no: Option<String>,
    entered_by: String,
    entered_at: String,
    grants: Vec<GrantRow>,
    /// Why mails to the addresses of its newest certificate come back.
    bounced: Vec<String>,
    other_grants: Vec<GrantRow>,
    other_applications: Vec<OtherApplication>,
    proposals: usize,
    story: Vec<Line>,
    may_examine: bool,
    may_approve: bool,
    may_answer: bool,
    is_own: bool,
    typed: Typed,
    problems: Problems,
}

/// GET /console/applications/{id}
pub(crate) async fn page(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let Ok(id) = ApplicationId::parse(&id) else {
        return fault::unknown(&web, &session);
    };
    let mut fields = desk::asked(&uri, &["done", "of"]);
    let done = done_name(&fields.take("done")).zip(ApplicationId::parse(&fields.take("of")).ok());
    let typed = Typed {
        due: web.now().japan_date().plus_days(DUE_DAYS).to_string(),
        ..Typed::default()
    };
    show(&web, &session, &id, typed, done).await
}

async fn show(
    web: &Web,
    session: &Session,
    id: &ApplicationId,
    typed: Typed,
    done: Option<(&'static str, ApplicationId)>,
) -> Response {
    match web.app().case(id).await {
        Ok(case) => {
            let status = if typed.problems.0.is_empty() {
                StatusCode::OK
            } else {
                StatusCode::BAD_REQUEST
            };
            render(status, &view(web, session, &case, typed, done))
        }
        Err(error) => fault::refuse(web, session, error),
    }
}

fn view(
    web: &Web,
    session: &Session,
    case: &Case,
    mut typed: Typed,
    done: Option<(&'static str, ApplicationId)>,
) -> CasePage {
    let (application, names) = (&case.application, &case.names);
    let operator = &session.operator;
    let may = |right: Right| right.is_held_by(operator);
    let word = application.state.as_str();
    let is_own = took_part(application, operator);
    let may_examine = word == "submitted" && may(Right::Do(Act::Examine)) && !is_own;
    let may_approve = word == "examined" && may(Right::Do(Act::Approve)) && !is_own;
    let may_answer = match word {
        "submitted" | "returned" => may(Right::Do(Act::Examine)),
        "examined" => may(Right::Do(Act::Approve)),
        _ => false,
    };
    let waits = matches!(word, "submitted" | "examined");
    let terminal = application.terminal.as_str();
    let rows = |grants: &[Grant]| grants.iter().map(|g| grant_row(g, terminal)).collect();
    CasePage {
        desk: Desk::new(web, session, C_CASE, ""),
        here: address(&application.id),
        seen: mark(
            application,
            case.applicant.as_ref().map(|applicant| &applicant.contact),
        ),
        state: messages::application_state(&application.state),
        last_act: shown::last_act(&application.state, names)
            .map(|(who, at)| format!("{who} {}", messages::moment(at))),
        reason: reason(&application.state),
        done: done.map(|(told, of)| (told, address(&of))),
        skip: waits.then(|| format!("/console/queue/next?state={word}&after={}", application.id)),
        institution_address: format!("/console/institutions/{}", case.institution.id),
        compared: compared(web, case),
        application_no: case
            .applicant
            .as_ref()
            .map(|applicant| applicant.number.to_string()),
        entered_by: shown::entered_by(application, names),
        entered_at: messages::date_and_time(application.entered_at),
        grants: case.grants.iter().map(own_row).collect(),
        bounced: case
            .grants
            .last()
            .map(|own| own.bounced.iter().map(bounced_line).collect())
            .unwrap_or_default(),
        other_grants: rows(&case.other_grants),
        other_applications: case
            .other_applications
            .iter()
            .map(|other| other_application(other, terminal))
            .collect(),
        proposals: case.proposals.len(),
        story: shown::lines(&case.story, names, may(Right::Do(Act::SendAgain))),
        may_examine,
        may_approve,
        may_answer,
        is_own,
        problems: std::mem::take(&mut typed.problems),
        typed,
    }
}

fn reason(state: &ApplicationState) -> Option<String> {
    match state {
        ApplicationState::Rejected { reason, .. } | ApplicationState::Returned { reason, .. } => {
            Some(reason.clone())
        }
        _ => None,
    }
}

/// The application beside the register, line by line.
fn compared(web: &Web, case: &Case) -> Vec<Compared> {
    let (application, institution) = (&case.application, &case.institution);
    let class = web.app().policy().class(&institution.class);
    let register = |label, registered: String| Compared {
        label,
        applied: String::new(),
        registered,
        differs: false,
    };
    let applied = |label, applied: String| Compared {
        label,
        applied,
        registered: String::new(),
        differs: false,
    };
    let contact = case.applicant.as_ref().map(|applicant| &applicant.contact);
    let telephone = contact.map_or_else(String::new, |contact| contact.telephone.clone());
    let mut rows = vec![
        register(
            messages::W_CLASS,
            class.map_or_else(String::new, |rule| rule.label.clone()),
        ),
        register(messages::W_CODE, institution.code.to_string()),
        register(messages::W_NAME, institution.name.clone()),
        register(messages::W_KANA, institution.kana.clone()),
        register(messages::W_POSTAL_CODE, institution.postal_code.clone()),
        register(messages::W_ADDRESS, institution.address.clone()),
        Compared {
            applied: telephone,
            ..register(messages::W_TELEPHONE, institution.telephone.clone())
        },
        applied(
            messages::W_TERMINAL,
            application.terminal.as_str().to_owned(),
        ),
        applied(messages::W_MAIL_ADDRESS, application.mail.to_string()),
    ];
    if let Some(contact) = contact {
        let optional = [
            (messages::W_DEPARTMENT, contact.department.clone()),
            (messages::W_PERSON, Some(contact.person.clone())),
            (
                messages::W_SECOND_MAIL,
                contact.second_mail.as_ref().map(ToString::to_string),
            ),
        ];
        let given = optional
            .into_iter()
            .filter_map(|(label, text)| Some(applied(label, text?)));
        rows.extend(given);
    }
    rows
}

fn grant_row(grant: &Grant, terminal: &str) -> GrantRow {
    GrantRow {
        address: format!("/console/grants/{}", grant.request_id),
        request_id: grant.request_id.to_string(),
        terminal: grant.terminal.as_str().to_owned(),
        approved_at: messages::moment(grant.approved_at),
        not_after: messages::moment(grant.not_after),
        state: messages::grant_state(&grant.state),
        certificate: String::new(),
        tracking: String::new(),
        is_same_terminal: grant.terminal.as_str() == terminal,
    }
}

fn own_row(own: &CaseGrant) -> GrantRow {
    let certificate = own.certificate.as_ref();
    let posted = own.posted.as_ref();
    GrantRow {
        certificate: certificate.map_or_else(String::new, |record| {
            let state = messages::certificate_state(record.state);
            format!("{state} {}", record.serial)
        }),
        tracking: posted.map_or_else(String::new, |(at, tracking)| {
            let number = tracking.as_deref().unwrap_or(messages::W_NO_TRACKING);
            format!("{} {number}", messages::moment(*at))
        }),
        is_same_terminal: false,
        ..grant_row(&own.grant, "")
    }
}

fn other_application(other: &CertificateApplication, terminal: &str) -> OtherApplication {
    OtherApplication {
        address: address(&other.id),
        entered_at: messages::moment(other.entered_at),
        terminal: other.terminal.as_str().to_owned(),
        state: messages::application_state(&other.state),
        is_same_terminal: other.terminal.as_str() == terminal,
    }
}

/// A button of the case, with what its page showed.
pub(crate) struct SeenForm {
    seen: String,
}

impl Form for SeenForm {
    const FIELDS: &'static [&'static str] = &["seen"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        let seen = fields.take("seen");
        Ok(Self { seen })
    }
}

/// 差戻し and 却下 as sent.
pub(crate) struct ReasonForm {
    seen: String,
    reason: String,
    due: String,
}

impl Form for ReasonForm {
    const FIELDS: &'static [&'static str] = &["seen", "reason", "due"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            seen: fields.take("seen"),
            reason: fields.take("reason"),
            due: fields.take("due"),
        })
    }
}

/// POST /console/applications/{id}/examine
pub(crate) async fn examine(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    Posted(form): Posted<SeenForm>,
) -> Response {
    let id = match expected(&web, &session, &id, &form.seen).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let (by, now) = (&session.operator, web.now());
    let done = web.app().examine_application(&id, by, now).await;
    finish(
        &web,
        &session,
        &id,
        ("submitted", "examine"),
        done.map(drop),
    )
    .await
}

/// POST /console/applications/{id}/approve
pub(crate) async fn approve(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    Posted(form): Posted<SeenForm>,
) -> Response {
    let id = match expected(&web, &session, &id, &form.seen).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let (by, now) = (&session.operator, web.now());
    let done = web.app().approve_application(&id, by, now).await;
    finish(&web, &session, &id, ("examined", "approve"), done.map(drop)).await
}

/// POST /console/applications/{id}/return
pub(crate) async fn give_back(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    Posted(form): Posted<ReasonForm>,
) -> Response {
    let now = web.now();
    let mut problems = Vec::new();
    check_reason(&form.reason, "return_reason", &mut problems);
    let due = read_date(&form.due);
    if due.is_none_or(|due| due <= now.japan_date()) {
        let message = due.map_or(messages::DATE_WRONG, |_| messages::DATE_PAST);
        problems.push(Problem {
            field: "due",
            message: message.to_owned(),
        });
    }
    let (due, true) = (due.unwrap_or(now.japan_date()), problems.is_empty()) else {
        let typed = Typed {
            return_reason: form.reason,
            due: form.due,
            problems: Problems(problems),
            ..Typed::default()
        };
        return again(&web, &session, &id, typed).await;
    };
    let id = match expected(&web, &session, &id, &form.seen).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let state = queue_of(&web, &id).await;
    let app = web.app();
    let done = app
        .return_application(&id, &form.reason, due, &session.operator, now)
        .await;
    finish(&web, &session, &id, (state, "return"), done.map(drop)).await
}

/// POST /console/applications/{id}/reject
pub(crate) async fn reject(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    Posted(form): Posted<ReasonForm>,
) -> Response {
    let mut problems = Vec::new();
    check_reason(&form.reason, "reject_reason", &mut problems);
    if !problems.is_empty() {
        let typed = Typed {
            reject_reason: form.reason,
            due: web.now().japan_date().plus_days(DUE_DAYS).to_string(),
            problems: Problems(problems),
            ..Typed::default()
        };
        return again(&web, &session, &id, typed).await;
    }
    let id = match expected(&web, &session, &id, &form.seen).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let state = queue_of(&web, &id).await;
    let (by, now) = (&session.operator, web.now());
    let done = web
        .app()
        .reject_application(&id, &form.reason, by, now)
        .await;
    finish(&web, &session, &id, (state, "reject"), done.map(drop)).await
}

/// The page again, with what was typed.
async fn again(web: &Web, session: &Session, id: &str, typed: Typed) -> Response {
    match ApplicationId::parse(id) {
        Ok(id) => show(web, session, &id, typed, None).await,
        Err(_) => fault::unknown(web, session),
    }
}

fn check_reason(reason: &str, field: &'static str, problems: &mut Vec<Problem>) {
    if !(1..=500).contains(&reason.trim().chars().count()) {
        problems.push(Problem {
            field,
            message: messages::REASON_MISSING.to_owned(),
        });
    }
}

/// A date as people type it: 2026-02-02, 2026/2/2, in full width too.
pub(super) fn read_date(typed: &str) -> Option<CalendarDate> {
    let plain = half_width(typed).replace(['/', '.'], "-");
    let mut parts = plain.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    CalendarDate::from_ymd(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// The queue to which an application belongs now: after the act, its next case opens.
async fn queue_of(web: &Web, id: &ApplicationId) -> &'static str {
    match web.app().case_application(id).await {
        Ok(application) if application.state.as_str() == "examined" => "examined",
        _ => "submitted",
    }
}

/// The case of a form, where it is still what its page showed; else who was first (CE-5).
async fn expected(
    web: &Web,
    session: &Session,
    id: &str,
    seen: &str,
) -> Result<ApplicationId, Response> {
    let Ok(id) = ApplicationId::parse(id) else {
        return Err(fault::unknown(web, session));
    };
    match web.app().case_as_entered(&id).await {
        Ok((application, contact)) if mark(&application, contact.as_ref()) == seen => Ok(id),
        Ok(_) => Err(moved(web, session, &id).await),
        Err(error) => Err(fault::refuse(web, session, error)),
    }
}

/// Where the act leads.
async fn finish(
    web: &Web,
    session: &Session,
    id: &ApplicationId,
    (state, done): (&'static str, &str),
    outcome: Result<(), Error>,
) -> Response {
    match outcome {
        Ok(()) => match next_address(web, session, state, Some(id), done).await {
            Ok(address) => respond::see_other(&address),
            Err(error) => fault::refuse(web, session, error),
        },
        Err(Error::Conflict | Error::Refused(Refusal::State(_))) => moved(web, session, id).await,
        Err(error) => fault::refuse(web, session, error),
    }
}

#[derive(Template)]
#[template(path = "console/moved.html")]
struct MovedPage {
    desk: Desk,
    here: String,
    state: &'static str,
    who: Option<(String, String)>,
    reason: Option<String>,
    next: String,
}

/// CE-5: nothing was changed by this request; who was first, and when.
async fn moved(web: &Web, session: &Session, id: &ApplicationId) -> Response {
    let app = web.app();
    let (application, names) = match (app.case_application(id).await, app.operator_names().await) {
        (Ok(application), Ok(names)) => (application, names),
        (Err(error), _) | (_, Err(error)) => return fault::refuse(web, session, error),
    };
    let last = shown::last_act(&application.state, &names);
    let view = MovedPage {
        desk: Desk::new(web, session, messages::C_MOVED, ""),
        here: address(id),
        state: messages::application_state(&application.state),
        who: last.map(|(who, at)| (who, messages::date_and_time(at))),
        reason: reason(&application.state),
        next: format!("/console/queue/next?state=submitted&after={id}"),
    };
    render(StatusCode::CONFLICT, &view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_type_them() {
        for typed in ["2026-02-02", "2026/2/2", "２０２６／２／２", " 2026-2-02 "] {
            let date = read_date(typed).map(|date| date.to_string());
            assert_eq!(date.as_deref(), Some("2026-02-02"), "{typed}");
        }
        for typed in ["", "2026-02", "2026-02-30", "2026-2-2-2", "あした"] {
            assert_eq!(read_date(typed), None, "{typed}");
        }
    }
}
