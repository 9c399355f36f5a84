//! The client on Linux and macOS: a folder of PKCS#12 files instead of a certificate store, files that only the user
//! reads instead of DPAPI, and a command line instead of windows.
//!
//! | module | port |
//! | --- | --- |
//! | `files` | [`Files`](crate::ports::Files): the state folder |
//! | `secrets` | [`Secrets`](crate::ports::Secrets): AES-256-GCM under a key file |
//! | `store` | [`CertificateStore`](crate::ports::CertificateStore): a folder of `.p12` files, each with its `.pem` twin without a key |
//! | `mirror` | beside the store: the same elsewhere, for programs that read nothing else |
//! | `nss_database` | such a place: the database of Firefox and Chromium |
//! | `pem_folder` | such a place: PEM files, for services |
//! | `key` | [`TerminalKey`](crate::ports::TerminalKey): with PSS, for TLS 1.3 |
//! | `console` | [`Ui`](crate::ports::Ui): English lines, answers from options |
//!
//! Whoever can read the user's files can take a key: there is no store that refuses to give one out. The files are for
//! the user alone (0600), which is what a Unix system promises.

mod console;
mod files;
mod key;
mod mirror;
mod nss_database;
mod pem_folder;
mod secrets;
mod store;

pub use console::{Answers, Console};
pub use files::UnixFiles;
pub use mirror::{Installed, Mirror};
pub use nss_database::NssDatabase;
pub use pem_folder::PemFolder;
pub use secrets::FileSecrets;
pub use store::FolderStore;
