//! `tegata-client` as a person or a script uses it, against the real server: a whole life (manual 3.1, R-070 to R-083).

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tegata_domain::time::Timestamp;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Answer;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl::{self, Holder, openssl};
use tegata_system_tests::served::Letter;
use tegata_system_tests::terminal::{PASSWORD, Terminal};
use tegata_system_tests::tools::{Ran, command, run, set_clock, unix_now};

/// Nothing of the terminal's clock may be proven or disproven by the hour of the test.
const NOTICES_AT_MIDNIGHT: &str = "[notices]\nhour = 0\n";
const NEW_MAIL: &str = "new@clinic.example";
const OWN: &str = "/api/client/v1/";

/// Exit numbers (`docs/tegata-client.md`).
mod exit {
    pub(super) const NETWORK: i32 = 3;
    pub(super) const FILES: i32 = 5;
    pub(super) const REFUSED: i32 = 6;
    pub(super) const EARLY: i32 = 7;
}

#[test]
fn the_same_life_with_tegata_client() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let letter = demo.sample("posted")?.letter;
    let subscriber = demo.text("subscriber")?.to_owned();
    let folder = demo.folder().join("terminal");
    let mut terminal = Terminal::new(&folder, &subscriber, NOTICES_AT_MIDNIGHT)?;

    let first = enrolled(&demo, &terminal, &letter)?;
    let early = terminal.run(&["renew", &first])?;
    ended(&early, exit::EARLY, "1002")?;
    let none = terminal.run(&["notices"])?.good()?;
    ensure!(none.all().is_empty(), "{}", none.all());

    let end = not_after(&terminal.holder(&first)?)?;
    let today = Timestamp::from_unix(i64::try_from(unix_now())?).japan_date();
    let days = today.days_until(end.japan_date()) - 90;
    demo.restart_ahead(days)?;
    terminal.set_clock(days);
    let told = terminal.run(&["notices"])?.good()?;
    ensure!(
        told.stderr.contains(&format!("1001: {first}")),
        "{}",
        told.stderr
    );
    let again = terminal.run(&["notices"])?.good()?;
    ensure!(again.all().is_empty(), "once a day: {}", again.all());

    let second = renewed(&demo, &terminal, &first)?;
    asked_about_itself(&demo, &terminal)?;
    stopped(&demo, &terminal, &second, days)
}

/// A wrong code and wrong IDs leave nothing behind; the right ones lead to a certificate that works.
fn enrolled(demo: &Demo, terminal: &Terminal, letter: &Letter) -> Result<String> {
    let code = demo.text("connection_code")?;
    let right = terminal.secret_file("reference", &letter.reference_id)?;
    let wrong = terminal.secret_file("wrong-reference", "AAAAAAAAAA")?;
    let enrol = |file: &str, code: &str| {
        let ids = ["enroll", "--request-id", &letter.request_id];
        let rest = ["--reference-id-file", file, "--connection-code", code];
        terminal.run(&[&ids[..], &rest, &["--no-backup"]].concat())
    };
    ended(&enrol(&right, &other_code(code))?, exit::NETWORK, "2010")?;
    ended(&enrol(&right, "AAAA")?, exit::NETWORK, "2011")?;
    let trusted = terminal.state().join("trust.json");
    ensure!(!trusted.exists(), "nobody is trusted by a wrong code");
    ended(&enrol(&wrong, code)?, exit::REFUSED, "2320")?;
    ensure!(terminal.stored()?.is_empty() && terminal.pending()?.is_empty());

    // The root is proven from here on; the letter's code is not asked for again.
    let done = enrol(&right, "")?.good()?;
    ensure!(done.stderr.contains("1008"), "{}", done.stderr);
    ensure!(terminal.pending()?.is_empty(), "{:?}", terminal.pending()?);
    let log = terminal.log()?;
    ensure!(
        !log.contains(&letter.reference_id),
        "a secret in the log: {log}"
    );

    let rows = terminal.list()?;
    let [row] = rows.as_slice() else {
        anyhow::bail!("{rows:?}");
    };
    let certificate = text(row, "certificate")?.to_owned();
    ensure!(
        field(row, "request_id") == letter.request_id.as_str(),
        "{row}"
    );
    ensure!(field(row, "can_renew") == false, "{row}");
    ensure!(status(demo, terminal, &certificate)? == "good");
    let grant = demo.cli(&["grant", "show", &letter.request_id, "--json"])?;
    ensure!(grant.text().contains("seen_in_use"), "{}", grant.all());
    let never = terminal.run(&["backup", &certificate])?;
    ended(&never, exit::FILES, "2207")?;
    Ok(certificate)
}

/// Renewal with backup: what is left is the new certificate, and the file opens with the password.
fn renewed(demo: &Demo, terminal: &Terminal, first: &str) -> Result<String> {
    let backup = terminal.backup_options();
    let backup: Vec<&str> = backup.iter().map(String::as_str).collect();
    let done = terminal.run(&[&["renew", "--remove-old"], &backup[..]].concat())?;
    let done = done.good()?;
    for number in ["1004", "1005", "1007"] {
        ensure!(done.stderr.contains(number), "{number}: {}", done.stderr);
    }
    let rows = terminal.list()?;
    let [row] = rows.as_slice() else {
        anyhow::bail!("{rows:?}");
    };
    let second = text(row, "certificate")?.to_owned();
    ensure!(second != first, "{row}");
    ensure!(terminal.stored()?.concat() == second);
    ensure!(terminal.pending()?.is_empty());
    ensure!(status(demo, terminal, &second)? == "good");

    let kept = terminal.backup(text(row, "request_id")?)?;
    ensure!(openssl::fingerprint(&kept.certificate)? == second);
    let answer = demo
        .curl()?
        .presenting(&kept.pem)
        .get(&own(demo, "notices")?)?;
    ensure!(
        answer.text().contains("\"status\":\"good\""),
        "{}",
        answer.text()
    );
    let file = kept.p12.display().to_string();
    let wrong = ["pkcs12", "-noout", "-passin", "pass:1357", "-in", &file];
    let opened = openssl(wrong)?;
    ensure!(!opened.status.success(), "it opens without {PASSWORD}");
    Ok(second)
}

/// The addresses, the receipt and a new リファレンスID, by the certificate alone.
fn asked_about_itself(demo: &Demo, terminal: &Terminal) -> Result<()> {
    let wrong = terminal.run(&["address", "--mail", "nobody"])?;
    ensure!(!wrong.status.success(), "{}", wrong.all());
    let mut change = terminal.command(&["address", "--mail", NEW_MAIL, "--code", "-"])?;
    change.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut change = change.spawn()?;
    let mail = demo.mail(NEW_MAIL, "【通知用メールアドレス 確認番号のお知らせ】")?;
    let line = mail.lines().find(|line| line.contains("確認番号  "));
    let code: String = line
        .with_context(|| mail.clone())?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let mut typed = change.stdin.take().context("standard input")?;
    writeln!(typed, "{code}")?;
    drop(typed);
    let changed = change.wait_with_output()?;
    let said = String::from_utf8_lossy(&changed.stderr);
    ensure!(changed.status.success() && said.contains("1016"), "{said}");

    let place = demo.folder().join("receipt.pdf");
    let saved = terminal.run(&["receipt", "--save", &place.display().to_string()])?;
    ensure!(saved.good()?.stderr.contains("1017"));
    let drawn = run(command("pdftotext", ["-raw"]).arg(&place).arg("-"))?.good()?;
    ensure!(drawn.text().contains("更新申請受付票"), "{}", drawn.text());

    let shown = terminal.run(&["reference-id"])?.good()?.text();
    let (request_id, reference_id) = shown.trim().split_once(' ').context("two IDs")?;
    let row = terminal.list()?.pop().context("a row")?;
    ensure!(text(&row, "request_id")? == request_id, "{row}");
    ensure!(reference_id.len() >= 8, "{} characters", reference_id.len());
    ensure!(
        !terminal.log()?.contains(reference_id),
        "a secret in the log"
    );
    Ok(())
}

/// On hold: the command says so, and the certificate opens nothing any more.
fn stopped(demo: &Demo, terminal: &Terminal, certificate: &str, days: i64) -> Result<()> {
    let site = own(demo, "address")?;
    let before = ask(demo, terminal, certificate, &site)?;
    ensure!(before.status == 200, "{}", before.text());
    let entrance = format!("{}/", demo.text("relying_mtls")?);
    let entered = ask(demo, terminal, certificate, &entrance)?;
    ensure!(entered.status == 200, "{}", entered.text());
    let done = terminal.run(&["revoke", certificate, "--hold", "--reason", "lost"])?;
    ensure!(done.good()?.stderr.contains("1011"));
    let after = ask(demo, terminal, certificate, &site)?;
    ensure!(
        after.status == 403 && after.text().contains("on_hold"),
        "{}",
        after.text()
    );
    let entered = ask(demo, terminal, certificate, &entrance)?;
    ensure!(
        entered.status == 403 && entered.text().contains("一時停止中"),
        "{}",
        entered.text()
    );
    let judged = judged_by_ocsp(demo, &terminal.holder(certificate)?, days)?;
    for part in ["Response verify OK", "revoked", "Reason: certificateHold"] {
        ensure!(judged.contains(part), "{part}: {judged}");
    }
    let renewal = terminal.run(&["renew", certificate])?;
    ensure!(!renewal.status.success(), "{}", renewal.all());
    ensure!(terminal.stored()?.concat() == certificate);
    Ok(())
}

fn own(demo: &Demo, what: &str) -> Result<String> {
    Ok(format!("{}{OWN}{what}", demo.text("subscriber")?))
}

/// GET by curl with the installed file.
fn ask(demo: &Demo, terminal: &Terminal, certificate: &str, url: &str) -> Result<Answer> {
    terminal.presenting(demo.curl()?, certificate)?.get(url)
}

/// What openssl learns from the responder, on a machine whose clock is as far ahead.
fn judged_by_ocsp(demo: &Demo, holder: &Holder, days: i64) -> Result<String> {
    let ca = demo.subscriber_ca()?;
    let mut ask = command("openssl", ["ocsp", "-no_nonce", "-issuer"]);
    ask.arg(&ca).arg("-cert").arg(&holder.certificate);
    ask.arg("-CAfile").arg(&ca).arg("-url");
    ask.arg(format!("{}/ocsp", demo.text("plain")?));
    set_clock(&mut ask, days)?;
    Ok(run(&mut ask)?.all())
}

/// How a certificate stands, as the server tells its holder over mTLS.
fn status(demo: &Demo, terminal: &Terminal, certificate: &str) -> Result<String> {
    let answer = ask(demo, terminal, certificate, &own(demo, "notices")?)?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let told: serde_json::Value = serde_json::from_slice(&answer.body)?;
    Ok(text(&told, "status")?.to_owned())
}

fn ended(ran: &Ran, code: i32, number: &str) -> Result<()> {
    ensure!(
        ran.status.code() == Some(code) && ran.stderr.contains(number),
        "exit {code} with {number}, but {}: {}",
        ran.status,
        ran.all()
    );
    Ok(())
}

/// A code of the right form that belongs to another root.
fn other_code(code: &str) -> String {
    let turn = |c| match c {
        '-' => '-',
        'A' => 'B',
        _ => 'A',
    };
    code.chars().map(turn).collect()
}

fn not_after(holder: &Holder) -> Result<Timestamp> {
    let file = holder.certificate.display().to_string();
    let show = ["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"];
    let said = openssl(show.into_iter().chain([file.as_str()]))?
        .good()?
        .text();
    let date = said
        .trim()
        .trim_start_matches("notAfter=")
        .replace(' ', "T");
    Timestamp::parse_rfc3339(&date).with_context(|| format!("the date {date}"))
}
