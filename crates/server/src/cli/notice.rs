//! `tegata notice`: how the notices of a certificate's end go out, and what goes out on a day (F6).

use clap::Subcommand;
use serde_json::{Value, json};
use tegata_app::{App, DueDay, DueEntry, Occasion};
use tegata_domain::reference::RequestId;
use tegata_domain::time::CalendarDate;

use super::acting::Acting;
use super::grant::request_id;
use super::output::{Listing, object};
use crate::failure::Outcome;
use crate::instance::Instance;

/// Rows fetched at once for a listing.
const PAGE: u32 = 500;

/// What to do about notices.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell what the run of a day queues as things stand: how many, or with --list each one.
    Due {
        /// The day in Japan, from today to 400 days ahead.
        #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
        on: CalendarDate,
        /// List each notice, with its addresses masked.
        #[arg(long)]
        list: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the last runs, the newest first.
    Runs {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send the notice about a certificate again: the text that holds now (role approver, examiner or help_desk).
    SendAgain {
        /// The request ID.
        #[arg(value_parser = request_id)]
        request_id: RequestId,
        /// Why, for the audit trail.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        acting: Acting,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List what came of the notices of the last days, by day and kind. Numbers stay when the mails are deleted.
    Sent {
        /// How many days, today included.
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=3_650))]
        days: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    let app = &instance.app;
    match command {
        Command::Due {
            on,
            list: true,
            json,
        } => list(app, on, json).await,
        Command::Due {
            on,
            list: false,
            json,
        } => {
            due(&app.due_on(on).await?, json);
            Ok(())
        }
        Command::Runs { json } => runs(app, json).await,
        Command::SendAgain {
            request_id,
            reason,
            acting,
            json,
        } => {
            let by = acting.authenticate(app).await?;
            let seen = app.newest_notice_of(&request_id).await?;
            let now = app.clock_now();
            let sent = app.send_notice_again(&request_id, seen.as_ref(), &reason, &by, now);
            let sent = sent.await?;
            let view = json!({
                "request_id": request_id,
                "kind": sent.kind.as_str(),
                "mails": sent.mails,
            });
            object(&view, json);
            Ok(())
        }
        Command::Sent { days, json } => sent(app, days, json).await,
    }
}

fn due(due: &DueDay, json: bool) {
    if json {
        let groups: Vec<Value> = due
            .groups
            .iter()
            .map(|group| {
                json!({
                    "occasion": occasion(group.occasion),
                    "days": days(group.occasion),
                    "kind": group.kind.as_str(),
                    "notices": group.notices,
                    "mails": group.mails,
                })
            })
            .collect();
        let view = json!({
            "day": due.day.to_string(),
            "queued": due.is_queued,
            "notices": due.notices(),
            "mails": due.mails(),
            "groups": groups,
        });
        return object(&view, true);
    }
    let mut listing = Listing::new(&["OCCASION", "DAYS", "KIND", "NOTICES", "MAILS"]);
    for group in &due.groups {
        let cells = vec![
            occasion(group.occasion).to_owned(),
            days(group.occasion).to_string(),
            group.kind.as_str().to_owned(),
            group.notices.to_string(),
            group.mails.to_string(),
        ];
        listing.push(cells, Value::Null);
    }
    listing.print(false);
}

async fn list(app: &App, on: CalendarDate, json: bool) -> Outcome<()> {
    let heads = &[
        "REQUEST ID",
        "KIND",
        "LEFT",
        "TERMINAL",
        "TO",
        "INSTITUTION",
    ];
    let mut listing = Listing::new(heads);
    let due = app.due_on(on).await?;
    let mut after = None;
    loop {
        let page = app.due_entries(&due, after.as_ref(), PAGE).await?;
        for entry in &page.entries {
            let cells = vec![
                entry.request_id.to_string(),
                entry.kind.as_str().to_owned(),
                entry.days_left.to_string(),
                entry.terminal.clone(),
                entry.mails.join(" "),
                entry.institution.clone(),
            ];
            listing.push(cells, entry_view(entry));
        }
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    listing.print(json);
    Ok(())
}

fn entry_view(entry: &DueEntry) -> Value {
    json!({
        "request_id": entry.request_id,
        "occasion": occasion(entry.occasion),
        "days": days(entry.occasion),
        "kind": entry.kind.as_str(),
        "institution": entry.institution,
        "terminal": entry.terminal,
        "days_left": entry.days_left,
        "to": entry.mails,
    })
}

async fn runs(app: &App, json: bool) -> Outcome<()> {
    let mut listing = Listing::new(&["DAY", "FINISHED", "MAILS"]);
    for run in app.notice_figures().await?.runs {
        let cells = vec![
            run.day.to_string(),
            run.finished_at.to_string(),
            run.mails.to_string(),
        ];
        let view = json!({
            "day": run.day.to_string(),
            "finished_at": run.finished_at.to_string(),
            "mails": run.mails,
        });
        listing.push(cells, view);
    }
    listing.print(json);
    Ok(())
}

async fn sent(app: &App, days: i64, json: bool) -> Outcome<()> {
    let mut listing = Listing::new(&["DAY", "KIND", "SENT", "WAITING", "GIVEN UP"]);
    for day in app.notice_tallies(days).await? {
        for kind in &day.kinds {
            let cells = vec![
                day.day.to_string(),
                kind.kind.as_str().to_owned(),
                kind.sent.to_string(),
                kind.waiting.to_string(),
                kind.dropped.to_string(),
            ];
            let view = json!({
                "day": day.day.to_string(),
                "kind": kind.kind.as_str(),
                "sent": kind.sent,
                "waiting": kind.waiting,
                "given_up": kind.dropped,
            });
            listing.push(cells, view);
        }
    }
    listing.print(json);
    Ok(())
}

/// The word of an occasion.
const fn occasion(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::End(_) => "end",
        Occasion::NotCollected(_) => "not_collected",
    }
}

/// Its days: left to the end, or since the approval.
const fn days(occasion: Occasion) -> i64 {
    match occasion {
        Occasion::End(days) | Occasion::NotCollected(days) => days,
    }
}

fn date(text: &str) -> Result<CalendarDate, String> {
    CalendarDate::parse(text).map_err(|_| "write a day such as 2026-09-30".to_owned())
}
