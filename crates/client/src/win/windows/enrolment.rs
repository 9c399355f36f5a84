//! はじめての取得: the two IDs of the letter and, where the server is not yet proven, the 接続確認コード (W6).

use std::cell::RefCell;

use tegata_domain::secret::Secret;

use super::super::resource::{
    CANCEL, DIALOG_ENROLMENT, ENROL_CODE, ENROL_CODE_EXAMPLE, ENROL_CODE_LABEL, ENROL_LINES,
    ENROL_PROBLEM, ENROL_REFERENCE, ENROL_REQUEST, OK,
};
use super::super::sys::dialog::{Dialog, run_modal};
use super::super::sys::window::Window;
use super::message;
use crate::ports::{EnrolmentForm, EnrolmentPrompt};

/// More than any ID or code has, so that nothing is cut in silence.
const LONGEST_FIELD: usize = 64;
/// Dark red, as 0xBBGGRR.
const WARNING: u32 = 0x0000_00b0;

/// Asks and waits. What was wrong the last time is shown first, by itself, so that nobody overlooks it.
pub(super) fn ask(owner: Window, prompt: &EnrolmentPrompt) -> Option<EnrolmentForm> {
    if let Some(problem) = &prompt.problem {
        message::show(owner, problem);
    }
    let dialog = Enrolment {
        prompt,
        answer: RefCell::default(),
    };
    run_modal(DIALOG_ENROLMENT, owner, &dialog);
    dialog.answer.into_inner()
}

struct Enrolment<'a> {
    prompt: &'a EnrolmentPrompt,
    answer: RefCell<Option<EnrolmentForm>>,
}

impl Dialog for Enrolment<'_> {
    fn opened(&self, window: Window) {
        window
            .item(ENROL_LINES)
            .set_text(&self.prompt.lines.join("\n"));
        if let Some(problem) = &self.prompt.problem {
            let text = format!("{} {}", problem.code.0, problem.text);
            window.item(ENROL_PROBLEM).set_text(&text);
        }
        let (request_id, code) = &self.prompt.typed;
        window.item(ENROL_REQUEST).set_text(request_id);
        window.item(ENROL_CODE).set_text(code);
        for field in [ENROL_REQUEST, ENROL_REFERENCE, ENROL_CODE] {
            window.item(field).set_limit(LONGEST_FIELD);
        }
        for part in [ENROL_CODE, ENROL_CODE_LABEL, ENROL_CODE_EXAMPLE] {
            window.item(part).show(self.prompt.asks_code);
        }
        let first = if request_id.is_empty() {
            ENROL_REQUEST
        } else {
            ENROL_REFERENCE
        };
        window.item(first).focus();
    }

    fn command(&self, window: Window, id: u16, _notice: u16) {
        match id {
            OK => {
                *self.answer.borrow_mut() = Some(EnrolmentForm {
                    request_id: window.item(ENROL_REQUEST).text().trim().to_owned(),
                    reference_id: Secret::from(window.item(ENROL_REFERENCE).secret_text().trim()),
                    connection_code: window.item(ENROL_CODE).text().trim().to_owned(),
                });
                window.end(1);
            }
            CANCEL => window.end(0),
            _ => {}
        }
    }

    fn colour(&self, id: u16) -> Option<u32> {
        (id == ENROL_PROBLEM).then_some(WARNING)
    }
}
