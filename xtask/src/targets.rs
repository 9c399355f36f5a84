//! The test targets of the workspace, and how cargo is asked for some of them.
//!
//! Cargo joins the features of shared crates over the packages it is asked for. Asked for one package
//! here and for another there, it compiles the same crates several times over. So whatever is built
//! for tests is asked for with `--workspace`, and only the targets differ.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::workspace;

/// The folder of the crate whose tests start the programs.
const SYSTEM: &str = "system-tests";

/// A file of tests, and the target that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TestFile {
    /// The folder of its crate below `crates`.
    pub(crate) krate: String,
    /// What cargo calls the target: `suite`, or the file's own name.
    pub(crate) target: String,
    /// The module in the target; empty for the file that is the target.
    pub(crate) module: String,
    /// The file, from the root of the workspace.
    pub(crate) path: PathBuf,
}

impl TestFile {
    /// Whether its tests start the programs, and so need them built.
    pub(crate) fn is_of_the_system(&self) -> bool {
        self.krate == SYSTEM
    }

    /// Reads `crates/CRATE/tests/TARGET.rs` and `crates/CRATE/tests/TARGET/MODULE.rs`. A file that lies
    /// deeper belongs to the module of its folder.
    fn read(krate: &str, below_tests: &Path) -> Option<Self> {
        let mut parts = below_tests.iter().map(|part| part.to_str());
        let first = parts.next()??;
        let second = parts.next().flatten();
        let module = second.map(|name| name.trim_end_matches(".rs"));
        Some(Self {
            krate: krate.to_owned(),
            target: first.trim_end_matches(".rs").to_owned(),
            module: module
                .filter(|name| *name != "main")
                .unwrap_or_default()
                .to_owned(),
            path: Path::new("crates")
                .join(krate)
                .join("tests")
                .join(below_tests),
        })
    }
}

/// All files of tests, in order.
pub(crate) fn test_files(root: &Path) -> Result<BTreeSet<TestFile>> {
    let mut found = BTreeSet::new();
    for krate in fs::read_dir(root.join("crates")).context("list crates")? {
        let krate = krate?;
        let tests = krate.path().join("tests");
        if !tests.is_dir() {
            continue;
        }
        let krate = krate.file_name().to_string_lossy().into_owned();
        for file in workspace::files(&tests, &["rs"])? {
            found.extend(TestFile::read(&krate, &file));
        }
    }
    Ok(found)
}

/// `cargo test` of the targets that these files belong to.
pub(crate) fn test<'a>(files: impl IntoIterator<Item = &'a TestFile>) -> Command {
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    let targets: BTreeSet<&str> = files.into_iter().map(|file| file.target.as_str()).collect();
    for target in targets {
        command.args(["--test", target]);
    }
    command
}

/// `cargo build` of the programs and of all tests: with the tests, because the programs share their features.
pub(crate) fn build_programs() -> Command {
    let mut command = cargo();
    command.args(["build", "--workspace", "--bins", "--tests"]);
    command
}

/// Cargo for a long run: a machine of CI keeps no build, so incremental files only cost time and room.
pub(crate) fn cargo() -> Command {
    let mut command = workspace::cargo();
    if std::env::var_os("CI").is_some_and(|value| value == "true") {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(krate: &str, path: &str) -> (String, String) {
        let file = TestFile::read(krate, Path::new(path)).unwrap();
        (file.target, file.module)
    }

    #[test]
    fn a_file_is_a_target_or_a_module_of_one() {
        let named = |target: &str, module: &str| (target.to_owned(), module.to_owned());
        assert_eq!(read("system-tests", "mail.rs"), named("mail", ""));
        assert_eq!(read("pki", "suite/main.rs"), named("suite", ""));
        assert_eq!(read("pki", "suite/csr.rs"), named("suite", "csr"));
        assert_eq!(
            read("domain", "suite/machine/act.rs"),
            named("suite", "machine")
        );
    }

    #[test]
    fn each_target_is_asked_for_once() {
        let files = ["suite/a.rs", "suite/b.rs", "net/c.rs"]
            .map(|path| TestFile::read("client", Path::new(path)).unwrap());
        let command = test(&files);
        let arguments: Vec<_> = command
            .get_args()
            .map(|argument| argument.to_string_lossy())
            .collect();
        let expected = [
            "test",
            "--workspace",
            "--no-fail-fast",
            "--test",
            "net",
            "--test",
            "suite",
        ];
        assert_eq!(arguments, expected);
    }

    #[test]
    fn this_workspace_has_tests_of_both_kinds() {
        let files = test_files(&workspace::root()).unwrap();
        assert!(files.iter().any(TestFile::is_of_the_system));
        assert!(files.iter().any(|file| !file.is_of_the_system()));
    }
}
