//! Settings: what the operator packs beside the program, and what the person at the terminal changes.
//!
//! The **pack** (`client.toml`, written by `tegata client pack` into the signed MSI) says which server, which root and
//! which rules; nobody at the terminal edits it. The **preferences** (`settings.toml` in the client's own folder) are
//! what the settings window writes. Both are TOML; every key has a default that is safe, and an unknown key is an
//! error that names it.

use serde::{Deserialize, Serialize};
use tegata_domain::policy::NoticeDays;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::KeyAlgorithm;

use crate::pem;
use crate::ports::{FileError, Files, Server};

/// The file of the preferences.
pub const PREFERENCES: &str = "settings.toml";
/// The sealed password for the proxy.
pub const PROXY_PASSWORD: &str = "proxy-password.sealed";
/// Purpose under which it is sealed.
pub const PROXY_PASSWORD_PURPOSE: &str = "tegata-client proxy password";

const HTTPS: u16 = 443;

/// What the operator packs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Short name of the authority, as sentences use it.
    pub ca_name: String,
    /// The subscriber listener, `host` or `host:port`. The installer and the settings window can name another.
    #[serde(default)]
    pub server: String,
    /// Where a browser finds the procedures, `https://…`; empty: no links.
    #[serde(default)]
    pub site: String,
    /// Whom to call: name, telephone, hours, a line each.
    #[serde(default)]
    pub help_desk: Vec<String>,
    /// The TLS root, one PEM block. Empty: the 接続確認コード is asked for (W6).
    #[serde(default)]
    pub root: String,
    /// Subscriber CAs, PEM blocks; more are learnt from the server.
    #[serde(default)]
    pub issuers: String,
    /// Keys.
    #[serde(default)]
    pub key: KeySettings,
    /// Backups.
    #[serde(default)]
    pub backup: BackupSettings,
    /// Notices.
    #[serde(default)]
    pub notices: NoticeSettings,
    /// Renewal without a person; absent: none.
    #[serde(default)]
    pub unattended: Option<Unattended>,
    /// Newer versions of the program; absent: none are looked for.
    #[serde(default)]
    pub update: Option<UpdateSettings>,
    /// The proxy, unless the person says another.
    #[serde(default)]
    pub proxy: ProxySettings,
    /// What browsers of this terminal are told, where the program is installed for all users.
    #[serde(default)]
    pub browser: BrowserSettings,
}

/// Where browsers choose the certificate by themselves (P-31).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BrowserSettings {
    /// The relying systems, `host` or `host:port`, exactly; never the subscribers' site.
    pub hosts: Vec<String>,
}

/// Which key a terminal makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeySettings {
    /// Where.
    pub policy: KeyPolicy,
    /// `rsa2048` or `p256`, used where the server names none.
    pub algorithm: String,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            policy: KeyPolicy::Software,
            algorithm: "rsa2048".to_owned(),
        }
    }
}

/// Where a key is made (issue on the client; P-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPolicy {
    /// In the system's own store; a backup is offered.
    Software,
    /// In the module of the machine where there is one, and then without a backup; else as `software`.
    Tpm,
}

/// The rules for backups (K4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSettings {
    /// Shortest password.
    pub min_password: usize,
    /// Days for which a key that waits for its backup is kept, sealed; then it is erased.
    pub keep_days: i64,
    /// Rounds of each layer of the file.
    pub iterations: u32,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            min_password: 12,
            keep_days: 7,
            iterations: 10_000,
        }
    }
}

/// Days of notices that the terminal decides by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoticeSettings {
    /// Days left on which there is one; after the end there is one on every day.
    pub days: Vec<i64>,
    /// Hour in Japan from which on it is shown.
    pub hour: i64,
    /// Days before the end from which on a certificate can be renewed (D1).
    pub renewal_days: i64,
    /// Days after the end on which the server is still asked.
    pub days_after: i64,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        Self {
            days: vec![90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0],
            hour: 9,
            renewal_days: 90,
            days_after: 30,
        }
    }
}

impl NoticeSettings {
    /// As `tegata_domain::notice` wants them; channels other than the terminal's are empty.
    pub fn to_days(&self) -> NoticeDays {
        NoticeDays {
            mail: Vec::new(),
            message: Vec::new(),
            message_daily_from: 0,
            terminal: self.days.clone(),
            not_collected: Vec::new(),
            unreachable: 0,
            keep_sent_days: 0,
            hour: self.hour,
        }
    }
}

/// Renewal in a quiet hour (P-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unattended {
    /// Days left from which on.
    pub from_days: i64,
    /// Days left by which every terminal had its day: they are spread over the days between.
    pub until_days: i64,
    /// Hour in Japan from which on.
    pub first_hour: i64,
    /// Hour in Japan before which.
    pub last_hour: i64,
}

/// Where newer versions are announced (F10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateSettings {
    /// Path of the manifest on `server`.
    pub manifest: String,
    /// Ed25519 public keys, hexadecimal; two of them must have signed.
    pub keys: Vec<String>,
}

/// The way out (R-070, P-30).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxySettings {
    /// How it is found.
    pub mode: ProxyMode,
    /// `host:port` for `manual`. In the other modes the proxy that may be given the password: one that only the network
    /// names gets none (T71).
    pub address: String,
    /// Address of the file for `pac`.
    pub pac: String,
    /// Hosts that are reached without it, as Internet Options writes them: `*.example.jp`, `10.*`, `<local>`.
    pub bypass: Vec<String>,
    /// User for Basic and NTLM; the password lies sealed in a file of its own.
    pub user: String,
    /// Windows domain for NTLM.
    pub domain: String,
}

/// How the proxy is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyMode {
    /// None.
    Direct,
    /// `address`.
    Manual,
    /// The file at `pac`.
    Pac,
    /// As the system says.
    #[default]
    System,
}

/// What the person changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Another server than the pack's.
    pub server: Option<String>,
    /// Another proxy than the pack's.
    pub proxy: Option<ProxySettings>,
    /// Whether unattended renewal is wanted where the pack allows it.
    pub unattended: Option<bool>,
}

/// Both, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the operator packed.
    pub pack: Pack,
    /// What the person changed.
    pub preferences: Preferences,
    server: Option<Server>,
    root: Option<Certificate>,
    issuers: Vec<Certificate>,
    relying_hosts: Vec<Server>,
    algorithm: KeyAlgorithm,
}

/// What is wrong with the settings; English, for the log and the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The preferences cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no TOML of this form.
    #[error("{file}: {problem}")]
    Form {
        /// Which file.
        file: &'static str,
        /// What the reader said.
        problem: String,
    },
    /// A value cannot be used.
    #[error("{key}: {problem}")]
    Value {
        /// Which key.
        key: &'static str,
        /// Why not.
        problem: String,
    },
}

impl Settings {
    /// Reads the pack's text and the preferences in the client's folder.
    pub fn load(pack: &str, files: &dyn Files) -> Result<Self, SettingsError> {
        let pack = toml::from_str(pack).map_err(|error| form("client.toml", &error))?;
        let preferences = match files.read(PREFERENCES)? {
            None => Preferences::default(),
            Some(octets) => {
                let text = String::from_utf8(octets).map_err(|error| form(PREFERENCES, &error))?;
                toml::from_str(&text).map_err(|error| form(PREFERENCES, &error))?
            }
        };
        Self::new(pack, preferences)
    }

    /// Checks both.
    pub fn new(pack: Pack, preferences: Preferences) -> Result<Self, SettingsError> {
        let server = preferences.server.as_ref().unwrap_or(&pack.server);
        let server = match server.trim() {
            "" => None,
            text => Some(parse_server(text)?),
        };
        let roots = blocks("root", &pack.root)?;
        if roots.len() > 1 {
            return Err(value("root", "more than one certificate"));
        }
        let issuers = blocks("issuers", &pack.issuers)?;
        let algorithm = pack.key.algorithm.parse();
        let algorithm = algorithm.map_err(|_| value("key.algorithm", "write rsa2048 or p256"))?;
        check_numbers(&pack)?;
        let hosts = pack.browser.hosts.iter();
        let relying_hosts = hosts
            .map(|host| parse_server(host))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            server,
            root: roots.into_iter().next(),
            issuers,
            relying_hosts,
            algorithm,
            pack,
            preferences,
        })
    }

    /// Keeps what the person changed.
    pub fn save(&self, files: &dyn Files) -> Result<(), SettingsError> {
        let text = toml::to_string(&self.preferences).map_err(|error| form(PREFERENCES, &error))?;
        Ok(files.write(PREFERENCES, text.as_bytes())?)
    }

    /// The server; none where nobody named one yet.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// The TLS root of the pack.
    pub fn root(&self) -> Option<&Certificate> {
        self.root.as_ref()
    }

    /// The subscriber CAs of the pack.
    pub fn issuers(&self) -> &[Certificate] {
        &self.issuers
    }

    /// The relying systems for which browsers choose by themselves.
    pub fn relying_hosts(&self) -> &[Server] {
        &self.relying_hosts
    }

    /// The kind of key where the server names none.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The proxy that counts.
    pub fn proxy(&self) -> &ProxySettings {
        self.preferences.proxy.as_ref().unwrap_or(&self.pack.proxy)
    }

    /// Unattended renewal, where pack and person want it.
    pub fn unattended(&self) -> Option<Unattended> {
        let wanted = self.preferences.unattended.unwrap_or(true);
        self.pack.unattended.filter(|_| wanted)
    }
}

/// `host` or `host:port`, as the pack, the installer and the settings window give it.
pub fn parse_server(text: &str) -> Result<Server, SettingsError> {
    let text = text.trim().trim_end_matches('/');
    let text = text.strip_prefix("https://").unwrap_or(text);
    let (host, port) = match text.rsplit_once(':') {
        None => (text, HTTPS),
        Some((host, port)) => {
            let port = port
                .parse()
                .map_err(|_| value("server", "the port is no number"))?;
            (host, port)
        }
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if host.is_empty() || host.len() > 253 || !host.chars().all(is_host) {
        return Err(value("server", "write a host name, or host:port"));
    }
    Ok(Server {
        host: host.to_ascii_lowercase(),
        port,
    })
}

fn check_numbers(pack: &Pack) -> Result<(), SettingsError> {
    if !(4..=31).contains(&pack.backup.min_password) {
        return Err(value("backup.min_password", "write 4 to 31"));
    }
    if pack.backup.iterations < 1_000 {
        return Err(value("backup.iterations", "write 1000 or more"));
    }
    if !(0..=30).contains(&pack.backup.keep_days) {
        return Err(value("backup.keep_days", "write 0 to 30"));
    }
    if !(0..=23).contains(&pack.notices.hour) {
        return Err(value("notices.hour", "write 0 to 23"));
    }
    if pack.notices.renewal_days < 1 {
        return Err(value("notices.renewal_days", "write 1 or more"));
    }
    if let Some(quiet) = &pack.unattended {
        let hours =
            0 <= quiet.first_hour && quiet.first_hour < quiet.last_hour && quiet.last_hour <= 24;
        if !hours || quiet.until_days < 1 || quiet.from_days < quiet.until_days {
            let problem = "from_days >= until_days >= 1, first_hour < last_hour <= 24";
            return Err(value("unattended", problem));
        }
    }
    Ok(())
}

fn blocks(key: &'static str, text: &str) -> Result<Vec<Certificate>, SettingsError> {
    pem::certificates(text).map_err(|error| value(key, &error.to_string()))
}

fn form(file: &'static str, problem: &dyn std::fmt::Display) -> SettingsError {
    SettingsError::Form {
        file,
        problem: problem.to_string(),
    }
}

fn value(key: &'static str, problem: &str) -> SettingsError {
    SettingsError::Value {
        key,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(text: &str) -> Result<Settings, SettingsError> {
        let pack = toml::from_str(text).map_err(|error| form("client.toml", &error))?;
        Settings::new(pack, Preferences::default())
    }

    #[test]
    fn a_name_alone_is_a_pack_with_safe_defaults() {
        let settings = pack("ca_name = 'CA'").unwrap();
        assert_eq!(settings.pack.key.policy, KeyPolicy::Software);
        assert_eq!(settings.pack.backup.min_password, 12);
        assert_eq!(settings.proxy().mode, ProxyMode::System);
        assert!(settings.unattended().is_none() && settings.root().is_none());
    }

    #[test]
    fn an_unknown_key_or_an_impossible_value_is_named() {
        let problem = |text| pack(text).unwrap_err().to_string();
        assert!(problem("ca_name = 'CA'\nsevrer = 'x'").contains("sevrer"));
        assert!(problem("ca_name = 'CA'\nserver = 'a b'").starts_with("server:"));
        assert!(problem("ca_name = 'CA'\nroot = 'no certificate'").starts_with("root:"));
        let few = "ca_name = 'CA'\n[backup]\nmin_password = 3";
        assert!(problem(few).starts_with("backup.min_password:"));
    }

    #[test]
    fn a_server_is_a_host_with_or_without_a_port() {
        let parse = |text| parse_server(text).map(|server| server.to_string());
        assert_eq!(parse(" https://R.Example.jp/ ").unwrap(), "r.example.jp");
        assert_eq!(parse("r1.localhost:8443").unwrap(), "r1.localhost:8443");
        assert!(parse("r1.localhost:").is_err() && parse("").is_err());
        assert!(parse("日本.example").is_err());
    }

    #[test]
    fn the_person_can_name_another_server_and_refuse_unattended_renewal() {
        let quiet =
            "[unattended]\nfrom_days = 60\nuntil_days = 30\nfirst_hour = 12\nlast_hour = 13";
        let pack: Pack = toml::from_str(&format!("ca_name = 'CA'\nserver = 'a'\n{quiet}")).unwrap();
        let preferences = Preferences {
            server: Some("b:444".to_owned()),
            unattended: Some(false),
            ..Preferences::default()
        };
        let settings = Settings::new(pack.clone(), preferences).unwrap();
        assert_eq!(settings.server().unwrap().to_string(), "b:444");
        assert!(settings.unattended().is_none());
        let settings = Settings::new(pack, Preferences::default()).unwrap();
        assert!(settings.unattended().is_some());
    }
}
