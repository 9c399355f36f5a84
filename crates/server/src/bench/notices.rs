//! `bench notices`: a whole certificate life in simulated days, with the processes that send the notices killed over and
//! over. What reached the mailboxes is held against what the golden table says (FR7, T57).
//!
//! On SQLite one process works, on another database two of them at the same time. Each is killed with SIGKILL, in the
//! middle of the day's run or between two mails, and started again; a mail that came twice with one Message-ID is
//! counted as repeated, since a mail server that lost the connection may get it again.

mod crew;
mod events;
mod messages;
mod plan;
mod verdict;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use tegata_domain::time::{ManualClock, Timestamp};

pub(super) use self::worker::work;

use self::crew::{Crew, Killer, Received};
use self::events::{Event, live};
use self::plan::{IssueDay, Life, day_of, life_of, notices_at, read_golden};
use self::verdict::Verdict;

use super::fleet::{Fleet, Stored, Subscriber};
use super::measure::{Figure, microseconds};
use super::world::World;
use crate::failure::{Failure, Outcome};

/// Days of the simulation before the first certificate ends.
const AHEAD: i64 = 95;
/// What `bench notices` takes beside the count.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// `notices`: days to simulate.
    #[arg(long, default_value_t = 1_187)]
    days: u32,
    /// `notices`: how often a process is killed.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// `notices`, `pg`: an empty database; for `notices` in place of a file, with two processes.
    #[arg(long, value_name = "URL")]
    pub(super) database: Option<String>,
    /// `notices`: the golden table of issue days.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "crates/domain/tests/golden/issue_days.csv"
    )]
    golden: PathBuf,
    /// `notices`: when the processes are killed follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Be the process that is killed.
    #[arg(long, hide = true, value_name = "FILE")]
    pub(super) worker: Option<PathBuf>,
}

/// A certificate with what happens to it.
struct Case {
    stored: Stored,
    row: IssueDay,
    life: Life,
}

/// Simulates `days` days for `n` certificates.
pub(super) async fn run(n: usize, options: &Options) -> Outcome<Figure> {
    let rows = read_golden(&options.golden)?;
    let days = i64::from(options.days);
    let first = rows.first().ok_or_else(|| failed("find a day"))?;
    let begin = day_of(first.not_after) - AHEAD;
    let clock = Arc::new(ManualClock::new(at_day(begin - 1)));
    let overrides = "[policy.ca]\nkey = \"p256\"\nkey_pool = 0\n";
    let database = options.database.as_deref();
    let world = World::make_at("notices", database, overrides, clock).await?;
    let cases = load(&world, &rows, n, days).await?;
    let mut events: BTreeMap<i64, Vec<(usize, i64)>> = BTreeMap::new();
    for (place, case) in cases.iter().enumerate() {
        for left in case.life.days() {
            let day = day_of(case.row.not_after) - left;
            events.entry(day).or_default().push((place, left));
        }
    }
    let processes = if database.is_some() { 2 } else { 1 };
    let mut crew = Crew::start(&world.file, processes).await?;
    let mut killer = Killer::new(options, begin);
    let mut verdict = Verdict::of(&cases);
    let mut each_day = Vec::new();
    let started = Instant::now();
    for day in begin..begin + days {
        let events = events.remove(&day).unwrap_or_default();
        let events: Vec<Event> = (events.into_iter())
            .filter_map(|(place, left)| Event::of(cases.get(place)?, place, left))
            .collect();
        live(&world, events, day).await?;
        let morning = Instant::now();
        let mut received = Received::default();
        crew.pass_day(day, &mut killer, &mut received).await?;
        each_day.push(microseconds(morning));
        verdict.judge_day(&cases, &received, day);
    }
    let wall_s = started.elapsed().as_secs_f64();
    crew.end().await?;
    world.end().await?;
    each_day.sort_unstable();
    let figure = Figure {
        name: "notices".to_owned(),
        ops: verdict.told,
        cpu_s: 0.0,
        wall_s,
        latencies_us: each_day,
        rss_kb: 0,
        ratio_to_raw: None,
        further: vec![
            ("certificates", json!(n)),
            ("days", json!(days)),
            ("processes", json!(processes)),
            ("kills", json!(killer.done)),
            ("expected", json!(verdict.expected)),
            ("missing", json!(verdict.missing)),
            ("duplicate", json!(verdict.duplicate)),
            ("unexpected", json!(verdict.unexpected)),
            ("repeated", json!(verdict.repeated)),
        ],
    };
    if verdict.missing + verdict.duplicate + verdict.unexpected > 0 {
        crate::cli::line(figure.json());
        return Err(Failure::new(
            format!(
                "missing={} duplicate={} unexpected={}, first: {}",
                verdict.missing,
                verdict.duplicate,
                verdict.unexpected,
                verdict.first.unwrap_or_default()
            ),
            "repeat it with the same --seed; the run of notices is wrong",
        ));
    }
    Ok(figure)
}

/// `n` certificates that end one after the other over the simulated days.
async fn load(world: &World, rows: &[IssueDay], n: usize, days: i64) -> Outcome<Vec<Case>> {
    let fleet = Fleet::prepare(world).await?;
    let days = usize::try_from(days).unwrap_or(0);
    let chosen: Option<Vec<IssueDay>> = (0..n)
        .map(|place| rows.get(place * days / n).copied())
        .collect();
    let chosen = chosen.ok_or_else(|| failed("find so many days in the golden table"))?;
    let subscribers: Vec<Subscriber> = (1..)
        .zip(&chosen)
        .map(|(number, row)| Subscriber {
            number,
            approved_at: Timestamp::from_unix(row.approved_at),
            not_after: Timestamp::from_unix(row.not_after),
        })
        .collect();
    let stored = fleet.store(world, &subscribers).await?;
    Ok((1..)
        .zip(stored.into_iter().zip(chosen))
        .map(|(number, (stored, row))| Case {
            stored,
            row,
            life: life_of(number),
        })
        .collect())
}

/// 00:00 in Japan.
fn at_day(day: i64) -> Timestamp {
    Timestamp::from_unix(notices_at(day)).japan_date().start()
}

fn failed(doing: &str) -> Failure {
    Failure::new(
        format!("the bench could not {doing}"),
        "repeat it with the same --seed",
    )
}

fn broken(doing: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::machine(doing, error, "repeat it with the same --seed")
}
