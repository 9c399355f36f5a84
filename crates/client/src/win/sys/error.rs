//! What a call of Windows says when it does not work.

#![expect(unsafe_code, reason = "asks Windows for the last error")]

use windows_sys::Win32::Foundation::GetLastError;

/// A failed call and its code, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: 0x{code:08x}")]
pub(crate) struct SystemError {
    /// The name of the call.
    pub(crate) call: &'static str,
    /// A Win32 error or an HRESULT.
    pub(crate) code: u32,
}

impl SystemError {
    /// The error of the call that just failed on this thread.
    pub(crate) fn last(call: &'static str) -> Self {
        // SAFETY: reads a value of this thread.
        let code = unsafe { GetLastError() };
        Self { call, code }
    }

    /// A call whose answer is true or false.
    pub(crate) fn check(call: &'static str, answer: i32) -> Result<(), Self> {
        if answer == 0 {
            return Err(Self::last(call));
        }
        Ok(())
    }

    /// A call whose answer is a status, zero for good.
    pub(crate) fn check_status(call: &'static str, status: i32) -> Result<(), Self> {
        if status == 0 {
            return Ok(());
        }
        Err(Self {
            call,
            code: status.cast_unsigned(),
        })
    }
}
