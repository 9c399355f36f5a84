//! Tests that count: the same test runs small with every `cargo xtask test`, and at full size by
//! `cargo xtask soak NAME`. Either way it says in one line how much it did.
//!
//! Only tests use this crate. A test of this kind stands in a file of its own, since `cargo xtask
//! soak` finds a name by the file that says `Soak::named("NAME")`.

use std::io::Write as _;

/// The variable that names the test to run at full size; `all` means each.
pub const VARIABLE: &str = "TEGATA_SOAK";

/// A test that runs small or at full size.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    name: &'static str,
    full: bool,
}

impl Soak {
    /// The test with this name: one word, unique among all tests. It is of full size where
    /// `TEGATA_SOAK` names it.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no binary of ours above it that could read the variable"
    )]
    pub fn named(name: &'static str) -> Self {
        let wanted = std::env::var(VARIABLE).unwrap_or_default();
        Self::chosen(name, &wanted)
    }

    fn chosen(name: &'static str, wanted: &str) -> Self {
        let full = wanted == name || wanted == "all";
        Self { name, full }
    }

    /// How much to do: `small` in each run of all tests, `full` where this one was asked for.
    pub fn size(self, small: usize, full: usize) -> usize {
        if self.full { full } else { small }
    }

    /// Prints `soak NAME: COUNT WHAT, FAILURES failures`, past the capture of the test harness, as in
    /// `soak tabs: 2000 interleavings, 0 failures`.
    ///
    /// # Panics
    ///
    /// When there are failures, or when nothing was counted: a test that did nothing shows nothing.
    pub fn report(self, count: usize, what: &str, failures: usize) {
        let line = format!("soak {}: {count} {what}, {failures} failures\n", self.name);
        let told = std::io::stderr().lock().write_all(line.as_bytes());
        assert!(told.is_ok(), "the result cannot be printed: {line}");
        assert!(count > 0, "{line}");
        assert!(failures == 0, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_test_is_of_full_size() {
        let size = |wanted| Soak::chosen("tabs", wanted).size(10, 1_000);
        assert_eq!(size(""), 10);
        assert_eq!(size("races"), 10);
        assert_eq!(size("tabs"), 1_000);
        assert_eq!(size("all"), 1_000);
    }

    #[test]
    #[should_panic(expected = "1 failures")]
    fn a_failure_fails_the_test() {
        Soak::chosen("sample", "").report(10, "things", 1);
    }

    #[test]
    #[should_panic(expected = "0 things")]
    fn nothing_counted_fails_the_test() {
        Soak::chosen("sample", "").report(0, "things", 0);
    }
}
