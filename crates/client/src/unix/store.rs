//! A folder of PKCS#12 files. `<SHA-256>.p12` holds key and chain under the password in `store.password` (0600);
//! `<SHA-256>.pem` beside it holds the chain alone, for people and tools that want to look. Roots are in `roots/`.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tegata_domain::entropy::Entropy;
use tegata_domain::id::Fingerprint;
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::pkcs12::{self, Opened, Pkcs12Form};

use super::files::{UnixFiles, replace, store_error};
use super::key::FolderKey;
use super::mirror::{Installed, Mirror};
use crate::backup;
use crate::ports::{
    CertificateStore, Files as _, KeyPlace, StoreError, StoredCertificate, TerminalKey,
};

const PASSWORD: &str = "store.password";
const P12: &str = "p12";
const PEM: &str = "pem";
const ROOTS: &str = "roots";
/// The password has 59 bits of chance; rounds add what a folder on a disk needs.
const ITERATIONS: u32 = 10_000;

/// The folder.
pub struct FolderStore {
    folder: PathBuf,
    password: Secret<String>,
    password_file: PathBuf,
    mirrors: Vec<Box<dyn Mirror>>,
}

impl FolderStore {
    /// Opens the folder below `state`, which also keeps its password; makes both where they are not there.
    pub fn open(
        folder: PathBuf,
        state: &UnixFiles,
        entropy: &dyn Entropy,
    ) -> Result<Self, StoreError> {
        UnixFiles::open(folder.join(ROOTS)).map_err(store_error)?;
        let password = match state.read(PASSWORD).map_err(store_error)? {
            Some(octets) => {
                let text = String::from_utf8(octets);
                let text =
                    text.map_err(|_| StoreError::Failed(format!("{PASSWORD} is no text")))?;
                Secret::new(text.trim_end().to_owned())
            }
            None => {
                let password = backup::suggest_password(entropy);
                let octets = format!("{}\n", password.expose());
                state
                    .write(PASSWORD, octets.as_bytes())
                    .map_err(store_error)?;
                password
            }
        };
        Ok(Self {
            folder,
            password,
            password_file: state.place(PASSWORD).map_err(store_error)?,
            mirrors: Vec::new(),
        })
    }

    /// Keeps the same certificates in another place too, those that are there already included.
    ///
    /// # Errors
    ///
    /// Where the place cannot be written, or a certificate of the store cannot be read.
    pub fn with_mirror(mut self, mirror: impl Mirror + 'static) -> Result<Self, StoreError> {
        for stored in self.list()? {
            let fingerprint = stored.fingerprint();
            if !mirror.has(&stored.certificate)?
                && let Some(opened) = self.opened(&fingerprint)?
            {
                let file = self.path(&fingerprint, P12);
                mirror.publish(&Installed {
                    certificate: &stored.certificate,
                    chain: &stored.chain,
                    key: &opened.key,
                    file: &file,
                    password_file: &self.password_file,
                })?;
            }
        }
        for root in self.roots()? {
            mirror.trust(&root)?;
        }
        self.mirrors.push(Box::new(mirror));
        self.choose_current()?;
        Ok(self)
    }

    /// The certificate that ends last is the current one.
    fn choose_current(&self) -> Result<(), StoreError> {
        if self.mirrors.is_empty() {
            return Ok(());
        }
        let stored = self.list()?;
        let Some(newest) = stored.iter().max_by_key(|stored| stored.not_after()) else {
            return Ok(());
        };
        let newest = newest.fingerprint();
        self.mirrors
            .iter()
            .try_for_each(|mirror| mirror.choose(&newest))
    }

    fn path(&self, certificate: &Fingerprint, ending: &str) -> PathBuf {
        self.folder.join(format!("{certificate}.{ending}"))
    }

    fn opened(&self, certificate: &Fingerprint) -> Result<Option<Opened>, StoreError> {
        let octets = match fs::read(self.path(certificate, P12)) {
            Ok(octets) => octets,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(&error)),
        };
        let opened = pkcs12::open(&octets, self.password.expose());
        opened.map(Some).map_err(|error| failed(&error))
    }
}

impl CertificateStore for FolderStore {
    fn list(&self) -> Result<Vec<StoredCertificate>, StoreError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(|error| failed(&error))? {
            let path = entry.map_err(|error| failed(&error))?.path();
            let name = path
                .file_stem()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let is_p12 = path.extension().is_some_and(|ending| ending == P12);
            let Some(fingerprint) = Fingerprint::parse(name).filter(|_| is_p12) else {
                continue;
            };
            let Some(opened) = self.opened(&fingerprint)? else {
                continue;
            };
            let chain: Result<Vec<Certificate>, _> = opened
                .chain
                .iter()
                .map(|der| Certificate::from_der(der))
                .collect();
            let mut chain = chain.map_err(|error| failed(&error))?;
            if chain.is_empty() {
                continue;
            }
            found.push(StoredCertificate {
                certificate: chain.remove(0),
                chain,
                place: KeyPlace::Software,
            });
        }
        Ok(found)
    }

    fn key(&self, certificate: &Fingerprint) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
        match self.opened(certificate)? {
            None => Ok(None),
            Some(opened) => Ok(Some(Arc::new(FolderKey::new(&opened.key)?))),
        }
    }

    fn reads_modern_p12(&self) -> bool {
        true
    }

    fn has_hardware(&self) -> bool {
        false
    }

    fn make_hardware_key(
        &self,
        _: &str,
        _: KeyAlgorithm,
    ) -> Result<Arc<dyn TerminalKey>, StoreError> {
        Err(StoreError::NoHardware("a folder has none".to_owned()))
    }

    fn hardware_key(&self, _: &str) -> Result<Option<Arc<dyn TerminalKey>>, StoreError> {
        Ok(None)
    }

    fn delete_hardware_key(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn install(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key: &PrivateKey,
        friendly_name: &str,
    ) -> Result<(), StoreError> {
        let fingerprint = Fingerprint(certificate.fingerprint_sha256());
        let mut all = vec![certificate.der()];
        all.extend(chain.iter().map(Certificate::der));
        let password = self.password.expose();
        let file = pkcs12::write(
            key,
            &all,
            friendly_name,
            password,
            Pkcs12Form::Modern,
            ITERATIONS,
        );
        let file = file.map_err(|error| failed(&error))?;
        let mut text = certificate.pem();
        text.extend(chain.iter().map(Certificate::pem));
        replace(&self.path(&fingerprint, PEM), text.as_bytes()).map_err(store_error)?;
        replace(&self.path(&fingerprint, P12), &file).map_err(store_error)?;
        let installed = Installed {
            certificate,
            chain,
            key,
            file: &self.path(&fingerprint, P12),
            password_file: &self.password_file,
        };
        for mirror in &self.mirrors {
            mirror.publish(&installed)?;
        }
        self.choose_current()
    }

    fn install_hardware(
        &self,
        _: &Certificate,
        _: &[Certificate],
        _: &str,
        _: &str,
    ) -> Result<(), StoreError> {
        Err(StoreError::NoHardware("a folder has none".to_owned()))
    }

    /// From the other places first: what is still in the folder after a crash can be asked for again.
    fn delete(&self, certificate: &Fingerprint) -> Result<(), StoreError> {
        let stored = self.list()?;
        if let Some(stored) = stored.iter().find(|one| one.fingerprint() == *certificate) {
            for mirror in &self.mirrors {
                mirror.withdraw(&stored.certificate)?;
            }
        }
        for ending in [P12, PEM] {
            match fs::remove_file(self.path(certificate, ending)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(&error));
                }
                _ => {}
            }
        }
        self.choose_current()
    }

    fn has_root(&self, root: &Certificate) -> Result<bool, StoreError> {
        Ok(self.root_path(root).exists())
    }

    fn install_root(&self, root: &Certificate) -> Result<(), StoreError> {
        for mirror in &self.mirrors {
            mirror.trust(root)?;
        }
        replace(&self.root_path(root), root.pem().as_bytes()).map_err(store_error)
    }
}

impl FolderStore {
    fn roots(&self) -> Result<Vec<Certificate>, StoreError> {
        let folder = fs::read_dir(self.folder.join(ROOTS)).map_err(|error| failed(&error))?;
        let mut roots = Vec::new();
        for entry in folder {
            let path = entry.map_err(|error| failed(&error))?.path();
            if path.extension().is_some_and(|ending| ending == PEM) {
                let text = fs::read_to_string(&path).map_err(|error| failed(&error))?;
                roots.push(Certificate::from_pem(&text).map_err(|error| failed(&error))?);
            }
        }
        Ok(roots)
    }

    fn root_path(&self, root: &Certificate) -> PathBuf {
        let fingerprint = Fingerprint(root.fingerprint_sha256());
        self.folder.join(ROOTS).join(format!("{fingerprint}.{PEM}"))
    }
}

fn failed(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Failed(error.to_string())
}
