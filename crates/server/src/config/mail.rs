//! `[mail]`: the mail server, and the texts that an operator put in the place of ours.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tegata_domain::secret::Secret;

use super::Mistake;
use crate::failure::{Failure, Outcome};

/// Mails handed over in a minute where nothing else is said.
const PER_MINUTE: u32 = 600;

/// How mails leave.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    /// The server; where there is none, mails wait.
    pub(crate) server: Option<MailServer>,
    /// Folder of texts that take the place of ours.
    pub(crate) texts: Option<PathBuf>,
    /// Mails handed over in a minute at the most.
    pub(crate) per_minute: u32,
    /// Maildir into which the mail server puts what comes back.
    pub(crate) bounces: Option<PathBuf>,
}

/// A mail server that takes our mails.
#[derive(Clone, Debug)]
pub(crate) struct MailServer {
    /// Its host name.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
    /// How the connection is protected.
    pub(crate) security: Security,
    /// Who logs in, and the file with the password.
    pub(crate) login: Option<(String, PathBuf)>,
    /// A CA certificate (PEM) that is trusted beside those of the machine.
    pub(crate) ca_file: Option<PathBuf>,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Security {
    /// Not at all: for a server on this machine only.
    None,
    /// STARTTLS, demanded (RFC 3207).
    #[default]
    Starttls,
    /// TLS from the first octet (RFC 8314).
    Tls,
}

impl Security {
    /// Its name in the configuration.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Starttls => "starttls",
            Self::Tls => "tls",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::Starttls => 587,
            Self::Tls => 465,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MailFile {
    server: Option<String>,
    port: Option<u16>,
    security: Security,
    user: Option<String>,
    password_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    texts: Option<PathBuf>,
    per_minute: Option<u32>,
    bounces: Option<PathBuf>,
}

impl MailFile {
    /// Relative paths are meant from `folder`.
    pub(super) fn checked(self, folder: &Path) -> Result<Mail, Mistake> {
        let login = match (self.user, self.password_file) {
            (Some(user), Some(file)) => Some((user, folder.join(file))),
            (None, None) => None,
            _ => {
                let remedy = "write both mail.user and mail.password_file, or neither";
                return Err(Mistake::new("mail.user", remedy));
            }
        };
        let server = match self.server {
            Some(host) => {
                if self.security == Security::None && !is_this_machine(&host) {
                    let remedy =
                        "\"none\" is for a server on this machine; use \"starttls\" or \"tls\"";
                    return Err(Mistake::new("mail.security", remedy));
                }
                Some(MailServer {
                    port: self.port.unwrap_or(self.security.port()),
                    host,
                    security: self.security,
                    login,
                    ca_file: self.ca_file.map(|file| folder.join(file)),
                })
            }
            None => None,
        };
        Ok(Mail {
            server,
            texts: self.texts.map(|texts| folder.join(texts)),
            per_minute: self.per_minute.unwrap_or(PER_MINUTE),
            bounces: self.bounces.map(|bounces| folder.join(bounces)),
        })
    }
}

impl MailServer {
    /// A server on this machine, without TLS: the demo's own.
    pub(crate) fn on_this_machine(port: u16) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::None,
            login: None,
            ca_file: None,
        }
    }

    /// The password, from a file that only its owner reads.
    pub(crate) fn password(file: &Path) -> Outcome<Secret<String>> {
        let shown = file.display();
        let failed = |error: std::io::Error| {
            let remedy = "put the password into the file that mail.password_file names";
            Failure::machine(format!("read {shown}"), error, remedy)
        };
        let mode = std::fs::metadata(file)
            .map_err(failed)?
            .permissions()
            .mode()
            & 0o777;
        if mode & 0o077 != 0 {
            return Err(Failure::new(
                format!("{shown} can be read by others (mode {mode:03o})"),
                format!("run `chmod 0400 {shown}` as its owner"),
            ));
        }
        let text = Secret::new(std::fs::read_to_string(file).map_err(failed)?);
        Ok(Secret::from(text.expose().trim_end_matches(['\r', '\n'])))
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
