//! The machine's clock is set while the server runs and while it rests (S7). Where it cannot be believed, nothing is
//! signed and no notice leaves until an operator confirms it; reading goes on, and nothing acknowledged is lost.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tegata_soak::Soak;
use tegata_system_tests::database::Kind;
use tegata_system_tests::dice::Dice;
use tegata_system_tests::http::Curl;
use tegata_system_tests::ledger::{self, Acknowledged};
use tegata_system_tests::openssl::{self, Holder};
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::tools::{DAY, command, eventually, run, set_clock_from, unix_now};

const CODE: &str = "0110119153";
const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const YEAR: i64 = 365 * DAY;
/// What a page says that takes nothing now (E-05).
const REFUSAL: &str = "ただいま、手続きを行うことができません";
/// What it says of a procedure that lasted too long (E-03).
const OVER: &str = "時間がたったため、この手続きを終了しました";
/// What the operator is told to do.
const REMEDY: &str = "tegata doctor --confirm-clock";

/// The steps of a clock while the server runs, and whether it may still be believed.
const STEPS: [(i64, bool); 7] = [
    (-HOUR - MINUTE, false),
    (4 * YEAR, false),
    (90 * DAY, false),
    (30 * MINUTE, true),
    (-30 * MINUTE, true),
    (-400 * DAY, false),
    (HOUR + MINUTE, false),
];

#[test]
fn s7_a_clock_that_steps_stops_signatures_until_an_operator_confirms_it() -> Result<()> {
    let soak = Soak::named("clocksteps");
    let count = soak.size(3, 40);
    let mut house = House::begin()?;
    let mut dice = Dice::new(7);
    for number in 0..count {
        let (step, is_believed) = match STEPS.get(number) {
            Some(step) => *step,
            None => thrown(&mut dice),
        };
        let what = || format!("step {number}: {step} s");
        house.step(step, is_believed).with_context(what)?;
    }
    house.rests()?;
    let faults = ledger::faults(&house.served.database, &house.told)?;
    ensure!(faults.is_empty(), "{faults:#?}");
    soak.report(count + 2, "steps of the clock", 0);
    Ok(())
}

/// A step of up to five years either way.
fn thrown(dice: &mut Dice) -> (i64, bool) {
    let lengths = [50 * MINUTE, 3 * HOUR, 90 * DAY, 5 * YEAR];
    let most = lengths.get(usize::try_from(dice.throw(4)).unwrap_or(0));
    let most = most.map_or(1, |most| most.unsigned_abs());
    let length = i64::try_from(dice.throw(most)).unwrap_or(0) + 1;
    // Between these two it depends on how many seconds the server needed.
    let length = if (59 * MINUTE..=61 * MINUTE).contains(&length) {
        2 * HOUR
    } else {
        length
    };
    let step = if dice.throw(2) == 0 { length } else { -length };
    (step, length < HOUR)
}

/// An installation on a machine whose clock can be set.
struct House {
    served: Served,
    /// The file that says how far the clock is ahead.
    clock: PathBuf,
    told: Vec<Acknowledged>,
    letter: Letter,
    key: String,
    number: usize,
}

impl House {
    fn begin() -> Result<Self> {
        let mut served = Served::start(Kind::Sqlite)?;
        served.add_institution(CODE, "見本医院")?;
        let letter = served.grant(CODE, "受付1号機")?;
        let mut told = Vec::new();
        let browser = served.browser("holder");
        ledger::collect(&browser, &served.public, &letter, served.folder(), |one| {
            told.push(one)
        })?;
        served.server()?.stop()?;
        Ok(Self {
            clock: served.folder().join("clock"),
            key: served.ca_key("subscriber")?,
            served,
            told,
            letter,
            number: 1,
        })
    }

    /// The clock is set by so many seconds while the server runs. At the end it is right, and the server rests.
    fn step(&mut self, step: i64, is_believed: bool) -> Result<()> {
        self.number += 1;
        let letter = self
            .served
            .grant(CODE, &format!("受付{}号機", self.number))?;
        self.serve(0)?;
        let before = self.mails()?;
        let browser = self.served.browser("steps");
        let site = format!("{}/p/rcd", self.served.public);
        let page = procedure::type_ids(&browser, &site, &letter)?;
        self.set(step)?;
        if is_believed {
            let page = procedure::set_password(&browser, &page, PASSWORD)?;
            self.told.push(Acknowledged::Made(letter.clone()));
            procedure::download(&browser, &page)?;
            self.set(0)?;
        } else {
            // Before the server looked at its clock again, too.
            let early = procedure::set_password(&browser, &page, PASSWORD);
            refused(early, step).context("at once")?;
            let said = |line: &str| line.contains("signing and notices stop");
            self.served.server()?.wait_for(said)?;
            refused(procedure::set_password(&browser, &page, PASSWORD), step)?;
            ensure!(self.mails()? == before, "mails came of the step");
            // Neither does a procedure that begins by the wrong clock leave anything to be signed later.
            let late = procedure::type_ids(&browser, &site, &letter)
                .and_then(|page| procedure::set_password(&browser, &page, PASSWORD));
            ensure!(late.is_err(), "it was signed late");
            self.reads_go_on()?;
            self.no_start(step)?;
            // A right clock alone is not enough: somebody must say so.
            self.no_start(0)?;
            self.served.cli(&["doctor", "--confirm-clock"])?.good()?;
            self.serve(0)?;
        }
        let told = &mut self.told;
        let folder = self.served.folder().to_owned();
        let public = &self.served.public;
        let holder = ledger::collect(&browser, public, &letter, &folder, |one| told.push(one))?;
        if !is_believed {
            is_dated_right(&self.served.subscriber_ca(), &holder)?;
        }
        self.served.server()?.stop()?;
        Ok(())
    }

    /// The clock is set while nothing runs: a weekend off is no jump, and back by more than a minute is.
    fn rests(&mut self) -> Result<()> {
        self.serve(3 * DAY)?;
        let browser = self.served.browser("weekend");
        let (public, letter) = (&self.served.public, &self.letter);
        let told = &mut self.told;
        ledger::collect(&browser, public, letter, self.served.folder(), |one| {
            told.push(one);
        })?;
        self.no_start(3 * DAY - 5 * MINUTE)?;
        self.served.cli(&["doctor", "--confirm-clock"])?.good()?;
        self.serve(0)?;
        eventually("nothing is put off by the weekend's clock", || {
            let database = &self.served.database;
            let now = unix_now();
            let ahead = database.number(&format!(
                "select count(*) from publication where this_update > {now}"
            ))?;
            Ok((ahead == 0).then_some(()))
        })?;
        self.served.server()?.stop()?;
        Ok(())
    }

    fn set(&self, ahead: i64) -> Result<()> {
        // In one move: the server reads the file at each look at its clock.
        let new = self.clock.with_extension("new");
        fs::write(&new, format!("{ahead:+}\n"))?;
        Ok(fs::rename(new, &self.clock)?)
    }

    fn serve(&mut self, ahead: i64) -> Result<()> {
        self.set(ahead)?;
        let mut command = self.served.command(&["serve"])?;
        set_clock_from(&mut command, &self.clock)?;
        self.served.serve_by(command)
    }

    /// The server ends, and does not start with this clock.
    fn no_start(&mut self, ahead: i64) -> Result<()> {
        if self.served.server()?.is_running()? {
            self.served.server()?.stop()?;
        }
        let started = self.serve(ahead);
        let told = format!("{:#}", started.err().context("it started")?);
        ensure!(told.contains(REMEDY), "{told}");
        Ok(())
    }

    /// Pages, lists, and the state of a certificate as far as it was signed before.
    fn reads_go_on(&self) -> Result<()> {
        let curl = self.served.curl().flag("--insecure");
        for path in ["/", "/p/rcr", "/p/rcd", "/p/rx", "/p/cert"] {
            let page = curl.get(&format!("{}{path}", self.served.public))?;
            ensure!(page.status == 200, "{path}: {}", page.status);
        }
        let list = format!("{}/crl/{}/all.crl", self.served.plain, self.key);
        let list = Curl::default().get(&list)?;
        openssl::crl_text(&self.served.subscriber_ca(), &list.body)?;
        Ok(())
    }

    fn mails(&self) -> Result<i64> {
        self.served.database.number("select count(*) from outbox")
    }
}

/// The certificate was made by the right clock: it is in force, and ends in three years and a quarter.
fn is_dated_right(ca: &Path, holder: &Holder) -> Result<()> {
    let leaf = holder.certificate.display().to_string();
    let mut verify = command("openssl", ["verify", "-CAfile"]);
    run(verify.arg(ca).arg(&leaf))?
        .good()
        .context("it is in force today")?;
    for (years, lives) in [(3, true), (4, false)] {
        let seconds = (years * YEAR).to_string();
        let ran = openssl::openssl(["x509", "-noout", "-checkend", &seconds, "-in", &leaf])?;
        let told = ran.all();
        ensure!(ran.status.success() == lives, "in {years} years: {told}");
    }
    Ok(())
}

/// The page of a refusal came; where hours seem to have passed, the one that the procedure ended.
fn refused<T>(done: Result<T>, step: i64) -> Result<()> {
    let told = format!("{:#}", done.err().context("it was signed")?);
    let is_refusal = told.starts_with("503") && told.contains(REFUSAL);
    let is_over = step > HOUR && told.starts_with("410") && told.contains(OVER);
    ensure!(is_refusal || is_over, "{told}");
    Ok(())
}
