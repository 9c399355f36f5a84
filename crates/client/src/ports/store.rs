//! Certificates and keys of the user at this terminal.
//!
//! A key has one of two lives (policy `software` or `tpm`). A **software** key is made by `tegata-pki`, lies sealed in
//! a file of ours until the new certificate is in use and backed up, and enters the store with the certificate, not
//! exportable from then on. A **hardware** key is made inside the module, under a name, and never leaves it.

use std::sync::Arc;

use tegata_domain::id::Fingerprint;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};

/// The user's certificates ("MY" and "ROOT" on Windows).
///
/// Every change is on the disk when the call returns. Every call that adds can be repeated after a crash: what is
/// there already is no error and is not added twice.
pub trait CertificateStore: Send + Sync {
    /// All certificates of the user that have a key here, in no order, foreign ones included.
    fn list(&self) -> Result<Vec<StoredCertificate>, StoreError>;

    /// The key of the certificate with this SHA-256; `None` where certificate or key are not there.
    fn key(&self, certificate: &Fingerprint) -> Result<Option<Arc<dyn TerminalKey>>, StoreError>;

    /// Whether this system reads the modern form of a `.p12`; Windows 8.1 and Server 2016 do not (K5).
    fn reads_modern_p12(&self) -> bool;

    /// Whether a module can make keys here.
    fn has_hardware(&self) -> bool;

    /// Makes a key in the module under `name`, or answers the one that has this name already.
    fn make_hardware_key(
        &self,
        name: &str,
        algorithm: KeyAlgorithm,
    ) -> Result<Arc<dyn TerminalKey>, StoreError>;

    /// The key of that name, `None` where there is none.
    fn hardware_key(&self, name: &str) -> Result<Option<Arc<dyn TerminalKey>>, StoreError>;

    /// Takes a key away that no certificate uses. That there is none is no error.
    fn delete_hardware_key(&self, name: &str) -> Result<(), StoreError>;

    /// Puts a certificate and its software key into the store, not exportable. `chain` is what stands above it, root
    /// last; its intermediates go where the system looks for them, the root is not installed by this call.
    /// `friendly_name` is what the system shows beside it.
    fn install(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key: &PrivateKey,
        friendly_name: &str,
    ) -> Result<(), StoreError>;

    /// The same for the hardware key of this name.
    fn install_hardware(
        &self,
        certificate: &Certificate,
        chain: &[Certificate],
        key_name: &str,
        friendly_name: &str,
    ) -> Result<(), StoreError>;

    /// Removes exactly this certificate and its key (T74). That it is not there is no error.
    fn delete(&self, certificate: &Fingerprint) -> Result<(), StoreError>;

    /// Whether this root is trusted for the user.
    fn has_root(&self, root: &Certificate) -> Result<bool, StoreError>;

    /// Adds a root that was proven (W6). The system may ask the person; a no is [`StoreError::Declined`].
    fn install_root(&self, root: &Certificate) -> Result<(), StoreError>;
}

/// A certificate in the store.
#[derive(Clone)]
pub struct StoredCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// What stands above it as far as the store knows, the next first; may be empty.
    pub chain: Vec<Certificate>,
    /// Where its key lies.
    pub place: KeyPlace,
}

impl StoredCertificate {
    /// SHA-256 of the certificate: the only thing by which one is chosen (T74).
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.certificate.fingerprint_sha256())
    }

    /// Its last second.
    pub fn not_after(&self) -> Timestamp {
        Timestamp::from_unix(self.certificate.not_after())
    }
}

/// Where a key lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In a module of the machine.
    Hardware,
    /// In the system's own store.
    Software,
    /// In the system's own store, and the person is asked at each use.
    SoftwareProtected,
}

/// A key that signs and stays where it is.
pub trait TerminalKey: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// What it can sign with, the best first. CAPI keys lack [`Scheme::RsaPssSha256`].
    fn schemes(&self) -> Vec<Scheme>;

    /// Signs the whole message. ECDSA signatures are the DER form (RFC 3279 §2.2.3).
    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, StoreError>;
}

/// A way to sign (RFC 8446 §4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `ecdsa_secp256r1_sha256`.
    EcdsaP256Sha256,
    /// `ecdsa_secp384r1_sha384`.
    EcdsaP384Sha384,
    /// `rsa_pkcs1_sha256`: certification requests and TLS 1.2.
    RsaPkcs1Sha256,
    /// `rsa_pss_rsae_sha256`: TLS 1.3.
    RsaPssSha256,
}

/// Why the store did not do it. `detail` is English, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The person was asked by the system and said no.
    #[error("the person declined")]
    Declined,
    /// Another program holds it, or there is no right to it.
    #[error("the store refuses access: {0}")]
    Denied(String),
    /// There is no module, or it makes no such key.
    #[error("no hardware key: {0}")]
    NoHardware(String),
    /// No certificate or no key of that kind.
    #[error("not in the store: {0}")]
    NotThere(String),
    /// The key cannot sign in this way.
    #[error("the key cannot sign with this scheme")]
    Scheme,
    /// Anything else.
    #[error("the store failed: {0}")]
    Failed(String),
}
