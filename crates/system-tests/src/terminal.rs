//! A terminal with the client's command line: its folder, its clock, what it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::http::Curl;
use crate::openssl::{self, Holder};
use crate::tools::{DAY, Ran, client_binary, command, run, set_clock_by};

/// 証明書パスワード, as the manual allows it.
pub const PASSWORD: &str = "2468";

const PROXY_VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"];

/// A terminal. Its certificates are PKCS#12 files in a folder.
#[derive(Debug)]
pub struct Terminal {
    folder: PathBuf,
    ahead: i64,
    proxy: Option<String>,
    key_log: Option<PathBuf>,
    nss: Option<PathBuf>,
}

impl Terminal {
    /// With an operator's pack for the subscriber listener at this address; `more` is TOML for its end. The pack names no
    /// root: the 接続確認コード must prove it (W6).
    pub fn new(folder: &Path, subscriber: &str, more: &str) -> Result<Self> {
        fs::create_dir_all(folder.join("backups"))?;
        let server = subscriber.strip_prefix("https://");
        let server = server.context("an https address")?;
        let pack = format!(
            "ca_name = \"見本認証局\"\nserver = \"{server}\"\nhelp_desk = [\"見本ヘルプデスク\"]\n\
             [backup]\nmin_password = 4\n{more}"
        );
        fs::write(folder.join("client.toml"), pack)?;
        fs::write(folder.join("password"), PASSWORD)?;
        Ok(Self {
            folder: folder.to_owned(),
            ahead: 0,
            proxy: None,
            key_log: None,
            nss: None,
        })
    }

    /// Sets this terminal's clock so many days ahead of the machine's.
    pub fn set_clock(&mut self, days_ahead: i64) {
        self.ahead = days_ahead * DAY;
    }

    /// The same, so many seconds ahead.
    pub fn set_clock_by(&mut self, ahead: i64) {
        self.ahead = ahead;
    }

    /// Lets every connection go through this proxy, and keeps the secrets of its TLS in `key_log` (NSS key log format).
    pub fn go_through(&mut self, proxy: &str, key_log: &Path) {
        self.proxy = Some(proxy.to_owned());
        self.key_log = Some(key_log.to_owned());
    }

    /// Keeps the certificates in this NSS database too.
    pub fn keep_in_nss(&mut self, database: &Path) {
        self.nss = Some(database.to_owned());
    }

    /// Runs `tegata-client …` to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let ran = run(&mut self.command(arguments)?)?;
        eprintln!(
            "tegata-client {}: {}\n{}",
            arguments.join(" "),
            ran.status,
            ran.all().trim_end()
        );
        Ok(ran)
    }

    /// The command `tegata-client …`, for what is special.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = command(client_binary()?, ["--pack"]);
        command.arg(self.folder.join("client.toml"));
        command.arg("--state").arg(self.state());
        if let Some(database) = &self.nss {
            command.arg("--nss").arg(database);
        }
        command.args(arguments);
        for variable in PROXY_VARIABLES {
            command.env_remove(variable);
        }
        if let Some(proxy) = &self.proxy {
            command.env("https_proxy", proxy);
        }
        if let Some(file) = &self.key_log {
            command.env("SSLKEYLOGFILE", file);
        }
        if self.ahead != 0 {
            set_clock_by(&mut command, self.ahead)?;
        }
        Ok(command)
    }

    /// Writes a secret into a file of this terminal, and answers its place.
    pub fn secret_file(&self, name: &str, secret: &str) -> Result<String> {
        let file = self.folder.join(name);
        fs::write(&file, secret)?;
        Ok(file.display().to_string())
    }

    /// The rows of `list --json`.
    pub fn list(&self) -> Result<Vec<Value>> {
        let ran = self.run(&["list", "--json"])?.good()?;
        let rows = ran.text();
        let rows = rows.lines().map(serde_json::from_str);
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What `renew` and `backup` are told of the backup.
    pub fn backup_options(&self) -> [String; 4] {
        let place = |name: &str| self.folder.join(name).display().to_string();
        let [backup, password] = ["--backup", "--password-file"].map(str::to_owned);
        [backup, place("backups"), password, place("password")]
    }

    /// SHA-256 of the certificates in the store, by its files.
    pub fn stored(&self) -> Result<Vec<String>> {
        let mut found = names_ending(&self.state().join("certificates"), ".p12")?;
        found.sort();
        Ok(found)
    }

    /// Procedures that are not done.
    pub fn pending(&self) -> Result<Vec<String>> {
        let mut found = names_ending(&self.state(), ".json")?;
        found.retain(|name| name.starts_with("pending-"));
        Ok(found)
    }

    /// A certificate of the store, as openssl opens its file with the store's password.
    pub fn holder(&self, certificate: &str) -> Result<Holder> {
        let state = self.state();
        let password = fs::read_to_string(state.join("store.password"))?;
        let file = fs::read(state.join(format!("certificates/{certificate}.p12")))?;
        openssl::open_p12(&file, password.trim_end(), &self.folder, certificate)
    }

    /// The backup of this リクエストID, as openssl opens it with the person's password.
    pub fn backup(&self, request_id: &str) -> Result<Holder> {
        let place = self.folder.join(format!("backups/{request_id}.p12"));
        let file = fs::read(&place).with_context(|| format!("read {}", place.display()))?;
        openssl::open_p12(&file, PASSWORD, &self.folder, &format!("b{request_id}"))
    }

    /// This curl with a certificate: the installed file itself, opened with the store's password.
    pub fn presenting(&self, curl: Curl, certificate: &str) -> Result<Curl> {
        let state = self.state();
        let password = fs::read_to_string(state.join("store.password"))?;
        let file = state.join(format!("certificates/{certificate}.p12"));
        ensure!(file.is_file(), "no {}", file.display());
        let both = format!("{}:{}", file.display(), password.trim_end());
        Ok(curl.with("--cert-type", "P12").with("--cert", both))
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The log.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.state().join("client.log"))?)
    }
}

/// File names with this ending, without it.
fn names_ending(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        found.extend(name.strip_suffix(ending).map(str::to_owned));
    }
    Ok(found)
}
