//! Files that these commands read and write.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// Reads a file of at most `largest` octets.
pub(super) fn read(path: &Path, largest: u64) -> Outcome<Vec<u8>> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Failure::machine(
            format!("read {shown}"),
            error,
            "name a file that can be read",
        )
    };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > largest {
        return Err(Failure::new(
            format!("{shown} has {size} octets, more than {largest}"),
            "see that this is the right file",
        ));
    }
    fs::read(path).map_err(failed)
}

/// Reads a text.
pub(super) fn read_text(path: &Path, largest: u64) -> Outcome<String> {
    String::from_utf8(read(path, largest)?).map_err(|_| {
        let remedy = "save it as UTF-8";
        Failure::new(format!("{} is not UTF-8", path.display()), remedy)
    })
}

/// Writes a file whole or not at all: into a neighbour first, which then takes its name.
pub(super) fn replace(path: &Path, octets: &[u8]) -> Outcome<()> {
    let mut neighbour = path.as_os_str().to_owned();
    neighbour.push(".part");
    let written = fs::write(&neighbour, octets).and_then(|()| fs::rename(&neighbour, path));
    written.map_err(|error| {
        let remedy = "name a file in a folder that can be written";
        Failure::machine(format!("write {}", path.display()), error, remedy)
    })
}

/// Writes a new file that its owner alone can read.
pub(super) fn create_secret(path: &Path, text: &str) -> Outcome<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let remedy = "name a file that does not exist yet, in a folder that can be written";
        Failure::machine(format!("write {}", path.display()), error, remedy)
    })
}
