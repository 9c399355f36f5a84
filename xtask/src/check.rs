//! `cargo xtask check`: the quick gate.

use anyhow::{Context as _, Result};

use crate::workspace;

/// Runs all rules. Answers how many failed.
pub(crate) fn run() -> Result<u64> {
    Ok(run_and_count()?.1)
}

/// Runs all rules. Answers how many passed and how many failed.
pub(crate) fn run_and_count() -> Result<(u64, u64)> {
    let mut counts = (0, 0);
    let commands: [&[&str]; 2] = [
        &["fmt", "--all", "--check"],
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
    ];
    for arguments in commands {
        let status = workspace::cargo()
            .args(arguments)
            .status()
            .context("start cargo")?;
        if status.success() {
            counts.0 += 1
        } else {
            counts.1 += 1
        }
    }
    Ok(counts)
}
