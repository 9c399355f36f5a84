//! Mails by SMTP, to a mail server of another maker that refuses, and that drops the connection after it took a
//! mail: nothing is lost, and at most the same Message-ID comes again (T57).

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::database::Kind;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Curl;
use tegata_system_tests::json::field;
use tegata_system_tests::mail_server::{MailServer, write_password};
use tegata_system_tests::openssl;
use tegata_system_tests::procedure;
use tegata_system_tests::served::Served;
use tegata_system_tests::tools::{command, eventually, run};

const CODE: &str = "0110119153";
/// What a hostile or merely unusual institution is called.
const NAME: &str = "髙橋<b>医院</b>𠮷田";
/// To whom the notices of `Served::grant` go.
const MAIL: &str = "uketsuke@clinic.example";
const POSTED: &str = "【電子証明書発行通知書 発送のお知らせ】";
const TROUBLES: [&str; 3] = ["451", "554", "drop"];

#[test]
fn a_mail_server_with_troubles_gets_each_mail_and_no_other() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let mut server = MailServer::start(&served, &TROUBLES)?;
    served.begin()?;
    let test = served.cli(&["mail", "test", "test@clinic.example"])?;
    ensure!(
        !test.status.success() && test.all().contains("451"),
        "{}",
        test.all()
    );
    server.next_mail()?;
    served.add_institution(CODE, NAME)?;
    served.grant(CODE, "受付1号機")?;
    let mut seen = Vec::new();
    for (tries, trouble) in (1..).zip(TROUBLES.into_iter().skip(1).chain(["ok"])) {
        let mail = server.next_mail()?;
        ensure!(mail.trouble() == trouble, "{mail:?}");
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
    // 554 was about the mail: it says nothing about the mailbox.
    ensure!(
        served
            .database
            .number("select count(*) from bounced_address")?
            == 0
    );
    for mail in &seen {
        mail.must_be_one_mail_to(MAIL)?;
        ensure!(mail.header("Message-ID") == seen[0].header("Message-ID"));
        ensure!(mail.text()? == seen[0].text()?);
        ensure!(mail.header("Auto-Submitted") == "auto-generated");
        ensure!(mail.header("Subject") == POSTED, "{mail:?}");
    }
    let text = seen[0].text()?;
    ensure!(text.contains(NAME) && text.contains("受付1号機"), "{text}");
    ensure!(server.is_running()?);
    Ok(())
}

#[test]
fn p23_a_mailbox_that_is_refused_ends_its_mail_and_is_marked_until_another_is_taken() -> Result<()>
{
    let mut served = Served::init(Kind::Sqlite)?;
    let gone = "rcpt 550 5.1.1 <uketsuke@clinic.example>: no such user";
    let denied = "rcpt 550 5.7.1 relaying denied";
    let mut server = MailServer::start(&served, &[denied, gone, "ok"])?;
    served.begin()?;
    served.add_institution(CODE, NAME)?;
    served.grant(CODE, "受付1号機")?;
    let events = "select action, detail from audit where action like 'address.%' order by id";
    let marked = "select count(*) from bounced_address";
    for (tries, wanted) in [(1, 0), (2, 1)] {
        let mail = server.next_mail()?;
        eprintln!("{}", mail.trouble());
        eventually("the try is recorded", || {
            let done = served.database.number("select attempts from outbox")?;
            Ok((done == tries).then_some(()))
        })?;
        let count = served.database.number(marked)?;
        let told = served.database.rows(events)?;
        ensure!(count == wanted, "{tries}: {told:?}");
        make_due(&served)?;
    }
    let over =
        "select count(*) from outbox where dropped_at is not null and last_error is not null";
    ensure!(served.database.number(over)? == 1);
    served.grant(CODE, "受付2号機")?;
    server.next_mail()?;
    eventually("the mark is taken away", || {
        Ok((served.database.number(marked)? == 0).then_some(()))
    })?;
    let events = served.database.rows(events)?;
    let [bounce, reached] = events.as_slice() else {
        anyhow::bail!("{events:?}");
    };
    ensure!(
        bounce[0] == "address.bounce" && reached[0] == "address.reached",
        "{events:?}"
    );
    ensure!(
        bounce[1].contains("550 5.1.1 <u****@clinic.example>"),
        "{events:?}"
    );
    Ok(())
}

#[test]
fn k2_the_number_in_the_mailbox_opens_the_file_and_stands_nowhere_else() -> Result<()> {
    let mut served = Served::init(Kind::Sqlite)?;
    let mut server = MailServer::start(&served, &[])?;
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
        let mail = server.next_mail()?;
        let text = mail.text()?;
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
    let _server = MailServer::start(&served, &[])?;
    write_password(served.folder(), "wrong")?;
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
