//! Dialogs made from templates, and the loop of messages.

#![expect(
    unsafe_code,
    reason = "Windows calls back with a pointer that was given to it"
)]

use std::rc::Rc;

use windows_sys::Win32::Foundation::{HWND, LPARAM, WPARAM};
use windows_sys::Win32::Graphics::Gdi::{
    COLOR_3DFACE, GetSysColorBrush, SetBkMode, SetTextColor, TRANSPARENT,
};
use windows_sys::Win32::UI::Controls::{
    ICC_LISTVIEW_CLASSES, ICC_PROGRESS_CLASS, ICC_STANDARD_CLASSES, INITCOMMONCONTROLSEX,
    InitCommonControlsEx, LVIF_STATE, LVN_ITEMCHANGED, NMHDR, NMLISTVIEW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CreateDialogParamW, DialogBoxParamW, DispatchMessageW, GetDlgCtrlID, GetMessageW,
    IsDialogMessageW, LoadAcceleratorsW, MSG, TranslateAcceleratorW, TranslateMessage, WM_COMMAND,
    WM_CTLCOLORSTATIC, WM_INITDIALOG, WM_NOTIFY,
};

use super::SystemError;
use super::window::{Window, module, resource};

/// Where a dialog keeps a pointer of ours: after its result and its procedure.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "8 or 16"
)]
const DWLP_USER: i32 = (2 * size_of::<isize>()) as i32;

/// What a dialog does. It may be called again while it is being called, so it keeps its state in cells.
pub(crate) trait Dialog {
    /// It was made and not yet shown.
    fn opened(&self, window: Window);

    /// A button was pressed, a text or choice changed; `notice` says which.
    fn command(&self, window: Window, id: u16, notice: u16);

    /// Another row of a list was chosen.
    fn row_changed(&self, _window: Window, _id: u16) {}

    /// Any other message; `true` where it was one of ours.
    fn message(&self, _window: Window, _message: u32, _first: usize, _second: isize) -> bool {
        false
    }

    /// The colour of a label, as 0xBBGGRR.
    fn colour(&self, _id: u16) -> Option<u32> {
        None
    }
}

/// What Windows carries for us: a thin pointer to a fat one.
struct Link<'a>(&'a dyn Dialog);

/// Shows a dialog and waits until it ends with [`Window::end`].
pub(crate) fn run_modal(template: u16, owner: Window, dialog: &dyn Dialog) -> isize {
    let link = Link(dialog);
    // SAFETY: the link lives until the call returns, and the dialog is gone by then.
    unsafe {
        DialogBoxParamW(
            module(),
            resource(template),
            owner.active_popup().handle(),
            Some(procedure),
            (&raw const link) as isize,
        )
    }
}

/// A dialog that stays beside the program's other work.
pub(crate) struct OpenDialog {
    window: Window,
    /// Windows has a pointer to it as long as the window lives.
    _link: Box<Link<'static>>,
}

impl OpenDialog {
    /// Makes it, hidden. It lives as long as the program, as does `dialog`.
    pub(crate) fn open(template: u16, dialog: Rc<dyn Dialog>) -> Result<Self, SystemError> {
        let classes = INITCOMMONCONTROLSEX {
            dwSize: u32::try_from(size_of::<INITCOMMONCONTROLSEX>()).unwrap_or(0),
            dwICC: ICC_LISTVIEW_CLASSES | ICC_PROGRESS_CLASS | ICC_STANDARD_CLASSES,
        };
        // SAFETY: the structure says its own size.
        let _ = unsafe { InitCommonControlsEx(&raw const classes) };
        let dialog: &'static Rc<dyn Dialog> = Box::leak(Box::new(dialog));
        let link = Box::new(Link(&**dialog));
        // SAFETY: the link is kept beside the window and dropped after it.
        let handle = unsafe {
            CreateDialogParamW(
                module(),
                resource(template),
                std::ptr::null_mut(),
                Some(procedure),
                (&raw const *link) as isize,
            )
        };
        if handle.is_null() {
            return Err(SystemError::last("CreateDialogParam"));
        }
        Ok(Self {
            window: Window::from_handle(handle),
            _link: link,
        })
    }

    /// The window.
    pub(crate) fn window(&self) -> Window {
        self.window
    }

    /// Handles messages until [`super::window::quit_loop`] is called.
    pub(crate) fn run(&self, keys: u16) {
        // SAFETY: a number below 65536 stands for the name of a resource.
        let keys = unsafe { LoadAcceleratorsW(module(), resource(keys)) };
        let mut message = MSG::default();
        loop {
            // SAFETY: fills the message; null asks for all windows of this thread.
            let more = unsafe { GetMessageW(&raw mut message, std::ptr::null_mut(), 0, 0) };
            if more <= 0 {
                return;
            }
            // SAFETY: the message came from the system; the handles are checked by it.
            unsafe {
                if TranslateAcceleratorW(self.window.handle(), keys, &raw const message) == 0
                    && IsDialogMessageW(self.window.handle(), &raw const message) == 0
                {
                    let _ = TranslateMessage(&raw const message);
                    let _ = DispatchMessageW(&raw const message);
                }
            }
        }
    }
}

impl Drop for OpenDialog {
    fn drop(&mut self) {
        self.window.destroy();
    }
}

/// What Windows calls for each message of a dialog.
unsafe extern "system" fn procedure(
    handle: HWND,
    message: u32,
    first: WPARAM,
    second: LPARAM,
) -> isize {
    let window = Window::from_handle(handle);
    if message == WM_INITDIALOG {
        set_pointer(handle, second);
    }
    let pointer = pointer(handle) as *const Link<'_>;
    if pointer.is_null() {
        return 0;
    }
    // SAFETY: the pointer was given to `DialogBoxParam` or `CreateDialogParam` above and lives as long as the window.
    let dialog = unsafe { (*pointer).0 };
    match message {
        WM_INITDIALOG => {
            dialog.opened(window);
            // The dialog chose where the keyboard goes.
            0
        }
        WM_COMMAND => {
            let (id, notice) = (low(first), high(first));
            dialog.command(window, id, notice);
            1
        }
        WM_NOTIFY => {
            // SAFETY: this message always carries a pointer to this header, which lives until we return.
            let header = unsafe { &*(second as *const NMHDR) };
            if header.code == LVN_ITEMCHANGED {
                // SAFETY: this notice carries this structure, which begins with the header.
                let change = unsafe { &*(second as *const NMLISTVIEW) };
                if change.uChanged & LVIF_STATE != 0 {
                    dialog.row_changed(window, low(header.idFrom));
                }
            }
            0
        }
        WM_CTLCOLORSTATIC => {
            // SAFETY: `second` is the label, `first` its device context, valid until we return.
            unsafe {
                let id = GetDlgCtrlID(second as HWND);
                let colour = u16::try_from(id).ok().and_then(|id| dialog.colour(id));
                let Some(colour) = colour else {
                    return 0;
                };
                SetTextColor(first as *mut std::ffi::c_void, colour);
                SetBkMode(first as *mut std::ffi::c_void, TRANSPARENT.cast_signed());
                GetSysColorBrush(COLOR_3DFACE) as isize
            }
        }
        _ => isize::from(dialog.message(window, message, first, second)),
    }
}

#[cfg(target_pointer_width = "64")]
fn set_pointer(handle: HWND, value: isize) {
    use windows_sys::Win32::UI::WindowsAndMessaging::SetWindowLongPtrW;
    // SAFETY: a dialog has room for one pointer at this place.
    let _ = unsafe { SetWindowLongPtrW(handle, DWLP_USER, value) };
}

#[cfg(target_pointer_width = "32")]
fn set_pointer(handle: HWND, value: isize) {
    use windows_sys::Win32::UI::WindowsAndMessaging::SetWindowLongW;
    let value = i32::try_from(value).unwrap_or(0);
    // SAFETY: a dialog has room for one pointer at this place.
    let _ = unsafe { SetWindowLongW(handle, DWLP_USER, value) };
}

#[cfg(target_pointer_width = "64")]
fn pointer(handle: HWND) -> isize {
    use windows_sys::Win32::UI::WindowsAndMessaging::GetWindowLongPtrW;
    // SAFETY: a dialog has room for one pointer at this place.
    unsafe { GetWindowLongPtrW(handle, DWLP_USER) }
}

#[cfg(target_pointer_width = "32")]
fn pointer(handle: HWND) -> isize {
    use windows_sys::Win32::UI::WindowsAndMessaging::GetWindowLongW;
    // SAFETY: a dialog has room for one pointer at this place.
    let value = unsafe { GetWindowLongW(handle, DWLP_USER) };
    isize::try_from(value).unwrap_or(0)
}

fn low(value: usize) -> u16 {
    u16::try_from(value & 0xffff).unwrap_or(0)
}

fn high(value: usize) -> u16 {
    u16::try_from((value >> 16) & 0xffff).unwrap_or(0)
}
