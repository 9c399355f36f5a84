//! The clerk's count: how often she presses a button, from the first page of a site to the file or the
//! acceptance. It is printed past the capture of the test's output.

use std::io::Write as _;

use anyhow::{Result, ensure};
use serde_json::Value;
use tegata_system_tests::steps::pages_turned;

pub(crate) const MOST_FOR_COLLECTION: usize = 5;
pub(crate) const MOST_FOR_RENEWAL: usize = 5;
pub(crate) const MOST_FOR_REVOCATION: usize = 4;

/// Holds a procedure to its limit.
pub(crate) fn count(what: &str, steps: &[Value], most: usize) -> Result<()> {
    let presses = pages_turned(steps);
    let line = format!("the clerk's count: {what} takes {presses} presses, {most} at most\n");
    std::io::stderr().write_all(line.as_bytes())?;
    ensure!(presses <= most, "{line}");
    Ok(())
}
