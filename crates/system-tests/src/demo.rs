//! `tegata demo`: started, read, moved in time, started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::http::{Answer, Curl};
use crate::json::{field, list, text};
use crate::openssl::{self, Holder};
use crate::ports;
use crate::process::Process;
use crate::served::Letter;
use crate::staff::Person;
use crate::tools::{self, Ran, command, eventually, run, server_binary};

/// Ports that a demo takes, from its base.
const PORTS: u16 = 10;

/// A running demo. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub struct Demo {
    server: Process,
    port_base: u16,
    /// `demo.json`.
    pub told: Value,
    folder: TempDir,
}

/// A sample of `demo.json`.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Its IDs.
    pub letter: Letter,
    /// Everything that `demo.json` says about it.
    pub told: Value,
}

impl Demo {
    /// Starts a demo in a fresh folder and waits until it is ready.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tegata-demo").tempdir()?;
        let port_base = ports::row(PORTS)?;
        let (server, told) = launch(&folder.path().join("demo"), port_base, arguments)?;
        Ok(Self {
            server,
            port_base,
            told,
            folder,
        })
    }

    /// Ends the demo and starts it again in the same folder.
    pub fn restart(&mut self) -> Result<()> {
        self.restart_with(&[])
    }

    /// The same with these arguments.
    pub fn restart_with(&mut self, arguments: &[&str]) -> Result<()> {
        let status = self.server.stop()?;
        ensure!(
            status.success(),
            "it ended with {status}: {}",
            self.server.said()
        );
        (self.server, self.told) = launch(&self.data(), self.port_base, arguments)?;
        Ok(())
    }

    /// Ends the demo and starts it again on a machine whose own clock is so many days ahead: also what it says outside
    /// of the product's code, as in `Date`, is of that day.
    pub fn restart_ahead(&mut self, days: i64) -> Result<()> {
        self.restart_ahead_by(days * tools::DAY)
    }

    /// The same, so many seconds ahead.
    pub fn restart_ahead_by(&mut self, ahead: i64) -> Result<()> {
        let status = self.server.stop()?;
        ensure!(status.success(), "it ended with {status}");
        let mut command = demo_command(&self.data(), self.port_base, &[])?;
        tools::set_clock_by(&mut command, ahead)?;
        (self.server, self.told) = wait_until_ready(&mut command)?;
        Ok(())
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// A folder for what the test makes.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The port from which the demo's ports count.
    pub fn port_base(&self) -> u16 {
        self.port_base
    }

    /// The running program.
    pub fn server(&mut self) -> &mut Process {
        &mut self.server
    }

    /// A text of `demo.json`.
    pub fn text(&self, key: &str) -> Result<&str> {
        text(&self.told, key)
    }

    /// What `demo.json` says of the samples in this state.
    pub fn told_samples(&self, state: &str) -> Result<Vec<&Value>> {
        let samples = list(&self.told, "samples")?;
        let of_state = samples
            .iter()
            .filter(|sample| field(sample, "state") == state);
        Ok(of_state.collect())
    }

    /// The samples in this state, which must be one that has a letter.
    pub fn samples(&self, state: &str) -> Result<Vec<Sample>> {
        self.told_samples(state)?
            .into_iter()
            .map(|told| {
                let letter = Letter {
                    request_id: text(told, "request_id")?.to_owned(),
                    reference_id: text(told, "reference_id")?.to_owned(),
                };
                Ok(Sample {
                    letter,
                    told: told.clone(),
                })
            })
            .collect()
    }

    /// The first sample in this state.
    pub fn sample(&self, state: &str) -> Result<Sample> {
        let mut samples = self.samples(state)?.into_iter();
        samples
            .next()
            .with_context(|| format!("demo.json has a sample {state}"))
    }

    /// The certificate and key of a sample.
    pub fn holder(&self, sample: &Sample) -> Result<Holder> {
        let file = fs::read(text(&sample.told, "p12")?)?;
        let password = text(&sample.told, "p12_password")?;
        openssl::open_p12(&file, password, self.folder(), &sample.letter.request_id)
    }

    /// The CA of the subscribers.
    pub fn subscriber_ca(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(self.text("ca_pem")?))
    }

    /// A client that trusts the demo's TLS certificates.
    pub fn curl(&self) -> Result<Curl> {
        Ok(Curl::trusting(Path::new(self.text("tls_ca_pem")?)))
    }

    /// A browser with a cookie jar of this name.
    pub fn browser(&self, name: &str) -> Result<Browser> {
        let jar = self.folder().join(format!("{name}.cookies"));
        Ok(Browser::new(Path::new(self.text("tls_ca_pem")?), &jar))
    }

    /// Moves the clock, with the token in this header field if there is one.
    pub fn move_clock(&self, days: i64, token: Option<&str>) -> Result<Answer> {
        let mut curl = Curl::default();
        if let Some(token) = token {
            curl = curl.header(&format!("Authorization: Bearer {token}"));
        }
        let body = format!("{{\"advance_days\": {days}}}");
        let url = format!("{}/clock", self.clock_page()?);
        curl.post(&url, "application/json", body.as_bytes())
    }

    /// The address of the clock's page: the mail port.
    pub fn clock_page(&self) -> Result<&str> {
        self.text("clock")
    }

    /// The mails that the demo took in, newest first.
    pub fn mails(&self) -> Result<Vec<Value>> {
        let url = format!("{}/mails.json", self.text("mail")?);
        let answer = Curl::default().get(&url)?;
        serde_json::from_slice(&answer.body).context("a list of mails")
    }

    /// The text of a mail with this subject to this address, once it is there.
    pub fn mail(&self, to: &str, subject: &str) -> Result<String> {
        eventually(&format!("a mail 「{subject}」 to {to}"), || {
            let mails = self.mails()?;
            let found = mails.iter().find(|mail| {
                let addressed = field(mail, "to").to_string();
                addressed.contains(to) && field(mail, "subject") == subject
            });
            found
                .map(|mail| Ok(text(mail, "text")?.to_owned()))
                .transpose()
        })
    }

    /// Runs `tegata …` on the demo's folder, however it ends.
    pub fn cli(&self, arguments: &[&str]) -> Result<Ran> {
        let mut command = command(server_binary()?, arguments);
        run(command.arg("--config").arg(self.data().join("tegata.toml")))
    }

    /// The operators with this role.
    pub fn people(&self, role: &str) -> Result<Vec<Person>> {
        let people = list(&self.told, "operators")?;
        let of_role = people.iter().filter(|person| field(person, "role") == role);
        of_role
            .map(|person| {
                let (name, password) = (text(person, "name")?, text(person, "password")?);
                let secret = text(person, "totp_secret")?;
                Person::new(self.folder(), name, role, password, secret)
            })
            .collect()
    }

    /// Runs an act of this person, however it ends.
    pub fn act(&self, person: &mut Person, arguments: &[&str]) -> Result<Ran> {
        let proof = person.proof().context("a one-time code")?;
        let all = arguments
            .iter()
            .copied()
            .chain(proof.iter().map(String::as_str));
        self.cli(&all.collect::<Vec<_>>())
    }
}

/// The command `tegata demo` for this folder.
pub fn demo_command(data: &Path, port_base: u16, arguments: &[&str]) -> Result<Command> {
    let mut command = command(server_binary()?, ["demo", "--data"]);
    command
        .arg(data)
        .arg("--port-base")
        .arg(port_base.to_string());
    command.args(arguments);
    Ok(command)
}

fn launch(data: &Path, port_base: u16, arguments: &[&str]) -> Result<(Process, Value)> {
    wait_until_ready(&mut demo_command(data, port_base, arguments)?)
}

fn wait_until_ready(command: &mut Command) -> Result<(Process, Value)> {
    let mut server = Process::start(command)?;
    let line = server.wait_for(|line| line.starts_with("ready: "))?;
    let path = line.trim_start_matches("ready: ").trim();
    let told = fs::read(path).with_context(|| format!("read {path}"))?;
    Ok((server, serde_json::from_slice(&told).context("demo.json")?))
}
