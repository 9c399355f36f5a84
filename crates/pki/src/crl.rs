//! Certificate revocation lists (RFC 5280 §5), written as a stream and read entry by entry.
//!
//! The writer keeps every entry once, in the buffer that becomes the list; the headers are put in
//! front at the end and only the digest goes to the signer.

use const_oid::{ObjectIdentifier, db::rfc5280};

use crate::{
    digest::Hasher,
    key::PublicKey,
    name::{DistinguishedName, NameError},
    profile::{ExtensionError, full_name},
    signer::{SignError, SignatureAlgorithm, Signer},
    tlv::{self, Malformed, TimeOutOfRange},
};

mod read;

pub use crate::reason::ReasonCode;
pub use read::{Crl, CrlEntry};

/// Why a list cannot be written or read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CrlError {
    /// The address of the distribution point cannot be encoded.
    #[error(transparent)]
    Extension(#[from] ExtensionError),
    /// The bytes are no DER `CertificateList` of version 2.
    #[error("malformed certificate revocation list")]
    Malformed,
    /// The issuer cannot be read.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The signer holds another key than the one the list names.
    #[error("the signer holds another key than the issuer's")]
    Signer,
    /// A time is outside what X.509 can say.
    #[error(transparent)]
    Time(#[from] TimeOutOfRange),
    /// A critical extension that changes the meaning of the list.
    #[error("unknown critical extension {0}")]
    UnknownCritical(ObjectIdentifier),
    /// nextUpdate is before thisUpdate.
    #[error("the next update is before this update")]
    Validity,
    /// The signature just made does not verify.
    #[error("the signature just made does not verify")]
    Verify,
}

impl From<Malformed> for CrlError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Writes one list. Serial numbers must not repeat; the caller reads them from unique rows.
pub struct CrlWriter {
    /// Room for the headers, then the entries.
    buffer: Vec<u8>,
    /// Version, algorithm, issuer, thisUpdate, nextUpdate.
    opening: Vec<u8>,
    extensions: Vec<u8>,
    issuer_key: PublicKey,
}

impl CrlWriter {
    /// Begins a list. `number` becomes cRLNumber; `issuing_distribution_point` is the URI of a
    /// shard, `None` for a complete list. Times are unix seconds.
    pub fn new(
        issuer: &DistinguishedName,
        issuer_key: &PublicKey,
        number: u64,
        this_update: i64,
        next_update: i64,
        issuing_distribution_point: Option<&str>,
    ) -> Result<Self, CrlError> {
        if next_update < this_update {
            return Err(CrlError::Validity);
        }
        let opening = [
            tlv::unsigned_integer(&[VERSION_2]),
            SignatureAlgorithm::of(issuer_key.algorithm()).to_der(),
            issuer.to_der(),
            tlv::time(this_update)?,
            tlv::time(next_update)?,
        ]
        .concat();
        Ok(Self {
            buffer: vec![0; opening.len() + 3 * LONGEST_HEADER],
            opening,
            extensions: extensions(issuer_key, number, issuing_distribution_point)?,
            issuer_key: issuer_key.clone(),
        })
    }

    /// Appends an entry. No reason, or [`ReasonCode::Unspecified`], leaves reasonCode out.
    pub fn push(
        &mut self,
        serial: &[u8; 16],
        revoked_at: i64,
        reason: Option<ReasonCode>,
    ) -> Result<(), CrlError> {
        let start = self.buffer.len();
        // Length octet below 0x80: 19 for the number, 17 for the time, 14 for the extension.
        self.buffer.extend([tlv::SEQUENCE, 0]);
        tlv::write_unsigned_integer(&mut self.buffer, serial);
        if let Err(error) = tlv::write_time(&mut self.buffer, revoked_at) {
            self.buffer.truncate(start);
            return Err(error.into());
        }
        if let Some(code) = ReasonCode::written(reason) {
            self.buffer.extend(REASON_CODE);
            self.buffer.push(code);
        }
        let length = self.buffer.len() - start - 2;
        if let (Some(octet), Ok(length)) = (self.buffer.get_mut(start + 1), u8::try_from(length)) {
            *octet = length;
        }
        Ok(())
    }

    /// Ends the list: signs it, verifies the signature and returns the DER `CertificateList`.
    pub fn finish(self, signer: &dyn Signer) -> Result<Vec<u8>, CrlError> {
        if signer.public_key() != &self.issuer_key {
            return Err(CrlError::Signer);
        }
        let Self {
            mut buffer,
            opening,
            extensions,
            issuer_key,
        } = self;
        let mut start = opening.len() + 3 * LONGEST_HEADER;
        let entries = buffer.len() - start;
        buffer.extend(extensions);
        if entries > 0 {
            put_before(&mut buffer, &mut start, &header(entries));
        }
        put_before(&mut buffer, &mut start, &opening);
        let tbs_length = buffer.len() - start;
        put_before(&mut buffer, &mut start, &header(tbs_length));

        let algorithm = signer.signature_algorithm();
        let mut hasher = Hasher::new(algorithm.digest());
        hasher.update(buffer.get(start..).unwrap_or_default());
        let digest = hasher.finish();
        let signature = signer.sign_digest(&digest)?;
        if !issuer_key.verify_digest(&digest, &signature) {
            return Err(CrlError::Verify);
        }
        buffer.extend(algorithm.to_der());
        buffer.extend(tlv::bit_string(&signature));
        let length = buffer.len() - start;
        put_before(&mut buffer, &mut start, &header(length));
        buffer.drain(..start);
        Ok(buffer)
    }
}

fn extensions(
    issuer_key: &PublicKey,
    number: u64,
    distribution_point: Option<&str>,
) -> Result<Vec<u8>, ExtensionError> {
    let identifier = tlv::wrap(tlv::context_primitive(0), &[&issuer_key.key_identifier()]);
    let mut list = extension(
        &rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER,
        false,
        &tlv::sequence(&[&identifier]),
    );
    let number = tlv::unsigned_integer(&number.to_be_bytes());
    list.extend(extension(&rfc5280::ID_CE_CRL_NUMBER, false, &number));
    if let Some(uri) = distribution_point {
        let point = tlv::wrap(tlv::context(0), &[&full_name(uri)?]);
        let value = tlv::sequence(&[&point]);
        list.extend(extension(
            &rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT,
            true,
            &value,
        ));
    }
    Ok(tlv::wrap(tlv::context(0), &[&tlv::sequence(&[&list])]))
}

fn extension(identifier: &ObjectIdentifier, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical {
        &[tlv::BOOLEAN, 1, 0xff]
    } else {
        &[]
    };
    tlv::sequence(&[
        &tlv::object_identifier(identifier),
        critical,
        &tlv::octet_string(value),
    ])
}

fn header(length: usize) -> Vec<u8> {
    let mut header = Vec::with_capacity(LONGEST_HEADER);
    tlv::write_header(&mut header, tlv::SEQUENCE, length);
    header
}

/// Writes `bytes` into the room that ends at `start`, and moves `start` to their beginning.
fn put_before(buffer: &mut [u8], start: &mut usize, bytes: &[u8]) {
    let begin = start.saturating_sub(bytes.len());
    if let Some(room) = buffer.get_mut(begin..*start) {
        room.copy_from_slice(bytes);
    }
    *start = begin;
}

const VERSION_2: u8 = 1;

/// Identifier octet, count octet and eight length octets.
const LONGEST_HEADER: usize = 10;

/// crlEntryExtensions with reasonCode, all but the code itself (RFC 5280 §5.3.1).
const REASON_CODE: [u8; 13] = [
    0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01,
];
