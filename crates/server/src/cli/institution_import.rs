//! `tegata institution import`: the register from a CSV file, with a report of the differences.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use tegata_app::{BadLine, RegisterImport, RegisterPlan};
use tegata_domain::register::{RegisterChange, RegisterEntry};

use super::institution::Registrar;
use super::output::{Listing, line};
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;

/// Largest file in octets; the register of the whole country has a fifth of it.
const LARGEST: u64 = 256 * 1024 * 1024;
/// New entries that are listed one by one; of more only the number is told.
const LISTED: usize = 50;

/// The file and what to do with it.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// CSV file in UTF-8 or Shift_JIS. Its first line names the columns code, name, kana, postal_code, address, class
    /// and telephone, in any order; prefecture where neither code nor address says it.
    file: PathBuf,
    /// Report only; write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Take in the other lines where some are wrong. Without it a single wrong line stops the whole file.
    #[arg(long)]
    leave_out_bad_lines: bool,
    /// Close the institutions that the file does not have, of the classes and prefectures that it has.
    #[arg(long)]
    close_missing: bool,
    #[command(flatten)]
    by: Registrar,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Reads, reports, writes.
pub(super) async fn run(instance: &Instance, import: &Import) -> Outcome<()> {
    let app = &instance.app;
    let octets = read(&import.file)?;
    let by = if import.dry_run {
        None
    } else {
        Some(import.by.actor(instance).await?)
    };
    let plan = app.plan_register_import(&octets).await?;
    let is_stopped = !plan.bad.is_empty() && !import.leave_out_bad_lines;
    let done = match by {
        Some(by) if !is_stopped => {
            let now = app.clock_now();
            let close = import.close_missing;
            Some(app.import_register(&plan, close, by, now).await?)
        }
        _ => None,
    };
    if import.json {
        line(as_json(&plan, done).to_string());
    } else {
        report(&plan, done, import.close_missing);
    }
    if is_stopped {
        return Err(Failure::new(
            format!(
                "lines that cannot be taken: {}; nothing was written",
                plan.bad.len()
            ),
            "correct them and repeat, or leave them out with --leave-out-bad-lines",
        ));
    }
    Ok(())
}

fn read(path: &std::path::Path) -> Outcome<Vec<u8>> {
    let failed = |error: std::io::Error| {
        Failure::machine(
            format!("read {}", path.display()),
            error,
            "name a CSV file that can be read",
        )
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > LARGEST {
        return Err(Failure::new(
            format!("{} has {size} octets, more than {LARGEST}", path.display()),
            "divide it by prefectures",
        ));
    }
    std::fs::read(path).map_err(failed)
}

/// The report for a person: the lines that matter, then one line of numbers.
fn report(plan: &RegisterPlan, done: Option<RegisterImport>, close_missing: bool) {
    for bad in &plan.bad {
        for problem in &bad.problems {
            line(format!("line {}: {problem}", bad.line));
        }
    }
    if !plan.ignored.is_empty() {
        line(format!("columns not read: {}", plan.ignored.join(", ")));
    }
    let mut listing = Listing::new(&["", "CODE", "CLASS", "NAME", "DIFFERENCE"]);
    if plan.added.len() <= LISTED {
        for entry in &plan.added {
            listing.push(row("new", entry, String::new()), Value::Null);
        }
    }
    for changed in &plan.changed {
        let changes: Vec<String> = changed.changes.iter().map(told).collect();
        let cells = row("changed", &changed.entry, changes.join("; "));
        listing.push(cells, Value::Null);
    }
    let missing = if close_missing { "closed" } else { "missing" };
    for institution in &plan.missing {
        let cells = vec![
            missing.to_owned(),
            institution.code.to_string(),
            institution.class.as_str().to_owned(),
            institution.name.clone(),
        ];
        listing.push(cells, Value::Null);
    }
    if !listing.is_empty() {
        listing.print(false);
    }
    line(format!(
        "{}: {} new, {} changed, {} unchanged, {} missing, {} wrong lines",
        plan.encoding.as_str(),
        plan.added.len(),
        plan.changed.len(),
        plan.unchanged,
        plan.missing.len(),
        plan.bad.len()
    ));
    match done {
        Some(done) => line(format!(
            "written: {} added, {} changed, {} closed",
            done.added, done.changed, done.closed
        )),
        None => line("nothing was written"),
    }
}

fn row(word: &str, entry: &RegisterEntry, difference: String) -> Vec<String> {
    vec![
        word.to_owned(),
        entry.code.to_string(),
        entry.class.as_str().to_owned(),
        entry.name.clone(),
        difference,
    ]
}

fn told(change: &RegisterChange) -> String {
    format!(
        "{}: {} -> {}",
        change.field.as_str(),
        change.old,
        change.new
    )
}

fn as_json(plan: &RegisterPlan, done: Option<RegisterImport>) -> Value {
    let bad = |bad: &BadLine| json!({ "line": bad.line, "problems": bad.problems });
    let change = |change: &RegisterChange| json!({ "field": change.field.as_str(), "old": change.old, "new": change.new });
    let entry = |entry: &RegisterEntry| json!({ "class": entry.class, "code": entry.code, "name": entry.name });
    let changed: Vec<Value> = plan
        .changed
        .iter()
        .map(|one| {
            let changes: Vec<Value> = one.changes.iter().map(change).collect();
            super::output::with(entry(&one.entry), [("changes", Value::Array(changes))])
        })
        .collect();
    let missing: Vec<Value> = plan
        .missing
        .iter()
        .map(|one| json!({ "class": one.class, "code": one.code, "name": one.name }))
        .collect();
    json!({
        "encoding": plan.encoding.as_str(),
        "sha256": plan.sha256,
        "columns_not_read": plan.ignored,
        "new": plan.added.iter().map(entry).collect::<Vec<_>>(),
        "changed": changed,
        "unchanged": plan.unchanged,
        "missing": missing,
        "wrong_lines": plan.bad.iter().map(bad).collect::<Vec<_>>(),
        "written": done.map(|done| json!({
            "added": done.added,
            "changed": done.changed,
            "closed": done.closed,
        })),
    })
}
