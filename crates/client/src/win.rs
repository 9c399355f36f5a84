//! The Windows program: windows, tray, store, keys, secrets and proxy of the system (R-070 to R-083, P-30 to P-33).
//!
//! | module | what it answers |
//! | --- | --- |
//! | `program`, `parts`, `pack` | how the program starts, its verbs, its ports, the operator's settings |
//! | `worker` | the thread on which the controller runs |
//! | `windows`, `resource` | the dialogs, the tray icon, and what the [`Ui`](crate::ports::Ui) asks of them |
//! | `store`, `key` | certificates and keys of the user: CNG first, CAPI where there is only that |
//! | `secrets`, `files`, `proxy` | DPAPI, the client's folder, WinHTTP's proxy settings |
//! | `newer` | a newer version of the program: its package, msiexec |
//! | `autostart` | start at logon |
//! | `diagnosis` | what the help desk needs to know, in one file |
//! | `browser_policy` | roots and `AutoSelectCertificateForUrls`, written by the installer for all users only |
//! | `sys` | one safe function per call of the system; the only place with `unsafe` |
//!
//! Nothing here decides anything about certificates: that is the controller's.

mod autostart;
mod browser_policy;
mod diagnosis;
mod files;
mod key;
mod newer;
mod pack;
mod parts;
mod program;
mod proxy;
mod resource;
mod secrets;
mod store;
mod sys;
mod windows;
mod worker;

pub use program::main;
