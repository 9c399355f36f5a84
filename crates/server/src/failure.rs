//! How a command ends when it does not end well: one line that says why, one that says what to do.

use std::fmt::Display;
use std::io::Write as _;

use tegata_app::{Error, Refusal};

/// What a command of this program answers.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Why a command failed and what to do about it, in English.
#[derive(Debug)]
pub(crate) struct Failure {
    reason: String,
    remedy: Option<String>,
    usage: bool,
}

impl Failure {
    /// Refused or failed (exit code 1).
    pub(crate) fn new(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: Some(remedy.into()),
            usage: false,
        }
    }

    /// Failed, with a reason that already names the remedy (exit code 1).
    pub(crate) fn told(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: None,
            usage: false,
        }
    }

    /// The command line cannot be meant (exit code 2).
    pub(crate) fn usage(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: None,
            usage: true,
        }
    }

    /// Something of the machine failed while `doing`.
    pub(crate) fn machine(
        doing: impl Display,
        error: impl Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(format!("{doing}: {error}"), remedy)
    }

    /// The exit code of the contract.
    pub(crate) const fn code(&self) -> u8 {
        if self.usage { 2 } else { 1 }
    }

    /// Why, in one line.
    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// What to do; empty where the reason says it.
    pub(crate) fn remedy(&self) -> &str {
        self.remedy.as_deref().unwrap_or_default()
    }

    /// Prints the reason and the remedy on stderr. A line feed inside a reason is turned into a blank,
    /// so that one line stays one line.
    pub(crate) fn print(&self) {
        let mut stderr = std::io::stderr().lock();
        let _ = writeln!(stderr, "tegata: {}", self.reason.replace(['\n', '\r'], " "));
        if let Some(remedy) = &self.remedy {
            let _ = writeln!(stderr, "what to do: {remedy}");
        }
    }
}

impl From<Error> for Failure {
    /// A refusal that already says "why; what to do" is split there.
    fn from(error: Error) -> Self {
        let remedy = match &error {
            Error::Conflict | Error::Refused(_) => "look at the case with `list` and repeat",
            Error::Full => {
                "make room on the disk that holds the database (`df` shows what is left there), then repeat"
            }
            Error::Internal(_) => "run `tegata doctor`; it explains what is missing or wrong",
            Error::Unavailable => "see that the database runs (`tegata doctor`), then repeat",
        };
        let told = match &error {
            Error::Refused(Refusal::Fields(problems)) => {
                let list: Vec<String> = problems.iter().map(|p| format!("{p:?}")).collect();
                format!("some fields are wrong: {}", list.join(", "))
            }
            Error::Refused(Refusal::NotAllowed) => {
                "not allowed; check the operator's name, password, one-time code (each works once, \
                 for 30 seconds) and roles"
                    .to_owned()
            }
            other => other.to_string(),
        };
        match told.split_once("; ") {
            Some((reason, remedy)) => Self::new(reason, remedy),
            None => Self::new(told, remedy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_what_to_do() {
        let told = Failure::from(Error::Full);
        assert_eq!(told.reason(), "the disk of the database is full");
        assert!(told.remedy().starts_with("make room on the disk"));
        assert_eq!(told.code(), 1);
    }
}
