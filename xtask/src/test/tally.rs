//! What was counted: passed, failed, and skipped with a name.

use std::fmt;

/// Counts of a run. `Display` is the last line that `cargo xtask test` promises.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Counts one thing that is good or not.
    pub(crate) fn count(&mut self, good: bool) {
        if good {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    /// Adds the counts of another run.
    pub(crate) fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Adds what a line of libtest says, if it is its `test result:` line. Ignored tests count as
    /// skipped: nobody may leave a test out without showing it.
    pub(crate) fn read_line(&mut self, line: &str) {
        let Some((_, counts)) = line.trim().split_once("test result: ") else {
            return;
        };
        let Some((_, counts)) = counts.split_once(". ") else {
            return;
        };
        for part in counts.split(';') {
            let Some((number, what)) = part.trim().split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: &str = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; \
                      3 filtered out; finished in 0.04s";
    const BAD: &str = "test result: FAILED. 2 passed; 5 failed; 0 ignored; 0 measured; \
                       0 filtered out; finished in 1.00s";

    #[test]
    fn result_lines_add_up_and_ignored_tests_count_as_skipped() {
        let mut tally = Tally::default();
        tally.read_line(OK);
        tally.read_line(BAD);
        assert_eq!(
            tally,
            Tally {
                passed: 14,
                failed: 5,
                skipped: 1
            }
        );
    }

    #[test]
    fn other_lines_count_nothing() {
        let mut tally = Tally::default();
        tally.read_line("test name::of_a_test ... ok");
        tally.read_line("running 3 tests");
        assert_eq!(tally, Tally::default());
    }

    #[test]
    fn the_last_line_has_the_promised_shape() {
        let tally = Tally {
            passed: 3,
            failed: 0,
            skipped: 2,
        };
        assert_eq!(tally.to_string(), "3 passed, 0 failed, 2 skipped");
    }
}
