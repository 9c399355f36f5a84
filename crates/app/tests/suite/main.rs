//! One file per procedure, each run on SQLite, and on PostgreSQL where `TEGATA_TEST_POSTGRES` names a server
//! on which databases may be made.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod address_changes;
mod addresses;
mod announcements;
mod applications;
mod between;
mod bounces;
mod cards;
mod cases;
mod crowds;
mod database;
mod download;
mod due_days;
mod enrolment;
mod flows;
mod givebacks;
mod holds;
mod hostile_requests;
mod identify;
mod inquiries;
mod issue;
mod letters;
mod mail_codes;
mod mails;
mod notice_figures;
mod notices;
mod operators;
mod own;
mod own_revocations;
mod proposals;
mod races;
mod reenrolment;
mod registers;
mod relying;
mod renew;
mod reopens;
mod revoke;
mod rewrap;
mod send_again;
mod sessions;
mod setup;
mod status;
mod tab_outcomes;
mod tab_procedures;
mod tabs;
mod terminal;
mod terminal_notices;
mod unreachable;
mod world;
