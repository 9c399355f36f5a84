//! An installation made by `tegata init` and run by `tegata serve`, on one of the two databases.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::database::{Database, Kind};
use crate::http::Curl;
use crate::json::{field, text};
use crate::openssl;
use crate::ports;
use crate::process::Process;
use crate::staff::Staff;
use crate::tools::{Ran, command, run, server_binary, set_clock_by};

/// What the letter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// リクエストID.
    pub request_id: String,
    /// リファレンスID.
    pub reference_id: String,
}

/// An installation and its server. Dropping it kills the server and removes everything.
#[derive(Debug)]
pub struct Served {
    server: Option<Process>,
    /// The database.
    pub database: Database,
    /// The operators.
    pub staff: Staff,
    /// Address of the public site.
    pub public: String,
    /// Addresses of the subscribers' site, the main one first.
    pub subscriber: Vec<String>,
    /// Address of the console.
    pub console: String,
    /// Address of the plain listener.
    pub plain: String,
    config: PathBuf,
    /// Seconds by which the clock of everything of ours is ahead of the machine's.
    ahead: u64,
    folder: TempDir,
}

impl Served {
    /// Makes an installation with the profile `obn`; nothing is started yet.
    pub fn init(kind: Kind) -> Result<Self> {
        Self::init_as(
            kind,
            "obn",
            ["localhost", "localhost"],
            &["--accept-online-root"],
            None,
        )
    }

    /// Makes an installation with the profile `obn` on SQLite. Its data goes to this folder of another
    /// disk; its configuration, its key-encryption key and what its operators write down do not.
    pub fn init_on(data: &Path) -> Result<Self> {
        Self::init_as(
            Kind::Sqlite,
            "obn",
            ["localhost", "localhost"],
            &["--accept-online-root"],
            Some(data),
        )
    }

    /// Makes an installation with the profile `default`: its root is offline. Each of its sites has a
    /// name of its own.
    pub fn init_default(kind: Kind) -> Result<Self> {
        let medium = tempfile::tempdir()?;
        let offline = medium.path().display().to_string();
        let names = ["ca.localhost", "ru.localhost"];
        Self::init_as(kind, "default", names, &["--offline-dir", &offline], None)
    }

    fn init_as(
        kind: Kind,
        profile: &str,
        names: [&str; 2],
        how: &[&str],
        data: Option<&Path>,
    ) -> Result<Self> {
        let [public_name, main_name] = names;
        let folder = tempfile::Builder::new().prefix("tegata-system").tempdir()?;
        let database = Database::make(kind, data.unwrap_or(folder.path()))?;
        let public = ports::row(4)?;
        let (subscriber, plain, console) = (public + 1, public + 2, public + 3);
        let config = folder.path().join("tegata.toml");
        let data_dir = data.map(|data| format!("data_dir = \"{}\"\n", data.display()));
        let data_dir = data_dir.unwrap_or_default();
        let text = format!(
            "profile = \"{profile}\"\ndatabase = \"{}\"\n{data_dir}\
             [listen]\npublic = \"127.0.0.1:{public}\"\nsubscriber = \"127.0.0.1:{subscriber}\"\n\
             plain = \"127.0.0.1:{plain}\"\nconsole = \"127.0.0.1:{console}\"\n\
             [names]\npublic = \"{public_name}\"\n\
             subscriber = [\"{main_name}\", \"r1.localhost\"]\n",
            database.url()?
        );
        fs::write(&config, text)?;
        let served = Self {
            server: None,
            database,
            staff: Staff::new(folder.path()),
            public: format!("https://{public_name}:{public}"),
            subscriber: vec![
                format!("https://{main_name}:{subscriber}"),
                format!("https://r1.localhost:{subscriber}"),
            ],
            console: format!("https://{public_name}:{console}"),
            plain: format!("http://{public_name}:{plain}"),
            config,
            ahead: 0,
            folder,
        };
        let init = ["init", "--non-interactive", "--json"];
        let init: Vec<_> = init.iter().chain(how).copied().collect();
        served.json(&init)?;
        Ok(served)
    }

    /// Makes an installation and starts it.
    pub fn start(kind: Kind) -> Result<Self> {
        let mut served = Self::init(kind)?;
        served.begin()?;
        Ok(served)
    }

    /// Starts an installation for the first time.
    pub fn begin(&mut self) -> Result<()> {
        let command = self.command(&["serve"])?;
        self.begin_by(command)
    }

    /// The same by this command, which is [`Served::command`] with what a test adds to it.
    pub fn begin_by(&mut self, command: Command) -> Result<()> {
        self.serve_by(command)?;
        self.keep_certificates()
    }

    /// Starts the server and waits until it is ready.
    pub fn serve(&mut self) -> Result<()> {
        self.serve_armed(None)
    }

    /// Starts the server with a failpoint armed.
    pub fn serve_armed(&mut self, failpoint: Option<&str>) -> Result<()> {
        let mut command = self.command(&["serve"])?;
        if let Some(name) = failpoint {
            command.env("TEGATA_FAILPOINT", name);
        }
        self.serve_by(command)
    }

    /// Starts the server by this command, which is [`Served::command`] with what a test adds to it.
    pub fn serve_by(&mut self, mut command: Command) -> Result<()> {
        let mut server = Process::start(&mut command)?;
        server.wait_for(|line| line.starts_with("ready: "))?;
        self.server = Some(server);
        Ok(())
    }

    /// The running server.
    pub fn server(&mut self) -> Result<&mut Process> {
        self.server.as_mut().context("the server runs")
    }

    /// Ends the server as an operator does, and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        let mut server = self.server.take().context("the server runs")?;
        let status = server.stop()?;
        ensure!(
            status.success(),
            "it ended with {status}: {}",
            server.said()
        );
        self.serve()
    }

    /// The folder of this installation.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Adds lines to the configuration.
    pub fn configure(&self, lines: &str) -> Result<()> {
        let mut config = OpenOptions::new().append(true).open(&self.config)?;
        Ok(config.write_all(lines.as_bytes())?)
    }

    /// The PEM file of the CA behind our TLS certificates.
    pub fn tls_ca(&self) -> PathBuf {
        self.folder().join("tls-ca.pem")
    }

    /// The PEM file of the CA of the subscribers.
    pub fn subscriber_ca(&self) -> PathBuf {
        self.folder().join("subscriber-ca.pem")
    }

    /// Fetches the CA certificates from the plain listener, as everybody may.
    fn keep_certificates(&self) -> Result<()> {
        for (purpose, file) in [("tls", self.tls_ca()), ("subscriber", self.subscriber_ca())] {
            let id = self.ca_key(purpose)?;
            let answer = Curl::default().get(&format!("{}/ca/{id}.cer", self.plain))?;
            ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
            openssl::write_pem(&answer.body, &file)?;
        }
        Ok(())
    }

    /// The id of the CA key with this purpose.
    pub fn ca_key(&self, purpose: &str) -> Result<String> {
        let keys = self.json(&["ca", "list", "--json"])?;
        let mut keys = keys.as_array().context("a list")?.iter();
        let key = keys.find(|key| field(key, "purpose") == purpose);
        let id = key.and_then(|key| field(key, "id").as_str());
        Ok(id
            .with_context(|| format!("no CA key for {purpose}"))?
            .to_owned())
    }

    /// A client that trusts our TLS certificates.
    pub fn curl(&self) -> Curl {
        Curl::trusting(&self.tls_ca())
    }

    /// A browser with a cookie jar of this name.
    pub fn browser(&self, name: &str) -> Browser {
        Browser::new(
            &self.tls_ca(),
            &self.folder().join(format!("{name}.cookies")),
        )
    }

    /// The command `tegata … --config FILE`.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = command(server_binary()?, arguments);
        command.arg("--config").arg(&self.config);
        self.wind(&mut command)?;
        Ok(command)
    }

    /// Lets a program live by the clock of this installation.
    pub fn wind(&self, command: &mut Command) -> Result<()> {
        if self.ahead > 0 {
            set_clock_by(command, i64::try_from(self.ahead)?)?;
        }
        Ok(())
    }

    /// Sets the clock of this installation, its servers, its commands and its operators' authenticators, so many
    /// seconds ahead of the machine's.
    pub fn set_clock_by(&mut self, ahead: u64) {
        self.ahead = ahead;
        self.staff.set_clock_by(ahead);
    }

    /// Runs `tegata …` to its end.
    pub fn cli(&self, arguments: &[&str]) -> Result<Ran> {
        run(&mut self.command(arguments)?)
    }

    /// Runs `tegata …`, which must succeed and print JSON.
    pub fn json(&self, arguments: &[&str]) -> Result<Value> {
        read_json(self.cli(arguments)?, arguments)
    }

    /// Runs an act of somebody with this role; the answer is JSON.
    pub fn act(&mut self, role: &str, arguments: &[&str]) -> Result<Value> {
        let ran = self.try_act(role, arguments)?;
        read_json(ran, arguments)
    }

    /// Runs an act of somebody with this role, however it ends.
    pub fn try_act(&mut self, role: &str, arguments: &[&str]) -> Result<Ran> {
        let (binary, config) = (server_binary()?, self.config.clone());
        let add = |arguments: &[&str]| {
            let mut command = command(&binary, arguments);
            read_json(run(command.arg("--config").arg(&config))?, arguments)
        };
        let proof = self.staff.proof(role, add)?;
        self.with_proof(arguments, &proof)
    }

    /// Runs an act of two persons with this role: the first proposes, another confirms. The answer of the
    /// second is JSON.
    pub fn act_of_two(&mut self, role: &str, arguments: &[&str]) -> Result<Value> {
        let (binary, config) = (server_binary()?, self.config.clone());
        let add = |arguments: &[&str]| {
            let mut command = command(&binary, arguments);
            read_json(run(command.arg("--config").arg(&config))?, arguments)
        };
        let (first, proof) = self.staff.proof_of_other(role, "", add)?;
        read_json(self.with_proof(arguments, &proof)?, arguments)?;
        let (_, proof) = self.staff.proof_of_other(role, &first, add)?;
        read_json(self.with_proof(arguments, &proof)?, arguments)
    }

    /// Runs an act of this very person, however it ends.
    pub fn try_act_of(&mut self, name: &str, arguments: &[&str]) -> Result<Ran> {
        let proof = self.staff.proof_of(name)?;
        self.with_proof(arguments, &proof)
    }

    /// Runs an act of this very person; the answer is JSON.
    pub fn json_of(&mut self, name: &str, arguments: &[&str]) -> Result<Value> {
        let ran = self.try_act_of(name, arguments)?;
        read_json(ran, arguments)
    }

    /// A new operator with this role, or with several: `examiner approver`.
    pub fn hire(&mut self, role: &str) -> Result<String> {
        let (binary, config) = (server_binary()?, self.config.clone());
        self.staff.hire(role, |arguments| {
            let mut command = command(&binary, arguments);
            read_json(run(command.arg("--config").arg(&config))?, arguments)
        })
    }

    fn with_proof(&self, arguments: &[&str], proof: &[String]) -> Result<Ran> {
        run(self.command(arguments)?.args(proof).arg("--json"))
    }

    /// Registers an example institution.
    pub fn add_institution(&self, code: &str, name: &str) -> Result<()> {
        self.json(&[
            "institution",
            "add",
            "--class",
            "medical",
            "--code",
            code,
            "--name",
            name,
            "--postal-code",
            "060-0001",
            "--address",
            "北海道札幌市中央区見本1-1",
            "--telephone",
            "000-000-0000",
            "--json",
        ])?;
        Ok(())
    }

    /// From application to posted letter, by as many persons as it takes.
    pub fn grant(&mut self, code: &str, terminal: &str) -> Result<Letter> {
        let letter = self.print_letter(code, terminal)?;
        self.act("dispatcher", &["grant", "post", &letter.request_id])?;
        Ok(letter)
    }

    /// From application to printed letter, which is not posted yet.
    pub fn print_letter(&mut self, code: &str, terminal: &str) -> Result<Letter> {
        let mail = "uketsuke@clinic.example";
        let entered = self.act(
            "intake",
            &[
                "grant",
                "enter",
                "--class",
                "medical",
                "--code",
                code,
                "--terminal",
                terminal,
                "--mail",
                mail,
            ],
        )?;
        let application = text(&entered, "application")?.to_owned();
        self.act("examiner", &["grant", "examine", &application])?;
        let grant = self.act("approver", &["grant", "approve", &application])?;
        let request_id = text(&grant, "request_id")?.to_owned();
        let letter = self.act_of_two("dispatcher", &["grant", "letter", &request_id])?;
        let reference_id = text(&letter, "reference_id")?.to_owned();
        Ok(Letter {
            request_id,
            reference_id,
        })
    }
}

fn read_json(ran: Ran, arguments: &[&str]) -> Result<Value> {
    let what = || format!("tegata {}", arguments.join(" "));
    let ran = ran.good().with_context(what)?;
    serde_json::from_slice(&ran.stdout).with_context(|| format!("{}: {}", what(), ran.text()))
}
