//! The state folder (0700), its files (0600), replaced atomically.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::log::LOG;
use crate::ports::{FileError, Files, StoreError};

/// The ending of a file that is being written; it is none of the names that callers use.
const UNFINISHED: &str = "~new";
const OWNER_ONLY: u32 = 0o600;

/// A folder.
pub struct UnixFiles {
    folder: PathBuf,
    last_line: Mutex<String>,
}

impl UnixFiles {
    /// Makes the folder where there is none.
    pub fn open(folder: PathBuf) -> Result<Self, FileError> {
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(refusal)?;
        Ok(Self {
            folder,
            last_line: Mutex::default(),
        })
    }

    /// The last line of the log: what a message on the command line is about.
    pub fn last_line(&self) -> String {
        self.last_line
            .lock()
            .map(|line| line.clone())
            .unwrap_or_default()
    }

    /// Where the file of this name lies.
    pub(super) fn place(&self, name: &str) -> Result<PathBuf, FileError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            return Err(FileError::Failed(format!("{name:?} is no plain name")));
        }
        Ok(self.folder.join(name))
    }
}

impl Files for UnixFiles {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        match fs::read(self.place(name)?) {
            Ok(octets) => Ok(Some(octets)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refusal(error)),
        }
    }

    fn write(&self, name: &str, octets: &[u8]) -> Result<(), FileError> {
        replace(&self.place(name)?, octets)
    }

    fn remove(&self, name: &str) -> Result<(), FileError> {
        match fs::remove_file(self.place(name)?) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(refusal(error)),
            _ => sync_folder(&self.folder).map_err(refusal),
        }
    }

    fn list(&self) -> Result<Vec<String>, FileError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(refusal)? {
            let name = entry.map_err(refusal)?.file_name();
            names.extend(
                name.into_string()
                    .ok()
                    .filter(|name| !name.ends_with(UNFINISHED)),
            );
        }
        Ok(names)
    }

    fn append(&self, name: &str, line: &str) -> Result<(), FileError> {
        if name == LOG
            && let Ok(mut last) = self.last_line.lock()
        {
            line.clone_into(&mut last);
        }
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create(true)
            .mode(OWNER_ONLY)
            .open(self.place(name)?);
        writeln!(file.map_err(refusal)?, "{line}").map_err(refusal)
    }

    fn size(&self, name: &str) -> Result<u64, FileError> {
        match fs::metadata(self.place(name)?) {
            Ok(data) => Ok(data.len()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(refusal(error)),
        }
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        fs::rename(self.place(from)?, self.place(to)?).map_err(refusal)
    }

    fn save(&self, place: &Path, octets: &[u8]) -> Result<(), FileError> {
        replace(place, octets)?;
        let written = fs::read(place).map_err(refusal)?;
        if written == octets {
            Ok(())
        } else {
            Err(FileError::Failed("it does not read back".to_owned()))
        }
    }
}

/// Writes into a file beside it, to the disk, and over the old one.
pub(super) fn replace(path: &Path, octets: &[u8]) -> Result<(), FileError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    let written = write_synced(&unfinished, octets).and_then(|()| fs::rename(&unfinished, path));
    if let Err(error) = written {
        // What is left of it would only take room.
        let _ = fs::remove_file(&unfinished);
        return Err(refusal(error));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder).map_err(refusal),
        _ => sync_folder(Path::new(".")).map_err(refusal),
    }
}

fn write_synced(path: &Path, octets: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ONLY);
    let mut file = options.open(path)?;
    file.write_all(octets)?;
    file.sync_all()
}

/// A new name is on the disk only when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A file's refusal, where it is the store that could not be read or written.
pub(super) fn store_error(error: FileError) -> StoreError {
    match error {
        FileError::Denied(detail) => StoreError::Denied(detail),
        other => StoreError::Failed(other.to_string()),
    }
}

pub(super) fn refusal(error: io::Error) -> FileError {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileError::Full(text),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FileError::Denied(text),
        ErrorKind::NotFound | ErrorKind::NotADirectory => FileError::NotThere(text),
        _ => FileError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_is_for_its_owner_alone_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let files = UnixFiles::open(folder.path().join("state")).unwrap();
        files.write("a.json", b"old").unwrap();
        files.write("a.json", b"new").unwrap();
        assert_eq!(files.read("a.json").unwrap().unwrap(), b"new");
        assert_eq!(files.list().unwrap(), ["a.json"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("state/a.json")), 0o600);
        assert_eq!(mode(&folder.path().join("state")), 0o700);
        files.remove("a.json").unwrap();
        files.remove("a.json").unwrap();
        assert_eq!(files.read("a.json").unwrap(), None);
        assert!(files.write("../a", b"").is_err());
    }

    #[test]
    fn a_full_disk_and_a_place_that_is_not_there_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let files = UnixFiles::open(folder.path().to_owned()).unwrap();
        let full = refusal(io::Error::from(ErrorKind::StorageFull));
        assert!(matches!(full, FileError::Full(_)));
        let nowhere = files.save(&folder.path().join("no/such/a.p12"), b"x");
        assert!(
            matches!(nowhere, Err(FileError::NotThere(_))),
            "{nowhere:?}"
        );
        assert!(files.list().unwrap().is_empty());
    }
}
