//! CAPI: RSA keys of the older kind of provider.

#![expect(
    unsafe_code,
    reason = "calls of advapi32 that open providers, keys and hashes"
)]

use std::ptr::null;

use windows_sys::Win32::Security::Cryptography::{
    CALG_SHA_256, CRYPT_DELETEKEYSET, CRYPT_MACHINE_KEYSET, CRYPT_NEWKEYSET, CRYPT_SILENT,
    CryptAcquireContextW, CryptCreateHash, CryptDestroyHash, CryptDestroyKey, CryptGetUserKey,
    CryptHashData, CryptImportKey, CryptReleaseContext, CryptSignHashW,
};

use super::SystemError;
use super::certificate::KeyLocation;
use super::text::wide;

/// Longest signature of an RSA key that is in use anywhere (16384 bits).
const LONGEST_SIGNATURE: usize = 2048;

/// Whether a call may open a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    /// The system may ask the person.
    Allowed,
    /// The call fails instead.
    Forbidden,
}

/// An open key container.
pub(crate) struct Container(usize);

impl Container {
    /// Opens the container of a key.
    pub(crate) fn open(location: &KeyLocation, prompt: Prompt) -> Result<Self, SystemError> {
        let flags = match prompt {
            Prompt::Allowed => 0,
            Prompt::Forbidden => CRYPT_SILENT,
        };
        Self::acquire(location, flags)
    }

    /// Makes an empty container; one of that name is emptied first.
    pub(crate) fn create(location: &KeyLocation) -> Result<Self, SystemError> {
        let _ = Self::delete(location);
        Self::acquire(location, CRYPT_NEWKEYSET | CRYPT_SILENT)
    }

    /// Deletes a container with its keys.
    pub(crate) fn delete(location: &KeyLocation) -> Result<(), SystemError> {
        let deleted = Self::acquire(location, CRYPT_DELETEKEYSET | CRYPT_SILENT)?;
        // The call leaves nothing that could be released.
        std::mem::forget(deleted);
        Ok(())
    }

    /// Puts a `PRIVATEKEYBLOB` into it, not exportable.
    pub(crate) fn import(&self, blob: &[u8]) -> Result<(), SystemError> {
        let mut key = 0;
        let length = u32::try_from(blob.len()).unwrap_or(u32::MAX);
        // SAFETY: the provider is open and only reads the blob. No flag: the key cannot be exported.
        let answer = unsafe { CryptImportKey(self.0, blob.as_ptr(), length, 0, 0, &raw mut key) };
        SystemError::check("CryptImportKey", answer)?;
        drop(Key(key));
        Ok(())
    }

    /// Whether it has the key of this kind, asked without a window where it was opened so.
    pub(crate) fn find_key(&self, spec: u32) -> Result<(), SystemError> {
        let mut key = 0;
        // SAFETY: the provider is open.
        let answer = unsafe { CryptGetUserKey(self.0, spec, &raw mut key) };
        SystemError::check("CryptGetUserKey", answer)?;
        drop(Key(key));
        Ok(())
    }

    /// Signs a message with PKCS#1 v1.5 and SHA-256; big-endian as in TLS.
    pub(crate) fn sign_sha256(&self, spec: u32, message: &[u8]) -> Result<Vec<u8>, SystemError> {
        let mut hash = 0;
        // SAFETY: the provider is open.
        let answer = unsafe { CryptCreateHash(self.0, CALG_SHA_256, 0, 0, &raw mut hash) };
        SystemError::check("CryptCreateHash", answer)?;
        let hash = Hash(hash);
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        // SAFETY: the hash is open and only reads the message.
        let answer = unsafe { CryptHashData(hash.0, message.as_ptr(), length, 0) };
        SystemError::check("CryptHashData", answer)?;
        let mut signature = vec![0; LONGEST_SIGNATURE];
        let mut size = u32::try_from(signature.len()).unwrap_or(0);
        // SAFETY: the buffer has room for `size` octets.
        let answer = unsafe {
            CryptSignHashW(
                hash.0,
                spec,
                null(),
                0,
                signature.as_mut_ptr(),
                &raw mut size,
            )
        };
        SystemError::check("CryptSignHash", answer)?;
        signature.truncate(size as usize);
        signature.reverse();
        Ok(signature)
    }

    fn acquire(location: &KeyLocation, flags: u32) -> Result<Self, SystemError> {
        let container = wide(&location.container);
        let provider = wide(&location.provider);
        let place = if location.is_machine {
            CRYPT_MACHINE_KEYSET
        } else {
            0
        };
        // A certificate that names no provider means the usual one of its type.
        let provider = if location.provider.is_empty() {
            null()
        } else {
            provider.as_ptr()
        };
        let mut handle = 0;
        // SAFETY: both names end with a zero and live until the call returns.
        let answer = unsafe {
            CryptAcquireContextW(
                &raw mut handle,
                container.as_ptr(),
                provider,
                location.kind,
                flags | place,
            )
        };
        SystemError::check("CryptAcquireContext", answer)?;
        Ok(Self(handle))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again.
        let _ = unsafe { CryptReleaseContext(self.0, 0) };
    }
}

struct Key(usize);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again; the key itself stays.
        let _ = unsafe { CryptDestroyKey(self.0) };
    }
}

struct Hash(usize);

impl Drop for Hash {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again.
        let _ = unsafe { CryptDestroyHash(self.0) };
    }
}
