//! Documents made from the code.
//!
//! A generator is a test file `crates/*/tests/*_doc.rs`: it renders its document and compares it
//! with the committed one; with `TEGATA_GEN=1` in the environment it writes the document instead.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::workspace;

/// One test file that makes a document.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Generator {
    package: String,
    test: String,
}

/// Writes every generated document. Answers whether all generators ran.
pub(crate) fn write() -> Result<bool> {
    run_all(true)
}

/// Whether every generated document is what its generator makes now.
pub(crate) fn is_fresh() -> Result<bool> {
    run_all(false)
}

fn run_all(write: bool) -> Result<bool> {
    let mut good = true;
    for generator in generators(&workspace::root())? {
        let mut command = workspace::cargo();
        command.args(["test", "--quiet", "--package", &generator.package]);
        command.args(["--test", &generator.test]);
        if write {
            command.env("TEGATA_GEN", "1");
        }
        let output = command.output().context("start cargo test")?;
        if !output.status.success() {
            good = false;
            eprint!("{}", String::from_utf8_lossy(&output.stdout));
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    Ok(good)
}

fn generators(root: &Path) -> Result<Vec<Generator>> {
    let mut found = Vec::new();
    for krate in fs::read_dir(root.join("crates")).context("list crates")? {
        let krate = krate?;
        let Ok(tests) = fs::read_dir(krate.path().join("tests")) else {
            continue;
        };
        for test in tests {
            let name = test?.file_name().to_string_lossy().into_owned();
            if let Some(test) = name
                .strip_suffix(".rs")
                .filter(|test| test.ends_with("_doc"))
            {
                let package = format!("tegata-{}", krate.file_name().to_string_lossy());
                found.push(Generator {
                    package,
                    test: test.to_owned(),
                });
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_file_that_ends_in_doc_is_a_generator() {
        let root = std::env::temp_dir().join(format!("xtask-generators-{}", std::process::id()));
        let tests = root.join("crates/pki/tests");
        fs::create_dir_all(&tests).unwrap();
        fs::write(tests.join("profiles_doc.rs"), "").unwrap();
        fs::write(tests.join("vectors.rs"), "").unwrap();
        fs::create_dir_all(root.join("crates/domain/src")).unwrap();
        let found = generators(&root).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let expected = Generator {
            package: "tegata-pki".to_owned(),
            test: "profiles_doc".to_owned(),
        };
        assert_eq!(found, [expected]);
    }
}
