//! The registry: texts and numbers by name.

#![expect(unsafe_code, reason = "calls of advapi32 on keys of the registry")]

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{ERROR_FILE_NOT_FOUND, ERROR_SUCCESS};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY, KEY_WRITE, REG_DWORD,
    REG_OPTION_NON_VOLATILE, REG_SZ, RRF_RT_REG_DWORD, RRF_RT_REG_SZ, RegCloseKey, RegCreateKeyExW,
    RegDeleteValueW, RegEnumValueW, RegGetValueW, RegOpenKeyExW, RegSetValueExW,
};

use super::SystemError;
use super::certificate::Owner;
use super::text::{narrow, wide};

/// Longest text and longest name of a value that are read, in UTF-16 units.
const LONGEST_TEXT: usize = 8192;
const LONGEST_NAME: usize = 256;

/// Which of the two views on a 64-bit Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// That of this program.
    Own,
    /// That of 64-bit programs, where policies are read.
    Wide,
}

/// An open key.
pub(crate) struct RegistryKey(HKEY);

impl RegistryKey {
    /// Opens a key for reading; `None` where there is none.
    pub(crate) fn open(owner: Owner, path: &str, view: View) -> Option<Self> {
        let path = wide(path);
        let mut key = null_mut();
        // SAFETY: the path ends with a zero.
        let status = unsafe {
            RegOpenKeyExW(
                root(owner),
                path.as_ptr(),
                0,
                KEY_READ | bits(view),
                &raw mut key,
            )
        };
        (status == ERROR_SUCCESS).then(|| Self(key))
    }

    /// Opens a key for writing, or makes it.
    pub(crate) fn create(owner: Owner, path: &str, view: View) -> Result<Self, SystemError> {
        let path = wide(path);
        let mut key = null_mut();
        // SAFETY: the path ends with a zero; null: no class and the usual rights.
        let status = unsafe {
            RegCreateKeyExW(
                root(owner),
                path.as_ptr(),
                0,
                null(),
                REG_OPTION_NON_VOLATILE,
                KEY_READ | KEY_WRITE | bits(view),
                null(),
                &raw mut key,
                null_mut(),
            )
        };
        check("RegCreateKeyEx", status)?;
        Ok(Self(key))
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let name = wide(name);
        let mut buffer = vec![0_u16; LONGEST_TEXT];
        let mut size = u32::try_from(LONGEST_TEXT * 2).unwrap_or(0);
        // SAFETY: the buffer has room for `size` octets; the call ends what it fills with a zero.
        let status = unsafe {
            RegGetValueW(
                self.0,
                null(),
                name.as_ptr(),
                RRF_RT_REG_SZ,
                null_mut(),
                buffer.as_mut_ptr().cast(),
                &raw mut size,
            )
        };
        (status == ERROR_SUCCESS).then(|| narrow(&buffer))
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let name = wide(name);
        let mut number = 0_u32;
        let mut size = 4;
        // SAFETY: four octets are filled.
        let status = unsafe {
            RegGetValueW(
                self.0,
                null(),
                name.as_ptr(),
                RRF_RT_REG_DWORD,
                null_mut(),
                (&raw mut number).cast(),
                &raw mut size,
            )
        };
        (status == ERROR_SUCCESS).then_some(number)
    }

    /// The names of all values.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for index in 0.. {
            let mut buffer = [0_u16; LONGEST_NAME];
            let mut size = u32::try_from(LONGEST_NAME).unwrap_or(0);
            // SAFETY: the buffer has room for `size` units; type and data are not asked for.
            let status = unsafe {
                RegEnumValueW(
                    self.0,
                    index,
                    buffer.as_mut_ptr(),
                    &raw mut size,
                    null(),
                    null_mut(),
                    null_mut(),
                    null_mut(),
                )
            };
            if status != ERROR_SUCCESS {
                break;
            }
            names.push(narrow(&buffer));
        }
        names
    }

    /// Writes a text.
    pub(crate) fn set_text(&self, name: &str, text: &str) -> Result<(), SystemError> {
        let octets: Vec<u8> = wide(text).into_iter().flat_map(u16::to_le_bytes).collect();
        self.set(name, REG_SZ, &octets)
    }

    /// Writes a number.
    pub(crate) fn set_number(&self, name: &str, number: u32) -> Result<(), SystemError> {
        self.set(name, REG_DWORD, &number.to_le_bytes())
    }

    /// Removes a value; that there is none is no error.
    pub(crate) fn remove(&self, name: &str) -> Result<(), SystemError> {
        let name = wide(name);
        // SAFETY: the name ends with a zero.
        let status = unsafe { RegDeleteValueW(self.0, name.as_ptr()) };
        match status {
            ERROR_FILE_NOT_FOUND => Ok(()),
            status => check("RegDeleteValue", status),
        }
    }

    fn set(&self, name: &str, kind: u32, octets: &[u8]) -> Result<(), SystemError> {
        let name = wide(name);
        let size = u32::try_from(octets.len()).unwrap_or(0);
        // SAFETY: the octets are copied.
        let status =
            unsafe { RegSetValueExW(self.0, name.as_ptr(), 0, kind, octets.as_ptr(), size) };
        check("RegSetValueEx", status)
    }
}

impl Drop for RegistryKey {
    fn drop(&mut self) {
        // SAFETY: the key is open and is not used again.
        let _ = unsafe { RegCloseKey(self.0) };
    }
}

const fn root(owner: Owner) -> HKEY {
    match owner {
        Owner::Machine => HKEY_LOCAL_MACHINE,
        Owner::User => HKEY_CURRENT_USER,
    }
}

const fn bits(view: View) -> u32 {
    match view {
        View::Own => 0,
        View::Wide => KEY_WOW64_64KEY,
    }
}

fn check(call: &'static str, status: u32) -> Result<(), SystemError> {
    if status == ERROR_SUCCESS {
        return Ok(());
    }
    Err(SystemError { call, code: status })
}
