//! Requests by curl: a TLS and HTTP client that we did not write.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::tools::{Ran, command, run_with_input};

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header field with this name (in small letters).
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        let field = fields.find(|(other, _)| other == name);
        field.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn parse(output: &[u8]) -> Result<Self> {
        let mut rest = output;
        loop {
            let end = find(rest, b"\r\n\r\n").context("an answer without header fields")?;
            let (head, body) = rest.split_at_checked(end).context("an answer cut short")?;
            let body = body.get(4..).unwrap_or_default();
            let head = String::from_utf8_lossy(head);
            let mut lines = head.split("\r\n");
            let first = lines.next().unwrap_or_default();
            let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
            let status: u16 = status.with_context(|| format!("the status line {first:?}"))?;
            if (100..200).contains(&status) {
                rest = body;
                continue;
            }
            let fields = lines.filter_map(|line| line.split_once(':'));
            return Ok(Self {
                status,
                headers: fields
                    .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                    .collect(),
                body: body.to_vec(),
            });
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// A client: whom it trusts, what it presents, how it speaks.
#[derive(Clone, Debug, Default)]
pub struct Curl {
    arguments: Vec<OsString>,
}

impl Curl {
    /// A client that trusts the CA of this PEM file for TLS.
    pub fn trusting(ca: &Path) -> Self {
        Self::default().with("--cacert", ca)
    }

    /// The same client with one more option of curl.
    pub fn with(mut self, option: &str, value: impl AsRef<OsStr>) -> Self {
        self.arguments.push(option.into());
        self.arguments.push(value.as_ref().to_owned());
        self
    }

    /// The same client with one more flag of curl.
    pub fn flag(mut self, flag: &str) -> Self {
        self.arguments.push(flag.into());
        self
    }

    /// The same client, which presents the certificate of this PEM file (certificate and key).
    pub fn presenting(self, pem: &Path) -> Self {
        self.with("--cert", pem)
    }

    /// The same client, which speaks only this version of TLS: `1.2` or `1.3`.
    pub fn tls(self, version: &str) -> Self {
        let lowest = if version == "1.2" {
            "--tlsv1.2"
        } else {
            "--tlsv1.3"
        };
        self.flag(lowest).with("--tls-max", version)
    }

    /// The same client, which keeps its cookies in this file.
    pub fn jar(self, file: &Path) -> Self {
        self.with("--cookie", file).with("--cookie-jar", file)
    }

    /// The same client with one more header field.
    pub fn header(self, field: &str) -> Self {
        self.with("--header", field)
    }

    /// GET.
    pub fn get(&self, url: &str) -> Result<Answer> {
        self.answer(self.command(url), &[])
    }

    /// POST of this body; `kind` is its content type.
    pub fn post(&self, url: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        let mut command = self.command(url);
        command.args(["--data-binary", "@-", "--header"]);
        command.arg(format!("Content-Type: {kind}"));
        self.answer(command, body)
    }

    /// POST of a form.
    pub fn post_form(&self, url: &str, fields: &[(String, String)]) -> Result<Answer> {
        self.post(
            url,
            "application/x-www-form-urlencoded",
            encode_form(fields).as_bytes(),
        )
    }

    /// Runs curl and shows how it ended; for what must fail.
    pub fn attempt(&self, url: &str) -> Result<Ran> {
        run_with_input(&mut self.command(url), &[])
    }

    /// The command itself, for what is special.
    pub fn command(&self, url: &str) -> Command {
        let fixed = ["--silent", "--show-error", "--include", "--noproxy", "*"];
        let mut command = command("curl", fixed);
        command.args(["--max-time", "60"]);
        command.args(&self.arguments).arg(url);
        command
    }

    fn answer(&self, mut command: Command, input: &[u8]) -> Result<Answer> {
        let ran = run_with_input(&mut command, input)?;
        if !ran.status.success() {
            bail!("curl ({}): {}", ran.status, ran.stderr.trim());
        }
        Answer::parse(&ran.stdout)
    }
}

/// `application/x-www-form-urlencoded`.
pub fn encode_form(fields: &[(String, String)]) -> String {
    let pairs = fields.iter();
    let pairs = pairs.map(|(name, value)| format!("{}={}", percent(name), percent(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent encoding of everything but letters, digits, `-`, `.`, `_` and `~`.
pub fn percent(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            encoded.push_str(&format!("%{octet:02X}"));
        }
    }
    encoded
}
