//! 医療機関コード by the rule of its class (decision I5, requirements §5.2).

use std::fmt;

use serde::Serialize;

use super::prefecture::Prefecture;
use crate::policy::ClassRule;
use crate::reference::half_width;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::institution::ClassName;
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
}
