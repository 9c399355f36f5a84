//! Printing on stdout: lines, aligned tables and JSON.

use std::io::Write as _;

use serde_json::Value;

/// Prints one line. A closed pipe at the other end is no error of ours.
pub(crate) fn line(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
}

/// A listing: column heads, and for each object its cells and the same as JSON.
pub(crate) struct Listing {
    heads: &'static [&'static str],
    rows: Vec<Vec<String>>,
    objects: Vec<Value>,
}

impl Listing {
    /// An empty listing with these column heads.
    pub(crate) const fn new(heads: &'static [&'static str]) -> Self {
        Self {
            heads,
            rows: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// Adds an object.
    pub(crate) fn push(&mut self, cells: Vec<String>, object: Value) {
        self.rows.push(cells);
        self.objects.push(object);
    }

    /// Whether nothing was added.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints the listing as an aligned table, or as one JSON array.
    pub(crate) fn print(self, json: bool) {
        if json {
            line(Value::Array(self.objects).to_string());
            return;
        }
        let widths: Vec<usize> = self
            .heads
            .iter()
            .enumerate()
            .map(|(column, head)| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells
                    .map(|cell| width(cell))
                    .chain([head.len()])
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        line(aligned(self.heads.iter().copied(), &widths));
        for row in &self.rows {
            line(aligned(row.iter().map(String::as_str), &widths));
        }
    }
}

/// `view`, an object, with further fields.
pub(crate) fn with<const N: usize>(mut view: Value, fields: [(&str, Value); N]) -> Value {
    if let Some(object) = view.as_object_mut() {
        object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    view
}

/// Prints one object: as JSON, or one `name: value` line for each of its fields.
pub(crate) fn object(value: &Value, json: bool) {
    if json {
        line(value.to_string());
        return;
    }
    let Some(fields) = value.as_object() else {
        return line(value.to_string());
    };
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::String(text) => line(format!("{name}: {text}")),
            Value::Array(items) => {
                line(format!("{name}:"));
                for item in items {
                    match item.as_str() {
                        Some(text) => line(format!("  {text}")),
                        None => line(format!("  {item}")),
                    }
                }
            }
            other => line(format!("{name}: {other}")),
        }
    }
}

fn aligned<'a>(cells: impl Iterator<Item = &'a str>, widths: &[usize]) -> String {
    let mut text = String::new();
    for (cell, wanted) in cells.zip(widths) {
        text.push_str(cell);
        let missing = wanted.saturating_sub(width(cell)) + 2;
        text.extend(std::iter::repeat_n(' ', missing));
    }
    text.trim_end().to_owned()
}

/// Columns on a terminal: characters from U+1100 on (kana, kanji, full-width forms) take two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| if u32::from(c) < 0x1100 { 1 } else { 2 })
        .sum()
}
