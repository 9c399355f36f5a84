//! `tegata-client renew --daemon`: silent outside the window, one renewal inside it, at the second that it chose (PERF17,
//!

use anyhow::{Context as _, Result, ensure};
use tegata_domain::time::Timestamp;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::door::Door;
use tegata_system_tests::openssl;
use tegata_system_tests::process::Process;
use tegata_system_tests::terminal::Terminal;
use tegata_system_tests::tools::{eventually, unix_now};

/// It renews by itself in its last month, at any hour.
const PACK: &str = "[notices]\nhour = 0\n\
     [unattended]\nfrom_days = 60\nuntil_days = 30\nfirst_hour = 0\nlast_hour = 24\n";
const DAYS_LEFT: i64 = 30;
/// Seconds of that day in which the daemon does something: it asks, it renews.
const MOST_SECONDS: usize = 4;
const TO_BE_SURE: i64 = 5;

#[test]
fn the_daemon_is_silent_for_years_and_renews_once_in_its_window() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let letter = demo.sample("posted")?.letter;
    let port = demo
        .text("subscriber")?
        .rsplit(':')
        .next()
        .context("a port")?
        .parse()?;
    let door = Door::open(port)?;
    let folder = demo.folder().join("terminal");
    let mut terminal = Terminal::new(&folder, &format!("https://localhost:{}", door.port()), PACK)?;
    let reference = terminal.secret_file("reference", &letter.reference_id)?;
    let ids = [
        "enroll",
        "--request-id",
        &letter.request_id,
        "--reference-id-file",
        &reference,
    ];
    let code = demo.text("connection_code")?;
    terminal
        .run(&[&ids[..], &["--connection-code", code, "--no-backup"]].concat())?
        .good()?;
    let first = terminal.stored()?.concat();

    // Years before its window it asks nobody anything, and ends when it is told to.
    let before = door.entered();
    let next = day_of_the_daemon(&terminal)?;
    ensure!(
        door.entered() == before,
        "it came in {} times",
        door.entered() - before
    );
    let file = terminal.holder(&first)?.certificate.display().to_string();
    let shown = ["x509", "-noout", "-checkend", "0", "-in", &file];
    openssl::openssl(shown)?.good()?;
    let now = i64::try_from(unix_now())?;
    ensure!(next.unix() - now > 1_000 * 86_400, "next is {next}");

    // In the last month it names the second in which it asks, and the one in which it renews: on the same day.
    let mut ahead = next.plus_days(90 - DAYS_LEFT).unix() - now;
    let day_begins = ahead;
    for _ in 0..MOST_SECONDS {
        demo.restart_ahead_by(ahead)?;
        terminal.set_clock_by(ahead);
        let next = day_of_the_daemon(&terminal)?;
        if terminal.log()?.matches("step: in use, request").count() == 2 {
            break;
        }
        ahead = next.unix() + TO_BE_SURE - i64::try_from(unix_now())?;
    }
    ensure!(
        ahead - day_begins <= 86_400 + TO_BE_SURE,
        "it waited {ahead} s"
    );
    let stored = terminal.stored()?;
    ensure!(stored.len() == 2 && stored.contains(&first), "{stored:?}");
    let entered = door.entered();
    day_of_the_daemon(&terminal)?;
    ensure!(terminal.stored()? == stored, "it renewed once more");
    ensure!(
        door.entered() <= entered + 2,
        "it came in {} times",
        door.entered() - entered
    );
    Ok(())
}

/// Runs the daemon until it says when it does something next, and ends it as a service manager does.
fn day_of_the_daemon(terminal: &Terminal) -> Result<Timestamp> {
    let seen = terminal.log()?.lines().count();
    let mut daemon = Process::start(&mut terminal.command(&["renew", "--daemon"])?)?;
    let next = eventually("what is next", || {
        let log = terminal.log()?;
        let noted = log
            .lines()
            .skip(seen)
            .filter_map(|line| line.split_once("next: "));
        Ok(noted
            .last()
            .and_then(|(_, at)| Timestamp::parse_rfc3339(at).ok()))
    })?;
    // It sleeps now, and holds nobody up.
    let listed = terminal.list()?;
    ensure!(!listed.is_empty(), "{listed:?}");
    daemon.stop()?;
    Ok(next)
}
