//! A key of `tegata-pki` that signs as a terminal's key does.

use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;

use crate::failure::Failure;
use crate::ports::{Scheme, StoreError, TerminalKey};

/// A key in this process's memory. It signs certification requests; TLS takes the key of the store.
pub struct SoftwareKey(SoftSigner);

impl SoftwareKey {
    /// Takes the key over.
    pub fn new(key: PrivateKey) -> Result<Self, Failure> {
        Ok(Self(SoftSigner::from_private_key(key)))
    }
}

impl TerminalKey for SoftwareKey {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn schemes(&self) -> Vec<Scheme> {
        scheme(self.public_key().algorithm()).into_iter().collect()
    }

    fn sign(&self, wanted: Scheme, message: &[u8]) -> Result<Vec<u8>, StoreError> {
        if scheme(self.public_key().algorithm()) != Some(wanted) {
            return Err(StoreError::Scheme);
        }
        let signed = self.0.sign(message);
        signed.map_err(|error| StoreError::Failed(error.to_string()))
    }
}

const fn scheme(algorithm: KeyAlgorithm) -> Option<Scheme> {
    match algorithm {
        KeyAlgorithm::P256 => Some(Scheme::EcdsaP256Sha256),
        KeyAlgorithm::P384 => Some(Scheme::EcdsaP384Sha384),
        KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
            Some(Scheme::RsaPkcs1Sha256)
        }
    }
}
