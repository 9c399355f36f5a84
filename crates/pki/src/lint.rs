//! Rules over a TBSCertificate before it is signed; every rule names its clause.
//!
//! The rules read the bytes that will be signed, not what they were built from, with decoders other
//! than the encoders of [`crate::profile`]. `lint/fields.rs` holds the rules over the fields,
//! `lint/extensions.rs` those over the extensions, `lint/view.rs` the reading.

use std::fmt;

mod extensions;
mod fields;
#[cfg(test)]
mod tests;
mod view;

use view::View;

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

/// One rule: a name, a clause, and a check that answers what is wrong.
struct Rule {
    name: &'static str,
    clause: &'static str,
    check: Check,
}

type Check = fn(&View<'_>) -> Option<String>;

/// Checks a DER `TBSCertificate` against every rule; an empty list means nothing to object to.
pub fn lint_tbs(tbs: &[u8]) -> Vec<Finding> {
    let Ok(view) = View::read(tbs) else {
        return vec![Finding {
            rule: "structure",
            clause: "RFC 5280 §4.1",
            message: "the bytes are no DER TBSCertificate".to_owned(),
        }];
    };
    rules()
        .filter_map(|rule| {
            let message = (rule.check)(&view)?;
            Some(Finding {
                rule: rule.name,
                clause: rule.clause,
                message,
            })
        })
        .collect()
}

/// Names and clauses of all rules, in the order in which they are checked.
pub fn rule_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    rules().map(|rule| (rule.name, rule.clause))
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    fields::RULES.iter().chain(extensions::RULES)
}
