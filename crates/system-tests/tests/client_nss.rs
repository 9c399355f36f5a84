//! `tegata-client --nss`: Chromium finds the terminal's certificate where it looks, after a renewal the new one, and
//! nothing else in its database changes (T74).

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::{ChoosesItself, Chromium};
use tegata_system_tests::demo::Demo;
use tegata_system_tests::openssl::openssl;
use tegata_system_tests::steps::{click, expect, goto};
use tegata_system_tests::terminal::Terminal;
use tegata_system_tests::tools::{command, run};

const DAYS_LEFT: i64 = 30;
const FOREIGN: &str = "another";

#[test]
fn chromium_uses_what_the_terminal_keeps_in_its_database() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let sample = demo.sample("posted")?;
    let folder = demo.folder().join("terminal");
    let mut terminal = Terminal::new(&folder, demo.text("subscriber")?, "[notices]\nhour = 0\n")?;
    let home = demo.folder().join("home");
    let ca = Path::new(demo.text("tls_ca_pem")?).to_owned();
    let browser = Chromium::new(&home, &ca, None)?;
    let database = home.join(".pki/nssdb");
    terminal.keep_in_nss(&database);

    let letter = sample.letter;
    let reference = terminal.secret_file("reference", &letter.reference_id)?;
    let ids = ["enroll", "--request-id", &letter.request_id];
    let code = ["--connection-code", demo.text("connection_code")?];
    let rest = ["--reference-id-file", &reference, "--no-backup"];
    terminal.run(&[&ids[..], &code, &rest].concat())?.good()?;
    let first = terminal.stored()?.concat();
    add_another_of_the_same_name(&terminal, &first, &database)?;
    let [with_keys, keys] = counts(&database)?;
    ensure!((with_keys, keys) == (2, 2), "{with_keys} with {keys} keys");

    let entrance = demo.text("relying_mtls")?.to_owned();
    let own = demo.text("subscriber")?.to_owned();
    let _rule = ChoosesItself::at(&[&entrance, &own])?;
    browser.drive(&log_in(&demo)?)?;

    let list = terminal.list()?;
    let row = list.first().context("a row")?;
    let end = row
        .get("not_after")
        .and_then(Value::as_str)
        .context("an end")?;
    let ahead = days_until(end)? - DAYS_LEFT;
    demo.restart_ahead(ahead)?;
    terminal.set_clock(ahead);
    let renew = ["renew", "--remove-old", "--no-backup"];
    terminal.run(&renew)?.good()?;
    ensure!(terminal.stored()?.concat() != first, "it is the old one");
    let [with_keys, keys] = counts(&database)?;
    ensure!((with_keys, keys) == (2, 2), "{with_keys} with {keys} keys");
    let browser = browser.ahead(ahead * 86_400);
    browser.drive(&log_in(&demo)?)?;
    Ok(())
}

/// オンライン請求システム(見本), with whatever certificate the browser finds for it.
fn log_in(demo: &Demo) -> Result<Vec<Value>> {
    Ok(vec![
        goto(&format!("{}/", demo.text("relying")?)),
        click("オンライン請求システム(見本)"),
        click("電子証明書でログインする"),
        expect("ログインしました"),
    ])
}

/// Another authority's certificate with the very name of this one, and its key.
fn add_another_of_the_same_name(
    terminal: &Terminal,
    certificate: &str,
    database: &Path,
) -> Result<()> {
    let ours = terminal.holder(certificate)?.certificate;
    let ours = ours.display().to_string();
    let name = openssl([
        "x509", "-noout", "-subject", "-nameopt", "compat", "-in", &ours,
    ])?;
    let name = name.good()?.text();
    let name = name.trim().trim_start_matches("subject=").trim().to_owned();
    let place = |ending: &str| {
        let file = format!("{FOREIGN}.{ending}");
        database.with_file_name(file).display().to_string()
    };
    let (key, pem, p12) = (place("key"), place("pem"), place("p12"));
    let make = [
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
    ];
    let to = ["-subj", &name, "-keyout", &key, "-out", &pem];
    openssl([&make[..], &to].concat())?.good()?;
    let pack = [
        "pkcs12", "-export", "-inkey", &key, "-in", &pem, "-out", &p12,
    ];
    openssl([&pack[..], &["-passout", "pass:x", "-name", FOREIGN]].concat())?.good()?;
    let mut import = command("pk12util", ["-i", &p12, "-W", "x", "-d"]);
    import.arg(format!("sql:{}", database.display()));
    run(&mut import)?.good()?;
    Ok(())
}

/// How many certificates with their keys, and how many keys, the database holds.
fn counts(database: &Path) -> Result<[usize; 2]> {
    let place = format!("sql:{}", database.display());
    let listed = run(&mut command("certutil", ["-L", "-d", &place]))?.good()?;
    let keys = run(&mut command("certutil", ["-K", "-d", &place]))?.good()?;
    let lines = |text: String, part: &str| text.lines().filter(|line| line.contains(part)).count();
    Ok([lines(listed.text(), "u,u,u"), lines(keys.text(), "rsa ")])
}

/// Days from today in Japan to a day as people read it, `2030/02/26 …`.
fn days_until(text: &str) -> Result<i64> {
    use tegata_domain::time::{CalendarDate, Timestamp};
    use tegata_system_tests::tools::unix_now;

    let day = text.get(..10).context("a date")?.replace('/', "-");
    let today = Timestamp::from_unix(i64::try_from(unix_now())?).japan_date();
    Ok(today.days_until(CalendarDate::parse(&day)?))
}
