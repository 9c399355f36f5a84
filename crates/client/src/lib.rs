//! The client of a terminal: enrolment, list, renewal, backup, deletion and notices (manual 3.1, R-070 to R-083).
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`ports`] | what an operating system must offer: network, certificates and keys, files, secrets, windows |
//! | [`settings`] | what the operator packs and the person changes |
//! | [`failure`] | why something did not work, and under which number |
//! | [`messages`] | every sentence that a person reads, by its number (decision S4) |
//! | [`net`] | the port [`Http`](ports::Http): TLS, proxies, NTLM, diagnostics |
//!
//! Everything is blocking and sleeps when there is nothing to do. No module here knows Windows; what does, lies under
//! `win` and is compiled there alone.

pub mod failure;
#[cfg(any(windows, test))]
mod key_blob;
pub mod messages;
pub mod net;
mod pem;
pub mod ports;
pub mod settings;
#[cfg(windows)]
pub mod win;
