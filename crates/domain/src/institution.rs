//! Institutions, their classes and codes (decision I5, requirements §5.2, §5.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::InstitutionId;
use crate::policy::ClassRule;
use crate::reference::half_width;
use crate::time::Timestamp;

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

    /// The prefecture with this name, such as 北海道.
    pub fn from_name(name: &str) -> Option<Self> {
        let index = NAMES.lines().position(|known| known == name)?;
        u8::try_from(index + 1).ok().and_then(Self::from_number)
    }

    /// The prefecture with which an address begins.
    pub fn beginning(address: &str) -> Option<Self> {
        let begins = |name: &&str| address.starts_with(name);
        NAMES.lines().find(begins).and_then(Self::from_name)
    }

    /// The name, such as 北海道.
    pub fn name(self) -> &'static str {
        let mut names = NAMES.lines();
        names.nth(usize::from(self.0) - 1).unwrap_or_default()
    }

    /// The name in small Latin letters, as it stands in the subject.
    pub fn romaji(self) -> &'static str {
        ROMAJI
            .get(usize::from(self.0) - 1)
            .copied()
            .unwrap_or_default()
    }
}

/// The names by number, one a line.
const NAMES: &str = include_str!("institution/prefectures.txt");

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

    /// What a person typed: full-width forms, small letters and hyphens are put right, and before the last seven
    /// digits of a code that begins with its prefecture come prefecture and class (RCR-2).
    pub fn from_typed(
        typed: &str,
        rule: &ClassRule,
        prefecture: Prefecture,
    ) -> Result<Self, InvalidCode> {
        let text = half_width(typed).ok_or(InvalidCode::Form)?;
        let text = text.to_ascii_uppercase();
        let whole = match text.len() {
            7 if rule.prefecture => completed(&text, rule, prefecture),
            _ => None,
        };
        Self::parse(&whole.unwrap_or(text), rule, Some(prefecture))
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

/// Prefecture and the one digit with which the class's codes go on, before `last`.
fn completed(last: &str, rule: &ClassRule, prefecture: Prefecture) -> Option<String> {
    let number = prefecture.number();
    let mut whole = (0..10)
        .map(|digit| format!("{number:02}{digit}{last}"))
        .filter(|code| rule.pattern.is_match(code));
    let only = whole.next()?;
    whole.next().is_none().then_some(only)
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
pub(crate) const fn breaks_or_turns_line(c: char) -> bool {
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
    /// Trims and checks an address: RFC 5321 sizes (local part 64, domain 253, both with the `@`
    /// 254) and the characters of an unquoted local part (its Dot-string). What looks like an encoded word is refused:
    /// readers of mails decode it to another address, which RFC 2047 §5 forbids.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let local_is_plain = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && !looks_encoded(local)
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

    /// An address as a person typed it: full-width letters, digits and signs are put right, and blanks go.
    pub fn from_typed(typed: &str) -> Option<Self> {
        Self::parse(&without_blanks(typed))
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

/// Whether a reader of mails could take it for an encoded word (RFC 2047 §2).
fn looks_encoded(local: &str) -> bool {
    let begun = local.split_once("=?");
    begun.is_some_and(|(_, rest)| rest.contains("?="))
}

/// What was typed in half-width characters, without blanks. Line ends within it stay: they are no slip of the hand.
pub fn without_blanks(typed: &str) -> String {
    let kept = typed.trim().chars();
    let kept = kept.filter(|c| !matches!(c, ' ' | '\t' | '\u{a0}' | '\u{3000}'));
    kept.map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    })
    .collect()
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text of another program, such as a mail server's answer, with each mail address in it masked.
pub fn mask_addresses(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "<>()[]\",;:".contains(c);
    let mask = |word: &str| match MailAddress::parse(word) {
        Some(address) => address.masked(),
        None if word.contains('@') => "****".to_owned(),
        None => word.to_owned(),
    };
    let mut masked = String::with_capacity(text.len());
    for part in text.split_inclusive(ends) {
        // An address may have an apostrophe in it; those around a word are no part of it.
        let opened = part.trim_start_matches('\'');
        let word = opened.trim_end_matches(|c| ends(c) || c == '\'');
        masked.push_str(part.get(..part.len() - opened.len()).unwrap_or_default());
        masked.push_str(&mask(word));
        masked.push_str(opened.get(word.len()..).unwrap_or_default());
    }
    masked
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
    /// How the name is read; empty where nobody said.
    pub kana: String,
    /// The prefecture that stands in the subject.
    pub prefecture: Prefecture,
    /// Postal code and address to which letters go.
    pub postal_code: String,
    /// Address to which letters go.
    pub address: String,
    /// The telephone number to call back.
    pub telephone: String,
    /// When the register's data about it changed last; none where they never did.
    pub changed_at: Option<Timestamp>,
    /// When it was closed (廃止): nothing is approved or issued for it any more.
    pub closed_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, ProfileName};

    fn policy() -> Policy {
        toml::from_str(ProfileName::Obn.source()).unwrap()
    }

    fn parse(class: &str, code: &str, prefecture: Option<u8>) -> Result<String, InvalidCode> {
        let policy = policy();
        let rule = policy.class(&ClassName::new(class)).unwrap();
        let prefecture = prefecture.map(|number| Prefecture::from_number(number).unwrap());
        InstitutionCode::parse(code, rule, prefecture).map(|code| code.to_string())
    }

    #[test]
    fn the_codes_of_the_requirements_are_valid_in_their_class_and_in_no_other_of_the_four() {
        let cases = [
            ("medical", "0110119153", 1),
            ("medical", "0110113719", 1),
            ("medical", "1619931494", 16),
            ("medical", "1310123458", 13),
            ("dental", "1330123454", 13),
            ("pharmacy", "1340123452", 13),
            ("visiting-nurse", "1360123457", 13),
            ("medical", "4710000011", 47),
        ];
        for (own, code, prefecture) in cases {
            for class in ["medical", "dental", "pharmacy", "visiting-nurse"] {
                let expected = if class == own {
                    Ok(code.to_owned())
                } else {
                    Err(InvalidCode::Form)
                };
                assert_eq!(parse(class, code, None), expected, "{class} {code}");
                assert_eq!(parse(class, code, Some(prefecture)), expected);
            }
            let code = InstitutionCode::from_stored(code.to_owned());
            assert_eq!(code.prefecture(), Prefecture::from_number(prefecture));
        }
    }

    #[test]
    fn a_wrong_check_digit_is_refused() {
        let refused = parse("medical", "0112345678", Some(1));
        assert_eq!(refused, Err(InvalidCode::CheckDigit));
    }

    #[test]
    fn one_wrong_digit_is_always_found() {
        let good = "0110119153";
        for place in 0..10 {
            for digit in '0'..='9' {
                let mut typed: Vec<char> = good.chars().collect();
                typed[place] = digit;
                let typed = String::from_iter(typed);
                let accepted = parse("medical", &typed, None).is_ok();
                assert_eq!(accepted, typed == good, "{typed}");
            }
        }
    }

    #[test]
    fn a_code_of_another_prefecture_is_refused() {
        for other in [2, 10, 13, 47] {
            let refused = parse("medical", "0110119153", Some(other));
            assert_eq!(refused, Err(InvalidCode::Prefecture));
        }
    }

    #[test]
    fn first_digits_that_name_no_prefecture_are_refused() {
        for number in ["00", "48", "99"] {
            let refusals: Vec<_> = (0..10)
                .map(|check| parse("medical", &format!("{number}1000000{check}"), None))
                .collect();
            let count = |refusal| refusals.iter().filter(|r| **r == Err(refusal)).count();
            assert_eq!(count(InvalidCode::Prefecture), 1, "{number}");
            assert_eq!(count(InvalidCode::CheckDigit), 9, "{number}");
        }
    }

    #[test]
    fn codes_without_a_check_digit_have_the_form_of_their_class() {
        let accepted = [
            ("insurer", "123456"),
            ("insurer", "12345678"),
            ("checkup", "0112345678"),
            ("agent", "011A123456"),
            ("vendor", "011T123456"),
            ("other", "A"),
        ];
        for (class, code) in accepted {
            assert_eq!(parse(class, code, Some(13)), Ok(code.to_owned()), "{class}");
        }
        let refused = [
            ("insurer", "12345"),
            ("insurer", "1234567"),
            ("insurer", "123456789"),
            ("checkup", "011234567"),
            ("checkup", "011A123456"),
            ("agent", "011a123456"),
            ("vendor", "011-123456"),
            ("other", ""),
        ];
        for (class, code) in refused {
            assert_eq!(parse(class, code, None), Err(InvalidCode::Form), "{class}");
        }
    }

    #[test]
    fn a_code_is_the_whole_text_in_half_width_characters() {
        for code in [
            "",
            " 0110119153",
            "0110119153 ",
            "0110119153\n",
            "01101191530",
            "011011915",
            "011A123456",
            "\u{ff10}110119153",
            "0110119153\n0110119153",
        ] {
            assert_eq!(
                parse("medical", code, None),
                Err(InvalidCode::Form),
                "{code:?}"
            );
        }
    }

    #[test]
    fn seven_digits_mean_the_same_as_all_ten() {
        let policy = policy();
        for class in ["medical", "dental", "pharmacy", "visiting-nurse"] {
            let rule = &policy.classes[class];
            for number in 1..=47 {
                let prefecture = Prefecture::from_number(number).unwrap();
                let codes = (0..10).filter_map(|check| {
                    let typed = format!("011915{check}");
                    let code = InstitutionCode::from_typed(&typed, rule, prefecture).ok()?;
                    Some((typed, code))
                });
                let codes: Vec<_> = codes.collect();
                assert_eq!(codes.len(), 1, "one check digit fits: {class} in {number}");
                for (typed, code) in codes {
                    assert!(code.as_str().ends_with(&typed));
                    let ten = InstitutionCode::from_typed(code.as_str(), rule, prefecture);
                    assert_eq!(ten, Ok(code));
                }
            }
        }
    }

    #[test]
    fn a_typed_code_is_put_right() {
        let policy = policy();
        let hokkaido = Prefecture::from_number(1).unwrap();
        let read = |class: &str, typed: &str| {
            InstitutionCode::from_typed(typed, &policy.classes[class], hokkaido)
        };
        let whole = InstitutionCode::from_stored("0110119153".to_owned());
        for typed in [
            "01-1011915-3",
            "０１１９１５３",
            " 0110119153\n",
            "011 9153",
        ] {
            assert_eq!(read("medical", typed), Ok(whole.clone()), "{typed}");
        }
        let letters = InstitutionCode::from_stored("AB12".to_owned());
        assert_eq!(read("other", "ａb-12"), Ok(letters));
        for typed in ["", "119153", "01191530"] {
            assert_eq!(read("medical", typed), Err(InvalidCode::Form), "{typed}");
        }
        assert_eq!(read("medical", "0119154"), Err(InvalidCode::CheckDigit));
        assert_eq!(read("medical", "1310119159"), Err(InvalidCode::Prefecture));
    }

    #[test]
    fn no_code_is_longer_than_64_characters() {
        let of = |length| parse("other", &"A".repeat(length), None);
        assert!(of(64).is_ok());
        assert_eq!(of(65), Err(InvalidCode::Form));
        assert_eq!(of(1_000_000), Err(InvalidCode::Form));
        let rule = ClassRule {
            pattern: crate::policy::Pattern::new("A*").unwrap(),
            ..policy().classes["other"].clone()
        };
        let code = "A".repeat(65);
        assert!(InstitutionCode::parse(&code, &rule, None).is_err());
    }

    #[test]
    fn a_sign_before_a_digit_names_no_prefecture() {
        for code in ["+1", "-1", "1", "", "\u{ff10}\u{ff11}"] {
            let code = InstitutionCode::from_stored(code.to_owned());
            assert_eq!(code.prefecture(), None, "{code}");
        }
    }

    /// Requirements §5.3, as it is written there.
    const PREFECTURES: &str = "01 hokkaido 02 aomori 03 iwate 04 miyagi 05 akita 06 yamagata \
        07 fukushima 08 ibaraki 09 tochigi 10 gunma 11 saitama 12 chiba 13 tokyo 14 kanagawa \
        15 niigata 16 toyama 17 ishikawa 18 fukui 19 yamanashi 20 nagano 21 gifu 22 shizuoka \
        23 aichi 24 mie 25 shiga 26 kyoto 27 osaka 28 hyogo 29 nara 30 wakayama 31 tottori \
        32 shimane 33 okayama 34 hiroshima 35 yamaguchi 36 tokushima 37 kagawa 38 ehime 39 kochi \
        40 fukuoka 41 saga 42 nagasaki 43 kumamoto 44 oita 45 miyazaki 46 kagoshima 47 okinawa";

    #[test]
    fn the_47_prefectures_have_their_numbers_and_names() {
        let words: Vec<&str> = PREFECTURES.split_whitespace().collect();
        let table = words.chunks(2).map(|pair| (pair[0], pair[1]));
        assert_eq!(table.len(), 47);
        for (number, name) in table {
            let prefecture = Prefecture::from_number(number.parse().unwrap()).unwrap();
            assert_eq!(prefecture.romaji(), name);
            assert_eq!(Prefecture::from_romaji(name), Some(prefecture));
            assert_eq!(format!("{:02}", prefecture.number()), number);
        }
    }

    #[test]
    fn there_is_no_other_prefecture() {
        assert!(
            [0, 48, 255]
                .map(Prefecture::from_number)
                .iter()
                .all(Option::is_none)
        );
        for name in ["", "Hokkaido", "hokkaido ", "tokyo-to", "edo"] {
            assert_eq!(Prefecture::from_romaji(name), None, "{name}");
        }
    }

    #[test]
    fn a_terminal_is_named_in_any_script() {
        for name in [
            "受付1",
            "髙﨑𠮷",
            "葛\u{e0100}城 レセコン(2号機)",
            "PC-01",
            "1",
        ] {
            let read = TerminalName::parse(name);
            assert_eq!(read.as_ref().map(TerminalName::as_str), Some(name));
        }
    }

    #[test]
    fn blanks_around_a_terminal_name_are_cut_off() {
        for typed in ["受付 1", " 受付 1 ", "\u{3000}受付 1\u{3000}", "受付 1\r\n"] {
            let read = TerminalName::parse(typed);
            assert_eq!(read.as_ref().map(TerminalName::as_str), Some("受付 1"));
        }
    }

    #[test]
    fn a_terminal_name_has_1_to_64_characters_however_many_octets() {
        for character in ["a", "髙", "𠮷"] {
            assert!(TerminalName::parse(&character.repeat(64)).is_some());
            assert!(TerminalName::parse(&character.repeat(65)).is_none());
            assert!(TerminalName::parse(&character.repeat(500)).is_none());
        }
        for empty in ["", " ", "\u{3000}\t\n"] {
            assert_eq!(TerminalName::parse(empty), None, "{empty:?}");
        }
    }

    #[test]
    fn a_terminal_name_is_one_line_that_reads_as_it_is_stored() {
        for c in [
            '\0', '\t', '\n', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}',
            '\u{61c}', '\u{200e}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
        ] {
            let name = format!("受付{c}1");
            assert_eq!(TerminalName::parse(&name), None, "{name:?}");
        }
    }

    #[test]
    fn a_usual_mail_address_is_accepted() {
        let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(63));
        for address in [
            "clinic@hospital.example",
            "first.last+tag@mail.hospital.example",
            "o'hara_1=2@hospital.example",
            "a@b",
            "a@xn--wgv71a.example",
            &long,
        ] {
            let read = MailAddress::parse(&format!(" {address}\n"));
            assert_eq!(read.as_ref().map(MailAddress::as_str), Some(address));
        }
    }

    #[test]
    fn a_mail_address_that_could_add_a_header_or_a_recipient_is_refused() {
        for address in [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\nx",
            "a\r@b.example",
            "a@b.example\0",
            "a\0b@c.example",
            "a@b@c.example",
            "a@b.example,c@d.example",
            "a@b.example;c@d.example",
            "A <a@b.example>",
            "\"a b\"@c.example",
            "\"a\"@c.example",
            "a(b)@c.example",
            "a b@c.example",
            "a@b c.example",
            "=?utf-8?q?c=40d.example?=@b.example",
        ] {
            assert_eq!(MailAddress::parse(address), None, "{address:?}");
        }
    }

    #[test]
    fn a_mail_address_is_typed_in_any_width() {
        let typed = MailAddress::from_typed(" ｊｉｍｕ＠Ｃｌｉｎｉｃ．example　");
        assert_eq!(typed.unwrap().as_str(), "jimu@Clinic.example");
        let spaced = MailAddress::from_typed("jimu @\u{3000}clinic.example\r\n");
        assert_eq!(spaced.unwrap().as_str(), "jimu@clinic.example");
        for refused in [
            "事務＠clinic.example",
            "jimu@clinic.\r\nexample",
            "a\n@b.example",
        ] {
            assert_eq!(MailAddress::from_typed(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn what_is_no_mail_address_is_refused() {
        let long_local = format!("{}@b.example", "a".repeat(65));
        let long_label = format!("a@{}.example", "b".repeat(64));
        let long_domain = format!("a@{}", vec!["b".repeat(62); 4].join(".") + ".cc");
        let long_whole = format!("{}@{}", "a".repeat(64), vec!["b".repeat(61); 4].join("."));
        for address in [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
            "a@.example",
            "a@b..example",
            "a@b.example.",
            "a@-b.example",
            "a@b-.example",
            "a@b_c.example",
            "a@[192.0.2.1]",
            "受付@b.example",
            "a@日本.example",
            "a\u{ff20}b.example",
            &long_local,
            &long_label,
            &long_domain,
            &long_whole,
        ] {
            assert_eq!(MailAddress::parse(address), None, "{address}");
        }
    }

    #[test]
    fn addresses_in_a_foreign_text_are_masked_and_nothing_else_is() {
        for (text, masked) in [
            ("", ""),
            ("550 5.1.1 no such user", "550 5.1.1 no such user"),
            (
                "550 <desk@clinic.example>: unknown (desk@clinic.example)",
                "550 <d****@clinic.example>: unknown (d****@clinic.example)",
            ),
            ("to a@b@c. or @", "to **** or ****"),
            (
                "'o'brien@clinic.example' isn't known",
                "'o****@clinic.example' isn't known",
            ),
        ] {
            assert_eq!(mask_addresses(text), masked);
        }
    }

    #[test]
    fn a_masked_address_shows_one_character_and_the_domain() {
        for (address, masked) in [
            ("takahashi@hospital.example", "t****@hospital.example"),
            ("t@hospital.example", "t****@hospital.example"),
        ] {
            assert_eq!(MailAddress::parse(address).unwrap().masked(), masked);
        }
    }
}
