//! Documents made from the code.
//!
//! A generator is a module `*_doc` of a crate's tests, as `crates/pki/tests/suite/profiles_doc.rs`. It
//! renders its document and compares it with the committed one; with `TEGATA_GEN=1` in the environment
//! it writes the document instead.

use anyhow::{Context as _, Result};

use crate::targets::{self, TestFile};
use crate::workspace;

/// Writes every generated document. Answers whether all generators ran.
pub(crate) fn write() -> Result<bool> {
    run_all(true)
}

/// Whether every generated document is what its generator makes now.
pub(crate) fn is_fresh() -> Result<bool> {
    run_all(false)
}

fn run_all(write: bool) -> Result<bool> {
    let files = targets::test_files(&workspace::root())?;
    let generators: Vec<&TestFile> = files.iter().filter(|file| is_generator(file)).collect();
    let mut command = targets::test(generators.iter().copied());
    command.arg("--");
    command.args(generators.iter().map(|file| filter(file)));
    if write {
        command.env("TEGATA_GEN", "1");
    }
    let output = command.output().context("start cargo test")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let silent: Vec<_> = generators
        .iter()
        .filter(|file| !has_passed(&said, file))
        .collect();
    if output.status.success() && silent.is_empty() {
        return Ok(true);
    }
    eprint!("{said}{}", String::from_utf8_lossy(&output.stderr));
    for generator in silent {
        eprintln!("{}: this generator did not pass", generator.path.display());
    }
    Ok(false)
}

fn is_generator(file: &TestFile) -> bool {
    file.module.ends_with("_doc")
}

/// What the names of its tests begin with.
fn filter(generator: &TestFile) -> String {
    format!("{}::", generator.module)
}

/// Whether the output of libtest has a good test of this generator.
fn has_passed(said: &str, generator: &TestFile) -> bool {
    let name = format!("test {}", filter(generator));
    said.lines()
        .any(|line| line.starts_with(&name) && line.ends_with("... ok"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn file(module: &str) -> TestFile {
        TestFile {
            krate: "pki".to_owned(),
            target: "suite".to_owned(),
            module: module.to_owned(),
            path: PathBuf::new(),
        }
    }

    #[test]
    fn a_module_that_ends_in_doc_is_a_generator() {
        assert!(is_generator(&file("profiles_doc")));
        assert!(!is_generator(&file("vectors")));
        assert!(!is_generator(&file("")));
    }

    #[test]
    fn a_generator_has_passed_when_a_test_of_its_own_says_so() {
        let said = "running 2 tests\ntest console_pages_doc::fresh ... ok\ntest other_doc::fresh ... FAILED\n";
        assert!(has_passed(said, &file("console_pages_doc")));
        assert!(!has_passed(said, &file("pages_doc")));
        assert!(!has_passed(said, &file("other_doc")));
    }
}
