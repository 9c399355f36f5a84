//! `tegata grant new-reference | extend | reopen | unfreeze | change-mail`: what one operator proposes for a case
//! and another confirms (F8, D4, I2, K2).

use clap::{Args, Subcommand};
use tegata_app::App;
use tegata_domain::institution::MailAddress;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::RequestId;
use tegata_domain::time::CalendarDate;

use super::grant::request_id;
use super::proposal::Proposing;
use crate::failure::Outcome;

/// What to change in a case after its approval.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Propose a new reference ID for a lost letter: before the collection the old one dies and the new
    /// one takes its place; after it, the new one is good for revocation only.
    NewReference(Proposed),
    /// Propose a longer collection window for one certificate or a batch.
    Extend {
        /// The request IDs.
        #[arg(required = true, value_parser = request_id)]
        request_ids: Vec<RequestId>,
        /// The last day, such as 2027-11-20; at most 365 days after approval.
        #[arg(long, value_name = "DATE", value_parser = day)]
        until: CalendarDate,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// Propose to open a collected grant for another key.
    Reopen(Proposed),
    /// Propose that a grant which its holder stopped goes on.
    Unfreeze(Proposed),
    /// Propose another registered mail address.
    ChangeMail {
        /// The request ID.
        #[arg(value_parser = request_id)]
        request_id: RequestId,
        /// The new address.
        #[arg(long, value_parser = mail_address)]
        mail: MailAddress,
        #[command(flatten)]
        proposing: Proposing,
    },
}

/// An act on one grant that a second operator confirms.
#[derive(Args, Debug)]
pub(crate) struct Proposed {
    /// The request ID.
    #[arg(value_parser = request_id)]
    request_id: RequestId,
    #[command(flatten)]
    proposing: Proposing,
}

/// Proposes the change.
pub(super) async fn run(app: &App, command: Command) -> Outcome<()> {
    match command {
        Command::NewReference(Proposed {
            request_id: request,
            proposing,
        }) => {
            let act = ProposedAct::NewReference { request };
            proposing.propose(app, act).await?;
        }
        Command::Extend {
            request_ids,
            until,
            proposing,
        } => {
            let requests = request_ids.into_iter().collect();
            let act = ProposedAct::ExtendWindow { requests, until };
            proposing.propose(app, act).await?;
        }
        Command::Reopen(Proposed {
            request_id: request,
            proposing,
        }) => {
            proposing
                .propose(app, ProposedAct::Reopen { request })
                .await?
        }
        Command::Unfreeze(Proposed {
            request_id: request,
            proposing,
        }) => {
            proposing
                .propose(app, ProposedAct::Unfreeze { request })
                .await?
        }
        Command::ChangeMail {
            request_id: request,
            mail,
            proposing,
        } => {
            let act = ProposedAct::ChangeMail { request, mail };
            proposing.propose(app, act).await?;
        }
    }
    Ok(())
}

fn day(text: &str) -> Result<CalendarDate, String> {
    CalendarDate::parse(text).map_err(|_| "write year-month-day, such as 2027-11-20".to_owned())
}

/// An address as an operator types it.
pub(super) fn mail_address(text: &str) -> Result<MailAddress, String> {
    MailAddress::from_typed(text).ok_or_else(|| {
        "it is no mail address that can be written without quotation marks, such as desk@clinic.example".to_owned()
    })
}
