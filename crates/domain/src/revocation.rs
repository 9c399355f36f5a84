//! 失効申請: the request to revoke and how it ends (decision F4).

use crate::id::{GrantId, OperatorId, RevocationId, SerialNumber};
use crate::institution::MailAddress;
use crate::time::Timestamp;

/// Reason codes of RFC 5280 §5.3.1 that this authority uses, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReasonCode {
    /// 1
    KeyCompromise,
    /// 3
    AffiliationChanged,
    /// 4
    Superseded,
    /// 5
    CessationOfOperation,
    /// 6
    CertificateHold,
    /// 9
    PrivilegeWithdrawn,
}

impl ReasonCode {
    /// Every reason used.
    pub const ALL: [Self; 6] = [
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::PrivilegeWithdrawn,
    ];

    /// The number of the standard.
    pub const fn number(self) -> u8 {
        match self {
            Self::KeyCompromise => 1,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::PrivilegeWithdrawn => 9,
        }
    }

    /// The reason with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| i64::from(reason.number()) == number)
    }
}

/// 失効の理由 as the subscriber may choose it (RX-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatedReason {
    /// 廃止.
    Closed,
    /// パスワード等が他人に知られた.
    Disclosed,
    /// 端末の盗難・紛失.
    Lost,
    /// 選択しない.
    NotStated,
    /// その他.
    Other,
    /// 端末を使わなくなった.
    Unused,
}

impl StatedReason {
    /// Every reason, in the order of the screen.
    pub const ALL: [Self; 6] = [
        Self::NotStated,
        Self::Lost,
        Self::Disclosed,
        Self::Unused,
        Self::Closed,
        Self::Other,
    ];

    /// The word that stands in forms and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Disclosed => "disclosed",
            Self::Lost => "lost",
            Self::NotStated => "not_stated",
            Self::Other => "other",
            Self::Unused => "unused",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// The reason that CRL and OCSP will give once the revocation is complete.
    pub const fn reason_code(self) -> Option<ReasonCode> {
        match self {
            Self::Closed | Self::Unused => Some(ReasonCode::CessationOfOperation),
            Self::Disclosed | Self::Lost => Some(ReasonCode::KeyCompromise),
            Self::NotStated | Self::Other => None,
        }
    }
}

/// 失効申請.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRequest {
    /// Its id.
    pub id: RevocationId,
    /// 失効申請番号, such as `R26-0000012`.
    pub number: String,
    /// The grant.
    pub grant: GrantId,
    /// The certificate, once there is one.
    pub serial: Option<SerialNumber>,
    /// Where the completion is reported, beside the registered address.
    pub mail: MailAddress,
    /// The reason stated.
    pub reason: StatedReason,
    /// When it was accepted.
    pub submitted_at: Timestamp,
    /// The instant of the hold: that of acceptance, later above the hourly rate (F4), none before.
    pub held_at: Option<Timestamp>,
    /// The network address it came from, or [`BY_OPERATOR`].
    pub source: String,
    /// Where it stands.
    pub state: RevocationState,
}

/// The source of a hold that an operator made without a request of the holder (F4).
pub const BY_OPERATOR: &str = "operator";

impl RevocationRequest {
    /// Whether it waits for an operator's hold, since it came above the hourly rate (F4).
    pub const fn is_queued(&self) -> bool {
        self.held_at.is_none()
            && matches!(
                self.state,
                RevocationState::Proposed { .. } | RevocationState::Submitted
            )
    }

    /// Whether an operator made it without a request of the holder.
    pub fn is_by_operator(&self) -> bool {
        self.source == BY_OPERATOR
    }
}

/// How a request to revoke ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The certificate is revoked.
    Complete,
    /// The request is refused and the hold lifted.
    Lift,
}

impl Outcome {
    /// The word that stands in the database and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Lift => "lift",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Complete, Self::Lift]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// Where a request to revoke stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationState {
    /// Two operators ended it.
    Ended {
        /// How.
        outcome: Outcome,
        /// Who proposed it.
        proposed_by: OperatorId,
        /// Who confirmed it; another person.
        confirmed_by: OperatorId,
        /// When.
        at: Timestamp,
        /// The note of the first operator (for a lift: whom he called back).
        note: String,
    },
    /// The holder's own certificate asked for its own end: it is revoked, and nobody needs to look (F4).
    EndedByHolder {
        /// When.
        at: Timestamp,
    },
    /// One operator proposed how it ends; another must confirm.
    Proposed {
        /// How.
        outcome: Outcome,
        /// Who.
        by: OperatorId,
        /// When.
        at: Timestamp,
        /// Why; for a lift, whom he called back.
        note: String,
    },
    /// On hold; nobody looked at it yet.
    Submitted,
}

/// Why a request to revoke cannot move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationRefusal {
    /// It was ended already.
    #[error("the request is ended already")]
    Ended,
    /// Another outcome stands proposed.
    #[error("another outcome is proposed; confirm that one, or withdraw it first")]
    OtherOutcome,
    /// The second person must be another one.
    #[error("a second operator must confirm; the same person cannot do both")]
    SamePerson,
}

impl RevocationState {
    /// The word that stands in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Ended { .. } => "ended",
            Self::EndedByHolder { .. } => "ended_by_holder",
            Self::Proposed { .. } => "proposed",
            Self::Submitted => "submitted",
        }
    }

    /// What `by` says about the end: the first person proposes, a second one confirms.
    pub fn decide(
        self,
        outcome: Outcome,
        by: OperatorId,
        at: Timestamp,
        note: String,
    ) -> Result<Self, RevocationRefusal> {
        match self {
            Self::Submitted => Ok(Self::Proposed {
                outcome,
                by,
                at,
                note,
            }),
            Self::Proposed { by: first, .. } if first == by => Err(RevocationRefusal::SamePerson),
            Self::Proposed {
                outcome: proposed, ..
            } if proposed != outcome => Err(RevocationRefusal::OtherOutcome),
            Self::Proposed {
                by: proposed_by,
                note,
                ..
            } => Ok(Self::Ended {
                outcome,
                proposed_by,
                confirmed_by: by,
                at,
                note,
            }),
            Self::Ended { .. } | Self::EndedByHolder { .. } => Err(RevocationRefusal::Ended),
        }
    }

    /// The certificate itself asks, which no operator has to examine.
    pub fn prove(self, at: Timestamp) -> Result<Self, RevocationRefusal> {
        match self {
            Self::Proposed { .. } | Self::Submitted => Ok(Self::EndedByHolder { at }),
            Self::Ended { .. } | Self::EndedByHolder { .. } => Err(RevocationRefusal::Ended),
        }
    }

    /// How it ended, once it has.
    pub const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Ended { outcome, .. } => Some(*outcome),
            Self::EndedByHolder { .. } => Some(Outcome::Complete),
            Self::Proposed { .. } | Self::Submitted => None,
        }
    }

    /// Takes a proposal back: proposed → submitted.
    pub fn withdraw(self) -> Result<Self, RevocationRefusal> {
        match self {
            Self::Proposed { .. } | Self::Submitted => Ok(Self::Submitted),
            Self::Ended { .. } | Self::EndedByHolder { .. } => Err(RevocationRefusal::Ended),
        }
    }
}
