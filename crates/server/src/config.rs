//! The configuration file: TOML, every key with a safe default, an unknown key stops the start.
//!
//! A mistake is told in one line that names the file, the key and the remedy. The numbers of the
//! certificate policy come from a profile (N2); `[policy]` overrides single values of it.

mod file;
mod keys;
mod mail;
mod overlay;
mod relying;
mod starter;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tegata_app::{Addresses, RelyingSystems};
use tegata_domain::policy::Policy;
use toml::{Table, Value};

use crate::failure::{Failure, Outcome};

use self::file::File;
pub(crate) use self::keys::reference;
pub(crate) use self::mail::{Mail, MailServer, Security};
pub(crate) use self::starter::starter;

/// Everything that the program is told by its operator.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// The file that it was read from.
    pub(crate) file: PathBuf,
    /// The profile that the policy begins with.
    pub(crate) profile: Profile,
    /// Folder of the database file and of the encrypted CA key files.
    pub(crate) data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`.
    pub(crate) database: String,
    /// Where the key-encryption key is read from (K8).
    pub(crate) kek_file: PathBuf,
    /// Socket addresses.
    pub(crate) listen: Listen,
    /// Proxies that stand before the listeners.
    pub(crate) proxies: Vec<IpAddr>,
    /// Host names.
    pub(crate) names: Names,
    /// Logging.
    pub(crate) log: Log,
    /// Mails.
    pub(crate) mail: Mail,
    /// Relying systems that may ask about every certificate.
    pub(crate) relying: RelyingSystems,
    /// The same as the file has them, for `config show`.
    pub(crate) relying_entries: Vec<String>,
    /// The profile with the overrides of `[policy]`.
    pub(crate) policy: Policy,
    /// Folder of the MPKI client's release.
    pub(crate) client_folder: Option<PathBuf>,
    /// The policy as TOML, for `config show`.
    pub(crate) policy_table: Table,
}

/// A set of rules to begin with (N2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// What a new operator should use.
    Default,
    /// The manual's service, as a sample.
    Obn,
}

impl Profile {
    /// Its name in the configuration.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Obn => "obn",
        }
    }

    /// Its TOML.
    const fn source(self) -> &'static str {
        match self {
            Self::Default => tegata_domain::policy::DEFAULT,
            Self::Obn => tegata_domain::policy::OBN,
        }
    }
}

/// Socket addresses of the listeners (W1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listen {
    /// TLS without client certificates.
    pub(crate) public: SocketAddr,
    /// TLS that asks for a client certificate.
    pub(crate) subscriber: SocketAddr,
    /// TLS for operators.
    pub(crate) console: SocketAddr,
    /// Plain HTTP: CRL, OCSP and CA certificates.
    pub(crate) plain: SocketAddr,
    /// The API of relying systems: TLS that asks for a client certificate.
    pub(crate) relying: Option<SocketAddr>,
    /// Plain HTTP: figures for a monitoring system.
    pub(crate) metrics: Option<SocketAddr>,
}

/// Host names of the listeners and the addresses made of them.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The public listener's name.
    pub(crate) public: String,
    /// The subscriber listener's names, the main one first.
    pub(crate) subscriber: Vec<String>,
    /// The console's name.
    pub(crate) console: String,
    /// The name of the API of relying systems.
    pub(crate) relying: String,
    /// The address of that API.
    pub(crate) relying_address: String,
    /// The console's address: scheme, name and port.
    pub(crate) console_address: String,
    /// Port in the public site's addresses.
    pub(crate) public_port: u16,
    /// Port in the subscribers' site's addresses.
    pub(crate) subscriber_port: u16,
    /// Port in the console's address.
    pub(crate) console_port: u16,
    /// Domains for which the TLS CA may certify (K7).
    pub(crate) tls_domains: Vec<String>,
    /// The addresses that stand in pages and certificates.
    pub(crate) addresses: Addresses,
}

impl Names {
    /// Every name that needs a TLS certificate, each once.
    pub(crate) fn of_tls(&self) -> Vec<String> {
        let mut names = vec![self.public.clone()];
        for name in self.subscriber.iter().chain([&self.console, &self.relying]) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// How the log is written to stderr.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    /// Text for people or JSON for machines.
    pub(crate) format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, or directives of `tracing`.
    pub(crate) level: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text.
    Text,
}

impl LogFormat {
    /// Its name in the configuration.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

/// A mistake in the configuration: one line with file, key and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    key: String,
    remedy: String,
}

impl Mistake {
    fn new(key: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            remedy: remedy.into(),
        }
    }

    /// The line that the operator reads.
    fn line(&self, file: &Path) -> String {
        format!("{}: {}: {}", file.display(), self.key, self.remedy)
    }
}

impl Config {
    /// Reads and checks `file`.
    pub(crate) fn load(file: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let remedy =
                "name the file with --config, or make one with `tegata init --config FILE`";
            Failure::machine(format!("read {}", file.display()), error, remedy)
        })?;
        Self::parse(file, &text).map_err(|mistake| Failure::told(mistake.line(file)))
    }

    /// Reads the text of `file`; relative paths are meant from the folder of `file`.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Mistake> {
        let table = parse_toml(text)?;
        keys::check(&table)?;
        let profile = Profile::of(&table);
        let (policy, policy_table) = overlay::policy(profile.source(), table.get("policy"))?;
        let raw: File = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| Mistake::new("the file", error.message()))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let data_dir = folder.join(&raw.data_dir);
        let listen = raw.listen.checked()?;
        let (relying, relying_entries) = raw.relying.checked(listen.relying.is_some())?;
        let database = match &raw.database {
            None => format!("sqlite:{}", data_dir.join("tegata.db").display()),
            Some(text) => database(folder, text)?,
        };
        Ok(Self {
            file: file.to_owned(),
            profile,
            database,
            kek_file: folder.join(&raw.kek_file),
            names: raw.names.checked(&listen)?,
            listen,
            proxies: raw.listen.proxies()?,
            log: Log {
                format: raw.log.format,
                level: raw.log.level,
            },
            mail: raw.mail.checked(folder)?,
            relying,
            relying_entries,
            client_folder: raw.client.folder.map(|client| folder.join(client)),
            policy,
            policy_table,
            data_dir,
        })
    }

    /// Whether the database is one file of this machine; its path then.
    pub(crate) fn sqlite_file(&self) -> Option<&Path> {
        self.database.strip_prefix("sqlite:").map(Path::new)
    }
}

fn parse_toml(text: &str) -> Result<Table, Mistake> {
    text.parse::<Table>().map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
        Mistake::new(format!("line {line}"), error.message().replace('\n', " "))
    })
}

fn database(folder: &Path, text: &str) -> Result<String, Mistake> {
    if let Some(path) = text.strip_prefix("sqlite:")
        && !path.is_empty()
    {
        return Ok(format!("sqlite:{}", folder.join(path).display()));
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(
        "database",
        "write \"sqlite:PATH\" or \"postgres://USER@HOST/NAME\"",
    ))
}

impl Profile {
    fn of(table: &Table) -> Self {
        match table.get("profile").and_then(Value::as_str) {
            Some("obn") => Self::Obn,
            _ => Self::Default,
        }
    }
}

#[cfg(test)]
mod tests;
