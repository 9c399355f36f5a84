//! The transport against servers and proxies that misbehave, over real sockets and real TLS.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod answers;
mod identity;
mod origin;
mod pki;
mod proxies;
mod proxy;
mod terminal;
mod trust;
