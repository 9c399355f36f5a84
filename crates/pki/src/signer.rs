//! The border to a signing key: everything that signs goes through [`Signer`], whether the key
//! lies in an encrypted file ([`crate::soft`]) or in a hardware module.

use std::fmt;

use const_oid::ObjectIdentifier;

use crate::{
    digest::{DigestAlgorithm, MessageDigest},
    key::{KeyAlgorithm, PublicKey},
    tlv::{self, Malformed, Reader},
};

const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// A key that signs. Implementations may be slow and may fail; callers hold no lock meanwhile.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs a whole message.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Signs a message of which only the digest is at hand. The digest must be of the
    /// [`SignatureAlgorithm::digest`] of this signer.
    fn sign_digest(&self, digest: &MessageDigest) -> Result<Vec<u8>, SignError>;

    /// The algorithm of the signatures this key makes.
    fn signature_algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::of(self.public_key().algorithm())
    }
}

/// Why there is no signature.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SignError {
    /// The key or its module refused.
    #[error("the key did not sign")]
    Refused,
    /// The module that holds the key cannot be reached; a later attempt may succeed.
    #[error("the signer is unavailable: {0}")]
    Unavailable(String),
}

/// A signature algorithm with its digest (RFC 4055 §5, RFC 5758 §3.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureAlgorithm {
    /// `ecdsa-with-SHA256`.
    EcdsaSha256,
    /// `ecdsa-with-SHA384`.
    EcdsaSha384,
    /// `sha256WithRSAEncryption`, PKCS#1 v1.5.
    RsaSha256,
}

impl SignatureAlgorithm {
    /// The algorithm that a key of this kind signs with.
    pub fn of(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                Self::RsaSha256
            }
            KeyAlgorithm::P256 => Self::EcdsaSha256,
            KeyAlgorithm::P384 => Self::EcdsaSha384,
        }
    }

    /// The digest that is signed.
    pub fn digest(self) -> DigestAlgorithm {
        match self {
            Self::EcdsaSha256 | Self::RsaSha256 => DigestAlgorithm::Sha256,
            Self::EcdsaSha384 => DigestAlgorithm::Sha384,
        }
    }

    /// The DER `AlgorithmIdentifier`: NULL parameters for RSA, none for ECDSA.
    pub fn to_der(self) -> Vec<u8> {
        match self {
            Self::EcdsaSha256 => tlv::sequence(&[&tlv::object_identifier(&ECDSA_WITH_SHA256)]),
            Self::EcdsaSha384 => tlv::sequence(&[&tlv::object_identifier(&ECDSA_WITH_SHA384)]),
            Self::RsaSha256 => {
                tlv::sequence(&[&tlv::object_identifier(&SHA256_WITH_RSA), &tlv::null()])
            }
        }
    }

    /// The DER OBJECT IDENTIFIER, without parameters.
    pub(crate) fn oid(self) -> Vec<u8> {
        tlv::object_identifier(match self {
            Self::EcdsaSha256 => &ECDSA_WITH_SHA256,
            Self::EcdsaSha384 => &ECDSA_WITH_SHA384,
            Self::RsaSha256 => &SHA256_WITH_RSA,
        })
    }

    /// Reads a DER `AlgorithmIdentifier`; `None` for every other algorithm or other parameters.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        Self::read(der).ok().flatten()
    }

    fn read(der: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut fields = Reader::sequence_in(der)?;
        let found = match fields.object_identifier()? {
            SHA256_WITH_RSA if fields.optional_null()? => Some(Self::RsaSha256),
            ECDSA_WITH_SHA256 => Some(Self::EcdsaSha256),
            ECDSA_WITH_SHA384 => Some(Self::EcdsaSha384),
            _ => None,
        };
        Ok(found.filter(|_| fields.is_empty()))
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EcdsaSha256 => "ecdsa-with-SHA256",
            Self::EcdsaSha384 => "ecdsa-with-SHA384",
            Self::RsaSha256 => "sha256WithRSAEncryption",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithm_identifiers_read_back() {
        for algorithm in [
            SignatureAlgorithm::EcdsaSha256,
            SignatureAlgorithm::EcdsaSha384,
            SignatureAlgorithm::RsaSha256,
        ] {
            assert_eq!(
                SignatureAlgorithm::from_der(&algorithm.to_der()),
                Some(algorithm)
            );
        }
    }

    #[test]
    fn rsa_without_null_and_ecdsa_with_null_are_refused() {
        let rsa = tlv::sequence(&[&tlv::object_identifier(&SHA256_WITH_RSA)]);
        let ecdsa = tlv::sequence(&[&tlv::object_identifier(&ECDSA_WITH_SHA256), &tlv::null()]);
        assert_eq!(SignatureAlgorithm::from_der(&rsa), None);
        assert_eq!(SignatureAlgorithm::from_der(&ecdsa), None);
        let filled = [0x05, 0x01, 0x00];
        let rsa = tlv::sequence(&[&tlv::object_identifier(&SHA256_WITH_RSA), &filled]);
        assert_eq!(SignatureAlgorithm::from_der(&rsa), None);
    }
}
