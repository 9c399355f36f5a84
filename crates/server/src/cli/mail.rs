//! `tegata mail`: what waits, how the texts read, and whether mails leave.

use clap::Subcommand;
use serde_json::json;
use tegata_domain::outbox::MailKind;

use super::line;
use super::output::{Listing, object};
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::instance::{Instance, mail_texts};
use crate::mailer::Mailer;

/// Mails that a listing shows at the most.
const LISTED: u32 = 1_000;

/// What to do about mails.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
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
        matches!(self, Self::List { .. })
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
        Command::List { .. } => {}
    }
    Ok(())
}

/// Carries out a command on an installation.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
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
