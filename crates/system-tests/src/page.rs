//! Reading a page as a browser does: its text, its forms, and which field a label belongs to.

use anyhow::{Context as _, Result, bail};

/// A page as it came.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it was found, after redirects.
    pub url: String,
    /// Its status.
    pub status: u16,
    /// Its HTML.
    pub html: String,
}

/// A form, filled in as far as the page does it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Its id, which buttons elsewhere name.
    pub id: Option<String>,
    /// The absolute address that it is sent to.
    pub action: String,
    /// Whether it is sent by POST.
    pub is_post: bool,
    /// What is sent, in the order of the page.
    pub fields: Vec<(String, String)>,
    /// Labels and the names of their fields; a box to tick also has the value that ticking sends.
    labels: Vec<(String, String, Option<String>)>,
}

impl Page {
    /// What a person reads, blanks collapsed.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for event in events(&self.html) {
            match event {
                Event::Text(piece) => text.push_str(&unescape(piece)),
                Event::Open(..) | Event::Close(_) => text.push(' '),
            }
        }
        collapse(&text)
    }

    /// Whether a person reads these words somewhere.
    pub fn says(&self, words: &str) -> bool {
        let squeezed: String = self.text().chars().filter(|c| !c.is_whitespace()).collect();
        let wanted: String = words.chars().filter(|c| !c.is_whitespace()).collect();
        squeezed.contains(&wanted)
    }

    /// The form with a button whose words contain `button`.
    pub fn form(&self, button: &str) -> Result<Form> {
        let forms = Reader::new(self).read();
        let mut buttons = forms
            .iter()
            .flat_map(|(form, buttons)| buttons.iter().map(move |found| (form, found)));
        let pressed = buttons.find(|(_, found)| found.words.contains(button));
        let (around, pressed) = pressed.with_context(|| {
            let (status, url) = (self.status, &self.url);
            format!("no button {button:?} on {url} ({status}): {}", self.text())
        })?;
        let mut form = match &pressed.form {
            None => around.clone(),
            Some(id) => {
                let mut forms = forms.iter().map(|(form, _)| form);
                let named = forms.find(|form| form.id.as_ref() == Some(id));
                named.with_context(|| format!("no form {id}"))?.clone()
            }
        };
        if let Some(action) = &pressed.action {
            form.action = resolve(&self.url, action);
        }
        form.fields.extend(pressed.field.clone());
        Ok(form)
    }

    /// Where the link with these words leads.
    pub fn link(&self, words: &str) -> Result<String> {
        let mut href = None;
        let mut text = String::new();
        for event in events(&self.html) {
            match event {
                Event::Open("a", attributes) => {
                    href = attribute(attributes, "href");
                    text.clear();
                }
                Event::Close("a") if text.contains(words) => {
                    if let Some(href) = href {
                        return Ok(resolve(&self.url, &href));
                    }
                }
                Event::Text(piece) => text.push_str(&unescape(piece)),
                Event::Open(..) | Event::Close(_) => {}
            }
        }
        bail!("no link {words:?} on {}: {}", self.url, self.text())
    }
}

impl Form {
    /// Types into the field with this label, or ticks its box.
    pub fn fill(&mut self, label: &str, value: &str) -> Result<()> {
        let exact = self.labels.iter().find(|(words, ..)| words == label);
        let found = exact.or_else(|| {
            let mut labels = self.labels.iter();
            labels.find(|(words, ..)| words.contains(label))
        });
        let Some((_, name, ticked)) = found.cloned() else {
            bail!("no field {label:?}, only {:?}", self.labels);
        };
        let value = ticked.unwrap_or_else(|| value.to_owned());
        self.set(&name, &value);
        Ok(())
    }

    /// Sets a field by its name.
    pub fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(other, _)| other != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }
}

struct Button {
    words: String,
    /// The id of the form that it sends, where it stands in another one.
    form: Option<String>,
    action: Option<String>,
    field: Option<(String, String)>,
}

/// Reads the forms of a page from top to bottom.
struct Reader<'a> {
    page: &'a Page,
    forms: Vec<(Form, Vec<Button>)>,
    is_open: bool,
    /// The label being read: its words, the id of its field, the field inside it.
    label: Option<(String, Option<String>, Option<Field>)>,
    by_id: Vec<(String, String)>,
    ids: Vec<(String, Field)>,
    button: Option<Button>,
    select: Option<String>,
    area: Option<String>,
}

#[derive(Clone)]
struct Field {
    name: String,
    ticked: Option<String>,
}

impl<'a> Reader<'a> {
    fn new(page: &'a Page) -> Self {
        Self {
            page,
            forms: Vec::new(),
            is_open: false,
            label: None,
            by_id: Vec::new(),
            ids: Vec::new(),
            button: None,
            select: None,
            area: None,
        }
    }

    fn read(mut self) -> Vec<(Form, Vec<Button>)> {
        for event in events(&self.page.html) {
            match event {
                Event::Open(name, attributes) => self.open(name, attributes),
                Event::Close(name) => self.close(name),
                Event::Text(text) => self.text(&unescape(text)),
            }
        }
        self.forms
    }

    fn open(&mut self, name: &str, attributes: &str) {
        let get = |wanted: &str| attribute(attributes, wanted);
        match name {
            "form" => {
                let action = get("action").unwrap_or_default();
                let is_post = get("method").is_some_and(|m| m.eq_ignore_ascii_case("post"));
                let action = resolve(&self.page.url, &action);
                let form = Form {
                    id: get("id"),
                    action,
                    is_post,
                    ..Form::default()
                };
                self.forms.push((form, Vec::new()));
                self.is_open = true;
                self.ids.clear();
                self.by_id.clear();
            }
            "label" => self.label = Some((String::new(), get("for"), None)),
            "input" => self.input(attributes),
            "select" => {
                if let Some(name) = get("name") {
                    self.named(
                        Field {
                            name: name.clone(),
                            ticked: None,
                        },
                        get("id"),
                    );
                    self.select = Some(name);
                }
            }
            "option" => self.option(attributes),
            "textarea" => {
                if let Some(name) = get("name") {
                    self.named(
                        Field {
                            name: name.clone(),
                            ticked: None,
                        },
                        get("id"),
                    );
                    self.send(&name, String::new());
                    self.area = Some(name);
                }
            }
            "button" => {
                let field = get("name").map(|name| (name, get("value").unwrap_or_default()));
                let (action, form) = (get("formaction"), get("form"));
                self.button = Some(Button {
                    words: String::new(),
                    form,
                    action,
                    field,
                });
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "form" => {
                self.is_open = false;
                let labels: Vec<_> = self
                    .by_id
                    .iter()
                    .filter_map(|(words, id)| {
                        let (_, field) = self.ids.iter().find(|(other, _)| other == id)?;
                        Some((words.clone(), field.name.clone(), field.ticked.clone()))
                    })
                    .collect();
                if let Some((form, _)) = self.forms.last_mut() {
                    form.labels.extend(labels);
                }
            }
            "label" => {
                let Some((words, id, field)) = self.label.take() else {
                    return;
                };
                let words = collapse(&words);
                match (id, field) {
                    (_, Some(field)) => {
                        if let Some((form, _)) = self.forms.last_mut() {
                            form.labels.push((words, field.name, field.ticked));
                        }
                    }
                    (Some(id), None) => self.by_id.push((words, id)),
                    (None, None) => {}
                }
            }
            "button" => {
                if let (Some(button), Some((_, buttons))) =
                    (self.button.take(), self.forms.last_mut())
                {
                    buttons.push(button);
                }
            }
            "select" => self.select = None,
            "textarea" => self.area = None,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((words, ..)) = &mut self.label {
            words.push_str(text);
        }
        if let Some(button) = &mut self.button {
            button.words.push_str(text.trim());
        }
        if let Some(name) = self.area.clone() {
            self.send(&name, text.to_owned());
        }
    }

    fn input(&mut self, attributes: &str) {
        let kind = attribute(attributes, "type").unwrap_or_default();
        let value = attribute(attributes, "value");
        let name = attribute(attributes, "name");
        if kind == "submit" {
            let words = value.clone().unwrap_or_default();
            let field = name.zip(value);
            let action = attribute(attributes, "formaction");
            let form = attribute(attributes, "form");
            if let Some((_, buttons)) = self.forms.last_mut() {
                buttons.push(Button {
                    words,
                    form,
                    action,
                    field,
                });
            }
            return;
        }
        let Some(name) = name else { return };
        let is_box = kind == "checkbox" || kind == "radio";
        let ticked = is_box.then(|| value.clone().unwrap_or_else(|| "on".to_owned()));
        let field = Field {
            name: name.clone(),
            ticked: ticked.clone(),
        };
        self.named(field, attribute(attributes, "id"));
        if !is_box {
            self.send(&name, value.unwrap_or_default());
        } else if has_attribute(attributes, "checked") {
            self.send(&name, ticked.unwrap_or_default());
        }
    }

    /// The first option is sent unless another one is selected.
    fn option(&mut self, attributes: &str) {
        let Some(name) = self.select.clone() else {
            return;
        };
        let value = attribute(attributes, "value").unwrap_or_default();
        let is_first = self
            .forms
            .last()
            .is_some_and(|(form, _)| form.fields.iter().all(|(other, _)| *other != name));
        if is_first || has_attribute(attributes, "selected") {
            self.send(&name, value);
        }
    }

    fn named(&mut self, field: Field, id: Option<String>) {
        if let Some((_, _, inside)) = &mut self.label {
            *inside = Some(field.clone());
        }
        if let Some(id) = id {
            self.ids.push((id, field));
        }
    }

    fn send(&mut self, name: &str, value: String) {
        if let (true, Some((form, _))) = (self.is_open, self.forms.last_mut()) {
            form.set(name, &value);
        }
    }
}

enum Event<'a> {
    Open(&'a str, &'a str),
    Close(&'a str),
    Text(&'a str),
}

/// Tags and text in order. Comments, scripts and style sheets are left out.
fn events(html: &str) -> Vec<Event<'_>> {
    let mut events = Vec::new();
    let mut rest = html;
    while let Some((text, after)) = rest.split_once('<') {
        events.push(Event::Text(text));
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let Some((tag, after)) = after.split_once('>') else {
            return events;
        };
        rest = after;
        let tag = tag.trim_end_matches('/').trim();
        if let Some(name) = tag.strip_prefix('/') {
            events.push(Event::Close(name.trim()));
            continue;
        }
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        events.push(Event::Open(name, attributes));
        if name == "script" || name == "style" {
            rest = rest.split_once("</").map_or("", |(_, rest)| rest);
            rest = rest.split_once('>').map_or("", |(_, rest)| rest);
        }
    }
    events.push(Event::Text(rest));
    events
}

fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while let Some(end) = rest.find(|c: char| c == '=' || c.is_whitespace()) {
        let (name, after) = rest.split_at_checked(end)?;
        if let Some(value) = after.strip_prefix("=\"") {
            let (value, after) = value.split_once('"')?;
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescape(value));
            }
            rest = after.trim_start();
        } else if let Some(value) = after.strip_prefix('=') {
            let (value, after) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescape(value));
            }
            rest = after.trim_start();
        } else {
            rest = after.trim_start();
        }
    }
    None
}

fn has_attribute(attributes: &str, wanted: &str) -> bool {
    attributes.split_whitespace().any(|word| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        name.eq_ignore_ascii_case(wanted)
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let character = after.split_once(';').and_then(|(name, after)| {
            let character = match name {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "nbsp" => Some(' '),
                number => number.strip_prefix('#').and_then(|number| {
                    let code = match number.strip_prefix('x') {
                        Some(digits) => u32::from_str_radix(digits, 16),
                        None => number.parse(),
                    };
                    code.ok().and_then(char::from_u32)
                }),
            };
            character.map(|character| (character, after))
        });
        if let Some((character, after)) = character {
            plain.push(character);
            rest = after;
        } else {
            plain.push('&');
            rest = after;
        }
    }
    plain.push_str(rest);
    plain
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An address on a page, made absolute (RFC 3986 §5, as far as our pages need it).
pub fn resolve(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_owned();
    }
    if reference.is_empty() {
        return base.to_owned();
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("https", base));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if reference.starts_with('/') {
        return format!("{scheme}://{host}{reference}");
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder.is_empty() {
        format!("{scheme}://{host}/{reference}")
    } else {
        format!("{scheme}://{host}/{folder}/{reference}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = r#"<html><style>p{color:red}</style><body><!-- <form> -->
        <p>手順 1/3 &amp; &#x2460;</p>
        <form method="post" action="/p/rcd">
          <input type="hidden" name="version" value="7">
          <label for="a">リクエストID</label><input id="a" name="request_id">
          <label><input type="checkbox" name="ok" value="yes"> 確認しました</label>
          <label for="r">理由</label>
          <select id="r" name="reason"><option value="x">X</option>
            <option value="y" selected>Y</option></select>
          <button>次へ</button><button formaction="back" name="b" value="1">戻る</button>
          <button form="stop">やめる</button>
        </form><form id="stop" action="/stop"><input name="x" value="1"></form><a class="k" href="/p/cert">証明書</a></body></html>"#;

    fn page() -> Page {
        let url = "https://localhost:1/p/rcd/7".to_owned();
        Page {
            url,
            status: 200,
            html: HTML.to_owned(),
        }
    }

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_form_is_found_by_its_button_and_filled_by_its_labels() {
        let mut form = page().form("次へ").unwrap();
        assert_eq!(form.action, "https://localhost:1/p/rcd");
        assert!(form.is_post);
        form.fill("リクエストID", "12").unwrap();
        form.fill("確認しました", "").unwrap();
        let sent = [
            field("version", "7"),
            field("reason", "y"),
            field("request_id", "12"),
            field("ok", "yes"),
        ];
        assert_eq!(form.fields, sent);
        assert!(form.fill("電話番号", "").is_err());
        assert!(page().form("申請").is_err());
    }

    #[test]
    fn a_button_may_send_the_form_elsewhere_with_a_field_of_its_own() {
        let form = page().form("戻る").unwrap();
        assert_eq!(form.action, "https://localhost:1/p/rcd/back");
        assert!(form.fields.contains(&field("b", "1")));
        assert!(!form.fields.iter().any(|(name, _)| name == "ok"));
    }

    #[test]
    fn a_button_may_belong_to_another_form() {
        let form = page().form("やめる").unwrap();
        assert_eq!(form.action, "https://localhost:1/stop");
        assert_eq!(form.fields, [field("x", "1")]);
    }

    #[test]
    fn text_is_what_a_person_reads() {
        let page = page();
        assert!(page.text().starts_with("手順 1/3 & ①"), "{}", page.text());
        assert!(page.says("手順1/3&①"));
        assert!(!page.says("color"));
        assert_eq!(page.link("証明書").unwrap(), "https://localhost:1/p/cert");
    }
}
