//! The main path on PostgreSQL, without a demo: `tegata init`, `tegata serve`, operators of its own.
//! The pages are those of the other stories, so nobody takes pictures.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::chromium::{ChoosesItself, Chromium};
use tegata_system_tests::clerk::Clerk;
use tegata_system_tests::clinic::{self, PASSWORD, Wish};
use tegata_system_tests::database::Kind;
use tegata_system_tests::json::field;
use tegata_system_tests::openssl;
use tegata_system_tests::served::Served;
use tegata_system_tests::steps::{expect, goto};

use crate::office::Office;

const WISH: Wish<'_> = Wish {
    class: "医科",
    prefecture: "北海道",
    code: "0110119153",
    terminals: &["受付1号機"],
    mail: "uketsuke@clinic1.example",
};

#[test]
fn an_application_becomes_a_certificate_in_use_on_postgresql() -> Result<()> {
    let mut served = Served::start(Kind::Postgres)?;
    served.add_institution(WISH.code, "見本第一診療所")?;
    let office = staff(&mut served)?;
    let (folder, ca) = (served.folder().to_owned(), served.tls_ca());
    let applicant = Chromium::new(&folder.join("applicant"), &ca, None)?.hurry();
    let seen = applicant.drive(&clinic::apply(&served.public, &WISH)?)?;
    let numbers = clinic::numbers(&seen)?;

    let show = |request_id: &str| served.json(&["grant", "show", request_id, "--json"]);
    let letters = office.post(&folder, WISH.terminals, show)?;
    let letter = letters.first().context("a letter")?;
    let mut asked = clinic::ask(&served.public, numbers.first().context("numbers")?)?;
    asked.push(expect("通知書を簡易書留で発送しました。"));
    applicant.drive(&asked)?;
    let file = folder.join("first.p12");
    applicant.drive(&clinic::collect(&served.public, letter, &file)?)?;
    let holder = openssl::open_p12(&fs::read(&file)?, PASSWORD, &folder, "first")?;

    let _rule = ChoosesItself::at(&served.subscriber)?;
    let check = served.subscriber.last().context("a second name")?;
    let terminal = Chromium::new(&folder.join("terminal"), &ca, Some((&file, PASSWORD)))?;
    terminal.drive(&[
        goto(&format!("{check}/p/ru?from=rcd")),
        expect("電子証明書の新規利用開始の作業はこれで終了です。"),
    ])?;
    let grant = show(&letter.request_id)?;
    ensure!(field(&grant, "state") == "seen_in_use", "{grant}");
    ensure!(field(&grant, "serial") == holder.serial.as_str(), "{grant}");
    let rows = served
        .database
        .number("select count(*) from certificate where state = 'issued'")?;
    ensure!(rows >= 1, "{rows} certificates are issued in this database");
    Ok(())
}

fn staff(served: &mut Served) -> Result<Office> {
    let mut clerk = |role: &str| {
        let name = served.hire(role)?;
        let person = served.staff.person(&name)?.clone();
        let home = served.folder().join(&name);
        let browser = Chromium::new(&home, &served.tls_ca(), None)?.hurry();
        Clerk::log_in(browser, &served.console, person)
    };
    Ok(Office {
        examiner: clerk("examiner")?,
        approver: clerk("approver")?,
        dispatchers: [clerk("dispatcher")?, clerk("dispatcher")?],
    })
}
