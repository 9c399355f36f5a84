//! Institutions, their classes and codes (decision I5, requirements §5.2, §5.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::InstitutionId;
use crate::policy::ClassRule;

/// A class of subscriber, such as `medical`; the classes are configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassName(String);

impl ClassName {
    /// Takes the name of a class; whether it exists is for the policy to say.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One of the 47 prefectures, by its number in an institution code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefecture(u8);

impl Prefecture {
    /// The prefecture with this number (1 to 47).
    pub fn from_number(number: u8) -> Option<Self> {
        (1..=47).contains(&number).then_some(Self(number))
    }

    /// The prefecture with this name in small Latin letters, such as `hokkaido`.
    pub fn from_romaji(name: &str) -> Option<Self> {
        let index = ROMAJI.iter().position(|romaji| *romaji == name)?;
        u8::try_from(index + 1).ok().and_then(Self::from_number)
    }

    /// 1 (Hokkaido) to 47 (Okinawa).
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The name in small Latin letters, as it stands in the subject.
    pub fn romaji(self) -> &'static str {
        ROMAJI
            .get(usize::from(self.0) - 1)
            .copied()
            .unwrap_or_default()
    }
}

const ROMAJI: [&str; 47] = [
    "hokkaido",
    "aomori",
    "iwate",
    "miyagi",
    "akita",
    "yamagata",
    "fukushima",
    "ibaraki",
    "tochigi",
    "gunma",
    "saitama",
    "chiba",
    "tokyo",
    "kanagawa",
    "niigata",
    "toyama",
    "ishikawa",
    "fukui",
    "yamanashi",
    "nagano",
    "gifu",
    "shizuoka",
    "aichi",
    "mie",
    "shiga",
    "kyoto",
    "osaka",
    "hyogo",
    "nara",
    "wakayama",
    "tottori",
    "shimane",
    "okayama",
    "hiroshima",
    "yamaguchi",
    "tokushima",
    "kagawa",
    "ehime",
    "kochi",
    "fukuoka",
    "saga",
    "nagasaki",
    "kumamoto",
    "oita",
    "miyazaki",
    "kagoshima",
    "okinawa",
];

/// 医療機関コード, checked by the rule of its class. It can change hands, so it is data and never a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InstitutionCode(String);

/// Why a text is no code of its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    /// The check digit does not fit (Luhn over all digits).
    #[error("the check digit does not match; compare the code with the notice from the bureau")]
    CheckDigit,
    /// The class's pattern does not match.
    #[error("the code does not have the form of its class (for example ten digits)")]
    Form,
    /// The first two digits are not those of the prefecture.
    #[error("the first two digits do not belong to the prefecture")]
    Prefecture,
}

impl InstitutionCode {
    /// Checks `text` by the rule of its class. `prefecture` is compared where the class says so.
    pub fn parse(
        text: &str,
        rule: &ClassRule,
        prefecture: Option<Prefecture>,
    ) -> Result<Self, InvalidCode> {
        if text.chars().count() > 64 || !rule.pattern.is_match(text) {
            return Err(InvalidCode::Form);
        }
        if rule.luhn && !luhn_holds(text) {
            return Err(InvalidCode::CheckDigit);
        }
        let code = Self(text.to_owned());
        if rule.prefecture {
            let own = code.prefecture().ok_or(InvalidCode::Prefecture)?;
            if prefecture.is_some_and(|wanted| wanted != own) {
                return Err(InvalidCode::Prefecture);
            }
        }
        Ok(code)
    }

    /// A code as it was stored, checked when it came in.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The code's characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefecture that the first two digits name, where they name one.
    pub fn prefecture(&self) -> Option<Prefecture> {
        let digits = self
            .0
            .get(..2)
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
        digits.parse().ok().and_then(Prefecture::from_number)
    }
}

impl fmt::Display for InstitutionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the last digit is the Luhn check digit of those before it.
fn luhn_holds(digits: &str) -> bool {
    let mut sum = 0;
    for (place, c) in digits.chars().rev().enumerate() {
        let Some(digit) = c.to_digit(10) else {
            return false;
        };
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += if doubled > 9 { doubled - 9 } else { doubled };
    }
    sum % 10 == 0
}

/// 端末名称等: what a certificate is for. One line, 1 to 64 characters, no control characters, and
/// none that turn the direction of writing (a letter must show what the screen showed).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct TerminalName(String);

impl TerminalName {
    /// Trims and checks a name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let length = text.chars().count();
        let is_plain = |c: char| !c.is_control() && !breaks_or_turns_line(c);
        ((1..=64).contains(&length) && text.chars().all(is_plain)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Line and paragraph separators, and the marks that turn the direction of writing (Unicode
/// Bidi_Control): no control characters, yet a text with them does not read as it is stored.
const fn breaks_or_turns_line(c: char) -> bool {
    matches!(
        c,
        '\u{061c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// A mail address: one line, one `@`, ASCII, no blanks; so that no header can be added by it (T45).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct MailAddress(String);

impl MailAddress {
    /// Trims and checks an address: RFC 5321 sizes (local part 64, domain 253, both with the `@` 254)
    /// and the characters of an unquoted local part (its Dot-string).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let local_is_plain = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
        let domain_is_plain = domain.len() <= 253
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        (local_is_plain && domain_is_plain && text.len() <= 254).then(|| Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with most of its local part hidden: `t****@example.jp`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first = local.get(..1).unwrap_or_default();
        format!("{first}****@{domain}")
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 医療機関等 as the register knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// Its id; stays when the code changes.
    pub id: InstitutionId,
    /// Its class.
    pub class: ClassName,
    /// Its code today.
    pub code: InstitutionCode,
    /// Its name as printed.
    pub name: String,
    /// The prefecture that stands in the subject.
    pub prefecture: Prefecture,
    /// Postal code and address to which letters go.
    pub postal_code: String,
    /// Address to which letters go.
    pub address: String,
    /// The telephone number to call back.
    pub telephone: String,
}
