//! The file as it stands, before its values are checked.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;
use tegata_app::Addresses;
use toml::Table;

use super::mail::MailFile;
use super::relying::RelyingFile;
use super::{Listen, LogFormat, Mistake, Names, Profile};

/// Every key; `keys.rs` explains them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default, rename = "profile")]
    _profile: Option<Profile>,
    #[serde(default = "default_data_dir")]
    pub(super) data_dir: PathBuf,
    #[serde(default)]
    pub(super) database: Option<String>,
    #[serde(default = "default_kek_file")]
    pub(super) kek_file: PathBuf,
    #[serde(default)]
    pub(super) listen: ListenFile,
    #[serde(default)]
    pub(super) names: NamesFile,
    #[serde(default)]
    pub(super) log: LogFile,
    #[serde(default)]
    pub(super) mail: MailFile,
    #[serde(default)]
    pub(super) relying: RelyingFile,
    #[serde(default)]
    pub(super) client: ClientFile,
    #[serde(default, rename = "policy")]
    _policy: Table,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenFile {
    public: String,
    subscriber: String,
    console: String,
    plain: String,
    relying: Option<String>,
    metrics: Option<String>,
    proxies: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NamesFile {
    public: String,
    public_port: Option<u16>,
    subscriber: Vec<String>,
    subscriber_port: Option<u16>,
    console: Option<String>,
    console_port: Option<u16>,
    relying: Option<String>,
    plain_url: Option<String>,
    tls_domains: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogFile {
    pub(super) format: LogFormat,
    pub(super) level: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClientFile {
    pub(super) folder: Option<PathBuf>,
}

fn default_data_dir() -> PathBuf {
    PathBuf::from("data")
}

fn default_kek_file() -> PathBuf {
    PathBuf::from("kek")
}

impl Default for ListenFile {
    fn default() -> Self {
        Self {
            public: "127.0.0.1:8440".to_owned(),
            subscriber: "127.0.0.1:8441".to_owned(),
            console: "127.0.0.1:8442".to_owned(),
            plain: "127.0.0.1:8444".to_owned(),
            relying: None,
            metrics: None,
            proxies: Vec::new(),
        }
    }
}

impl Default for NamesFile {
    fn default() -> Self {
        Self {
            public: "localhost".to_owned(),
            public_port: None,
            subscriber: vec!["localhost".to_owned()],
            subscriber_port: None,
            console: None,
            console_port: None,
            relying: None,
            plain_url: None,
            tls_domains: None,
        }
    }
}

impl Default for LogFile {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: "info".to_owned(),
        }
    }
}

impl ListenFile {
    /// The proxies that stand before us.
    pub(super) fn proxies(&self) -> Result<Vec<IpAddr>, Mistake> {
        let read = |text: &String| {
            let remedy = format!("{text:?} is no IP address; write one such as \"192.0.2.1\"");
            text.parse()
                .map_err(|_| Mistake::new("listen.proxies", remedy))
        };
        self.proxies.iter().map(read).collect()
    }

    pub(super) fn checked(&self) -> Result<Listen, Mistake> {
        let listen = Listen {
            public: socket("listen.public", &self.public)?,
            subscriber: socket("listen.subscriber", &self.subscriber)?,
            console: socket("listen.console", &self.console)?,
            plain: socket("listen.plain", &self.plain)?,
            relying: match &self.relying {
                Some(address) => Some(socket("listen.relying", address)?),
                None => None,
            },
            metrics: match &self.metrics {
                Some(address) => Some(socket("listen.metrics", address)?),
                None => None,
            },
        };
        let used_twice = |a: SocketAddr, b: SocketAddr| a == b && a.port() != 0;
        if used_twice(listen.public, listen.subscriber) {
            return Err(Mistake::new(
                "listen.subscriber",
                "use another port than listen.public",
            ));
        }
        if used_twice(listen.console, listen.public)
            || used_twice(listen.console, listen.subscriber)
        {
            return Err(Mistake::new("listen.console", "use a port of its own"));
        }
        if used_twice(listen.plain, listen.console) {
            return Err(Mistake::new("listen.plain", "use a port of its own"));
        }
        if used_twice(listen.plain, listen.public) || used_twice(listen.plain, listen.subscriber) {
            return Err(Mistake::new("listen.plain", "use a port of its own"));
        }
        let others = [
            listen.public,
            listen.subscriber,
            listen.console,
            listen.plain,
        ];
        if let Some(relying) = listen.relying
            && others.into_iter().any(|other| used_twice(relying, other))
        {
            return Err(Mistake::new("listen.relying", "use a port of its own"));
        }
        if let Some(metrics) = listen.metrics
            && others
                .into_iter()
                .chain(listen.relying)
                .any(|other| used_twice(metrics, other))
        {
            return Err(Mistake::new("listen.metrics", "use a port of its own"));
        }
        Ok(listen)
    }
}

fn socket(key: &str, text: &str) -> Result<SocketAddr, Mistake> {
    text.parse().map_err(|_| {
        let remedy =
            format!("\"{text}\" is no socket address; write one such as \"127.0.0.1:8440\"");
        Mistake::new(key, remedy)
    })
}

impl NamesFile {
    pub(super) fn checked(self, listen: &Listen) -> Result<Names, Mistake> {
        let public = host("names.public", &self.public)?;
        let console = match &self.console {
            Some(name) => host("names.console", name)?,
            None => public.clone(),
        };
        let relying = match &self.relying {
            Some(name) => host("names.relying", name)?,
            None => public.clone(),
        };
        if self.subscriber.is_empty() {
            return Err(Mistake::new(
                "names.subscriber",
                "write at least one host name",
            ));
        }
        let subscriber = self
            .subscriber
            .iter()
            .map(|name| host("names.subscriber", name))
            .collect::<Result<Vec<_>, _>>()?;
        let mut tls_domains = match self.tls_domains {
            Some(domains) => domains
                .iter()
                .map(|name| host("names.tls_domains", name))
                .collect::<Result<Vec<_>, _>>()?,
            None => [&public, &console, &relying]
                .into_iter()
                .chain(&subscriber)
                .cloned()
                .collect(),
        };
        tls_domains.sort();
        tls_domains.dedup();
        for name in [&public, &console, &relying].into_iter().chain(&subscriber) {
            if !tls_domains.iter().any(|domain| is_within(name, domain)) {
                let remedy = format!("add a domain that contains \"{name}\"");
                return Err(Mistake::new("names.tls_domains", remedy));
            }
        }
        let public_port = self.public_port.unwrap_or(listen.public.port());
        let subscriber_port = self.subscriber_port.unwrap_or(listen.subscriber.port());
        let console_port = self.console_port.unwrap_or(listen.console.port());
        let addresses = Addresses {
            public: address("https", &public, public_port, 443),
            subscriber: subscriber
                .iter()
                .map(|name| address("https", name, subscriber_port, 443))
                .collect(),
            plain: match self.plain_url {
                Some(url) => plain_url(&url)?,
                None => address("http", &public, listen.plain.port(), 80),
            },
        };
        Ok(Names {
            console_address: address("https", &console, console_port, 443),
            relying_address: match listen.relying {
                Some(socket) => address("https", &relying, socket.port(), 443),
                None => String::new(),
            },
            public,
            subscriber,
            console,
            relying,
            public_port,
            subscriber_port,
            console_port,
            tls_domains,
            addresses,
        })
    }
}

fn address(scheme: &str, host: &str, port: u16, usual: u16) -> String {
    if port == usual {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}:{port}")
    }
}

fn plain_url(url: &str) -> Result<String, Mistake> {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    let fits = !rest.is_empty()
        && !rest.ends_with('/')
        && rest
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.:/[]".contains(&b));
    if fits {
        Ok(url.to_owned())
    } else {
        let remedy =
            "write an address such as \"http://ca.example.jp\", without a slash at the end";
        Err(Mistake::new("names.plain_url", remedy))
    }
}

/// A host name of letters, digits, hyphens and dots (RFC 1123 §2.1), in small letters.
fn host(key: &str, text: &str) -> Result<String, Mistake> {
    let name = text.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if name.len() <= 253 && name.split('.').all(label) && name.parse::<std::net::IpAddr>().is_err()
    {
        Ok(name)
    } else {
        let remedy = format!("\"{text}\" is no host name; write one such as \"ca.example.jp\"");
        Err(Mistake::new(key, remedy))
    }
}

/// Whether `name` is `domain` or below it (RFC 5280 §4.2.1.10).
fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}
