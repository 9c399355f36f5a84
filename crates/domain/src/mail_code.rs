//! 確認番号: a number that is mailed and typed, so that whoever types it is known to read the mails of that address.
//!
//! A collection asks for one beside the letter's two IDs, mailed to the registered address (decision K2, RCD-1b); a
//! change of address asks for one that was mailed to the new address (RU-6).

use crate::entropy::{self, Entropy};
use crate::id::{FlowId, GrantId, OutboxId};
use crate::institution::MailAddress;
use crate::policy::CollectPolicy;
use crate::reference::half_width;
use crate::secret::Secret;
use crate::time::Timestamp;

/// Seconds in which the codes of a grant are counted.
const HOUR: i64 = 3_600;

/// What a code is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeUse {
    /// 通知用メールアドレスの変更 (RU-6), beside the certificate itself.
    Address,
    /// 電子証明書ダウンロード (RCD-1b), where two IDs on paper are the rest.
    Collection,
}

impl CodeUse {
    /// Digits of such a code.
    pub const fn digits(self) -> usize {
        match self {
            Self::Address => 6,
            Self::Collection => 8,
        }
    }
}

/// A code in clear: it stands in one mail and is typed once.
#[derive(Clone)]
pub struct MailCode(Secret<String>);

impl MailCode {
    /// A new one.
    pub fn generate(entropy: &dyn Entropy, of: CodeUse) -> Self {
        let digits = entropy::text(entropy, b"0123456789", of.digits());
        Self(Secret::new(digits))
    }

    /// Reads what a person typed: full-width forms, spaces and hyphens are put right first (A.2 1). `None` for what
    /// can be no code.
    pub fn parse(typed: &str, of: CodeUse) -> Option<Self> {
        let text = Secret::new(half_width(typed)?);
        let digits = text.expose();
        (digits.len() == of.digits() && digits.bytes().all(|b| b.is_ascii_digit()))
            .then_some(Self(text))
    }

    /// The digits, for the mail.
    pub const fn secret(&self) -> &Secret<String> {
        &self.0
    }

    /// The digits.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A code as it is stored: never in clear. It is good for one procedure, until its end, until the next one is sent
/// there, until it was typed, or until it was guessed at too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentCode {
    /// The mail that carries it.
    pub mail: OutboxId,
    /// The procedure that asks for it.
    pub flow: FlowId,
    /// The procedure's grant.
    pub grant: GrantId,
    /// Counts the codes of the grant.
    pub number: i64,
    /// The address that it was sent to.
    pub to: MailAddress,
    /// HMAC-SHA-256(pepper, kind ‖ procedure ‖ code), 32 octets.
    pub hmac: Vec<u8>,
    /// Which pepper made it.
    pub pepper: i64,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The last second at which it is taken.
    pub expires_at: Timestamp,
}

impl SentCode {
    /// Whether it is taken at `now` from somebody who must read the mails of `wanted`.
    pub fn is_good(&self, wanted: &MailAddress, now: Timestamp) -> bool {
        self.to == *wanted && now <= self.expires_at
    }
}

/// The earliest instant at which another code may be sent: a pause after the last one of the same procedure, and
/// never more in an hour than the policy says, whatever number of procedures there are. `recent` are the instants
/// at which the grant's codes were sent, the newest first.
pub fn next_sending(
    policy: &CollectPolicy,
    recent: &[Timestamp],
    last_here: Option<Timestamp>,
) -> Option<Timestamp> {
    let pause = last_here.map(|at| at.plus_seconds(policy.code_pause_seconds));
    let oldest_of_hour = recent.get(policy.codes_per_hour.saturating_sub(1));
    pause.max(oldest_of_hour.map(|at| at.plus_seconds(HOUR)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::policy::SecondFactor;

    const POLICY: CollectPolicy = CollectPolicy {
        second_factor: SecondFactor::MailCode,
        code_minutes: 15,
        code_pause_seconds: 60,
        code_tries: 10,
        codes_per_hour: 3,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    fn read(typed: &str) -> Option<String> {
        MailCode::parse(typed, CodeUse::Collection).map(|code| code.expose().to_owned())
    }

    #[test]
    fn a_code_is_eight_digits_and_read_however_it_is_typed() {
        let code = MailCode::generate(&SeededEntropy::new(1), CodeUse::Collection);
        assert_eq!(read(code.expose()).as_deref(), Some(code.expose()));
        for typed in [
            "01234567",
            " 0123 4567\r\n",
            "0123-4567",
            "０１２３　４５６７",
        ] {
            assert_eq!(read(typed).as_deref(), Some("01234567"), "{typed:?}");
        }
    }

    #[test]
    fn a_code_for_a_change_of_address_is_six_digits() {
        let code = MailCode::generate(&SeededEntropy::new(1), CodeUse::Address);
        assert_eq!(code.expose().len(), 6);
        let read = |typed| MailCode::parse(typed, CodeUse::Address);
        assert_eq!(read("０１２ ３４５").unwrap().expose(), "012345");
        for typed in ["01234", "0123456", "01234567"] {
            assert!(read(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn what_can_be_no_code_is_refused() {
        for typed in [
            "",
            "0123456",
            "012345678",
            "0123456a",
            "〇一二三四五六七",
            "٠١٢٣٤٥٦٧",
        ] {
            assert_eq!(read(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn every_digit_is_equally_likely() {
        let entropy = SeededEntropy::new(1);
        let made: String = (0..10_000)
            .map(|_| MailCode::generate(&entropy, CodeUse::Collection))
            .map(|code| code.expose().to_owned())
            .collect();
        for digit in '0'..='9' {
            // 8,000 of each are expected; the standard deviation is 85.
            let count = made.chars().filter(|c| *c == digit).count();
            assert!((7_600..=8_400).contains(&count), "{digit}: {count}");
        }
    }

    #[test]
    fn the_first_code_of_a_procedure_is_sent_at_once_and_the_next_after_a_pause() {
        assert_eq!(next_sending(&POLICY, &[], None), None);
        assert_eq!(next_sending(&POLICY, &[at(100)], None), None);
        let pause = next_sending(&POLICY, &[at(100)], Some(at(100)));
        assert_eq!(pause, Some(at(160)));
    }

    #[test]
    fn an_hour_has_no_more_codes_than_the_policy_says_over_all_procedures() {
        let recent = [at(300), at(200), at(100)];
        assert_eq!(next_sending(&POLICY, &recent[..2], None), None);
        assert_eq!(next_sending(&POLICY, &recent, None), Some(at(3_700)));
        let here = next_sending(&POLICY, &recent, Some(at(300)));
        assert_eq!(here, Some(at(3_700)));
    }

    #[test]
    fn a_code_is_good_through_its_last_second_and_only_for_the_address_it_went_to() {
        let address = |text: &str| MailAddress::parse(text).unwrap();
        let to = address("clinic@clinic.example");
        let code = SentCode {
            mail: OutboxId::parse(&"0".repeat(32)).unwrap(),
            flow: FlowId::generate(&SeededEntropy::new(1)),
            grant: GrantId::parse(&"0".repeat(32)).unwrap(),
            number: 1,
            to: to.clone(),
            hmac: vec![0; 32],
            pepper: 1,
            sent_at: at(0),
            expires_at: at(900),
        };
        assert!(code.is_good(&to, at(900)));
        assert!(!code.is_good(&to, at(901)));
        assert!(!code.is_good(&address("other@clinic.example"), at(1)));
    }
}
