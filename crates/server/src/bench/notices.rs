//! `bench notices`: a whole certificate life in simulated days, with the processes that send the notices killed over and
//! over. What reached the mailboxes is held against what the golden table says (FR7, T57).
//!
//! On SQLite one process works, on another database two of them at the same time. Each is killed with SIGKILL, in the
//! middle of the day's run or between two mails, and started again; a mail that came twice with one Message-ID is
//! counted as repeated, since a mail server that lost the connection may get it again.

mod messages;
mod plan;
mod worker;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use tegata_domain::certificate::CertificateState;
use tegata_domain::entropy::{Entropy as _, SeededEntropy};
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, retrieval_end};
use tegata_domain::id::{GrantId, SerialNumber};
use tegata_domain::policy::Periods;
use tegata_domain::reference::{ReferenceScope, RequestId};
use tegata_domain::time::{ManualClock, Timestamp};
use tegata_store::{StoreError, Tx};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::fleet::{Fleet, Stored, Subscriber, address, reference};
use super::measure::{Figure, microseconds};
use super::world::World;
use crate::failure::{Failure, Outcome};
use crate::instance::database_failure;
use crate::system::SystemEntropy;
use plan::{IssueDay, Life, Told, day_of, life_of, notices_at, read_golden};
pub(super) use worker::work;

/// Days of the simulation before the first certificate ends.
const AHEAD: i64 = 95;
/// Seconds of the system's clock after which claims and leases of a killed process are over.
const OVER: i64 = 301;
/// A worker that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// Request IDs of successors begin here.
const SUCCESSORS: u64 = 5_000_000;

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

/// What came into the mailboxes on one day.
#[derive(Default)]
struct Received {
    /// Message-IDs and subjects by address.
    mails: BTreeMap<String, BTreeMap<String, String>>,
    repeated: u64,
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

/// What happens to a certificate on a day.
struct Event {
    number: u64,
    serial: SerialNumber,
    grant: GrantId,
    not_after: Timestamp,
    life: Life,
    /// Days to its last one.
    left: i64,
}

impl Event {
    fn of(case: &Case, place: usize, left: i64) -> Option<Self> {
        Some(Self {
            number: SUCCESSORS + u64::try_from(place).ok()?,
            serial: case.stored.serial,
            grant: case.stored.grant.clone(),
            not_after: Timestamp::from_unix(case.row.not_after),
            life: case.life,
            left,
        })
    }

    async fn happen(
        &self,
        tx: &mut Tx,
        periods: &Periods,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let serial = &self.serial;
        match self.life {
            Life::Renewed { on, .. } if self.left == on => {
                let window_end = retrieval_end(self.not_after, periods);
                renew(tx, self, window_end, at).await
            }
            Life::Renewed { .. } => see(tx, *serial, at).await,
            Life::Held { from, .. } if self.left == from => {
                let held = CertificateState::OnHold { at };
                tx.move_certificate(serial, &CertificateState::Issued, &held)
                    .await
            }
            Life::Held { .. } => {
                let held = tx.certificate(serial).await?.map(|record| record.state);
                let held = held.unwrap_or(CertificateState::Issued);
                tx.move_certificate(serial, &held, &CertificateState::Issued)
                    .await
            }
            Life::Revoked { .. } => {
                let revoked = CertificateState::Revoked { at, reason: None };
                tx.move_certificate(serial, &CertificateState::Issued, &revoked)
                    .await
            }
            Life::Kept => Ok(true),
        }
    }
}

/// Lets everything happen that a day brings.
async fn live(world: &World, events: Vec<Event>, day: i64) -> Outcome<()> {
    let periods = world.app.policy().periods.clone();
    let at = at_day(day);
    let done = world.store.write(move |tx| {
        Box::pin(async move {
            let mut done = true;
            for event in &events {
                done &= event.happen(tx, &periods, at).await?;
            }
            Ok::<_, StoreError>(done)
        })
    });
    let done = done
        .await
        .map_err(|error| database_failure("let a day pass", &error))?;
    if done {
        Ok(())
    } else {
        Err(failed("let a day pass"))
    }
}

/// A renewal that was collected at once.
async fn renew(
    tx: &mut Tx,
    event: &Event,
    window_end: Timestamp,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Some(old) = tx.grant(&event.grant).await? else {
        return Ok(false);
    };
    let (row, stored) = reference(at, ReferenceScope::Renewal);
    let serial = SerialNumber::generate(&SystemEntropy);
    let grant = Grant {
        id: GrantId::generate(at, &SystemEntropy),
        request_id: RequestId::new(at.japan_date(), event.number),
        origin: GrantOrigin::Renewal {
            predecessor: event.serial,
        },
        approved_at: at,
        not_after: at.plus_months(39),
        window_end,
        state: GrantState::Collected { serial, at },
        ..old
    };
    tx.insert_grant(&grant, &row, &stored, b"").await?;
    Ok(true)
}

/// The newer certificate is used.
async fn see(tx: &mut Tx, predecessor: SerialNumber, at: Timestamp) -> Result<bool, StoreError> {
    let successors = tx.successors_of(&predecessor).await?;
    let Some(grant) = successors.into_iter().next() else {
        return Ok(false);
    };
    let Some(serial) = grant.state.serial() else {
        return Ok(false);
    };
    let seen = GrantState::SeenInUse { serial, at };
    tx.move_grant(&grant.id, &grant.state, &seen).await
}

/// The processes that work.
struct Crew {
    file: PathBuf,
    workers: Vec<Worker>,
    /// How far the system's clock is ahead of the day's.
    ahead: i64,
}

struct Worker {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Crew {
    async fn start(file: &Path, processes: usize) -> Outcome<Self> {
        let mut workers = Vec::new();
        for _ in 0..processes {
            workers.push(Worker::start(file)?);
        }
        Ok(Self {
            file: file.to_owned(),
            workers,
            ahead: 0,
        })
    }

    /// Lets every process work until no mail waits; those that are killed begin again.
    async fn pass_day(
        &mut self,
        day: i64,
        killer: &mut Killer,
        received: &mut Received,
    ) -> Outcome<()> {
        let now = notices_at(day);
        loop {
            let order = format!("run {now} {}\n", now + self.ahead);
            for worker in &mut self.workers {
                worker.order(&order).await?;
            }
            let mut waiting = false;
            for place in 0..self.workers.len() {
                let Some(worker) = self.workers.get_mut(place) else {
                    continue;
                };
                let end = killer.end_of(day);
                match worker.listen(end, received).await? {
                    Some(left) => waiting |= left > 0,
                    None => {
                        killer.done += 1;
                        waiting = true;
                        *worker = Worker::start(&self.file)?;
                    }
                }
            }
            if !waiting {
                return Ok(());
            }
            self.ahead += OVER;
        }
    }

    async fn end(self) -> Outcome<()> {
        for mut worker in self.workers {
            drop(worker.orders);
            let ended = worker.child.wait().await;
            let ended = ended.map_err(|error| broken("end a process", &error))?;
            if !ended.success() {
                return Err(failed("end a process"));
            }
        }
        Ok(())
    }
}

impl Worker {
    fn start(file: &Path) -> Outcome<Self> {
        let program = std::env::current_exe().map_err(|error| broken("find myself", &error))?;
        let mut child = Command::new(program)
            .args(["bench", "notices", "--worker"])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| broken("start a process", &error))?;
        let orders = child.stdin.take();
        let answers = child.stdout.take();
        let (orders, answers) = orders
            .zip(answers)
            .ok_or_else(|| failed("speak to a process"))?;
        Ok(Self {
            child,
            orders,
            answers: BufReader::new(answers).lines(),
        })
    }

    async fn order(&mut self, order: &str) -> Outcome<()> {
        self.orders
            .write_all(order.as_bytes())
            .await
            .map_err(|error| broken("give an order", &error))
    }

    /// Takes mails until the work is done, and answers how many wait; `None` where the process was killed on the way.
    async fn listen(&mut self, end: Option<End>, received: &mut Received) -> Outcome<Option<u64>> {
        let mut mails = 0;
        if let Some(End::AfterTime(pause)) = end {
            tokio::time::sleep(pause).await;
            self.kill().await?;
        }
        loop {
            let line = timeout(PATIENCE, self.answers.next_line())
                .await
                .map_err(|error| broken("hear of a process", &error))?
                .map_err(|error| broken("hear of a process", &error))?;
            let Some(line) = line else {
                return end
                    .map(|_| None)
                    .ok_or_else(|| failed("keep a process running"));
            };
            match line.split_once(' ') {
                Some(("done", waiting)) if end.is_none() => {
                    return Ok(Some(waiting.parse().unwrap_or(0)));
                }
                // What it wrote before its end is read to the last line.
                Some(("done", _)) => self.kill().await?,
                _ => {
                    received.take(&line);
                    mails += 1;
                    if end == Some(End::AfterMails(mails)) {
                        self.kill().await?;
                    }
                }
            }
        }
    }

    async fn kill(&mut self) -> Outcome<()> {
        let killed = self.child.kill().await;
        killed.map_err(|error| broken("kill a process", &error))
    }
}

impl Received {
    fn take(&mut self, line: &str) {
        let mut cells = line.split('\t').skip(1);
        let (Some(id), Some(to), Some(subject)) = (cells.next(), cells.next(), cells.next()) else {
            return;
        };
        let mails = self.mails.entry(to.to_owned()).or_default();
        if mails.insert(id.to_owned(), subject.to_owned()).is_some() {
            self.repeated += 1;
        }
    }
}

/// When a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    AfterMails(u64),
    AfterTime(Duration),
}

/// Who says on which days a process is killed.
struct Killer {
    entropy: SeededEntropy,
    days: Vec<i64>,
    done: u32,
}

impl Killer {
    fn new(options: &Options, begin: i64) -> Self {
        let mut killer = Self {
            entropy: SeededEntropy::new(options.seed),
            days: Vec::new(),
            done: 0,
        };
        let days = u64::from(options.days.max(1));
        for _ in 0..options.kills {
            let day = i64::try_from(killer.below(days)).unwrap_or(0);
            killer.days.push(begin + day);
        }
        killer.days.sort_unstable_by(|a, b| b.cmp(a));
        killer
    }

    /// How the process that works now ends, where one of this day's turns is left.
    fn end_of(&mut self, day: i64) -> Option<End> {
        self.days.pop_if(|next| *next == day)?;
        Some(if self.below(2) == 0 {
            End::AfterMails(1 + self.below(40))
        } else {
            End::AfterTime(Duration::from_micros(self.below(60_000)))
        })
    }

    fn below(&self, limit: u64) -> u64 {
        let mut octets = [0; 8];
        self.entropy.fill(&mut octets);
        u64::from_be_bytes(octets) % limit
    }
}

/// What the mailboxes held, against what they should.
#[derive(Default)]
struct Verdict {
    expected: usize,
    told: usize,
    missing: usize,
    duplicate: usize,
    unexpected: usize,
    repeated: u64,
    first: Option<String>,
    /// The cases by the last day of their certificates.
    ends: BTreeMap<i64, Vec<usize>>,
}

impl Verdict {
    fn of(cases: &[Case]) -> Self {
        let mut verdict = Self::default();
        for (place, case) in cases.iter().enumerate() {
            let last = day_of(case.row.not_after);
            verdict.ends.entry(last).or_default().push(place);
        }
        verdict
    }

    /// Judges what came on a day: nothing is due longer than 100 days before an end or 10 days after it.
    fn judge_day(&mut self, cases: &[Case], received: &Received, day: i64) {
        self.repeated += received.repeated;
        let near: Vec<usize> = (self.ends.range(day - 10..=day + 100))
            .flat_map(|(_, places)| places.iter().copied())
            .collect();
        let mut known = 0;
        for place in near {
            let Some(case) = cases.get(place) else {
                continue;
            };
            let left = day_of(case.row.not_after) - day;
            let to = address(place as u64 + 1);
            let mails = received.mails.get(&to);
            known += usize::from(mails.is_some());
            let wanted = case.life.told(case.row.not_after, left);
            self.judge(wanted, mails, left, (&to, day));
        }
        let strange = received.mails.len() - known;
        if strange > 0 {
            self.unexpected += strange;
            self.note(("somebody", day), "nothing was due for months");
        }
    }

    fn judge(
        &mut self,
        wanted: Option<Told>,
        mails: Option<&BTreeMap<String, String>>,
        left: i64,
        key: (&str, i64),
    ) {
        let count = mails.map_or(0, BTreeMap::len);
        self.told += count;
        self.expected += usize::from(wanted.is_some());
        match (wanted, mails) {
            (None, None) => {}
            (None, Some(_)) => {
                self.unexpected += count;
                self.note(key, "nothing is due");
            }
            (Some(_), None) => {
                self.missing += 1;
                self.note(key, "nothing came");
            }
            (Some(told), Some(mails)) => {
                self.duplicate += count - 1;
                if count > 1 {
                    self.note(key, "more than one came");
                }
                for subject in mails.values().filter(|subject| !says(subject, told, left)) {
                    self.unexpected += 1;
                    self.note(key, subject);
                }
            }
        }
    }

    fn note(&mut self, (to, day): (&str, i64), what: &str) {
        self.first
            .get_or_insert_with(|| format!("{to} on day {day}: {what}"));
    }
}

/// Whether a subject is that of the text, with the days that are left.
fn says(subject: &str, told: Told, left: i64) -> bool {
    let names_days = || subject.contains(&messages::days_left(left));
    match told {
        Told::Expired => subject.contains(messages::EXPIRED),
        Told::Expiring => !subject.contains(messages::UNUSED) && names_days(),
        Told::Unused => subject.contains(messages::UNUSED) && names_days(),
    }
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
