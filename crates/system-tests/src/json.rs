//! Reading JSON that `tegata` prints.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A field of an object; null where there is none.
pub fn field<'a>(object: &'a Value, name: &str) -> &'a Value {
    object.get(name).unwrap_or(&Value::Null)
}

/// A text of an object.
pub fn text<'a>(object: &'a Value, name: &str) -> Result<&'a str> {
    let found = field(object, name).as_str();
    found.with_context(|| format!("no text {name:?} in {object}"))
}

/// A list of an object.
pub fn list<'a>(object: &'a Value, name: &str) -> Result<&'a [Value]> {
    let found = field(object, name).as_array();
    let found = found.with_context(|| format!("no list {name:?} in {object}"))?;
    Ok(found)
}
