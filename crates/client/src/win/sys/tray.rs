//! The icon in the notification area, its menu and its notifications.

#![expect(
    unsafe_code,
    reason = "calls of shell32 and user32 that show icon and menu"
)]

use windows_sys::Win32::Foundation::POINT;
use windows_sys::Win32::UI::Shell::{
    NIF_ICON, NIF_INFO, NIF_MESSAGE, NIF_SHOWTIP, NIF_TIP, NIIF_INFO, NIIF_LARGE_ICON,
    NIIF_WARNING, NIM_ADD, NIM_DELETE, NIM_MODIFY, NIM_SETVERSION, NIN_BALLOONUSERCLICK,
    NIN_SELECT, NOTIFYICON_VERSION_4, NOTIFYICONDATAW, NOTIFYICONDATAW_0, Shell_NotifyIconW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    DestroyMenu, GetCursorPos, GetSubMenu, GetSystemMetrics, HICON, IMAGE_ICON, LR_SHARED,
    LoadImageW, LoadMenuW, SM_CXSMICON, SM_CYSMICON, SetForegroundWindow, SetMenuDefaultItem,
    TPM_RETURNCMD, TPM_RIGHTBUTTON, TrackPopupMenu, WM_CONTEXTMENU, WM_NULL,
};

use super::window::{Window, module, resource};

/// Enter on the icon (`NIN_KEYSELECT`, which the bindings lack).
const NIN_KEYSELECT: u32 = NIN_SELECT | 1;

/// What a person did with the icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gesture {
    /// Clicked or pressed Enter.
    Chosen,
    /// Asked for the menu.
    Menu,
    /// Clicked on the notification.
    Notification,
}

/// The icon. It is taken away when this is dropped.
pub(crate) struct TrayIcon {
    window: Window,
    message: u32,
    icon: u16,
}

impl TrayIcon {
    /// Describes an icon that tells `window` by `message`; [`Self::show`] shows it.
    pub(crate) fn new(window: Window, message: u32, icon: u16) -> Self {
        Self {
            window,
            message,
            icon,
        }
    }

    /// Shows the icon; also after the task bar was made anew. Whether it worked.
    pub(crate) fn show(&self, tip: &str) -> bool {
        let mut data = self.data(NIF_ICON | NIF_MESSAGE | NIF_TIP | NIF_SHOWTIP);
        data.szTip = fixed(tip);
        if !notify(NIM_ADD, &data) {
            return false;
        }
        data.Anonymous = NOTIFYICONDATAW_0 {
            uVersion: NOTIFYICON_VERSION_4,
        };
        notify(NIM_SETVERSION, &data)
    }

    /// Changes what is said when the pointer rests on it.
    pub(crate) fn set_tip(&self, tip: &str) {
        let mut data = self.data(NIF_TIP | NIF_SHOWTIP);
        data.szTip = fixed(tip);
        let _ = notify(NIM_MODIFY, &data);
    }

    /// Shows a notification.
    pub(crate) fn notify(&self, title: &str, text: &str, is_warning: bool) {
        let mut data = self.data(NIF_INFO);
        data.szInfoTitle = fixed(title);
        data.szInfo = fixed(text);
        data.dwInfoFlags = NIIF_LARGE_ICON | if is_warning { NIIF_WARNING } else { NIIF_INFO };
        let _ = notify(NIM_MODIFY, &data);
    }

    /// What a message of the icon means.
    pub(crate) fn gesture(second: isize) -> Option<Gesture> {
        let event = u32::try_from(second & 0xffff).unwrap_or(0);
        match event {
            WM_CONTEXTMENU => Some(Gesture::Menu),
            NIN_BALLOONUSERCLICK => Some(Gesture::Notification),
            NIN_SELECT | NIN_KEYSELECT => Some(Gesture::Chosen),
            _ => None,
        }
    }

    /// Shows the menu at the pointer and answers what was chosen. `usual` is what a click on the icon does.
    pub(crate) fn ask_menu(&self, menu: u16, usual: u16) -> Option<u16> {
        // SAFETY: the menu is freed below; handles that are null are refused by each call.
        unsafe {
            let bar = LoadMenuW(module(), resource(menu));
            let popup = GetSubMenu(bar, 0);
            let _ = SetMenuDefaultItem(popup, u32::from(usual), 0);
            let mut at = POINT::default();
            let _ = GetCursorPos(&raw mut at);
            // Without this the menu stays when the person clicks beside it.
            let _ = SetForegroundWindow(self.window.handle());
            let chosen = TrackPopupMenu(
                popup,
                TPM_RETURNCMD | TPM_RIGHTBUTTON,
                at.x,
                at.y,
                0,
                self.window.handle(),
                std::ptr::null(),
            );
            let _ = DestroyMenu(bar);
            let _ = self.window.post(WM_NULL, 0, 0);
            u16::try_from(chosen).ok().filter(|&chosen| chosen != 0)
        }
    }

    fn data(&self, flags: u32) -> NOTIFYICONDATAW {
        NOTIFYICONDATAW {
            cbSize: u32::try_from(size_of::<NOTIFYICONDATAW>()).unwrap_or(0),
            hWnd: self.window.handle(),
            uID: 1,
            uFlags: flags,
            uCallbackMessage: self.message,
            hIcon: small_icon(self.icon),
            ..Default::default()
        }
    }
}

impl Drop for TrayIcon {
    fn drop(&mut self) {
        let _ = notify(NIM_DELETE, &self.data(0));
    }
}

fn notify(what: u32, data: &NOTIFYICONDATAW) -> bool {
    // SAFETY: the structure says its own size and lives until the call returns.
    unsafe { Shell_NotifyIconW(what, data) != 0 }
}

fn small_icon(id: u16) -> HICON {
    // SAFETY: a number below 65536 stands for the name of a resource; the icon is shared and never freed.
    unsafe {
        LoadImageW(
            module(),
            resource(id),
            IMAGE_ICON,
            GetSystemMetrics(SM_CXSMICON),
            GetSystemMetrics(SM_CYSMICON),
            LR_SHARED,
        )
    }
}

/// A text in a field of fixed length, cut at a whole character, with a zero at the end.
fn fixed<const N: usize>(text: &str) -> [u16; N] {
    let mut field = [0; N];
    let mut rest = field.as_mut_slice();
    for character in text.chars() {
        let length = character.len_utf16();
        if rest.len() <= length {
            break;
        }
        let (here, after) = rest.split_at_mut(length);
        character.encode_utf16(here);
        rest = after;
    }
    field
}
