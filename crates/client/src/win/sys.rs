//! One safe function per call of Windows. Every handle is owned by a value that closes it.
//!
//! Nothing here knows what a certificate is for. Each `unsafe` block wraps one call and says why it holds.

pub(crate) mod capi;
pub(crate) mod certificate;
pub(crate) mod cng;
pub(crate) mod dpapi;
pub(crate) mod error;
pub(crate) mod text;
pub(crate) mod version;

pub(crate) use error::SystemError;
