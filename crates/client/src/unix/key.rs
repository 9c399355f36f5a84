//! A key of the folder, as TLS wants it: RSA with PSS too (TLS 1.3).

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};

use crate::ports::{Scheme, StoreError, TerminalKey};

pub(super) struct FolderKey {
    public: PublicKey,
    key: Arc<dyn SigningKey>,
}

impl FolderKey {
    pub(super) fn new(key: &PrivateKey) -> Result<Self, StoreError> {
        let failed = |error: &dyn std::fmt::Display| StoreError::Failed(error.to_string());
        let pkcs8 = key.to_pkcs8().map_err(|error| failed(&error))?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8.to_vec()));
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der);
        Ok(Self {
            public: key.public_key().clone(),
            key: signing.map_err(|error| failed(&error))?,
        })
    }
}

impl TerminalKey for FolderKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn schemes(&self) -> Vec<Scheme> {
        match self.public.algorithm() {
            KeyAlgorithm::P256 => vec![Scheme::EcdsaP256Sha256],
            KeyAlgorithm::P384 => vec![Scheme::EcdsaP384Sha384],
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                vec![Scheme::RsaPssSha256, Scheme::RsaPkcs1Sha256]
            }
        }
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, StoreError> {
        let wanted = match scheme {
            Scheme::EcdsaP256Sha256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Scheme::EcdsaP384Sha384 => SignatureScheme::ECDSA_NISTP384_SHA384,
            Scheme::RsaPkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
            Scheme::RsaPssSha256 => SignatureScheme::RSA_PSS_SHA256,
        };
        let signer = self
            .key
            .choose_scheme(&[wanted])
            .ok_or(StoreError::Scheme)?;
        let signed = signer.sign(message);
        signed.map_err(|error| StoreError::Failed(error.to_string()))
    }
}
