//! One SQL text for both databases: columns are named, and the database is never asked the time.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Problem;
use super::rust_source::RustFile;
use crate::workspace;

/// The crate that has all SQL.
const STORE: &str = "crates/store";

/// What no query may hold, with the remedy.
const FORBIDDEN: [(&str, &str); 3] = [
    ("select *", "name the columns in the order of the struct"),
    ("now()", "bind the time that came in as a parameter"),
    (
        "current_timestamp",
        "bind the time that came in as a parameter",
    ),
];

pub(crate) fn check(root: &Path, files: &[RustFile]) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is_under(STORE)) {
        for piece in file
            .strings
            .iter()
            .filter(|piece| !file.is_test(piece.line))
        {
            problems.extend(look(&file.path, piece.line, &piece.text));
        }
    }
    for file in workspace::files(root, &["sql"])? {
        let text = fs::read_to_string(root.join(&file));
        let text = text.with_context(|| format!("read {}", file.display()))?;
        problems.extend(look(&file, 1, &without_comments(&text)));
    }
    Ok(problems)
}

fn look(file: &Path, first_line: usize, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    // Words may be parted by any white space, so the text is compared as one line of single blanks.
    let mut seen = String::new();
    for (offset, line) in text.lines().enumerate() {
        let from = seen.len();
        for word in line.split_whitespace() {
            seen.push_str(&word.to_ascii_lowercase());
            seen.push(' ');
        }
        for (what, remedy) in FORBIDDEN {
            let begins = seen.floor_char_boundary(from.saturating_sub(what.len()));
            if seen.get(begins..).is_some_and(|end| end.contains(what)) {
                let what = format!("`{what}` in SQL");
                problems.push(Problem::new(file, first_line + offset, &what, remedy));
            }
        }
    }
    problems
}

fn without_comments(sql: &str) -> String {
    let code = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code));
    code.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const NOTHING: [usize; 0] = [];

    fn lines(text: &str) -> Vec<usize> {
        look(&PathBuf::from("a.sql"), 1, text)
            .into_iter()
            .map(|p| p.place.line)
            .collect()
    }

    #[test]
    fn a_star_and_the_clock_of_the_database_are_found() {
        assert_eq!(lines("SELECT  * from a"), [1]);
        assert_eq!(lines("select\n    *\nfrom a"), [2]);
        assert_eq!(lines("insert into a (b)\nvalues (now())"), [2]);
        assert_eq!(lines("b bigint default CURRENT_TIMESTAMP"), [1]);
    }

    #[test]
    fn counts_and_named_columns_are_fine() {
        assert_eq!(lines("select count(*), b\nfrom a where c = $1"), NOTHING);
        assert_eq!(
            lines(&without_comments("select a -- never now()\nfrom b")),
            NOTHING
        );
    }

    #[test]
    fn only_the_store_and_migrations_are_read() {
        let source = "const A: &str = \"select * from a\";";
        let store = RustFile::take_apart(PathBuf::from("crates/store/src/a.rs"), source);
        let web = RustFile::take_apart(PathBuf::from("crates/web/src/a.rs"), source);
        let root = std::env::temp_dir().join(format!("xtask-sql-{}", std::process::id()));
        let migrations = root.join("crates/store/migrations");
        fs::create_dir_all(&migrations).unwrap();
        fs::write(migrations.join("0001_a.sql"), "select 1;\nselect now();\n").unwrap();
        let found = check(&root, &[store, web]).unwrap();
        fs::remove_dir_all(&root).unwrap();
        let places: Vec<String> = found.iter().map(|p| p.place.to_string()).collect();
        assert_eq!(
            places,
            [
                "crates/store/src/a.rs:1",
                "crates/store/migrations/0001_a.sql:2"
            ]
        );
    }
}
