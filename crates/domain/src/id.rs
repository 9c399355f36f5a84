//! One type per kind of id.
//!
//! Row ids are 128 bits in 32 hexadecimal digits: 48 bits of time in seconds, so that new rows stand at
//! the end of an index, and 80 random bits. A [`FlowId`] is 128 random bits (F1).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entropy::{self, Entropy};
use crate::time::Timestamp;

/// Text that is no id of the kind wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

fn hexadecimal(octets: &[u8]) -> String {
    use fmt::Write as _;
    octets.iter().fold(
        String::with_capacity(octets.len() * 2),
        |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        },
    )
}

fn is_hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn time_ordered(now: Timestamp, entropy: &dyn Entropy) -> String {
    let time = now.unix().max(0).to_be_bytes();
    let mut octets = [0; 16];
    octets[..6].copy_from_slice(&time[2..]);
    octets[6..].copy_from_slice(&entropy::octets::<10>(entropy));
    hexadecimal(&octets)
}

macro_rules! row_id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new id, greater than those of earlier seconds.
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(time_ordered(now, entropy))
            }

            /// Reads an id as it stands in a column or an address.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                is_hexadecimal(text, 32).then(|| Self(text.to_owned())).ok_or(InvalidId)
            }

            /// The 32 hexadecimal digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

row_id! {
    /// Names an application for a certificate.
    ApplicationId,
    /// Names an audit event.
    AuditId,
    /// Names a key of the certification authority; part of the CRL's address.
    CaKeyId,
    /// Names a grant.
    GrantId,
    /// Names an institution, whatever its code is today (I5).
    InstitutionId,
    /// Names an operator.
    OperatorId,
    /// Names a mail in the outbox.
    OutboxId,
    /// Names a row of a reference ID (never the reference ID itself).
    ReferenceRowId,
    /// Names a request to revoke.
    RevocationId,
    /// Names a certificate of one of our own services (TLS server, OCSP responder).
    ServiceCertificateId,
}

/// Names one procedure of one person (F1): 128 random bits, in the address of each of its pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FlowId(String);

impl FlowId {
    /// A new id.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(hexadecimal(&entropy::octets::<16>(entropy)))
    }

    /// Reads an id from an address.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        is_hexadecimal(text, 32)
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidId)
    }

    /// The 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A certificate's serial number: 16 octets from entropy, positive (I4, RFC 5280 §4.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SerialNumber([u8; 16]);

impl SerialNumber {
    /// A new serial number. The first bit is 0 and the second 1: positive, and always 16 octets long,
    /// which leaves 126 random bits.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut octets: [u8; 16] = entropy::octets(entropy);
        octets[0] = octets[0] & 0x3f | 0x40;
        Self(octets)
    }

    /// The serial number with these octets; `None` where it is not positive.
    pub fn from_octets(octets: [u8; 16]) -> Option<Self> {
        (octets[0] & 0x80 == 0 && octets != [0; 16]).then_some(Self(octets))
    }

    /// Reads 32 hexadecimal digits, small or capital (other programs print capitals).
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let mut octets = [0; 16];
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidId);
        }
        for (octet, digits) in octets.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| InvalidId)?;
            *octet = u8::from_str_radix(digits, 16).map_err(|_| InvalidId)?;
        }
        Self::from_octets(octets).ok_or(InvalidId)
    }

    /// The 16 octets, most significant first.
    pub const fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for SerialNumber {
    /// 32 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

/// A SHA-256 fingerprint of a certificate's DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}
