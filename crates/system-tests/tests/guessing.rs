//! Guessing (I3, T16, FS9): wrong pairs of IDs from several sources at once, while whoever has the letter gets in each
//! time, from the guessers' own addresses too.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use tegata_soak::Soak;
use tegata_system_tests::database::Kind;
use tegata_system_tests::http::{Curl, encode_form};
use tegata_system_tests::process::Process;
use tegata_system_tests::served::{Letter, Served};

const CODE: &str = "0110119153";
/// Addresses that guess.
const SOURCES: usize = 8;
/// Guesses of one address that are under way at once.
const ABREAST: &str = "16";
/// What `policy.guessing` of the profile `obn` answers in a minute and for one source: the rest is refused.
const BUDGET: usize = 60;

#[test]
fn whoever_has_the_letter_gets_in_while_others_guess() -> Result<()> {
    let soak = Soak::named("guessing");
    let guesses = soak.size(4_000, 100_000) / SOURCES;
    let mut served = Served::start(Kind::Sqlite)?;
    served.add_institution(CODE, "見本医院")?;
    let letter = served.grant(CODE, "受付1号機")?;
    let addresses: Vec<String> = (2..2 + SOURCES).map(|n| format!("127.0.0.{n}")).collect();
    let mut guessers = Vec::new();
    for address in &addresses {
        guessers.push(guess(&served, &letter, address, guesses)?);
    }
    let (mut refused, mut entered) = (0, 0);
    while any_is_running(&mut guessers)? {
        for address in addresses.iter().map(String::as_str).chain(["127.0.0.1"]) {
            if enters(&served, &letter, address)? {
                entered += 1;
            } else {
                refused += 1;
            }
        }
    }
    ensure!(entered > SOURCES, "the guessers ended too early");
    let (mut answered, mut strange) = (0, 0);
    for mut guesser in guessers {
        let codes = codes(&mut guesser)?;
        let told = |code: &str| codes.get(code).copied().unwrap_or(0);
        let (wrong, throttled) = (told("400"), told("429"));
        ensure!(codes.len() == 2, "{codes:?}");
        ensure!(throttled > 0, "one source was never refused: {codes:?}");
        answered += wrong;
        strange += guesses - wrong - throttled;
    }
    let said = served.server()?.said();
    ensure!(said.contains("alarm_per_minute"), "no alarm: {said}");
    eprintln!("{entered} right ones meanwhile, {answered} wrong ones answered");
    let what = format!("wrong answers from {SOURCES} sources");
    soak.report(guesses * SOURCES, &what, refused + strange);
    Ok(())
}

/// A wrong answer waits; a right one that comes later, from the same source, overtakes it (I3).
#[test]
fn a_right_answer_overtakes_the_wrong_ones_of_its_source() -> Result<()> {
    let mut served = Served::start(Kind::Sqlite)?;
    served.add_institution(CODE, "見本医院")?;
    let letter = served.grant(CODE, "受付1号機")?;
    let address = "127.0.0.2";
    let mut guesser = guess(&served, &letter, address, BUDGET)?;
    // Five are answered at once (`free_per_minute`).
    for _ in 0..5 {
        guesser.wait_for(|line| line == "400")?;
    }
    ensure!(enters(&served, &letter, address)?);
    ensure!(guesser.is_running()?, "no wrong answer was under way");
    let codes = codes(&mut guesser)?;
    ensure!(codes.get("400") == Some(&BUDGET), "{codes:?}");
    ensure!(served.server()?.is_running()?);
    Ok(())
}

/// As many wrong pairs as said, from this address, some at once. Each answer is a line: its status.
fn guess(served: &Served, letter: &Letter, address: &str, guesses: usize) -> Result<Process> {
    let form = fields(&letter.request_id, "QwErTyUa79");
    let curl = from(served, address)
        .flag("--http1.1")
        .flag("--parallel")
        .flag("--parallel-immediate")
        .with("--parallel-max", ABREAST)
        .with("--output", "/dev/null")
        .flag("--no-progress-meter")
        // Its standard output waits for more; this one does not.
        .with("--write-out", "%{stderr}%{response_code}\n")
        .with("--data", encode_form(&form));
    Process::start(&mut curl.command(&format!("{}/p/rcd?[1-{guesses}]", served.public)))
}

/// Whether the right pair from this address gets in.
fn enters(served: &Served, letter: &Letter, address: &str) -> Result<bool> {
    let form = fields(&letter.request_id, &letter.reference_id);
    let url = format!("{}/p/rcd", served.public);
    let answer = from(served, address).post_form(&url, &form)?;
    Ok(answer.status == 303)
}

fn from(served: &Served, address: &str) -> Curl {
    served.curl().with("--interface", address)
}

fn fields(request: &str, reference: &str) -> [(String, String); 2] {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    [
        field("request_id", request),
        field("reference_id", reference),
    ]
}

fn any_is_running(guessers: &mut [Process]) -> Result<bool> {
    for guesser in guessers {
        if guesser.is_running()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many answers had which status, once there are no more.
fn codes(guesser: &mut Process) -> Result<BTreeMap<String, usize>> {
    guesser.wait_for_end()?;
    let mut codes = BTreeMap::new();
    for line in guesser.said().lines() {
        *codes.entry(line.to_owned()).or_default() += 1;
    }
    Ok(codes)
}
