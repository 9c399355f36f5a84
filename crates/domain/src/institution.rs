//! Institutions, their classes and codes (decision I5, requirements §5.2, §5.3).

mod code;
mod mail_address;
mod prefecture;
mod terminal_name;

use serde::{Deserialize, Serialize};

pub use self::code::{InstitutionCode, InvalidCode};
pub use self::mail_address::{MailAddress, mask_addresses, without_blanks};
pub use self::prefecture::Prefecture;
pub use self::terminal_name::TerminalName;
pub(crate) use self::terminal_name::breaks_or_turns_line;

use crate::id::InstitutionId;
use crate::time::Timestamp;

/// A class of subscriber, such as `medical`; the classes are configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassName(String);

impl ClassName {
    /// Takes the name of a class; whether it exists is for the policy to say.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 医療機関等 as the register knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// Its id; stays when the code changes.
    pub id: InstitutionId,
    /// Its class.
    pub class: ClassName,
    /// Its code today.
    pub code: InstitutionCode,
    /// Its name as printed.
    pub name: String,
    /// How the name is read; empty where nobody said.
    pub kana: String,
    /// The prefecture that stands in the subject.
    pub prefecture: Prefecture,
    /// Postal code and address to which letters go.
    pub postal_code: String,
    /// Address to which letters go.
    pub address: String,
    /// The telephone number to call back.
    pub telephone: String,
    /// When the register's data about it changed last; none where they never did.
    pub changed_at: Option<Timestamp>,
    /// When it was closed (廃止): nothing is approved or issued for it any more.
    pub closed_at: Option<Timestamp>,
}
