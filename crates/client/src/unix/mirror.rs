//! Second places for the certificates of the folder, for programs that cannot read it.

use std::path::Path;

use tegata_domain::id::Fingerprint;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PrivateKey;

use crate::ports::StoreError;

/// A place that holds the same certificates and keys as the folder. The folder is what counts: whatever is missing here
/// is put here again when the place is opened, so each change may end half way.
pub trait Mirror: Send + Sync {
    /// Whether this certificate is here with its key.
    fn has(&self, certificate: &Certificate) -> Result<bool, StoreError>;

    /// Puts a certificate with chain and key here; what is here already stays as it is.
    fn publish(&self, installed: &Installed<'_>) -> Result<(), StoreError>;

    /// Takes exactly this certificate and its key away (T74). That it is not here is no error.
    fn withdraw(&self, certificate: &Certificate) -> Result<(), StoreError>;

    /// Makes this certificate the one that is used, where a place knows such a thing.
    fn choose(&self, _certificate: &Fingerprint) -> Result<(), StoreError> {
        Ok(())
    }

    /// Adds a root that was proven (W6), where a place keeps roots.
    fn trust(&self, _root: &Certificate) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A certificate of the folder.
pub struct Installed<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// What stands above it, the next first.
    pub chain: &'a [Certificate],
    /// Its key.
    pub key: &'a PrivateKey,
    /// The PKCS#12 file in the folder with all three.
    pub file: &'a Path,
    /// The file whose first line is the password of `file`.
    pub password_file: &'a Path,
}
