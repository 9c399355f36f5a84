//! The system's certificate stores.
//!
//! Some systems write a store to the disk only when it is committed and no context of it is open any more. So a
//! change is made by [`Store::change`], which ends with the commit, and no context outlives the call that made it.

#![expect(unsafe_code, reason = "calls of crypt32 that change and read stores")]

use std::ptr::{null, null_mut};

use windows_sys::Win32::Security::Cryptography::{
    CERT_CONTEXT, CERT_FRIENDLY_NAME_PROP_ID, CERT_KEY_PROV_INFO_PROP_ID,
    CERT_STORE_ADD_REPLACE_EXISTING, CERT_STORE_CTRL_COMMIT, CERT_STORE_OPEN_EXISTING_FLAG,
    CERT_STORE_PROV_SYSTEM_W, CERT_STORE_READONLY_FLAG, CERT_SYSTEM_STORE_CURRENT_USER_ID,
    CERT_SYSTEM_STORE_LOCAL_MACHINE_ID, CERT_SYSTEM_STORE_LOCATION_SHIFT, CRYPT_INTEGER_BLOB,
    CRYPT_KEY_PROV_INFO, CRYPT_MACHINE_KEYSET, CertAddCertificateContextToStore, CertCloseStore,
    CertControlStore, CertCreateCertificateContext, CertDeleteCertificateFromStore,
    CertDuplicateCertificateContext, CertEnumCertificatesInStore, CertFreeCertificateContext,
    CertGetCertificateContextProperty, CertOpenStore, CertSetCertificateContextProperty,
    HCERTSTORE, X509_ASN_ENCODING,
};

use super::SystemError;
use super::text::wide;

/// Whose stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// All users of this machine.
    Machine,
    /// This user.
    User,
}

/// What is done with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// Where a key lies, as a certificate of the store says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyLocation {
    /// Name of the key or key container.
    pub(crate) container: String,
    /// Name of the provider.
    pub(crate) provider: String,
    /// Type of a CAPI provider, zero for CNG.
    pub(crate) kind: u32,
    /// `AT_KEYEXCHANGE`, `AT_SIGNATURE`, zero for CNG.
    pub(crate) spec: u32,
    /// Whether the key belongs to the machine and not to the user.
    pub(crate) is_machine: bool,
}

/// A certificate as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// DER.
    pub(crate) der: Vec<u8>,
    /// Where its key lies; none where it has none here.
    pub(crate) key: Option<KeyLocation>,
}

/// An open store.
pub(crate) struct Store(HCERTSTORE);

impl Store {
    /// What is in the store of this name (`MY`, `CA`, `ROOT`); empty where there is no such store.
    pub(crate) fn entries(owner: Owner, name: &str) -> Vec<Entry> {
        let Ok(store) = Self::open(owner, name, Access::Read) else {
            return Vec::new();
        };
        let mut entries = Vec::new();
        store.each(|context| {
            entries.push(Entry {
                der: context.der(),
                key: context.key(),
            });
        });
        entries
    }

    /// Adds a certificate, over one that is the same, and writes the store to the disk.
    pub(crate) fn add(
        owner: Owner,
        name: &str,
        der: &[u8],
        key: Option<(&KeyLocation, &str)>,
    ) -> Result<(), SystemError> {
        let store = Self::open(owner, name, Access::Write)?;
        {
            let context = Context::from_der(der)?;
            if let Some((location, friendly_name)) = key {
                context.set_key(location)?;
                context.set_friendly_name(friendly_name)?;
            }
            // SAFETY: both handles are open; no new context is asked for.
            let answer = unsafe {
                CertAddCertificateContextToStore(
                    store.0,
                    context.0,
                    CERT_STORE_ADD_REPLACE_EXISTING,
                    null_mut(),
                )
            };
            SystemError::check("CertAddCertificateContextToStore", answer)?;
        }
        store.commit()
    }

    /// Removes exactly the certificate with these octets and answers where its key lies. `None`: it was not there.
    pub(crate) fn remove(
        owner: Owner,
        name: &str,
        der: &[u8],
    ) -> Result<Option<Option<KeyLocation>>, SystemError> {
        let store = Self::open(owner, name, Access::Write)?;
        let mut found = None;
        store.each(|context| {
            if found.is_none() && context.der() == der {
                found = Some(context.duplicate());
            }
        });
        let Some(context) = found else {
            return Ok(None);
        };
        let key = context.key();
        context.delete()?;
        store.commit()?;
        Ok(Some(key))
    }

    fn open(owner: Owner, name: &str, access: Access) -> Result<Self, SystemError> {
        let place = match owner {
            Owner::Machine => CERT_SYSTEM_STORE_LOCAL_MACHINE_ID,
            Owner::User => CERT_SYSTEM_STORE_CURRENT_USER_ID,
        };
        let mut flags = place << CERT_SYSTEM_STORE_LOCATION_SHIFT;
        if access == Access::Read {
            flags |= CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG;
        }
        let name = wide(name);
        // SAFETY: the name ends with a zero and lives until the call returns.
        let handle =
            unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, flags, name.as_ptr().cast()) };
        if handle.is_null() {
            return Err(SystemError::last("CertOpenStore"));
        }
        Ok(Self(handle))
    }

    fn each(&self, mut look: impl FnMut(&Context)) {
        let mut previous: *const CERT_CONTEXT = null();
        loop {
            // SAFETY: the store is open; the call takes the previous context over and frees it.
            let next = unsafe { CertEnumCertificatesInStore(self.0, previous) };
            if next.is_null() {
                return;
            }
            let context = std::mem::ManuallyDrop::new(Context(next));
            look(&context);
            previous = next;
        }
    }

    fn commit(&self) -> Result<(), SystemError> {
        // SAFETY: the store is open; a commit takes no parameter.
        let answer = unsafe { CertControlStore(self.0, 0, CERT_STORE_CTRL_COMMIT, null()) };
        SystemError::check("CertControlStore", answer)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: the handle is open and is not used again.
        let _ = unsafe { CertCloseStore(self.0, 0) };
    }
}

/// A certificate context. Never leaves this module.
struct Context(*const CERT_CONTEXT);

impl Context {
    fn from_der(der: &[u8]) -> Result<Self, SystemError> {
        // SAFETY: the octets are copied by the call.
        let context =
            unsafe { CertCreateCertificateContext(X509_ASN_ENCODING, der.as_ptr(), length(der)) };
        if context.is_null() {
            return Err(SystemError::last("CertCreateCertificateContext"));
        }
        Ok(Self(context))
    }

    fn duplicate(&self) -> Self {
        // SAFETY: the context is open; the call counts one more owner.
        Self(unsafe { CertDuplicateCertificateContext(self.0) })
    }

    fn der(&self) -> Vec<u8> {
        // SAFETY: an open context has valid octets of the length it says.
        unsafe {
            let context = &*self.0;
            std::slice::from_raw_parts(context.pbCertEncoded, context.cbCertEncoded as usize)
                .to_vec()
        }
    }

    fn key(&self) -> Option<KeyLocation> {
        let mut size = 0;
        // SAFETY: asks for the size alone.
        let answer = unsafe {
            CertGetCertificateContextProperty(
                self.0,
                CERT_KEY_PROV_INFO_PROP_ID,
                null_mut(),
                &raw mut size,
            )
        };
        if answer == 0 || (size as usize) < size_of::<CRYPT_KEY_PROV_INFO>() {
            return None;
        }
        // The structure begins the buffer, so the buffer is aligned as for pointers.
        let mut buffer = vec![0_usize; (size as usize).div_ceil(size_of::<usize>())];
        // SAFETY: the buffer has room for `size` octets.
        let answer = unsafe {
            CertGetCertificateContextProperty(
                self.0,
                CERT_KEY_PROV_INFO_PROP_ID,
                buffer.as_mut_ptr().cast(),
                &raw mut size,
            )
        };
        if answer == 0 {
            return None;
        }
        // SAFETY: the call filled the aligned buffer with this structure, whose texts lie in the same buffer.
        unsafe {
            let info = &*buffer.as_ptr().cast::<CRYPT_KEY_PROV_INFO>();
            Some(KeyLocation {
                container: text_at(info.pwszContainerName),
                provider: text_at(info.pwszProvName),
                kind: info.dwProvType,
                spec: info.dwKeySpec,
                is_machine: info.dwFlags & CRYPT_MACHINE_KEYSET != 0,
            })
        }
    }

    fn set_key(&self, location: &KeyLocation) -> Result<(), SystemError> {
        let mut container = wide(&location.container);
        let mut provider = wide(&location.provider);
        let info = CRYPT_KEY_PROV_INFO {
            pwszContainerName: container.as_mut_ptr(),
            pwszProvName: provider.as_mut_ptr(),
            dwProvType: location.kind,
            dwFlags: if location.is_machine {
                CRYPT_MACHINE_KEYSET
            } else {
                0
            },
            cProvParam: 0,
            rgProvParam: null_mut(),
            dwKeySpec: location.spec,
        };
        self.set(CERT_KEY_PROV_INFO_PROP_ID, (&raw const info).cast())
    }

    fn set_friendly_name(&self, name: &str) -> Result<(), SystemError> {
        let mut name = wide(name);
        let blob = CRYPT_INTEGER_BLOB {
            cbData: u32::try_from(name.len() * 2).unwrap_or(u32::MAX),
            pbData: name.as_mut_ptr().cast(),
        };
        self.set(CERT_FRIENDLY_NAME_PROP_ID, (&raw const blob).cast())
    }

    fn set(&self, property: u32, value: *const std::ffi::c_void) -> Result<(), SystemError> {
        // SAFETY: the context is open; the callers above pass the structure that belongs to the property.
        let answer = unsafe { CertSetCertificateContextProperty(self.0, property, 0, value) };
        SystemError::check("CertSetCertificateContextProperty", answer)
    }

    fn delete(self) -> Result<(), SystemError> {
        let context = std::mem::ManuallyDrop::new(self);
        // SAFETY: the call frees the context, which is not used again.
        let answer = unsafe { CertDeleteCertificateFromStore(context.0) };
        SystemError::check("CertDeleteCertificateFromStore", answer)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context is open and is not used again.
        let _ = unsafe { CertFreeCertificateContext(self.0) };
    }
}

/// The text at a pointer, empty for a null one.
///
/// # Safety
///
/// The pointer is null or leads to units that end with a zero.
unsafe fn text_at(pointer: *const u16) -> String {
    if pointer.is_null() {
        return String::new();
    }
    let mut length = 0;
    // SAFETY: no unit past the zero is read.
    unsafe {
        while *pointer.add(length) != 0 {
            length += 1;
        }
        String::from_utf16_lossy(std::slice::from_raw_parts(pointer, length))
    }
}

fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap_or(u32::MAX)
}
