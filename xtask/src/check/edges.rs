//! Which crate may use which: the table "Direction of dependencies" of docs/architecture.md.
//!
//! Test dependencies may also reach what lies below the allowed crates, since a test of a page
//! needs a whole system. They can never bring it into a handler.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Problem;
use crate::workspace;

/// Every crate of ours and the crates of ours it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("tegata-installer", &["tegata-protocol", "tegata-domain"]),
    ("tegata-paper", &[]),
    ("tegata-pki", &[]),
    ("tegata-domain", &[]),
    ("tegata-protocol", &["tegata-domain"]),
    ("tegata-store", &["tegata-domain"]),
    (
        "tegata-app",
        &[
            "tegata-paper",
            "tegata-store",
            "tegata-pki",
            "tegata-domain",
        ],
    ),
    (
        "tegata-web",
        &["tegata-app", "tegata-domain", "tegata-protocol"],
    ),
    (
        "tegata-server",
        &[
            "tegata-web",
            "tegata-app",
            "tegata-store",
            "tegata-pki",
            "tegata-domain",
            "tegata-protocol",
            "tegata-installer",
        ],
    ),
    (
        "tegata-client",
        &["tegata-protocol", "tegata-domain", "tegata-pki"],
    ),
    (
        "tegata-system-tests",
        &[
            "tegata-client",
            "tegata-domain",
            "tegata-pki",
            "tegata-protocol",
        ],
    ),
    (
        "tegata-fuzz",
        &[
            "tegata-web",
            "tegata-app",
            "tegata-client",
            "tegata-pki",
            "tegata-domain",
            "tegata-protocol",
        ],
    ),
    (FOR_TESTS, &[]),
    ("xtask", &[]),
];

/// The crate of ours that any crate may use, and only in its tests.
const FOR_TESTS: &str = "tegata-soak";

/// Crates of others that only some of ours may use, because of what they do.
const RESERVED: &[(&str, &[&str])] = &[
    (
        "anyhow",
        &[
            "tegata-server",
            "tegata-client",
            "tegata-system-tests",
            "xtask",
        ],
    ),
    (
        "aws-lc-rs",
        &[
            "tegata-pki",
            "tegata-app",
            "tegata-server",
            "tegata-client",
            TESTS,
        ],
    ),
    ("axum", &["tegata-web", "tegata-server"]),
    ("clap", &["tegata-server", "tegata-client"]),
    (
        "hyper",
        &["tegata-web", "tegata-server", "tegata-client", TESTS],
    ),
    ("rusqlite", &["tegata-store"]),
    ("sqlx", &["tegata-store"]),
    (
        "tokio",
        &[
            "tegata-store",
            "tegata-app",
            "tegata-web",
            "tegata-server",
            "tegata-client",
            TESTS,
        ],
    ),
];

const TESTS: &str = "tegata-system-tests";

pub(crate) fn check() -> Result<Vec<Problem>> {
    let mut command = workspace::cargo();
    command.args(["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&workspace::output(&mut command)?)?;
    let edges = read_edges(&metadata, &workspace::root()).context("read cargo metadata")?;
    Ok(edges.iter().filter_map(judge).collect())
}

/// One crate uses another.
#[derive(Debug, PartialEq, Eq)]
struct Edge {
    manifest: String,
    from: String,
    to: String,
    /// The line begins in `[dev-dependencies]`.
    for_tests: bool,
}

fn read_edges(metadata: &Value, root: &Path) -> Option<Vec<Edge>> {
    let mut edges = Vec::new();
    for package in metadata.get("packages")?.as_array()? {
        let manifest = Path::new(package.get("manifest_path")?.as_str()?);
        let manifest = manifest
            .strip_prefix(root)
            .unwrap_or(manifest)
            .display()
            .to_string();
        for dependency in package.get("dependencies")?.as_array()? {
            edges.push(Edge {
                manifest: manifest.clone(),
                from: package.get("name")?.as_str()?.to_owned(),
                to: dependency.get("name")?.as_str()?.to_owned(),
                for_tests: dependency.get("kind")?.as_str() == Some("dev"),
            });
        }
    }
    Some(edges)
}

fn judge(edge: &Edge) -> Option<Problem> {
    let Edge {
        manifest,
        from,
        to,
        for_tests,
    } = edge;
    let problem =
        |what: String, remedy: &str| Some(Problem::new(Path::new(manifest), 1, &what, remedy));
    let Some(direct) = row(ALLOWED, from) else {
        let remedy = "add it to the table of docs/architecture.md and to edges.rs, or do without";
        return problem(format!("the crate {from} is not in the table"), remedy);
    };
    if let Some(users) = row(RESERVED, to) {
        let allowed = users.contains(&from.as_str()) || *for_tests;
        let remedy = "do this in a crate that may, or pass the result in";
        return if allowed {
            None
        } else {
            problem(format!("{from} may not use {to}"), remedy)
        };
    }
    if to == FOR_TESTS {
        return if *for_tests {
            None
        } else {
            problem(
                format!("{from} may use {to} in tests only"),
                "move the line to [dev-dependencies]",
            )
        };
    }
    // Anybody may use a crate of others that is not reserved.
    row(ALLOWED, to)?;
    let mut allowed = BTreeSet::from_iter(direct.iter().copied());
    if *for_tests {
        allowed.extend(below(from));
        allowed.insert(from);
    }
    if allowed.contains(to.as_str()) {
        return None;
    }
    problem(
        format!("{from} may not use {to}"),
        "ask a crate that may (docs/architecture.md)",
    )
}

/// Everything the crate reaches over allowed edges.
fn below(from: &str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut open = row(ALLOWED, from).unwrap_or_default().to_vec();
    while let Some(krate) = open.pop() {
        if reached.insert(krate) {
            open.extend(row(ALLOWED, krate).unwrap_or_default());
        }
    }
    reached
}

fn row(
    table: &'static [(&'static str, &'static [&'static str])],
    name: &str,
) -> Option<&'static [&'static str]> {
    table
        .iter()
        .find(|(krate, _)| *krate == name)
        .map(|(_, row)| *row)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edge(from: &str, to: &str, for_tests: bool) -> Edge {
        let (from, to) = (from.to_owned(), to.to_owned());
        Edge {
            manifest: "crates/x/Cargo.toml".to_owned(),
            from,
            to,
            for_tests,
        }
    }

    fn is_allowed(from: &str, to: &str) -> bool {
        judge(&edge(from, to, false)).is_none()
    }

    #[test]
    fn pages_reach_neither_database_nor_keys() {
        assert!(!is_allowed("tegata-web", "tegata-store"));
        assert!(!is_allowed("tegata-web", "tegata-pki"));
        assert!(is_allowed("tegata-web", "tegata-app"));
    }

    #[test]
    fn pki_and_domain_do_not_know_each_other() {
        assert!(!is_allowed("tegata-pki", "tegata-domain"));
        assert!(!is_allowed("tegata-domain", "tegata-pki"));
    }

    #[test]
    fn no_crate_uses_what_lies_above_it() {
        for (at, (from, row)) in ALLOWED.iter().enumerate() {
            for to in *row {
                assert!(
                    !below(to).contains(from),
                    "{at}: {from} and {to} use each other"
                );
            }
        }
    }

    #[test]
    fn sql_and_sockets_stay_in_their_crates() {
        assert!(is_allowed("tegata-store", "sqlx"));
        assert!(!is_allowed("tegata-app", "sqlx"));
        assert!(!is_allowed("tegata-domain", "tokio"));
        assert!(!is_allowed("tegata-app", "anyhow"));
        assert!(is_allowed("tegata-domain", "serde"));
    }

    #[test]
    fn tests_may_use_what_lies_below_but_not_above() {
        assert!(judge(&edge("tegata-web", "tegata-store", true)).is_none());
        assert!(judge(&edge("tegata-store", "tegata-app", true)).is_some());
    }

    #[test]
    fn what_counts_in_tests_stays_in_tests() {
        assert!(judge(&edge("tegata-pki", "tegata-soak", true)).is_none());
        assert!(judge(&edge("tegata-pki", "tegata-soak", false)).is_some());
    }

    #[test]
    fn a_crate_outside_the_table_is_reported() {
        assert!(!is_allowed("tegata-extra", "serde"));
    }

    #[test]
    fn edges_are_read_from_metadata() {
        let metadata = json!({"packages": [{
            "name": "tegata-web",
            "manifest_path": "/project/crates/web/Cargo.toml",
            "dependencies": [
                {"name": "tegata-app", "kind": null},
                {"name": "tegata-store", "kind": "dev"},
            ],
        }]});
        let found = read_edges(&metadata, Path::new("/project")).unwrap();
        let named = |to, for_tests| Edge {
            manifest: "crates/web/Cargo.toml".to_owned(),
            ..edge("tegata-web", to, for_tests)
        };
        assert_eq!(
            found,
            [named("tegata-app", false), named("tegata-store", true)]
        );
    }
}
