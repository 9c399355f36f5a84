//! Mails that wait to be sent. The row is written in the transaction that makes the mail due (S5).

use std::collections::BTreeMap;

use crate::id::OutboxId;
use crate::institution::MailAddress;
use crate::time::Timestamp;

/// Which text is sent; the texts stand in templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MailKind {
    /// A certificate was collected (K2).
    Collected,
    /// A collection was refused (K2).
    CollectionRefused,
    /// A grant was frozen by 「心当たりがない」 (K2).
    GrantFrozen,
    /// A hold was lifted (text 1).
    HoldLifted,
    /// The letter is out.
    LetterPosted,
    /// A request to revoke was accepted and the certificate put on hold (text 12b).
    RevocationAccepted,
    /// The revocation is complete (text 12c, R-103).
    RevocationCompleted,
    /// The request was refused (text 12d).
    RevocationRefused,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Collected,
        Self::CollectionRefused,
        Self::GrantFrozen,
        Self::HoldLifted,
        Self::LetterPosted,
        Self::RevocationAccepted,
        Self::RevocationCompleted,
        Self::RevocationRefused,
    ];

    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Collected => "collected",
            Self::CollectionRefused => "collection_refused",
            Self::GrantFrozen => "grant_frozen",
            Self::HoldLifted => "hold_lifted",
            Self::LetterPosted => "letter_posted",
            Self::RevocationAccepted => "revocation_accepted",
            Self::RevocationCompleted => "revocation_completed",
            Self::RevocationRefused => "revocation_refused",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
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
    /// The values that the text shows, by name; never a secret.
    pub values: BTreeMap<String, String>,
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
}
