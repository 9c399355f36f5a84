//! A page as text: what stands on it, its fields as `[type name: value]`, its buttons as `( label )`
//! and where its links and forms lead.

/// Reads our own HTML; enough for snapshots, no parser for any other.
pub(crate) fn text(html: &str) -> String {
    let main = html.split_once("<body>").map_or(html, |(_, body)| body);
    let mut out = String::new();
    let mut link: Option<String> = None;
    for piece in main.split('<') {
        let (tag, words) = piece.split_once('>').unwrap_or(("", piece));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        match name {
            "p" | "/p" | "li" | "/li" | "h1" | "/h1" | "h2" | "/h2" | "div" | "/div" | "/dl"
            | "dl" | "br" | "section" | "/section" | "details" | "summary" | "/summary"
            | "/form" | "figure" | "figcaption" | "footer" | "legend" | "/legend" | "main"
            | "header" | "ul" | "ol" | "table" | "/caption" | "tr" | "/table" | "nav" => {
                out.push('\n');
            }
            "/td" | "/th" => out.push_str(" | "),
            "form" => {
                out.push_str(&format!(
                    "\n[{} {}]",
                    value(attributes, "method"),
                    value(attributes, "action")
                ));
            }
            "dd" => out.push_str(": "),
            "button" => out.push_str("( "),
            "/button" => out.push_str(" )"),
            "textarea" => {
                out.push_str(&format!("\n[textarea {}: ", value(attributes, "name")));
            }
            "/textarea" => out.push(']'),
            "select" => out.push_str(&format!("\n[select {}]", value(attributes, "name"))),
            "option" => out.push_str("\n- "),
            "input" => out.push_str(&input(attributes)),
            "a" => link = Some(value(attributes, "href").to_owned()),
            "/a" => {
                if let Some(address) = link.take() {
                    out.push_str(&format!(" → {address} "));
                }
            }
            _ => {}
        }
        if name == "h1" {
            out.push_str("# ");
        }
        out.push_str(&words.split_whitespace().collect::<Vec<_>>().join(" "));
        if words.ends_with(' ') {
            out.push(' ');
        }
    }
    let lines = out.lines().map(str::trim).filter(|line| !line.is_empty());
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        + "\n"
}

fn input(attributes: &str) -> String {
    let kind = value(attributes, "type");
    if kind == "hidden" {
        return String::new();
    }
    let mark = if attributes.ends_with(" checked") {
        " *"
    } else {
        ""
    };
    format!(
        "\n[{kind} {}: {}{mark}] ",
        value(attributes, "name"),
        value(attributes, "value")
    )
}

fn value<'a>(attributes: &'a str, name: &str) -> &'a str {
    let (_, rest) = attributes
        .split_once(&format!("{name}=\""))
        .unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}
