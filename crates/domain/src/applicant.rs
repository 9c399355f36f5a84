//! 申請者: whom to talk to about an application, and the two numbers that the applicant has (decision I6).

use std::fmt;

use crate::institution::MailAddress;
use crate::reference::half_width;
use crate::time::CalendarDate;

/// 申請番号, such as `S26-0001234`: one for each terminal, never mistaken for a リクエストID (I6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApplicationNumber(String);

impl ApplicationNumber {
    /// The number of `year` with the running number `number`.
    pub fn new(year: i32, number: u64) -> Self {
        Self(format!("S{:02}-{number:07}", year.rem_euclid(100)))
    }

    /// Reads what a person typed: full-width forms, small letters and a missing hyphen are put right.
    pub fn parse(typed: &str) -> Option<Self> {
        let text = half_width(typed)?.to_ascii_uppercase();
        let digits = text.strip_prefix('S')?;
        let (year, number) = digits.split_at_checked(2)?;
        let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let fits = (7..=16).contains(&number.len()) && are_digits(year) && are_digits(number);
        fits.then(|| Self(format!("S{year}-{number}")))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplicationNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// ご担当者: whom to talk to (RCR-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// 担当部署名.
    pub department: Option<String>,
    /// 担当者名.
    pub person: String,
    /// 電話番号.
    pub telephone: String,
    /// 予備のメールアドレス.
    pub second_mail: Option<MailAddress>,
}

/// What an application has beside what is examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// 申請番号.
    pub number: ApplicationNumber,
    /// Whom to talk to.
    pub contact: Contact,
    /// 照会番号 as stored: HMAC under a pepper, and the pepper's number (I6).
    pub inquiry: (Vec<u8>, i64),
    /// The last day on which a returned application can be corrected.
    pub due: Option<CalendarDate>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_is_printed_and_as_people_type_it() {
        let number = ApplicationNumber::new(2026, 1_234);
        assert_eq!(number.as_str(), "S26-0001234");
        for typed in [
            "S26-0001234",
            "s260001234",
            " Ｓ２６－０００１２３４ ",
            "S26 0001234",
        ] {
            assert_eq!(
                ApplicationNumber::parse(typed).as_ref(),
                Some(&number),
                "{typed}"
            );
        }
        for typed in [
            "",
            "26-0001234",
            "S26-000123",
            "202601190000001",
            "S26-00012a4",
        ] {
            assert_eq!(ApplicationNumber::parse(typed), None, "{typed}");
        }
    }
}
