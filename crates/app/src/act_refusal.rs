//! Why an operator's act is not done: an answer with what the operator needs to go on. The command line prints the
//! English sentence, the console has a Japanese one for each.

use tegata_domain::reference::RequestId;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::error::{Error, Refusal};

/// Answers of the rules about acts of operators.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActRefusal {
    /// The account is closed.
    #[error("the account is closed")]
    AccountClosed,
    /// Two administrators must remain, or nobody could act as two again.
    #[error("two administrators must remain; add another one first")]
    AdministratorsRemain,
    /// The same act is proposed for the same object.
    #[error("the same is proposed already; confirm it, or withdraw it first")]
    AlreadyProposed,
    /// The certificate is not in force.
    #[error("its certificate is {state}")]
    CertificateState {
        /// The state's word.
        state: &'static str,
    },
    /// The clear text of the reference ID is not kept any more (I2).
    #[error("the reference ID of {request} is not kept any more; give it a new one")]
    ClearTextGone {
        /// Of which letter.
        request: RequestId,
    },
    /// No request ID is named, or too many.
    #[error("name between 1 and {most} request IDs")]
    Count {
        /// Most that one proposal names.
        most: usize,
    },
    /// Nothing can be said about this day.
    #[error("name a day from {first} to {latest}")]
    DayBeyond {
        /// The first one possible.
        first: CalendarDate,
        /// The last one possible.
        latest: CalendarDate,
    },
    /// The day until which an application can be corrected is over.
    #[error("the day until which it can be corrected is over")]
    DueOver,
    /// Whoever examined it may not do so any more (T41).
    #[error("whoever examined it may not do so any more; the case waits to be examined again")]
    ExaminerLeft,
    /// The institution left the register (F2).
    #[error("the institution was closed in the register; reject the application")]
    InstitutionClosed,
    /// Every letter of the release is posted.
    #[error("its letters are posted; their reference IDs are not kept any more")]
    LettersPosted,
    /// The newer certificate is in use: the holder needs no notice (F6).
    #[error("its holder renewed it and uses the newer certificate: there is nothing to tell")]
    NewerInUse,
    /// No letter waits to be printed.
    #[error("no letter of {request} waits to be printed")]
    NoLetterWaits {
        /// Of which certificate.
        request: RequestId,
    },
    /// No notice about the certificate's end has its day yet, or any more.
    #[error("no notice is due now: its end is too far, or more than a week over")]
    NoNoticeDue,
    /// The newest notice was not handed over yet.
    #[error("its newest notice still waits to be sent; look at `tegata mail list`")]
    NoticeWaits,
    /// The request to revoke does not wait for a hold.
    #[error("the request does not wait for a hold any more")]
    NotQueued,
    /// The letter was not released by two persons.
    #[error("two dispatchers must release the letter before it is printed and posted")]
    NotReleased,
    /// There is no key yet that another one could take the place of.
    #[error("nothing was collected yet: collect it")]
    NothingCollected,
    /// A request to revoke is open; its end decides.
    #[error("request {number} is open and stopped it: end that one")]
    OpenRequest {
        /// 失効申請番号.
        number: String,
    },
    /// Whoever proposed it may not do so any more (T41).
    #[error(
        "whoever proposed it may not do so any more: refuse it or take it back, and propose it again"
    )]
    ProposerLeft,
    /// A reason with control characters.
    #[error("the reason has control characters")]
    ReasonControl,
    /// No reason.
    #[error("a reason is needed")]
    ReasonMissing,
    /// A reason that is too long.
    #[error("the reason is longer than {most} characters")]
    ReasonTooLong {
        /// Most characters.
        most: usize,
    },
    /// The register changed after the examination, which no longer says anything (F2).
    #[error("the register changed after the examination; the case waits to be examined again")]
    RegisterChanged,
    /// A renewal has no letter; its holder asks for its IDs himself (I2).
    #[error("this certificate was renewed in a browser and has no letter; the holder renews again")]
    Renewal,
    /// The new address is the registered one.
    #[error("this is the registered address already")]
    SameAddress,
    /// The operator has exactly these roles.
    #[error("the operator has exactly these roles already")]
    SameRoles,
    /// The grant is frozen or ended.
    #[error("{request} is {state}")]
    Stopped {
        /// Which.
        request: RequestId,
        /// The state's word: `frozen` or `voided`.
        state: &'static str,
    },
    /// 引受番号 that is none.
    #[error("the number of the post has digits and hyphens only")]
    TrackingMalformed,
    /// Nothing can be collected any more.
    #[error("its window is over: extend the window first")]
    WindowOver,
    /// The window ends later than that already.
    #[error("the window of {request} ends at {window_end}; name a later day")]
    WindowTooEarly {
        /// Of which certificate.
        request: RequestId,
        /// Its end now.
        window_end: Timestamp,
    },
    /// Beyond 365 days after approval, or beyond the end of validity (D4).
    #[error("the window of {request} can end on {latest} at the latest")]
    WindowTooLate {
        /// Of which certificate.
        request: RequestId,
        /// The last day possible.
        latest: CalendarDate,
    },
}

impl From<ActRefusal> for Error {
    fn from(refusal: ActRefusal) -> Self {
        Refusal::Act(refusal).into()
    }
}
