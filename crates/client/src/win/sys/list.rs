//! A list with columns.

#![expect(unsafe_code, reason = "asks Windows for the size of a control")]

use windows_sys::Win32::Foundation::RECT;
use windows_sys::Win32::UI::Controls::{
    LIST_VIEW_ITEM_STATE_FLAGS, LVCF_SUBITEM, LVCF_TEXT, LVCF_WIDTH, LVCOLUMNW, LVIF_TEXT,
    LVIS_FOCUSED, LVIS_SELECTED, LVITEMW, LVM_DELETEALLITEMS, LVM_ENSUREVISIBLE, LVM_GETNEXTITEM,
    LVM_INSERTCOLUMNW, LVM_INSERTITEMW, LVM_SETEXTENDEDLISTVIEWSTYLE, LVM_SETITEMSTATE,
    LVM_SETITEMTEXTW, LVNI_SELECTED, LVS_EX_DOUBLEBUFFER, LVS_EX_FULLROWSELECT, LVS_EX_INFOTIP,
};
use windows_sys::Win32::UI::WindowsAndMessaging::GetClientRect;

use super::text::wide;
use super::window::Window;

/// A list with columns.
#[derive(Clone, Copy)]
pub(crate) struct List(pub(crate) Window);

impl List {
    /// Makes the columns; their widths are parts of a hundred.
    pub(crate) fn set_columns(self, columns: &[(String, i32)]) {
        let style = LVS_EX_FULLROWSELECT | LVS_EX_INFOTIP | LVS_EX_DOUBLEBUFFER;
        self.0.send(
            LVM_SETEXTENDEDLISTVIEWSTYLE,
            0,
            isize::try_from(style).unwrap_or(0),
        );
        let mut area = RECT::default();
        // SAFETY: fills the rectangle.
        let _ = unsafe { GetClientRect(self.0.handle(), &raw mut area) };
        // Room for a scroll bar, so that no second one appears below.
        let whole = area.right - 20;
        for (index, (title, part)) in columns.iter().enumerate() {
            let mut title = wide(title);
            let column = LVCOLUMNW {
                mask: LVCF_TEXT | LVCF_WIDTH | LVCF_SUBITEM,
                cx: whole * part / 100,
                pszText: title.as_mut_ptr(),
                iSubItem: i32::try_from(index).unwrap_or(0),
                ..Default::default()
            };
            self.0
                .send(LVM_INSERTCOLUMNW, index, (&raw const column) as isize);
        }
    }

    /// Replaces all rows.
    pub(crate) fn set_rows(self, rows: &[Vec<String>]) {
        self.0.send(LVM_DELETEALLITEMS, 0, 0);
        for (row, cells) in rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let mut text = wide(cell);
                let item = LVITEMW {
                    mask: LVIF_TEXT,
                    iItem: i32::try_from(row).unwrap_or(0),
                    iSubItem: i32::try_from(column).unwrap_or(0),
                    pszText: text.as_mut_ptr(),
                    ..Default::default()
                };
                let pointer = (&raw const item) as isize;
                if column == 0 {
                    self.0.send(LVM_INSERTITEMW, 0, pointer);
                } else {
                    self.0.send(LVM_SETITEMTEXTW, row, pointer);
                }
            }
        }
    }

    /// Chooses a row.
    pub(crate) fn select(self, row: usize) {
        let state: LIST_VIEW_ITEM_STATE_FLAGS = LVIS_SELECTED | LVIS_FOCUSED;
        let item = LVITEMW {
            state,
            stateMask: state,
            ..Default::default()
        };
        self.0
            .send(LVM_SETITEMSTATE, row, (&raw const item) as isize);
        self.0.send(LVM_ENSUREVISIBLE, row, 0);
    }

    /// The chosen row, from 0.
    pub(crate) fn selected(self) -> Option<usize> {
        let flags = isize::try_from(LVNI_SELECTED).unwrap_or(0);
        usize::try_from(self.0.send(LVM_GETNEXTITEM, usize::MAX, flags)).ok()
    }
}
