//! The program as a whole: which libraries it may load, the one running copy, messages between copies.

#![expect(unsafe_code, reason = "calls of kernel32 and user32 on the process")]

use std::path::PathBuf;
use std::ptr::null;

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ALREADY_EXISTS, GetLastError, HANDLE, WAIT_ABANDONED, WAIT_OBJECT_0,
};
use windows_sys::Win32::NetworkManagement::IpHelper::NotifyAddrChange;
use windows_sys::Win32::System::Com::{COINIT_APARTMENTTHREADED, CoInitializeEx};
use windows_sys::Win32::System::LibraryLoader::{
    GetModuleFileNameW, LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories, SetDllDirectoryW,
};
use windows_sys::Win32::System::RemoteDesktop::{
    NOTIFY_FOR_THIS_SESSION, WTSRegisterSessionNotification,
};
use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;
use windows_sys::Win32::System::Threading::{
    CreateMutexW, GetCurrentProcess, SetProcessWorkingSetSize, WaitForSingleObject,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    AllowSetForegroundWindow, HWND_BROADCAST, PostMessageW, RegisterWindowMessageW,
};

use super::SystemError;
use super::text::{narrow, wide};
use super::window::Window;

/// Any process may come to the front.
const ASFW_ANY: u32 = u32::MAX;

/// Lets libraries be loaded from the folder of Windows alone, whatever lies beside the program or in the folder in
/// which it was started (T72). To be called before anything else.
pub(crate) fn load_only_system_libraries() -> Result<(), SystemError> {
    // SAFETY: both calls only change how this process looks for libraries.
    unsafe {
        let _ = SetDllDirectoryW(wide("").as_ptr());
        let answer = SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
        SystemError::check("SetDefaultDllDirectories", answer)
    }
}

/// Prepares this thread for the system's own dialogs.
pub(crate) fn prepare_for_dialogs() {
    // SAFETY: begins COM on this thread, which keeps it until it ends.
    let _ = unsafe { CoInitializeEx(null(), COINIT_APARTMENTTHREADED.cast_unsigned()) };
}

/// The path of the program.
pub(crate) fn program() -> PathBuf {
    let mut buffer = vec![0_u16; 32768];
    // SAFETY: the buffer has the room that is told; null asks for the program itself.
    let length = unsafe { GetModuleFileNameW(std::ptr::null_mut(), buffer.as_mut_ptr(), 32767) };
    buffer.truncate(length as usize);
    PathBuf::from(narrow(&buffer))
}

/// The folder of Windows' own programs.
pub(crate) fn system_folder() -> PathBuf {
    let mut buffer = vec![0_u16; 1024];
    // SAFETY: the buffer has the room that is told.
    let length = unsafe { GetSystemDirectoryW(buffer.as_mut_ptr(), 1023) };
    buffer.truncate(length as usize);
    PathBuf::from(narrow(&buffer))
}

/// Gives memory back that is not in use now.
pub(crate) fn shrink() {
    // SAFETY: the two highest values ask for exactly this.
    let _ = unsafe { SetProcessWorkingSetSize(GetCurrentProcess(), usize::MAX, usize::MAX) };
}

/// The right to be the one running copy of a name in this session, for as long as it is held.
pub(crate) struct OnlyCopy(HANDLE);

impl OnlyCopy {
    /// Takes the name. `None`: another copy has it.
    pub(crate) fn take(name: &str) -> Result<Option<Self>, SystemError> {
        let copy = Self::open(name)?;
        // SAFETY: reads a value of this thread.
        let is_second = unsafe { GetLastError() } == ERROR_ALREADY_EXISTS;
        Ok((!is_second).then_some(copy))
    }

    /// Waits until no copy has the name. Whether that happened in time.
    pub(crate) fn wait_until_free(name: &str, milliseconds: u32) -> bool {
        let Ok(copy) = Self::open(name) else {
            return false;
        };
        // SAFETY: the handle is open.
        let answer = unsafe { WaitForSingleObject(copy.0, milliseconds) };
        matches!(answer, WAIT_OBJECT_0 | WAIT_ABANDONED)
    }

    fn open(name: &str) -> Result<Self, SystemError> {
        let name = wide(&format!("Local\\{name}"));
        // SAFETY: the name ends with a zero. The first copy owns the mutex until it ends.
        let handle = unsafe { CreateMutexW(null(), 1, name.as_ptr()) };
        if handle.is_null() {
            return Err(SystemError::last("CreateMutex"));
        }
        Ok(Self(handle))
    }
}

impl Drop for OnlyCopy {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again.
        let _ = unsafe { CloseHandle(self.0) };
    }
}

/// The number of a message that all programs with this word share; zero where there are no more numbers.
pub(crate) fn shared_message(word: &str) -> u32 {
    let word = wide(word);
    // SAFETY: the word ends with a zero.
    unsafe { RegisterWindowMessageW(word.as_ptr()) }
}

/// Tells all windows of this session.
pub(crate) fn tell_all(message: u32) {
    // SAFETY: the message carries nothing. The other copy may come to the front, as the person asked us to.
    unsafe {
        let _ = AllowSetForegroundWindow(ASFW_ANY);
        let _ = PostMessageW(HWND_BROADCAST, message, 0, 0);
    }
}

/// Lets a window hear of logon and unlocking (`WM_WTSSESSION_CHANGE`).
pub(crate) fn hear_of_sessions(window: Window) {
    // SAFETY: takes any number as a handle.
    let _ = unsafe { WTSRegisterSessionNotification(window.handle(), NOTIFY_FOR_THIS_SESSION) };
}

/// Waits until the addresses of this machine change. Whether the system can tell.
pub(crate) fn wait_for_network_change() -> bool {
    let mut handle: HANDLE = std::ptr::null_mut();
    // SAFETY: without a second structure the call waits and leaves no handle behind.
    let answer = unsafe { NotifyAddrChange(&raw mut handle, null()) };
    answer == 0
}
