//! Files of operators, read as the procedures read them: for `crates/fuzz` alone.

use tegata_domain::register::TypedEntry;

use crate::register_file;
use crate::{BadLine, FileEncoding};

/// A register, read; nothing of it is compared with what is stored.
#[derive(Debug)]
pub struct Register {
    /// How its characters are written.
    pub encoding: FileEncoding,
    /// Heads of columns that mean nothing.
    pub ignored: Vec<String>,
    /// Entries with their lines.
    pub entries: Vec<(u64, TypedEntry)>,
    /// Lines that are no entries.
    pub bad: Vec<BadLine>,
}

/// Reads a register; `None` where its head is refused.
pub fn register(octets: &[u8]) -> Option<Register> {
    let file = register_file::read(octets).ok()?;
    Some(Register {
        encoding: file.encoding,
        ignored: file.ignored,
        entries: file.entries,
        bad: file.bad,
    })
}
