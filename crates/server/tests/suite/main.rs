//! The program from outside: what it answers, how it ends, and what it leaves on the disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod configuration_doc;
mod endings;
mod installation;
mod program;
mod two_persons;
