//! The command line, and the answers that its options hold for what a person is asked elsewhere.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tegata_client::api::StopKind;
use tegata_client::controller::StopChoice;
use tegata_client::ports::{AddressForm, EnrolmentForm};
use tegata_client::unix::Answers;
use tegata_domain::secret::Secret;
use tegata_protocol::{Reason, SuccessorChoice};

/// Manage this terminal's client certificate.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Line {
    /// What the operator packed: server, root, rules
    #[arg(long, default_value = "/etc/tegata-client/client.toml")]
    pub(crate) pack: PathBuf,
    /// Folder for keys, certificates and memory [default: $XDG_STATE_HOME/tegata-client]
    #[arg(long)]
    pub(crate) state: Option<PathBuf>,
    /// Keep certificate and key as PEM files too, in this folder; `current` in it names the newest
    #[arg(long, value_name = "DIR")]
    pub(crate) pem: Option<PathBuf>,
    /// Keep them in the NSS database in this folder too, for Firefox and Chromium (~/.pki/nssdb)
    #[arg(long, value_name = "DIR")]
    pub(crate) nss: Option<PathBuf>,
    /// File with the password of that database, where it has one
    #[arg(long, value_name = "FILE", requires = "nss")]
    pub(crate) nss_password_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Get a first certificate by the IDs of a letter
    Enroll {
        /// Request ID of the letter
        #[arg(long)]
        request_id: String,
        /// File with the reference ID; `-` for standard input
        #[arg(long)]
        reference_id_file: PathBuf,
        /// Connection code of the letter, where the pack has no root
        #[arg(long, default_value = "")]
        connection_code: String,
        /// The number that was mailed, where one is asked for; `-`: from standard input
        #[arg(long)]
        code: Option<String>,
        #[command(flatten)]
        backup: BackupOptions,
    },
    /// Prove the server by the connection code of the letter
    Prove {
        /// The code
        #[arg(long)]
        code: Option<String>,
    },
    /// Take a certificate and its key from a .p12 file: a backup, or one that a browser collected
    Import {
        /// The file
        file: PathBuf,
        /// File with its password; `-` for standard input
        #[arg(long)]
        password_file: PathBuf,
    },
    /// Keep the proxy, and the user and password for it
    Proxy {
        /// `host:port`
        #[arg(long)]
        address: String,
        /// User for Basic and NTLM
        #[arg(long, default_value = "", requires = "password_file")]
        user: String,
        /// Windows domain for NTLM
        #[arg(long, default_value = "")]
        domain: String,
        /// File with the password; `-` for standard input
        #[arg(long)]
        password_file: Option<PathBuf>,
    },
    /// List the certificates of the operator
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Renew a certificate, or go on with a renewal
    Renew {
        /// SHA-256 of the certificate; may be left out where one can be renewed
        certificate: Option<String>,
        /// Stay, renew in quiet hours, and tell what is due
        #[arg(long, conflicts_with = "certificate")]
        daemon: bool,
        /// Remove the old certificate when the new one works
        #[arg(long)]
        remove_old: bool,
        #[command(flatten)]
        backup: BackupOptions,
    },
    /// Write the backup of a new certificate
    Backup {
        /// SHA-256 of the certificate
        certificate: String,
        #[command(flatten)]
        backup: BackupOptions,
    },
    /// Remove one certificate and its key from this terminal
    Remove {
        /// SHA-256 of the certificate
        certificate: String,
    },
    /// Put a certificate on hold, or revoke it for good
    Revoke {
        /// SHA-256 of the certificate
        certificate: String,
        #[command(flatten)]
        stop: StopOptions,
    },
    /// Change the address that the authority's mails go to
    Address {
        /// SHA-256 of the certificate; may be left out where there is one
        certificate: Option<String>,
        /// The new address
        #[arg(long)]
        mail: String,
        /// The second address; without it there is none from now on
        #[arg(long, default_value = "")]
        second_mail: String,
        /// The number that is mailed to the new address; `-`: from standard input, once it is there
        #[arg(long)]
        code: Option<String>,
    },
    /// Save the receipt of a renewal
    Receipt {
        /// SHA-256 of the certificate; may be left out where there is one
        certificate: Option<String>,
        /// File or folder
        #[arg(long)]
        save: PathBuf,
    },
    /// Get a new reference ID; the earlier one ends
    ReferenceId {
        /// SHA-256 of the certificate; may be left out where there is one
        certificate: Option<String>,
    },
    /// Ask and tell what is due now
    Notices,
}

impl Command {
    /// Whether it stays until it is asked to end.
    pub(crate) const fn stays(&self) -> bool {
        matches!(self, Self::Renew { daemon: true, .. })
    }
}

#[derive(Args)]
pub(crate) struct StopOptions {
    /// On hold only; operators decide the rest
    #[arg(long)]
    hold: bool,
    /// Why
    #[arg(long, value_enum, default_value = "not-stated")]
    reason: Why,
    /// Where the completion is told too
    #[arg(long)]
    mail: Option<String>,
    /// What becomes of a newer certificate; the server asks for it where there is one
    #[arg(long, value_enum)]
    successor: Option<Newer>,
}

impl StopOptions {
    /// The same as the controller wants it.
    pub(crate) fn choice(&self) -> StopChoice {
        StopChoice {
            kind: if self.hold {
                StopKind::Hold
            } else {
                StopKind::Revocation
            },
            reason: match self.reason {
                Why::Closed => Reason::Closed,
                Why::Disclosed => Reason::Disclosed,
                Why::Lost => Reason::Lost,
                Why::NotStated => Reason::NotStated,
                Why::Other => Reason::Other,
                Why::Unused => Reason::Unused,
            },
            mail: self.mail.clone(),
            successor: self.successor.map(|newer| match newer {
                Newer::Keep => SuccessorChoice::Keep,
                Newer::Stop => SuccessorChoice::Stop,
            }),
        }
    }
}

#[derive(Args)]
pub(crate) struct BackupOptions {
    /// File or folder for the backup
    #[arg(long, requires = "password_file")]
    pub(crate) backup: Option<PathBuf>,
    /// File with its password; `-` for standard input
    #[arg(long)]
    pub(crate) password_file: Option<PathBuf>,
    /// The old form, for Windows 8.1 and Server 2016
    #[arg(long)]
    pub(crate) legacy: bool,
    /// Erase the key of the backup at once
    #[arg(long, conflicts_with = "backup")]
    pub(crate) no_backup: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Why {
    Closed,
    Disclosed,
    Lost,
    NotStated,
    Other,
    Unused,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Newer {
    Keep,
    Stop,
}

/// What the options answer.
pub(crate) fn answers(command: &Command) -> Result<Answers> {
    let mut answers = Answers::default();
    match command {
        Command::Enroll {
            request_id,
            reference_id_file,
            connection_code,
            code,
            backup,
        } => {
            answers.enrolment = Some(EnrolmentForm {
                request_id: request_id.clone(),
                reference_id: secret_of(reference_id_file)?,
                connection_code: connection_code.clone(),
            });
            answers.line = code.clone().map(Secret::new);
            take_backup(&mut answers, backup)?;
        }
        Command::Prove { code } => answers.line = code.clone().map(Secret::new),
        Command::List { json } => answers.list = Some(*json),
        Command::Renew {
            remove_old, backup, ..
        } => {
            answers.remove_old = *remove_old;
            take_backup(&mut answers, backup)?;
        }
        Command::Backup { backup, .. } => take_backup(&mut answers, backup)?,
        Command::Address {
            mail,
            second_mail,
            code,
            ..
        } => {
            answers.addresses = Some(AddressForm {
                mail: mail.clone(),
                second_mail: second_mail.clone(),
            });
            answers.line = code.clone().map(Secret::new);
        }
        Command::Receipt { save, .. } => answers.receipt = Some(save.clone()),
        Command::Import { .. }
        | Command::Notices
        | Command::Proxy { .. }
        | Command::ReferenceId { .. }
        | Command::Remove { .. }
        | Command::Revoke { .. } => {}
    }
    Ok(answers)
}

fn take_backup(answers: &mut Answers, options: &BackupOptions) -> Result<()> {
    answers.legacy = options.legacy;
    answers.no_backup = options.no_backup;
    if let (Some(place), Some(password)) = (&options.backup, &options.password_file) {
        answers.backup = Some((secret_of(password)?, place.clone()));
    }
    Ok(())
}

/// The first line of a file, or of standard input.
pub(crate) fn secret_of(path: &Path) -> Result<Secret<String>> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin()
            .read_to_string(&mut text)
            .context("read standard input")?;
    } else {
        let file = File::open(path);
        let mut file = file.with_context(|| format!("open {}", path.display()))?;
        file.read_to_string(&mut text)
            .with_context(|| format!("read {}", path.display()))?;
    }
    let line = text.lines().next().unwrap_or_default();
    Ok(Secret::new(line.to_owned()))
}
