//! The client's own folder, and what is sealed in it.

use std::path::Path;

use zeroize::Zeroizing;

/// Files by name. A name is a plain file name of ASCII letters, digits, `.`, `-` and `_`, in the client's own folder,
/// which only this user may read.
pub trait Files: Send + Sync {
    /// The octets; `None` where there is no such file.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError>;

    /// Writes the whole file: into a temporary one, to the disk (fsync), then over the old one. After a crash either
    /// the old or the new octets are there.
    fn write(&self, name: &str, octets: &[u8]) -> Result<(), FileError>;

    /// Removes the file; that there is none is no error. Its name is gone from the disk when the call returns.
    fn remove(&self, name: &str) -> Result<(), FileError>;

    /// All names, in no order.
    fn list(&self) -> Result<Vec<String>, FileError>;

    /// Appends one line, the line end included by the callee. Needs not be on the disk at once.
    fn append(&self, name: &str, line: &str) -> Result<(), FileError>;

    /// The size in octets, zero where there is no such file.
    fn size(&self, name: &str) -> Result<u64, FileError>;

    /// Gives a file another name, over one that has it already.
    fn rename(&self, from: &str, to: &str) -> Result<(), FileError>;

    /// Writes a file where the person wants it, readable by that person only where the system can say so, atomically
    /// as [`Self::write`], and reads it back to compare. Nothing is left of a failed attempt.
    fn save(&self, place: &Path, octets: &[u8]) -> Result<(), FileError>;
}

/// Why a file was not read or written. `detail` is English, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// No right to it, or the medium is locked against writing.
    #[error("no access: {0}")]
    Denied(String),
    /// There is no room left.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The folder or the medium is not there.
    #[error("not there: {0}")]
    NotThere(String),
    /// Anything else, and a file that did not read back as it was written.
    #[error("the file failed: {0}")]
    Failed(String),
}

/// Seals octets so that only this user of this machine can open them (DPAPI).
pub trait Secrets: Send + Sync {
    /// Seals. `purpose` must be the same when it is opened.
    fn seal(&self, purpose: &str, clear: &[u8]) -> Result<Vec<u8>, SecretError>;

    /// Opens what [`Self::seal`] made.
    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError>;
}

/// Why nothing was sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret cannot be sealed or opened: {0}")]
pub struct SecretError(pub String);
