//! One call with which the server writes to its disk fails, the first, the second, and so on, once or from
//! then on. The server refuses or ends; started again on a sound disk it knows everything that anybody
//! was told is done, and goes on.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tegata_soak::Soak;
use tegata_system_tests::ledger::{self, Acknowledged};
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::tools::{command, oracle, run};
use tempfile::TempDir;

const CODE: &str = "0110119153";
/// Errors of a disk by their numbers on Linux: EIO and ENOSPC.
const ERRORS: [&str; 2] = ["5", "28"];
/// Each of so many rounds counts calls from the start of the server; the others from the work on.
const START: usize = 5;
/// What a page says that takes nothing now (E-05).
const REFUSAL: &str = "ただいま、手続きを行うことができません";

#[test]
fn nothing_acknowledged_is_lost_when_a_call_to_the_disk_fails() -> Result<()> {
    let soak = Soak::named("ioerror");
    let calls = soak.size(10, 200);
    let mut house = House::begin()?;
    let (mut faults, mut failed) = (Vec::new(), 0);
    for number in 1..=calls {
        let case = Case::of(number);
        let found = house.round(&case).with_context(|| format!("{case:?}"))?;
        failed += usize::from(found.has_failed);
        let found = found.faults.into_iter();
        faults.extend(found.map(|fault| format!("{case:?}: {fault}")));
    }
    ensure!(faults.is_empty(), "{faults:#?}");
    // The work of a round is not longer than so many calls.
    ensure!(failed * 4 >= calls.min(40), "only {failed} calls failed");
    soak.report(
        calls,
        &format!("rounds on a failing disk, in which {failed} calls failed"),
        0,
    );
    Ok(())
}

/// Which call fails, and how.
#[derive(Debug)]
struct Case {
    call: usize,
    error: &'static str,
    /// Every later call fails too.
    lasts: bool,
    /// Calls are counted from the start of the server.
    from_start: bool,
}

impl Case {
    fn of(number: usize) -> Self {
        let from_start = number.is_multiple_of(START);
        Self {
            call: if from_start { number / START } else { number },
            error: ERRORS.iter().cycle().nth(number / 2).map_or("5", |e| e),
            lasts: !number.is_multiple_of(2),
            from_start,
        }
    }
}

/// How a round ended.
struct Found {
    has_failed: bool,
    faults: Vec<String>,
}

/// An installation that each round begins with anew.
struct House {
    served: Served,
    data: PathBuf,
    start: PathBuf,
    library: PathBuf,
    /// Not collected, and collected.
    letters: [Letter; 2],
    told: Vec<Acknowledged>,
    _folder: TempDir,
}

impl House {
    fn begin() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tegata-fault").tempdir()?;
        let data = folder.path().join("data");
        let mut served = Served::init_on(&data)?;
        served.begin()?;
        served.add_institution(CODE, "見本医院")?;
        let letters = [
            served.grant(CODE, "受付1号機")?,
            served.grant(CODE, "受付2号機")?,
        ];
        let mut told = Vec::new();
        let browser = served.browser("before");
        let [_, used] = &letters;
        ledger::collect(&browser, &served.public, used, served.folder(), |one| {
            told.push(one);
        })?;
        served.server()?.stop()?;
        let start = folder.path().join("start");
        fs::rename(&data, &start)?;
        let library = folder.path().join("fault.so");
        let mut compile = command("cc", ["-shared", "-fPIC", "-O1", "-o"]);
        run(compile.arg(&library).arg(oracle("fault.c")).arg("-ldl"))?.good()?;
        Ok(Self {
            served,
            data,
            start,
            library,
            letters,
            told,
            _folder: folder,
        })
    }

    fn round(&mut self, case: &Case) -> Result<Found> {
        let _ = fs::remove_dir_all(&self.data);
        run(command("cp", ["-a"]).arg(&self.start).arg(&self.data))?.good()?;
        let told = RefCell::new(self.told.clone());
        let mut faults = Vec::new();
        let began = self.serve_on_a_bad_disk(case);
        if began.is_ok() {
            let worked = self.work("bad", |one| told.borrow_mut().push(one));
            let is_running = self.served.server()?.is_running()?;
            for error in worked.into_iter().filter_map(Result::err) {
                let error = format!("{error:#}");
                let is_clean = error.contains("503") && error.contains(REFUSAL);
                if is_running && !is_clean {
                    faults.push(format!("not a clean refusal: {error}"));
                }
            }
        }
        let said = match &began {
            Ok(()) => {
                let server = self.served.server()?;
                server.kill()?;
                server.wait_for_end()?;
                server.said()
            }
            Err(error) => format!("{error:#}"),
        };
        let has_failed = said.contains("fault: ");
        ensure!(began.is_ok() || has_failed, "{said}");
        if said.contains("panicked") {
            faults.push(format!("it panicked: {said}"));
        }

        self.served.serve()?;
        faults.extend(ledger::faults(&self.served.database, &told.borrow())?);
        self.work_again(case).context("on a sound disk")?;
        self.served.server()?.kill()?;
        Ok(Found { has_failed, faults })
    }

    fn serve_on_a_bad_disk(&mut self, case: &Case) -> Result<()> {
        let from = self.served.folder().join("work-begins");
        let _ = fs::remove_file(&from);
        let mut command = self.served.command(&["serve"])?;
        command.env("LD_PRELOAD", &self.library);
        command.env("FAULT_FOLDER", &self.data);
        command.env("FAULT_CALL", case.call.to_string());
        command.env("FAULT_ERROR", case.error);
        if case.lasts {
            command.env("FAULT_LASTS", "1");
        }
        if !case.from_start {
            command.env("FAULT_FROM", &from);
        }
        self.served.serve_by(command)?;
        Ok(fs::write(from, "")?)
    }

    /// Somebody collects, and somebody revokes what he may have revoked before.
    fn work(&self, name: &str, told: impl Fn(Acknowledged)) -> [Result<()>; 2] {
        let (browser, public) = (self.served.browser(name), &self.served.public);
        let folder: &Path = self.served.folder();
        let [new, used] = &self.letters;
        [
            ledger::collect(&browser, public, new, folder, &told).map(drop),
            ledger::hold(&browser, public, used, &told),
        ]
    }
    /// One of the two does it again, whatever became of the first time.
    fn work_again(&self, case: &Case) -> Result<()> {
        let (browser, public) = (self.served.browser("good"), &self.served.public);
        let [new, used] = &self.letters;
        if case.call.is_multiple_of(2) {
            ledger::hold(&browser, public, used, drop)
        } else {
            ledger::collect(&browser, public, new, self.served.folder(), drop).map(drop)
        }
    }
}
