//! `docs/manual-map.md`: every section of the manual has its row, and each row tells the truth.
//!
//! A row is `| section | what it is about | screens | code | tests |`. Screens are numbers that a page carries, code is
//! files, tests are functions; each must exist. A cell that begins with `later:` is a promise and says for when.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Problem;
use crate::workspace;

const MAP: &str = "docs/manual-map.md";

/// The sections of the manual, as help links name them.
const SECTIONS: &[&str] = &[
    "0", "1.1", "1.2", "1.2.1", "1.2.2", "1.3", "2.1", "2.2", "2.3", "2.4", "2.4.1", "2.5", "2.6",
    "3.1", "3.1.1", "3.1.2", "3.1.2.1", "3.1.3", "3.2", "3.2.1", "3.2.1.1", "3.2.1.2", "3.2.2",
    "3.2.3", "4.1", "4.2", "5", "6.1", "6.2", "6.2.1", "6.2.2", "6.2.3", "6.2.4", "6.2.4.1",
    "6.2.4.2", "6.2.4.3", "6.3",
];

pub(crate) fn check(root: &Path) -> Result<Vec<Problem>> {
    let text = fs::read_to_string(root.join(MAP)).with_context(|| format!("read {MAP}"))?;
    let mut tests = String::new();
    let mut pages = String::new();
    for file in workspace::files(root, &["rs"])? {
        let source = fs::read_to_string(root.join(&file))
            .with_context(|| format!("read {}", file.display()))?;
        let is_messages = file == Path::new("crates/web/src/messages.rs");
        if is_messages || file.starts_with("crates/web/src/messages") {
            pages.push_str(&source);
        }
        tests.push_str(&source);
    }
    let known = Known {
        file: &|path| root.join(path).exists(),
        screen: &|number| pages.contains(&format!("\"{number}\"")),
        test: &|name| tests.contains(&format!("fn {name}(")),
    };
    Ok(judge(&text, SECTIONS, &known))
}

/// What exists.
struct Known<'a> {
    file: &'a dyn Fn(&str) -> bool,
    screen: &'a dyn Fn(&str) -> bool,
    test: &'a dyn Fn(&str) -> bool,
}

fn judge(text: &str, sections: &[&str], known: &Known<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut missing: Vec<&str> = sections.to_vec();
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, section, _, screens, code, tests, _] = cells.as_slice() else {
            continue;
        };
        if *section == "section" || section.starts_with("---") {
            continue;
        }
        let mut wrong = |what: String, remedy: &str| {
            problems.push(Problem::new(Path::new(MAP), index + 1, &what, remedy));
        };
        match missing.iter().position(|other| other == section) {
            Some(at) => drop(missing.remove(at)),
            None => wrong(
                format!("{section} is no section of the manual, or has a row already"),
                "name each section once",
            ),
        }
        let columns = [
            ("screen", screens, known.screen),
            ("file", code, known.file),
            ("test", tests, known.test),
        ];
        for (kind, cell, exists) in columns {
            if cell.is_empty() {
                wrong(
                    format!("{section} names no {kind}"),
                    "name one, or say `later:` and when, or `none:` and why",
                );
            }
            for name in names(cell).filter(|name| !exists(name)) {
                wrong(
                    format!("{section} names the {kind} {name}, which does not exist"),
                    "correct the row, or begin the cell with `later:`",
                );
            }
        }
    }
    problems.extend(missing.into_iter().map(|section| {
        let what = format!("section {section} of the manual has no row");
        Problem::new(Path::new(MAP), 1, &what, "add the row")
    }));
    problems
}

/// The names between backticks of a cell that is neither a promise nor an exception.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    let exempt = cell.starts_with("later:") || cell.starts_with("none:");
    cell.split('`').skip(1).step_by(2).filter(move |_| !exempt)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known<'static> = Known {
        file: &|path| path == "a.rs",
        screen: &|number| number == "RX-1",
        test: &|name| name == "it_works",
    };

    fn problems(rows: &str) -> Vec<String> {
        let told = judge(rows, &["1.1", "1.2"], &KNOWN).into_iter();
        told.map(|problem| problem.text).collect()
    }

    #[test]
    fn a_map_with_every_section_and_true_names_is_good() {
        let rows = "| section | about | screens | code | tests |\n| --- | --- | --- | --- | --- |\n\
                    | 1.1 | x | `RX-1` | `a.rs` | `it_works` |\n\
                    | 1.2 | y | later: issue 5 | none: paper only | later: `not_yet` |\n";
        assert_eq!(problems(rows), Vec::<String>::new());
    }

    #[test]
    fn a_missing_section_and_each_untrue_name_are_found() {
        let rows = "| 1.1 | x | `RX-9` | `b.rs` | `it_fails` |\n| 7 | z | `RX-1` | `a.rs` | |\n";
        let told = problems(rows).join("\n");
        for part in [
            "the screen RX-9",
            "the file b.rs",
            "the test it_fails",
            "7 is no section",
            "7 names no test",
            "section 1.2 of the manual has no row",
        ] {
            assert!(told.contains(part), "{part} in {told}");
        }
    }
}
