//! What a server holds of grants and applications, as its command line tells it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use crate::demo::Demo;
use crate::json::{field, text};

/// What the server holds of grants and applications.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Terminal, mail, state of the certificate, serial number and collections by request ID.
    pub grants: BTreeMap<String, [String; 5]>,
    /// Terminal, mail and state.
    pub applications: Vec<[String; 3]>,
}

impl Holdings {
    /// As the command line lists them.
    pub fn of(demo: &Demo) -> Result<Self> {
        let listed = |arguments: &[&str]| -> Result<Vec<Value>> {
            let ran = demo.cli(arguments)?.good()?;
            Ok(serde_json::from_slice(&ran.stdout)?)
        };
        let shown = |id: &str| -> Result<Value> {
            let ran = demo.cli(&["grant", "show", id, "--json"])?.good()?;
            Ok(serde_json::from_slice(&ran.stdout)?)
        };
        let mut holdings = Self::default();
        for grant in listed(&["grant", "list", "--json"])? {
            let id = text(&grant, "request_id")?;
            let row = Self::row(&shown(id)?);
            holdings.grants.insert(id.to_owned(), row);
        }
        for one in listed(&["grant", "list", "--applications", "--json"])? {
            let row = ["terminal", "mail", "state"].map(|name| word(&one, name));
            holdings.applications.push(row);
        }
        holdings.applications.sort();
        Ok(holdings)
    }

    /// What stands in one of the two and not in the other.
    pub fn unlike(&self, expected: &Self) -> Vec<String> {
        let lines = |holdings: &Self| -> BTreeSet<String> {
            let grants = holdings.grants.iter().map(|grant| format!("{grant:?}"));
            let applications = holdings.applications.iter().map(|row| format!("{row:?}"));
            grants.chain(applications).collect()
        };
        let (found, expected) = (lines(self), lines(expected));
        let found_only = found
            .difference(&expected)
            .map(|line| format!("found {line}"));
        let missing = expected.difference(&found);
        let missing = missing.map(|line| format!("missing {line}"));
        found_only.chain(missing).collect()
    }

    fn row(grant: &Value) -> [String; 5] {
        let names = [
            "terminal",
            "mail",
            "certificate_state",
            "serial",
            "collections",
        ];
        names.map(|name| word(grant, name))
    }
}

fn word(object: &Value, name: &str) -> String {
    match field(object, name) {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
