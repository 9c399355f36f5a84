//! How SQLite runs each statement in `src`: it finds its rows without walking through a table that grows with the number of
//! certificates (decision S2), and writes them without tables of its own.

use std::fs;
use std::path::Path;

use crate::databases::sqlite;

/// Tables that grow with the number of certificates, cases and procedures.
const GROWING: [&str; 17] = [
    "applicant",
    "application",
    "application_flow",
    "audit",
    "certificate",
    "certificate_der",
    "collection",
    "flow",
    "institution",
    "issue_grant",
    "letter_secret",
    "mail_code",
    "outbox",
    "reference_id",
    "revocation_request",
    "sealed_key",
    "search_word",
];
/// Indexes of what waits, which are read from their beginning.
const WAITING: [&str; 2] = ["outbox_due", "outbox_waiting"];
/// Files whose statements are about the schema or of tests, or are put together.
const OF_OTHERS: [&str; 4] = ["dialect.rs", "many.rs", "migrations.rs", "sqlite.rs"];
/// Statements in `src`; fewer were found where this test does not see them any more.
const STATEMENTS: usize = 150;
/// Those of them that write rows with values, or change rows.
const WRITES: usize = 60;

#[tokio::test]
async fn no_statement_walks_through_a_table_that_grows() {
    let db = sqlite().await;
    let connection = db.sqlite().unwrap();
    let mut walks = Vec::new();
    for (file, statement) in all_statements() {
        let plan = format!("explain query plan {statement}");
        let mut plan = connection
            .prepare(&plan)
            .unwrap_or_else(|error| panic!("{file}: {error}: {statement}"));
        // Without arguments: a plan does not depend on them.
        let mut steps = plan.raw_query();
        while let Some(step) = steps.next().unwrap() {
            let step: String = step.get("detail").unwrap();
            if is_walk(&step, &statement) {
                walks.push(format!("{file}: {step}: {statement}"));
            }
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}

/// A list of words in a rule or in a partial index would be one, for each row that is written.
#[tokio::test]
async fn no_row_that_is_written_costs_a_table() {
    let db = sqlite().await;
    let connection = db.sqlite().unwrap();
    let mut count = 0;
    let mut tables = Vec::new();
    for (file, statement) in all_statements() {
        let is_insert = statement.starts_with("insert into ") && statement.contains(" values (");
        let is_write = is_insert || statement.starts_with("update ");
        // What a statement returns is a table to SQLite, and so is a list of its own.
        let has_its_own = statement.contains(" returning ") || statement.contains(" in (");
        if !is_write || has_its_own {
            continue;
        }
        count += 1;
        let mut program = connection.prepare(&format!("explain {statement}")).unwrap();
        let mut steps = program.raw_query();
        while let Some(step) = steps.next().unwrap() {
            let step: String = step.get("opcode").unwrap();
            if step == "OpenEphemeral" {
                tables.push(format!("{file}: {statement}"));
                break;
            }
        }
    }
    assert!(count >= WRITES, "{count} writes were found");
    assert!(tables.is_empty(), "{}", tables.join("\n"));
}

/// Every statement in `src` with the file that has it, but those of [`OF_OTHERS`].
fn all_statements() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        if OF_OTHERS.iter().all(|file| !path.ends_with(file)) {
            let file = path.display().to_string();
            let found = statements(&path).into_iter();
            all.extend(found.map(|statement| (file.clone(), statement)));
        }
    }
    assert!(all.len() >= STATEMENTS, "{} were found", all.len());
    all
}

/// Whether a step of a plan reads a growing table from one end to the other.
fn is_walk(step: &str, statement: &str) -> bool {
    let Some(rest) = step.strip_prefix("SCAN ") else {
        return false;
    };
    let mut words = rest.split(' ');
    let name = words.next().unwrap_or_default();
    let is_growing = GROWING.iter().any(|table| {
        *table == name
            || statement.contains(&format!("from {table} {name} "))
            || statement.contains(&format!("from {table} {name}\n"))
            || statement.contains(&format!("join {table} {name} "))
    });
    is_growing && !words.any(|word| WAITING.contains(&word))
}

/// The statements of a file: its texts that begin with a verb of SQL, those of a macro with what each use adds.
fn statements(path: &Path) -> Vec<String> {
    let source = with_pieces(fs::read_to_string(path).unwrap());
    let mut heads: Vec<(String, String)> = Vec::new();
    let mut found = Vec::new();
    let mut rest = source.as_str();
    let mut macro_name = String::new();
    while let Some((before, after)) = rest.split_once('"') {
        let code = before.rsplit('\n').next().unwrap_or_default();
        if code.contains("//") {
            // A quotation mark in a comment.
            rest = after.split_once('\n').map_or("", |(_, next)| next);
            continue;
        }
        if let Some((_, name)) = before.rsplit_once("macro_rules! ") {
            macro_name = name.split(' ').next().unwrap_or_default().to_owned();
        }
        let Some((text, after)) = after.split_once('"') else {
            break;
        };
        rest = after;
        let verb = text.split_whitespace().next().unwrap_or_default();
        let used = heads
            .iter()
            .find(|(name, _)| before.trim_end().ends_with(&format!("{name}!(")));
        let next = after.trim_start().trim_start_matches(',').trim_start();
        if next.starts_with("$chosen") {
            heads.push((macro_name.clone(), text.to_owned()));
        } else if let Some((_, head)) = used {
            found.push(format!("{head}{text}"));
        } else if is_verb(verb) && text.contains(' ') {
            found.push(text.to_owned());
        }
    }
    found
}

fn is_verb(word: &str) -> bool {
    ["select", "insert", "update", "delete"].contains(&word)
}

/// The source with the pieces of `successor.rs` in place of their names, as `concat!` joins them.
fn with_pieces(mut source: String) -> String {
    let pieces = fs::read_to_string("src/successor.rs").unwrap();
    for definition in pieces.split("macro_rules! ").skip(1) {
        let (name, body) = definition.split_once(' ').unwrap();
        let text = body.split('"').nth(1).unwrap();
        let used = format!("{name}!(),");
        while let Some((before, after)) = source.split_once(&used) {
            let before = before.trim_end().strip_suffix("\",").unwrap();
            let after = after.trim_start().strip_prefix('"').unwrap();
            source = format!("{before}{text}{after}");
        }
    }
    source
}
