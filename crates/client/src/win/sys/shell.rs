//! Folders of the user, and the dialog for saving a file.

#![expect(unsafe_code, reason = "calls of shell32 and comdlg32")]

use std::path::PathBuf;
use std::ptr::null_mut;

use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::UI::Controls::Dialogs::{
    GetSaveFileNameW, OFN_EXPLORER, OFN_HIDEREADONLY, OFN_NOCHANGEDIR, OFN_OVERWRITEPROMPT,
    OFN_PATHMUSTEXIST, OPENFILENAMEW,
};
use windows_sys::Win32::UI::Shell::{
    FOLDERID_Documents, FOLDERID_LocalAppData, SHGetKnownFolderPath,
};
use windows_sys::core::GUID;

use super::text::{narrow, wide};
use super::window::Window;

const LONGEST_PATH: usize = 1024;

/// ドキュメント.
pub(crate) fn documents() -> Option<PathBuf> {
    folder(&FOLDERID_Documents)
}

/// `%LOCALAPPDATA%`.
pub(crate) fn local_data() -> Option<PathBuf> {
    folder(&FOLDERID_LocalAppData)
}

/// 名前を付けて保存. `kind` is the name of the file type, `ending` its ending without the dot.
pub(crate) fn ask_save_place(
    owner: Window,
    name: &str,
    kind: &str,
    ending: &str,
) -> Option<PathBuf> {
    let mut path = vec![0_u16; LONGEST_PATH];
    for (place, unit) in path
        .iter_mut()
        .zip(name.encode_utf16().take(LONGEST_PATH - 1))
    {
        *place = unit;
    }
    let filter = wide(&format!("{kind}\0*.{ending}\0"));
    let ending = wide(ending);
    let folder = documents().map(|folder| wide(&folder.to_string_lossy()));
    let mut question = OPENFILENAMEW {
        lStructSize: u32::try_from(size_of::<OPENFILENAMEW>()).unwrap_or(0),
        hwndOwner: owner.active_popup().handle(),
        lpstrFilter: filter.as_ptr(),
        lpstrFile: path.as_mut_ptr(),
        nMaxFile: u32::try_from(LONGEST_PATH).unwrap_or(0),
        lpstrInitialDir: folder
            .as_ref()
            .map_or(std::ptr::null(), |folder| folder.as_ptr()),
        lpstrDefExt: ending.as_ptr(),
        Flags: OFN_EXPLORER
            | OFN_HIDEREADONLY
            | OFN_NOCHANGEDIR
            | OFN_OVERWRITEPROMPT
            | OFN_PATHMUSTEXIST,
        ..Default::default()
    };
    // SAFETY: all texts end with a zero and live until the call returns; the buffer has the room that is told.
    let answer = unsafe { GetSaveFileNameW(&raw mut question) };
    (answer != 0).then(|| PathBuf::from(narrow(&path)))
}

fn folder(id: &GUID) -> Option<PathBuf> {
    let mut text = null_mut();
    // SAFETY: fills the pointer with a text that we free.
    let status = unsafe { SHGetKnownFolderPath(id, 0, null_mut(), &raw mut text) };
    let mut units = Vec::new();
    if status == 0 && !text.is_null() {
        let mut at = text;
        // SAFETY: the text ends with a zero, past which nothing is read.
        unsafe {
            while *at != 0 {
                units.push(*at);
                at = at.add(1);
            }
        }
    }
    // SAFETY: the text came from the call above; null is allowed.
    unsafe { CoTaskMemFree(text.cast()) };
    (!units.is_empty()).then(|| PathBuf::from(String::from_utf16_lossy(&units)))
}
