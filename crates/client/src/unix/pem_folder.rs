//! Certificate and key as PEM files, for services that read nothing else (nginx, stunnel, an HIS gateway).
//!
//! Each certificate has a folder by its SHA-256 with `certificate.pem` (chain included) and `key.pem` (0600). The link
//! `current` names the folder of the one that ends last. It is changed by a rename, so that a service that reads through
//! it sees the old pair or the new one, never half of each.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_domain::id::Fingerprint;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PrivateKey;
use zeroize::Zeroizing;

use super::files::{UnixFiles, replace, store_error};
use super::mirror::{Installed, Mirror};
use crate::pem;
use crate::ports::StoreError;

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";
const CURRENT: &str = "current";
/// Characters in a line (RFC 7468 §2).
const LINE: usize = 64;

/// The folder.
pub struct PemFolder(PathBuf);

impl PemFolder {
    /// Opens the folder; makes it where it is not there, for its owner alone.
    pub fn open(folder: PathBuf) -> Result<Self, StoreError> {
        UnixFiles::open(folder.clone()).map_err(store_error)?;
        Ok(Self(folder))
    }

    fn place(&self, certificate: &Certificate) -> PathBuf {
        let fingerprint = Fingerprint(certificate.fingerprint_sha256());
        self.0.join(fingerprint.to_string())
    }
}

impl Mirror for PemFolder {
    fn has(&self, certificate: &Certificate) -> Result<bool, StoreError> {
        Ok(self.place(certificate).join(KEY).exists())
    }

    fn publish(&self, installed: &Installed<'_>) -> Result<(), StoreError> {
        let folder = self.place(installed.certificate);
        UnixFiles::open(folder.clone()).map_err(store_error)?;
        let chain = pem::text(installed.chain);
        let text = format!("{}{chain}", installed.certificate.pem());
        replace(&folder.join(CERTIFICATE), text.as_bytes()).map_err(store_error)?;
        replace(&folder.join(KEY), key_text(installed.key)?.as_bytes()).map_err(store_error)
    }

    /// Lets `current` name this certificate.
    fn choose(&self, certificate: &Fingerprint) -> Result<(), StoreError> {
        let name = certificate.to_string();
        let link = self.0.join(CURRENT);
        if fs::read_link(&link).is_ok_and(|to| to.as_os_str() == name.as_str()) {
            return Ok(());
        }
        let beside = self.0.join(format!("{CURRENT}.new"));
        remove_file(&beside)?;
        symlink(&name, &beside).map_err(failed)?;
        fs::rename(&beside, &link).map_err(failed)
    }

    /// Where it is the current one, the link goes too.
    fn withdraw(&self, certificate: &Certificate) -> Result<(), StoreError> {
        let folder = self.place(certificate);
        let link = self.0.join(CURRENT);
        if fs::read_link(&link).is_ok_and(|to| folder.ends_with(to)) {
            remove_file(&link)?;
        }
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }
}

/// PKCS#8 (RFC 5208) as PEM.
fn key_text(key: &PrivateKey) -> Result<Zeroizing<String>, StoreError> {
    let der = key
        .to_pkcs8()
        .map_err(|error| StoreError::Failed(error.to_string()))?;
    let body = Zeroizing::new(STANDARD.encode(&*der));
    let mut text = Zeroizing::new(String::with_capacity(body.len() * 2));
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    Ok(text)
}

fn remove_file(path: &std::path::Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

fn failed(error: std::io::Error) -> StoreError {
    store_error(super::files::refusal(error))
}
