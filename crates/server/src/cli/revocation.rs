//! `tegata revocation list | complete | lift | withdraw`: two operators end a request to revoke (F4).

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tegata_domain::revocation::{Outcome as Ending, RevocationRequest, RevocationState};

use super::acting::Acting;
use super::output::{Listing, object, with};
use crate::failure::Outcome;
use crate::instance::Instance;

/// What to do with requests to revoke.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the requests that are not ended.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke the certificate: the first operator proposes, a second one confirms.
    Complete(Step),
    /// Lift the hold, after calling back the registered number: proposed and confirmed by two operators.
    Lift(Step),
    /// Take a proposal back, so that another outcome can be proposed.
    Withdraw(Withdrawal),
}

/// A step on a request.
#[derive(Args, Debug)]
pub(crate) struct Step {
    /// The request's number, such as R26-0000012.
    number: String,
    /// Why; for a lift, who was called back and when.
    #[arg(long, value_name = "TEXT")]
    note: String,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A proposal to take back.
#[derive(Args, Debug)]
pub(crate) struct Withdrawal {
    /// The request's number, such as R26-0000012.
    number: String,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    match command {
        Command::List { json } => {
            let mut listing = Listing::new(&["NUMBER", "STATE", "SUBMITTED", "REASON"]);
            for request in instance.app.list_revocations().await? {
                let cells = vec![
                    request.number.clone(),
                    state(&request.state).to_owned(),
                    request.submitted_at.to_string(),
                    request.reason.as_str().to_owned(),
                ];
                listing.push(cells, shown(&request));
            }
            listing.print(json);
            Ok(())
        }
        Command::Complete(step) => decide(instance, step, Ending::Complete).await,
        Command::Lift(step) => decide(instance, step, Ending::Lift).await,
        Command::Withdraw(withdrawal) => withdraw(instance, withdrawal).await,
    }
}

async fn decide(instance: &Instance, step: Step, ending: Ending) -> Outcome<()> {
    let app = &instance.app;
    let by = step.acting.authenticate(app).await?;
    let now = app.clock_now();
    let request = app
        .decide_revocation(&step.number, ending, &step.note, &by, now)
        .await?;
    let next = match request.state {
        RevocationState::Proposed { .. } => "a second operator runs the same command to confirm",
        RevocationState::Ended { .. } | RevocationState::Submitted => "nothing more is to be done",
    };
    let view = with(shown(&request), [("next", json!(next))]);
    object(&view, step.json);
    Ok(())
}

async fn withdraw(instance: &Instance, withdrawal: Withdrawal) -> Outcome<()> {
    let app = &instance.app;
    let by = withdrawal.acting.authenticate(app).await?;
    let now = app.clock_now();
    let request = app.withdraw_decision(&withdrawal.number, &by, now).await?;
    object(&shown(&request), withdrawal.json);
    Ok(())
}

fn shown(request: &RevocationRequest) -> Value {
    let (outcome, note) = match &request.state {
        RevocationState::Submitted => (None, None),
        RevocationState::Proposed { outcome, note, .. }
        | RevocationState::Ended { outcome, note, .. } => (Some(outcome.as_str()), Some(note)),
    };
    json!({
        "number": request.number,
        "state": state(&request.state),
        "outcome": outcome,
        "note": note,
        "submitted_at": request.submitted_at.to_string(),
        "reason": request.reason.as_str(),
        "mail": request.mail,
        "source": request.source,
        "serial": request.serial.map(|serial| serial.to_string()),
    })
}

const fn state(state: &RevocationState) -> &'static str {
    match state {
        RevocationState::Ended { .. } => "ended",
        RevocationState::Proposed { .. } => "proposed",
        RevocationState::Submitted => "submitted",
    }
}
