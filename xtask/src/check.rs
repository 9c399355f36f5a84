//! `cargo xtask check`: the quick gate. It holds what rustc cannot: the directions between crates,
//! where words may stand, what may come in from outside.
//!
//! Every failure is one line: file and line, rule, what was found, remedy. Adding a rule means a
//! row in `RULES` and a test at the bottom of its file.

mod deny_file;
mod edges;
mod japanese;
mod licence;
mod links;
mod manual_map;
mod open_work;
mod rust_source;
mod sql;
mod supply;
mod surroundings;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{generated, workspace};
use rust_source::RustFile;

/// A rule looks at the tree and answers with what is wrong.
type Rule = fn(&Tree) -> Result<Vec<Problem>>;

/// All rules, cheap ones first.
const RULES: &[(&str, Rule)] = &[
    ("japanese", |tree| Ok(japanese::check(&tree.rust))),
    ("open-work", |tree| Ok(open_work::check(&tree.rust))),
    ("surroundings", |tree| Ok(surroundings::check(&tree.rust))),
    ("sql", |tree| sql::check(&tree.root, &tree.rust)),
    ("links", |tree| links::check(&tree.root)),
    ("manual-map", |tree| manual_map::check(&tree.root)),
    ("edges", |_| edges::check()),
    ("supply", |tree| supply::check(&tree.root)),
    ("format", |_| format()),
    ("clippy", |_| clippy()),
    ("generated", |_| generated_files()),
];

/// Runs all rules. Answers how many failed.
pub(crate) fn run() -> Result<u64> {
    let (passed, failed) = run_and_count()?;
    eprintln!("check: {passed} rules hold, {failed} do not");
    Ok(failed)
}

/// Runs all rules. Answers how many passed and how many failed.
pub(crate) fn run_and_count() -> Result<(u64, u64)> {
    let root = workspace::root();
    let tree = Tree {
        rust: RustFile::load_all(&root)?,
        root,
    };
    let (mut passed, mut failed) = (0, 0);
    for (name, rule) in RULES {
        let problems = rule(&tree).with_context(|| format!("rule {name} cannot run"));
        match problems {
            Ok(problems) if problems.is_empty() => passed += 1,
            Ok(problems) => {
                failed += 1;
                for problem in problems {
                    eprintln!("{}: {name}: {}", problem.place, problem.text);
                }
            }
            Err(error) => {
                failed += 1;
                eprintln!("{error:#}");
            }
        }
    }
    Ok((passed, failed))
}

/// What the rules look at.
struct Tree {
    root: PathBuf,
    rust: Vec<RustFile>,
}

/// One thing that is wrong: where, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    place: Place,
    text: String,
}

impl Problem {
    fn new(file: &Path, line: usize, what: &str, remedy: &str) -> Self {
        Self {
            place: Place {
                file: file.to_path_buf(),
                line,
            },
            text: format!("{what}; {remedy}"),
        }
    }
}

/// A line of a file, counted from 1.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    file: PathBuf,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

fn format() -> Result<Vec<Problem>> {
    let mut command = workspace::cargo();
    let output = command
        .args(["fmt", "--all", "--", "--check", "-l"])
        .output();
    let output = output.context("start cargo fmt")?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let root = workspace::root();
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut problems: Vec<Problem> = listed
        .lines()
        .map(|file| {
            let file = Path::new(file);
            let file = file.strip_prefix(&root).unwrap_or(file);
            Problem::new(file, 1, "not as rustfmt writes it", "run `cargo fmt`")
        })
        .collect();
    if problems.is_empty() {
        let said = String::from_utf8_lossy(&output.stderr);
        let what = said.lines().next().unwrap_or("rustfmt failed");
        problems.push(Problem::new(
            Path::new("Cargo.toml"),
            1,
            what,
            "run `cargo fmt --check`",
        ));
    }
    Ok(problems)
}

/// Clippy names file and line itself; its lines pass through.
fn clippy() -> Result<Vec<Problem>> {
    let mut command = workspace::cargo();
    command.args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--message-format=short",
    ]);
    command.args(["--", "-D", "warnings"]);
    if command.status().context("start cargo clippy")?.success() {
        return Ok(Vec::new());
    }
    let remedy = "`cargo clippy -p PACKAGE --all-targets` shows the lines above in full";
    Ok(vec![Problem::new(
        Path::new("Cargo.toml"),
        1,
        "clippy found the lines above",
        remedy,
    )])
}

fn generated_files() -> Result<Vec<Problem>> {
    if generated::is_fresh()? {
        return Ok(Vec::new());
    }
    let what = "a generated document is stale";
    Ok(vec![Problem::new(
        Path::new("docs"),
        1,
        what,
        "run `cargo xtask gen` and commit",
    )])
}
