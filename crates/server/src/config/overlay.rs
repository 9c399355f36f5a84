//! A profile's rules with the single values of `[policy]` laid over them.

use tegata_domain::policy::Policy;
use toml::{Table, Value};

use super::Mistake;
use super::keys::unknown;

/// Keys that a profile may leave out.
const OPTIONAL: &[&str] = &[
    "names.application_guide",
    "names.user_manual",
    "subject.cps_uri",
];

/// The policy of the profile `source` with `overrides`, and the same as TOML.
pub(super) fn policy(source: &str, overrides: Option<&Value>) -> Result<(Policy, Table), Mistake> {
    let mut table: Table = source
        .parse()
        .map_err(|error: toml::de::Error| Mistake::new("profile", error.message()))?;
    if let Some(Value::Table(overrides)) = overrides {
        lay_over(&mut table, overrides, "")?;
    }
    let policy: Policy =
        Value::Table(table.clone())
            .try_into()
            .map_err(|error: toml::de::Error| {
                Mistake::new("policy", error.message().replace('\n', " "))
            })?;
    policy
        .check()
        .map_err(|wrong| Mistake::new(wrong.key, wrong.remedy))?;
    Ok((policy, table))
}

/// Puts each value of `over` in the place of the same key in `base`; `path` is the section, with a dot
/// behind it. A class of subscribers may be new; any other key must exist and keep its kind.
fn lay_over(base: &mut Table, over: &Table, path: &str) -> Result<(), Mistake> {
    for (name, value) in over {
        let full = format!("{path}{name}");
        match (base.get_mut(name), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => {
                lay_over(inner, over, &format!("{full}."))?;
            }
            (Some(old), new) if same_kind(old, new) => *old = new.clone(),
            (Some(old), _) => {
                let remedy = format!("write {}, such as {old}", kind(old));
                return Err(Mistake::new(format!("policy.{full}"), remedy));
            }
            (None, Value::Table(_)) if path == "classes." => {
                base.insert(name.clone(), value.clone());
            }
            (None, Value::String(_)) if OPTIONAL.contains(&full.as_str()) => {
                base.insert(name.clone(), value.clone());
            }
            (None, _) => {
                let known = base.keys().map(|key| format!("policy.{path}{key}"));
                return Err(unknown(&format!("policy.{full}"), known));
            }
        }
    }
    Ok(())
}

fn same_kind(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => match a.first() {
            Some(first) => b.iter().all(|value| value.same_type(first)),
            None => true,
        },
        _ => a.same_type(b),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Boolean(_) => "true or false",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Table(_) => "a section",
        Value::String(_) | Value::Datetime(_) => "a text in quotes",
    }
}

/// Every single value of a profile with its full key, in the order of the file's keys.
pub(super) fn leaves(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Ok(table) = source.parse::<Table>() {
        collect(&table, "", &mut found);
    }
    found
}

fn collect(table: &Table, path: &str, found: &mut Vec<(String, String)>) {
    for (name, value) in table {
        match value {
            Value::Table(inner) => collect(inner, &format!("{path}{name}."), found),
            value => found.push((format!("{path}{name}"), value.to_string())),
        }
    }
}
