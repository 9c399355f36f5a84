//! What comes in from outside: no banned crate, no licence we cannot meet, one registry, and a line
//! in docs/dependencies.md for every crate that we name ourselves.
//!
//! The lists are those of `deny.toml`. The tree is what cargo would build on any platform, tests
//! included; a crate that is only named in the lock file is no part of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Problem;
use super::deny_file::DenyFile;
use super::licence;
use crate::workspace;

const LOCK: &str = "Cargo.lock";
const MANIFEST: &str = "Cargo.toml";
const REASONS: &str = "docs/dependencies.md";

pub(crate) fn check(root: &Path) -> Result<Vec<Problem>> {
    let rules = fs::read_to_string(root.join("deny.toml")).context("read deny.toml")?;
    let rules = DenyFile::read(&rules)?;
    let lock = fs::read_to_string(root.join(LOCK)).context("read Cargo.lock")?;
    let mut command = workspace::cargo();
    command.args([
        "tree",
        "--workspace",
        "--target",
        "all",
        "--edges",
        "normal,build,dev",
    ]);
    command.args(["--prefix", "none", "--format", "{p}|{l}"]);
    let tree = workspace::output(&mut command)?;

    let manifest = fs::read_to_string(root.join(MANIFEST)).context("read Cargo.toml")?;
    let reasons = fs::read_to_string(root.join(REASONS)).context("read docs/dependencies.md")?;

    let mut problems = foreign_sources(&lock);
    problems.extend(without_reason(&manifest, &reasons));
    for font in workspace::files(&root.join("crates"), &["ttf", "otf", "ttc", "woff2"])? {
        let font = Path::new("crates").join(font);
        let licence = root.join(&font).with_file_name("OFL.txt");
        problems.extend(judge_font(&font, licence.is_file(), &reasons));
    }
    for package in Package::read_all(&tree) {
        problems.extend(judge(&package, &rules, &lock));
    }
    Ok(problems)
}

/// A crate in the tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package {
    name: String,
    version: String,
    licence: String,
}

impl Package {
    /// Reads lines as `name v1.2.3 (what it is)|licence (*)`.
    fn read_all(tree: &str) -> BTreeSet<Self> {
        let read = |line: &str| {
            let (package, licence) = line.rsplit_once('|')?;
            let mut words = package.split_whitespace();
            Some(Self {
                name: words.next()?.to_owned(),
                version: words.next()?.trim_start_matches('v').to_owned(),
                licence: licence.trim_end_matches("(*)").trim().to_owned(),
            })
        };
        tree.lines().filter_map(read).collect()
    }
}

fn judge(package: &Package, rules: &DenyFile, lock: &str) -> Vec<Problem> {
    let Package {
        name,
        version,
        licence,
    } = package;
    let place = line_in_lock(lock, name, version);
    let mut problems = Vec::new();
    if rules.banned.contains(name) {
        let remedy = format!("`cargo tree -i {name} --target all` shows who brings it");
        problems.push(Problem::new(
            Path::new(LOCK),
            place,
            &format!("{name} is banned"),
            &remedy,
        ));
    }
    if !licence::is_met(licence, &rules.licences) {
        let what = format!("the licence {licence:?} of {name} is not allowed");
        let remedy = "use another crate, or allow it in deny.toml";
        problems.push(Problem::new(Path::new(LOCK), place, &what, remedy));
    }
    problems
}

fn line_in_lock(lock: &str, name: &str, version: &str) -> usize {
    let (name, version) = (
        format!("name = \"{name}\""),
        format!("version = \"{version}\""),
    );
    let lines: Vec<&str> = lock.lines().collect();
    let found = lines
        .windows(2)
        .position(|pair| pair == [name.as_str(), version.as_str()]);
    found.unwrap_or_default() + 1
}

/// Every crate of others comes from the registry that cargo uses by itself. The root manifest names
/// no registry, so that is the one our first dependency came from.
fn foreign_sources(lock: &str) -> Vec<Problem> {
    let sources = lock.lines().enumerate().filter_map(|(index, line)| {
        let source = line.strip_prefix("source = \"")?.trim_end_matches('"');
        Some((index + 1, source))
    });
    let own = lock
        .split("[[package]]")
        .find(|package| package.contains("\nname = \"anyhow\"\n"))
        .and_then(|package| {
            package
                .lines()
                .find_map(|line| line.strip_prefix("source = \""))
        })
        .map(|source| source.trim_end_matches('"'))
        .filter(|source| source.starts_with("registry+"));
    sources
        .filter(|(_, source)| Some(*source) != own)
        .map(|(line, source)| {
            let what = format!("a crate from {source}");
            Problem::new(
                Path::new(LOCK),
                line,
                &what,
                "take a release from the default registry",
            )
        })
        .collect()
}

/// Crates of `[workspace.dependencies]` whose row is missing.
fn without_reason(manifest: &str, reasons: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut in_section = false;
    for (index, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            in_section = line.trim() == "[workspace.dependencies]";
        }
        let Some((name, value)) = line.split_once('=').filter(|_| in_section) else {
            continue;
        };
        let name = name.trim();
        let ours = value.contains("path =");
        if !name.starts_with('#') && !ours && !reasons.contains(&format!("| `{name}` |")) {
            let what = format!("nothing says why {name} is here");
            let remedy = "add a row to docs/dependencies.md";
            problems.push(Problem::new(Path::new(MANIFEST), index + 1, &what, remedy));
        }
    }
    problems
}

/// A font is somebody's work: its licence stands beside it, and its row says why it is here.
fn judge_font(font: &Path, has_licence: bool, reasons: &str) -> Option<Problem> {
    let name = font.display().to_string();
    let (what, remedy) = if !has_licence {
        (
            "a font without its licence",
            "put OFL.txt beside it, or take another font",
        )
    } else if !reasons.contains(&name) {
        (
            "nothing says why this font is here",
            "add it to docs/dependencies.md",
        )
    } else {
        return None;
    };
    Some(Problem::new(font, 1, what, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK_TEXT: &str = "version = 4\n\n[[package]]\nname = \"anyhow\"\nversion = \"1.0.0\"\n\
                             source = \"registry+one\"\n\n[[package]]\nname = \"ring\"\n\
                             version = \"0.17.0\"\nsource = \"registry+one\"\n";

    fn rules() -> DenyFile {
        DenyFile {
            banned: vec!["ring".to_owned()],
            licences: vec!["MIT".to_owned()],
        }
    }

    #[test]
    fn packages_are_read_once_each() {
        let tree =
            "a v1.0.0 (proc-macro)|MIT\n\nb v2.0.0|MIT OR ISC\na v1.0.0 (proc-macro)|MIT (*)\n";
        let found: Vec<(String, String)> = Package::read_all(tree)
            .into_iter()
            .map(|p| (p.name, p.licence))
            .collect();
        let expected = [("a", "MIT"), ("b", "MIT OR ISC")];
        assert_eq!(
            found,
            expected.map(|(name, licence)| (name.to_owned(), licence.to_owned()))
        );
    }

    #[test]
    fn a_banned_crate_is_reported_where_the_lock_file_names_it() {
        let tree = Package::read_all("ring v0.17.0|MIT\n");
        let found = judge(tree.first().unwrap(), &rules(), LOCK_TEXT);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place.to_string(), "Cargo.lock:9");
    }

    #[test]
    fn a_licence_outside_the_list_and_a_missing_one_are_reported() {
        for licence in ["GPL-3.0-only", ""] {
            let tree = Package::read_all(&format!("a v1.0.0|{licence}\n"));
            assert_eq!(judge(tree.first().unwrap(), &rules(), LOCK_TEXT).len(), 1);
        }
        let tree = Package::read_all("a v1.0.0|MIT\n");
        assert_eq!(judge(tree.first().unwrap(), &rules(), LOCK_TEXT), []);
    }

    #[test]
    fn crates_from_elsewhere_are_reported() {
        assert_eq!(foreign_sources(LOCK_TEXT), []);
        for source in ["git+https://host.example/a#1", "registry+two"] {
            let text = format!("{LOCK_TEXT}\n[[package]]\nname = \"b\"\nsource = \"{source}\"\n");
            assert_eq!(foreign_sources(&text).len(), 1, "{source}");
        }
    }

    #[test]
    fn no_source_passes_when_our_own_cannot_be_told() {
        assert_eq!(
            foreign_sources("[[package]]\nname = \"b\"\nsource = \"registry+one\"\n").len(),
            1
        );
    }

    #[test]
    fn a_dependency_without_a_row_is_reported_where_it_is_named() {
        let manifest = "[workspace]\na = 1\n[workspace.dependencies]\nours = { path = \"ours\" }\n\
                        # b = 2\nhex = \"1\"\nhexagon = { version = \"1\" }\n[profile.dev]\nc = 1\n";
        let found = without_reason(manifest, "| `hex` | text | someone | ten lines |\n");
        let places: Vec<String> = found
            .iter()
            .map(|problem| problem.place.to_string())
            .collect();
        assert_eq!(places, ["Cargo.toml:7"]);
    }

    #[test]
    fn a_font_without_its_licence_or_its_row_is_reported() {
        let font = Path::new("crates/a/fonts/A.ttf");
        let row = "`crates/a/fonts/A.ttf` (its licence beside it)";
        assert_eq!(judge_font(font, true, row), None);
        for (licence, reasons) in [(false, row), (true, "another.ttf")] {
            assert!(judge_font(font, licence, reasons).is_some());
        }
    }
}
