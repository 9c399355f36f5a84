//! The ports of this system, made once and shared by the controller and the diagnostics.

use std::path::PathBuf;
use std::sync::Arc;

use super::files::WindowsFiles;
use super::newer::InstalledProgram;
use super::pack;
use super::proxy::WindowsProxy;
use super::secrets::WindowsSecrets;
use super::store::WindowsStore;
use super::sys::shell;
use crate::net::Transport;
use crate::ports::{FileError, Files, Program, Secrets};
use crate::settings::{Settings, SettingsError};
use crate::system::{SystemClock, SystemEntropy};

/// The client's folder below `%LOCALAPPDATA%`.
const FOLDER: [&str; 2] = ["Tegata", "MPKI Client"];

/// What the controller asks of this system.
pub(super) struct Parts {
    pub(super) clock: SystemClock,
    pub(super) entropy: SystemEntropy,
    pub(super) files: Arc<dyn Files>,
    pub(super) secrets: Arc<dyn Secrets>,
    pub(super) store: WindowsStore,
    pub(super) proxy: WindowsProxy,
    pub(super) transport: Arc<Transport>,
    pub(super) program: Arc<dyn Program>,
}

/// Why the program cannot begin; English, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("Windows names no folder for the data of this user")]
    NoFolder,
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Parts {
    /// Makes them, and reads the settings.
    pub(super) fn open() -> Result<(Self, Settings), StartError> {
        let files: Arc<dyn Files> = Arc::new(WindowsFiles::open(folder()?)?);
        let settings = Settings::load(&pack::text()?, &*files)?;
        let secrets: Arc<dyn Secrets> = Arc::new(WindowsSecrets);
        let proxy = WindowsProxy::new(settings.proxy().clone(), files.clone(), secrets.clone());
        let transport = Transport::new(
            Arc::new(proxy.clone()),
            Arc::new(SystemClock),
            Arc::new(SystemEntropy),
        );
        let transport = Arc::new(transport);
        let parts = Self {
            clock: SystemClock,
            entropy: SystemEntropy,
            files,
            secrets,
            store: WindowsStore,
            proxy,
            program: Arc::new(InstalledProgram::new(folder()?, transport.clone())),
            transport,
        };
        Ok((parts, settings))
    }
}

/// Where the client keeps its files.
fn folder() -> Result<PathBuf, StartError> {
    let mut folder = shell::local_data().ok_or(StartError::NoFolder)?;
    folder.extend(FOLDER);
    Ok(folder)
}
