//! 接続確認コード: the short form of a TLS root's key, printed on a letter and typed into a client before it trusts
//! that root (decision W6, T70).
//!
//! The first ten octets of SHA-256 over the SubjectPublicKeyInfo in base32 (RFC 4648 §6), four groups of four letters.
//! Server and client share this one definition. Eighty bits: whoever wants to pass for the root needs a key with the
//! same ten octets, which costs 2^80 tries.

use std::fmt;

use crate::key::PublicKey;

const OCTETS: usize = 10;
const LETTERS: usize = 16;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters of a group.
const GROUP: usize = 4;

/// A code; it says which key a root has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ConnectionCode([u8; OCTETS]);

impl ConnectionCode {
    /// The code of a key.
    pub fn of(key: &PublicKey) -> Self {
        let hash = key.spki_sha256();
        let mut octets = [0; OCTETS];
        for (octet, hashed) in octets.iter_mut().zip(hash) {
            *octet = hashed;
        }
        Self(octets)
    }

    /// Reads what a person typed: full-width forms, small letters, spaces and hyphens are put right first, and the
    /// digits that base32 does not have are taken for the letters that they look like. `None` for what can be no
    /// code.
    pub fn parse(typed: &str) -> Option<Self> {
        let mut octets = [0_u8; OCTETS];
        let mut letters = 0;
        let (mut held, mut bits) = (0_u32, 0_u32);
        let mut places = octets.iter_mut();
        for letter in typed.chars().map(half_width).filter(|c| !is_between(*c)) {
            held = held << 5 | value(letter)?;
            bits += 5;
            letters += 1;
            if bits >= 8 {
                bits -= 8;
                let [.., octet] = (held >> bits).to_be_bytes();
                *places.next()? = octet;
                held &= (1 << bits) - 1;
            }
        }
        (letters == LETTERS).then_some(Self(octets))
    }

    /// Whether this is the code of `key`.
    pub fn is_of(&self, key: &PublicKey) -> bool {
        *self == Self::of(key)
    }
}

impl fmt::Display for ConnectionCode {
    /// `ABCD-EFGH-IJKL-MNOP`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self
            .0
            .iter()
            .fold(0_u128, |number, octet| number << 8 | u128::from(*octet));
        for place in 0..LETTERS {
            if place > 0 && place % GROUP == 0 {
                formatter.write_str("-")?;
            }
            let digit = number >> (5 * (LETTERS - 1 - place)) & 31;
            let letter = usize::try_from(digit)
                .ok()
                .and_then(|digit| ALPHABET.get(digit));
            write!(formatter, "{}", char::from(letter.copied().unwrap_or(b'?')))?;
        }
        Ok(())
    }
}

/// The half-width form of a full-width letter, digit or sign.
fn half_width(letter: char) -> char {
    match u32::from(letter) {
        full @ 0xff01..=0xff5e => char::from_u32(full - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

/// What people put between the groups: spaces and every kind of hyphen that a keyboard has.
fn is_between(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff70}'
        )
}

fn value(letter: char) -> Option<u32> {
    let letter = match letter.to_ascii_uppercase() {
        '0' => 'O',
        '1' => 'I',
        '8' => 'B',
        other => other,
    };
    let place = ALPHABET
        .iter()
        .position(|known| char::from(*known) == letter)?;
    u32::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::{KeyAlgorithm, PrivateKey};

    /// The example of RFC 4648 §10, `foobar`, and four octets more.
    const CODE: ConnectionCode = ConnectionCode(*b"foobar\x00\x01\xfe\xff");

    #[test]
    fn the_code_is_base32_in_groups_of_four() {
        assert_eq!(CODE.to_string(), "MZXW-6YTB-OIAA-D7X7");
    }

    #[test]
    fn a_code_is_read_however_it_is_typed() {
        for typed in [
            "MZXW-6YTB-OIAA-D7X7",
            "mzxw6ytboiaad7x7",
            " mzxw 6ytb oiaa d7x7\r\n",
            "ＭＺＸＷ－６ＹＴＢ－ＯＩＡＡ－Ｄ７Ｘ７",
            "ＭＺＸＷー６ＹＴＢ　０１ＡＡ−Ｄ７Ｘ７",
        ] {
            assert_eq!(ConnectionCode::parse(typed), Some(CODE), "{typed:?}");
        }
    }

    #[test]
    fn what_can_be_no_code_is_refused() {
        for typed in [
            "",
            "MZXW-6YTB-OIAA-D7X",
            "MZXW-6YTB-OIAA-D7X77",
            "MZXW-6YTB-OIAA-D7X9",
            "MZXW-6YTB-OIAA-D7X=",
            "MZXW_6YTB_OIAA_D7X7",
        ] {
            assert_eq!(ConnectionCode::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_code_is_of_one_key() {
        let keys = [(); 2].map(|()| PrivateKey::generate(KeyAlgorithm::P256).unwrap());
        let [own, other] = keys.each_ref().map(PrivateKey::public_key);
        let code = ConnectionCode::parse(&ConnectionCode::of(own).to_string()).unwrap();
        assert!(code.is_of(own));
        assert!(!code.is_of(other));
    }

    proptest! {
        #[test]
        fn a_printed_code_reads_back(octets: [u8; OCTETS]) {
            let code = ConnectionCode(octets);
            prop_assert_eq!(ConnectionCode::parse(&code.to_string()), Some(code));
        }

        #[test]
        fn hostile_texts_do_not_panic(typed in "\\PC{0,40}") {
            let _ = ConnectionCode::parse(&typed);
        }
    }
}
