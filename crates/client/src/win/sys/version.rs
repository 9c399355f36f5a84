//! Which Windows this is.

#![expect(unsafe_code, reason = "a call of ntdll that fills a structure")]

use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::System::SystemInformation::OSVERSIONINFOW;

/// The number of the build, such as 9600 for Windows 8.1 and 19045 for Windows 10 22H2; zero where it is not told.
pub(crate) fn build() -> u32 {
    let size = u32::try_from(size_of::<OSVERSIONINFOW>()).unwrap_or(0);
    let mut version = OSVERSIONINFOW {
        dwOSVersionInfoSize: size,
        ..Default::default()
    };
    // SAFETY: the structure says its own size.
    let status = unsafe { RtlGetVersion(&raw mut version) };
    if status == 0 {
        version.dwBuildNumber
    } else {
        0
    }
}
