//! What Windows knows of proxies. Nothing is sent by it: only its settings and its runner of PAC scripts are asked.

#![expect(
    unsafe_code,
    reason = "calls of winhttp that hand out texts to be freed"
)]

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::GlobalFree;
use windows_sys::Win32::Networking::WinHttp::{
    WINHTTP_ACCESS_TYPE_NAMED_PROXY, WINHTTP_ACCESS_TYPE_NO_PROXY, WINHTTP_AUTO_DETECT_TYPE_DHCP,
    WINHTTP_AUTO_DETECT_TYPE_DNS_A, WINHTTP_AUTOPROXY_AUTO_DETECT, WINHTTP_AUTOPROXY_CONFIG_URL,
    WINHTTP_AUTOPROXY_OPTIONS, WINHTTP_CURRENT_USER_IE_PROXY_CONFIG, WINHTTP_PROXY_INFO,
    WinHttpCloseHandle, WinHttpGetIEProxyConfigForCurrentUser, WinHttpGetProxyForUrl, WinHttpOpen,
    WinHttpSetTimeouts,
};

use super::SystemError;
use super::text::wide;

/// Milliseconds for each step of looking for a script and loading it.
const PATIENCE: i32 = 10_000;

/// The settings of this user (インターネット オプション).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UserSettings {
    /// 設定を自動的に検出する.
    pub(crate) detects: bool,
    /// The address of a PAC script.
    pub(crate) script: Option<String>,
    /// Proxies by hand, in Windows' own form.
    pub(crate) proxies: String,
    /// Exceptions, in Windows' own form.
    pub(crate) exceptions: String,
}

/// Where a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script<'a> {
    /// At this address.
    At(&'a str),
    /// Wherever the network says (WPAD).
    Detected,
}

/// Reads the settings of this user.
pub(crate) fn user_settings() -> Result<UserSettings, SystemError> {
    let mut config = WINHTTP_CURRENT_USER_IE_PROXY_CONFIG::default();
    // SAFETY: fills the structure with texts that we free.
    let answer = unsafe { WinHttpGetIEProxyConfigForCurrentUser(&raw mut config) };
    let script = Text(config.lpszAutoConfigUrl);
    let (proxies, exceptions) = (Text(config.lpszProxy), Text(config.lpszProxyBypass));
    SystemError::check("WinHttpGetIEProxyConfigForCurrentUser", answer)?;
    Ok(UserSettings {
        detects: config.fAutoDetect != 0,
        script: Some(script.read()).filter(|script| !script.is_empty()),
        proxies: proxies.read(),
        exceptions: exceptions.read(),
    })
}

/// Runs a script for an address: proxies and exceptions, both empty for the direct way.
pub(crate) fn run_script(
    script: Script<'_>,
    address: &str,
) -> Result<(String, String), SystemError> {
    let session = Session::open()?;
    let script_address = match script {
        Script::At(address) => wide(address),
        Script::Detected => wide(""),
    };
    let mut options = WINHTTP_AUTOPROXY_OPTIONS {
        fAutoLogonIfChallenged: 0,
        ..Default::default()
    };
    match script {
        Script::At(_) => {
            options.dwFlags = WINHTTP_AUTOPROXY_CONFIG_URL;
            options.lpszAutoConfigUrl = script_address.as_ptr();
        }
        Script::Detected => {
            options.dwFlags = WINHTTP_AUTOPROXY_AUTO_DETECT;
            options.dwAutoDetectFlags =
                WINHTTP_AUTO_DETECT_TYPE_DHCP | WINHTTP_AUTO_DETECT_TYPE_DNS_A;
        }
    }
    let address = wide(address);
    let mut info = WINHTTP_PROXY_INFO::default();
    // SAFETY: the session is open; all texts end with a zero and live until the call returns; we free what it fills in.
    let answer = unsafe {
        WinHttpGetProxyForUrl(session.0, address.as_ptr(), &raw mut options, &raw mut info)
    };
    let (proxies, exceptions) = (Text(info.lpszProxy), Text(info.lpszProxyBypass));
    SystemError::check("WinHttpGetProxyForUrl", answer)?;
    if info.dwAccessType != WINHTTP_ACCESS_TYPE_NAMED_PROXY {
        return Ok(Default::default());
    }
    Ok((proxies.read(), exceptions.read()))
}

struct Session(*mut std::ffi::c_void);

impl Session {
    fn open() -> Result<Self, SystemError> {
        let agent = wide("MPKI Client");
        // SAFETY: the text ends with a zero.
        let handle = unsafe {
            WinHttpOpen(
                agent.as_ptr(),
                WINHTTP_ACCESS_TYPE_NO_PROXY,
                null(),
                null(),
                0,
            )
        };
        if handle.is_null() {
            return Err(SystemError::last("WinHttpOpen"));
        }
        let session = Self(handle);
        // SAFETY: the session is open.
        let answer =
            unsafe { WinHttpSetTimeouts(session.0, PATIENCE, PATIENCE, PATIENCE, PATIENCE) };
        SystemError::check("WinHttpSetTimeouts", answer)?;
        Ok(session)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again.
        let _ = unsafe { WinHttpCloseHandle(self.0) };
    }
}

/// A text of the system, freed when it is dropped.
struct Text(*mut u16);

impl Text {
    fn read(&self) -> String {
        if self.0.is_null() {
            return String::new();
        }
        let mut units = Vec::new();
        let mut at = self.0;
        // SAFETY: the text ends with a zero, past which nothing is read.
        unsafe {
            while *at != 0 {
                units.push(*at);
                at = at.add(1);
            }
        }
        String::from_utf16_lossy(&units)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the text came from winhttp and is not used again.
            let _ = unsafe { GlobalFree(self.0.cast()) };
        }
        self.0 = null_mut();
    }
}
