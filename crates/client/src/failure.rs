//! Why something did not work, and under which number the help desk knows it (decision S4).
//!
//! | numbers | about |
//! | --- | --- |
//! | 20xx | the way to the server, and whether it is the right one |
//! | 21xx | the proxy |
//! | 22xx | certificates, keys and files of this terminal; 225x files |
//! | 23xx | what the server said (`tegata-protocol`); 236x what this client makes of its answer |
//!
//! The words stand in `messages`; what `Display` says is English, for the log.

use tegata_protocol::{Message, MessageCode, Status};

use crate::ports::{FileError, HttpError, SecretError, StoreError};
use crate::standing::Standing;
use crate::update::UpdateError;

/// Why something did not work.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// This terminal's clock is off by so many seconds, positive: ahead.
    #[error("the terminal's clock is {0} seconds off")]
    ClockOff(i64),
    /// The 接続確認コード does not fit, or cannot be one (W6).
    #[error("the connection code: {0}")]
    ConnectionCode(CodeProblem),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The way to the server.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What was typed can be no pair of IDs.
    #[error("the IDs have not the form of IDs")]
    Ids,
    /// No key was made.
    #[error("no key was made: {0}")]
    Key(String),
    /// The server took the request and gives the certificate later (202).
    #[error("accepted; ask again in {0} seconds")]
    Later(u64),
    /// The key of an installed certificate cannot be taken out again.
    #[error("no backup of an installed certificate can be made")]
    NoBackup,
    /// Nobody named a server.
    #[error("no server is configured")]
    NoServer,
    /// The answer comes from somebody else, such as a captive page.
    #[error("status {status} with {media_type:?} is no answer of the server")]
    NotOurs {
        /// The status code.
        status: u16,
        /// The media type.
        media_type: String,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(Box<ServerRefusal>),
    /// Sealing.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The settings or a state file cannot be used.
    #[error("settings: {0}")]
    Settings(String),
    /// How the certificate stands does not allow it; the server was not asked.
    #[error("the certificate stands as {0:?}")]
    Standing(Standing),
    /// Certificates or keys of this terminal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was announced as a newer version of the program, or came as it, is not to be believed (F10).
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The certificate that came is not the one that was asked for. Nothing was installed.
    #[error("the server's certificate for this terminal is wrong: {0}")]
    WrongCertificate(String),
}

/// What is wrong with a 接続確認コード.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeProblem {
    /// The server shows another root: a typing error, or another server.
    #[error("the server shows another root")]
    Differs,
    /// It has not sixteen characters of the alphabet.
    #[error("it has not the form of a code")]
    Form,
    /// None was given, and the pack has no root.
    #[error("none was given, and no root is proven")]
    Missing,
}

/// A no of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRefusal {
    /// The status code.
    pub status: u16,
    /// The problem, in a word for programs.
    pub code: String,
    /// What the person is told, where the server has words for it.
    pub message: Option<Message>,
    /// `Retry-After`, seconds.
    pub retry_after: Option<u64>,
    /// What the operator finds in the log.
    pub incident: Option<String>,
}

impl std::fmt::Display for ServerRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server refused: {} {}", self.status, self.code)?;
        match &self.incident {
            Some(incident) => write!(f, " (incident {incident})"),
            None => Ok(()),
        }
    }
}

impl Failure {
    /// Its number.
    pub fn code(&self) -> MessageCode {
        MessageCode(match self {
            Self::Http(error) => http_code(error),
            Self::NotOurs { .. } => 2006,
            Self::ClockOff(_) => 2007,
            Self::NoServer => 2009,
            Self::ConnectionCode(problem) => match problem {
                CodeProblem::Differs => 2010,
                CodeProblem::Form => 2011,
                CodeProblem::Missing => 2012,
            },
            Self::Store(error) => match error {
                StoreError::Declined => 2201,
                StoreError::Denied(_) => 2202,
                StoreError::NoHardware(_) => 2203,
                StoreError::NotThere(_) => 2204,
                StoreError::Failed(_) => 2205,
                StoreError::Scheme => 2206,
            },
            Self::NoBackup => 2207,
            Self::Key(_) => 2208,
            Self::Standing(standing) => match standing {
                Standing::Early { .. } => 1002,
                Standing::OnHold => 2303,
                Standing::Revoked => 2304,
                Standing::Replaced => 2305,
                _ => 2306,
            },
            Self::File(error) => match error {
                FileError::Full(_) => 2251,
                FileError::Denied(_) => 2252,
                FileError::NotThere(_) => 2253,
                FileError::Failed(_) => 2254,
            },
            Self::Secret(_) => 2255,
            Self::Settings(_) => 2256,
            Self::Refused(refusal) => return refusal.number(),
            Self::Ids => return MessageCode::IDS_WRONG,
            Self::Later(_) => 2360,
            Self::WrongCertificate(_) => 2361,
            Self::Update(_) => 2362,
        })
    }

    /// Whether the same may work later without anybody's doing: what the timer tries again.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Http(error) => !matches!(
                error,
                HttpError::Key(_)
                    | HttpError::ProxyAuthentication { .. }
                    | HttpError::ProxySettings(_)
            ),
            Self::Later(_) | Self::NotOurs { .. } | Self::File(_) | Self::ClockOff(_) => true,
            Self::Refused(refusal) => matches!(refusal.status, 408 | 429 | 500..=599),
            Self::Store(error) => matches!(error, StoreError::Denied(_) | StoreError::Failed(_)),
            Self::ConnectionCode(_)
            | Self::Ids
            | Self::Key(_)
            | Self::NoBackup
            | Self::NoServer
            | Self::Secret(_)
            | Self::Settings(_)
            | Self::Standing(_)
            | Self::Update(_)
            | Self::WrongCertificate(_) => false,
        }
    }

    /// In how many seconds the server wants to be asked again, where it said so.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Later(seconds) => Some(*seconds),
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }
}

/// The request will never be granted, to this key or at all.
const ENDS_REQUEST: &[&str] = &[
    "key_fixed",
    "key_kind",
    "key_known",
    "key_weak",
    "renewed_before",
    "replaced",
    "revoked",
    "superseded",
    "too_many_keys",
];
/// The certificate will never work again.
const ENDS_CERTIFICATE: &[&str] = &["replaced", "revoked", "superseded"];

impl ServerRefusal {
    /// Whether the two IDs are not a pair.
    pub fn is_wrong_ids(&self) -> bool {
        self.status == 401
    }

    /// Whether a request need not be sent again.
    pub fn ends_request(&self) -> bool {
        ENDS_REQUEST.contains(&self.code.as_str())
    }

    /// What this says of the certificate that was presented.
    pub fn status_told(&self) -> Option<Status> {
        match self.code.as_str() {
            "on_hold" => Some(Status::OnHold),
            "revoked" => Some(Status::Revoked),
            "replaced" | "superseded" => Some(Status::Superseded),
            _ => None,
        }
    }

    /// Whether the certificate that was presented is of no use any more.
    pub fn ends_certificate(&self) -> bool {
        ENDS_CERTIFICATE.contains(&self.code.as_str())
    }

    /// The number that came along, else the one for its word, else that of a fault.
    pub fn number(&self) -> MessageCode {
        if let Some(message) = &self.message {
            return message.code;
        }
        match self.code.as_str() {
            "certificate_missing" => MessageCode::CERTIFICATE_MISSING,
            "certificate_unknown" => MessageCode::CERTIFICATE_UNKNOWN,
            "on_hold" => MessageCode::ON_HOLD,
            "revoked" => MessageCode::REVOKED,
            "replaced" | "superseded" => MessageCode::REPLACED,
            "renewed_before" => MessageCode::RENEWED_BEFORE,
            "expired" => MessageCode::EXPIRED,
            "frozen" => MessageCode::FROZEN,
            "key_destroyed" | "window_ended" => MessageCode::NOT_TO_FETCH,
            "key_fixed" => MessageCode::KEY_FIXED,
            "unavailable" => MessageCode::UNAVAILABLE,
            _ => match self.status {
                401 => MessageCode::IDS_WRONG,
                429 => MessageCode::THROTTLED,
                503 => MessageCode::UNAVAILABLE,
                500.. => MessageCode::FAULT,
                _ => MessageCode::NOT_UNDERSTOOD,
            },
        }
    }
}

const fn http_code(error: &HttpError) -> u16 {
    match error {
        HttpError::Name { .. } => 2001,
        HttpError::Unreachable { .. } => 2002,
        HttpError::Timeout(_) => 2003,
        HttpError::Tls(_) => 2004,
        HttpError::UntrustedServer { .. } => 2005,
        HttpError::TooLong(_) => 2006,
        HttpError::ServerTime { .. } => 2007,
        HttpError::NotHttp(_) => 2008,
        HttpError::ProxyAuthentication {
            had_credentials: false,
            ..
        } => 2101,
        HttpError::ProxyAuthentication { .. } => 2102,
        HttpError::ProxyUnreachable { .. } => 2103,
        HttpError::ProxyRefused { .. } => 2104,
        HttpError::ProxySettings(_) => 2105,
        HttpError::Key(_) => 2206,
    }
}
