//! The release binary and the Windows programs hold no failpoint (threat T33).
//!
//! Names of failpoints begin with `failpoint:`. The same search over the dev binary must find them
//! as soon as the sources have any; without that, finding none would prove nothing.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::Profile;
use super::tally::Tally;
use crate::client::{self, Processor};
use crate::{targets, workspace};

const NAME: &str = "failpoint:";

pub(crate) fn run() -> Result<Tally> {
    let mut tally = Tally::default();
    build(targets::cargo().args(["build", "--release", "--package", "tegata-server"]))?;
    tally.count(true);

    let released = names_in(&Profile::Release.server())?;
    if released > 0 {
        eprintln!("release: {released} failpoints in the release binary");
        eprintln!("  remedy: compile them with debug assertions only");
    }
    tally.count(released == 0);

    for program in windows_programs() {
        let found = names_in(program.as_os_str())?;
        if found > 0 {
            eprintln!("release: {found} failpoints in {}", program.display());
        }
        tally.count(found == 0);
    }

    if sources_have_failpoints()? {
        build(&mut targets::build_programs())?;
        let found = names_in(&Profile::Dev.server())?;
        if found == 0 {
            eprintln!("release: no failpoint in the dev binary either, so the search is blind");
            eprintln!("  remedy: let every failpoint carry a name that begins with {NAME}");
        }
        tally.count(found > 0);
    }
    Ok(tally)
}

fn build(command: &mut Command) -> Result<()> {
    if !command.status().context("start cargo build")?.success() {
        bail!("the server does not build");
    }
    Ok(())
}

/// The Windows programs that the tests of the system had built; none where those did not run.
fn windows_programs() -> Vec<PathBuf> {
    let built = Processor::ALL.map(client::program).into_iter();
    built.filter(|program| program.is_file()).collect()
}

fn names_in(binary: &OsStr) -> Result<usize> {
    let bytes = fs::read(binary).with_context(|| format!("read {}", binary.display()))?;
    Ok(occurrences(&bytes))
}

fn occurrences(bytes: &[u8]) -> usize {
    bytes
        .windows(NAME.len())
        .filter(|window| *window == NAME.as_bytes())
        .count()
}

fn sources_have_failpoints() -> Result<bool> {
    let root = workspace::root();
    for file in workspace::files(&root.join("crates"), &["rs"])? {
        let tests = file
            .components()
            .any(|part| part.as_os_str() == "system-tests");
        if !tests && fs::read_to_string(root.join("crates").join(&file))?.contains(NAME) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_inside_other_bytes() {
        assert_eq!(
            occurrences(b"\0failpoint:issue.signed\xfffailpoint:issue.stored"),
            2
        );
        assert_eq!(occurrences(b"failpoint and :"), 0);
    }
}
