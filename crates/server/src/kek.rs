//! The file of the key-encryption keys (K8): one line for each, `NUMBER BASE64` with 32 octets, and the word `next`
//! behind a key that opens and does not seal yet. A line without a number is key 1. `#` begins a remark.

use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_app::{KeyEncryptionKey, KeyEncryptionKeys, KeySource};
use tegata_domain::secret::Secret;

use crate::config::Config;
use crate::failure::{Failure, Outcome};

/// Where this machine keeps its key-encryption keys.
#[derive(Clone, Debug)]
pub(crate) struct KekFile {
    path: PathBuf,
    is_credential: bool,
}

impl KekFile {
    /// The systemd credential `tegata-kek`, or the file that the configuration names.
    pub(crate) fn of(config: &Config) -> Self {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY")
            .map(|folder| Path::new(&folder).join("tegata-kek"))
            .filter(|path| path.exists());
        Self {
            is_credential: credential.is_some(),
            path: credential.unwrap_or_else(|| config.kek_file.clone()),
        }
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether systemd handed it over: then it cannot be changed here.
    pub(crate) fn is_credential(&self) -> bool {
        self.is_credential
    }

    /// The keys; refused where others could read the file.
    pub(crate) fn read(&self) -> Outcome<KeyEncryptionKeys> {
        let shown = self.path.display();
        if !self.is_credential {
            let mode = self.mode()?;
            if mode & 0o077 != 0 {
                return Err(Failure::new(
                    format!("{shown} can be read by others (mode {mode:03o})"),
                    format!("run `chmod 0400 {shown}` as its owner; make sure nobody copied it"),
                ));
            }
        }
        parse(self.text()?.expose()).ok_or_else(|| {
            let remedy = "restore the file: lines of a number and 32 octets in base64, as \
                          `tegata init` and `tegata key` make them";
            Failure::new(format!("{shown} holds no key-encryption key"), remedy)
        })
    }

    /// Its permission bits.
    pub(crate) fn mode(&self) -> Outcome<u32> {
        self.metadata()
            .map(|metadata| metadata.permissions().mode() & 0o777)
    }

    /// Puts these keys in the place of the ones in the file, and keeps its remarks. A crash leaves the old file or the
    /// new one.
    pub(crate) fn replace(&self, keys: &[KeyEncryptionKey]) -> Outcome<()> {
        let before = self.text()?;
        let remarks: Vec<&str> = before
            .expose()
            .lines()
            .filter(|line| line.trim_start().starts_with('#'))
            .collect();
        let owner = self.metadata()?;
        let text = print(&remarks, keys);
        let failed = |error: std::io::Error| {
            let remedy = "run the command as the owner of the file, in a folder that it may write";
            Failure::machine(format!("write {}", self.path.display()), error, remedy)
        };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let beside = self.path.with_extension("new");
        // What an earlier try left behind was never in use.
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&beside)
            .map_err(failed)?;
        file.write_all(text.expose().as_bytes()).map_err(failed)?;
        fchown(&file, Some(owner.uid()), Some(owner.gid())).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&beside, &self.path).map_err(failed)?;
        fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)
    }

    /// The keys for a process that runs on while the file may change.
    pub(crate) fn source(self) -> Outcome<Arc<dyn KeySource>> {
        let keys = Arc::new(self.read()?);
        let seen = self.metadata().map(|metadata| Stamp::of(&metadata))?;
        Ok(Arc::new(WatchedKeys {
            file: self,
            known: Mutex::new((seen, keys)),
        }))
    }

    fn metadata(&self) -> Outcome<Metadata> {
        fs::metadata(&self.path).map_err(|error| {
            let remedy = "set kek_file, or give the key as systemd credential `tegata-kek`";
            Failure::machine(format!("open {}", self.path.display()), error, remedy)
        })
    }

    fn text(&self) -> Outcome<Secret<String>> {
        fs::read_to_string(&self.path)
            .map(Secret::new)
            .map_err(|error| {
                let remedy =
                    "run the program as the owner of this file, or restore it from its safe";
                Failure::machine(format!("read {}", self.path.display()), error, remedy)
            })
    }
}

/// What tells one version of the file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}

/// Keys that are read again when their file was replaced. While the file cannot be read, the known ones are used.
struct WatchedKeys {
    file: KekFile,
    known: Mutex<(Stamp, Arc<KeyEncryptionKeys>)>,
}

impl KeySource for WatchedKeys {
    fn keys(&self) -> Arc<KeyEncryptionKeys> {
        let stamp = fs::metadata(&self.file.path).map(|metadata| Stamp::of(&metadata));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(stamp) = stamp
            && stamp != known.0
        {
            match self.file.read() {
                Ok(keys) => *known = (stamp, Arc::new(keys)),
                Err(failure) => {
                    tracing::error!("{}; the known key-encryption keys stay", failure.reason());
                }
            }
        }
        Arc::clone(&known.1)
    }
}

/// The text of a new file with its first key.
pub(crate) fn print_first(remark: &str, key: &[u8; 32]) -> Secret<String> {
    let keys = KeyEncryptionKeys::first(*key);
    print(&[&format!("# {remark}")], keys.all())
}

fn print(remarks: &[&str], keys: &[KeyEncryptionKey]) -> Secret<String> {
    let mut text = String::new();
    for remark in remarks {
        text.push_str(remark);
        text.push('\n');
    }
    for key in keys {
        let next = if key.is_next { " next" } else { "" };
        let octets = Secret::new(STANDARD.encode(key.key.expose()));
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{} {}{next}", key.number, octets.expose());
    }
    Secret::new(text)
}

fn parse(text: &str) -> Option<KeyEncryptionKeys> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    KeyEncryptionKeys::new(lines.map(parse_line).collect::<Option<_>>()?)
}

fn parse_line(line: &str) -> Option<KeyEncryptionKey> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (number, octets, is_next) = match words.as_slice() {
        [octets] => ("1", *octets, false),
        [number, octets] => (*number, *octets, false),
        [number, octets, "next"] => (*number, *octets, true),
        _ => return None,
    };
    let octets: [u8; 32] = STANDARD.decode(octets).ok()?.try_into().ok()?;
    Some(KeyEncryptionKey {
        number: number.parse().ok()?,
        key: Secret::new(octets),
        is_next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8, is_next: bool) -> KeyEncryptionKey {
        KeyEncryptionKey {
            number,
            key: Secret::new([number; 32]),
            is_next,
        }
    }

    fn file_at(path: &Path) -> KekFile {
        KekFile {
            path: path.to_owned(),
            is_credential: false,
        }
    }

    fn numbers(keys: &KeyEncryptionKeys) -> Vec<(u8, bool)> {
        let all = keys.all().iter();
        all.map(|key| (key.number, key.is_next)).collect()
    }

    #[test]
    fn a_key_file_may_have_remarks_and_must_have_32_octets() {
        let text = print_first("a remark", &[7; 32]);
        let keys = parse(text.expose()).unwrap();
        assert_eq!(keys.sealing().key.expose(), &[7; 32]);
        let bare = STANDARD.encode([7; 32]);
        assert_eq!(numbers(&parse(&bare).unwrap()), [(1, false)]);
        let later = format!("0 {bare}");
        for wrong in ["", "# only a remark\n", "AAAA\n", "not base64!\n", &later] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_remarks_and_is_seen_by_a_running_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        fs::write(&path, print_first("mine", &[1; 32]).expose()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let file = file_at(&path);
        let running = file.clone().source().unwrap();
        assert_eq!(running.keys().sealing().number, 1);

        file.replace(&[key(1, false), key(2, true)]).unwrap();
        assert_eq!(numbers(&running.keys()), [(1, false), (2, true)]);
        assert_eq!(running.keys().sealing().number, 1);
        file.replace(&[key(1, false), key(2, false)]).unwrap();
        assert_eq!(running.keys().sealing().number, 2);
        assert!(fs::read_to_string(&path).unwrap().starts_with("# mine\n"));
        assert_eq!(file.mode().unwrap(), 0o400);
    }

    #[test]
    fn while_the_file_cannot_be_read_the_known_keys_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kek");
        fs::write(&path, print_first("mine", &[1; 32]).expose()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let running = file_at(&path).source().unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(running.keys().sealing().key.expose(), &[1; 32]);
        fs::write(&path, "rubbish").unwrap();
        assert_eq!(running.keys().sealing().key.expose(), &[1; 32]);
    }
}
