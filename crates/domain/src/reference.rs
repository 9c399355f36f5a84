//! リクエストID and リファレンスID (decisions I1, I2, I7; manual 2.3).

use std::fmt;

use serde::Serialize;

use crate::entropy::{self, Entropy};
use crate::id::ProposalId;
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
    /// A renewal's: retrieve until 30 days after the old end, hold.
    Renewal,
    /// Given out again after the collection: hold only.
    RevocationOnly,
}

impl ReferenceScope {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::Renewal => "renewal",
            Self::RevocationOnly => "revocation_only",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Letter, Self::Renewal, Self::RevocationOnly]
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
    /// When the letter with it was posted: before that it does nothing (K2). A renewal's is out at once.
    pub posted_at: Option<Timestamp>,
    /// The proposal by which two persons released its letter for printing.
    pub release: Option<ProposalId>,
}

/// Turns full-width letters and digits into half-width ones and drops blanks (those without width
/// too: copying from a document brings them) and whatever a Japanese keyboard makes of a hyphen;
/// `None` for a text that is too long to be an ID.
pub(crate) fn half_width(typed: &str) -> Option<String> {
    if typed.len() > LONGEST * 4 {
        return None;
    }
    let mut text = String::with_capacity(typed.len());
    for c in typed.chars() {
        match c {
            '-'
            | '\u{2010}'..='\u{2015}'
            | '\u{2212}'
            | '\u{30fc}'
            | '\u{ff0d}'
            | '\u{ff70}'
            | '\u{200b}'
            | '\u{feff}' => {}
            blank if blank.is_whitespace() => {}
            '\u{ff01}'..='\u{ff5e}' => {
                text.push(char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c));
            }
            _ => text.push(c),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::entropy::SeededEntropy;

    fn day(year: i32, month: u8, day: u8) -> CalendarDate {
        CalendarDate::from_ymd(year, month, day).unwrap()
    }

    fn request(typed: &str) -> Option<String> {
        RequestId::parse(typed).map(|id| id.to_string())
    }

    fn reference(typed: &str) -> Option<String> {
        ReferenceId::parse(typed).map(|id| id.expose().to_owned())
    }

    #[test]
    fn a_request_id_is_the_day_and_a_running_number_of_seven_digits_or_more() {
        let cases = [
            (day(2020, 2, 19), 55, "202002190000055"),
            (day(2021, 3, 19), 101_509, "202103190101509"),
            (day(2031, 12, 1), 9_999_999, "203112019999999"),
            (day(2031, 12, 1), 10_000_000, "2031120110000000"),
        ];
        for (date, number, expected) in cases {
            let id = RequestId::new(date, number);
            assert_eq!(id.as_str(), expected);
            assert_eq!(RequestId::parse(expected), Some(id));
        }
    }

    #[test]
    fn a_request_id_is_read_however_it_is_typed() {
        for typed in [
            "202012140100076",
            " 202012140100076\r\n",
            "20201214-0100076",
            "2020 1214 0100 076",
            "２０２０１２１４０１０００７６",
            "２０２０１２１４－０１０００７６",
            "２０２０１２１４　０１０００７６",
            "２０２０１２１４ー０１０００７６",
            "20201214ｰ0100076",
            "20201214−0100076",
            "20201214‐0100076 ",
            "20201214\u{a0}0100076\u{200b}",
            "\u{feff}202012140100076\t",
        ] {
            let read = request(typed);
            assert_eq!(read.as_deref(), Some("202012140100076"), "{typed:?}");
        }
    }

    #[test]
    fn what_can_be_no_request_id_is_refused() {
        for typed in [
            "",
            "-",
            "20201214010007",
            "2020121401000760000000000",
            "20201214010007x",
            "２０２０年１２月１４日",
            "二〇二〇一二一四〇一〇〇〇七六",
            "202012140100076\0",
            "+202012140100076",
            "٢٠٢٠١٢١٤٠١٠٠٠٧٦",
        ] {
            assert_eq!(request(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_text_too_long_to_be_an_id_is_refused_even_where_it_is_only_blanks_around_one() {
        let padded = |blanks| format!("202012140100076{}", " ".repeat(blanks));
        assert!(request(&padded(241)).is_some());
        assert!(request(&padded(242)).is_none());
        assert!(reference(&"a".repeat(64)).is_some());
        assert!(reference(&"a".repeat(65)).is_none());
        assert!(reference(&"-".repeat(10_000_000)).is_none());
    }

    #[test]
    fn a_reference_id_is_read_however_it_is_typed_and_keeps_its_case() {
        for typed in [
            "zigLUVC29Q",
            "zigLU VC29Q",
            "zigLU-VC29Q\n",
            "ｚｉｇＬＵＶＣ２９Ｑ",
            "zig　ＬＵＶーＣ２９Ｑ",
        ] {
            assert_eq!(reference(typed).as_deref(), Some("zigLUVC29Q"), "{typed:?}");
        }
    }

    #[test]
    fn look_alikes_reach_the_comparison_which_refuses_them() {
        assert_eq!(reference("0Oo1lI0Oo1").as_deref(), Some("0Oo1lI0Oo1"));
    }

    #[test]
    fn what_can_be_no_reference_id_is_refused() {
        for typed in [
            "",
            "abcdefg",
            "zigLUVC29_",
            "zigLUVC29é",
            "ｚｉｇＬＵＶＣ２９ヰ",
            "zigLUVC\0Q",
        ] {
            assert_eq!(reference(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn a_new_reference_id_has_every_letter_and_digit_but_the_look_alikes() {
        let entropy = SeededEntropy::new(1);
        let made: BTreeSet<char> = (0..1_000)
            .flat_map(|_| {
                let id = ReferenceId::generate(&entropy, 10);
                assert_eq!(id.expose().len(), 10);
                id.expose().chars().collect::<Vec<_>>()
            })
            .collect();
        let expected = ('0'..='9').chain('A'..='Z').chain('a'..='z');
        assert_eq!(made, expected.filter(|c| !"0Oo1lI".contains(*c)).collect());
    }

    #[test]
    fn later_screens_show_two_characters() {
        let id = ReferenceId::parse("zigLUVC29Q").unwrap();
        assert_eq!(id.last_two(), "9Q");
    }

    #[test]
    fn scopes_are_read_back_from_their_words() {
        for word in ["letter", "renewal", "revocation_only"] {
            assert_eq!(ReferenceScope::parse(word).unwrap().as_str(), word);
        }
        assert_eq!(ReferenceScope::parse("Renewal"), None);
    }
}
