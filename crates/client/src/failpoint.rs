//! Named points at which a test may kill the program (threats §0.1, T73). They exist in debug builds only.

/// Which failpoint kills this process; in release builds an empty type.
#[derive(Clone, Debug, Default)]
pub struct Failpoint {
    #[cfg(debug_assertions)]
    armed: Option<String>,
}

impl Failpoint {
    /// Arms the failpoint with this name, one of [`RENEWAL_ORDER`]. Without effect in release builds.
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

    /// Ends the process at once, as a power cut would, when `name` is armed.
    #[cfg(debug_assertions)]
    pub(crate) fn hit(&self, name: &str) {
        if self.armed.as_deref() == Some(name) {
            std::process::abort();
        }
    }
}

/// `failpoint!(self, "failpoint:…")`: nothing at all in a release build, so that not even the name stays.
macro_rules! failpoint {
    ($controller:expr, $name:literal) => {
        #[cfg(debug_assertions)]
        $controller.failpoint.hit($name);
    };
}

pub(crate) use failpoint;

/// The failpoints of a renewal, in the order in which it passes them: around each step that the journal keeps, and around
/// what lies between.
#[cfg(debug_assertions)]
pub const RENEWAL_ORDER: [&str; 15] = [
    "failpoint:renewal:before-key",
    "failpoint:renewal:after-key",
    "failpoint:renewal:after-answer",
    "failpoint:renewal:after-received",
    "failpoint:renewal:after-install",
    "failpoint:renewal:after-installed",
    "failpoint:renewal:after-verification",
    "failpoint:renewal:after-in-use",
    "failpoint:renewal:after-1004",
    "failpoint:renewal:after-backup",
    "failpoint:renewal:after-backed-up",
    "failpoint:renewal:after-key-erased",
    "failpoint:renewal:before-removal",
    "failpoint:renewal:after-removal",
    "failpoint:renewal:before-done",
];
