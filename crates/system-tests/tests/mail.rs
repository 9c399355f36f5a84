//! Mails by SMTP, to a mail server of another maker that refuses, and that drops the connection after it took a
//! mail: nothing is lost, and at most the same Message-ID comes again (T57).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::database::Kind;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Curl;
use tegata_system_tests::json::field;
use tegata_system_tests::openssl::{self, openssl};
use tegata_system_tests::ports;
use tegata_system_tests::procedure;
use tegata_system_tests::process::Process;
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{command, eventually, named, oracle, run};

const CODE: &str = "0110119153";
/// What a hostile or merely unusual institution is called.
const NAME: &str = "髙橋<b>医院</b>𠮷田";
const PASSWORD: &str = "secret of the tests";
const POSTED: &str = "【電子証明書発行通知書 発送のお知らせ】";
const TROUBLES: [&str; 3] = ["451", "554", "drop"];

#[test]
fn a_mail_server_with_troubles_gets_each_mail_and_no_other() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let port = ports::row(1)?;
    let mut server = mail_server(served.folder(), port, &TROUBLES)?;
    configure(&served, port)?;
    served.begin()?;
    let test = served.cli(&["mail", "test", "test@clinic.example"])?;
    ensure!(
        !test.status.success() && test.all().contains("451"),
        "{}",
        test.all()
    );
    next_mail(&mut server)?;
    served.add_institution(CODE, NAME)?;
    served.grant(CODE, "受付1号機")?;
    let mut seen = Vec::new();
    for (tries, trouble) in (1..).zip(TROUBLES.into_iter().skip(1).chain(["ok"])) {
        let mail = next_mail(&mut server)?;
        ensure!(field(&mail, "trouble") == trouble, "{mail}");
        seen.push(mail);
        eventually("the try is recorded", || {
            let done = served.database.number("select attempts from outbox")?;
            Ok((done == tries).then_some(()))
        })?;
        make_due(&served)?;
    }
    eventually("an empty queue", || {
        let waiting = served.json(&["mail", "list", "--json"])?;
        Ok(waiting.as_array().is_some_and(Vec::is_empty).then_some(()))
    })?;
    ensure!(served.database.number("select count(*) from outbox")? == 1);
    for mail in &seen {
        ensure!(header(mail, "Message-ID") == header(&seen[0], "Message-ID"));
        ensure!(field(mail, "text") == field(&seen[0], "text"));
        ensure!(field(mail, "tls") == true, "{mail}");
        ensure!(
            field(mail, "defects").as_array().is_some_and(Vec::is_empty),
            "{mail}"
        );
        ensure!(header(mail, "Auto-Submitted") == "auto-generated");
        ensure!(header(mail, "Subject") == POSTED, "{mail}");
    }
    let text = field(&seen[0], "text").as_str().context("a text")?;
    ensure!(text.contains(NAME) && text.contains("受付1号機"), "{text}");
    ensure!(server.is_running()?);
    Ok(())
}

#[test]
fn k2_the_number_in_the_mailbox_opens_the_file_and_stands_nowhere_else() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let port = ports::row(1)?;
    let mut server = mail_server(served.folder(), port, &[])?;
    configure(&served, port)?;
    let settings = fs::read_to_string(served.config())?;
    let collect = "[policy.collect]\nsecond_factor = \"mail_code\"\n";
    fs::write(served.config(), format!("{settings}\n{collect}"))?;
    served.begin()?;
    served.add_institution(CODE, "見本医院")?;
    let letter = served.grant(CODE, "受付1号機")?;
    let browser = served.browser("mail-code");
    let site = format!("{}/p/rcd", served.public);
    let asked = procedure::type_ids(&browser, &site, &letter)?;
    ensure!(asked.says("確認番号をお送りしました"), "{}", asked.text());
    ensure!(!asked.says("見本医院"), "{}", asked.text());
    let number = loop {
        let mail = next_mail(&mut server)?;
        let text = field(&mail, "text").as_str().context("a text")?.to_owned();
        if let Some((_, rest)) = text.split_once("確認番号  ") {
            break rest.split_whitespace().next().context("digits")?.to_owned();
        }
    };
    let next = browser.press(&asked, "次へ", &[("確認番号", &number)])?;
    ensure!(
        next.says("この内容の電子証明書を作ります。"),
        "{}",
        next.text()
    );
    let ready = procedure::set_password(&browser, &next, procedure::PASSWORD)?;
    let file = procedure::download(&browser, &ready)?;
    openssl::open_p12(&file, procedure::PASSWORD, served.folder(), "mail-code")?;
    served.server()?.stop()?;
    let found = run(&mut command(
        "grep",
        ["-rlaF", &number, &served.folder().display().to_string()],
    ))?;
    ensure!(
        found.status.code() == Some(1),
        "{number} is in {}",
        found.all()
    );
    Ok(())
}

#[test]
fn with_a_wrong_password_the_mail_server_takes_nothing() -> Result<()> {
    let served = Served::init(Kind::Sqlite)?;
    let port = ports::row(1)?;
    let _server = mail_server(served.folder(), port, &[])?;
    write_password(served.folder(), "wrong")?;
    configure(&served, port)?;
    let test = served.cli(&["mail", "test", "test@clinic.example"])?;
    ensure!(
        !test.status.success() && test.all().contains("not sent"),
        "{}",
        test.all()
    );
    ensure!(!test.all().contains("wrong"), "the password is told");
    Ok(())
}

#[test]
fn the_demo_shows_what_it_mailed() -> Result<()> {
    let demo = Demo::start(&[])?;
    let mail = demo.text("mail")?;
    let sample = demo.sample("posted")?;
    let browser = demo.browser("mail")?;
    procedure::hold(&browser, demo.text("public")?, &sample.letter)?;
    let found = eventually("the mail of the hold", || {
        let answer = Curl::default().get(&format!("{mail}/mails.json"))?;
        let mails: Vec<Value> = serde_json::from_slice(&answer.body)?;
        Ok(mails.into_iter().find(|mail| {
            field(mail, "to") == procedure::MAIL
                && field(mail, "subject") == "【クライアント証明書 失効申請受付の通知】"
        }))
    })?;
    let number = field(&found, "number");
    let page = Curl::default()
        .get(&format!("{mail}/mails/{number}"))?
        .text();
    ensure!(
        page.contains("失効申請番号") && page.contains(procedure::MAIL),
        "{page}"
    );
    Ok(())
}

/// Names the mail server in the configuration.
fn configure(served: &Served, port: u16) -> Result<()> {
    let text = fs::read_to_string(served.config())?;
    let settings = format!(
        "{text}\n[mail]\nserver = \"localhost\"\nport = {port}\nuser = \"tegata\"\n\
         password_file = \"mail-password\"\nca_file = \"mail.pem\"\n"
    );
    fs::write(served.config(), settings)?;
    Ok(())
}

/// A mail server in the folder of an installation, with a certificate and a password of its own.
fn mail_server(folder: &Path, port: u16, troubles: &[&str]) -> Result<Process> {
    let file = |name: &str| folder.join(name).display().to_string();
    let (certificate, key) = (file("mail.pem"), file("mail.key"));
    openssl([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ])?
    .good()?;
    write_password(folder, PASSWORD)?;
    let script = oracle("mailserver.py").display().to_string();
    let port = port.to_string();
    let mut arguments = vec![
        script.as_str(),
        &port,
        &certificate,
        &key,
        "tegata",
        PASSWORD,
    ];
    arguments.extend(troubles);
    let python = named("TEGATA_PKILINT_PYTHON")?;
    let mut server = Process::start(&mut command(python, arguments))?;
    server.wait_for(|line| line == "ready")?;
    Ok(server)
}

fn next_mail(server: &mut Process) -> Result<Value> {
    let line = server.wait_for(|line| line.starts_with('{'))?;
    Ok(serde_json::from_str(&line)?)
}

fn header(mail: &Value, name: &str) -> String {
    let headers = field(mail, "headers")
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = headers.iter().find(|pair| pair[0] == name);
    found.map_or_else(String::new, |pair| {
        pair[1].as_str().unwrap_or_default().to_owned()
    })
}

/// Lets the pause before the next try, and a claim of a server that ended, be over.
fn make_due(served: &Served) -> Result<()> {
    let url = served.database.url()?;
    let file = url.strip_prefix("sqlite:").context("a file")?;
    let program = "import sqlite3, sys\n\
                   base = sqlite3.connect(sys.argv[1], timeout=20)\n\
                   base.execute('update outbox set next_try_at = 0, claimed_until = null')\n\
                   base.commit()";
    run(&mut command("python3", ["-c", program, file]))?.good()?;
    Ok(())
}

fn write_password(folder: &Path, password: &str) -> Result<()> {
    let file = folder.join("mail-password");
    let _ = fs::remove_file(&file);
    fs::write(&file, format!("{password}\n"))?;
    fs::set_permissions(&file, PermissionsExt::from_mode(0o400))?;
    Ok(())
}
