//! The installation that two processes serve, and its days.

use std::cell::RefCell;
use std::sync::Mutex;
use std::thread;

use anyhow::{Result, ensure};
use tegata_system_tests::database::Kind;
use tegata_system_tests::dice::Dice;
use tegata_system_tests::ledger::{self, Acknowledged};
use tegata_system_tests::mail_server::MailServer;
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::tools::unix_now;

use super::calendar::{DAY, ZONE, renews};
use super::deaths::{Deaths, pause};
use super::operators::{CODE, is_granting, operate};
use super::replica::{Replica, first, ready, second, start};
use super::street::Street;
use super::terminal::terminal;

/// An installation that two processes serve, and everything that somebody was told.
pub(super) struct House {
    pub(super) served: Served,
    pub(super) mail_server: MailServer,
    pub(super) replicas: [Replica; 2],
    pub(super) told: Vec<Acknowledged>,
    /// Letters that nobody used yet.
    pub(super) posted: Vec<Letter>,
    /// Letters whose certificates were collected and may be revoked.
    pub(super) collected: Vec<Letter>,
    /// 失効申請番号 that wait for operators, each with its letter.
    pub(super) held: Vec<(Letter, String)>,
    /// Serial numbers of certificates that are left alone.
    pub(super) kept: Vec<String>,
    /// The letter of the newest of them, collected over and over.
    pub(super) again: Option<Letter>,
    /// The terminal that enrolled last, by its リクエストID.
    pub(super) enrolled: Option<String>,
    /// Midnight in Japan before the first day.
    pub(super) origin: i64,
    pub(super) dice: Dice,
}

impl House {
    /// An installation with its first certificates: one that is left alone, one that a terminal renews.
    pub(super) fn begin() -> Result<Self> {
        let mut served = Served::init(Kind::Postgres)?;
        served.configure(POLICY)?;
        let mail_server = MailServer::start(&served, &[])?;
        let replicas = [first(&served), second(&served)?];
        served.begin()?;
        served.add_institution(CODE, "見本医院")?;
        let mut house = Self {
            mail_server,
            replicas,
            told: Vec::new(),
            posted: Vec::new(),
            collected: Vec::new(),
            held: Vec::new(),
            kept: Vec::new(),
            again: None,
            enrolled: None,
            origin: 0,
            dice: Dice::new(11),
            served,
        };
        let letter = house.served.grant(CODE, "受付1号機")?;
        let browser = house.served.browser("first");
        let (told, folder) = (&mut house.told, house.served.folder());
        let public = &house.served.public;
        let holder = ledger::collect(&browser, public, &letter, folder, |one| told.push(one))?;
        house.kept.push(holder.serial);
        house.again = Some(letter);
        let letter = house.served.grant(CODE, "端末1号機")?;
        house.enrol_terminal(&letter)?;
        let letter = house.served.grant(CODE, "受付2号機")?;
        house.posted.push(letter);
        house.served.server()?.stop()?;
        let end = "select min(not_after) from certificate where kind = 'subscriber'";
        let end = house.served.database.number(end)?;
        house.origin = (end + ZONE).div_euclid(DAY) * DAY - ZONE - LEFT * DAY;
        Ok(house)
    }

    fn enrol_terminal(&mut self, letter: &Letter) -> Result<()> {
        let [first, _] = &self.replicas;
        let terminal = terminal(&self.served.folder().join("terminal"), &first.subscriber, 0)?;
        let reference = terminal.secret_file("reference", &letter.reference_id)?;
        let ids = ["enroll", "--request-id", &letter.request_id];
        let secret = ["--reference-id-file", &reference, "--no-backup"];
        terminal.run(&[&ids[..], &secret].concat())?.good()?;
        Ok(())
    }

    /// The work of a day: both processes serve, and one of them is killed and started again, or none.
    pub(super) fn day(&mut self, round: usize, with_kill: bool) -> Result<()> {
        let nine = self.origin + i64::try_from(round)? * DAY + HOUR;
        let ahead = nine - LEAD - i64::try_from(unix_now())?;
        self.served.set_clock_by(u64::try_from(ahead)?);
        let [first, second] = &self.replicas;
        let mut processes = [start(first, ahead)?, start(second, ahead)?];
        for process in &mut processes {
            ready(process)?;
        }
        let moment = EARLIEST + self.dice.throw(SPREAD);
        // Every other kill comes when the notices of the day are queued.
        let fake_now = i64::try_from(unix_now())? + ahead;
        let to_nine = u64::try_from((nine - fake_now).max(0))? * 1_000;
        let moment = match round % 2 {
            0 => moment,
            _ => to_nine + moment % 1_200,
        };

        let used = std::mem::take(&mut self.posted);
        let is_kept = round % KEPT == 7;
        let revoked = self.collected.pop();
        let ended = if is_granting(round) {
            None
        } else {
            self.held.pop()
        };
        let (deaths, told) = (Deaths::default(), Mutex::new(Vec::new()));
        let (replicas, folder) = (self.replicas.clone(), self.served.folder().to_owned());
        let street = |seed: u64| Street {
            replicas: &replicas,
            deaths: &deaths,
            told: &told,
            folder: folder.clone(),
            tls_ca: self.served.tls_ca(),
            ahead,
            dice: RefCell::new(Dice::new(seed * 1_000 + round as u64)),
        };
        let [people, terminals, clients] = [street(1), street(2), street(3)];
        let browser = self.served.browser("people");
        // Browsers and terminals take turns with the letters, of which one comes every other day.
        let (web, est) = used.split_at(if round % 4 == 1 { 0 } else { used.len() });
        let victim = self.dice.throw(2) == 0;
        let (served, told_of) = (&mut self.served, &told);
        let browser = &browser;
        let (revoked, ended) = (revoked.as_ref(), ended.as_ref());
        let (again, enrolled) = (self.again.as_ref(), self.enrolled.as_deref());
        let (holders, held, posted) = thread::scope(|scope| -> Result<_> {
            let people = scope.spawn(move || people.web(browser, web, revoked, again));
            let terminals = scope.spawn(move || terminals.est(est, enrolled));
            let client = renews(nine).then(|| scope.spawn(move || clients.renew()));
            let operators = scope.spawn(move || operate(served, round, ended, told_of));
            if with_kill {
                let [one, other] = &mut processes;
                let [of_one, of_other] = &replicas;
                let (process, replica) = if victim {
                    (one, of_one)
                } else {
                    (other, of_other)
                };
                pause(moment);
                deaths.turn();
                process.kill()?;
                *process = start(replica, ahead)?;
                ready(process)?;
                deaths.turn();
            } else {
                deaths.spare();
            }
            let posted = joined(operators)?;
            let (holders, held) = joined(people)?;
            joined(terminals)?;
            client.map_or(Ok(()), joined)?;
            Ok((holders, held, posted))
        })?;
        if is_kept {
            self.again = web.first().cloned();
            self.kept
                .extend(holders.into_iter().map(|holder| holder.serial));
        } else {
            self.collected.extend(web.iter().cloned());
        }
        let enrolled = est.last().map(|letter| letter.request_id.clone());
        self.enrolled = enrolled.or(self.enrolled.take());
        self.held.extend(held);
        self.posted.extend(posted);
        self.told
            .extend(told.into_inner().unwrap_or_else(|told| told.into_inner()));
        if with_kill {
            for process in &mut processes {
                let status = process.stop()?;
                ensure!(
                    status.success(),
                    "it ended with {status}: {}",
                    process.said()
                );
            }
            return Ok(());
        }
        self.settle(nine)
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match thread.join() {
        Ok(ended) => ended,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// A life of a month, so that notices of its end come within days; renewals at any time; any number of requests.
const POLICY: &str = "\n[policy.periods]\nvalidity_months = 1\nrenewal_days = 365\n\
                      [policy.hold]\nrate_per_hour = 1000\n";

/// Days of the first certificates that are left on the first day.
const LEFT: i64 = 8;

/// Seconds from midnight in Japan to the hour of the notices.
const HOUR: i64 = 9 * 3_600;

/// Seconds before that hour at which the processes of a day are started.
const LEAD: i64 = 4;

/// A kill comes so many milliseconds after the work of a day begins, and up to so many later.
const EARLIEST: u64 = 300;

const SPREAD: u64 = 2_500;

/// A certificate of every so many days is left alone, to be told of its end.
const KEPT: usize = 20;
