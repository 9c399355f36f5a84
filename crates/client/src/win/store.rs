//! The certificates of this user (`CertificateStore`): the system stores MY, CA and ROOT.
//!
//! Certificates are found by reading all of them and comparing octets; the system's own searches differ between
//! versions. A certificate is changed by its SHA-256 alone (T74).

use std::sync::Arc;

use tegata_domain::id::Fingerprint;
use tegata_pki::certificate::Certificate;
use tegata_pki::digest::sha256;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};

use super::key::{
    self, AT_KEYEXCHANGE, CAPI_PROVIDER, HARDWARE_PROVIDER, PROV_RSA_AES, SOFTWARE_PROVIDER,
    WindowsKey, refusal,
};
use super::sys::SystemError;
use super::sys::capi::{Container, Prompt};
use super::sys::certificate::{Entry, KeyLocation, Owner, Store};
use super::sys::cng::{Key, Provider};
use super::sys::version;
use crate::key_blob::{self, NotImportable};
use crate::ports::{CertificateStore, StoreError, StoredCertificate, TerminalKey};

const MY: &str = "MY";
const CA: &str = "CA";
const ROOT: &str = "ROOT";
/// What the names of our keys begin with.
const KEY_NAME: &str = "mpki-";
/// No chain is longer than this.
const LONGEST_CHAIN: usize = 8;
/// The first build of Windows 10 that reads the modern form of a `.p12` (1709).
const FIRST_MODERN_BUILD: u32 = 16299;
/// No right to export: the value of `Export Policy`.
const NOT_EXPORTABLE: [u8; 4] = [0; 4];

/// The stores of this user.
pub(super) struct WindowsStore;

impl CertificateStore for WindowsStore {
    fn list(&self) -> Result<Vec<StoredCertificate>, StoreError> {
        let issuers = issuers();
        let mut found = Vec::new();
        for entry in Store::entries(Owner::User, MY) {
            let Some((certificate, location)) = ours(&entry) else {
                continue;
            };
            if let Some(place) = key::place(location) {
                found.push(StoredCertificate {
                    chain: chain(&certificate, &issuers),
                    certificate,
                    place,
                });
            }
        }
        Ok(found)
    }

    fn key(&self, wanted: &Fingerprint) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
        let Some(entry) = find(wanted) else {
            return Ok(None);
        };
        let Some((certificate, location)) = ours(&entry) else {
            return Ok(None);
        };
        let key = WindowsKey::find(location, certificate.public_key());
        Ok(key.map(|key| -> Arc<dyn TerminalKey> { key }))
    }

    fn reads_modern_p12(&self) -> bool {
        version::build() >= FIRST_MODERN_BUILD
    }

    fn has_hardware(&self) -> bool {
        // The provider opens on machines without a module too; only a module has a platform.
        Provider::open(HARDWARE_PROVIDER)
            .is_ok_and(|provider| provider.has_property("PCP_PLATFORM_TYPE"))
    }

    fn make_hardware_key(
        &self,
        name: &str,
        algorithm: KeyAlgorithm,
    ) -> Result<Arc<dyn TerminalKey>, StoreError> {
        if let Some(key) = self.hardware_key(name)? {
            return Ok(key);
        }
        if !self.has_hardware() {
            return Err(StoreError::NoHardware("there is no module".to_owned()));
        }
        let absent = |error: SystemError| StoreError::NoHardware(error.to_string());
        let provider = Provider::open(HARDWARE_PROVIDER).map_err(absent)?;
        let (system_name, bits) = match algorithm {
            KeyAlgorithm::P256 => ("ECDSA_P256", None),
            KeyAlgorithm::P384 => ("ECDSA_P384", None),
            KeyAlgorithm::Rsa2048 => ("RSA", Some(2048_u32)),
            KeyAlgorithm::Rsa3072 => ("RSA", Some(3072)),
            KeyAlgorithm::Rsa4096 => ("RSA", Some(4096)),
        };
        let key = provider.new_key(system_name, name).map_err(absent)?;
        if let Some(bits) = bits {
            key.set_kept("Length", &bits.to_ne_bytes())
                .map_err(absent)?;
        }
        key.finish().map_err(absent)?;
        drop(key);
        self.hardware_key(name)?
            .ok_or_else(|| StoreError::NoHardware("the new key cannot be opened".to_owned()))
    }

    fn hardware_key(&self, name: &str) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
        let Ok(provider) = Provider::open(HARDWARE_PROVIDER) else {
            return Ok(None);
        };
        let Ok(key) = provider.key(name, 0, false, Prompt::Forbidden) else {
            return Ok(None);
        };
        let public = public_key(&key)?;
        let found = WindowsKey::find(&hardware_location(name), &public);
        Ok(found.map(|key| -> Arc<dyn TerminalKey> { key }))
    }

    fn delete_hardware_key(&self, name: &str) -> Result<(), StoreError> {
        key::delete(&hardware_location(name))
    }

    fn install(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key: &PrivateKey,
        friendly_name: &str,
    ) -> Result<(), StoreError> {
        let location = match find(&Fingerprint(certificate.fingerprint_sha256())) {
            Some(Entry {
                key: Some(location),
                ..
            }) if key::place(&location).is_some() => location,
            _ => import(key)?,
        };
        add(certificate, chain, &location, friendly_name)
    }

    fn install_hardware(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key_name: &str,
        friendly_name: &str,
    ) -> Result<(), StoreError> {
        if self.hardware_key(key_name)?.is_none() {
            return Err(StoreError::NotThere(key_name.to_owned()));
        }
        add(
            certificate,
            chain,
            &hardware_location(key_name),
            friendly_name,
        )
    }

    fn delete(&self, certificate: &Fingerprint) -> Result<(), StoreError> {
        let Some(entry) = find(certificate) else {
            return Ok(());
        };
        let removed = Store::remove(Owner::User, MY, &entry.der).map_err(refusal)?;
        let Some(location) = removed.flatten() else {
            return Ok(());
        };
        // Two certificates may stand on one key; the key goes with the last of them.
        let is_used = Store::entries(Owner::User, MY)
            .iter()
            .any(|other| other.key.as_ref() == Some(&location));
        if is_used {
            return Ok(());
        }
        key::delete(&location)
    }

    fn has_root(&self, root: &Certificate) -> Result<bool, StoreError> {
        let has = |owner| {
            Store::entries(owner, ROOT)
                .iter()
                .any(|entry| entry.der == root.der())
        };
        Ok(has(Owner::User) || has(Owner::Machine))
    }

    fn install_root(&self, root: &Certificate) -> Result<(), StoreError> {
        Store::add(Owner::User, ROOT, root.der(), None).map_err(refusal)
    }
}

/// Adds a root for all users, as the installer does with the rights of an administrator. Whether it was not there yet.
pub(super) fn install_root_for_all(root: &Certificate) -> Result<bool, StoreError> {
    let entries = Store::entries(Owner::Machine, ROOT);
    if entries.iter().any(|entry| entry.der == root.der()) {
        return Ok(false);
    }
    Store::add(Owner::Machine, ROOT, root.der(), None).map_err(refusal)?;
    Ok(true)
}

/// Removes the root with this SHA-256 (hexadecimal) for all users; that there is none is no error.
pub(super) fn remove_root_for_all(fingerprint: &str) -> Result<(), StoreError> {
    let entries = Store::entries(Owner::Machine, ROOT);
    let found = entries
        .iter()
        .find(|entry| hex::encode(sha256(&entry.der)) == fingerprint);
    match found {
        Some(entry) => Store::remove(Owner::Machine, ROOT, &entry.der)
            .map(|_| ())
            .map_err(refusal),
        None => Ok(()),
    }
}

/// Brings a private key into the system, not exportable: by CNG, or by CAPI where CNG does not keep it.
fn import(key: &PrivateKey) -> Result<KeyLocation, StoreError> {
    let spki = key.public_key().spki_der();
    let name = format!("{KEY_NAME}{}", hex::encode(sha256(spki)));
    let pkcs8 = key
        .to_pkcs8()
        .map_err(|error| StoreError::Failed(error.to_string()))?;
    let by_cng = match import_by_cng(&name, key, &pkcs8) {
        Ok(location) => return Ok(location),
        Err(error) => error,
    };
    if !key.public_key().algorithm().is_rsa() {
        return Err(by_cng);
    }
    let location = KeyLocation {
        container: name,
        provider: CAPI_PROVIDER.to_owned(),
        kind: PROV_RSA_AES,
        spec: AT_KEYEXCHANGE,
        is_machine: false,
    };
    let blob = key_blob::capi_rsa(&pkcs8).map_err(not_importable)?;
    let container = Container::create(&location).map_err(refusal)?;
    container.import(&blob).map_err(refusal)?;
    Ok(location)
}

/// By CNG. The key must be there under its name and with its own public half afterwards: some systems take the
/// settings and make another key, or keep none.
fn import_by_cng(name: &str, key: &PrivateKey, pkcs8: &[u8]) -> Result<KeyLocation, StoreError> {
    let public = key.public_key();
    let (algorithm, form, blob) = match public.algorithm() {
        KeyAlgorithm::P256 => ("ECDSA_P256", "ECCPRIVATEBLOB", ec(pkcs8, public)?),
        KeyAlgorithm::P384 => ("ECDSA_P384", "ECCPRIVATEBLOB", ec(pkcs8, public)?),
        _ => {
            let blob = key_blob::cng_rsa(pkcs8).map_err(not_importable)?;
            ("RSA", "RSAFULLPRIVATEBLOB", blob)
        }
    };
    let provider = Provider::open(SOFTWARE_PROVIDER).map_err(refusal)?;
    let draft = provider.new_key(algorithm, name).map_err(refusal)?;
    draft.set_here(form, &blob).map_err(refusal)?;
    draft
        .set_kept("Export Policy", &NOT_EXPORTABLE)
        .map_err(refusal)?;
    draft.finish().map_err(refusal)?;
    drop(draft);
    let kept = provider
        .key(name, 0, false, Prompt::Forbidden)
        .map_err(refusal)?;
    if public_key(&kept)?.spki_der() != public.spki_der() {
        let _ = kept.delete();
        return Err(StoreError::Failed("CNG kept another key".to_owned()));
    }
    Ok(KeyLocation {
        container: name.to_owned(),
        provider: SOFTWARE_PROVIDER.to_owned(),
        kind: 0,
        spec: 0,
        is_machine: false,
    })
}

fn ec(pkcs8: &[u8], public: &PublicKey) -> Result<zeroize::Zeroizing<Vec<u8>>, StoreError> {
    key_blob::cng_ec(pkcs8, public.spki_der()).map_err(not_importable)
}

/// The public half of a CNG key.
fn public_key(key: &Key) -> Result<PublicKey, StoreError> {
    let spki = match key.public_half("RSAPUBLICBLOB") {
        Ok(blob) => key_blob::spki_of_rsa(&blob),
        Err(_) => {
            let blob = key.public_half("ECCPUBLICBLOB").map_err(refusal)?;
            key_blob::spki_of_ec(&blob)
        }
    };
    let spki = spki.map_err(not_importable)?;
    PublicKey::from_spki_der(&spki).map_err(|error| StoreError::Failed(error.to_string()))
}

fn add(
    certificate: &Certificate,
    chain: &[Certificate],
    location: &KeyLocation,
    friendly_name: &str,
) -> Result<(), StoreError> {
    for above in chain {
        let is_root = above.issuer() == above.subject();
        if !is_root {
            Store::add(Owner::User, CA, above.der(), None).map_err(refusal)?;
        }
    }
    let der = certificate.der();
    Store::add(Owner::User, MY, der, Some((location, friendly_name))).map_err(refusal)?;
    // Only what is read back counts as installed.
    let fingerprint = Fingerprint(certificate.fingerprint_sha256());
    match find(&fingerprint) {
        Some(entry) if entry.key.as_ref() == Some(location) => Ok(()),
        Some(_) => Err(StoreError::Failed("the store kept no key".to_owned())),
        None => Err(StoreError::Failed("the store kept nothing".to_owned())),
    }
}

fn find(wanted: &Fingerprint) -> Option<Entry> {
    Store::entries(Owner::User, MY)
        .into_iter()
        .find(|entry| sha256(&entry.der) == wanted.0)
}

/// What can be read and has a key.
fn ours(entry: &Entry) -> Option<(Certificate, &KeyLocation)> {
    let location = entry.key.as_ref()?;
    let certificate = Certificate::from_der(&entry.der).ok()?;
    Some((certificate, location))
}

fn issuers() -> Vec<Certificate> {
    let stores = [CA, ROOT].into_iter();
    let entries = stores.flat_map(|name| {
        let user = Store::entries(Owner::User, name);
        user.into_iter().chain(Store::entries(Owner::Machine, name))
    });
    entries
        .filter_map(|entry| Certificate::from_der(&entry.der).ok())
        .collect()
}

fn chain(certificate: &Certificate, issuers: &[Certificate]) -> Vec<Certificate> {
    let mut chain: Vec<Certificate> = Vec::new();
    while chain.len() < LONGEST_CHAIN {
        let last = chain.last().unwrap_or(certificate);
        if last.issuer() == last.subject() {
            break;
        }
        let above = issuers.iter().find(|issuer| {
            issuer.subject() == last.issuer() && last.is_signed_by(issuer.public_key())
        });
        let Some(above) = above else {
            break;
        };
        chain.push(above.clone());
    }
    chain
}

fn hardware_location(name: &str) -> KeyLocation {
    KeyLocation {
        container: name.to_owned(),
        provider: HARDWARE_PROVIDER.to_owned(),
        kind: 0,
        spec: 0,
        is_machine: false,
    }
}

fn not_importable(error: NotImportable) -> StoreError {
    StoreError::Failed(error.to_string())
}
