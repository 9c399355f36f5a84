//! CNG: keys of the newer kind of provider, in software or in a module.

#![expect(unsafe_code, reason = "calls of ncrypt that open providers and keys")]

use std::ptr::null;

use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_PKCS1_PADDING_INFO, BCRYPT_PSS_PADDING_INFO, BCRYPT_SHA256_ALGORITHM,
    NCRYPT_MACHINE_KEY_FLAG, NCRYPT_OVERWRITE_KEY_FLAG, NCRYPT_PAD_PKCS1_FLAG, NCRYPT_PAD_PSS_FLAG,
    NCRYPT_PERSIST_FLAG, NCRYPT_SILENT_FLAG, NCryptCreatePersistedKey, NCryptDeleteKey,
    NCryptExportKey, NCryptFinalizeKey, NCryptFreeObject, NCryptGetProperty, NCryptOpenKey,
    NCryptOpenStorageProvider, NCryptSetProperty, NCryptSignHash,
};

use super::SystemError;
use super::capi::Prompt;
use super::text::wide;

/// Longest signature of a key that is in use anywhere.
const LONGEST_SIGNATURE: usize = 2048;
/// Octets of salt of a PSS signature with SHA-256 (RFC 8446 §4.2.3).
const PSS_SALT: u32 = 32;

/// How a digest is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    /// None: ECDSA.
    None,
    /// PKCS#1 v1.5 with SHA-256.
    Pkcs1Sha256,
    /// PSS with SHA-256.
    PssSha256,
}

/// An open provider.
pub(crate) struct Provider(usize);

impl Provider {
    /// Opens the provider of this name.
    pub(crate) fn open(name: &str) -> Result<Self, SystemError> {
        let name = wide(name);
        let mut handle = 0;
        // SAFETY: the name ends with a zero and lives until the call returns.
        let status = unsafe { NCryptOpenStorageProvider(&raw mut handle, name.as_ptr(), 0) };
        SystemError::check_status("NCryptOpenStorageProvider", status)?;
        Ok(Self(handle))
    }

    /// Whether the provider has this property, whatever its value.
    pub(crate) fn has_property(&self, property: &str) -> bool {
        let property = wide(property);
        let mut size = 0;
        // SAFETY: the provider is open; only the size is asked for.
        let status = unsafe {
            NCryptGetProperty(
                self.0,
                property.as_ptr(),
                std::ptr::null_mut(),
                0,
                &raw mut size,
                NCRYPT_SILENT_FLAG,
            )
        };
        status == 0 && size > 0
    }

    /// Opens a key. `spec` is not zero for a key of a CAPI container.
    pub(crate) fn key(
        &self,
        name: &str,
        spec: u32,
        is_machine: bool,
        prompt: Prompt,
    ) -> Result<Key, SystemError> {
        let name = wide(name);
        let mut flags = if is_machine {
            NCRYPT_MACHINE_KEY_FLAG
        } else {
            0
        };
        if prompt == Prompt::Forbidden {
            flags |= NCRYPT_SILENT_FLAG;
        }
        let mut handle = 0;
        // SAFETY: the provider is open; the name ends with a zero.
        let status = unsafe { NCryptOpenKey(self.0, &raw mut handle, name.as_ptr(), spec, flags) };
        SystemError::check_status("NCryptOpenKey", status)?;
        Ok(Key(handle))
    }

    /// Begins a key that will be kept under this name, over one that has it. It exists after [`Key::finish`].
    pub(crate) fn new_key(&self, algorithm: &str, name: &str) -> Result<Key, SystemError> {
        let (algorithm, name) = (wide(algorithm), wide(name));
        let mut handle = 0;
        // SAFETY: the provider is open; both names end with a zero.
        let status = unsafe {
            NCryptCreatePersistedKey(
                self.0,
                &raw mut handle,
                algorithm.as_ptr(),
                name.as_ptr(),
                0,
                NCRYPT_OVERWRITE_KEY_FLAG,
            )
        };
        SystemError::check_status("NCryptCreatePersistedKey", status)?;
        Ok(Key(handle))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again.
        let _ = unsafe { NCryptFreeObject(self.0) };
    }
}

/// An open key.
pub(crate) struct Key(usize);

impl Key {
    /// Sets a property that is kept with the key.
    pub(crate) fn set_kept(&self, property: &str, value: &[u8]) -> Result<(), SystemError> {
        self.set(property, value, NCRYPT_PERSIST_FLAG)
    }

    /// Sets a property of this handle; before [`Self::finish`] also a whole private key.
    pub(crate) fn set_here(&self, property: &str, value: &[u8]) -> Result<(), SystemError> {
        self.set(property, value, 0)
    }

    /// Makes or imports the key.
    pub(crate) fn finish(&self) -> Result<(), SystemError> {
        // SAFETY: the key is open.
        let status = unsafe { NCryptFinalizeKey(self.0, NCRYPT_SILENT_FLAG) };
        SystemError::check_status("NCryptFinalizeKey", status)
    }

    /// The public half in the form of this name.
    pub(crate) fn public_half(&self, form: &str) -> Result<Vec<u8>, SystemError> {
        let form = wide(form);
        let mut octets = vec![0; LONGEST_SIGNATURE + 64];
        let mut size = 0;
        // SAFETY: the key is open; the buffer has the room that is told.
        let status = unsafe {
            NCryptExportKey(
                self.0,
                0,
                form.as_ptr(),
                null(),
                octets.as_mut_ptr(),
                u32::try_from(octets.len()).unwrap_or(0),
                &raw mut size,
                NCRYPT_SILENT_FLAG,
            )
        };
        SystemError::check_status("NCryptExportKey", status)?;
        octets.truncate(size as usize);
        Ok(octets)
    }

    /// The first number of a property, such as the flags of `UI Policy`.
    pub(crate) fn number(&self, property: &str) -> Option<u32> {
        let property = wide(property);
        let mut octets = [0_u8; 512];
        let mut size = 0;
        // SAFETY: the key is open; the buffer has the room that is told.
        let status = unsafe {
            NCryptGetProperty(
                self.0,
                property.as_ptr(),
                octets.as_mut_ptr(),
                512,
                &raw mut size,
                NCRYPT_SILENT_FLAG,
            )
        };
        let first = octets.first_chunk::<4>();
        first
            .filter(|_| status == 0 && size >= 4)
            .map(|octets| u32::from_ne_bytes(*octets))
    }

    /// Signs a digest.
    pub(crate) fn sign(&self, padding: Padding, digest: &[u8]) -> Result<Vec<u8>, SystemError> {
        let pkcs1 = BCRYPT_PKCS1_PADDING_INFO {
            pszAlgId: BCRYPT_SHA256_ALGORITHM,
        };
        let pss = BCRYPT_PSS_PADDING_INFO {
            pszAlgId: BCRYPT_SHA256_ALGORITHM,
            cbSalt: PSS_SALT,
        };
        let (info, flags) = match padding {
            Padding::None => (null(), 0),
            Padding::Pkcs1Sha256 => ((&raw const pkcs1).cast(), NCRYPT_PAD_PKCS1_FLAG),
            Padding::PssSha256 => ((&raw const pss).cast(), NCRYPT_PAD_PSS_FLAG),
        };
        let mut signature = vec![0; LONGEST_SIGNATURE];
        let mut size = 0;
        // SAFETY: the key is open; `info` is null or belongs to the flag; both buffers have the lengths that are told.
        let status = unsafe {
            NCryptSignHash(
                self.0,
                info,
                digest.as_ptr(),
                u32::try_from(digest.len()).unwrap_or(0),
                signature.as_mut_ptr(),
                u32::try_from(signature.len()).unwrap_or(0),
                &raw mut size,
                flags,
            )
        };
        SystemError::check_status("NCryptSignHash", status)?;
        signature.truncate(size as usize);
        Ok(signature)
    }

    /// Deletes the key for good.
    pub(crate) fn delete(self) -> Result<(), SystemError> {
        let key = std::mem::ManuallyDrop::new(self);
        // SAFETY: the key is open; the call frees the handle, which is not used again.
        let status = unsafe { NCryptDeleteKey(key.0, NCRYPT_SILENT_FLAG) };
        SystemError::check_status("NCryptDeleteKey", status)
    }

    fn set(&self, property: &str, value: &[u8], flags: u32) -> Result<(), SystemError> {
        let property = wide(property);
        // SAFETY: the key is open; the value is only read.
        let status = unsafe {
            NCryptSetProperty(
                self.0,
                property.as_ptr(),
                value.as_ptr(),
                u32::try_from(value.len()).unwrap_or(0),
                flags | NCRYPT_SILENT_FLAG,
            )
        };
        SystemError::check_status("NCryptSetProperty", status)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again; the key itself stays.
        let _ = unsafe { NCryptFreeObject(self.0) };
    }
}
