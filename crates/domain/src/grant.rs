//! 発行承認: what approval makes (decision K2). Key and certificate come into being at the first
//! collection. A renewal is a grant that continues another one (F3).

use crate::id::{ApplicationId, GrantId, InstitutionId, OperatorId, SerialNumber};
use crate::institution::{ClassName, InstitutionCode, MailAddress, Prefecture, TerminalName};
use crate::policy::Periods;
use crate::reference::RequestId;
use crate::time::Timestamp;

/// The right to one certificate for one terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// リクエストID.
    pub request_id: RequestId,
    /// The application it was made from; a renewal stands on that of the certificate it continues.
    pub application: ApplicationId,
    /// Whether a letter carries its IDs, or which certificate it continues.
    pub origin: GrantOrigin,
    /// To whom.
    pub institution: InstitutionId,
    /// The institution's name at approval, as the letter prints it.
    pub institution_name: String,
    /// Class, as in the subject.
    pub class: ClassName,
    /// Code, as in the subject.
    pub code: InstitutionCode,
    /// Prefecture, as in the subject.
    pub prefecture: Prefecture,
    /// 端末名称等.
    pub terminal: TerminalName,
    /// Registered mail address.
    pub mail: MailAddress,
    /// 予備のメールアドレス, another one than the first.
    pub second_mail: Option<MailAddress>,
    /// P: the instant of approval, of a renewal that of its acceptance (D2).
    pub approved_at: Timestamp,
    /// The certificate's last second.
    pub not_after: Timestamp,
    /// The last second in which it can be collected.
    pub window_end: Timestamp,
    /// The three persons of F8.
    pub persons: Persons,
    /// Where it stands.
    pub state: GrantState,
}

impl Grant {
    /// The registered addresses: the first one, then 予備のメールアドレス where there is one.
    pub fn addresses(&self) -> impl Iterator<Item = &MailAddress> {
        std::iter::once(&self.mail).chain(&self.second_mail)
    }
}

/// How a grant came into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOrigin {
    /// Approved by a person; a letter carries its IDs.
    Letter,
    /// 更新: accepted from the holder of a certificate (F3).
    Renewal {
        /// The certificate that was presented.
        predecessor: SerialNumber,
    },
}

impl GrantOrigin {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::Renewal { .. } => "renewal",
        }
    }

    /// The certificate that a renewal continues.
    pub const fn predecessor(self) -> Option<SerialNumber> {
        match self {
            Self::Letter => None,
            Self::Renewal { predecessor } => Some(predecessor),
        }
    }
}

/// Who took part in a grant; pairwise different, held by the database too (F8, T40).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persons {
    /// `applicant`, or the operator who entered the application.
    pub entered_by: String,
    /// The examiner.
    pub examined_by: OperatorId,
    /// The approver.
    pub approved_by: OperatorId,
}

/// Where a grant stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// The letter is not out yet: its IDs do not work.
    Approved,
    /// A file was handed out.
    Collected {
        /// The certificate.
        serial: SerialNumber,
        /// When the first file was handed out.
        at: Timestamp,
    },
    /// Stopped by 「心当たりがない」 or by a hold before the collection.
    Frozen {
        /// When.
        at: Timestamp,
        /// The state to which unfreezing returns.
        from: Box<Self>,
    },
    /// The first collection began: the grant's key is fixed.
    KeyFixed {
        /// The certificate.
        serial: SerialNumber,
    },
    /// The letter came back.
    LetterReturned {
        /// When.
        at: Timestamp,
    },
    /// The letter is out, nothing is collected.
    Posted,
    /// The certificate was presented or reported (K3).
    SeenInUse {
        /// The certificate.
        serial: SerialNumber,
        /// When it was first seen.
        at: Timestamp,
    },
    /// Revoked before a certificate existed.
    Voided {
        /// When.
        at: Timestamp,
    },
}

impl GrantState {
    /// The word that stands in the database.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Collected { .. } => "collected",
            Self::Frozen { .. } => "frozen",
            Self::KeyFixed { .. } => "key_fixed",
            Self::LetterReturned { .. } => "letter_returned",
            Self::Posted => "posted",
            Self::SeenInUse { .. } => "seen_in_use",
            Self::Voided { .. } => "voided",
        }
    }

    /// The certificate, once the key is fixed.
    pub fn serial(&self) -> Option<SerialNumber> {
        match self {
            Self::Collected { serial, .. }
            | Self::KeyFixed { serial }
            | Self::SeenInUse { serial, .. } => Some(*serial),
            Self::Frozen { from, .. } => from.serial(),
            Self::Approved | Self::LetterReturned { .. } | Self::Posted | Self::Voided { .. } => {
                None
            }
        }
    }
}

/// A move of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantMove {
    /// A file was handed out.
    Collect,
    /// The first collection fixes the key.
    FixKey(SerialNumber),
    /// Stop it.
    Freeze,
    /// The intended certificate was voided: the key is free again.
    FreeKey,
    /// The letter is out.
    Post,
    /// A letter with a new reference ID is out after the collection (I2).
    PostAgain,
    /// A new reference ID takes the place of the letter's: before the collection nothing works until its
    /// letter is posted (I2).
    Reissue,
    /// Another key takes the place of one that was never seen in use (F3, K3).
    Rekey(SerialNumber),
    /// Two operators open it for another key.
    Reopen,
    /// The letter came back.
    ReturnLetter,
    /// The certificate was seen.
    See,
    /// Another certificate of the grant was seen: one that was set aside for a newer key, or the
    /// newer one after that (F3).
    SeeOther(SerialNumber),
    /// Let it go on.
    Unfreeze,
    /// Revoke it before a certificate exists.
    Void,
}

/// The grant's state does not have this move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a grant that is {state} cannot make this move")]
pub struct GrantRefusal {
    /// The state's word.
    pub state: &'static str,
}

impl GrantState {
    /// The state after `step`, or a refusal.
    ///
    /// Freezing stops what a holder of the IDs can do, not what happens in the world: a frozen
    /// grant still learns that its letter came back, that its intended certificate was voided and
    /// that its certificate was seen. A hold of a collected certificate moves the certificate
    /// alone.
    pub fn apply(self, step: GrantMove, at: Timestamp) -> Result<Self, GrantRefusal> {
        let state = self.as_str();
        match (self, step) {
            (Self::Approved | Self::LetterReturned { .. }, GrantMove::Post) => Ok(Self::Posted),
            (Self::Approved | Self::LetterReturned { .. } | Self::Posted, GrantMove::Reissue) => {
                Ok(Self::Approved)
            }
            (
                same @ (Self::KeyFixed { .. } | Self::Collected { .. } | Self::SeenInUse { .. }),
                GrantMove::PostAgain | GrantMove::Reissue,
            ) => Ok(same),
            (Self::Posted, GrantMove::FixKey(serial)) => Ok(Self::KeyFixed { serial }),
            (Self::KeyFixed { .. }, GrantMove::FreeKey) => Ok(Self::Posted),
            (Self::KeyFixed { serial }, GrantMove::Collect) => Ok(Self::Collected { serial, at }),
            (same @ (Self::Collected { .. } | Self::SeenInUse { .. }), GrantMove::Collect) => {
                Ok(same)
            }
            (Self::KeyFixed { serial } | Self::Collected { serial, .. }, GrantMove::See) => {
                Ok(Self::SeenInUse { serial, at })
            }
            (same @ Self::SeenInUse { .. }, GrantMove::See) => Ok(same),
            (Self::KeyFixed { .. } | Self::Collected { .. }, GrantMove::Rekey(serial)) => {
                Ok(Self::KeyFixed { serial })
            }
            (
                Self::KeyFixed { .. } | Self::Collected { .. } | Self::SeenInUse { .. },
                GrantMove::SeeOther(serial),
            ) => Ok(Self::SeenInUse { serial, at }),
            (Self::Posted, GrantMove::ReturnLetter) => Ok(Self::LetterReturned { at }),
            (
                from @ (Self::Approved
                | Self::LetterReturned { .. }
                | Self::Posted
                | Self::KeyFixed { .. }
                | Self::Collected { .. }
                | Self::SeenInUse { .. }),
                GrantMove::Freeze,
            ) => Ok(Self::Frozen {
                at,
                from: Box::new(from),
            }),
            (same @ Self::Frozen { .. }, GrantMove::Freeze) => Ok(same),
            (Self::Frozen { from, .. }, GrantMove::Unfreeze) => Ok(*from),
            (
                Self::Frozen { at: frozen, from },
                step @ (GrantMove::FreeKey
                | GrantMove::ReturnLetter
                | GrantMove::See
                | GrantMove::SeeOther(_)),
            ) => from.apply_under_the_ice(frozen, step, at),
            (
                Self::KeyFixed { .. } | Self::Collected { .. } | Self::SeenInUse { .. },
                GrantMove::Reopen,
            ) => Ok(Self::Posted),
            (Self::Approved | Self::LetterReturned { .. } | Self::Posted, GrantMove::Void) => {
                Ok(Self::Voided { at })
            }
            (Self::Frozen { from, .. }, GrantMove::Void) if from.serial().is_none() => {
                Ok(Self::Voided { at })
            }
            _ => Err(GrantRefusal { state }),
        }
    }

    /// What happens in the world to a grant that has been frozen in this state since `frozen`.
    fn apply_under_the_ice(
        self,
        frozen: Timestamp,
        step: GrantMove,
        at: Timestamp,
    ) -> Result<Self, GrantRefusal> {
        let refusal = GrantRefusal { state: "frozen" };
        let from = self.apply(step, at).map_err(|_| refusal)?;
        Ok(Self::Frozen {
            at: frozen,
            from: Box::new(from),
        })
    }
}

/// The end of validity for approval or acceptance at `p`: P + 39 months − 1 second (D2, D3).
pub fn not_after(p: Timestamp, periods: &Periods) -> Timestamp {
    p.plus_months(periods.validity_months).plus_seconds(-1)
}

/// The beginning of validity: the later of P and signing − 10 minutes (D2).
pub fn not_before(p: Timestamp, signing: Timestamp, periods: &Periods) -> Timestamp {
    p.max(signing.plus_seconds(-periods.backdate_seconds))
}

/// The last second of the collection window: the end of the 180th Japanese day after P (D4).
pub fn window_end(p: Timestamp, periods: &Periods) -> Timestamp {
    p.japan_date().plus_days(periods.collection_days).end()
}

/// The last second in which a renewal can be retrieved, where the certificate that it continues
/// ends at `old_not_after`: the end of the 30th Japanese day after it; with 0 days, its own end (F3).
pub fn retrieval_end(old_not_after: Timestamp, periods: &Periods) -> Timestamp {
    if periods.retrieval_days == 0 {
        return old_not_after;
    }
    let last = old_not_after.japan_date().plus_days(periods.retrieval_days);
    last.end()
}

/// The first instant at which a certificate that ends at `not_after` can be renewed (D1).
pub fn renewal_opens(not_after: Timestamp, periods: &Periods) -> Timestamp {
    not_after
        .japan_date()
        .plus_days(-periods.renewal_days)
        .start()
}

/// Japanese calendar days from `now` to the day of `not_after`; 0 on the last day (D2).
pub fn days_left(not_after: Timestamp, now: Timestamp) -> i64 {
    now.japan_date().days_until(not_after.japan_date())
}
