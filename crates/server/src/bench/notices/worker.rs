//! The process of `bench notices` that is killed: it runs the jobs of an instant and hands the mails that are due over
//! to whoever reads its output.
//!
//! Orders come a line each: `run CLOCK SYSTEM`, the two clocks in Unix seconds. Each mail is a line
//! `mail\tMESSAGE-ID\tADDRESS\tSUBJECT`, written before it is recorded as sent, like a mail server's answer; then
//! `done WAITING`, the number of mails that somebody else has claimed.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use tegata_app::App;
use tegata_domain::time::{Clock, ManualClock, Timestamp};

use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::instance::{open_store, parts};

/// Mails claimed at once.
const BURST: u32 = 500;
/// Mails handed over before it is recorded that they were.
const ABREAST: usize = 50;

/// Works until its input ends.
pub(in super::super) async fn work(file: &Path) -> Outcome<()> {
    let config = Config::load(file)?;
    let store = open_store(&config).await?;
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix(0)));
    let system = Arc::new(ManualClock::new(Timestamp::from_unix(0)));
    let mut made = parts(&config, store, Arc::<ManualClock>::clone(&clock))?;
    made.system_clock = Arc::<ManualClock>::clone(&system) as Arc<dyn Clock>;
    let app = App::open(made).await?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| failed(&error))?;
        let instants: Vec<i64> = line
            .split(' ')
            .skip(1)
            .filter_map(|word| word.parse().ok())
            .collect();
        let [now, system_now] = instants[..] else {
            return Err(failed(&line));
        };
        clock.set(Timestamp::from_unix(now));
        system.set(Timestamp::from_unix(system_now));
        app.run_due_jobs(app.clock_now()).await?;
        hand_over(&app).await?;
        let waiting = app.waiting_mails(1).await?.len();
        say(&format!("done {waiting}\n"))?;
    }
    Ok(())
}

async fn hand_over(app: &App) -> Outcome<()> {
    loop {
        let mails = app.claim_mails(BURST).await?;
        if mails.is_empty() {
            return Ok(());
        }
        for some in mails.chunks(ABREAST) {
            let mut lines = String::new();
            for mail in some {
                let (id, to, subject) = (&mail.message_id, mail.to.as_str(), &mail.text.subject);
                lines.push_str(&format!("mail\t{id}\t{to}\t{subject}\n"));
            }
            say(&lines)?;
            app.mails_sent(some).await?;
        }
    }
}

/// Hands lines over; what was written stands in the pipe, whatever becomes of this process.
fn say(lines: &str) -> Outcome<()> {
    let mut output = std::io::stdout().lock();
    (output.write_all(lines.as_bytes()))
        .and_then(|()| output.flush())
        .map_err(|error| failed(&error))
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::machine("follow the bench's orders", error, "run the bench again")
}
