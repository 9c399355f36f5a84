//! Files, secrets and certificates of a fake machine. What a call did is there after it, whatever happens next.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tegata_client::ports::*;
use tegata_client::software_key::SoftwareKey;
use tegata_domain::id::Fingerprint;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use zeroize::Zeroizing;

/// The client's folder, and media by path.
#[derive(Default)]
pub(crate) struct FakeFiles {
    own: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(crate) saved: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    /// What the next attempts to save meet.
    pub(crate) save_fails: Mutex<Vec<FileError>>,
}

impl FakeFiles {
    pub(crate) fn names(&self) -> Vec<String> {
        self.own.lock().unwrap().keys().cloned().collect()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let octets = self
            .own
            .lock()
            .unwrap()
            .get(name)
            .cloned()
            .unwrap_or_default();
        String::from_utf8_lossy(&octets).into_owned()
    }

    /// Every octet of the folder.
    pub(crate) fn all(&self) -> Vec<u8> {
        self.own
            .lock()
            .unwrap()
            .values()
            .flatten()
            .copied()
            .collect()
    }
}

impl Files for FakeFiles {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        Ok(self.own.lock().unwrap().get(name).cloned())
    }

    fn write(&self, name: &str, octets: &[u8]) -> Result<(), FileError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        assert!(name.chars().all(plain), "{name}");
        self.own
            .lock()
            .unwrap()
            .insert(name.to_owned(), octets.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        self.own.lock().unwrap().remove(name);
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>, FileError> {
        Ok(self.names())
    }

    fn append(&self, name: &str, line: &str) -> Result<(), FileError> {
        let mut own = self.own.lock().unwrap();
        own.entry(name.to_owned())
            .or_default()
            .extend(format!("{line}\n").as_bytes());
        Ok(())
    }

    fn size(&self, name: &str) -> Result<u64, FileError> {
        Ok(self
            .own
            .lock()
            .unwrap()
            .get(name)
            .map_or(0, |octets| octets.len() as u64))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        let mut own = self.own.lock().unwrap();
        let octets = own
            .remove(from)
            .ok_or(FileError::NotThere(from.to_owned()))?;
        own.insert(to.to_owned(), octets);
        Ok(())
    }

    fn save(&self, place: &Path, octets: &[u8]) -> Result<(), FileError> {
        if let Some(error) = self.save_fails.lock().unwrap().pop() {
            return Err(error);
        }
        self.saved
            .lock()
            .unwrap()
            .insert(place.to_owned(), octets.to_vec());
        Ok(())
    }
}

/// Seals by turning every bit: enough to see whether something lies open.
pub(crate) struct FakeSecrets;

impl Secrets for FakeSecrets {
    fn seal(&self, purpose: &str, clear: &[u8]) -> Result<Vec<u8>, SecretError> {
        let mut sealed = vec![u8::try_from(purpose.len()).unwrap()];
        sealed.extend(clear.iter().map(|octet| !octet));
        Ok(sealed)
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        match sealed.split_first() {
            Some((length, rest)) if usize::from(*length) == purpose.len() => {
                Ok(Zeroizing::new(rest.iter().map(|octet| !octet).collect()))
            }
            _ => Err(SecretError("another purpose".to_owned())),
        }
    }
}

struct Entry {
    certificate: Certificate,
    chain: Vec<Certificate>,
    key: Arc<SoftwareKey>,
    place: KeyPlace,
}

/// The user's certificates.
#[derive(Default)]
pub(crate) struct FakeStore {
    entries: Mutex<Vec<Entry>>,
    hardware: Mutex<BTreeMap<String, Arc<SoftwareKey>>>,
    pub(crate) roots: Mutex<Vec<Certificate>>,
    pub(crate) has_module: bool,
    /// Windows 8.1.
    pub(crate) is_old: bool,
    /// What the next attempts to install meet.
    pub(crate) install_fails: Mutex<Vec<StoreError>>,
    /// Keys ask the person at each use.
    pub(crate) is_protected: bool,
}

impl FakeStore {
    /// Puts a certificate there that was there before.
    pub(crate) fn put(&self, certificate: &Certificate, key: PrivateKey) -> Fingerprint {
        self.add(
            certificate,
            &[],
            Arc::new(SoftwareKey::new(key).unwrap()),
            KeyPlace::Software,
        );
        Fingerprint(certificate.fingerprint_sha256())
    }

    fn add(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key: Arc<SoftwareKey>,
        place: KeyPlace,
    ) {
        let mut entries = self.entries.lock().unwrap();
        if entries
            .iter()
            .any(|entry| entry.certificate == *certificate)
        {
            return;
        }
        entries.push(Entry {
            certificate: certificate.clone(),
            chain: chain.to_vec(),
            key,
            place,
        });
    }

    fn place(&self, place: KeyPlace) -> KeyPlace {
        match place {
            KeyPlace::Software if self.is_protected => KeyPlace::SoftwareProtected,
            other => other,
        }
    }
}

impl CertificateStore for FakeStore {
    fn list(&self) -> Result<Vec<StoredCertificate>, StoreError> {
        let entries = self.entries.lock().unwrap();
        let listed = entries.iter().map(|entry| StoredCertificate {
            certificate: entry.certificate.clone(),
            chain: entry.chain.clone(),
            place: self.place(entry.place),
        });
        Ok(listed.collect())
    }

    fn key(&self, wanted: &Fingerprint) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
        let entries = self.entries.lock().unwrap();
        let found = entries
            .iter()
            .find(|entry| Fingerprint(entry.certificate.fingerprint_sha256()) == *wanted);
        Ok(found.map(|entry| -> Arc<dyn TerminalKey> { entry.key.clone() }))
    }

    fn reads_modern_p12(&self) -> bool {
        !self.is_old
    }

    fn has_hardware(&self) -> bool {
        self.has_module
    }

    fn make_hardware_key(
        &self,
        name: &str,
        algorithm: KeyAlgorithm,
    ) -> Result<Arc<dyn TerminalKey>, StoreError> {
        let mut hardware = self.hardware.lock().unwrap();
        let key = hardware.entry(name.to_owned()).or_insert_with(|| {
            let key = PrivateKey::generate(algorithm).unwrap();
            Arc::new(SoftwareKey::new(key).unwrap())
        });
        Ok(key.clone())
    }

    fn hardware_key(&self, name: &str) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
        let hardware = self.hardware.lock().unwrap();
        let key = hardware.get(name).cloned();
        Ok(key.map(|key| -> Arc<dyn TerminalKey> { key }))
    }

    fn delete_hardware_key(&self, name: &str) -> Result<(), StoreError> {
        self.hardware.lock().unwrap().remove(name);
        Ok(())
    }

    fn install(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key: &PrivateKey,
        _: &str,
    ) -> Result<(), StoreError> {
        if let Some(error) = self.install_fails.lock().unwrap().pop() {
            return Err(error);
        }
        assert_eq!(certificate.public_key(), key.public_key());
        let key = PrivateKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        let key = Arc::new(SoftwareKey::new(key).unwrap());
        self.add(certificate, chain, key, KeyPlace::Software);
        Ok(())
    }

    fn install_hardware(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key_name: &str,
        _: &str,
    ) -> Result<(), StoreError> {
        let key = self.hardware.lock().unwrap().get(key_name).cloned();
        let key = key.ok_or(StoreError::NotThere(key_name.to_owned()))?;
        self.add(certificate, chain, key, KeyPlace::Hardware);
        Ok(())
    }

    fn delete(&self, wanted: &Fingerprint) -> Result<(), StoreError> {
        let mut entries = self.entries.lock().unwrap();
        entries.retain(|entry| Fingerprint(entry.certificate.fingerprint_sha256()) != *wanted);
        Ok(())
    }

    fn has_root(&self, root: &Certificate) -> Result<bool, StoreError> {
        Ok(self.roots.lock().unwrap().contains(root))
    }

    fn install_root(&self, root: &Certificate) -> Result<(), StoreError> {
        self.roots.lock().unwrap().push(root.clone());
        Ok(())
    }
}
