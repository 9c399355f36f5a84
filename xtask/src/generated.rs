//! Documents made from the code.
//!
//! A generator is a test file `*_doc.rs` of a crate, as `crates/pki/tests/profiles_doc.rs`, or a
//! module of that name in a larger test, as `crates/pki/tests/suite/profiles_doc.rs`. It renders its
//! document and compares it with the committed one; with `TEGATA_GEN=1` in the environment it writes
//! the document instead.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::test::tally::Tally;
use crate::workspace;

/// Writes every generated document. Answers whether all generators ran.
pub(crate) fn write() -> Result<bool> {
    run_all(true)
}

/// Whether every generated document is what its generator makes now.
pub(crate) fn is_fresh() -> Result<bool> {
    run_all(false)
}

/// Tests that make a document.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Generator {
    package: String,
    /// The test binary.
    test: String,
    /// The module in it; empty where the binary makes nothing but the document.
    module: String,
}

fn run_all(write: bool) -> Result<bool> {
    let mut good = true;
    for generator in generators(&workspace::root())? {
        let Generator {
            package,
            test,
            module,
        } = &generator;
        let mut command = workspace::cargo();
        command.args([
            "test",
            "--quiet",
            "--package",
            package,
            "--test",
            test,
            "--",
            module,
        ]);
        if write {
            command.env("TEGATA_GEN", "1");
        }
        let output = command.output().context("start cargo test")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut tally = Tally::default();
        said.lines().for_each(|line| tally.read_line(line));
        if !output.status.success() || tally.passed == 0 {
            good = false;
            eprint!("{said}{}", String::from_utf8_lossy(&output.stderr));
            eprintln!("{package}: the generator {test} {module} did not pass");
        }
    }
    Ok(good)
}

fn generators(root: &Path) -> Result<Vec<Generator>> {
    let mut found = Vec::new();
    for krate in fs::read_dir(root.join("crates")).context("list crates")? {
        let krate = krate?;
        let tests = krate.path().join("tests");
        if !tests.is_dir() {
            continue;
        }
        let package = format!("tegata-{}", krate.file_name().to_string_lossy());
        for file in workspace::files(&tests, &["rs"])? {
            found.extend(read(&package, &file));
        }
    }
    found.sort();
    Ok(found)
}

/// What the path below `tests` says.
fn read(package: &str, file: &Path) -> Option<Generator> {
    let name = file.file_stem()?.to_str()?;
    let first = file.iter().next()?.to_str()?;
    let is_module = file.iter().count() > 1;
    let (test, module) = if is_module { (first, name) } else { (name, "") };
    let (package, test, module) = (package.to_owned(), test.to_owned(), module.to_owned());
    name.ends_with("_doc").then_some(Generator {
        package,
        test,
        module,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_file_or_module_that_ends_in_doc_is_a_generator() {
        let root = std::env::temp_dir().join(format!("xtask-generators-{}", std::process::id()));
        let tests = root.join("crates/pki/tests");
        fs::create_dir_all(tests.join("suite")).unwrap();
        fs::create_dir_all(root.join("crates/domain/src")).unwrap();
        for file in [
            "profiles_doc.rs",
            "vectors.rs",
            "suite/main.rs",
            "suite/states_doc.rs",
        ] {
            fs::write(tests.join(file), "").unwrap();
        }
        let found = generators(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let expected = [("profiles_doc", ""), ("suite", "states_doc")].map(|(test, module)| {
            let (package, test) = ("tegata-pki".to_owned(), test.to_owned());
            Generator {
                package,
                test,
                module: module.to_owned(),
            }
        });
        assert_eq!(found, expected);
    }
}
