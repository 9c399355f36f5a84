//! A mail server of another maker (`oracles/mailserver.py`) that says what it took, read by that maker's parser.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::json::{field, list};
use crate::openssl::self_signed;
use crate::ports;
use crate::process::Process;
use crate::served::Served;
use crate::tools::{command, named, oracle};

/// Who logs in.
const USER: &str = "tegata";
/// The password that it takes.
const PASSWORD: &str = "secret of the tests";
/// The fields of a mail of ours: each of them once, and no other.
const FIELDS: [&str; 9] = [
    "Auto-Submitted",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Subject",
    "To",
];

/// A running mail server.
#[derive(Debug)]
pub struct MailServer {
    process: Process,
}

impl MailServer {
    /// Starts it in the folder of an installation, with a certificate and a password of its own, and names it in the
    /// configuration. Each mail meets the next of `troubles`, as the script's head says.
    pub fn start(served: &Served, troubles: &[&str]) -> Result<Self> {
        let folder = served.folder();
        let file = |name: &str| folder.join(name).display().to_string();
        let (certificate, key) = (file("mail.pem"), file("mail.key"));
        self_signed("localhost", certificate.as_ref(), key.as_ref())?;
        write_password(folder, PASSWORD)?;
        let script = oracle("mailserver.py").display().to_string();
        let port = ports::row(1)?;
        let number = port.to_string();
        let mut arguments = vec![&*script, &number, &certificate, &key, USER, PASSWORD];
        arguments.extend(troubles);
        let python = named("TEGATA_PKILINT_PYTHON")?;
        let mut process = Process::start(&mut command(python, arguments))?;
        process.wait_for(|line| line == "ready")?;
        configure(served, port)?;
        Ok(Self { process })
    }

    /// The next mail that came, whatever was answered.
    pub fn next_mail(&mut self) -> Result<Taken> {
        let line = self.process.wait_for(|line| line.starts_with('{'))?;
        Ok(Taken(serde_json::from_str(&line)?))
    }

    /// Every mail that came so far, whatever was answered.
    pub fn all_mails(&mut self) -> Result<Vec<Taken>> {
        let said = self.process.said();
        let mails = said.lines().filter(|line| line.starts_with('{'));
        mails
            .map(|line| Ok(Taken(serde_json::from_str(line)?)))
            .collect()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> Result<bool> {
        self.process.is_running()
    }
}

/// What the mail server said of one mail.
#[derive(Clone, Debug)]
pub struct Taken(pub Value);

impl Taken {
    /// A header field, decoded; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let fields = field(&self.0, "headers").as_array();
        let found = fields.and_then(|all| all.iter().find(|pair| pair[0] == name));
        found.and_then(|pair| pair[1].as_str()).unwrap_or_default()
    }

    /// The text.
    pub fn text(&self) -> Result<&str> {
        field(&self.0, "text").as_str().context("a text")
    }

    /// What it met.
    pub fn trouble(&self) -> &str {
        field(&self.0, "trouble").as_str().unwrap_or_default()
    }

    /// Whether it is one well-formed mail to this address alone: in the envelope and in the header, with our fields
    /// once each, no defect found by the parser, and lines as RFC 5322 §2.1.1 and §2.3 have them.
    pub fn must_be_one_mail_to(&self, address: &str) -> Result<()> {
        let mail = &self.0;
        ensure!(*list(mail, "to")? == [Value::from(address)], "{mail}");
        ensure!(
            *list(mail, "addresses")? == [Value::from(address)],
            "{mail}"
        );
        let mut names: Vec<&str> = list(mail, "headers")?
            .iter()
            .filter_map(|pair| pair[0].as_str())
            .collect();
        names.sort_unstable();
        ensure!(names == FIELDS, "{names:?}: {mail}");
        ensure!(list(mail, "defects")?.is_empty(), "{mail}");
        ensure!(field(mail, "bare") == 0, "a CR or LF alone: {mail}");
        let longest = field(mail, "longest").as_i64();
        ensure!(longest.is_some_and(|octets| octets <= 998), "{mail}");
        ensure!(field(mail, "ascii_head") == true, "{mail}");
        ensure!(field(mail, "tls") == true, "{mail}");
        Ok(())
    }
}

/// Puts a password into the file from which the mail server's password is read.
pub fn write_password(folder: &Path, password: &str) -> Result<()> {
    let file = folder.join("mail-password");
    let _ = fs::remove_file(&file);
    fs::write(&file, format!("{password}\n"))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400))?;
    Ok(())
}

/// Names the mail server in the configuration.
fn configure(served: &Served, port: u16) -> Result<()> {
    let text = fs::read_to_string(served.config())?;
    let settings = format!(
        "{text}\n[mail]\nserver = \"localhost\"\nport = {port}\nuser = \"{USER}\"\n\
         password_file = \"mail-password\"\nca_file = \"mail.pem\"\n"
    );
    fs::write(served.config(), settings)?;
    Ok(())
}
