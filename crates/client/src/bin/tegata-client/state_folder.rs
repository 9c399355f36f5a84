//! The state folder: where it lies, and that one program at a time works on it.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// How long a command waits for another one, in pauses.
const PAUSES: u32 = 150;
const PAUSE: Duration = Duration::from_millis(200);

/// The right to work on the folder, until it is dropped. A daemon holds it while it does something, and not while it
/// sleeps; who comes meanwhile waits.
pub(crate) fn lock(state: &Path) -> Result<File> {
    let (path, file) = lock_file(state)?;
    for pause in 0..PAUSES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("lock {}", path.display()));
            }
        }
        if pause == 5 {
            let _ = writeln!(io::stderr(), "waiting: another tegata-client works here");
        }
        std::thread::park_timeout(PAUSE);
    }
    bail!("another tegata-client works on {}", state.display())
}

/// The same for a daemon, however long a person at another command thinks.
pub(crate) fn lock_at_last(state: &Path) -> Result<File> {
    let (path, file) = lock_file(state)?;
    file.lock()
        .with_context(|| format!("lock {}", path.display()))?;
    Ok(file)
}

fn lock_file(state: &Path) -> Result<(PathBuf, File)> {
    let path = state.join("lock");
    let file = File::create(&path).with_context(|| format!("make {}", path.display()))?;
    Ok((path, file))
}

/// `$XDG_STATE_HOME/tegata-client`, or what that is where it is not set.
pub(crate) fn default_state() -> Result<PathBuf> {
    if let Some(folder) = variable("XDG_STATE_HOME") {
        return Ok(PathBuf::from(folder).join("tegata-client"));
    }
    let home = variable("HOME").context("neither XDG_STATE_HOME nor HOME is set")?;
    Ok(PathBuf::from(home).join(".local/state/tegata-client"))
}

/// A variable of the environment that is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a binary reads the environment")]
    let value = std::env::var(name);
    value.ok().filter(|value| !value.is_empty())
}
