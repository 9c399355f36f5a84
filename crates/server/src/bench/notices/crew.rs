//! The processes that work, what they hand over, and when each of them is killed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tegata_domain::entropy::{Entropy as _, SeededEntropy};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::plan::notices_at;
use super::{Options, broken, failed};
use crate::failure::Outcome;

/// The processes that work.
pub(super) struct Crew {
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
    pub(super) async fn start(file: &Path, processes: usize) -> Outcome<Self> {
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
    pub(super) async fn pass_day(
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

    pub(super) async fn end(self) -> Outcome<()> {
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

/// What came into the mailboxes on one day.
#[derive(Default)]
pub(super) struct Received {
    /// Message-IDs and subjects by address.
    pub(super) mails: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) repeated: u64,
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
pub(super) struct Killer {
    pub(super) entropy: SeededEntropy,
    pub(super) days: Vec<i64>,
    pub(super) done: u32,
}

impl Killer {
    pub(super) fn new(options: &Options, begin: i64) -> Self {
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

/// Seconds of the system's clock after which claims and leases of a killed process are over.
const OVER: i64 = 301;

/// A worker that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);
