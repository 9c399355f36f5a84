//! `tegata proposal list | show | confirm | refuse | withdraw`: the acts of two persons (F8).

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tegata_app::App;
use tegata_domain::id::ProposalId;
use tegata_domain::proposal::{Proposal, ProposalState, ProposedAct};

use super::acting::Acting;
use super::output::{Listing, object, with};
use crate::failure::Outcome;
use crate::instance::Instance;

/// Rows fetched at once for a listing.
const PAGE: u32 = 500;

/// What to do with proposals.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the proposals that wait for a second person.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show a proposal, ended ones too.
    Show {
        /// The proposal's id, as `proposal list` shows it.
        #[arg(value_parser = proposal_id)]
        proposal: ProposalId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Confirm a proposal, and it is done (another person than the one who proposed it).
    Confirm(Step),
    /// Say no to a proposal (another person than the one who proposed it).
    Refuse(Step),
    /// Take the own proposal back.
    Withdraw(Step),
}

/// A step on a proposal.
#[derive(Args, Debug)]
pub(crate) struct Step {
    /// The proposal's id, as `proposal list` shows it.
    #[arg(value_parser = proposal_id)]
    proposal: ProposalId,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Who proposes an act, and why.
#[derive(Args, Debug)]
pub(crate) struct Proposing {
    /// Why; for a caller's wish, who was called back and when.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Proposing {
    /// Proposes `act` and prints what a second operator confirms.
    pub(super) async fn propose(self, app: &App, act: ProposedAct) -> Outcome<()> {
        let by = self.acting.authenticate(app).await?;
        let proposed = app.propose(act, &self.reason, &by, app.clock_now()).await?;
        let next = format!(
            "a second operator runs `tegata proposal confirm {}`",
            proposed.id
        );
        object(&with(shown(&proposed), [("next", json!(next))]), self.json);
        Ok(())
    }
}

/// Carries out the command. The clock is read once the operator is known.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    let app = &instance.app;
    match command {
        Command::List { json } => list(instance, json).await?,
        Command::Show { proposal, json } => object(&shown(&app.proposal(&proposal).await?), json),
        Command::Confirm(step) => {
            let by = step.acting.authenticate(app).await?;
            let confirmed = app
                .confirm_proposal(&step.proposal, &by, app.clock_now())
                .await?;
            let mut view = shown(&confirmed.proposal);
            if let Some(secret) = confirmed.totp_secret {
                view = with(view, [("totp_secret", json!(secret.expose()))]);
            }
            object(&view, step.json);
        }
        Command::Refuse(step) => {
            let by = step.acting.authenticate(app).await?;
            let now = app.clock_now();
            let refused = app.refuse_proposal(&step.proposal, &by, now).await?;
            object(&shown(&refused), step.json);
        }
        Command::Withdraw(step) => {
            let by = step.acting.authenticate(app).await?;
            let now = app.clock_now();
            let withdrawn = app.withdraw_proposal(&step.proposal, &by, now).await?;
            object(&shown(&withdrawn), step.json);
        }
    }
    Ok(())
}

async fn list(instance: &Instance, json: bool) -> Outcome<()> {
    let mut listing = Listing::new(&["PROPOSAL", "ACT", "PROPOSED", "ABOUT", "REASON"]);
    let mut after = None;
    loop {
        let page = instance.app.list_proposals(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        for proposal in page {
            let cells = vec![
                proposal.id.to_string(),
                proposal.act.as_str().to_owned(),
                proposal.proposed_at.to_string(),
                about(&proposal),
                proposal.reason.replace('\n', " "),
            ];
            listing.push(cells, shown(&proposal));
        }
    }
    listing.print(json);
    Ok(())
}

/// The first of what a proposal is about, and how many more.
fn about(proposal: &Proposal) -> String {
    if let Some(operator) = proposal.act.operator() {
        return operator.to_string();
    }
    match proposal.act.requests().as_slice() {
        [] => String::new(),
        [only] => only.to_string(),
        [first, more @ ..] => format!("{first} and {} more", more.len()),
    }
}

/// A proposal as JSON; no secret in it.
pub(super) fn shown(proposal: &Proposal) -> Value {
    let (ended_by, ended_at) = match &proposal.state {
        ProposalState::Confirmed { by, at } | ProposalState::Refused { by, at } => {
            (Some(by), Some(*at))
        }
        ProposalState::Withdrawn { at } => (Some(&proposal.proposed_by), Some(*at)),
        ProposalState::Proposed => (None, None),
    };
    json!({
        "proposal": proposal.id,
        "act": proposal.act.as_str(),
        "values": proposal.act.values(),
        "reason": proposal.reason,
        "state": proposal.state.as_str(),
        "proposed_by": proposal.proposed_by,
        "proposed_at": proposal.proposed_at.to_string(),
        "ended_by": ended_by,
        "ended_at": ended_at.map(|at| at.to_string()),
    })
}

fn proposal_id(text: &str) -> Result<ProposalId, String> {
    ProposalId::parse(text)
        .map_err(|_| "write its 32 hexadecimal digits (`tegata proposal list`)".to_owned())
}
