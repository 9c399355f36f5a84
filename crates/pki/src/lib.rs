//! Keys, certificates, revocation lists, OCSP and PKCS#12 in the words of the RFCs.
//!
//! | module | standard |
//! | --- | --- |
//! | [`name`] | distinguished names, RFC 5280 §4.1.2.4, RFC 4514 |
//! | [`key`] | key pairs and SubjectPublicKeyInfo, RFC 5480, RFC 8017, RFC 5958 |
//! | [`signer`], [`soft`] | the border to a signing key; a key in an encrypted file |
//! | [`profile`], [`tbs`], [`lint`] | what a certificate says, its signature, and the rules before it |
//! | [`certificate`], [`csr`] | reading certificates (RFC 5280) and requests (RFC 2986) |
//! | [`crl`], [`ocsp`] | revocation lists (RFC 5280 §5), OCSP (RFC 6960) |
//! | [`cms`] | a signature beside a document, certificates in an envelope (RFC 5652) |
//! | [`connection_code`] | the short form of a root's key that people compare (decision W6) |
//! | [`ed25519`] | signatures over releases of the client (RFC 8032) |
//! | [`pkcs12`], [`pem`] | key and chain in a file (RFC 7292), text form (RFC 7468) |
//!
//! This crate knows no hospital, no database, no network and no clock.

pub mod certificate;
pub mod cms;
pub mod connection_code;
pub mod crl;
pub mod csr;
pub mod digest;
pub mod ed25519;
pub mod key;
pub mod lint;
pub mod name;
pub mod ocsp;
pub mod pem;
pub mod pkcs12;
pub mod profile;
pub mod signer;
pub mod soft;
pub mod tbs;

mod pbes2;
mod random;
mod reason;
mod tlv;

pub use const_oid::ObjectIdentifier;
pub use random::RandomFailed;
pub use tlv::TimeOutOfRange;
