//! The network of the client: the port [`Http`](crate::ports::Http) over TLS, straight or through a proxy
//! (R-070, P-30, W6, T71).
//!
//! | module | what it answers |
//! | --- | --- |
//! | `transport` | one request, one answer, and what went wrong |
//! | `routes`, `ways` | which way settings and system name, and whom the proxy's password is for |
//! | `tunnel` | CONNECT, Basic and NTLM |
//! | `ntlm` | the messages of NTLMv2 |
//! | `tls` | who the server must be, and who we are |
//! | `message` | HTTP/1.1, read with limits |
//! | `wire` | names, sockets and deadlines |
//! | `diagnose` | the network step by step, for the help desk |
//!
//! It knows no certificate store, no window and no procedure.

mod diagnose;
mod http_date;
mod message;
mod ntlm;
#[cfg(feature = "fuzz")]
pub mod outside;
mod routes;
mod tls;
mod transport;
mod tunnel;
mod ways;
mod wire;

pub use diagnose::{Outcome, Question, Step, StepKind};
pub use routes::{ProxyVariables, Routes, SystemProxy};
pub use transport::{DownloadError, Limits, Transport};
pub use ways::ways;
