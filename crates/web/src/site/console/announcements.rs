//! C-12 and C-17: お知らせ on the entrance page: what stands there, and writing one with a look at it before it is
//! published (`screens.md` C.0, decision F8).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::{Error, Session};
use tegata_domain::access::Right;
use tegata_domain::announcement::{
    Announcement, AnnouncementKind, Notice, NoticeProblem, TypedNotice,
};
use tegata_domain::id::AnnouncementId;
use tegata_domain::operator::Act;

use super::case::read_date;
use super::desk::{self, Desk, Posted, Signed};
use super::fault;
use crate::extract::Form;
use crate::form::{Fields, Malformed};
use crate::messages::{self, C_ANNOUNCEMENT, C_ANNOUNCEMENTS};
use crate::page::{Problem, Problems, page as render};
use crate::respond::see_other;
use crate::site::news::{self, Piece};
use crate::web::Web;

const LIST: &str = "/console/announcements";
const PAGE: u32 = 100;
/// Days that an announcement stands where nothing else is typed.
const USUAL_DAYS: i64 = 14;

struct Row {
    address: String,
    kind: &'static str,
    title: String,
    days: String,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "console/announcements.html")]
struct AnnouncementsPage {
    desk: Desk,
    rows: Vec<Row>,
    next_page: Option<String>,
    may_announce: bool,
}

/// GET /console/announcements
pub(crate) async fn list(State(web): State<Web>, Signed(session): Signed, uri: Uri) -> Response {
    let before = AnnouncementId::parse(&desk::asked(&uri, &["before"]).take("before")).ok();
    let found = match web.app().list_announcements(before.as_ref(), PAGE).await {
        Ok(found) => found,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let full = u32::try_from(found.len()).is_ok_and(|count| count == PAGE);
    let next = found.last().filter(|_| full);
    let view = AnnouncementsPage {
        desk: Desk::new(&web, &session, C_ANNOUNCEMENTS, LIST),
        next_page: next.map(|last| format!("{LIST}?before={}", last.id)),
        rows: found.iter().map(|one| row(&web, one)).collect(),
        may_announce: Right::Do(Act::Announce).is_held_by(&session.operator),
    };
    render(StatusCode::OK, &view)
}

fn row(web: &Web, one: &Announcement) -> Row {
    let (days, today) = (one.notice.shown, web.now().japan_date());
    let state = if one.withdrawn_at.is_some() {
        messages::NEWS_WITHDRAWN
    } else if today < days.from {
        messages::NEWS_AHEAD
    } else if today > days.until {
        messages::NEWS_OVER
    } else {
        messages::NEWS_SHOWN
    };
    Row {
        address: format!("{LIST}/{}", one.id),
        kind: messages::announcement_kind(one.notice.kind),
        title: one.notice.title.clone(),
        days: messages::days(days),
        state,
    }
}

struct Choice {
    word: &'static str,
    label: &'static str,
    chosen: bool,
}

/// The form as it stands on the page.
#[derive(Default)]
struct Typed {
    kind: String,
    title: String,
    body: String,
    shown_from: String,
    shown_until: String,
    affects_from: String,
    affects_until: String,
}

impl From<&Notice> for Typed {
    fn from(notice: &Notice) -> Self {
        let affects = notice.affects;
        Self {
            kind: notice.kind.as_str().to_owned(),
            title: notice.title.clone(),
            body: notice.body.clone(),
            shown_from: notice.shown.from.to_string(),
            shown_until: notice.shown.until.to_string(),
            affects_from: affects.map_or_else(String::new, |days| days.from.to_string()),
            affects_until: affects.map_or_else(String::new, |days| days.until.to_string()),
        }
    }
}

impl Typed {
    fn checked(&self) -> Result<Notice, Vec<NoticeProblem>> {
        let affects = [&self.affects_from, &self.affects_until];
        let has_effect = affects.iter().any(|typed| !typed.trim().is_empty());
        let affects = has_effect.then(|| {
            let [from, until] = affects;
            // The last day may be left out, but not be wrong.
            if !until.trim().is_empty() && read_date(until).is_none() {
                return [None, None];
            }
            [read_date(from), read_date(until)]
        });
        Notice::check(&TypedNotice {
            kind: self.kind.clone(),
            title: self.title.clone(),
            body: self.body.clone(),
            shown: [read_date(&self.shown_from), read_date(&self.shown_until)],
            affects,
        })
    }
}

/// What is above the form.
#[derive(Default)]
struct Told {
    problems: Problems,
    /// As it will stand on the entrance page.
    preview: Option<Piece>,
    /// Somebody else was first: what stands there now.
    moved: Option<Piece>,
}

#[derive(Template)]
#[template(path = "console/announcement.html")]
struct AnnouncementPage {
    desk: Desk,
    /// Where the form goes.
    here: String,
    version: i64,
    kinds: Vec<Choice>,
    typed: Typed,
    told: Told,
    /// Whether it was published before.
    is_published: bool,
    /// Why it can only be read: withdrawn, or the operator may not write.
    is_closed: bool,
    withdrawn_at: Option<String>,
}

fn show(
    web: &Web,
    session: &Session,
    of: Option<&Announcement>,
    typed: Typed,
    told: Told,
) -> Response {
    let status = if told.moved.is_some() {
        StatusCode::CONFLICT
    } else if told.problems.0.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    };
    let withdrawn_at = of.and_then(|one| one.withdrawn_at);
    let may = Right::Do(Act::Announce).is_held_by(&session.operator);
    let view = AnnouncementPage {
        desk: Desk::new(web, session, C_ANNOUNCEMENT, ""),
        here: of.map_or_else(|| LIST.to_owned(), |one| format!("{LIST}/{}", one.id)),
        version: of.map_or(0, |one| one.version),
        kinds: AnnouncementKind::ALL
            .into_iter()
            .map(|kind| Choice {
                word: kind.as_str(),
                label: messages::announcement_kind(kind),
                chosen: kind.as_str() == typed.kind,
            })
            .collect(),
        typed,
        told,
        is_published: of.is_some(),
        is_closed: withdrawn_at.is_some() || !may,
        withdrawn_at: withdrawn_at.map(messages::moment),
    };
    render(status, &view)
}

/// GET /console/announcements/new
pub(crate) async fn blank(State(web): State<Web>, Signed(session): Signed) -> Response {
    let today = web.now().japan_date();
    let typed = Typed {
        shown_from: today.to_string(),
        shown_until: today.plus_days(USUAL_DAYS).to_string(),
        ..Typed::default()
    };
    show(&web, &session, None, typed, Told::default())
}

/// GET /console/announcements/{id}
pub(crate) async fn page(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
) -> Response {
    match found(&web, &id).await {
        Ok(one) => {
            let told = Told {
                preview: Some(news::piece(&one.notice)),
                ..Told::default()
            };
            show(&web, &session, Some(&one), Typed::from(&one.notice), told)
        }
        Err(error) => fault::refuse(&web, &session, error),
    }
}

async fn found(web: &Web, id: &str) -> Result<Announcement, Error> {
    let id = AnnouncementId::parse(id).map_err(|_| tegata_app::Refusal::NotFound)?;
    web.app().announcement(&id).await
}

/// The form as sent.
pub(crate) struct NoticeForm {
    version: i64,
    typed: Typed,
    /// Whether to look at it first.
    looks: bool,
}

impl Form for NoticeForm {
    const FIELDS: &'static [&'static str] = &[
        "version",
        "kind",
        "title",
        "body",
        "shown_from",
        "shown_until",
        "affects_from",
        "affects_until",
        "step",
    ];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
            typed: Typed {
                kind: fields.take("kind"),
                title: fields.take("title"),
                body: fields.take("body"),
                shown_from: fields.take("shown_from"),
                shown_until: fields.take("shown_until"),
                affects_from: fields.take("affects_from"),
                affects_until: fields.take("affects_until"),
            },
            looks: fields.take("step") != "publish",
        })
    }
}

/// POST /console/announcements
pub(crate) async fn publish(
    State(web): State<Web>,
    Signed(session): Signed,
    Posted(form): Posted<NoticeForm>,
) -> Response {
    let notice = match looked_at(&form) {
        Ok(notice) => notice,
        Err(told) => return show(&web, &session, None, form.typed, *told),
    };
    let (by, now) = (&session.operator, web.now());
    match web.app().publish_announcement(notice, by, now).await {
        Ok(_) => see_other(LIST),
        Err(error) => fault::refuse(&web, &session, error),
    }
}

/// POST /console/announcements/{id}
pub(crate) async fn change(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    Posted(form): Posted<NoticeForm>,
) -> Response {
    let mut one = match found(&web, &id).await {
        Ok(one) => one,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let notice = match looked_at(&form) {
        Ok(notice) => notice,
        Err(told) => {
            // Looking at it must not bring a change of somebody else's into the form unseen.
            one.version = form.version;
            return show(&web, &session, Some(&one), form.typed, *told);
        }
    };
    let (by, now) = (&session.operator, web.now());
    let changed = web
        .app()
        .change_announcement(&one.id, form.version, notice, by, now)
        .await;
    match changed {
        Ok(()) => see_other(LIST),
        Err(Error::Conflict) => moved(&web, &session, &id, form.typed).await,
        Err(error) => fault::refuse(&web, &session, error),
    }
}

/// Somebody else changed it: both texts stand on the page, and the next 掲載 is meant for this version.
async fn moved(web: &Web, session: &Session, id: &str, typed: Typed) -> Response {
    match found(web, id).await {
        Ok(one) => {
            let told = Told {
                moved: Some(news::piece(&one.notice)),
                ..Told::default()
            };
            show(web, session, Some(&one), typed, told)
        }
        Err(error) => fault::refuse(web, session, error),
    }
}

/// The notice where it is to be published; else what the page tells about it.
fn looked_at(form: &NoticeForm) -> Result<Notice, Box<Told>> {
    match form.typed.checked() {
        Ok(notice) if !form.looks => Ok(notice),
        Ok(notice) => Err(Box::new(Told {
            preview: Some(news::piece(&notice)),
            ..Told::default()
        })),
        Err(problems) => Err(Box::new(Told {
            problems: Problems(problems.into_iter().map(problem).collect()),
            ..Told::default()
        })),
    }
}

fn problem(problem: NoticeProblem) -> Problem {
    let field = match problem {
        NoticeProblem::AffectsDays => "affects_from",
        NoticeProblem::Body => "body",
        NoticeProblem::Kind => "kind",
        NoticeProblem::ShownDays => "shown_from",
        NoticeProblem::Title => "title",
    };
    Problem {
        field,
        message: messages::notice_problem(problem),
    }
}

/// The button that takes an announcement down.
pub(crate) struct WithdrawForm {
    version: i64,
}

impl Form for WithdrawForm {
    const FIELDS: &'static [&'static str] = &["version"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            version: fields.version()?,
        })
    }
}

/// POST /console/announcements/{id}/withdraw
pub(crate) async fn withdraw(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(id): Path<String>,
    Posted(form): Posted<WithdrawForm>,
) -> Response {
    let one = match found(&web, &id).await {
        Ok(one) => one,
        Err(error) => return fault::refuse(&web, &session, error),
    };
    let (by, now) = (&session.operator, web.now());
    let done = web
        .app()
        .withdraw_announcement(&one.id, form.version, by, now)
        .await;
    match done {
        Ok(()) => see_other(LIST),
        Err(Error::Conflict) => moved(&web, &session, &id, Typed::from(&one.notice)).await,
        Err(error) => fault::refuse(&web, &session, error),
    }
}
