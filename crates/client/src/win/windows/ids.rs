//! リクエストID and リファレンスID, once. Both can be marked and copied.

use super::super::resource::{CANCEL, DIALOG_IDS, IDS_LINES, IDS_REFERENCE, IDS_REQUEST, OK};
use super::super::sys::dialog::{Dialog, run_modal};
use super::super::sys::window::Window;
use crate::ports::ShownIds;

/// Shows them and waits.
pub(super) fn show(owner: Window, shown: &ShownIds) {
    run_modal(DIALOG_IDS, owner, &Ids(shown));
}

struct Ids<'a>(&'a ShownIds);

impl Dialog for Ids<'_> {
    fn opened(&self, window: Window) {
        let Self(shown) = self;
        window.item(IDS_LINES).set_text(&shown.lines.join("\n"));
        window.item(IDS_REQUEST).set_text(&shown.request_id);
        let reference = shown.reference_id.expose();
        window.item(IDS_REFERENCE).set_text(reference);
        window.item(OK).focus();
    }

    fn command(&self, window: Window, id: u16, _notice: u16) {
        if matches!(id, OK | CANCEL) {
            window.end(1);
        }
    }
}
