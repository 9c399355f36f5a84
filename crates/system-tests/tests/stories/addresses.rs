//! 通知用メールアドレスの変更 (RU-6), and what becomes of an address whose mails come back (P-23).

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::chromium::ChoosesItself;
use tegata_system_tests::json::text;
use tegata_system_tests::steps::{
    address, click, expect, fill, fill_at, goto, look, look_as, tick,
};

use crate::house::House;

const OLD: &str = "nurse@example.jp";
const NEW: &str = "office@clinic.example";
const NEW_SECOND: &str = "spare@clinic.example";
const CODE: &str = "【通知用メールアドレス 確認番号のお知らせ】";
const CHANGED: &str = "【通知用メールアドレス 変更のお知らせ】";
/// The sample ends 45 days after the first day: this one is the 30th before its end.
const THIRTY_LEFT: i64 = 15;
const NOTICE: &str = "【電子証明書 更新のお願い】有効期限まであと30日です(事務室の端末)";

#[test]
fn a_holder_changes_its_address_and_is_called_when_mails_come_back() -> Result<()> {
    let mut house = House::open()?;
    let _rule = ChoosesItself::at(&house.names()?)?;
    let sample = house.demo.sample("renewable")?;
    let file = text(&sample.told, "p12")?.to_owned();
    let password = text(&sample.told, "p12_password")?.to_owned();
    let terminal = house.terminal_with((file.as_ref(), &password))?;
    let mut steps = vec![
        goto(&format!("{}/p/ru", house.name(0)?)),
        click("通知用メールアドレスの変更"),
        fill_at("#mail", "office@clinic"),
        click("送信"),
    ];
    steps.extend(look_as("RU-6", "RU-6-wrong")?);
    steps.extend([
        fill_at("#mail", NEW),
        fill_at("#mail_confirmation", NEW),
        fill_at("#second_mail", NEW_SECOND),
        click("送信"),
    ]);
    steps.extend(look("RU-6B")?);
    let seen = terminal.drive(&steps)?;
    let code = code_in(&house.demo.mail(NEW, CODE)?)?;
    let mut steps = vec![
        goto(address(&seen, "RU-6B")?),
        fill("確認番号", &code),
        click("次へ"),
        expect("予備のメールアドレスにも、確認番号をお送りしました。"),
    ];
    steps.extend(look_as("RU-6B", "RU-6B-second")?);
    let seen = terminal.drive(&steps)?;
    let code = code_in(&house.demo.mail(NEW_SECOND, CODE)?)?;
    let mut steps = vec![
        goto(address(&seen, "RU-6B")?),
        fill("確認番号", &code),
        click("変更する"),
    ];
    steps.extend(look("RU-6C")?);
    terminal.drive(&steps)?;
    let note = house.demo.mail(OLD, CHANGED)?;
    ensure!(
        note.contains("o****@clinic.example") && !note.contains(NEW),
        "{note}"
    );

    house.go_to_day(THIRTY_LEFT)?;
    for to in [NEW, NEW_SECOND] {
        house.demo.mail(to, NOTICE)?;
        let report = house.file("report.eml");
        let id = message_id(&house.demo.mails()?, to)?;
        fs::write(&report, report_about(&id, to))?;
        let report = report.display().to_string();
        house.demo.cli(&["mail", "bounce", &report])?.good()?;
    }

    let clerk = house.clerk("help_desk", 0)?;
    let list = format!("{}/console/unreachable", house.demo.text("console")?);
    let mut steps = vec![goto(&list)];
    steps.extend(look_as("C-20", "C-20-list")?);
    steps.push(click(&sample.letter.request_id));
    steps.extend(look("C-20")?);
    steps.extend([
        tick("電話で伝えた"),
        fill(
            "メモ(話した相手と日時、または手紙の発送日)",
            "事務長と話した",
        ),
        click("記録する"),
        expect("電話や手紙での連絡を待つ方はありません。"),
    ]);
    clerk.work(steps)?;
    Ok(())
}

/// The 確認番号 of a mail.
fn code_in(mail: &str) -> Result<String> {
    let line = mail.lines().find_map(|line| {
        let code = line.trim().strip_prefix("確認番号")?.trim();
        code.chars().all(|c| c.is_ascii_digit()).then_some(code)
    });
    Ok(line.context("a 確認番号")?.to_owned())
}

/// The Message-ID of the notice to this address.
fn message_id(mails: &[Value], to: &str) -> Result<String> {
    let is = |mail: &Value, name, wanted| text(mail, name).is_ok_and(|text| text == wanted);
    let notice = mails
        .iter()
        .find(|mail| is(mail, "subject", NOTICE) && is(mail, "to", to));
    Ok(text(notice.context("the notice")?, "message_id")?.to_owned())
}

/// What a mail server says of a mailbox that is gone (RFC 3464).
fn report_about(message_id: &str, to: &str) -> String {
    format!(
        "From: MAILER-DAEMON@mx.clinic.example\r
To: no-reply@ca.example\r
Subject: Undelivered Mail Returned to Sender\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status; boundary=\"part\"\r
\r
--part\r
Content-Type: text/plain\r
\r
Your message could not be delivered.\r
--part\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.clinic.example\r
\r
Final-Recipient: rfc822; {to}\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 no such user here\r
\r
--part\r
Content-Type: text/rfc822-headers\r
\r
Message-ID: {message_id}\r
To: {to}\r
\r
--part--\r
"
    )
}
