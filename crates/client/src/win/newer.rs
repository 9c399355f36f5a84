//! The installed program, and the package that takes its place (F10).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tegata_pki::certificate::Certificate;
use tegata_protocol::release::{Architecture, Scope, Version};

use super::files::WindowsFiles;
use super::pack;
use super::sys::certificate::Owner;
use super::sys::process;
use super::sys::registry::{RegistryKey, View};
use crate::net::{DownloadError, Transport};
use crate::ports::{FileError, Files as _, HttpError, Program, Request};

/// The value with the path of the program; the installer has the same.
const PROGRAM_VALUE: &str = "Program";
const ENDING: &str = ".msi";
/// A package over a slow line.
const LONGEST_DOWNLOAD: Duration = Duration::from_secs(30 * 60);

/// What runs.
pub(super) struct InstalledProgram {
    folder: PathBuf,
    transport: Arc<Transport>,
}

impl InstalledProgram {
    /// Packages are kept in the client's own `folder`.
    pub(super) fn new(folder: PathBuf, transport: Arc<Transport>) -> Self {
        Self { folder, transport }
    }

    fn scope() -> Scope {
        let key = RegistryKey::open(Owner::Machine, pack::KEY, View::Own);
        let installed = key.and_then(|key| key.text(PROGRAM_VALUE));
        match installed {
            Some(path) if process::program() == Path::new(&path) => Scope::Machine,
            _ => Scope::User,
        }
    }
}

impl Program for InstalledProgram {
    fn version(&self) -> Version {
        let part = |text: &str| text.parse().unwrap_or_default();
        Version {
            major: part(env!("CARGO_PKG_VERSION_MAJOR")),
            minor: part(env!("CARGO_PKG_VERSION_MINOR")),
            patch: env!("CARGO_PKG_VERSION_PATCH").parse().unwrap_or_default(),
        }
    }

    fn kind(&self) -> (Architecture, Scope) {
        let architecture = if cfg!(target_pointer_width = "64") {
            Architecture::X64
        } else {
            Architecture::X86
        };
        (architecture, Self::scope())
    }

    fn download(
        &self,
        request: &Request,
        root: &Certificate,
        most: u64,
    ) -> Result<Vec<u8>, HttpError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut octets = Vec::new();
        let done = self
            .transport
            .download(request, root, most, LONGEST_DOWNLOAD, &mut octets);
        match done {
            // What another status says is not the file, and its digest will show it.
            Ok(_) => Ok(octets),
            Err(DownloadError::Http(error)) => Err(error),
            Err(DownloadError::Keep(error)) => Err(HttpError::NotHttp(error.to_string())),
        }
    }

    fn install(&self, name: &str, package: &[u8]) -> Result<(), FileError> {
        let files = WindowsFiles::open(self.folder.clone())?;
        for earlier in files.list()? {
            if earlier.ends_with(ENDING) {
                files.remove(&earlier)?;
            }
        }
        files.write(name, package)?;
        let package = self.folder.join(name);
        let started = fs::metadata(&package).and_then(|_| {
            // By its whole path: nothing else of this name is started (T72). The package ends this program.
            Command::new(process::system_folder().join("msiexec.exe"))
                .arg("/i")
                .arg(&package)
                .arg("/passive")
                .spawn()
        });
        started
            .map(|_| ())
            .map_err(|error| FileError::Failed(format!("msiexec: {error}")))
    }
}
