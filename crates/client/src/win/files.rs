//! The client's folder (`Files`): `%LOCALAPPDATA%\Tegata\MpkiClient`, which Windows lets only this user read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use crate::ports::{FileError, Files};

/// The ending of a file that is being written.
const UNFINISHED: &str = "new";

/// The client's folder.
#[derive(Clone, Debug)]
pub(super) struct WindowsFiles {
    folder: PathBuf,
}

impl WindowsFiles {
    /// Makes the folder where there is none.
    pub(super) fn open(folder: PathBuf) -> Result<Self, FileError> {
        fs::create_dir_all(&folder).map_err(refusal)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> Result<PathBuf, FileError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(FileError::Failed(format!("{name:?} is no plain name")));
        }
        Ok(self.folder.join(name))
    }
}

impl Files for WindowsFiles {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        match fs::read(self.path(name)?) {
            Ok(octets) => Ok(Some(octets)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    fn write(&self, name: &str, octets: &[u8]) -> Result<(), FileError> {
        replace(&self.path(name)?, octets)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        match fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(refusal(error)),
            _ => Ok(()),
        }
    }

    fn list(&self) -> Result<Vec<String>, FileError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(refusal)? {
            let entry = entry.map_err(refusal)?;
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_file && self.path(&name).is_ok() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn append(&self, name: &str, line: &str) -> Result<(), FileError> {
        let path = self.path(name)?;
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(refusal)?;
        let line = line.trim_end_matches(['\r', '\n']);
        file.write_all(format!("{line}\r\n").as_bytes())
            .map_err(refusal)
    }

    fn size(&self, name: &str) -> Result<u64, FileError> {
        match fs::metadata(self.path(name)?) {
            Ok(file) => Ok(file.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(refusal(error)),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        fs::rename(self.path(from)?, self.path(to)?).map_err(refusal)
    }

    fn save(&self, place: &Path, octets: &[u8]) -> Result<(), FileError> {
        replace(place, octets)?;
        let read = fs::read(place).map_err(refusal)?;
        if read == octets {
            return Ok(());
        }
        let _ = fs::remove_file(place);
        Err(FileError::Failed("it did not read back".to_owned()))
    }
}

/// Writes beside, to the disk, then over the old file. Nothing is left of a failed attempt.
fn replace(place: &Path, octets: &[u8]) -> Result<(), FileError> {
    let mut beside = place.as_os_str().to_owned();
    beside.push(".");
    beside.push(UNFINISHED);
    let beside = PathBuf::from(beside);
    let written = write_through(&beside, octets).and_then(|()| fs::rename(&beside, place));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        refusal(error)
    })
}

fn write_through(place: &Path, octets: &[u8]) -> io::Result<()> {
    let mut file = File::create(place)?;
    file.write_all(octets)?;
    file.sync_all()
}

fn refusal(error: io::Error) -> FileError {
    let detail = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileError::Full(detail),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FileError::Denied(detail),
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::NotThere(detail),
        _ => FileError::Failed(detail),
    }
}
