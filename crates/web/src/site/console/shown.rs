//! How pages of the console write persons, events and lists.

use tegata_app::{AuditRow, Happened, MailFate, Names, What};
use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::time::Timestamp;

use super::grant;
use crate::messages;

/// The name of a field, where a page tells what was typed.
pub(super) fn field_name(name: &str) -> &str {
    match name {
        "due" => messages::W_DUE,
        "list" | "requests" => messages::W_REQUEST_ID,
        "mail" => messages::W_MAIL_ADDRESS,
        "note" => messages::W_NOTE,
        "reason" => messages::W_REASON,
        "text" => messages::W_TEXT,
        "title" => messages::W_TITLE,
        "tracking" => messages::W_TRACKING,
        "until" => messages::W_UNTIL,
        other => other,
    }
}

/// Who acted, from the text of the audit trail.
pub(super) fn actor(text: &str, names: &Names) -> String {
    match text.split_once(':') {
        Some(("operator", id)) => names.of_text(id).to_owned(),
        Some(("relying", name)) => messages::relying_system(name),
        Some(("subscriber", source)) => messages::subscriber_at(source),
        _ => messages::W_SYSTEM.to_owned(),
    }
}

/// What it was about, from the text of the audit trail: an operator by the name.
pub(super) fn object(text: &str, names: &Names) -> String {
    match text.split_once(':') {
        Some((kind @ "operator", id)) => format!("{kind}:{}", names.of_text(id)),
        _ => text.to_owned(),
    }
}

/// Who entered an application.
pub(super) fn entered_by(application: &CertificateApplication, names: &Names) -> String {
    match &application.entered_by {
        EnteredBy::Operator(id) => names.of(id).to_owned(),
        EnteredBy::Applicant => messages::W_APPLICANT_WEB.to_owned(),
    }
}

/// Who acted on an application last, and when; nobody on one that waits for examination.
pub(super) fn last_act(state: &ApplicationState, names: &Names) -> Option<(String, Timestamp)> {
    match state {
        ApplicationState::Approved { by, at, .. }
        | ApplicationState::Examined { by, at }
        | ApplicationState::Rejected { by, at, .. }
        | ApplicationState::Returned { by, at, .. } => Some((names.of(by).to_owned(), *at)),
        ApplicationState::Cancelled { at } => Some((messages::W_APPLICANT.to_owned(), *at)),
        ApplicationState::Submitted => None,
    }
}

/// A line of a story.
pub(super) struct Line {
    pub(super) at: String,
    pub(super) who: String,
    pub(super) what: String,
    /// Further facts, as the audit trail has them.
    pub(super) detail: String,
    /// Where a notice can be sent again.
    pub(super) again: Option<String>,
}

/// A case as one timeline, for whoever may send a notice again, or may not.
pub(super) fn lines(story: &[Happened], names: &Names, may_send: bool) -> Vec<Line> {
    let line = |entry| line(entry, names, may_send);
    story.iter().map(line).collect()
}

fn line(entry: &Happened, names: &Names, may_send: bool) -> Line {
    match &entry.what {
        What::Event(event) => event_line(event, names),
        What::Mail { mail, fate } => Line {
            at: messages::moment(entry.at),
            who: messages::W_MAIL.to_owned(),
            what: format!("{} → {}", messages::mail_name(mail.kind), mail.to),
            detail: match fate {
                MailFate::Dropped(at) => messages::dropped_at(*at),
                MailFate::Undeliverable(at) => messages::undeliverable_at(*at),
                MailFate::Sent(at) => messages::sent_at(*at),
                MailFate::Waiting => messages::W_NOT_SENT.to_owned(),
            },
            again: mail
                .values
                .get("request_id")
                .filter(|_| may_send && mail.kind.is_bulk() && *fate != MailFate::Waiting)
                .map(|request| grant::again_address(request)),
        },
    }
}

/// An event of the audit trail.
pub(super) fn event_line(event: &AuditRow, names: &Names) -> Line {
    let applicant = event.actor.strip_prefix("subscriber:");
    let applicant = applicant.filter(|_| event.action.starts_with("application."));
    Line {
        at: messages::moment(event.at),
        who: applicant.map_or_else(|| actor(&event.actor, names), messages::applicant_at),
        what: messages::action_name(&event.action).to_owned(),
        detail: event.detail.clone(),
        again: None,
    }
}
