//! The power of the server's disk is cut while clerks collect and revoke and operators decide. When it is
//! back, everything that anybody was told is done is there, and the database is in order (S1, F5).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tegata_soak::Soak;
use tegata_system_tests::browser::Browser;
use tegata_system_tests::dice::Dice;
use tegata_system_tests::disk::Disk;
use tegata_system_tests::json::text;
use tegata_system_tests::ledger::{self, Acknowledged};
use tegata_system_tests::openssl;
use tegata_system_tests::served::{Letter, Served};

const CODE: &str = "0110119153";
/// Clerks who work at the same time.
const CLERKS: usize = 3;
/// The cut comes so many milliseconds after the work begins, and up to so many later.
const EARLIEST: u64 = 200;
const SPREAD: u64 = 2_500;
/// More than one address asks to revoke in an hour.
const POLICY: &str = "\n[policy.hold]\nrate_per_hour = 1000\n";

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut() -> Result<()> {
    let soak = Soak::named("powercut");
    let rounds = soak.size(3, 50);
    let mut house = House::begin()?;
    let mut faults = Vec::new();
    for round in 0..rounds {
        let found = house.round(round).with_context(|| format!("cut {round}"))?;
        faults.extend(
            found
                .into_iter()
                .map(|fault| format!("cut {round}: {fault}")),
        );
    }
    ensure!(faults.is_empty(), "{faults:#?}");
    let acts = house.told.len();
    ensure!(acts > rounds, "only {acts} acts were acknowledged");
    soak.report(rounds, &format!("power cuts, {acts} acts acknowledged"), 0);
    Ok(())
}

/// An installation on a disk of its own, and what it acknowledged.
struct House {
    disk: Disk,
    served: Served,
    told: Vec<Acknowledged>,
    /// Letters that nobody used yet.
    posted: Vec<Letter>,
    /// Letters whose certificates are in use.
    collected: Vec<Letter>,
}

/// Somebody at an institution, for one round.
struct Clerk {
    browser: Browser,
    public: String,
    folder: std::path::PathBuf,
    collects: Vec<Letter>,
    revokes: Option<Letter>,
    told: Sender<Acknowledged>,
    is_cut: Arc<AtomicBool>,
}

impl House {
    fn begin() -> Result<Self> {
        let disk = Disk::make(96)?;
        let mut served = Served::init_on(&disk.folder().join("data"))?;
        // What `init` made must be there, however soon the power is cut.
        disk.cut()?;
        disk.plug_in_again()?;
        served.configure(POLICY)?;
        served.begin()?;
        served.add_institution(CODE, "見本医院")?;
        let mut posted = Vec::new();
        for number in 0..CLERKS {
            posted.push(served.grant(CODE, &format!("受付{number}号機"))?);
        }
        Ok(Self {
            disk,
            served,
            told: Vec::new(),
            posted,
            collected: Vec::new(),
        })
    }

    /// Work, a cut in its midst, and a look at what is left. Answers what is wrong.
    fn round(&mut self, round: usize) -> Result<Vec<String>> {
        let is_cut = Arc::new(AtomicBool::new(false));
        let (told, acknowledged) = channel();
        let revoked = match self.collected.len() {
            0..CLERKS => None,
            _ => self.collected.pop(),
        };
        let mut used = std::mem::take(&mut self.posted);
        used.append(&mut self.collected);
        let mut clerks = Vec::new();
        for number in 0..CLERKS {
            let mine = used.iter().skip(number).step_by(CLERKS);
            let clerk = Clerk {
                browser: self.served.browser(&format!("clerk{number}")),
                public: self.served.public.clone(),
                folder: self.served.folder().to_owned(),
                collects: mine.cloned().collect(),
                revokes: revoked.clone().filter(|_| number == 0),
                told: told.clone(),
                is_cut: Arc::clone(&is_cut),
            };
            clerks.push(thread::spawn(move || clerk.work()));
        }
        let cutter = self.cut_soon(round, Arc::clone(&is_cut))?;
        let mut number = 0;
        // In every other round nobody but the server has the database open, so that nobody else syncs it.
        while round.is_multiple_of(2) && !is_cut.load(Ordering::Acquire) {
            number += 1;
            let terminal = format!("診察{round}-{number}号機");
            let granted = self.grant(&terminal, &told, &is_cut);
            ensure!(
                granted.is_ok() || is_cut.load(Ordering::Acquire),
                "an operator failed before the cut: {granted:?}"
            );
        }
        drop(told);
        for clerk in clerks {
            joined(clerk)?;
        }
        joined(cutter)?;
        let told: Vec<_> = acknowledged.iter().collect();
        let has_file = |letter: &Letter| {
            let mut told = told.iter();
            told.any(|one| matches!(one, Acknowledged::Collected(of, _) if of == letter))
        };
        let (collected, left): (Vec<_>, Vec<_>) = used.into_iter().partition(has_file);
        self.collected.extend(collected);
        self.posted.extend(left);
        self.told.extend(told);

        self.served.server()?.kill()?;
        self.disk.plug_in_again()?;
        self.served.serve()?;
        let mut faults = ledger::faults(&self.served.database, &self.told)?;
        self.served.cli(&["doctor"])?.good()?;
        faults.extend(self.wrong_statuses()?);
        Ok(faults)
    }

    /// Cuts the power at a moment that the round's number chooses.
    fn cut_soon(&self, round: usize, is_cut: Arc<AtomicBool>) -> Result<JoinHandle<Result<()>>> {
        let mut dice = Dice::new(u64::try_from(round).unwrap_or_default());
        let moment = Duration::from_millis(EARLIEST + dice.throw(SPREAD));
        let knife = self.disk.knife()?;
        Ok(thread::spawn(move || {
            let (_nobody, bell) = channel::<()>();
            // Nobody rings: this is a wait.
            let _ = bell.recv_timeout(moment);
            is_cut.store(true, Ordering::Release);
            knife.cut()
        }))
    }

    /// An application becomes a posted letter; each step is told once it is acknowledged.
    fn grant(
        &mut self,
        terminal: &str,
        told: &Sender<Acknowledged>,
        is_cut: &AtomicBool,
    ) -> Result<()> {
        let told = |one| {
            if !is_cut.load(Ordering::Acquire) {
                let _ = told.send(one);
            }
        };
        let enter = ["grant", "enter", "--class", "medical", "--code", CODE];
        let with = ["--terminal", terminal, "--mail", "uketsuke@clinic.example"];
        let entered = self
            .served
            .act("intake", &[&enter[..], &with[..]].concat())?;
        let application = text(&entered, "application")?.to_owned();
        told(Acknowledged::Entered(application.clone()));
        self.served
            .act("examiner", &["grant", "examine", &application])?;
        let grant = self
            .served
            .act("approver", &["grant", "approve", &application])?;
        let request_id = text(&grant, "request_id")?.to_owned();
        told(Acknowledged::Granted(request_id.clone()));
        let letter = self
            .served
            .act_of_two("dispatcher", &["grant", "letter", &request_id])?;
        let reference_id = text(&letter, "reference_id")?.to_owned();
        self.served
            .act("dispatcher", &["grant", "post", &request_id])?;
        if !is_cut.load(Ordering::Acquire) {
            self.posted.push(Letter {
                request_id,
                reference_id,
            });
        }
        Ok(())
    }

    /// What OCSP says otherwise than a holder was told.
    fn wrong_statuses(&self) -> Result<Vec<String>> {
        let (ca, url) = (
            self.served.subscriber_ca(),
            format!("{}/ocsp", self.served.plain),
        );
        let is_held = |of: &Letter| {
            let mut told = self.told.iter();
            told.any(|one| matches!(one, Acknowledged::Held(letter, _) if letter == of))
        };
        let mut faults = Vec::new();
        for one in &self.told {
            let Acknowledged::Collected(letter, holder) = one else {
                continue;
            };
            if is_held(letter) {
                let told = openssl::ocsp(&url, &ca, &holder.certificate, false)?;
                if told.status != "revoked" {
                    faults.push(format!("{} is held, yet {told:?}", holder.serial));
                }
            }
        }
        Ok(faults)
    }
}

impl Clerk {
    /// Collects, revokes, and collects again until the power is gone. A failure before is an error.
    fn work(self) -> Result<()> {
        match self.work_on() {
            Err(error) if !self.is_cut.load(Ordering::Acquire) => Err(error),
            _ => Ok(()),
        }
    }

    fn work_on(&self) -> Result<()> {
        // A page that comes when the power is gone binds nobody: no server could have sent it. A sync that was
        // under way as the file system was shut down may answer that it is done.
        let told = |one| {
            if !self.is_cut.load(Ordering::Acquire) {
                let _ = self.told.send(one);
            }
        };
        if let Some(letter) = &self.revokes {
            ledger::hold(&self.browser, &self.public, letter, told)?;
        }
        while !self.is_cut.load(Ordering::Acquire) {
            for letter in &self.collects {
                ledger::collect(&self.browser, &self.public, letter, &self.folder, told)?;
            }
            if self.collects.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

fn joined(thread: JoinHandle<Result<()>>) -> Result<()> {
    match thread.join() {
        Ok(ended) => ended,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
