//! The program itself, where a newer version can take its place (F10).

use tegata_pki::certificate::Certificate;
use tegata_protocol::release::{Architecture, Scope, Version};

use super::files::FileError;
use super::http::{HttpError, Request};

/// What runs here, and how another version is brought in.
pub trait Program: Send + Sync {
    /// The version that runs.
    fn version(&self) -> Version;

    /// The processor and the users that it was installed for.
    fn kind(&self) -> (Architecture, Scope);

    /// One exchange as [`Http::send`](super::Http), for a body of up to `most` octets; the octets of a 200.
    fn download(
        &self,
        request: &Request,
        root: &Certificate,
        most: u64,
    ) -> Result<Vec<u8>, HttpError>;

    /// Keeps a verified package under `name` in the client's own folder and starts the system's installer with it,
    /// which ends this program and starts the new one.
    fn install(&self, name: &str, package: &[u8]) -> Result<(), FileError>;
}
