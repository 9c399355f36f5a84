//! Reading lists: the side of a relying system.

use std::ops::Range;

use const_oid::db::rfc5280;

use super::{CrlError, ReasonCode};
use crate::{
    certificate,
    digest::Hasher,
    key::PublicKey,
    name::DistinguishedName,
    signer::SignatureAlgorithm,
    tlv::{self, Element, Malformed, Reader},
};

/// A parsed list; keeps its DER and reads entries from it on demand.
#[derive(Clone)]
pub struct Crl {
    der: Vec<u8>,
    tbs: Range<usize>,
    entries: Range<usize>,
    issuer: DistinguishedName,
    number: Option<u64>,
    this_update: i64,
    next_update: i64,
    issuing_distribution_point: Option<String>,
    authority_key_identifier: Option<Vec<u8>>,
    signature_algorithm: Option<SignatureAlgorithm>,
    signature: Vec<u8>,
}

/// One revoked certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CrlEntry<'a> {
    /// Serial number: magnitude without leading zeros.
    pub serial: &'a [u8],
    /// Moment of the revocation, unix seconds.
    pub revoked_at: i64,
    /// Reason, if one is given.
    pub reason: Option<ReasonCode>,
}

impl CrlEntry<'_> {
    /// Serial number with leading zeros; `None` if it has more than 16 octets.
    pub fn serial_16(&self) -> Option<[u8; 16]> {
        certificate::serial_16(self.serial)
    }
}

#[derive(Default)]
struct Extensions {
    number: Option<u64>,
    issuing_distribution_point: Option<String>,
    authority_key_identifier: Option<Vec<u8>>,
}

impl Crl {
    /// Reads one DER `CertificateList` of version 2 with nextUpdate. Every entry is checked; a
    /// critical extension that is not understood, or an issuingDistributionPoint that says more
    /// than one URI, is refused (RFC 5280 §5.2, §5.3). The signature is not checked.
    pub fn parse(der: &[u8]) -> Result<Self, CrlError> {
        let mut outer = Reader::sequence_in(der)?;
        let tbs = outer.any()?;
        let outer_algorithm = outer.any()?.raw;
        let signature = outer.bit_string()?;
        outer.finish()?;

        let mut fields = Reader::new(tbs.expect(tlv::SEQUENCE)?);
        if fields.expect(tlv::INTEGER)? != [1] {
            return Err(CrlError::Malformed);
        }
        let inner_algorithm = fields.any()?.raw;
        let issuer = DistinguishedName::from_der(fields.any()?.raw)?;
        let this_update = tlv::parse_time(&fields.any()?)?;
        let next_update = tlv::parse_time(&fields.any()?)?;
        let entries = fields.optional(tlv::SEQUENCE)?.unwrap_or_default();
        let extensions = match fields.optional(tlv::context(0))? {
            Some(content) => read_extensions(content)?,
            None => Extensions::default(),
        };
        fields.finish()?;
        let mut walk = Reader::new(entries);
        while !walk.is_empty() {
            read_entry(walk.any()?)?;
        }

        Ok(Self {
            tbs: range_within(der, tbs.raw)?,
            entries: if entries.is_empty() {
                0..0
            } else {
                range_within(der, entries)?
            },
            der: der.to_vec(),
            issuer,
            number: extensions.number,
            this_update,
            next_update,
            issuing_distribution_point: extensions.issuing_distribution_point,
            authority_key_identifier: extensions.authority_key_identifier,
            signature_algorithm: SignatureAlgorithm::from_der(outer_algorithm)
                .filter(|_| outer_algorithm == inner_algorithm),
            signature: signature.to_vec(),
        })
    }

    /// The DER as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// cRLNumber; `None` if absent or greater than 64 bits.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// When the list was made, unix seconds.
    pub fn this_update(&self) -> i64 {
        self.this_update
    }

    /// When the next list comes at the latest, unix seconds.
    pub fn next_update(&self) -> i64 {
        self.next_update
    }

    /// True from thisUpdate to nextUpdate.
    pub fn is_current_at(&self, unix_seconds: i64) -> bool {
        (self.this_update..=self.next_update).contains(&unix_seconds)
    }

    /// The URI of the shard; `None` for a complete list.
    pub fn issuing_distribution_point(&self) -> Option<&str> {
        self.issuing_distribution_point.as_deref()
    }

    /// The keyIdentifier of authorityKeyIdentifier.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.authority_key_identifier.as_deref()
    }

    /// The entry of a serial number: big-endian, leading zeros do not matter. Reads the list from
    /// its beginning.
    pub fn find(&self, serial: &[u8]) -> Option<CrlEntry<'_>> {
        let start = serial
            .iter()
            .position(|octet| *octet != 0)
            .unwrap_or(serial.len());
        let wanted = serial.get(start..)?;
        let mut walk = self.walk();
        std::iter::from_fn(|| walk.any().ok())
            .find(|entry| Reader::new(entry.content).unsigned_integer() == Ok(wanted))
            .and_then(|entry| read_entry(entry).ok())
    }

    /// All entries in the order of the list.
    pub fn entries(&self) -> impl Iterator<Item = CrlEntry<'_>> {
        let mut walk = self.walk();
        // Every entry was read once by `parse`; the iterator ends where the list ends.
        std::iter::from_fn(move || walk.any().ok().and_then(|entry| read_entry(entry).ok()))
    }

    /// True when this key made the signature and both algorithm fields say so.
    pub fn verify(&self, issuer_key: &PublicKey) -> bool {
        let algorithm = SignatureAlgorithm::of(issuer_key.algorithm());
        let Some(tbs) = self.der.get(self.tbs.clone()) else {
            return false;
        };
        let mut hasher = Hasher::new(algorithm.digest());
        hasher.update(tbs);
        self.signature_algorithm == Some(algorithm)
            && issuer_key.verify_digest(&hasher.finish(), &self.signature)
    }

    fn walk(&self) -> Reader<'_> {
        Reader::new(self.der.get(self.entries.clone()).unwrap_or_default())
    }
}

fn read_entry(entry: Element<'_>) -> Result<CrlEntry<'_>, CrlError> {
    let mut fields = Reader::new(entry.expect(tlv::SEQUENCE)?);
    let serial = fields.unsigned_integer()?;
    let revoked_at = tlv::parse_time(&fields.any()?)?;
    let mut reason = None;
    if !fields.is_empty() {
        let mut extensions = fields.sequence()?;
        while !extensions.is_empty() {
            let mut extension = extensions.sequence()?;
            let identifier = extension.object_identifier()?;
            let critical = extension.optional_boolean()?.unwrap_or(false);
            let value = extension.expect(tlv::OCTET_STRING)?;
            extension.finish()?;
            if identifier == rfc5280::ID_CE_CRL_REASONS {
                reason = Some(read_reason(Element::only(value)?.expect(tlv::ENUMERATED)?)?);
            } else if critical {
                return Err(CrlError::UnknownCritical(identifier));
            }
        }
    }
    fields.finish()?;
    Ok(CrlEntry {
        serial,
        revoked_at,
        reason,
    })
}

fn read_reason(content: &[u8]) -> Result<ReasonCode, Malformed> {
    match content {
        [code] => ReasonCode::from_code(*code).ok_or(Malformed),
        _ => Err(Malformed),
    }
}

fn read_extensions(explicit: &[u8]) -> Result<Extensions, CrlError> {
    let mut list = Reader::new(Element::only(explicit)?.expect(tlv::SEQUENCE)?);
    let mut found = Extensions::default();
    while !list.is_empty() {
        let mut extension = list.sequence()?;
        let identifier = extension.object_identifier()?;
        let critical = extension.optional_boolean()?.unwrap_or(false);
        let value = extension.expect(tlv::OCTET_STRING)?;
        extension.finish()?;
        match identifier {
            rfc5280::ID_CE_CRL_NUMBER => {
                let number = tlv::magnitude(Element::only(value)?.expect(tlv::INTEGER)?)?;
                found.number = (number.len() <= 8).then(|| {
                    number
                        .iter()
                        .fold(0, |number, octet| number << 8 | u64::from(*octet))
                });
            }
            rfc5280::ID_CE_AUTHORITY_KEY_IDENTIFIER => {
                let mut fields = Reader::sequence_in(value)?;
                found.authority_key_identifier = fields
                    .optional(tlv::context_primitive(0))?
                    .map(<[u8]>::to_vec);
            }
            rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT => {
                found.issuing_distribution_point = Some(read_distribution_point(value)?);
            }
            other if critical => return Err(CrlError::UnknownCritical(other)),
            _ => {}
        }
    }
    Ok(found)
}

/// Exactly `distributionPoint [0] { fullName [0] { uniformResourceIdentifier [6] } }`.
fn read_distribution_point(value: &[u8]) -> Result<String, CrlError> {
    let only_one_address = || -> Result<&[u8], Malformed> {
        let mut fields = Reader::sequence_in(value)?;
        let point = fields.expect(tlv::context(0))?;
        fields.finish()?;
        let names = Element::only(point)?.expect(tlv::context(0))?;
        Element::only(names)?.expect(tlv::context_primitive(6))
    };
    let uri = only_one_address()
        .map_err(|_| CrlError::UnknownCritical(rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT))?;
    String::from_utf8(uri.to_vec()).map_err(|_| CrlError::Malformed)
}

/// Where `part`, a slice of `whole`, lies in it.
fn range_within(whole: &[u8], part: &[u8]) -> Result<Range<usize>, Malformed> {
    let start = part
        .as_ptr()
        .addr()
        .checked_sub(whole.as_ptr().addr())
        .ok_or(Malformed)?;
    let range = start..start + part.len();
    if whole.get(range.clone()) == Some(part) {
        Ok(range)
    } else {
        Err(Malformed)
    }
}
