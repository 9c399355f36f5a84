//! `tegata mail`: what waits, how the texts read, and whether mails leave.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use tegata_app::ReportTaken;
use tegata_domain::outbox::MailKind;

use super::line;
use super::output::{Listing, object};
use crate::bounce::{LONGEST, read_report};
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::instance::{Instance, mail_texts};
use crate::mailer::Mailer;

/// Mails that a listing shows at the most.
const LISTED: u32 = 1_000;

/// What to do about mails.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Read a message that came back (RFC 3464), from a file or standard input; the end of a mail server's pipe.
    Bounce {
        /// The message; `-` is standard input.
        file: PathBuf,
    },
    /// List the mails that wait, the oldest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a text with sample values; without a name, list the names.
    Preview {
        /// Which text, such as letter_posted.
        kind: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send a test mail.
    Test {
        /// To whom.
        address: String,
    },
}

impl Command {
    /// Whether the command looks at the installation; a preview needs the configuration only.
    pub(crate) const fn needs_instance(&self) -> bool {
        matches!(self, Self::Bounce { .. } | Self::List { .. })
    }
}

/// Carries out a command that needs the configuration only.
pub(crate) async fn run_plain(config: &Config, command: Command) -> Outcome<()> {
    match command {
        Command::Preview { kind: None, .. } => {
            for kind in MailKind::ALL {
                line(kind.as_str());
            }
        }
        Command::Preview {
            kind: Some(name),
            json,
        } => {
            let kind = MailKind::parse(&name).ok_or_else(|| {
                Failure::usage("no mail has this name; `tegata mail preview` lists them")
            })?;
            let text = mail_texts(config)?.preview(kind).map_err(|error| {
                Failure::machine("write the text", error, "correct the file it names")
            })?;
            if json {
                object(&json!({ "subject": text.subject, "body": text.body }), true);
            } else {
                line(format!("{}\n\n{}", text.subject, text.body.trim_end()));
            }
        }
        Command::Test { address } => {
            let remedy = "see mail.server and the keys beside it in the configuration";
            let mailer = Mailer::open(config)?
                .ok_or_else(|| Failure::new("no mail server is configured", remedy))?;
            mailer
                .send_test(&address)
                .await
                .map_err(|reason| Failure::new(format!("not sent: {reason}"), remedy))?;
            line(format!("the mail server took a mail to {address}"));
        }
        Command::Bounce { .. } | Command::List { .. } => {}
    }
    Ok(())
}

/// Carries out a command on an installation.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    if let Command::Bounce { file } = &command {
        return take_bounce(instance, file).await;
    }
    if let Command::List { json } = command {
        let mut listing = Listing::new(&["MAIL", "DUE", "KIND", "TO"]);
        for mail in instance.app.waiting_mails(LISTED).await? {
            let cells = vec![
                mail.id.to_string(),
                mail.at.to_string(),
                mail.kind.as_str().to_owned(),
                mail.to.to_string(),
            ];
            let view = json!({
                "id": mail.id.as_str(),
                "due": mail.at.to_string(),
                "kind": mail.kind.as_str(),
                "to": mail.to.as_str(),
            });
            listing.push(cells, view);
        }
        listing.print(json);
    }
    Ok(())
}

/// A message that is no report, or none about a mail of ours, is no failure: a mail server would send one about it.
async fn take_bounce(instance: &Instance, file: &Path) -> Outcome<()> {
    let octets = read_message(file)?;
    let Some(report) = read_report(&octets) else {
        line("nothing was changed: this is no delivery report (RFC 3464)");
        return Ok(());
    };
    let app = &instance.app;
    match app.take_report(&report, app.clock_now()).await? {
        ReportTaken::Cleared(address) => line(format!("mails to {address} arrive again")),
        ReportTaken::Foreign => {
            tracing::warn!("a delivery report names no mail that was sent to its recipient");
            line("nothing was changed: it names no mail that was sent to its recipient");
        }
        ReportTaken::Marked { address, is_new } => {
            let since = if is_new { "now" } else { "as before" };
            line(format!(
                "{address} is marked {since}: mails to it come back"
            ));
        }
        ReportTaken::Underway => line("nothing was changed: the mail is still underway"),
    }
    Ok(())
}

fn read_message(file: &Path) -> Outcome<Vec<u8>> {
    let failed = |error: std::io::Error| {
        let what = format!("read {}", file.display());
        Failure::machine(
            what,
            error,
            "name a file with a message, or - and pipe one in",
        )
    };
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let mut octets = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut octets)
    } else {
        std::fs::File::open(file)
            .map_err(failed)?
            .take(most)
            .read_to_end(&mut octets)
    };
    read.map_err(failed)?;
    Ok(octets)
}
