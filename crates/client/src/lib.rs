//! The client of a terminal: enrolment, list, renewal, backup, deletion and notices (manual 3.1, R-070 to R-083).
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`ports`] | what an operating system must offer: network, certificates and keys, files, secrets, windows |
//! | [`settings`] | what the operator packs and the person changes |
//! | [`failure`] | why something did not work, and under which number |
//! | [`trust`] | which root and issuers are the operator's (W6) |
//! | [`api`] | the client's JSON |
//! | [`pending`] | the journal of a procedure, by which it goes on after a crash (T73) |
//! | [`backup`] | password rule and file of a backup (K4, K5) |
//! | [`known`], [`standing`] | what is remembered of a certificate, and how it stands |
//! | [`messages`] | every sentence that a person reads, by its number (decision S4) |
//! | [`net`] | the port [`Http`](ports::Http): TLS, proxies, NTLM, diagnostics |
//! | [`update`] | whether a newer version is to be believed (F10) |
//!
//! Everything is blocking and sleeps when there is nothing to do. No module here knows Windows; what does, lies under
//! `win` and is compiled there alone.

pub mod api;
pub mod backup;
pub mod controller;
mod est;
mod exchange;
pub mod failpoint;
pub mod failure;
#[cfg(any(windows, test, feature = "fuzz"))]
mod key_blob;
pub mod known;
pub mod log;
pub mod messages;
pub mod net;
#[cfg(feature = "fuzz")]
pub mod outside;
mod pem;
pub mod pending;
pub mod ports;
mod schedule;
pub mod settings;
pub mod software_key;
pub mod standing;
mod state;
pub mod system;
pub mod trust;
#[cfg(unix)]
pub mod unix;
pub mod update;
#[cfg(windows)]
pub mod win;
