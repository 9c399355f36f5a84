//! C-5: one certificate of a case, and what may be proposed about it (decisions F4, F8, I2, K2, D4).

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use tegata_app::{Error, Session};
use tegata_domain::access::Right;
use tegata_domain::id::OutboxId;
use tegata_domain::institution::MailAddress;
use tegata_domain::operator::Act;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::StatedReason;

use super::case::{self, read_date};
use super::desk::{self, Desk, Posted, Signed};
use super::unreachable::bounced_line;
use super::{fault, step_up};
use crate::extract::{Caller, Form};
use crate::form::{Fields, Malformed, half_width};
use crate::messages::{self, C_GRANT};
use crate::page::page as render;
use crate::respond::see_other;
use crate::web::Web;

/// An act that the page offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offered {
    Again,
    Extend,
    Hold,
    Mail,
    Reissue,
    Reopen,
    Unfreeze,
}

impl Offered {
    const ALL: [Self; 7] = [
        Self::Reissue,
        Self::Unfreeze,
        Self::Extend,
        Self::Reopen,
        Self::Mail,
        Self::Again,
        Self::Hold,
    ];

    /// The last part of its address.
    const fn word(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Extend => "extend",
            Self::Hold => "hold",
            Self::Mail => "mail",
            Self::Reissue => "reissue",
            Self::Reopen => "reopen",
            Self::Unfreeze => "unfreeze",
        }
    }

    const fn act(self) -> Act {
        match self {
            Self::Again => Act::SendAgain,
            Self::Extend => Act::ExtendWindow,
            Self::Hold => Act::Hold,
            Self::Mail => Act::ChangeMail,
            Self::Reissue => Act::NewReference,
            Self::Reopen => Act::Reopen,
            Self::Unfreeze => Act::Unfreeze,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Again => messages::ACT_AGAIN,
            Self::Extend => messages::ACT_EXTEND,
            Self::Hold => messages::ACT_HOLD,
            Self::Mail => messages::ACT_MAIL,
            Self::Reissue => messages::ACT_REISSUE,
            Self::Reopen => messages::ACT_REOPEN,
            Self::Unfreeze => messages::ACT_UNFREEZE,
        }
    }

    /// What is asked beside the reason, where something is.
    const fn extra(self) -> &'static str {
        match self {
            Self::Extend => messages::ASK_UNTIL,
            Self::Mail => messages::ASK_MAIL,
            _ => "",
        }
    }
}

struct Offer {
    word: &'static str,
    title: &'static str,
    extra_label: &'static str,
    extra: String,
    reason: String,
    /// Whether another person has to confirm it.
    by_two: bool,
    /// Whether it stops something at once.
    stops: bool,
    is_open: bool,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "console/grant.html")]
struct GrantPage {
    desk: Desk,
    here: String,
    case_address: String,
    request_id: String,
    institution: String,
    code: String,
    terminal: String,
    mail: String,
    second_mail: Option<String>,
    bounced: Vec<String>,
    state: &'static str,
    approved_at: String,
    window_end: String,
    not_after: String,
    done: Option<&'static str>,
    /// The newest notice about it, which a form that sends one again follows.
    seen: String,
    proposals: Vec<(String, &'static str)>,
    offers: Vec<Offer>,
    problem: Option<(&'static str, String)>,
}

/// What was typed into one of the page's forms, and what is wrong with it.
struct Wrong {
    offered: Offered,
    form: GrantForm,
    message: String,
}

/// GET /console/grants/{request}
pub(crate) async fn page(
    State(web): State<Web>,
    Signed(session): Signed,
    Path(request): Path<String>,
    uri: Uri,
) -> Response {
    let is_done = desk::asked(&uri, &["done"]).take("done") == Offered::Again.word();
    let done = is_done.then_some(messages::DONE_AGAIN);
    match RequestId::parse(&request) {
        Some(request) => show(&web, &session, &request, None, done).await,
        None => fault::unknown(&web, &session),
    }
}

async fn show(
    web: &Web,
    session: &Session,
    request: &RequestId,
    wrong: Option<Wrong>,
    done: Option<&'static str>,
) -> Response {
    let app = web.app();
    let (story, proposals, newest) = match (
        app.grant_story(request).await,
        app.proposals_of(request, 50).await,
        app.newest_notice_of(request).await,
    ) {
        (Ok(story), Ok(proposals), Ok(newest)) => (story, proposals, newest),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            return fault::refuse(web, session, error);
        }
    };
    let grant = story.grant;
    let bounced = match app.bounced_addresses(&grant).await {
        Ok(bounced) => bounced,
        Err(error) => return fault::refuse(web, session, error),
    };
    let status = wrong
        .as_ref()
        .map_or(StatusCode::OK, |_| StatusCode::BAD_REQUEST);
    let offers = match offers(web, session, request, wrong.as_ref()).await {
        Ok(offers) => offers,
        Err(error) => return fault::refuse(web, session, error),
    };
    let view = GrantPage {
        desk: Desk::new(web, session, C_GRANT, ""),
        here: address(request),
        case_address: case::address(&grant.application),
        request_id: request.to_string(),
        institution: grant.institution_name,
        code: grant.code.to_string(),
        terminal: grant.terminal.as_str().to_owned(),
        mail: grant.mail.to_string(),
        second_mail: grant.second_mail.as_ref().map(ToString::to_string),
        bounced: bounced.iter().map(bounced_line).collect(),
        state: messages::grant_state(&grant.state),
        approved_at: messages::date_and_time(grant.approved_at),
        window_end: messages::date_and_time(grant.window_end),
        not_after: messages::date_and_time(grant.not_after),
        done,
        seen: newest.map_or_else(String::new, |id| id.to_string()),
        proposals: proposals
            .iter()
            .filter(|proposal| proposal.is_open())
            .map(|proposal| {
                let address = super::proposals::address(&proposal.id);
                (address, messages::act_name(proposal.act.as_str()))
            })
            .collect(),
        problem: wrong
            .as_ref()
            .map(|wrong| (wrong.offered.word(), wrong.message.clone())),
        offers,
    };
    render(status, &view)
}

/// What this operator may do about the certificate as it stands; the act that was just refused stays, with the reason.
async fn offers(
    web: &Web,
    session: &Session,
    request: &RequestId,
    wrong: Option<&Wrong>,
) -> Result<Vec<Offer>, Error> {
    let mut offers = Vec::new();
    for one in Offered::ALL {
        if !Right::Do(one.act()).is_held_by(&session.operator) {
            continue;
        }
        let was_refused = wrong.is_some_and(|wrong| wrong.offered == one);
        if was_refused || web.app().is_possible(one.act(), request, web.now()).await? {
            offers.push(offer(one, wrong));
        }
    }
    Ok(offers)
}

/// The address of a certificate's page.
pub(super) fn address(request: &RequestId) -> String {
    format!("/console/grants/{request}")
}

/// Where a notice about a certificate is sent again.
pub(super) fn again_address(request: &str) -> String {
    format!("/console/grants/{request}#{}", Offered::Again.word())
}

fn offer(offered: Offered, wrong: Option<&Wrong>) -> Offer {
    let wrong = wrong.filter(|wrong| wrong.offered == offered);
    Offer {
        word: offered.word(),
        title: offered.title(),
        extra_label: offered.extra(),
        extra: wrong.map_or_else(String::new, |wrong| wrong.form.extra.clone()),
        reason: wrong.map_or_else(String::new, |wrong| wrong.form.reason.clone()),
        by_two: !offered.act().confirming_roles().is_empty(),
        stops: offered == Offered::Hold,
        is_open: wrong.is_some(),
        problem: wrong.map(|wrong| wrong.message.clone()),
    }
}

/// One of the page's forms as sent.
pub(crate) struct GrantForm {
    reason: String,
    extra: String,
    code: String,
    seen: String,
}

impl Form for GrantForm {
    const FIELDS: &'static [&'static str] = &["reason", "extra", "code", "seen"];

    fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        Ok(Self {
            reason: fields.take("reason"),
            extra: half_width(&fields.take("extra")),
            code: half_width(&fields.take("code")),
            seen: fields.take("seen"),
        })
    }
}

/// Everything that one of the forms comes with.
type Sending = (State<Web>, Signed, Path<String>, Caller, Posted<GrantForm>);

async fn send(offered: Offered, sending: Sending) -> Response {
    let (State(web), Signed(session), Path(request), caller, Posted(form)) = sending;
    let Some(request) = RequestId::parse(&request) else {
        return fault::unknown(&web, &session);
    };
    let wrong = |form, message| {
        Some(Wrong {
            offered,
            form,
            message,
        })
    };
    let act = match proposed(offered, &request, &form.extra) {
        Ok(act) => act,
        Err(told) => {
            return show(&web, &session, &request, wrong(form, told.to_owned()), None).await;
        }
    };
    if form.reason.trim().is_empty() {
        let told = messages::REASON_MISSING.to_owned();
        return show(&web, &session, &request, wrong(form, told), None).await;
    }
    if act.is_some() {
        match step_up::passed(&web, &session, caller.source, &form.code).await {
            Ok(None) => {}
            Ok(Some(told)) => return show(&web, &session, &request, wrong(form, told), None).await,
            Err(error) => return fault::refuse(&web, &session, error),
        }
    }
    let done = match offered {
        Offered::Again => send_again(&web, &session, &request, &form).await,
        _ => carry_out(&web, &session, act, &request, &form.reason).await,
    };
    match done {
        Ok(address) => see_other(&address),
        Err(error) => match step_up::sentence(error) {
            Ok(told) => show(&web, &session, &request, wrong(form, told), None).await,
            Err(error) => fault::refuse(&web, &session, error),
        },
    }
}

/// The act to propose; none for what one person does at once.
fn proposed(
    offered: Offered,
    request: &RequestId,
    extra: &str,
) -> Result<Option<ProposedAct>, &'static str> {
    let request = request.clone();
    Ok(Some(match offered {
        Offered::Extend => ProposedAct::ExtendWindow {
            requests: BTreeSet::from([request]),
            until: read_date(extra).ok_or(messages::DATE_WRONG)?,
        },
        Offered::Again | Offered::Hold => return Ok(None),
        Offered::Mail => ProposedAct::ChangeMail {
            request,
            mail: MailAddress::from_typed(extra).ok_or(messages::MAIL_WRONG)?,
        },
        Offered::Reissue => ProposedAct::NewReference { request },
        Offered::Reopen => ProposedAct::Reopen { request },
        Offered::Unfreeze => ProposedAct::Unfreeze { request },
    }))
}

async fn carry_out(
    web: &Web,
    session: &Session,
    act: Option<ProposedAct>,
    request: &RequestId,
    reason: &str,
) -> Result<String, Error> {
    let (app, by, now) = (web.app(), &session.operator, web.now());
    match act {
        Some(act) => {
            let proposal = app.propose(act, reason, by, now).await?;
            Ok(super::proposals::address(&proposal.id))
        }
        None => {
            let held = app
                .hold_by_operator(request, StatedReason::NotStated, reason, by, now)
                .await?;
            Ok(super::revocations::address(&held.number))
        }
    }
}

async fn send_again(
    web: &Web,
    session: &Session,
    request: &RequestId,
    form: &GrantForm,
) -> Result<String, Error> {
    let (by, now) = (&session.operator, web.now());
    let seen = OutboxId::parse(&form.seen).ok();
    let sent = web
        .app()
        .send_notice_again(request, seen.as_ref(), &form.reason, by, now);
    sent.await?;
    Ok(format!(
        "{}?done={}",
        address(request),
        Offered::Again.word()
    ))
}

macro_rules! posts {
    ($($(#[$doc:meta])* $name:ident: $offered:ident),+ $(,)?) => {$(
        $(#[$doc])*
        pub(crate) async fn $name(
            web: State<Web>,
            session: Signed,
            request: Path<String>,
            caller: Caller,
            form: Posted<GrantForm>,
        ) -> Response {
            send(Offered::$offered, (web, session, request, caller, form)).await
        }
    )+};
}

posts! {
    /// POST /console/grants/{request}/again
    again: Again,
    /// POST /console/grants/{request}/extend
    extend: Extend,
    /// POST /console/grants/{request}/hold
    hold: Hold,
    /// POST /console/grants/{request}/mail
    mail: Mail,
    /// POST /console/grants/{request}/reissue
    reissue: Reissue,
    /// POST /console/grants/{request}/reopen
    reopen: Reopen,
    /// POST /console/grants/{request}/unfreeze
    unfreeze: Unfreeze,
}
