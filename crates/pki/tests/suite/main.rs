//! What this crate writes, read back; what others wrote, read; what is hostile, refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a step that fails fails its test"
)]

mod certificate;
mod cms;
mod crl;
mod csr;
mod ocsp;
mod oracle_lint;
mod oracle_nss;
mod oracle_openssl;
mod pkcs12;
mod profiles_doc;
mod sample;
mod vectors;
