//! `tegata application list | show | return | reject`: applications and the answers to them (F2).

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tegata_domain::application::{ApplicationState, CertificateApplication};
use tegata_domain::id::ApplicationId;
use tegata_domain::time::CalendarDate;

use super::acting::Acting;
use super::output::{Listing, object};
use crate::failure::Outcome;
use crate::instance::Instance;

/// Rows fetched at once for a listing.
const PAGE: u32 = 500;
/// States of applications in the order in which they are listed.
const STATES: [&str; 6] = [
    "submitted",
    "returned",
    "examined",
    "approved",
    "rejected",
    "cancelled",
];

/// What to do with applications.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List applications.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show an application.
    Show {
        /// The application's id, as `application list` shows it.
        #[arg(value_parser = application_id)]
        application: ApplicationId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give an application back for correction; the applicant is mailed the reason (role examiner, once
    /// examined: approver).
    Return {
        #[command(flatten)]
        answer: Answer,
        /// The last day for the correction, such as 2027-03-14.
        #[arg(long, value_name = "DATE", value_parser = day)]
        due: CalendarDate,
    },
    /// Reject an application; the applicant is mailed the reason (role examiner, once examined: approver).
    Reject(Answer),
}

/// An answer to an application.
#[derive(Args, Debug)]
pub(crate) struct Answer {
    /// The application's id, as `application list` shows it.
    #[arg(value_parser = application_id)]
    application: ApplicationId,
    /// What the applicant reads.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Carries out the command. The clock is read once the operator is known.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    let app = &instance.app;
    match command {
        Command::List { json } => list(instance, json).await?,
        Command::Show { application, json } => {
            let application = app.application(&application).await?;
            object(&application_view(&application), json);
        }
        Command::Return { answer, due } => {
            let by = answer.acting.authenticate(app).await?;
            let (id, now) = (&answer.application, app.clock_now());
            let returned = app
                .return_application(id, &answer.reason, due, &by, now)
                .await?;
            object(&application_view(&returned), answer.json);
        }
        Command::Reject(answer) => {
            let by = answer.acting.authenticate(app).await?;
            let (id, now) = (&answer.application, app.clock_now());
            let rejected = app.reject_application(id, &answer.reason, &by, now).await?;
            object(&application_view(&rejected), answer.json);
        }
    }
    Ok(())
}

/// Every application, those that wait first.
pub(super) async fn list(instance: &Instance, json: bool) -> Outcome<()> {
    let mut listing = Listing::new(&["APPLICATION", "STATE", "ENTERED", "TERMINAL"]);
    for state in STATES {
        let mut after = None;
        loop {
            let page = instance
                .app
                .list_applications(state, after.as_ref(), PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for application in page {
                let cells = vec![
                    application.id.to_string(),
                    application.state.as_str().to_owned(),
                    application.entered_at.to_string(),
                    application.terminal.as_str().to_owned(),
                ];
                listing.push(cells, application_view(&application));
            }
        }
    }
    listing.print(json);
    Ok(())
}

pub(super) fn application_view(application: &CertificateApplication) -> Value {
    let reason = match &application.state {
        ApplicationState::Rejected { reason, .. } | ApplicationState::Returned { reason, .. } => {
            Some(reason)
        }
        _ => None,
    };
    json!({
        "application": application.id,
        "state": application.state.as_str(),
        "institution": application.institution,
        "terminal": application.terminal,
        "mail": application.mail,
        "entered_at": application.entered_at.to_string(),
        "entered_by": application.entered_by.as_text(),
        "reason": reason,
    })
}

pub(super) fn application_id(text: &str) -> Result<ApplicationId, String> {
    ApplicationId::parse(text)
        .map_err(|_| "write its 32 hexadecimal digits (`tegata application list`)".to_owned())
}

fn day(text: &str) -> Result<CalendarDate, String> {
    CalendarDate::parse(text).map_err(|_| "write year-month-day, such as 2027-03-14".to_owned())
}
