//! Start at logon: the value that the installer writes under `Run`, for this user or for all.

use super::sys::certificate::Owner;
use super::sys::process;
use super::sys::registry::{RegistryKey, View};

const RUN: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
/// The name of the value; the installer has the same.
const VALUE: &str = "Tegata MPKI Client";
/// What tells the program to show no window.
pub(super) const IN_TRAY: &str = "--tray";

/// Whether Windows starts the program at logon.
pub(super) fn is_on() -> bool {
    [Owner::User, Owner::Machine].into_iter().any(|owner| {
        RegistryKey::open(owner, RUN, View::Own).is_some_and(|key| key.text(VALUE).is_some())
    })
}

/// Switches it for this user. What an administrator set for all users stays.
pub(super) fn set(is_on: bool) {
    let Ok(key) = RegistryKey::create(Owner::User, RUN, View::Own) else {
        return;
    };
    let _ = if is_on {
        let program = process::program();
        key.set_text(VALUE, &format!("\"{}\" {IN_TRAY}", program.display()))
    } else {
        key.remove(VALUE)
    };
}
