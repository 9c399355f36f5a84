//! The Windows program: windows, tray, store, keys, secrets and proxy of the system (R-070 to R-083, P-30 to P-33).
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`program`] | how the program starts, its verbs, the one running copy |
//! | `worker` | the thread on which the controller runs |
//! | `windows` | the dialogs, the tray icon, and what the [`Ui`](crate::ports::Ui) asks of them |
//! | `store`, `key` | certificates and keys of the user: CNG first, CAPI where there is only that |
//! | `secrets`, `files`, `proxy` | DPAPI, the client's folder, WinHTTP's proxy settings |
//! | `browser_policy` | `AutoSelectCertificateForUrls`, written by the installer for all users only |
//! | `sys` | one safe function per call of the system; the only place with `unsafe` |
//!
//! Nothing here decides anything about certificates: that is the controller's.

mod files;
mod key;
mod secrets;
mod store;
mod sys;
