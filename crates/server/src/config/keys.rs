//! Every key of the configuration file in one table: checked at the start, printed as the reference
//! `docs/reference/configuration.md`.

use toml::{Table, Value};

use super::{Mistake, Profile};

/// One key of the file.
pub(super) struct Key {
    /// With its section: `listen.public`.
    name: &'static str,
    kind: Kind,
    /// As it would stand in the file, or a phrase.
    default: &'static str,
    meaning: &'static str,
}

/// What a key's value must be.
enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A number from 1 to 65535.
    Port,
    /// A number from 1 to 1000000.
    Number,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, meaning: &'static str) -> Key {
    Key {
        name,
        kind,
        default,
        meaning,
    }
}

/// Every key but those of `[policy]`.
pub(super) const KEYS: &[Key] = &[
    key(
        "profile",
        Kind::Choice(&["default", "obn"]),
        "\"default\"",
        "The set of rules to begin with. `obn` is a sample of the manual's service.",
    ),
    key(
        "data_dir",
        Kind::Text,
        "\"data\"",
        "Folder of the database file and the encrypted CA keys. A relative path is meant from the \
         folder of the configuration file.",
    ),
    key(
        "database",
        Kind::Text,
        "\"sqlite:\" and `tegata.db` in `data_dir`",
        "`sqlite:PATH` or `postgres://USER@HOST/NAME`.",
    ),
    key(
        "kek_file",
        Kind::Text,
        "\"kek\"",
        "File of the key-encryption key, mode 0400. Keep it out of `data_dir` and out of backups. A \
         systemd credential named `tegata-kek` is used instead where there is one.",
    ),
    key(
        "listen.public",
        Kind::Text,
        "\"127.0.0.1:8440\"",
        "Socket address of the public site (TLS, no client certificates).",
    ),
    key(
        "listen.subscriber",
        Kind::Text,
        "\"127.0.0.1:8441\"",
        "Socket address of the subscribers' site (TLS that asks for a client certificate).",
    ),
    key(
        "listen.console",
        Kind::Text,
        "\"127.0.0.1:8442\"",
        "Socket address of the operators' console (TLS, no client certificates). Keep it inside the \
         office's network.",
    ),
    key(
        "listen.plain",
        Kind::Text,
        "\"127.0.0.1:8444\"",
        "Socket address for CRL, OCSP and CA certificates over plain HTTP.",
    ),
    key(
        "listen.relying",
        Kind::Text,
        "none: the API is off",
        "Socket address of the API of relying systems (TLS that asks for a client certificate).",
    ),
    key(
        "listen.metrics",
        Kind::Text,
        "none: no figures are shown",
        "Socket address of `/metrics` for a monitoring system (plain HTTP, no login, numbers that name \
         nobody), such as \"127.0.0.1:9440\". Keep it on loopback or inside the monitoring network.",
    ),
    key(
        "listen.proxies",
        Kind::Texts,
        "[]",
        "IP addresses of proxies that stand before these listeners. Of these alone the header `Forwarded` \
         (RFC 7239) is believed, and of it the last element, which the proxy must write itself; the address \
         there counts as the caller's. A proxy has no budget of wrong IDs.",
    ),
    key(
        "names.public",
        Kind::Text,
        "\"localhost\"",
        "Host name of the public site.",
    ),
    key(
        "names.public_port",
        Kind::Port,
        "the port of `listen.public`",
        "Port that stands in the public site's addresses, where a router maps ports.",
    ),
    key(
        "names.subscriber",
        Kind::Texts,
        "[\"localhost\"]",
        "Host names of the subscribers' site, the main one first. Browsers remember the chosen \
         certificate for each name; \"choose another certificate\" leads to the next one.",
    ),
    key(
        "names.subscriber_port",
        Kind::Port,
        "the port of `listen.subscriber`",
        "Port that stands in the subscribers' site's addresses.",
    ),
    key(
        "names.console",
        Kind::Text,
        "`names.public`",
        "Host name of the console. Give it one of its own, so that its cookie is sent nowhere else.",
    ),
    key(
        "names.console_port",
        Kind::Port,
        "the port of `listen.console`",
        "Port that stands in the console's address.",
    ),
    key(
        "names.relying",
        Kind::Text,
        "`names.public`",
        "Host name of the API of relying systems.",
    ),
    key(
        "names.plain_url",
        Kind::Text,
        "made of `names.public` and the port of `listen.plain`",
        "Address of the plain listener. It stands in every certificate: choose it for decades.",
    ),
    key(
        "names.tls_domains",
        Kind::Texts,
        "every name above",
        "Domains for which the TLS CA may certify, fixed in its certificate by `tegata init`.",
    ),
    key(
        "mail.server",
        Kind::Text,
        "none: mails wait in the database",
        "Host name of the mail server (SMTP) that takes our mails. The sender is \
         `policy.names.sender`.",
    ),
    key(
        "mail.port",
        Kind::Port,
        "587, with `tls` 465, with `none` 25",
        "Its port.",
    ),
    key(
        "mail.security",
        Kind::Choice(&["starttls", "tls", "none"]),
        "\"starttls\"",
        "`starttls` demands STARTTLS, `tls` begins with TLS; `none` is for a server on this machine.",
    ),
    key(
        "mail.user",
        Kind::Text,
        "none",
        "Who logs in at the mail server, together with `mail.password_file`.",
    ),
    key(
        "mail.password_file",
        Kind::Text,
        "none",
        "File with the password, mode 0400.",
    ),
    key(
        "mail.ca_file",
        Kind::Text,
        "none",
        "CA certificate (PEM) that is trusted for the mail server beside those of the machine.",
    ),
    key(
        "client.folder",
        Kind::Text,
        "none",
        "Folder of the MPKI client's release, as `tegata client` makes it: the packages and \
         `manifest.json`. What lies there is offered at `/p/c` and to terminals; it is read again \
         when it changes.",
    ),
    key(
        "mail.texts",
        Kind::Text,
        "none",
        "Folder of texts in the place of ours, named as `tegata mail preview` names them: \
         `letter_posted.txt`. The first line is the subject.",
    ),
    key(
        "mail.per_minute",
        Kind::Number,
        "600",
        "Mails handed over in a minute at the most.",
    ),
    key(
        "mail.bounces",
        Kind::Text,
        "none",
        "Maildir into which the mail server puts what comes back to `policy.names.sender`; each message in its `new` is \
         read once and moved to `cur`.",
    ),
    key(
        "relying.systems",
        Kind::Texts,
        "[]",
        "Who may ask about every certificate: `NAME=SHA256` of the TLS client certificate of each \
         relying system, as `openssl x509 -noout -fingerprint -sha256` prints it. The name stands in \
         the audit trail.",
    ),
    key(
        "log.format",
        Kind::Choice(&["text", "json"]),
        "\"text\"",
        "Form of the log on stderr.",
    ),
    key(
        "log.level",
        Kind::Text,
        "\"info\"",
        "`error`, `warn`, `info` or `debug`. The variable `TEGATA_LOG` wins over it.",
    ),
];

/// Refuses unknown keys and values of the wrong kind.
pub(super) fn check(table: &Table) -> Result<(), Mistake> {
    for (name, value) in table {
        match value {
            _ if name == "policy" => {
                if !value.is_table() {
                    return Err(Mistake::new(
                        "policy",
                        "write a section: [policy.periods] and so on",
                    ));
                }
            }
            Value::Table(section) if is_section(name) => {
                for (inner, value) in section {
                    check_key(&format!("{name}.{inner}"), value)?;
                }
            }
            _ if is_section(name) => {
                return Err(Mistake::new(name, format!("write a section: [{name}]")));
            }
            _ => check_key(name, value)?,
        }
    }
    Ok(())
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .split_once('.')
            .is_some_and(|(section, _)| section == name)
    })
}

fn check_key(name: &str, value: &Value) -> Result<(), Mistake> {
    let Some(key) = KEYS.iter().find(|key| key.name == name) else {
        let names = KEYS
            .iter()
            .map(|key| key.name.to_owned())
            .chain([String::from("policy")]);
        return Err(unknown(name, names));
    };
    let remedy = match &key.kind {
        Kind::Choice(words) => {
            if value.as_str().is_some_and(|text| words.contains(&text)) {
                return Ok(());
            }
            let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("write {}", quoted.join(" or "))
        }
        Kind::Port => {
            if value
                .as_integer()
                .is_some_and(|port| (1..=65_535).contains(&port))
            {
                return Ok(());
            }
            "write a number from 1 to 65535".to_owned()
        }
        Kind::Number => {
            if value
                .as_integer()
                .is_some_and(|number| (1..=1_000_000).contains(&number))
            {
                return Ok(());
            }
            "write a number from 1 to 1000000".to_owned()
        }
        Kind::Text => {
            if value.as_str().is_some_and(|text| !text.is_empty()) {
                return Ok(());
            }
            "write a text in quotes".to_owned()
        }
        Kind::Texts => {
            let texts = value
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_str));
            if texts {
                return Ok(());
            }
            "write a list of texts: [\"one\", \"two\"]".to_owned()
        }
    };
    Err(Mistake::new(name, remedy))
}

/// An unknown key, with the nearest known one.
pub(super) fn unknown(name: &str, known: impl Iterator<Item = String>) -> Mistake {
    let last = name.rsplit('.').next().unwrap_or(name);
    let nearest = known.map(|known| (distance(name, &known), known)).min();
    let remedy = match nearest {
        Some((distance, nearest)) if distance <= 3 && 2 * distance <= last.len() => {
            format!("unknown key; write \"{nearest}\" or remove it")
        }
        _ => "unknown key; remove it (docs/reference/configuration.md lists every key)".to_owned(),
    };
    Mistake::new(name, remedy)
}

/// How many letters must change to turn one word into the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let changed = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The reference page `docs/reference/configuration.md`.
pub(crate) fn reference() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         One TOML file, named with `--config FILE`. Every key has a default; an unknown key stops the\n\
         start. `tegata config check` tells a mistake in one line, `tegata config show` prints what is in\n\
         force. This page is made from `crates/server/src/config/keys.rs`.\n\n\
         | key | default | meaning |\n| --- | --- | --- |\n",
    );
    for key in KEYS {
        let choices = match key.kind {
            Kind::Choice(words) => format!(" One of: `{}`.", words.join("`, `")),
            _ => String::new(),
        };
        let default = if key.default.starts_with(['"', '[']) && !key.default.contains(" and ") {
            format!("`{}`", key.default)
        } else {
            key.default.to_owned()
        };
        page.push_str(&format!(
            "| `{}` | {default} | {}{choices} |\n",
            key.name, key.meaning
        ));
    }
    page.push_str(
        "\n## `[policy]`\n\n\
         Overrides single values of the profile: the rules that a certificate policy writes down. Every\n\
         key with the value of each profile; texts are left out. Classes of subscribers\n\
         (`policy.classes.NAME`) can be added; each needs `label`, `ou`, `pattern`, `luhn` and\n\
         `prefecture`. `policy.subject.cps_uri` is the address of the CP/CPS;\n\
         `policy.names.application_guide` and `policy.names.user_manual` are those of the two booklets that the\n\
         entrance page links to. None of the three has a default.\n\n\
         | key | `default` | `obn` |\n| --- | --- | --- |\n",
    );
    let of = |profile: Profile| super::overlay::leaves(profile.source());
    let obn = of(Profile::Obn);
    for (name, value) in of(Profile::Default) {
        if name.starts_with("names.") || name.starts_with("classes.") {
            continue;
        }
        let other = obn
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| value.clone());
        page.push_str(&format!(
            "| `policy.{name}` | `{value}` | `{}` |\n",
            other.unwrap_or_default()
        ));
    }
    page
}
