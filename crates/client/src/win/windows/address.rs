//! メールアドレスの変更 (RU-6).

use std::cell::RefCell;

use super::super::resource::{
    ADDRESS_LINES, ADDRESS_MAIL, ADDRESS_PROBLEM, ADDRESS_SECOND, CANCEL, DIALOG_ADDRESS, OK,
};
use super::super::sys::dialog::{Dialog, run_modal};
use super::super::sys::window::Window;
use crate::ports::{AddressForm, AddressPrompt};

/// One more than an address may have, so that nothing is cut in silence.
const LONGEST_FIELD: usize = 255;
/// Dark red, as 0xBBGGRR.
const WARNING: u32 = 0x0000_00b0;

/// Asks and waits.
pub(super) fn ask(owner: Window, prompt: &AddressPrompt) -> Option<AddressForm> {
    let dialog = Address {
        prompt,
        answer: RefCell::default(),
    };
    run_modal(DIALOG_ADDRESS, owner, &dialog);
    dialog.answer.into_inner()
}

struct Address<'a> {
    prompt: &'a AddressPrompt,
    answer: RefCell<Option<AddressForm>>,
}

impl Dialog for Address<'_> {
    fn opened(&self, window: Window) {
        let lines = self.prompt.lines.join("\n");
        window.item(ADDRESS_LINES).set_text(&lines);
        let problem = self.prompt.problem.as_deref().unwrap_or_default();
        window.item(ADDRESS_PROBLEM).set_text(problem);
        let (mail, second) = &self.prompt.typed;
        for (field, typed) in [(ADDRESS_MAIL, mail), (ADDRESS_SECOND, second)] {
            window.item(field).set_limit(LONGEST_FIELD);
            window.item(field).set_text(typed);
        }
        window.item(ADDRESS_MAIL).focus();
    }

    fn command(&self, window: Window, id: u16, _notice: u16) {
        match id {
            OK => {
                let read = |field| window.item(field).text().trim().to_owned();
                *self.answer.borrow_mut() = Some(AddressForm {
                    mail: read(ADDRESS_MAIL),
                    second_mail: read(ADDRESS_SECOND),
                });
                window.end(1);
            }
            CANCEL => window.end(0),
            _ => {}
        }
    }

    fn colour(&self, id: u16) -> Option<u32> {
        (id == ADDRESS_PROBLEM).then_some(WARNING)
    }
}
