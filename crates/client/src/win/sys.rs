//! One safe function per call of Windows. Every handle is owned by a value that closes it.
//!
//! Nothing here knows what a certificate is for. Each `unsafe` block says why it holds.

pub(crate) mod capi;
pub(crate) mod certificate;
pub(crate) mod cng;
pub(crate) mod dialog;
pub(crate) mod dpapi;
pub(crate) mod error;
pub(crate) mod list;
pub(crate) mod process;
pub(crate) mod registry;
pub(crate) mod shell;
pub(crate) mod text;
pub(crate) mod tray;
pub(crate) mod version;
pub(crate) mod window;
pub(crate) mod winhttp;

pub(crate) use error::SystemError;
