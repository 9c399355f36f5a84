//! One suite, two databases: every function of the crate is run on SQLite, and on PostgreSQL where
//! `TEGATA_TEST_POSTGRES` names a server on which databases may be made.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod applicants;
mod certificates;
mod clock;
mod console;
mod databases;
mod grants;
mod mail_codes;
mod notice_figures;
mod operators;
mod plans;
mod procedures;
mod proposals;
mod publication;
mod register;
mod revocations;
mod rules;
mod samples;
mod sealed;
mod successors;
mod writes;
