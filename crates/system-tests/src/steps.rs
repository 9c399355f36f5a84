//! What a person does at a browser, as the steps of `oracles/browser/drive.js`, and what she then read.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::json::{field, text};
use crate::tools::target;

/// Opens an address.
pub fn goto(url: &str) -> Value {
    json!({ "goto": { "url": url } })
}

/// Types into the field with this label.
pub fn fill(label: &str, value: &str) -> Value {
    json!({ "fill": { "label": label, "value": value } })
}

/// Chooses from the list with this label.
pub fn select(label: &str, value: &str) -> Value {
    json!({ "select": { "label": label, "value": value } })
}

/// Ticks a box, or chooses one of several.
pub fn tick(label: &str) -> Value {
    json!({ "check": { "label": label } })
}

/// Presses a button or follows a link.
pub fn click(text: &str) -> Value {
    json!({ "click": { "text": text } })
}

/// Types into the field that this selector names, where its label stands more than once.
pub fn fill_at(selector: &str, value: &str) -> Value {
    json!({ "fill": { "selector": selector, "value": value } })
}

/// Presses the button that this selector names, where its text stands more than once.
pub fn click_at(selector: &str) -> Value {
    json!({ "click": { "selector": selector } })
}

/// Unfolds the part with this heading.
pub fn unfold(text: &str) -> Value {
    json!({ "open": { "text": text } })
}

/// Reads a text on the page.
pub fn expect(text: &str) -> Value {
    json!({ "expectText": { "text": text } })
}

/// Presses the button or link behind which a file waits, and keeps the file.
pub fn save(button: &str, path: &Path) -> Value {
    json!({ "download": { "click": { "text": button }, "path": path } })
}

/// The same, where a page may come in the place of the file.
pub fn save_or_read(button: &str, path: &Path) -> Value {
    json!({ "download": { "click": { "text": button }, "path": path, "orPage": true } })
}

/// Presses a button and presses it again before there is an answer.
pub fn click_twice(text: &str) -> Value {
    json!({ "click": { "text": text, "twice": true } })
}

/// Goes to this page's address at another name of the site.
pub fn at_name(from: &str, to: &str) -> Value {
    json!({ "atName": { "from": from, "to": to } })
}

/// Goes back to the page before; a form behind it is sent again.
pub fn back() -> Value {
    json!({ "back": {} })
}

/// Asks for the page again; a form behind it is sent again.
pub fn reload() -> Value {
    json!({ "reload": {} })
}

/// Reads the page and what stands in its fields.
pub fn read() -> Value {
    json!({ "read": {} })
}

/// Does what is meant for the page that is there, by its number (画面番号).
pub fn wherever<'a>(pages: impl IntoIterator<Item = (&'a str, Vec<Value>)>) -> Value {
    let pages = pages.into_iter();
    let pages: serde_json::Map<_, _> = pages
        .map(|(number, steps)| (number.to_owned(), Value::Array(steps)))
        .collect();
    json!({ "wherever": pages })
}

/// Looks at another tab.
pub fn tab(index: usize) -> Value {
    json!({ "tab": { "index": index } })
}

/// Opens the same page once more, in a new tab, and looks at that one.
pub fn twin() -> Value {
    json!({ "twin": {} })
}

/// Opens an empty tab and looks at it.
pub fn new_tab() -> Value {
    json!({ "newTab": {} })
}

/// Another person with cookies of her own: steps go to her tab from now on. The first is person 0.
pub fn person(index: usize) -> Value {
    json!({ "person": { "index": index } })
}

/// The pages come without their scripts from now on.
pub fn no_script() -> Value {
    json!({ "noScript": {} })
}

/// Takes a picture for `target/screenshots`, of a page that is judged too.
pub fn picture(name: &str) -> Result<Value> {
    let path = target("screenshots")?.join(format!("{name}.png"));
    Ok(json!({ "screenshot": { "path": path } }))
}

/// Comes to the page with this number (画面番号) and takes a picture of it.
pub fn look(number: &str) -> Result<[Value; 2]> {
    look_as(number, number)
}

/// The same under a name of its own: one page in several states.
pub fn look_as(number: &str, name: &str) -> Result<[Value; 2]> {
    Ok([expect(&format!("画面番号 {number}")), picture(name)?])
}

/// How often somebody went on to another page or took a file, by these steps.
pub fn pages_turned(steps: &[Value]) -> usize {
    let turns = |step: &&Value| {
        ["click", "download"]
            .iter()
            .any(|act| step.get(act).is_some())
    };
    steps.iter().filter(turns).count()
}

/// The text of the page with this number, as it was read last.
pub fn page<'a>(seen: &'a [Value], number: &str) -> Result<&'a str> {
    text(visit(seen, number)?, "text")
}

/// The address of the page with this number, where it was read last.
pub fn address<'a>(seen: &'a [Value], number: &str) -> Result<&'a str> {
    text(visit(seen, number)?, "url")
}

fn visit<'a>(seen: &'a [Value], number: &str) -> Result<&'a Value> {
    let mark = format!("画面番号 {number}");
    let came = |step: &&Value| {
        let text = field(step, "text").as_str().unwrap_or_default();
        text.lines().any(|line| line.trim() == mark)
    };
    let found = seen.iter().rev().find(came);
    found.with_context(|| format!("nobody came to {number}: {seen:#?}"))
}

/// What stands behind this name on a page, each time it stands there.
pub fn told<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let mut lines = page.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line == name {
            found.extend(lines.next());
        }
    }
    found
}

/// The one thing that stands behind this name on a page.
pub fn told_once<'a>(page: &'a str, name: &str) -> Result<&'a str> {
    let found = told(page, name);
    ensure!(found.len() == 1, "{name} on the page: {found:?}\n{page}");
    found.first().copied().context("one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_behind_its_name() {
        let page = "申請番号\n\nA26-1\n照会番号\nx\n申請番号\nA26-2\n";
        assert_eq!(told(page, "申請番号"), ["A26-1", "A26-2"]);
        assert_eq!(told_once(page, "照会番号").unwrap(), "x");
        assert!(told_once(page, "申請番号").is_err());
        assert!(told_once(page, "リクエストID").is_err());
    }

    #[test]
    fn typing_turns_no_page() {
        let steps = [fill("a", "b"), click("次へ"), save("file", Path::new("f"))];
        assert_eq!(pages_turned(&steps), 2);
    }
}
