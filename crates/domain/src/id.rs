//! One type per kind of id.
//!
//! Row ids are 128 bits in 32 hexadecimal digits: 48 bits of time in seconds, so that new rows
//! stand at the end of an index, and 80 random bits. A [`FlowId`] is 128 random bits (F1).

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

            /// The least id that a row of this instant can have: where the rows of a time begin.
            pub fn first_of(at: Timestamp) -> Self {
                Self(format!("{:012x}{:020x}", at.unix().max(0), 0))
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
    /// Names an announcement on the entrance page.
    AnnouncementId,
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
    /// Names what one operator proposed for another to confirm.
    ProposalId,
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
    /// A new serial number. The first bit is 0 and the second 1: positive, and always 16 octets
    /// long, which leaves 126 random bits.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Reads 64 hexadecimal digits, in letters of either case, with or without colons between the octets.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = if text.contains(':') {
            let pairs: Vec<&str> = text.split(':').collect();
            if pairs.iter().any(|pair| pair.len() != 2) {
                return None;
            }
            pairs.concat().into_bytes()
        } else {
            text.as_bytes().to_vec()
        };
        if digits.len() != 64 {
            return None;
        }
        let mut octets = [0; 32];
        for (octet, pair) in octets.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            let digits = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *octet = u8::from_str_radix(pair, 16).ok().filter(|_| digits)?;
        }
        Some(Self(octets))
    }
}

impl fmt::Display for Fingerprint {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hexadecimal(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::entropy::SeededEntropy;

    struct Constant(u8);

    impl Entropy for Constant {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    const NOW: Timestamp = Timestamp::from_unix(0x6789_abcd);

    #[test]
    fn a_row_id_is_48_bits_of_time_and_80_of_chance() {
        let id = GrantId::generate(NOW, &Constant(0xee));
        assert_eq!(id.as_str(), "00006789abcdeeeeeeeeeeeeeeeeeeee");
    }

    #[test]
    fn a_row_id_is_greater_than_those_of_earlier_seconds() {
        let seconds = [
            -5,
            0,
            1,
            255,
            256,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff_ffff,
        ];
        let entropy = SeededEntropy::new(1);
        let ids = seconds.map(|s| AuditId::generate(Timestamp::from_unix(s), &entropy));
        assert!(ids[1..].is_sorted());
        assert!(ids.iter().all(|id| id.as_str().len() == 32));
    }

    #[test]
    fn two_ids_of_one_second_differ() {
        let entropy = SeededEntropy::new(1);
        let ids: BTreeSet<_> = (0..10_000)
            .map(|_| OutboxId::generate(NOW, &entropy))
            .collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn only_32_small_hexadecimal_digits_are_an_id() {
        let good = "0123456789abcdef0123456789abcdef";
        assert!(GrantId::parse(good).is_ok() && FlowId::parse(good).is_ok());
        for bad in [
            "",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "0123456789ABCDEF0123456789ABCDEF",
            "0123456789abcdef0123456789abcdeg",
            " 123456789abcdef0123456789abcdef",
            "0123456789abcdef0123456789abcd\u{e9}",
        ] {
            assert_eq!(GrantId::parse(bad), Err(InvalidId), "{bad}");
            assert_eq!(FlowId::parse(bad), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn a_flow_id_is_128_bits_of_chance_alone() {
        let id = FlowId::generate(&Constant(0xa5));
        assert_eq!(id.as_str(), "a5".repeat(16));
    }

    #[test]
    fn a_serial_number_is_positive_and_16_octets_long_whatever_chance_brings() {
        let expect = |octet: u8, first: u8| {
            let serial = SerialNumber::generate(&Constant(octet));
            assert_eq!(serial.octets()[0], first);
            assert_eq!(serial.octets()[1..], [octet; 15]);
        };
        expect(0x00, 0x40);
        expect(0xff, 0x7f);
        expect(0x80, 0x40);
        let entropy = SeededEntropy::new(1);
        for _ in 0..10_000 {
            let first = SerialNumber::generate(&entropy).octets()[0];
            assert!((0x40..=0x7f).contains(&first));
        }
    }

    #[test]
    fn a_serial_number_that_is_printed_is_read_back_also_in_capitals() {
        let serial = SerialNumber::generate(&SeededEntropy::new(1));
        let text = serial.to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(SerialNumber::parse(&text), Ok(serial));
        assert_eq!(SerialNumber::parse(&text.to_uppercase()), Ok(serial));
    }

    #[test]
    fn what_is_no_positive_number_of_32_digits_is_no_serial_number() {
        for bad in [
            "",
            "00000000000000000000000000000000",
            "80000000000000000000000000000000",
            "ffffffffffffffffffffffffffffffff",
            "4000000000000000000000000000000",
            "400000000000000000000000000000000",
            "4000000000000000000000000000000g",
            "40000000000000000000000000000+1f",
            "+4000000000000000000000000000000",
            "4000000000000000000000000000\u{3042}0",
        ] {
            assert_eq!(SerialNumber::parse(bad), Err(InvalidId), "{bad}");
        }
        assert!(SerialNumber::parse("00000000000000000000000000000001").is_ok());
    }

    #[test]
    fn a_fingerprint_is_printed_in_64_digits() {
        assert_eq!(Fingerprint([0x0f; 32]).to_string(), "0f".repeat(32));
    }

    #[test]
    fn a_fingerprint_is_read_back_as_tools_print_it() {
        let wanted = Some(Fingerprint([0x0f; 32]));
        let colons = vec!["0F"; 32].join(":");
        assert_eq!(Fingerprint::parse(&"0f".repeat(32)), wanted);
        assert_eq!(Fingerprint::parse(&"0F".repeat(32)), wanted);
        assert_eq!(Fingerprint::parse(&colons), wanted);
        for wrong in [
            "",
            "0f",
            &"0f".repeat(31),
            &"0f".repeat(33),
            &"+f".repeat(32),
            &"0g".repeat(32),
            &format!("{}0:f", "0f".repeat(31)),
        ] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }
}
