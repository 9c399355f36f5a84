//! What a mail server reports about a mail of ours (RFC 3464), and addresses whose mails come back (P-23).
//!
//! A report says of each recipient what became of it. Only one that names a mail which we sent to that very address
//! counts; who sends a report proves nothing by it but that he knows the Message-ID.

use std::fmt;

use crate::id::{OperatorId, OutboxId};
use crate::institution::MailAddress;
use crate::time::Timestamp;

/// Characters of a mail server's words that are kept.
const LONGEST_WORDS: usize = 300;

/// An enhanced status code (RFC 3463 §2), such as `5.1.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus(String);

impl DeliveryStatus {
    /// Reads a code; what stands behind it, such as a comment, is left out.
    pub fn parse(text: &str) -> Option<Self> {
        let code = text.split([' ', '\t', '(']).find(|word| !word.is_empty())?;
        let parts: Vec<&str> = code.split('.').collect();
        let is_number =
            |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let fits = matches!(parts.as_slice(), ["2" | "4" | "5", _, _]);
        (fits && parts.iter().all(is_number)).then(|| Self(code.to_owned()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A refusal with which a mail server answered a hand-over (RFC 5321 §4.2.1: 4yz for now, 5yz for good).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOverRefusal {
    /// The reply's code, 400 to 599.
    pub code: u16,
    /// The words behind it.
    pub words: String,
}

/// What a refusal means for the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandOverVerdict {
    /// Nobody gets mails at the address: the mail came back.
    NoMailbox(DeliveryStatus),
    /// The server takes this mail not now, or not as it is. It is tried for some days (RFC 5321 §4.5.4.1), and comes
    /// back with this status then.
    NotTaken(DeliveryStatus),
    /// It is about the server or our login, not about the mail: nothing is given up for it.
    OfServer,
}

impl HandOverRefusal {
    /// What it means.
    pub fn verdict(&self) -> HandOverVerdict {
        if let Some(status) = self.of_mailbox() {
            return HandOverVerdict::NoMailbox(status);
        }
        // Service not available, and the replies to a login or to its lack (RFC 5321 §4.2.3, RFC 4954 §6).
        if matches!(self.code, 421 | 432 | 454 | 530 | 534 | 535 | 538) {
            return HandOverVerdict::OfServer;
        }
        let status = DeliveryStatus::parse(&self.words)
            .filter(|status| !status.as_str().starts_with('2'))
            .unwrap_or_else(|| DeliveryStatus(format!("{}.0.0", self.code / 100)));
        HandOverVerdict::NotTaken(status)
    }

    /// Why nobody gets mails at the recipient's address; none where the refusal is about us, about the mail or about the
    /// server itself, or is none for good. An enhanced status says which (RFC 3463 §3.2, §3.3, §3.5); without one only the codes do that
    /// name a mailbox or a host that takes no mail (RFC 5321 §4.2.3, RFC 7504).
    pub fn of_mailbox(&self) -> Option<DeliveryStatus> {
        if self.code < 500 {
            return None;
        }
        let enhanced = DeliveryStatus::parse(&self.words);
        let status = enhanced.filter(|status| status.as_str().starts_with("5."));
        let Some(status) = status else {
            let meant = match self.code {
                550 => "5.1.1",
                551 => "5.1.6",
                556 => "5.1.10",
                _ => return None,
            };
            return DeliveryStatus::parse(meant);
        };
        let is_of_mailbox = match status.as_str().split('.').collect::<Vec<_>>().as_slice() {
            // Two details of addresses are the sender's.
            [_, "1", detail] => !matches!(*detail, "7" | "8"),
            // One detail of mailboxes is about the mail's length.
            [_, "2", detail] => *detail != "3",
            [_, "4", detail] => matches!(*detail, "1" | "4"),
            _ => false,
        };
        is_of_mailbox.then_some(status)
    }
}

/// What became of a mail at one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryFate {
    /// It was put into the mailbox.
    Delivered,
    /// It was given up.
    Failed(DeliveryStatus),
    /// It is still tried, or was handed on to where no report comes from.
    Underway,
}

impl DeliveryFate {
    /// Reads `Action` and `Status` (RFC 3464 §2.3.3, §2.3.4). A delay is none, whatever its status; a mail that was given
    /// up after days of trying (4.x.x) did not arrive any more than one that was refused (5.x.x).
    pub fn read(action: &str, status: &str) -> Option<Self> {
        let status = DeliveryStatus::parse(status);
        match action.to_ascii_lowercase().as_str() {
            "delivered" => Some(Self::Delivered),
            "failed" => Some(match status {
                Some(status) if !status.as_str().starts_with('2') => Self::Failed(status),
                _ => Self::Underway,
            }),
            "delayed" | "expanded" | "relayed" => Some(Self::Underway),
            _ => None,
        }
    }
}

/// A report about one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientReport {
    /// The recipient as the mail server knew it, and as the sender wrote it.
    pub addresses: Vec<MailAddress>,
    /// What became of the mail there.
    pub fate: DeliveryFate,
    /// The mail server's words; one line.
    pub said: String,
}

/// A report, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Message-IDs that it names, without their angle brackets.
    pub message_ids: Vec<String>,
    /// What it says of each recipient.
    pub recipients: Vec<RecipientReport>,
}

/// An address whose mails come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BouncedAddress {
    /// The address.
    pub address: MailAddress,
    /// Since when.
    pub since: Timestamp,
    /// The newest mail that came back.
    pub mail: OutboxId,
    /// Why, as a code.
    pub status: DeliveryStatus,
    /// Why, in the mail server's words.
    pub said: String,
}

/// How a holder whose mails come back was told, or how that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// By a letter.
    Letter,
    /// Mails arrive again, as the holder says: nothing else is needed.
    MailWorks,
    /// Not at all: nobody answered.
    NoAnswer,
    /// By telephone.
    Telephone,
}

impl Told {
    /// Every way.
    pub const ALL: [Self; 4] = [
        Self::Telephone,
        Self::Letter,
        Self::NoAnswer,
        Self::MailWorks,
    ];

    /// The word that stands in the database and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::MailWorks => "mail_works",
            Self::NoAnswer => "no_answer",
            Self::Telephone => "telephone",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|told| told.as_str() == text)
    }
}

/// The last attempt to tell a holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: OperatorId,
    /// How.
    pub how: Told,
    /// Whom one spoke to, or what was written.
    pub note: String,
}

/// A mail server's words as they are kept: one line, and not for ever.
pub fn one_line_of(words: &str) -> String {
    let plain = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    let text: String = plain.collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_of_the_mailbox_says_something_about_the_address() {
        for (code, words, status) in [
            (550, "5.1.1 <a@b.example>: no such user", Some("5.1.1")),
            (550, "5.1.10 the domain takes no mail", Some("5.1.10")),
            (550, "5.2.1 mailbox disabled", Some("5.2.1")),
            (552, "5.2.2 mailbox full", Some("5.2.2")),
            (550, "5.4.1 access denied", Some("5.4.1")),
            (554, "5.4.4 host not found", Some("5.4.4")),
            (550, "no such user", Some("5.1.1")),
            (551, "user not local", Some("5.1.6")),
            (556, "takes no mail", Some("5.1.10")),
            (550, "5.1.8 sender rejected", None),
            (553, "5.1.7 bad sender", None),
            (552, "5.2.3 message too long", None),
            (552, "5.3.4 message too big", None),
            (550, "5.7.1 relaying denied", None),
            (550, "5.7.26 no SPF", None),
            (554, "5.7.1 spam", None),
            (535, "5.7.8 login failed", None),
            (530, "must issue STARTTLS first", None),
            (553, "not logged in", None),
            (554, "transaction failed", None),
            (503, "5.5.1 bad sequence", None),
        ] {
            let words = words.to_owned();
            let found = HandOverRefusal { code, words }.of_mailbox();
            let found = found.as_ref().map(DeliveryStatus::as_str);
            assert_eq!(found, status, "{code}");
        }
    }

    #[test]
    fn what_is_about_the_server_ends_no_mail_and_the_rest_ends_after_days() {
        let ended = |code, words: &str| {
            let words = words.to_owned();
            match (HandOverRefusal { code, words }).verdict() {
                HandOverVerdict::NoMailbox(status) => format!("now {status}"),
                HandOverVerdict::NotTaken(status) => format!("after days {status}"),
                HandOverVerdict::OfServer => "never".to_owned(),
            }
        };
        for (code, words, when) in [
            (550, "5.1.1 no such user", "now 5.1.1"),
            (450, "5.1.1 no such user", "after days 5.1.1"),
            (451, "4.7.1 greylisted", "after days 4.7.1"),
            (452, "mailbox full", "after days 4.0.0"),
            (554, "5.7.1 spam", "after days 5.7.1"),
            (554, "2.0.0 strange", "after days 5.0.0"),
            (421, "4.3.2 shutting down", "never"),
            (454, "4.7.0 login not now", "never"),
            (535, "5.7.8 login failed", "never"),
            (530, "must issue STARTTLS first", "never"),
        ] {
            assert_eq!(ended(code, words), when, "{code} {words}");
        }
    }

    #[test]
    fn a_status_is_three_numbers_of_a_known_class() {
        for (text, code) in [
            ("5.1.1", Some("5.1.1")),
            (" 4.4.7 (delivery time expired)", Some("4.4.7")),
            ("5.7.26(policy)", Some("5.7.26")),
            ("2.0.0\t", Some("2.0.0")),
            ("", None),
            ("5", None),
            ("5.1", None),
            ("5.1.1.1", None),
            ("3.1.1", None),
            ("5.1.", None),
            ("5.1.1000", None),
            ("5.a.1", None),
            ("550", None),
        ] {
            let read = DeliveryStatus::parse(text);
            assert_eq!(read.as_ref().map(DeliveryStatus::as_str), code, "{text:?}");
        }
    }

    #[test]
    fn only_a_mail_that_was_given_up_counts_against_an_address() {
        let failed = |code| DeliveryFate::Failed(DeliveryStatus::parse(code).unwrap());
        for (action, status, fate) in [
            ("failed", "5.1.1", Some(failed("5.1.1"))),
            ("Failed", "5.2.2", Some(failed("5.2.2"))),
            ("failed", "4.4.7", Some(failed("4.4.7"))),
            ("failed", "2.0.0", Some(DeliveryFate::Underway)),
            ("failed", "nonsense", Some(DeliveryFate::Underway)),
            ("delayed", "4.4.1", Some(DeliveryFate::Underway)),
            ("delayed", "5.1.1", Some(DeliveryFate::Underway)),
            ("relayed", "2.1.9", Some(DeliveryFate::Underway)),
            ("expanded", "2.1.9", Some(DeliveryFate::Underway)),
            ("delivered", "2.1.5", Some(DeliveryFate::Delivered)),
            ("", "5.1.1", None),
            ("lost", "5.1.1", None),
        ] {
            assert_eq!(
                DeliveryFate::read(action, status),
                fate,
                "{action} {status}"
            );
        }
    }

    #[test]
    fn words_are_one_line_of_a_bounded_length() {
        assert_eq!(
            one_line_of("550\r\n  no\u{0}such\tuser\n"),
            "550 no such user"
        );
        let long = "長".repeat(LONGEST_WORDS + 1);
        assert_eq!(one_line_of(&long).chars().count(), LONGEST_WORDS);
    }
}
