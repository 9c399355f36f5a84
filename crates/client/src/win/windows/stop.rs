//! 証明書を止める: 一時停止 or 失効, why, and whether the newer certificate is stopped as well. Neither the way nor the
//! newer certificate has a preset answer (F4).

use std::cell::RefCell;

use tegata_protocol::{Reason, SuccessorChoice};

use super::super::resource::{
    CANCEL, DIALOG_STOP, OK, STOP_BOTH, STOP_HOLD, STOP_MAIL, STOP_ONE, STOP_PROBLEM, STOP_REASON,
    STOP_REVOKE, STOP_SUBJECT, word,
};
use super::super::sys::dialog::{Dialog, run_modal};
use super::super::sys::window::{Window, word as fixed};
use crate::api::StopKind;
use crate::controller::StopChoice;
use crate::ports::ListRow;

const LONGEST_MAIL: usize = 254;
/// Dark red, as 0xBBGGRR.
const WARNING: u32 = 0x0000_00b0;

/// The reasons in the order of `word::REASONS`.
const REASONS: [Reason; 6] = [
    Reason::Closed,
    Reason::Disclosed,
    Reason::Lost,
    Reason::NotStated,
    Reason::Other,
    Reason::Unused,
];
/// 選択しない.
const PRESET_REASON: usize = 3;

/// Asks and waits.
pub(super) fn ask(owner: Window, row: &ListRow) -> Option<StopChoice> {
    let dialog = Stop {
        row,
        answer: RefCell::default(),
    };
    run_modal(DIALOG_STOP, owner, &dialog);
    dialog.answer.into_inner()
}

struct Stop<'a> {
    row: &'a ListRow,
    answer: RefCell<Option<StopChoice>>,
}

impl Stop<'_> {
    /// What was chosen, or the number of the sentence that says what is missing.
    fn choice(window: Window) -> Result<StopChoice, u16> {
        let kind = match (window.is_checked(STOP_HOLD), window.is_checked(STOP_REVOKE)) {
            (true, _) => StopKind::Hold,
            (_, true) => StopKind::Revocation,
            _ => return Err(word::CHOOSE_STOP),
        };
        let successor = match (window.is_checked(STOP_BOTH), window.is_checked(STOP_ONE)) {
            (true, _) => SuccessorChoice::Stop,
            (_, true) => SuccessorChoice::Keep,
            _ => return Err(word::CHOOSE_SUCCESSOR),
        };
        let reason = REASONS.get(window.item(STOP_REASON).choice());
        let mail = window.item(STOP_MAIL).text().trim().to_owned();
        Ok(StopChoice {
            kind,
            reason: reason.copied().unwrap_or(Reason::NotStated),
            mail: Some(mail).filter(|mail| !mail.is_empty()),
            successor: Some(successor),
        })
    }
}

impl Dialog for Stop<'_> {
    fn opened(&self, window: Window) {
        let subject = format!(
            "{} {}  {} {}",
            fixed(word::CERTIFICATE),
            self.row.subject,
            fixed(word::NOT_AFTER),
            self.row.not_after
        );
        window.item(STOP_SUBJECT).set_text(&subject);
        let reasons = word::REASONS.map(fixed);
        window
            .item(STOP_REASON)
            .set_choices(&reasons, PRESET_REASON);
        window.item(STOP_MAIL).set_limit(LONGEST_MAIL);
        window.item(STOP_REASON).focus();
    }

    fn command(&self, window: Window, id: u16, _notice: u16) {
        match id {
            OK => match Self::choice(window) {
                Ok(choice) => {
                    *self.answer.borrow_mut() = Some(choice);
                    window.end(1);
                }
                Err(missing) => window.item(STOP_PROBLEM).set_text(&fixed(missing)),
            },
            CANCEL => window.end(0),
            _ => {}
        }
    }

    fn colour(&self, id: u16) -> Option<u32> {
        (id == STOP_PROBLEM).then_some(WARNING)
    }
}
