//! リクエストID and リファレンスID (decisions I1, I2, I7; manual 2.3).

use std::fmt;

use serde::Serialize;

use crate::entropy::{self, Entropy};
use crate::secret::Secret;
use crate::time::{CalendarDate, Timestamp};

/// Letters and digits without `0 O o 1 l I` (I2).
const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
/// Longest text looked at: a longer one cannot be an ID.
const LONGEST: usize = 64;

/// リクエストID: eight digits of a Japanese date and a global running number of seven digits or more
/// (I1, R-005). Public; nothing depends on its secrecy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// The ID of day `date` with the running number `number`.
    pub fn new(date: CalendarDate, number: u64) -> Self {
        let (year, month, day) = date.ymd();
        Self(format!("{year:04}{month:02}{day:02}{number:07}"))
    }

    /// Reads what a person typed: full-width forms, spaces and hyphens are put right first (A.2 1).
    pub fn parse(typed: &str) -> Option<Self> {
        let text = half_width(typed)?;
        ((15..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()))
            .then_some(Self(text))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// リファレンスID: the secret of a letter or of a renewal (I2).
#[derive(Clone)]
pub struct ReferenceId(Secret<String>);

impl ReferenceId {
    /// A new secret of `length` characters.
    pub fn generate(entropy: &dyn Entropy, length: usize) -> Self {
        Self(Secret::new(entropy::text(entropy, ALPHABET, length)))
    }

    /// Reads what a person typed; `None` only where it can be no reference ID at all. Look-alike
    /// characters are kept: the comparison says no.
    pub fn parse(typed: &str) -> Option<Self> {
        let text = half_width(typed)?;
        ((8..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric()))
            .then(|| Self(Secret::new(text)))
    }

    /// The characters, for hashing and for the letter.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The last two characters: all that later screens show (A.2 2).
    pub fn last_two(&self) -> String {
        let text = self.0.expose();
        text.get(text.len().saturating_sub(2)..)
            .unwrap_or_default()
            .to_owned()
    }
}

/// What a reference ID may do (I7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceScope {
    /// A letter's: collect inside the window, freeze, hold.
    Letter,
    /// Given out again after the collection: hold only.
    RevocationOnly,
}

impl ReferenceScope {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::RevocationOnly => "revocation_only",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Letter, Self::RevocationOnly]
            .into_iter()
            .find(|s| s.as_str() == text)
    }
}

/// A reference ID as it is stored: never in clear.
#[derive(Clone, Debug)]
pub struct StoredReference {
    /// HMAC-SHA-256(pepper, kind ‖ request ID ‖ reference ID), 32 octets.
    pub hmac: Vec<u8>,
    /// Which pepper made it.
    pub pepper: i64,
    /// Salt of the key derived from the clear text (K3), 16 octets.
    pub salt: Vec<u8>,
    /// What it may do.
    pub scope: ReferenceScope,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Turns full-width letters, digits and hyphens into half-width ones and drops spaces and hyphens;
/// `None` for a text that is too long to be an ID.
fn half_width(typed: &str) -> Option<String> {
    if typed.len() > LONGEST * 4 {
        return None;
    }
    let mut text = String::with_capacity(typed.len());
    for c in typed.chars() {
        match c {
            ' '
            | '\t'
            | '\u{3000}'
            | '\r'
            | '\n'
            | '-'
            | '\u{2010}'..='\u{2015}'
            | '\u{2212}'
            | '\u{ff0d}'
            | '\u{30fc}' => {}
            '\u{ff01}'..='\u{ff5e}' => {
                text.push(char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c));
            }
            _ => text.push(c),
        }
    }
    Some(text)
}
