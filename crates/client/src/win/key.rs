//! A key of this user: where it lies, with what it signs (`TerminalKey`).
//!
//! Keys are opened for each signature and closed again: a handle that is held would keep stores from being written, and
//! a protected key asks the person at each use anyway. Which interface serves a key is found by opening it, not
//! by what the certificate says: CNG also opens the containers of Microsoft's CAPI providers and then signs with PSS,
//! which CAPI cannot.

use std::sync::Arc;

use tegata_pki::digest::{DigestAlgorithm, Hasher, sha256};
use tegata_pki::key::{KeyAlgorithm, PublicKey};

use super::sys::SystemError;
use super::sys::capi::{Container, Prompt};
use super::sys::certificate::KeyLocation;
use super::sys::cng::{Key, Padding, Provider};
use crate::key_blob;
use crate::ports::{KeyPlace, Scheme, StoreError, TerminalKey};

/// The provider of CNG keys in software.
pub(super) const SOFTWARE_PROVIDER: &str = "Microsoft Software Key Storage Provider";
/// The provider of keys in the module of the machine (TPM).
pub(super) const HARDWARE_PROVIDER: &str = "Microsoft Platform Crypto Provider";
/// The CAPI provider that knows SHA-256.
pub(super) const CAPI_PROVIDER: &str = "Microsoft Enhanced RSA and AES Cryptographic Provider";
/// Its type.
pub(super) const PROV_RSA_AES: u32 = 24;
const PROV_RSA_FULL: u32 = 1;
/// The two keys of a container.
pub(super) const AT_KEYEXCHANGE: u32 = 1;
const AT_SIGNATURE: u32 = 2;
/// Flags of `UI Policy`: the person is asked at each use.
const UI_PROTECTED: u32 = 1 | 2;

/// A call that must not open a window would have opened one.
const NTE_SILENT_CONTEXT: u32 = 0x8009_0022;
const NTE_USER_CANCELLED: u32 = 0x8009_0036;
const NTE_PERM: u32 = 0x8009_0010;
const SCARD_W_CANCELLED_BY_USER: u32 = 0x8010_006e;
const ERROR_ACCESS_DENIED: u32 = 5;
const ERROR_CANCELLED: u32 = 1223;
const E_ACCESSDENIED: u32 = 0x8007_0005;

/// A key of this user.
pub(super) struct WindowsKey {
    location: KeyLocation,
    public: PublicKey,
    interface: Interface,
}

/// Which interface opens the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interface {
    Capi,
    Cng,
}

impl WindowsKey {
    /// The key at this place, where one can be opened there.
    pub(super) fn find(location: &KeyLocation, public: &PublicKey) -> Option<Arc<Self>> {
        let interface = if open_cng(location, Prompt::Forbidden).is_ok() {
            Interface::Cng
        } else if location.kind != 0 && open_capi(location, Prompt::Forbidden).is_ok() {
            Interface::Capi
        } else {
            return None;
        };
        Some(Arc::new(Self {
            location: location.clone(),
            public: public.clone(),
            interface,
        }))
    }
}

impl TerminalKey for WindowsKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Vec<Scheme> {
        match (self.public.algorithm(), self.interface) {
            (KeyAlgorithm::P256, Interface::Cng) => vec![Scheme::EcdsaP256Sha256],
            (KeyAlgorithm::P384, Interface::Cng) => vec![Scheme::EcdsaP384Sha384],
            (_, Interface::Cng) => vec![Scheme::RsaPssSha256, Scheme::RsaPkcs1Sha256],
            (_, Interface::Capi) => vec![Scheme::RsaPkcs1Sha256],
        }
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, StoreError> {
        if !self.schemes().contains(&scheme) {
            return Err(StoreError::Scheme);
        }
        if self.interface == Interface::Capi {
            let container = open_capi(&self.location, Prompt::Allowed).map_err(refusal)?;
            let spec = spec(&container, &self.location).map_err(refusal)?;
            return container.sign_sha256(spec, message).map_err(refusal);
        }
        let key = open_cng(&self.location, Prompt::Allowed).map_err(refusal)?;
        let sign = |padding, digest: &[u8]| key.sign(padding, digest).map_err(refusal);
        match scheme {
            Scheme::RsaPkcs1Sha256 => sign(Padding::Pkcs1Sha256, &sha256(message)),
            Scheme::RsaPssSha256 => sign(Padding::PssSha256, &sha256(message)),
            Scheme::EcdsaP256Sha256 => der(&sign(Padding::None, &sha256(message))?),
            Scheme::EcdsaP384Sha384 => {
                let mut hasher = Hasher::new(DigestAlgorithm::Sha384);
                hasher.update(message);
                der(&sign(Padding::None, hasher.finish().as_ref())?)
            }
        }
    }
}

/// Where a key lies; `None` where the certificate names a key that cannot be opened.
pub(super) fn place(location: &KeyLocation) -> Option<KeyPlace> {
    if location.provider.eq_ignore_ascii_case(HARDWARE_PROVIDER) {
        return Some(KeyPlace::Hardware);
    }
    if let Ok(key) = open_cng(location, Prompt::Forbidden) {
        let flags = key.number("UI Policy").unwrap_or_default();
        return Some(if flags & UI_PROTECTED == 0 {
            KeyPlace::Software
        } else {
            KeyPlace::SoftwareProtected
        });
    }
    if location.kind == 0 {
        return None;
    }
    let found =
        open_capi(location, Prompt::Forbidden).and_then(|container| spec(&container, location));
    match found {
        Ok(_) => Some(KeyPlace::Software),
        Err(error) if error.code == NTE_SILENT_CONTEXT => Some(KeyPlace::SoftwareProtected),
        Err(_) => None,
    }
}

/// Deletes the key at this place; that there is none is no error.
pub(super) fn delete(location: &KeyLocation) -> Result<(), StoreError> {
    if location.kind != 0 {
        let Ok(container) = open_capi(location, Prompt::Forbidden) else {
            return Ok(());
        };
        drop(container);
        return Container::delete(location).map_err(refusal);
    }
    match open_cng(location, Prompt::Forbidden) {
        Ok(key) => key.delete().map_err(refusal),
        Err(_) => Ok(()),
    }
}

/// How a failed call looks to the controller.
pub(super) fn refusal(error: SystemError) -> StoreError {
    match error.code {
        NTE_USER_CANCELLED | SCARD_W_CANCELLED_BY_USER | ERROR_CANCELLED => StoreError::Declined,
        NTE_PERM | ERROR_ACCESS_DENIED | E_ACCESSDENIED => StoreError::Denied(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}

/// Opens by CNG, also the containers of Microsoft's CAPI providers.
fn open_cng(location: &KeyLocation, prompt: Prompt) -> Result<Key, SystemError> {
    let provider = match location.kind {
        0 => &location.provider,
        _ if is_of_microsoft(location) => SOFTWARE_PROVIDER,
        _ => {
            return Err(SystemError {
                call: "NCryptOpenKey",
                code: NTE_PERM,
            });
        }
    };
    Provider::open(provider)?.key(
        &location.container,
        location.spec,
        location.is_machine,
        prompt,
    )
}

/// Opens by CAPI. The older of Microsoft's providers lack SHA-256; the newer one opens their containers.
fn open_capi(location: &KeyLocation, prompt: Prompt) -> Result<Container, SystemError> {
    if location.kind == PROV_RSA_FULL && is_of_microsoft(location) {
        let newer = KeyLocation {
            provider: CAPI_PROVIDER.to_owned(),
            kind: PROV_RSA_AES,
            ..location.clone()
        };
        if let Ok(container) = Container::open(&newer, prompt) {
            return Ok(container);
        }
    }
    Container::open(location, prompt)
}

/// Which of the two keys of a container is meant. Some importers name both; then it is the one that is there.
fn spec(container: &Container, location: &KeyLocation) -> Result<u32, SystemError> {
    let named = location.spec;
    match container.find_key(named) {
        Ok(()) => Ok(named),
        Err(error) if matches!(named, AT_KEYEXCHANGE | AT_SIGNATURE) => Err(error),
        Err(error) => [AT_KEYEXCHANGE, AT_SIGNATURE]
            .into_iter()
            .find(|&spec| container.find_key(spec).is_ok())
            .ok_or(error),
    }
}

/// Whether one of Microsoft's own CAPI providers has the key. No name means the usual one.
fn is_of_microsoft(location: &KeyLocation) -> bool {
    location.provider.is_empty() || location.provider.starts_with("Microsoft ")
}

fn der(signature: &[u8]) -> Result<Vec<u8>, StoreError> {
    key_blob::ecdsa_der(signature).map_err(|error| StoreError::Failed(error.to_string()))
}
