//! One line: the 確認番号 that was mailed, or a 接続確認コード alone.

use std::cell::RefCell;

use tegata_domain::secret::Secret;

use super::super::resource::{
    CANCEL, DIALOG_LINE, LINE_FIELD, LINE_LABEL, LINE_LINES, LINE_PROBLEM, OK,
};
use super::super::sys::dialog::{Dialog, run_modal};
use super::super::sys::window::Window;
use crate::ports::LinePrompt;

const LONGEST_LINE: usize = 64;
/// Dark red, as 0xBBGGRR.
const WARNING: u32 = 0x0000_00b0;

/// Asks and waits.
pub(super) fn ask(owner: Window, prompt: &LinePrompt) -> Option<Secret<String>> {
    let dialog = Line {
        prompt,
        answer: RefCell::default(),
    };
    run_modal(DIALOG_LINE, owner, &dialog);
    dialog.answer.into_inner()
}

struct Line<'a> {
    prompt: &'a LinePrompt,
    answer: RefCell<Option<Secret<String>>>,
}

impl Dialog for Line<'_> {
    fn opened(&self, window: Window) {
        let lines = self.prompt.lines.join("\n");
        window.item(LINE_LINES).set_text(&lines);
        window.item(LINE_LABEL).set_text(&self.prompt.label);
        let problem = self.prompt.problem.as_deref().unwrap_or_default();
        window.item(LINE_PROBLEM).set_text(problem);
        window.item(LINE_FIELD).set_limit(LONGEST_LINE);
        window.item(LINE_FIELD).focus();
    }

    fn command(&self, window: Window, id: u16, _notice: u16) {
        match id {
            OK => {
                let typed = window.item(LINE_FIELD).secret_text();
                *self.answer.borrow_mut() = Some(Secret::from(typed.trim()));
                window.end(1);
            }
            CANCEL => window.end(0),
            _ => {}
        }
    }

    fn colour(&self, id: u16) -> Option<u32> {
        (id == LINE_PROBLEM).then_some(WARNING)
    }
}
