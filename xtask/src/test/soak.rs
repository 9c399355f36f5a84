//! `cargo xtask soak NAME`: a test that counts, at its full size; without a name, the list of them.
//!
//! A test of this kind says `Soak::named("NAME")` (`crates/soak`). The file that says so is what runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Part, Session, say};
use crate::targets::{self, TestFile};
use crate::workspace;

/// What a name stands behind in a test's source.
const NAMED: &str = "Soak::named(\"";

/// A test that runs for long in its own process is worth compiling with care; what the dev profile checks, it checks
/// still. The crates of others are not compiled again.
const OPTIMISED: (&str, &str) = ("CARGO_PROFILE_DEV_OPT_LEVEL", "2");

/// The name that stands for each of them.
const ALL: &str = "all";

/// Runs the tests of this name and prints their sum. Answers whether all were good.
pub(crate) fn run(arguments: &[String]) -> Result<bool> {
    let root = workspace::root();
    let known = names(&root)?;
    let wanted = match arguments {
        [] => {
            for (name, file) in &known {
                say(&format!("{name}: {}", file.path.display()))?;
            }
            return Ok(true);
        }
        [name] => name.as_str(),
        _ => bail!("soak takes one name"),
    };
    let files: Vec<&TestFile> = known
        .iter()
        .filter(|(name, _)| *name == wanted || wanted == ALL)
        .map(|(_, file)| file)
        .collect();
    if files.is_empty() {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        bail!(
            "there is no soak named {wanted:?}; there are: {}",
            names.join(", ")
        );
    }
    let system = files.iter().any(|file| file.is_of_the_system());
    let mut session = Session::start(&[if system { Part::System } else { Part::Unit }])?;
    if system {
        session.build_programs()?;
    }
    session.environment.set("TEGATA_SOAK", wanted.into());
    for file in files {
        let mut command = targets::test([file]);
        if !file.is_of_the_system() {
            command.env(OPTIMISED.0, OPTIMISED.1);
        }
        command.args(["--", "--test-threads=1"]);
        command.args(filter(file));
        let tally = session.libtest(&mut command)?;
        session.tally.add(&tally);
    }
    let tally = session.finish();
    say(&format!("{tally}"))?;
    Ok(tally.failed == 0 && tally.skipped == 0)
}

/// What the names of its tests begin with; none where the whole target is one file.
fn filter(file: &TestFile) -> Option<String> {
    (!file.module.is_empty()).then(|| format!("{}::", file.module))
}

/// All names, each with its file.
fn names(root: &Path) -> Result<BTreeMap<String, TestFile>> {
    let mut found = BTreeMap::new();
    for file in targets::test_files(root)? {
        let path = root.join(&file.path);
        let source =
            fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        for name in names_in(&source) {
            if let Some(other) = found.insert(name.to_owned(), file.clone()) {
                bail!(
                    "the soak {name:?} stands in {} and in {}",
                    other.path.display(),
                    path.display()
                );
            }
        }
    }
    Ok(found)
}

fn names_in(source: &str) -> impl Iterator<Item = &str> {
    let parts = source.split(NAMED).skip(1);
    parts.filter_map(|part| part.split_once('"').map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_the_source_of_a_test() {
        let source = "let soak = Soak::named(\"tabs\");\nlet other = Soak::named(\"races\");";
        assert_eq!(names_in(source).collect::<Vec<_>>(), ["tabs", "races"]);
        assert_eq!(names_in("Soak::named(name)").count(), 0);
    }

    #[test]
    fn each_name_of_this_workspace_is_there_once() {
        assert!(names(&workspace::root()).is_ok());
    }
}
