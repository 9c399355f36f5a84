//! The JSON that the server and its clients exchange under `/api/client/v1` (R-030, decisions S4, W2).
//!
//! Types alone: no input or output, no clock, no rule. What follows from dates is decided in `tegata-domain`, which
//! both sides use. The number in the address is the version: within it a field keeps its name and its meaning, and
//! new ones may come. A reader therefore ignores a field that it does not know and takes a word that it does not know
//! for `Other`; a writer leaves no field of its version out. Instants are RFC 3339 in UTC, days are those of Japan.
//!
//! An example of every case lies in `tests/golden`.

#![forbid(unsafe_code)]

mod code;
mod notices;
mod refusal;
mod schedule;
mod text;

pub use code::MessageCode;
pub use notices::{Message, Notices, Renewal, Status};
pub use refusal::Refusal;
pub use schedule::Schedule;

/// The version of this JSON, as it stands in addresses and answers.
pub const VERSION: u32 = 1;
/// Where a terminal asks for its notices, on the subscriber listener.
pub const NOTICES_PATH: &str = "/api/client/v1/notices";
