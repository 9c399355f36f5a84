//! The transport against servers and proxies that misbehave, over real sockets and real TLS.

mod answers;
mod identity;
mod origin;
mod pki;
mod proxies;
mod proxy;
mod terminal;
mod trust;
