//! Named points at which a test may kill the process (threats §0.1). They exist in debug builds only.

/// Which failpoint kills this process; in release builds an empty type.
#[derive(Clone, Debug, Default)]
pub struct Failpoint {
    #[cfg(debug_assertions)]
    armed: Option<String>,
}

impl Failpoint {
    /// Arms the failpoint with this name, such as `failpoint:issue:after-sign`. Without effect in release builds.
    #[cfg_attr(
        not(debug_assertions),
        expect(unused_variables, reason = "no failpoints in release")
    )]
    pub fn armed(name: Option<String>) -> Self {
        Self {
            #[cfg(debug_assertions)]
            armed: name,
        }
    }

    /// Whether `name` is armed, for what fails and does not end the process.
    #[cfg(debug_assertions)]
    pub(crate) fn is_armed(&self, name: &str) -> bool {
        self.armed.as_deref() == Some(name)
    }

    /// Ends the process at once, as a power cut would, when `name` is armed.
    #[cfg(debug_assertions)]
    pub(crate) fn hit(&self, name: &str) {
        if self.is_armed(name) {
            std::process::abort();
        }
    }
}

/// `failpoint!(app, "failpoint:…")`: nothing at all in a release build, so that not even the name stays.
macro_rules! failpoint {
    ($app:expr, $name:literal) => {
        #[cfg(debug_assertions)]
        $app.failpoint().hit($name);
    };
}

pub(crate) use failpoint;

/// The failpoints of the issue order (F5), in the order in which a first collection passes them.
#[cfg(debug_assertions)]
pub const ISSUE_ORDER: [&str; 8] = [
    "failpoint:issue:before-intent",
    "failpoint:issue:inside-intent",
    "failpoint:issue:after-intent",
    "failpoint:issue:after-lint",
    "failpoint:issue:after-sign",
    "failpoint:issue:after-verify",
    "failpoint:issue:inside-store",
    "failpoint:issue:after-store",
];
