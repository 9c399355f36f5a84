//! The terminal's certificate in a handshake. Its key signs where it lies and is never seen here.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use crate::ports::{Identity, Scheme, TerminalKey};

/// Shows this certificate to whichever server asks for one.
pub(super) fn resolver(identity: &Identity, fault: KeyFault) -> Arc<dyn ResolvesClientCert> {
    let chain = identity.chain.iter();
    let chain = chain.map(|der| CertificateDer::from(der.clone())).collect();
    let key = Arc::new(PortKey {
        key: Arc::clone(&identity.key),
        fault,
    });
    Arc::new(Shown(Arc::new(CertifiedKey::new(chain, key))))
}

/// What the key said when it did not sign: rustls keeps only a text of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyFault(Arc<Mutex<Option<String>>>);

impl KeyFault {
    /// What it said, once.
    pub(super) fn take(&self) -> Option<String> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.take()
    }

    fn set(&self, detail: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(detail);
    }
}

#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    /// The hints on issuers are passed over: which certificate is shown was decided by thumbprint.
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Clone)]
struct PortKey {
    key: Arc<dyn TerminalKey>,
    fault: KeyFault,
}

impl fmt::Debug for PortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PortKey")
    }
}

impl SigningKey for PortKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let mut ours = self.key.schemes().into_iter();
        let scheme = ours.find(|scheme| offered.contains(&in_tls(*scheme)))?;
        Some(Box::new(PortSigner {
            key: self.clone(),
            scheme,
        }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.key.schemes().first() {
            Some(Scheme::EcdsaP256Sha256 | Scheme::EcdsaP384Sha384) => SignatureAlgorithm::ECDSA,
            _ => SignatureAlgorithm::RSA,
        }
    }
}

#[derive(Debug)]
struct PortSigner {
    key: PortKey,
    scheme: Scheme,
}

impl Signer for PortSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.key.sign(self.scheme, message).map_err(|error| {
            self.key.fault.set(error.to_string());
            Error::General("the terminal's key did not sign".to_owned())
        })
    }

    fn scheme(&self) -> SignatureScheme {
        in_tls(self.scheme)
    }
}

const fn in_tls(scheme: Scheme) -> SignatureScheme {
    match scheme {
        Scheme::EcdsaP256Sha256 => SignatureScheme::ECDSA_NISTP256_SHA256,
        Scheme::EcdsaP384Sha384 => SignatureScheme::ECDSA_NISTP384_SHA384,
        Scheme::RsaPkcs1Sha256 => SignatureScheme::RSA_PKCS1_SHA256,
        Scheme::RsaPssSha256 => SignatureScheme::RSA_PSS_SHA256,
    }
}
