//! A terminal that has nothing but curl and openssl, as EST client through a whole life (RFC 7030; K1, F3, W5, W6):
//! trust by the 接続確認コード, first certificate by the letter's IDs, use, renewal, lost answers, lost keys, the end. And
//! on each database: the server dies at every arrow of a renewal, and the same request again gets its certificate.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use tegata_domain::time::Timestamp;
use tegata_system_tests::database::Kind;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::est::{EstClient, certificates_in, pem_blocks, presented_root};
use tegata_system_tests::http::{Answer, Curl};
use tegata_system_tests::json::field;
use tegata_system_tests::openssl::{openssl, openssl_in};
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::tools::unix_now;

/// The signal by which a failpoint ends the process.
const SIGABRT: i32 = 6;
const NOTICES: &str = "/api/client/v1/notices";

#[test]
fn a_terminal_lives_by_curl_and_openssl_alone() -> Result<()> {
    let demo = Demo::start(&[])?;
    let subscriber = demo.text("subscriber")?.to_owned();
    let terminal = trusting_by_the_code(&demo, &subscriber)?;
    open_addresses(&demo, &terminal)?;

    let posted = demo.samples("posted")?;
    let letter = posted.first().context("a letter")?.letter.clone();
    terminal.make_key("first")?;
    wrong_ids_have_one_answer(&terminal, &letter)?;
    let first = terminal.install(&terminal.enroll(&letter, "first")?, "first")?;
    let again = terminal.install(&terminal.enroll(&letter, "first")?, "first")?;
    ensure!(first == again, "a lost answer is given again");
    terminal.make_key("other")?;
    refused(&terminal.enroll(&letter, "other")?, 409, "key_fixed")?;
    verifies(&demo.subscriber_ca()?, &terminal.file("first", "crt"))?;
    in_force(&terminal, "first", &subscriber)?;
    let grant = shown(&demo, &letter)?;
    ensure!(field(&grant, "state") == "seen_in_use", "{grant}");

    let early = terminal.reenroll("first", "other")?;
    refused(&early, 403, "renewal_not_open")?;
    let end = not_after(&terminal.file("first", "crt"))?;
    let today = Timestamp::from_unix(i64::try_from(unix_now())?).japan_date();
    let days = today.days_until(end.japan_date());
    let token = demo.text("clock_token")?.to_owned();
    let moved = demo.move_clock(days - 90, Some(&token))?;
    ensure!(moved.status == 200, "{}", moved.text());
    renewed(&terminal, &subscriber)?;

    let moved = demo.move_clock(91, Some(&token))?;
    ensure!(moved.status == 200, "{}", moved.text());
    refused(
        &terminal.reenroll("first", "third")?,
        403,
        "certificate_expired",
    )?;
    in_force(&terminal, "second", &subscriber)?;
    for key in ["first", "other", "second", "lost"] {
        never_at_the_server(&terminal.file(key, "key"), &demo.data())?;
    }
    Ok(())
}

/// The root that the server sends has the code that the demo prints, and from then on is all that is trusted.
fn trusting_by_the_code(demo: &Demo, subscriber: &str) -> Result<EstClient> {
    let (root, code) = presented_root(subscriber)?;
    ensure!(code == demo.text("connection_code")?, "{code}");
    let keys = demo.cli(&["ca", "list", "--json"])?.good()?;
    ensure!(keys.text().contains(&code), "{}", keys.text());
    let public = presented_root(demo.text("public")?)?;
    ensure!(public.1 == code, "{} at the public site", public.1);
    let folder = demo.folder().join("terminal");
    fs::create_dir_all(&folder)?;
    let file = folder.join("tls-root.pem");
    fs::write(&file, root)?;
    EstClient::new(subscriber, Curl::trusting(&file), &folder)
}

/// `cacerts` is what the demo wrote beside its data, `csrattrs` asks for RSA of 2048 bits.
fn open_addresses(demo: &Demo, terminal: &EstClient) -> Result<()> {
    let mut sent = certificates_in(&terminal.get("cacerts")?)?;
    let mut kept = pem_blocks(&fs::read_to_string(demo.subscriber_ca()?)?);
    sent.sort();
    kept.sort();
    ensure!(sent == kept, "{sent:?}");
    let wanted = terminal.get("csrattrs")?;
    let kind = wanted.header("content-type");
    ensure!(kind == Some("application/csrattrs"), "{kind:?}");
    let der = openssl_in(&["base64", "-d"], &wanted.body)?.stdout;
    let told = openssl_in(&["asn1parse", "-inform", "DER"], &der)?.text();
    for part in ["rsaEncryption", ":0800", "sha256WithRSAEncryption"] {
        ensure!(told.contains(part), "{part}: {told}");
    }
    Ok(())
}

fn wrong_ids_have_one_answer(terminal: &EstClient, letter: &Letter) -> Result<()> {
    let wrong = |request_id: &str, reference_id: &str| Letter {
        request_id: request_id.to_owned(),
        reference_id: reference_id.to_owned(),
    };
    let one = wrong(&letter.request_id, "AAAAAAAAAA");
    let two = wrong("199901019999999", &letter.reference_id);
    let mut told = Vec::new();
    for letter in [one, two] {
        let answer = terminal.enroll(&letter, "first")?;
        refused(&answer, 401, "ids_wrong")?;
        let asks = answer.header("www-authenticate").unwrap_or_default();
        ensure!(asks.starts_with("Basic realm="), "{asks}");
        told.push(answer.text());
    }
    told.dedup();
    ensure!(told.len() == 1, "{told:?}");
    Ok(())
}

/// In the window: a lost answer, a lost key, the first use, and a key too many.
fn renewed(terminal: &EstClient, subscriber: &str) -> Result<()> {
    for key in ["lost", "second", "third"] {
        terminal.make_key(key)?;
    }
    refused(&terminal.reenroll("first", "first")?, 409, "key_known")?;
    let lost = terminal.install(&terminal.reenroll("first", "lost")?, "lost")?;
    let again = terminal.install(&terminal.reenroll("first", "lost")?, "lost")?;
    ensure!(lost == again, "the answer that was lost");
    let second = terminal.install(&terminal.reenroll("first", "second")?, "second")?;
    ensure!(second != lost, "another key, another certificate");
    in_force(terminal, "second", subscriber)?;
    status_is(terminal, "lost", subscriber, "superseded")?;
    in_force(terminal, "first", subscriber)?;
    let too_many = terminal.reenroll("first", "third")?;
    refused(&too_many, 409, "renewed_before")?;
    let again = terminal.install(&terminal.reenroll("first", "second")?, "second")?;
    ensure!(again == second, "in use, and given again to its own key");
    Ok(())
}

fn in_force(terminal: &EstClient, name: &str, subscriber: &str) -> Result<()> {
    status_is(terminal, name, subscriber, "good")
}

/// How a certificate stands, as the server tells its holder over mTLS.
fn status_is(terminal: &EstClient, name: &str, subscriber: &str, status: &str) -> Result<()> {
    let answer = terminal.present(name, &format!("{subscriber}{NOTICES}"))?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let told: serde_json::Value = serde_json::from_slice(&answer.body)?;
    ensure!(field(&told, "status") == status, "{name}: {told}");
    Ok(())
}

fn refused(answer: &Answer, status: u16, word: &str) -> Result<()> {
    let told = answer.header("tegata-error").unwrap_or_default();
    eprintln!("{} {told}: {}", answer.status, answer.text().trim());
    ensure!(
        answer.status == status && told == word,
        "{status} {word}, but {} {told}",
        answer.status
    );
    Ok(())
}

fn verifies(ca: &Path, certificate: &Path) -> Result<()> {
    let files = [ca, certificate].map(|file| file.display().to_string());
    let purpose = ["verify", "-purpose", "sslclient", "-CAfile"];
    let said = openssl(
        purpose
            .iter()
            .copied()
            .chain(files.iter().map(String::as_str)),
    )?;
    ensure!(said.good()?.text().contains(": OK"), "it verifies");
    Ok(())
}

fn not_after(certificate: &Path) -> Result<Timestamp> {
    let file = certificate.display().to_string();
    let show = ["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"];
    let said = openssl(show.into_iter().chain([file.as_str()]))?.good()?;
    let said = said.text();
    let date = said
        .trim()
        .trim_start_matches("notAfter=")
        .replace(' ', "T");
    Timestamp::parse_rfc3339(&date).with_context(|| format!("the date {date}"))
}

fn shown(demo: &Demo, letter: &Letter) -> Result<serde_json::Value> {
    let ran = demo.cli(&["grant", "show", &letter.request_id, "--json"])?;
    Ok(serde_json::from_slice(&ran.good()?.stdout)?)
}

/// No part of the private key lies in any file of the server.
fn never_at_the_server(key: &Path, folder: &Path) -> Result<()> {
    let file = key.display().to_string();
    let der = openssl(["pkey", "-outform", "DER", "-in", &file])?
        .good()?
        .stdout;
    // The modulus is public; from the private exponent on everything is secret.
    let parts: Vec<&[u8]> = [400, 700, 1_000]
        .iter()
        .filter_map(|at| der.get(*at..*at + 24))
        .collect();
    ensure!(parts.len() == 3, "an RSA key of {} octets", der.len());
    let mut folders = vec![folder.to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let content = fs::read(&path)?;
            files += 1;
            for part in &parts {
                let found = content.windows(part.len()).any(|window| window == *part);
                ensure!(
                    !found,
                    "a private key of the terminal in {}",
                    path.display()
                );
            }
        }
    }
    ensure!(files > 3, "{files} files of the server");
    Ok(())
}

/// The arrows of the issue order (F5).
const ARROWS: [&str; 8] = [
    "failpoint:issue:before-intent",
    "failpoint:issue:inside-intent",
    "failpoint:issue:after-intent",
    "failpoint:issue:after-lint",
    "failpoint:issue:after-sign",
    "failpoint:issue:after-verify",
    "failpoint:issue:inside-store",
    "failpoint:issue:after-store",
];

#[test]
fn a_renewal_survives_the_servers_death_at_every_arrow_on_sqlite() -> Result<()> {
    survives(Kind::Sqlite)
}

#[test]
fn a_renewal_survives_the_servers_death_at_every_arrow_on_postgresql() -> Result<()> {
    survives(Kind::Postgres)
}

fn survives(kind: Kind) -> Result<()> {
    let mut served = Served::init(kind)?;
    // Every certificate is in its window at once.
    let mut config = fs::read_to_string(served.config())?;
    config.push_str("[policy.periods]\nvalidity_months = 11\nrenewal_days = 365\n");
    fs::write(served.config(), config)?;
    served.begin()?;
    served.add_institution("0110119153", "見本医院")?;
    let folder = served.folder().join("terminals");
    for (number, arrow) in ARROWS.into_iter().enumerate() {
        let name = format!("端末{number}");
        let letter = served.grant("0110119153", &name)?;
        served.server()?.stop()?;
        let subscriber = served.subscriber.first().context("a name")?.clone();
        let own = folder.join(number.to_string());
        let terminal = EstClient::new(&subscriber, served.curl(), &own)?;
        for key in ["first", "second"] {
            terminal.make_key(key)?;
        }
        // The first certificate dies on the way too.
        served.serve_armed(Some(arrow))?;
        ensure!(terminal.enroll(&letter, "first").is_err(), "{arrow}");
        died(&mut served)?;
        served.serve()?;
        let first = terminal.install(&terminal.enroll(&letter, "first")?, "first")?;
        in_force(&terminal, "first", &subscriber)?;
        served.server()?.stop()?;

        served.serve_armed(Some(arrow))?;
        ensure!(terminal.reenroll("first", "second").is_err(), "{arrow}");
        died(&mut served)?;
        served.serve()?;
        let second = terminal.install(&terminal.reenroll("first", "second")?, "second")?;
        ensure!(second != first, "{arrow}");
        for card in ["first", "second"] {
            in_force(&terminal, card, &subscriber)?;
        }
        let live = format!(
            "select count(*) from issue_grant where kind = 'renewal' and predecessor in (
                select serial from certificate where grant_id = (
                    select id from issue_grant where request_id = '{}'))",
            letter.request_id
        );
        let live = served.database.number(&live)?;
        ensure!(live == 1, "{live} successors after {arrow}");
        eprintln!("{kind:?} {arrow}: one successor, both certificates work");
    }
    waits_for_the_signer(&mut served, &folder)?;
    let total = served.database.number(
        "select count(*) from certificate where kind = 'subscriber' and state = 'issued'",
    )?;
    ensure!(total == 2 * i64::try_from(ARROWS.len())? + 1, "{total}");
    Ok(())
}

/// 202 while the signer does not answer; afterwards the same request gets its certificate.
fn waits_for_the_signer(served: &mut Served, folder: &Path) -> Result<()> {
    let letter = served.grant("0110119153", "待つ端末")?;
    let subscriber = served.subscriber.first().context("a name")?.clone();
    let terminal = EstClient::new(&subscriber, served.curl(), &folder.join("waits"))?;
    terminal.make_key("first")?;
    served.server()?.stop()?;
    served.serve_armed(Some("failpoint:signer:rests"))?;
    let waits = terminal.enroll(&letter, "first")?;
    ensure!(waits.status == 202, "{}: {}", waits.status, waits.text());
    let after = waits.header("retry-after").unwrap_or_default();
    ensure!(
        after.parse::<u32>().is_ok_and(|seconds| seconds > 0),
        "{after}"
    );
    served.restart()?;
    terminal.install(&terminal.enroll(&letter, "first")?, "first")?;
    in_force(&terminal, "first", &subscriber)
}

fn died(served: &mut Served) -> Result<()> {
    let status = served.server()?.wait_for_end()?;
    ensure!(
        status.signal() == Some(SIGABRT),
        "it ended with {status}, not at the point"
    );
    Ok(())
}
