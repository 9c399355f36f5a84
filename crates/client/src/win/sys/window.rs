//! Windows and their controls, as far as dialogs need them.
//!
//! A [`Window`] is only a number. Windows itself checks each number, so that calls on one that is gone do nothing.

#![expect(unsafe_code, reason = "calls of user32 on window handles")]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{HWND, RECT};
use windows_sys::Win32::Graphics::Gdi::InvalidateRect;
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::UI::Controls::{
    BST_CHECKED, BST_UNCHECKED, CheckDlgButton, EM_SETCUEBANNER, EM_SETLIMITTEXT,
    EM_SETPASSWORDCHAR, IsDlgButtonChecked, PBM_SETPOS, PBM_SETRANGE32,
};
use windows_sys::Win32::UI::Input::KeyboardAndMouse::{EnableWindow, SetFocus};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CB_ADDSTRING, CB_GETCURSEL, CB_RESETCONTENT, CB_SETCURSEL, DestroyMenu, DestroyWindow,
    EndDialog, FLASHW_ALL, FLASHW_TIMERNOFG, FLASHWINFO, FlashWindowEx, GetDlgItem,
    GetLastActivePopup, GetSubMenu, GetWindowRect, GetWindowTextLengthW, GetWindowTextW, ICON_BIG,
    ICON_SMALL, IsIconic, IsWindowVisible, KillTimer, LoadIconW, LoadMenuW, LoadStringW,
    MESSAGEBOX_STYLE, MessageBoxW, PostMessageW, PostQuitMessage, SW_HIDE, SW_RESTORE, SW_SHOW,
    SendMessageW, SetForegroundWindow, SetTimer, SetWindowTextW, ShowWindow, TPM_RETURNCMD,
    TrackPopupMenu, WM_SETICON,
};
use zeroize::Zeroizing;

use super::text::{narrow, wide, wide_secret};

/// The dot that stands for a hidden character.
const PASSWORD_DOT: usize = 0x25cf;

/// A window or control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window(isize);

impl Window {
    /// From a handle of Windows.
    pub(super) fn from_handle(handle: HWND) -> Self {
        Self(handle as isize)
    }

    /// The handle.
    pub(super) fn handle(self) -> HWND {
        self.0 as HWND
    }

    /// No window: the owner of a message that stands alone.
    pub(crate) const fn none() -> Self {
        Self(0)
    }

    /// The control with this number in a dialog.
    pub(crate) fn item(self, id: u16) -> Self {
        // SAFETY: takes any number as a handle; null where there is no such control.
        Self::from_handle(unsafe { GetDlgItem(self.handle(), i32::from(id)) })
    }

    /// Its text.
    pub(crate) fn text(self) -> String {
        String::from_utf16_lossy(&self.units())
    }

    /// Its text, wiped when dropped.
    pub(crate) fn secret_text(self) -> Zeroizing<String> {
        let units = self.units();
        let mut text = Zeroizing::new(String::with_capacity(units.len() * 3));
        text.extend(char::decode_utf16(units.iter().copied()).flatten());
        text
    }

    fn units(self) -> Zeroizing<Vec<u16>> {
        // SAFETY: takes any number as a handle.
        let length = unsafe { GetWindowTextLengthW(self.handle()) };
        let room = usize::try_from(length).unwrap_or(0) + 1;
        let mut units = Zeroizing::new(vec![0_u16; room]);
        // SAFETY: the buffer has the room that is told.
        let length = unsafe {
            GetWindowTextW(
                self.handle(),
                units.as_mut_ptr(),
                i32::try_from(room).unwrap_or(i32::MAX),
            )
        };
        units.truncate(usize::try_from(length).unwrap_or(0));
        units
    }

    /// Changes its text.
    pub(crate) fn set_text(self, text: &str) {
        let text = wide_secret(text);
        // SAFETY: the text ends with a zero and is copied.
        let _ = unsafe { SetWindowTextW(self.handle(), text.as_ptr()) };
    }

    /// Lets it be used, or not.
    pub(crate) fn enable(self, is_enabled: bool) {
        // SAFETY: takes any number as a handle.
        let _ = unsafe { EnableWindow(self.handle(), i32::from(is_enabled)) };
    }

    /// Shows or hides it.
    pub(crate) fn show(self, is_shown: bool) {
        let how = if is_shown { SW_SHOW } else { SW_HIDE };
        // SAFETY: takes any number as a handle.
        let _ = unsafe { ShowWindow(self.handle(), how) };
    }

    /// Whether it is on the screen.
    pub(crate) fn is_shown(self) -> bool {
        // SAFETY: takes any number as a handle.
        unsafe { IsWindowVisible(self.handle()) != 0 }
    }

    /// Shows it in front of all others, as far as the system lets us; else its button on the task bar flashes.
    pub(crate) fn bring_to_front(self) {
        // SAFETY: takes any number as a handle.
        let is_small = unsafe { IsIconic(self.handle()) != 0 };
        let how = if is_small { SW_RESTORE } else { SW_SHOW };
        // SAFETY: as above.
        let _ = unsafe { ShowWindow(self.handle(), how) };
        let front = self.active_popup();
        // SAFETY: as above.
        let came = unsafe { SetForegroundWindow(front.handle()) };
        if came == 0 {
            let flash = FLASHWINFO {
                cbSize: u32::try_from(size_of::<FLASHWINFO>()).unwrap_or(0),
                hwnd: self.handle(),
                dwFlags: FLASHW_ALL | FLASHW_TIMERNOFG,
                uCount: 3,
                dwTimeout: 0,
            };
            // SAFETY: the structure says its own size.
            let _ = unsafe { FlashWindowEx(&raw const flash) };
        }
    }

    /// The window that is in front among it and those it owns.
    pub(crate) fn active_popup(self) -> Self {
        // SAFETY: takes any number as a handle.
        let popup = unsafe { GetLastActivePopup(self.handle()) };
        if popup.is_null() {
            return self;
        }
        Self::from_handle(popup)
    }

    /// Gives it the keyboard.
    pub(crate) fn focus(self) {
        // SAFETY: takes any number as a handle.
        let _ = unsafe { SetFocus(self.handle()) };
    }

    /// The longest text that can be typed.
    pub(crate) fn set_limit(self, characters: usize) {
        self.send(EM_SETLIMITTEXT, characters, 0);
    }

    /// Shows what is typed, or dots.
    pub(crate) fn hide_text(self, is_hidden: bool) {
        let sign = if is_hidden { PASSWORD_DOT } else { 0 };
        self.send(EM_SETPASSWORDCHAR, sign, 0);
        // SAFETY: takes any number as a handle; null means all of it.
        let _ = unsafe { InvalidateRect(self.handle(), null(), 1) };
    }

    /// What stands in an empty field, in grey.
    pub(crate) fn set_hint(self, text: &str) {
        let text = wide(text);
        self.send(EM_SETCUEBANNER, 1, text.as_ptr() as isize);
    }

    /// Ticks a box of this dialog.
    pub(crate) fn set_check(self, id: u16, is_on: bool) {
        let state = if is_on { BST_CHECKED } else { BST_UNCHECKED };
        // SAFETY: takes any number as a handle.
        let _ = unsafe { CheckDlgButton(self.handle(), i32::from(id), state) };
    }

    /// Whether a box of this dialog is ticked.
    pub(crate) fn is_checked(self, id: u16) -> bool {
        // SAFETY: takes any number as a handle.
        unsafe { IsDlgButtonChecked(self.handle(), i32::from(id)) == BST_CHECKED }
    }

    /// Fills a list of choices.
    pub(crate) fn set_choices(self, choices: &[String], chosen: usize) {
        self.send(CB_RESETCONTENT, 0, 0);
        for choice in choices {
            let text = wide(choice);
            self.send(CB_ADDSTRING, 0, text.as_ptr() as isize);
        }
        self.send(CB_SETCURSEL, chosen, 0);
    }

    /// The chosen one, from 0.
    pub(crate) fn choice(self) -> usize {
        usize::try_from(self.send(CB_GETCURSEL, 0, 0)).unwrap_or(0)
    }

    /// How far a progress bar is.
    pub(crate) fn set_progress(self, step: usize, of: usize) {
        self.send(PBM_SETRANGE32, 0, isize::try_from(of).unwrap_or(0));
        self.send(PBM_SETPOS, step, 0);
    }

    /// Shows the program's icon in its title.
    pub(crate) fn set_icon(self, id: u16) {
        // SAFETY: a number below 65536 stands for the name of a resource; the icon is shared and never freed.
        let icon = unsafe { LoadIconW(module(), resource(id)) };
        for which in [ICON_SMALL, ICON_BIG] {
            self.send(WM_SETICON, which as usize, icon as isize);
        }
    }

    /// Shows a menu under this control and answers what was chosen.
    pub(crate) fn ask_menu_below(self, owner: Self, menu: u16) -> Option<u16> {
        let mut area = RECT::default();
        // SAFETY: the menu is freed below; handles that are null are refused by each call.
        unsafe {
            let _ = GetWindowRect(self.handle(), &raw mut area);
            let bar = LoadMenuW(module(), resource(menu));
            let chosen = TrackPopupMenu(
                GetSubMenu(bar, 0),
                TPM_RETURNCMD,
                area.left,
                area.bottom,
                0,
                owner.handle(),
                null(),
            );
            let _ = DestroyMenu(bar);
            u16::try_from(chosen).ok().filter(|&chosen| chosen != 0)
        }
    }

    /// Wakes it after some milliseconds with `WM_TIMER`, once for each call of this number.
    pub(crate) fn set_timer(self, number: usize, milliseconds: u32) {
        // SAFETY: takes any number as a handle; no callback.
        let _ = unsafe { SetTimer(self.handle(), number, milliseconds, None) };
    }

    /// Takes a timer away.
    pub(crate) fn stop_timer(self, number: usize) {
        // SAFETY: takes any number as a handle.
        let _ = unsafe { KillTimer(self.handle(), number) };
    }

    /// Puts a message into its queue, from any thread. Whether there still is such a window.
    pub(crate) fn post(self, message: u32, first: usize, second: isize) -> bool {
        // SAFETY: callers pass messages whose parameters are plain numbers.
        unsafe { PostMessageW(self.handle(), message, first, second) != 0 }
    }

    /// Ends a modal dialog with a result.
    pub(crate) fn end(self, result: isize) {
        // SAFETY: takes any number as a handle.
        let _ = unsafe { EndDialog(self.handle(), result) };
    }

    /// Takes a window away. Only its own thread can.
    pub(crate) fn destroy(self) {
        // SAFETY: takes any number as a handle.
        let _ = unsafe { DestroyWindow(self.handle()) };
    }

    /// Sends a message and waits. Parameters that are pointers must live until it returns.
    pub(super) fn send(self, message: u32, first: usize, second: isize) -> isize {
        // SAFETY: private to `sys`; each caller passes what the message wants.
        unsafe { SendMessageW(self.handle(), message, first, second) }
    }
}

/// Shows a message and waits for the number of the button.
pub(crate) fn message_box(owner: Window, title: &str, text: &str, style: MESSAGEBOX_STYLE) -> i32 {
    let (title, text) = (wide(title), wide(text));
    // SAFETY: both texts end with a zero and live until the call returns.
    unsafe {
        MessageBoxW(
            owner.active_popup().handle(),
            text.as_ptr(),
            title.as_ptr(),
            style,
        )
    }
}

/// A fixed word of the program, by its number in the table of texts.
pub(crate) fn word(id: u16) -> String {
    let mut buffer = [0_u16; 512];
    // SAFETY: the buffer has the room that is told.
    let length = unsafe { LoadStringW(module(), u32::from(id), buffer.as_mut_ptr(), 512) };
    match usize::try_from(length) {
        Ok(length) if length > 0 => narrow(&buffer),
        _ => String::new(),
    }
}

/// Ends the loop of messages.
pub(crate) fn quit_loop() {
    // SAFETY: posts to this thread.
    unsafe { PostQuitMessage(0) };
}

/// The program's own module, which holds the resources.
pub(super) fn module() -> *mut c_void {
    // SAFETY: null asks for the program itself, which is never unloaded.
    let module = unsafe { GetModuleHandleW(null()) };
    if module.is_null() { null_mut() } else { module }
}

/// A number in place of a resource's name.
pub(super) fn resource(id: u16) -> *const u16 {
    std::ptr::without_provenance(usize::from(id))
}
