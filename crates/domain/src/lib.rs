//! The rules of this certification authority: types, states, dates.
//!
//! No input or output, no `async`, no clock and no random numbers of its own: instants and entropy
//! come in as parameters. See `docs/architecture.md` for what each module is about.

pub mod access;
pub mod announcement;
pub mod applicant;
pub mod application;
pub mod audit;
pub mod bounce;
pub mod certificate;
pub mod entropy;
pub mod flow;
pub mod grant;
pub mod id;
pub mod institution;
pub mod issuance;
pub mod mail_code;
pub mod notice;
pub mod operator;
pub mod outbox;
pub mod password;
pub mod policy;
pub mod proposal;
pub mod reference;
pub mod register;
pub mod relying;
pub mod reminder;
pub mod renewal;
pub mod revocation;
pub mod search;
pub mod secret;
pub mod spread;
pub mod terminal_notice;
pub mod time;
