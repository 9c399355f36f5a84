//! What the client asks of the machine it runs on. One implementation per system, one of fakes for the tests.
//!
//! | trait | Windows | elsewhere |
//! | --- | --- | --- |
//! | [`Http`] | rustls over sockets and proxies (`net`), the same everywhere | the same |
//! | [`ProxyConfig`] | WinHTTP, the settings | the environment, the settings |
//! | [`CertificateStore`], [`TerminalKey`] | the user's store; CNG, CAPI | a folder of PKCS#12 files |
//! | [`Files`] | `%LOCALAPPDATA%` | `$XDG_STATE_HOME` |
//! | [`Secrets`] | DPAPI | a key file of the user |
//! | [`Program`] | the package and msiexec | none: the system's packages |
//! | [`Ui`] | windows, tray, notifications | the command line |
//! | [`Clock`], [`Entropy`] | those of `tegata-domain` | the same |
//!
//! All calls block. The controller runs on one thread of its own; the implementations may be asked from another.

mod files;
mod http;
mod program;
mod proxy;
mod store;
mod ui;

pub use files::{FileError, Files, SecretError, Secrets};
pub use http::{Body, Http, HttpError, Identity, Method, Request, Response, Server};
pub use program::Program;
pub use proxy::{Credentials, Proxy, ProxyChoice, ProxyConfig, ProxyError};
pub use store::{CertificateStore, KeyPlace, Scheme, StoreError, StoredCertificate, TerminalKey};
pub use tegata_domain::entropy::Entropy;
pub use tegata_domain::time::Clock;
pub use ui::{
    AddressForm, AddressPrompt, Answer, BackupForm, BackupPassword, BackupPrompt, Buttons,
    EnrolmentForm, EnrolmentPrompt, LinePrompt, ListRow, ListView, Notification, Progress,
    SaveKind, SavePrompt, ShownIds, Ui, UserMessage,
};

/// All of them, as the controller gets them.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The instant; read once per event.
    pub clock: &'a dyn Clock,
    /// Chance for anything but keys.
    pub entropy: &'a dyn Entropy,
    /// The client's own folder, and the place that a person chose for a backup.
    pub files: &'a dyn Files,
    /// One exchange with the server.
    pub http: &'a dyn Http,
    /// Seals what lies in a file.
    pub secrets: &'a dyn Secrets,
    /// Certificates and keys of this user.
    pub store: &'a dyn CertificateStore,
    /// What the person sees and answers.
    pub ui: &'a dyn Ui,
}
