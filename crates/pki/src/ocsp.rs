//! OCSP requests and responses (RFC 6960, nonce as in RFC 9654).
//!
//! Here stands what both messages share: which certificate is meant. `ocsp/request.rs` and
//! `ocsp/response.rs` hold the messages.

use const_oid::{ObjectIdentifier, db::rfc6960};

use crate::{
    digest,
    key::PublicKey,
    name::DistinguishedName,
    tlv::{self, Malformed, Reader},
};

mod request;
mod response;
mod verify;

pub use request::{MOST_CERT_IDS, OcspRequest};
pub use response::{CertStatus, ErrorStatus, OcspResponseBuilder};
pub use verify::{OcspResponse, SingleResponse};

use crate::{crl::ReasonCode, signer::SignError, tlv::TimeOutOfRange};

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// Why a message cannot be read, made or believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OcspError {
    /// The bytes are no message of the kind expected, or break a limit.
    #[error("malformed OCSP message")]
    Malformed,
    /// The response carries another nonce than the request.
    #[error("the nonce of the response is not that of the request")]
    Nonce,
    /// The responder gave no answer.
    #[error("the responder answered {0:?}")]
    Refused(ErrorStatus),
    /// Nobody entitled to answer for the issuer signed the response.
    #[error("no certificate entitles the responder to answer for this issuer")]
    Responder,
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The signature does not verify.
    #[error("the signature of the response does not verify")]
    Signature,
    /// A time is outside what X.509 can say.
    #[error(transparent)]
    Time(#[from] TimeOutOfRange),
}

impl From<Malformed> for OcspError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// The hash algorithms of a CertID that this product answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HashAlgorithm {
    /// SHA-1, an identifier only.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// Which certificate is meant: hashes of issuer name and key, and the serial number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CertId {
    raw: Vec<u8>,
    /// `None` for a hash algorithm that is not answered.
    hash_algorithm: Option<HashAlgorithm>,
    issuer_name_hash: Vec<u8>,
    issuer_key_hash: Vec<u8>,
    serial: Vec<u8>,
}

impl CertId {
    /// Serial number: magnitude without leading zeros.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Serial number with leading zeros; `None` if it has more than 16 octets.
    pub fn serial_16(&self) -> Option<[u8; 16]> {
        crate::certificate::serial_16(&self.serial)
    }

    /// The DER as in the message; answers repeat it octet by octet.
    pub fn der(&self) -> &[u8] {
        &self.raw
    }

    fn read(der: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Reader::sequence_in(der)?;
        let mut algorithm = fields.sequence()?;
        let hash_algorithm = match algorithm.object_identifier()? {
            SHA1 => Some(HashAlgorithm::Sha1),
            SHA256 => Some(HashAlgorithm::Sha256),
            _ => None,
        };
        let issuer_name_hash = fields.expect(tlv::OCTET_STRING)?.to_vec();
        let issuer_key_hash = fields.expect(tlv::OCTET_STRING)?.to_vec();
        let serial = fields.unsigned_integer()?.to_vec();
        fields.finish()?;
        Ok(Self {
            raw: der.to_vec(),
            hash_algorithm,
            issuer_name_hash,
            issuer_key_hash,
            serial,
        })
    }
}

/// The hashes by which requests name one issuer, computed once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IssuerIds {
    name_sha1: [u8; 20],
    key_sha1: [u8; 20],
    name_sha256: [u8; 32],
    key_sha256: [u8; 32],
}

impl IssuerIds {
    /// Hashes the issuer's name and key (RFC 6960 §4.1.1).
    pub fn of(name: &DistinguishedName, key: &PublicKey) -> Self {
        let name = name.to_der();
        Self {
            name_sha1: digest::sha1(&name),
            key_sha1: key.key_identifier(),
            name_sha256: digest::sha256(&name),
            key_sha256: digest::sha256(key.key_octets()),
        }
    }

    /// True when the CertID names this issuer, by name and by key.
    pub fn matches(&self, cert_id: &CertId) -> bool {
        cert_id.hash_algorithm.is_some_and(|algorithm| {
            let (name, key) = self.hashes(algorithm);
            cert_id.issuer_name_hash == name && cert_id.issuer_key_hash == key
        })
    }

    /// The CertID of a certificate of this issuer.
    pub fn cert_id(&self, algorithm: HashAlgorithm, serial: &[u8]) -> CertId {
        let (name, key) = self.hashes(algorithm);
        let oid = match algorithm {
            HashAlgorithm::Sha1 => SHA1,
            HashAlgorithm::Sha256 => SHA256,
        };
        let start = serial
            .iter()
            .position(|octet| *octet != 0)
            .unwrap_or(serial.len());
        let raw = tlv::sequence(&[
            &tlv::sequence(&[&tlv::object_identifier(&oid), &tlv::null()]),
            &tlv::octet_string(name),
            &tlv::octet_string(key),
            &tlv::unsigned_integer(serial),
        ]);
        CertId {
            raw,
            hash_algorithm: Some(algorithm),
            issuer_name_hash: name.to_vec(),
            issuer_key_hash: key.to_vec(),
            serial: serial.get(start..).unwrap_or_default().to_vec(),
        }
    }

    fn hashes(&self, algorithm: HashAlgorithm) -> (&[u8], &[u8]) {
        match algorithm {
            HashAlgorithm::Sha1 => (&self.name_sha1, &self.key_sha1),
            HashAlgorithm::Sha256 => (&self.name_sha256, &self.key_sha256),
        }
    }
}

/// The nonce extension, not critical; the value is an OCTET STRING inside an OCTET STRING.
fn nonce_extension(nonce: &[u8]) -> Vec<u8> {
    tlv::sequence(&[
        &tlv::object_identifier(&rfc6960::ID_PKIX_OCSP_NONCE),
        &tlv::octet_string(&tlv::octet_string(nonce)),
    ])
}

/// Reads an `[n] EXPLICIT Extensions`; returns the nonce. Other critical extensions are refused.
fn read_nonce(explicit: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
    let mut list = Reader::sequence_in(explicit)?;
    let mut nonce = None;
    while !list.is_empty() {
        let mut extension = list.sequence()?;
        let identifier = extension.object_identifier()?;
        let critical = extension.optional_boolean()?.unwrap_or(false);
        let value = extension.expect(tlv::OCTET_STRING)?;
        extension.finish()?;
        if identifier == rfc6960::ID_PKIX_OCSP_NONCE {
            let content = tlv::Element::only(value)?.expect(tlv::OCTET_STRING)?;
            if nonce.is_some() || !(1..=128).contains(&content.len()) {
                return Err(Malformed);
            }
            nonce = Some(content.to_vec());
        } else if critical {
            return Err(Malformed);
        }
    }
    Ok(nonce)
}
