//! Mails that wait to be sent. The row is written in the transaction that makes the mail due (S5).

use std::collections::BTreeMap;

use crate::id::OutboxId;
use crate::institution::MailAddress;
use crate::time::Timestamp;

/// Which text is sent; the texts stand in `crates/app/templates/mails`.
///
/// Values are finished texts, instants as [`Timestamp`] prints them; [`MailKind::needs`] and
/// [`MailKind::may_have`] name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailKind {
    /// The registered addresses were changed (RU-6, F8): to each of the earlier ones, and to 予備 where that is new.
    /// The addresses are masked.
    AddressChanged,
    /// The 確認番号 that a change of address asks for, to the new address (RU-6).
    AddressCode,
    /// An application was withdrawn (RCS-4).
    ApplicationCancelled,
    /// 電子証明書 申請情報受付通知 (RCR-5, I6). `terminal`, `application_no` and the secret `inquiry_no` have one
    /// line for each terminal of the submission.
    ApplicationReceived,
    /// An application was rejected.
    ApplicationRejected,
    /// An application was returned for correction until `due`.
    ApplicationReturned,
    /// A certificate reached its end yesterday, or this morning (text 11). `grace_until` is there where it was renewed and the
    /// newer one can be had from us, `file` where only its holder has it.
    CertificateExpired,
    /// 更新のお願い: a certificate that was not renewed comes to its end.
    CertificateExpiring,
    /// A certificate was collected (K2). `terminal_key` is there where the terminal made the key itself (K1).
    Collected,
    /// The 確認番号 that a collection asks for (K2, RCD-1b).
    CollectionCode,
    /// A collection was refused (K2).
    CollectionRefused,
    /// A grant was frozen by 「心当たりがない」 (K2).
    GrantFrozen,
    /// A hold was lifted (text 1).
    HoldLifted,
    /// The letter is out.
    LetterPosted,
    /// A letter with a new reference ID is out (text 9a). `collected` is there where the certificate was
    /// collected before: the new ID is then good for revocation only.
    LetterReissued,
    /// 取得のお願い: an approved certificate was not collected yet (P-14).
    NotCollected,
    /// A new reference ID was shown to the certificate itself, and the earlier one ended (I2). `collected` is there
    /// where the new one is good for revocation only.
    ReferenceReplaced,
    /// A renewal was accepted (F3). `request_id` and `not_after` are those of the new certificate. `terminal_key` is
    /// there where the terminal made its key itself, and has it already (K1).
    RenewalAccepted,
    /// Another key was asked for while the successor was never seen in use (F3); values as for
    /// [`Self::RenewalAccepted`].
    RenewedAgain,
    /// A request to revoke was accepted and the certificate put on hold (text 12b). `registered_mail` is
    /// masked.
    RevocationAccepted,
    /// The revocation is complete (text 12c, R-103).
    RevocationCompleted,
    /// The request was refused (text 12d).
    RevocationRefused,
    /// A certificate that was renewed comes to its end, and the newer one was not seen in use (text 10). `file` is the
    /// newer one's request ID; `collected` is there where its file was handed out, `kept` where it can be again.
    SuccessorUnused,
    /// The collection window was extended to `window_end` (D4).
    WindowExtended,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 24] = [
        Self::AddressChanged,
        Self::AddressCode,
        Self::ApplicationCancelled,
        Self::ApplicationReceived,
        Self::ApplicationRejected,
        Self::ApplicationReturned,
        Self::CertificateExpired,
        Self::CertificateExpiring,
        Self::Collected,
        Self::CollectionCode,
        Self::CollectionRefused,
        Self::GrantFrozen,
        Self::HoldLifted,
        Self::LetterPosted,
        Self::LetterReissued,
        Self::NotCollected,
        Self::ReferenceReplaced,
        Self::RenewalAccepted,
        Self::RenewedAgain,
        Self::RevocationAccepted,
        Self::RevocationCompleted,
        Self::RevocationRefused,
        Self::SuccessorUnused,
        Self::WindowExtended,
    ];

    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AddressChanged => "address_changed",
            Self::AddressCode => "address_code",
            Self::ApplicationCancelled => "application_cancelled",
            Self::ApplicationReceived => "application_received",
            Self::ApplicationRejected => "application_rejected",
            Self::ApplicationReturned => "application_returned",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateExpiring => "certificate_expiring",
            Self::Collected => "collected",
            Self::CollectionCode => "collection_code",
            Self::CollectionRefused => "collection_refused",
            Self::GrantFrozen => "grant_frozen",
            Self::HoldLifted => "hold_lifted",
            Self::LetterPosted => "letter_posted",
            Self::LetterReissued => "letter_reissued",
            Self::NotCollected => "not_collected",
            Self::ReferenceReplaced => "reference_replaced",
            Self::RenewalAccepted => "renewal_accepted",
            Self::RenewedAgain => "renewed_again",
            Self::RevocationAccepted => "revocation_accepted",
            Self::RevocationCompleted => "revocation_completed",
            Self::RevocationRefused => "revocation_refused",
            Self::SuccessorUnused => "successor_unused",
            Self::WindowExtended => "window_extended",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The values without which the text cannot be written.
    pub const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::AddressChanged => &["institution", "terminal", "at", "old_mail", "new_mail"],
            Self::ApplicationCancelled => {
                &["institution", "terminal", "application_no", "cancelled_at"]
            }
            Self::ApplicationReceived => {
                &["institution", "terminal", "application_no", "received_at"]
            }
            Self::ApplicationRejected => &[
                "institution",
                "terminal",
                "application_no",
                "rejected_at",
                "reason",
            ],
            Self::ApplicationReturned => {
                &["institution", "terminal", "application_no", "reason", "due"]
            }
            Self::CertificateExpired | Self::CertificateExpiring => &[
                "institution",
                "terminal",
                "request_id",
                "not_after",
                "serial",
                "threshold",
            ],
            Self::Collected | Self::CollectionRefused | Self::ReferenceReplaced => {
                &["institution", "terminal", "request_id", "at", "source"]
            }
            Self::AddressCode | Self::CollectionCode => &[
                "institution",
                "terminal",
                "request_id",
                "at",
                "source",
                "expires_at",
            ],
            Self::GrantFrozen => &["institution", "terminal", "request_id"],
            Self::HoldLifted => &["institution", "terminal", "lifted_at"],
            Self::LetterPosted | Self::LetterReissued => &[
                "institution",
                "terminal",
                "request_id",
                "posted_at",
                "window_end",
            ],
            Self::NotCollected => &[
                "institution",
                "terminal",
                "request_id",
                "posted_at",
                "window_end",
            ],
            Self::RenewalAccepted | Self::RenewedAgain => &[
                "institution",
                "terminal",
                "request_id",
                "not_after",
                "old_not_after",
                "at",
            ],
            Self::RevocationAccepted => &[
                "institution",
                "terminal",
                "number",
                "accepted_at",
                "form_mail",
                "registered_mail",
            ],
            Self::RevocationCompleted => &[
                "institution",
                "terminal",
                "request_id",
                "not_after",
                "revoked_at",
            ],
            Self::RevocationRefused => &["institution", "terminal", "lifted_at", "reason"],
            Self::SuccessorUnused => &[
                "institution",
                "terminal",
                "request_id",
                "not_after",
                "serial",
                "threshold",
                "renewed_at",
                "file",
            ],
            Self::WindowExtended => &["institution", "terminal", "request_id", "window_end"],
        }
    }

    /// The values that change the text where they are there; each kind may also have `contact`, the
    /// person at the institution.
    pub const fn may_have(self) -> &'static [&'static str] {
        match self {
            Self::AddressChanged => &["source", "old_second_mail", "new_second_mail"],
            Self::CertificateExpired => &["grace_until", "file", "terminal_key"],
            Self::Collected => &["terminal_key"],
            Self::GrantFrozen => &["at", "source"],
            Self::HoldLifted | Self::WindowExtended => &["reason"],
            Self::LetterPosted => &["tracking"],
            Self::LetterReissued => &["tracking", "collected"],
            Self::ReferenceReplaced => &["collected"],
            Self::RenewalAccepted => &["source", "terminal_key"],
            Self::RenewedAgain => &["source"],
            Self::SuccessorUnused => &["collected", "kept", "terminal_key"],
            _ => &[],
        }
    }

    /// Whether 予備のメールアドレス gets it too: whatever a holder must learn of in time, so that one dead mailbox
    /// hides nothing. What carries a number, and what accompanies an application, goes to the first address alone.
    pub const fn goes_to_second(self) -> bool {
        match self {
            Self::CertificateExpired
            | Self::CertificateExpiring
            | Self::Collected
            | Self::CollectionRefused
            | Self::GrantFrozen
            | Self::HoldLifted
            | Self::ReferenceReplaced
            | Self::RenewalAccepted
            | Self::RenewedAgain
            | Self::RevocationAccepted
            | Self::RevocationCompleted
            | Self::RevocationRefused
            | Self::SuccessorUnused => true,
            Self::AddressChanged
            | Self::AddressCode
            | Self::ApplicationCancelled
            | Self::ApplicationReceived
            | Self::ApplicationRejected
            | Self::ApplicationReturned
            | Self::CollectionCode
            | Self::LetterPosted
            | Self::LetterReissued
            | Self::NotCollected
            | Self::WindowExtended => false,
        }
    }

    /// The instant, by the name of its value, to which the text counts the days as `days_left` when it is handed over.
    pub const fn counts_to(self) -> Option<&'static str> {
        match self {
            Self::CertificateExpired | Self::CertificateExpiring | Self::SuccessorUnused => {
                Some("not_after")
            }
            Self::NotCollected => Some("window_end"),
            _ => None,
        }
    }

    /// Whether it is one of many that become due at once: it waits until no other mail does.
    pub const fn is_bulk(self) -> bool {
        self.counts_to().is_some()
    }

    /// Which mails go before it.
    pub const fn urgency(self) -> Urgency {
        match self {
            Self::AddressCode | Self::CollectionCode => Urgency::Awaited,
            _ if self.is_bulk() => Urgency::Bulk,
            _ => Urgency::Plain,
        }
    }

    /// The value that is a secret: it stands in the row sealed, as `sealed_` and this name.
    pub const fn secret(self) -> Option<&'static str> {
        match self {
            Self::ApplicationReceived => Some("inquiry_no"),
            Self::AddressCode | Self::CollectionCode => Some("code"),
            _ => None,
        }
    }
}

/// Which mails are handed over first: each kind before those that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Somebody waits for it before a screen: a 確認番号. Whoever can make others due does not keep it back.
    Awaited,
    /// Every other one.
    Plain,
    /// One of many that become due at once.
    Bulk,
}

impl Urgency {
    /// The number that stands in the database: the lower, the sooner.
    pub const fn number(self) -> i64 {
        match self {
            Self::Awaited => 0,
            Self::Plain => 1,
            Self::Bulk => 2,
        }
    }
}

/// A mail that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its id; the Message-ID is made from it.
    pub id: OutboxId,
    /// When it became due.
    pub at: Timestamp,
    /// Which text.
    pub kind: MailKind,
    /// To whom.
    pub to: MailAddress,
    /// What makes it unique: the same key is never queued twice.
    pub key: String,
    /// The values that the text shows, by name; a secret only sealed ([`MailKind::secret`]).
    pub values: BTreeMap<String, String>,
}

impl OutboxMail {
    /// A value that is an instant.
    pub fn instant(&self, name: &str) -> Option<Timestamp> {
        let text = self.values.get(name)?;
        Timestamp::parse_rfc3339(text).ok()
    }

    /// A value without which the text cannot be written and that is not there.
    pub fn missing_value(&self) -> Option<String> {
        let secret = self.kind.secret().map(sealed_name);
        let needed = self.kind.needs().iter().map(|name| (*name).to_owned());
        needed
            .chain(secret)
            .find(|name| !self.values.contains_key(name))
    }
}

/// The key of the same mail to 予備のメールアドレス.
pub fn second_key(key: &str) -> String {
    format!("{key}:second")
}

/// The name under which a secret value stands sealed.
pub fn sealed_name(name: &str) -> String {
    format!("sealed_{name}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_a_word_of_its_own_and_is_read_back_from_it() {
        let words: BTreeSet<_> = MailKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), MailKind::ALL.len());
        for kind in MailKind::ALL {
            assert_eq!(MailKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(MailKind::parse(""), None);
    }

    #[test]
    fn a_mail_without_its_secret_or_a_needed_value_is_incomplete() {
        let names = [
            "institution",
            "terminal",
            "request_id",
            "at",
            "source",
            "expires_at",
            "sealed_code",
        ];
        let mail = |names: &[&str]| OutboxMail {
            id: OutboxId::parse(&"0".repeat(32)).unwrap(),
            at: Timestamp::from_unix(0),
            kind: MailKind::CollectionCode,
            to: MailAddress::parse("clinic@hospital.example").unwrap(),
            key: String::new(),
            values: names
                .iter()
                .map(|name| ((*name).to_owned(), String::new()))
                .collect(),
        };
        assert_eq!(mail(&names).missing_value(), None);
        for left_out in names {
            let others: Vec<_> = names.into_iter().filter(|name| *name != left_out).collect();
            assert_eq!(mail(&others).missing_value().as_deref(), Some(left_out));
        }
    }
}
