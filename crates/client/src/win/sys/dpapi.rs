//! DPAPI: octets that only this user of this machine can open.

#![expect(
    unsafe_code,
    reason = "calls of crypt32 that hand out memory to be freed"
)]

use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};
use zeroize::{Zeroize as _, Zeroizing};

use super::SystemError;

/// Seals octets; `entropy` must be given again to open them.
pub(crate) fn seal(clear: &[u8], entropy: &[u8]) -> Result<Vec<u8>, SystemError> {
    let (clear, entropy) = (blob(clear), blob(entropy));
    let mut sealed = Freed::default();
    // SAFETY: the two blobs live until the call returns; what comes out is owned by `sealed`.
    let answer = unsafe {
        CryptProtectData(
            &raw const clear,
            null(),
            &raw const entropy,
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut sealed.0,
        )
    };
    SystemError::check("CryptProtectData", answer)?;
    Ok(sealed.octets().to_vec())
}

/// Opens what [`seal`] made.
pub(crate) fn open(sealed: &[u8], entropy: &[u8]) -> Result<Zeroizing<Vec<u8>>, SystemError> {
    let (sealed, entropy) = (blob(sealed), blob(entropy));
    let mut clear = Freed::default();
    // SAFETY: as above.
    let answer = unsafe {
        CryptUnprotectData(
            &raw const sealed,
            null_mut(),
            &raw const entropy,
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &raw mut clear.0,
        )
    };
    SystemError::check("CryptUnprotectData", answer)?;
    Ok(Zeroizing::new(clear.octets().to_vec()))
}

/// Memory of the system, wiped and freed when it is dropped.
#[derive(Default)]
struct Freed(CRYPT_INTEGER_BLOB);

impl Freed {
    fn octets(&mut self) -> &mut [u8] {
        if self.0.pbData.is_null() {
            return &mut [];
        }
        // SAFETY: the system handed out this many octets, and nobody else knows them.
        unsafe { std::slice::from_raw_parts_mut(self.0.pbData, self.0.cbData as usize) }
    }
}

impl Drop for Freed {
    fn drop(&mut self) {
        self.octets().zeroize();
        // SAFETY: the memory came from the system and is not used again; null is allowed.
        let _ = unsafe { LocalFree(self.0.pbData.cast()) };
    }
}

/// The octets as the system takes them. It only reads them.
fn blob(octets: &[u8]) -> CRYPT_INTEGER_BLOB {
    CRYPT_INTEGER_BLOB {
        cbData: u32::try_from(octets.len()).unwrap_or(u32::MAX),
        pbData: octets.as_ptr().cast_mut(),
    }
}
