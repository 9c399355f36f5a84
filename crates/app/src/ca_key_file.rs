//! The files of CA keys that are online: PEM `ENCRYPTED PRIVATE KEY` under a passphrase from the key-encryption key
//! (docs/decisions/0004).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use tegata_domain::id::CaKeyId;
use tegata_pki::key::PrivateKey;
use tegata_pki::soft::{encrypt_key_file_with, open_key_file};

use crate::error::{Result, internal};
use crate::seal::{Keyring, Passphrase};
use crate::setup::refuse;

/// PBKDF2 iterations of a key file whose passphrase is itself a 256-bit key.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(2_048).expect("2,048 is not zero");

/// The name of a file: one for each key-encryption key, so that a new file never takes the place of the one that works.
pub(crate) fn ca_key_file_name(id: &CaKeyId, kek: u8) -> String {
    format!("{id}.{kek}.key")
}

/// The text of a key file.
pub(crate) fn ca_key_file(key: &PrivateKey, passphrase: &Passphrase) -> Result<String> {
    encrypt_key_file_with(key, passphrase.text.as_bytes(), ITERATIONS)
        .map_err(|error| internal("encrypt a CA key", error))
}

/// Opens the file of a CA key, and answers the number of the key-encryption key that did.
pub(crate) fn open_ca_key_file(
    folder: &Path,
    name: &str,
    id: &CaKeyId,
    keyring: &Keyring,
) -> Result<(PrivateKey, u8)> {
    let doing = format!("open the key file of CA key {id}");
    let text = fs::read_to_string(folder.join(name)).map_err(|error| internal(&doing, error))?;
    let mut failed = internal(&doing, "no key-encryption key is known");
    for passphrase in keyring.passphrases(id.as_str())? {
        match open_key_file(&text, passphrase.text.as_bytes()) {
            Ok(key) => return Ok((key, passphrase.number)),
            Err(error) => failed = internal(&doing, error),
        }
    }
    Err(failed)
}

/// Writes a file that only its owner reads; an existing one is never overwritten.
pub(crate) fn write_private(folder: &Path, name: &str, content: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let wrong = |error: io::Error| {
        refuse(&format!(
            "cannot write {}: {error}; choose a folder that is empty and writable",
            path.display()
        ))
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(wrong)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(wrong)?;
    file.write_all(content).map_err(wrong)?;
    file.sync_all().map_err(wrong)?;
    sync_folder(folder).map_err(wrong)
}

/// Removes a file that nothing names any more. One that is not there is fine.
pub(crate) fn remove(folder: &Path, name: &str) -> Result<()> {
    let removed = match fs::remove_file(folder.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.and_then(|()| sync_folder(folder)),
    };
    removed.map_err(|error| internal("remove the old file of a CA key", error))
}

/// A name must survive a power cut as well as the content.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all())
}
