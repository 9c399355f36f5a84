//! 手続き: one procedure of one person, named in the address of each of its pages (decision F1).

use crate::id::{ApplicationId, Fingerprint, FlowId, GrantId};
use crate::time::Timestamp;

/// Which procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// 通知用メールアドレスの変更 (`/p/ru`).
    Address,
    /// 電子証明書ダウンロード (`/p/rcd`).
    Collect,
    /// A new リファレンスID, shown to the certificate itself (I2).
    Reference,
    /// 証明書更新申請 (`/p/ru`).
    Renew,
    /// 更新後証明書の取得 (`/p/ru`).
    Retrieve,
    /// 失効申請 (`/p/rx`).
    Revoke,
}

impl FlowKind {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Collect => "collect",
            Self::Reference => "reference",
            Self::Renew => "renew",
            Self::Retrieve => "retrieve",
            Self::Revoke => "revoke",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Address,
            Self::Collect,
            Self::Reference,
            Self::Renew,
            Self::Retrieve,
            Self::Revoke,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// Which page a procedure stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowStep {
    /// A number that was sent by mail is asked for.
    Code,
    /// RX-3, RU-1: what was entered is shown.
    Confirm,
    /// RX-4, RU-2, or the end of a collection that was frozen or erased.
    Done,
    /// RX-2, RU-6: the form.
    Form,
    /// RCD-2, RU-3: the password.
    Password,
    /// RCD-4, RU-4: the file can be fetched.
    Ready,
}

impl FlowStep {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Confirm => "confirm",
            Self::Done => "done",
            Self::Form => "form",
            Self::Password => "password",
            Self::Ready => "ready",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Code,
            Self::Confirm,
            Self::Done,
            Self::Form,
            Self::Password,
            Self::Ready,
        ]
        .into_iter()
        .find(|step| step.as_str() == text)
    }
}

/// A procedure as it is stored. Nothing in it is secret, and its id alone shows nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Its id.
    pub id: FlowId,
    /// Which procedure.
    pub kind: FlowKind,
    /// About which grant.
    pub grant: GrantId,
    /// The certificate that it was begun with, on the listener that asks for one: each step must
    /// present the same (RU-E7).
    pub fingerprint: Option<Fingerprint>,
    /// Where it stands.
    pub step: FlowStep,
    /// Rises by one with each accepted POST.
    pub version: i64,
    /// Digest of the POST that led to this version: a repeated POST is answered like the first.
    pub answered: Option<[u8; 32]>,
    /// What was entered so far, as JSON; never a secret.
    pub entered: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends, unless a step moves it on.
    pub expires_at: Timestamp,
}

/// What a POST that carries `version` and `digest` meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The procedure moved on in another tab (E-04).
    Elsewhere,
    /// Its time is over (E-03).
    Expired,
    /// It is the next step.
    Next,
    /// The same POST was accepted before: show its result.
    Repeated,
}

impl Flow {
    /// Judges a POST.
    pub fn turn(&self, version: i64, digest: &[u8; 32], now: Timestamp) -> Turn {
        Standing {
            version: self.version,
            answered: self.answered.as_ref(),
            expires_at: self.expires_at,
        }
        .turn(version, digest, now)
    }
}

/// What a POST is judged by.
struct Standing<'a> {
    version: i64,
    answered: Option<&'a [u8; 32]>,
    expires_at: Timestamp,
}

impl Standing<'_> {
    fn turn(&self, version: i64, digest: &[u8; 32], now: Timestamp) -> Turn {
        let is_previous = version.checked_add(1) == Some(self.version);
        if is_previous && self.answered == Some(digest) {
            Turn::Repeated
        } else if now > self.expires_at {
            Turn::Expired
        } else if version == self.version {
            Turn::Next
        } else {
            Turn::Elsewhere
        }
    }
}

/// Which page a procedure about an application stands at: there is no grant yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationStep {
    /// RCR-4: what was entered is shown.
    Confirm,
    /// RCR-3: terminals and the person to talk to.
    Contact,
    /// RCR-5, RCS-4.
    Done,
    /// RCS-2: where an application stands.
    Inquiry,
    /// RCR-2: the institution.
    Institution,
}

impl ApplicationStep {
    /// Every step.
    pub const ALL: [Self; 5] = [
        Self::Confirm,
        Self::Contact,
        Self::Done,
        Self::Inquiry,
        Self::Institution,
    ];

    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Contact => "contact",
            Self::Done => "done",
            Self::Inquiry => "inquiry",
            Self::Institution => "institution",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }
}

/// A procedure about an application as it is stored: applying, correcting (then `application` is there from
/// the beginning), or asking where one stands. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationFlow {
    /// Its id.
    pub id: FlowId,
    /// The application that it corrects or asks about.
    pub application: Option<ApplicationId>,
    /// Where it stands.
    pub step: ApplicationStep,
    /// Rises by one with each accepted POST.
    pub version: i64,
    /// Digest of the POST that led to this version.
    pub answered: Option<[u8; 32]>,
    /// What was entered so far, as JSON.
    pub entered: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends, unless a step moves it on.
    pub expires_at: Timestamp,
}

impl ApplicationFlow {
    /// Judges a POST.
    pub fn turn(&self, version: i64, digest: &[u8; 32], now: Timestamp) -> Turn {
        Standing {
            version: self.version,
            answered: self.answered.as_ref(),
            expires_at: self.expires_at,
        }
        .turn(version, digest, now)
    }
}
