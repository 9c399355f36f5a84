//! How a procedure can fail, in four kinds; `web` turns them into pages, the command line into lines.

use tegata_domain::application::ApplicationRefusal;
use tegata_domain::certificate::CertificateRefusal;
use tegata_domain::grant::GrantRefusal;
use tegata_domain::institution::InvalidCode;
use tegata_domain::proposal::ProposalRefusal;
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::RevocationRefusal;
use tegata_domain::time::Timestamp;
use tegata_store::StoreError;

pub use tegata_store::KeyDestroyed;

use crate::act_refusal::ActRefusal;
use crate::enrolment::EnrolmentRefusal;

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody was first; look again.
    #[error("somebody else changed this at the same moment; look again and repeat")]
    Conflict,
    /// The disk of the database is full; nothing was changed. Outside it is told as [`Error::Unavailable`] is.
    #[error("the disk of the database is full")]
    Full,
    /// Something is wrong in the program or its data. The text is for the log only.
    #[error("internal error: {0}")]
    Internal(String),
    /// The rules say no, and the person can be told why.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database or the signing key does not answer now; nothing was changed.
    #[error("the service is not available now; try again in a minute")]
    Unavailable,
}

/// What a procedure answers.
pub type Result<T> = std::result::Result<T, Error>;

/// Answers of the rules, with what a person needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An operator's act that the rules do not allow now.
    #[error(transparent)]
    Act(ActRefusal),
    /// A terminal's request for a certificate that cannot be taken (EST).
    #[error(transparent)]
    Enrolment(EnrolmentRefusal),
    /// Too much was begun or sent in by this source in this hour.
    #[error("too much was sent in from this address in this hour; try again in {seconds} seconds")]
    Crowded {
        /// Until the next hour.
        seconds: u64,
    },
    /// The certificate has expired: nothing to revoke.
    #[error("the certificate expired at {not_after}; no request is needed")]
    Expired {
        /// Its last second.
        not_after: Timestamp,
    },
    /// Typed values of a form with many fields that cannot be taken: the field's name and what is wrong.
    #[error("some fields are wrong")]
    Form(Vec<(&'static str, FieldProblem)>),
    /// Typed values that cannot be taken.
    #[error("some fields are wrong")]
    Fields(Vec<FieldProblem>),
    /// The procedure moved on in another tab.
    #[error("the procedure moved on elsewhere")]
    FlowElsewhere,
    /// The procedure is over, unknown, or not this browser's.
    #[error("the procedure is over; begin again")]
    FlowEnded,
    /// The grant was stopped by its holder.
    #[error("collecting was stopped at {at}; call the help desk")]
    Frozen {
        /// When.
        at: Timestamp,
    },
    /// Too many holds in this hour: the request waits for an operator.
    #[error("too many requests to revoke in this hour; call the help desk")]
    HoldsQueue,
    /// The CA's copy of the key is gone.
    #[error("the key was destroyed at {at}")]
    KeyDestroyed {
        /// Why.
        because: KeyDestroyed,
        /// When.
        at: Timestamp,
        /// リクエストID, after which a kept file is called.
        request: RequestId,
    },
    /// The operator's roles do not include this act, or name, password or code are wrong.
    #[error("not allowed: check name, password, one-time code and roles")]
    NotAllowed,
    /// The certificate is not made yet.
    #[error("the certificate is not made yet; ask again in a minute")]
    NotMade,
    /// There is no such object.
    #[error("there is no such object; list them to see what exists")]
    NotFound,
    /// The procedure was begun with another certificate than the one presented now (RU-E7); nothing was changed.
    #[error("the procedure was begun with another certificate")]
    OtherCertificate,
    /// The certificate is on hold.
    #[error("the certificate is on hold since {at}")]
    OnHold {
        /// Since when.
        at: Timestamp,
        /// Whether an operator stopped it without a request of its holder (text 1).
        by_operator: bool,
    },
    /// Too many renewals in this hour (F9): nothing was accepted, and the old certificate stays in force.
    #[error("too many renewals in this hour; try again in ten minutes")]
    RenewalsPaused,
    /// The certificate was renewed before; look where that renewal stands.
    #[error("the certificate was renewed before")]
    RenewedBefore,
    /// It is too early to renew.
    #[error("renewal opens at {opens}")]
    RenewalNotOpen {
        /// The first instant.
        opens: Timestamp,
    },
    /// A newer certificate took its place.
    #[error("a newer certificate took its place at {at}; use that one")]
    Replaced {
        /// When.
        at: Timestamp,
    },
    /// The certificate is revoked.
    #[error("the certificate is revoked since {at}")]
    Revoked {
        /// Since when.
        at: Timestamp,
    },
    /// The same person cannot take two parts.
    #[error("the same person cannot take two parts; another operator must do this")]
    SamePerson,
    /// The reference ID was shown for its day; a new one can be had.
    #[error("the reference ID is not shown any more; ask for a new one")]
    ShownNoMore,
    /// The object is in a state that does not have this move.
    #[error("{0}")]
    State(String),
    /// Too many wrong pairs of IDs from this source.
    #[error("too many wrong attempts; wait {seconds} seconds")]
    Throttled {
        /// How long to wait.
        seconds: u64,
    },
    /// Another 確認番号 may not be sent yet.
    #[error("another code may be sent at {at}")]
    TooSoon {
        /// The earliest instant.
        at: Timestamp,
    },
    /// The collection window is over.
    #[error("the collection window ended at {window_end}")]
    WindowEnded {
        /// Its last second.
        window_end: Timestamp,
        /// Whether the certificate was collected before.
        collected: bool,
        /// リクエストID, after which a kept file is called.
        request: RequestId,
    },
    /// No such pair of IDs: unknown, wrong, foreign or ended (E-01; one answer for all).
    #[error("the request ID or the reference ID is not right")]
    WrongIds,
}

impl From<EnrolmentRefusal> for Error {
    fn from(refusal: EnrolmentRefusal) -> Self {
        Refusal::Enrolment(refusal).into()
    }
}

/// What is wrong with a typed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldProblem {
    /// No class of the list.
    ClassUnknown,
    /// 医療機関コード: the check digit is wrong.
    CodeCheckDigit,
    /// 医療機関コード: neither ten digits nor the last seven.
    CodeForm,
    /// 医療機関コード: its first two digits are another prefecture's.
    CodePrefecture,
    /// Whether it is another terminal was not answered.
    DuplicateUnanswered,
    /// 確認番号: not its number of digits.
    MailCodeForm {
        /// How many there are.
        digits: usize,
    },
    /// 確認番号: wrong, or not taken any more.
    MailCodeWrong,
    /// No mail address.
    MailInvalid,
    /// 予備のメールアドレス is the first address.
    MailTwice,
    /// The addresses are the registered ones already.
    MailUnchanged,
    /// The two mail addresses differ.
    MailsDiffer,
    /// Whether the newer certificate is stopped too was not answered.
    NewerUnanswered,
    /// The register has no such institution.
    NotRegistered,
    /// The box was not ticked.
    NotConfirmed,
    /// The password has a character that is not printable ASCII.
    PasswordNotAscii,
    /// Longer than Windows takes.
    PasswordTooLong {
        /// Most characters.
        max: usize,
    },
    /// Shorter than the policy.
    PasswordTooShort {
        /// Least characters.
        min: usize,
    },
    /// The two passwords differ.
    PasswordsDiffer,
    /// 担当者名 is missing.
    PersonMissing,
    /// No prefecture of the list.
    PrefectureUnknown,
    /// No reason of the list.
    ReasonUnknown,
    /// No telephone number.
    TelephoneInvalid,
    /// 端末名称等 is missing or too long.
    TerminalName,
    /// Longer than can be taken.
    TooLong {
        /// Most characters.
        max: usize,
    },
    /// The letter's font does not have this character.
    Unprintable(char),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::Conflict,
            StoreError::Full(reason) => {
                tracing::error!(reason, "the disk of the database is full; make room there");
                Self::Full
            }
            StoreError::Unavailable(reason) => {
                tracing::error!(reason, "the database does not answer");
                Self::Unavailable
            }
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<GrantRefusal> for Error {
    fn from(refusal: GrantRefusal) -> Self {
        Refusal::State(refusal.to_string()).into()
    }
}

impl From<CertificateRefusal> for Error {
    fn from(refusal: CertificateRefusal) -> Self {
        Refusal::State(refusal.to_string()).into()
    }
}

impl From<ApplicationRefusal> for Error {
    fn from(refusal: ApplicationRefusal) -> Self {
        match refusal {
            ApplicationRefusal::SamePerson => Refusal::SamePerson.into(),
            ApplicationRefusal::State(_) => Refusal::State(refusal.to_string()).into(),
        }
    }
}

impl From<ProposalRefusal> for Error {
    fn from(refusal: ProposalRefusal) -> Self {
        match refusal {
            ProposalRefusal::SamePerson => Refusal::SamePerson.into(),
            ProposalRefusal::Ended(_) | ProposalRefusal::NotProposer => {
                Refusal::State(refusal.to_string()).into()
            }
        }
    }
}

impl From<RevocationRefusal> for Error {
    fn from(refusal: RevocationRefusal) -> Self {
        match refusal {
            RevocationRefusal::SamePerson => Refusal::SamePerson.into(),
            RevocationRefusal::Ended | RevocationRefusal::OtherOutcome => {
                Refusal::State(refusal.to_string()).into()
            }
        }
    }
}

impl From<InvalidCode> for Error {
    fn from(refusal: InvalidCode) -> Self {
        Refusal::State(refusal.to_string()).into()
    }
}

/// An error of the program itself, with what was being done.
pub(crate) fn internal(doing: &str, error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("{doing}: {error}"))
}
