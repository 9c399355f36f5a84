//! The password of a backup.

use std::cell::RefCell;

use tegata_domain::secret::Secret;

use super::super::resource::{
    BACKUP_AGAIN, BACKUP_FORM, BACKUP_HEADING, BACKUP_HINT, BACKUP_PASSWORD, BACKUP_SHOW,
    BACKUP_SHOW_AGAIN, BACKUP_SUGGEST, BACKUP_WEAK, CANCEL, DIALOG_BACKUP, OK,
};
use super::super::sys::dialog::{Dialog, run_modal};
use super::super::sys::window::Window;
use crate::ports::{BackupPassword, BackupPrompt};

/// A text changed.
const EN_CHANGE: u16 = 0x0300;
/// Dark red, as 0xBBGGRR.
const WARNING: u32 = 0x0000_00b0;

/// Asks and waits.
pub(super) fn ask(owner: Window, prompt: &BackupPrompt) -> Option<BackupPassword> {
    let dialog = Backup {
        prompt,
        answer: RefCell::default(),
    };
    run_modal(DIALOG_BACKUP, owner, &dialog);
    dialog.answer.into_inner()
}

struct Backup<'a> {
    prompt: &'a BackupPrompt,
    answer: RefCell<Option<BackupPassword>>,
}

impl Backup<'_> {
    /// What was wrong the last time stands where the hint about four digits would be, until something is typed.
    fn show_warning(&self, window: Window) {
        let typed = window.item(BACKUP_PASSWORD).secret_text();
        let is_weak = typed.len() == 4 && typed.bytes().all(|octet| octet.is_ascii_digit());
        let text = match &self.prompt.problem {
            Some(problem) if typed.is_empty() => problem.as_str(),
            _ if is_weak => self.prompt.weak_hint.as_str(),
            _ => "",
        };
        window.item(BACKUP_WEAK).set_text(text);
    }

    fn answer(&self, window: Window) -> Option<BackupPassword> {
        let read = |id| Secret::from(window.item(id).secret_text().as_str());
        let form = self.prompt.forms.get(window.item(BACKUP_FORM).choice())?;
        Some(BackupPassword {
            password: read(BACKUP_PASSWORD),
            again: read(BACKUP_AGAIN),
            form: form.form,
        })
    }

    fn suggest(&self, window: Window) {
        for (field, show) in FIELDS {
            window.item(field).set_text(&self.prompt.suggestion);
            window.item(field).hide_text(false);
            window.set_check(show, true);
        }
        window.item(BACKUP_PASSWORD).focus();
    }
}

/// The fields, each with its box.
const FIELDS: [(u16, u16); 2] = [
    (BACKUP_PASSWORD, BACKUP_SHOW),
    (BACKUP_AGAIN, BACKUP_SHOW_AGAIN),
];

impl Dialog for Backup<'_> {
    fn opened(&self, window: Window) {
        window.item(BACKUP_HEADING).set_text(&self.prompt.heading);
        window.item(BACKUP_HINT).set_text(&self.prompt.hint);
        for (field, _) in FIELDS {
            // One more than allowed: a longer password is refused with words, not cut in silence.
            window.item(field).set_limit(self.prompt.max_length + 1);
            window.item(field).hide_text(true);
        }
        let forms: Vec<String> = self
            .prompt
            .forms
            .iter()
            .map(|form| form.label.clone())
            .collect();
        window.item(BACKUP_FORM).set_choices(&forms, 0);
        self.show_warning(window);
        window.item(BACKUP_PASSWORD).focus();
    }

    fn command(&self, window: Window, id: u16, notice: u16) {
        match id {
            BACKUP_PASSWORD if notice == EN_CHANGE => self.show_warning(window),
            BACKUP_SUGGEST => self.suggest(window),
            OK => {
                *self.answer.borrow_mut() = self.answer(window);
                window.end(1);
            }
            CANCEL => window.end(0),
            _ => {
                for (field, show) in FIELDS {
                    if id == show {
                        window.item(field).hide_text(!window.is_checked(show));
                    }
                }
            }
        }
    }

    fn colour(&self, id: u16) -> Option<u32> {
        (id == BACKUP_WEAK).then_some(WARNING)
    }
}
