//! One log file, English, without secrets: what was done, when, and why it failed.

use tegata_domain::time::Timestamp;

use crate::ports::Files;

/// The file that is written.
pub const LOG: &str = "client.log";
/// The one before it.
pub const EARLIER_LOG: &str = "client.1.log";
/// Octets after which it becomes the earlier one.
const LONGEST: u64 = 512 * 1024;
/// Characters of a line; what a server or a proxy says must not fill the disk.
const LONGEST_LINE: usize = 1_000;

/// Appends a line. What cannot be written is not written: a log must not stop a renewal.
pub(crate) fn line(files: &dyn Files, now: Timestamp, text: &str) {
    if files.size(LOG).is_ok_and(|size| size >= LONGEST) {
        let _ = files.rename(LOG, EARLIER_LOG);
    }
    let is_plain = |c: char| !c.is_control();
    let text: String = text
        .chars()
        .filter(|c| is_plain(*c))
        .take(LONGEST_LINE)
        .collect();
    let _ = files.append(LOG, &format!("{now} {text}"));
}
