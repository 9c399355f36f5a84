//! `tegata revocation list | hold | hold-queued | complete | lift | withdraw`: an operator stops a certificate,
//! two end a request to revoke (F4).

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::{
    Outcome as Ending, RevocationRequest, RevocationState, StatedReason,
};

use super::acting::Acting;
use super::grant::request_id;
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
    /// Stop a certificate at once without a request of its holder, who is mailed (role help_desk, examiner or
    /// approver).
    Hold {
        /// The request ID of the certificate.
        #[arg(value_parser = request_id)]
        request_id: RequestId,
        /// The reason: not_stated, lost, disclosed, unused, closed or other.
        #[arg(long, value_parser = stated_reason)]
        reason: StatedReason,
        /// Who asked for it and how; for the audit trail.
        #[arg(long, value_name = "TEXT")]
        note: String,
        #[command(flatten)]
        acting: Acting,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop what a request asks for that came above the hourly rate and waits (state queued).
    HoldQueued(Withdrawal),
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

/// A request that a step needs no note for.
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
                    state(&request).to_owned(),
                    request.submitted_at.to_string(),
                    request.reason.as_str().to_owned(),
                ];
                listing.push(cells, shown(&request));
            }
            listing.print(json);
            Ok(())
        }
        Command::Hold {
            request_id,
            reason,
            note,
            acting,
            json,
        } => {
            let app = &instance.app;
            let by = acting.authenticate(app).await?;
            let now = app.clock_now();
            let held = app
                .hold_by_operator(&request_id, reason, &note, &by, now)
                .await?;
            object(&shown(&held), json);
            Ok(())
        }
        Command::HoldQueued(step) => {
            let app = &instance.app;
            let by = step.acting.authenticate(app).await?;
            let held = app.hold_queued(&step.number, &by, app.clock_now()).await?;
            object(&shown(&held), step.json);
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
        RevocationState::Ended { .. }
        | RevocationState::EndedByHolder { .. }
        | RevocationState::Submitted => "nothing more is to be done",
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
        RevocationState::EndedByHolder { .. } => (Some("complete"), None),
        RevocationState::Submitted => (None, None),
        RevocationState::Proposed { outcome, note, .. }
        | RevocationState::Ended { outcome, note, .. } => (Some(outcome.as_str()), Some(note)),
    };
    json!({
        "number": request.number,
        "state": state(request),
        "outcome": outcome,
        "note": note,
        "submitted_at": request.submitted_at.to_string(),
        "held_at": request.held_at.map(|at| at.to_string()),
        "reason": request.reason.as_str(),
        "mail": request.mail,
        "source": request.source,
        "serial": request.serial.map(|serial| serial.to_string()),
    })
}

/// Where a request stands; what waits above the hourly rate is `queued`.
const fn state(request: &RevocationRequest) -> &'static str {
    match request.state {
        RevocationState::Submitted if request.is_queued() => "queued",
        RevocationState::Submitted => "submitted",
        RevocationState::Ended { .. } | RevocationState::EndedByHolder { .. } => "ended",
        RevocationState::Proposed { .. } => "proposed",
    }
}

fn stated_reason(text: &str) -> Result<StatedReason, String> {
    StatedReason::parse(text).ok_or_else(|| {
        let known = StatedReason::ALL.map(StatedReason::as_str);
        format!("use one of {}", known.join(", "))
    })
}
