//! 利用システム (decision F7; ): the relying API over real TLS, and what the two sample systems show on
//! the days of the time machine.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tegata_system_tests::demo::Demo;
use tegata_system_tests::http::Answer;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl::{Holder, fingerprint};
use tegata_system_tests::relying::{CLAIMS, ELIGIBILITY, client_cert, enter, system};
use tegata_system_tests::tools::{Ran, command, run};

/// GET at the relying API as the holder of this PEM file; as nobody without one.
fn ask(demo: &Demo, path: &str, pem: Option<&str>, header: Option<&str>) -> Result<Answer> {
    let mut curl = demo.curl()?;
    if let Some(pem) = pem {
        curl = curl.presenting(pem.as_ref());
    }
    if let Some(header) = header {
        curl = curl.header(header);
    }
    let api = demo.text("relying_api")?;
    curl.get(&format!("{api}/api/relying/v1/{path}"))
}

fn json(answer: &Answer) -> Result<Value> {
    serde_json::from_slice(&answer.body).with_context(|| answer.text())
}

#[test]
fn the_relying_api_knows_its_systems_and_the_holders_themselves() -> Result<()> {
    let demo = Demo::start(&[])?;
    let claims = text(system(&demo, CLAIMS)?, "client_pem")?.to_owned();
    let sample = demo.sample("renewable")?;
    let holder = demo.holder(&sample)?;
    let own = holder.pem.display().to_string();
    let print = fingerprint(&holder.pem)?;
    let by_print = format!("certificates/{print}/notice?channel=claims_message");
    let presented = "notice?channel=claims_message";
    let header = client_cert(&holder);
    for (what, path, pem, header) in [
        ("by fingerprint", by_print.as_str(), claims.as_str(), None),
        (
            "by Client-Cert",
            presented,
            claims.as_str(),
            Some(header.as_str()),
        ),
        ("by the holder", presented, own.as_str(), None),
    ] {
        let answer = ask(&demo, path, Some(pem), header)?;
        let notice = json(&answer)?;
        eprintln!("{what}: {} {notice}", answer.status);
        ensure!(answer.status == 200, "{what}");
        ensure!(field(&notice, "certificate") == print.as_str(), "{what}");
        ensure!(field(&notice, "status") == "good", "{what}");
        ensure!(field(&notice, "renewal") == "open", "{what}");
        ensure!(field(&notice, "level") == field(&notice, "days_left"));
        let link = field(field(&notice, "message"), "link");
        let renew = format!("{}/p/ru", demo.text("subscriber")?);
        ensure!(link == renew.as_str(), "{link}");
    }
    let foreign = Demo::start(&[])?;
    let other = text(system(&foreign, CLAIMS)?, "client_pem")?;
    for (what, path, pem, header, status) in [
        ("nobody", presented, None, Some(header.as_str()), 403),
        (
            "a holder about another",
            by_print.as_str(),
            Some(own.as_str()),
            None,
            403,
        ),
        (
            "another's system",
            by_print.as_str(),
            Some(other),
            None,
            403,
        ),
        (
            "another's system",
            presented,
            Some(other),
            Some(header.as_str()),
            404,
        ),
    ] {
        let answer = ask(&demo, path, pem, header)?;
        eprintln!("{what}: {} {}", answer.status, answer.text());
        ensure!(answer.status == status, "{what}: {}", answer.status);
        let kind = answer.header("content-type");
        ensure!(kind == Some("application/problem+json"), "{kind:?}");
    }
    Ok(())
}

#[test]
fn the_sample_systems_judge_by_the_list_and_say_what_the_api_says() -> Result<()> {
    let demo = Demo::start(&[])?;
    for (state, words) in [
        ("on_hold", "この電子証明書は、一時停止中です"),
        ("revoked", "この電子証明書は、失効しています"),
        ("expired", "この電子証明書は、有効期限が切れています"),
    ] {
        let holder = demo.holder(&demo.sample(state)?)?;
        for name in [CLAIMS, ELIGIBILITY] {
            let page = enter(&demo, name, &holder, "")?;
            ensure!(page.status == 403 && page.says(words), "{}", page.text());
        }
    }
    let relying = demo.text("relying")?;
    for (path, says) in [
        ("/", "利用システムを選んでください"),
        ("/claims", "オンライン請求システム(見本)"),
        ("/eligibility", "オンライン資格確認等システム(見本)"),
    ] {
        let answer = demo.curl()?.get(&format!("{relying}{path}"))?;
        ensure!(
            answer.status == 200 && answer.text().contains(says),
            "{path}"
        );
        if path != "/" {
            for link in ["/p/rcd", "/p/ru"] {
                ensure!(answer.text().contains(&format!("{link}\"")), "{path}");
            }
        }
    }
    Ok(())
}

/// The script of docs/relying.md.
fn verify_feed(demo: &Demo, content: &Path, signed: &Path) -> Result<Ran> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/relying/verify-feed.sh"
    );
    let mut verify = command("sh", [script]);
    verify.arg(content).arg(signed).arg(demo.subscriber_ca()?);
    run(&mut verify)
}

#[test]
fn openssl_verifies_the_feed_and_no_other() -> Result<()> {
    let demo = Demo::start(&[])?;
    let claims = text(system(&demo, CLAIMS)?, "client_pem")?.to_owned();
    let feed = ask(&demo, "feed", Some(&claims), None)?;
    let signature = ask(&demo, "feed.p7s", Some(&claims), None)?;
    ensure!(feed.status == 200 && signature.status == 200);
    let (content, signed) = (
        demo.folder().join("feed.jsonl"),
        demo.folder().join("feed.p7s"),
    );
    fs::write(&signed, &signature.body)?;
    let changed = feed.text().replace("on_hold", "good   ");
    for (body, fits) in [(&changed, false), (&feed.text(), true)] {
        fs::write(&content, body)?;
        let ran = verify_feed(&demo, &content, &signed)?;
        eprintln!("verified: {} {}", ran.status, ran.stderr.trim());
        ensure!(ran.status.success() == fits, "{}", ran.stderr);
    }
    // A subscriber's certificate comes from the same root, and signs no feed.
    let holder = demo.holder(&demo.sample("collected")?)?;
    let forged = demo.folder().join("forged.p7s");
    fs::write(&content, &changed)?;
    let mut sign = command("openssl", ["cms", "-sign", "-binary", "-outform", "DER"]);
    sign.arg("-in").arg(&content).arg("-out").arg(&forged);
    sign.arg("-signer")
        .arg(&holder.pem)
        .arg("-inkey")
        .arg(&holder.pem);
    run(&mut sign)?.good()?;
    let ran = verify_feed(&demo, &content, &forged)?;
    eprintln!("forged: {} {}", ran.status, ran.stderr.trim());
    ensure!(!ran.status.success() && ran.stderr.contains("not one for documents"));
    for word in ["on_hold", "revoked", "expired", "good"] {
        let status = format!("\"status\":\"{word}\"");
        ensure!(feed.text().contains(&status), "{word}: {}", feed.text());
    }
    Ok(())
}

/// The days of issue 4: one before the first notice, and both sides of each border.
const DAYS: [(i64, bool, bool); 8] = [
    (91, false, false),
    (90, true, true),
    (89, true, false),
    (60, true, true),
    (59, true, false),
    (30, true, true),
    (15, true, true),
    (7, true, true),
];

#[test]
fn claims_show_the_message_daily_and_eligibility_on_its_days() -> Result<()> {
    let mut demo = Demo::start(&[])?;
    let token = demo.text("clock_token")?.to_owned();
    let holder = demo.holder(&demo.sample("collected")?)?;
    for (left, daily, staged) in DAYS {
        let now = field(&notice(&demo, &holder)?, "days_left").as_i64();
        let moved = demo.move_clock(now.context("a number")? - left, Some(&token))?;
        ensure!(moved.status == 200, "{}", moved.text());
        let wanted = format!("電子証明書の有効期限まで、あと{left}日です");
        shows(&demo, &holder, &wanted, daily, staged)?;
    }
    // The samples end at the hour at which they were made: their last day is looked at from its first second on.
    let not_after = notice(&demo, &holder)?;
    let last = japan_date(text(&not_after, "not_after")?)?;
    demo.restart_with(&["--clock", &format!("{last}T00:00:00+09:00")])?;
    let wanted = "電子証明書の有効期限は、本日";
    shows(&demo, &holder, wanted, true, true)
}

/// What the API says for the eligibility system.
fn notice(demo: &Demo, holder: &Holder) -> Result<Value> {
    let claims = text(system(demo, CLAIMS)?, "client_pem")?;
    let path = format!(
        "certificates/{}/notice?channel=eligibility_message",
        fingerprint(&holder.pem)?
    );
    json(&ask(demo, &path, Some(claims), None)?)
}

/// The day in Japan of an instant in UTC.
fn japan_date(utc: &str) -> Result<String> {
    let mut date = command("date", ["--date", utc, "+%Y-%m-%d"]);
    let ran = run(date.env("TZ", "Asia/Tokyo"))?.good()?;
    Ok(String::from_utf8(ran.stdout)?.trim().to_owned())
}

/// Both systems let the holder in, and show these words where they should.
fn shows(demo: &Demo, holder: &Holder, wanted: &str, daily: bool, staged: bool) -> Result<()> {
    for (name, query, shown) in [
        (CLAIMS, "", daily),
        // Only the fund's side shows it (支払基金のみ).
        (CLAIMS, "?payer=federation", false),
        (ELIGIBILITY, "", staged),
    ] {
        let page = enter(demo, name, holder, query)?;
        let says = page.says(wanted);
        eprintln!("{wanted}: {name}{query} {} {says}", page.status);
        ensure!(
            page.status == 200 && page.says("ログインしました"),
            "{}",
            page.text()
        );
        ensure!(says == shown, "{wanted}, {name}{query}: {}", page.text());
        ensure!(
            says || !page.says("電子証明書の有効期限"),
            "{}",
            page.text()
        );
        let link = "/p/ru\">電子証明書を更新する";
        ensure!(!shown || page.html.contains(link), "{}", page.html);
    }
    Ok(())
}
