//! One certificate from the application to its end, on each database, with a restart of the server in
//! the middle of each procedure. Everything is judged from outside: by curl, by openssl.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use tegata_system_tests::database::Kind;
use tegata_system_tests::json::{field, text};
use tegata_system_tests::openssl::{self, Holder, OcspStatus};
use tegata_system_tests::page::Page;
use tegata_system_tests::procedure::{self, PASSWORD};
use tegata_system_tests::process::Process;
use tegata_system_tests::served::{Letter, Served};
use tegata_system_tests::tools::{command, eventually};

const CODE: &str = "0110119153";
const INSTITUTION: &str = "見本医院";
const TERMINAL: &str = "受付1号機";

#[test]
fn a_certificate_lives_on_sqlite() -> Result<()> {
    lives(Kind::Sqlite)
}

#[test]
fn a_certificate_lives_on_postgresql() -> Result<()> {
    lives(Kind::Postgres)
}

fn lives(kind: Kind) -> Result<()> {
    let mut served = Served::start(kind)?;
    served.add_institution(CODE, INSTITUTION)?;
    let letter = granted_by_three_persons(&mut served)?;
    let holder = collected_across_a_restart(&mut served, &letter)?;
    used(&served, &holder)?;
    let number = held_across_a_restart(&mut served, &letter, &holder)?;
    let held_at = stopped_for_the_world(&served, &holder, "certificateHold")?;
    served.restart()?;
    ensure!(stopped_for_the_world(&served, &holder, "certificateHold")? == held_at);
    lifted_by_two_operators(&mut served, &number, &holder)?;
    revoked_for_good(&mut served, &letter, &holder)?;
    eprintln!("{kind:?}: lived and ended as it should");
    Ok(())
}

/// T28: what takes long keeps no list back. A job of each second waits here for a table that somebody else has.
#[test]
fn a_stop_is_listed_while_another_job_waits() -> Result<()> {
    let mut served = Served::init(Kind::Postgres)?;
    let url = served.database.url()?;
    let patient = format!("{url}?options[lock_timeout]=0&options[statement_timeout]=0");
    let config = fs::read_to_string(served.config())?;
    ensure!(config.contains(&url), "{config}");
    fs::write(served.config(), config.replace(&url, &patient))?;
    served.begin()?;
    served.add_institution(CODE, INSTITUTION)?;
    let letter = served.grant(CODE, TERMINAL)?;
    let browser = served.browser("collect");
    let holder = procedure::collect(&browser, &served.public, &letter, served.folder())?;

    let taken = "begin; lock table sealed_key in access exclusive mode; select pg_sleep(600)";
    let _taker = Process::start(&mut command("psql", ["-X", "-d", &url, "-c", taken]))?;
    eventually("a job waits for the table", || {
        let waiting = "select count(*) from pg_locks l join pg_class c on c.oid = l.relation
            where c.relname = 'sealed_key' and not l.granted";
        Ok((served.database.number(waiting)? > 0).then_some(()))
    })?;
    served.act(
        "help_desk",
        &[
            "revocation",
            "hold",
            &letter.request_id,
            "--reason",
            "lost",
            "--note",
            "the terminal was stolen",
        ],
    )?;
    stopped_for_the_world(&served, &holder, "certificateHold")?;
    Ok(())
}

/// Entered, examined and approved: three persons, or it is refused. IDs work only once the letter is
/// recorded as posted (K2).
fn granted_by_three_persons(served: &mut Served) -> Result<Letter> {
    let entrant = served.hire("intake examiner")?;
    let entered = served.json_of(
        &entrant,
        &[
            "grant",
            "enter",
            "--class",
            "medical",
            "--code",
            CODE,
            "--terminal",
            TERMINAL,
            "--mail",
            "uketsuke@clinic.example",
        ],
    )?;
    let application = text(&entered, "application")?.to_owned();
    let refused = served.try_act_of(&entrant, &["grant", "examine", &application])?;
    eprintln!(
        "the one who entered it examines it: {}",
        refused.stderr.trim()
    );
    ensure!(refused.status.code() == Some(1), "{}", refused.all());
    ensure!(refused.stderr.contains("same person"), "{}", refused.stderr);

    let examiner = served.hire("examiner approver")?;
    served.json_of(&examiner, &["grant", "examine", &application])?;
    let refused = served.try_act_of(&examiner, &["grant", "approve", &application])?;
    eprintln!(
        "the one who examined it approves it: {}",
        refused.stderr.trim()
    );
    ensure!(refused.status.code() == Some(1), "{}", refused.all());
    ensure!(refused.stderr.contains("same person"), "{}", refused.stderr);

    let grant = served.act("approver", &["grant", "approve", &application])?;
    let request_id = text(&grant, "request_id")?.to_owned();
    let printed = served.act_of_two("dispatcher", &["grant", "letter", &request_id])?;
    let reference_id = text(&printed, "reference_id")?.to_owned();
    ensure!(reference_id.len() == 10, "{reference_id}");
    let letter = Letter {
        request_id,
        reference_id,
    };

    let site = format!("{}/p/rcd", served.public);
    let early = procedure::type_ids(&served.browser("early"), &site, &letter)?;
    ensure!(
        early.status == 400,
        "not posted yet: {} {}",
        early.status,
        early.text()
    );
    served.act("dispatcher", &["grant", "post", &letter.request_id])?;
    Ok(letter)
}

/// RCD-1 → RCD-2, a restart, RCD-2 → RCD-4 → file: the cookie jar goes on.
fn collected_across_a_restart(served: &mut Served, letter: &Letter) -> Result<Holder> {
    let browser = served.browser("collect");
    let site = format!("{}/p/rcd", served.public);
    let page = procedure::type_ids(&browser, &site, letter)?;
    ensure!(
        page.status == 200 && page.says("証明書パスワードの設定"),
        "{}",
        page.text()
    );
    ensure!(
        page.says(INSTITUTION) && page.says(TERMINAL) && page.says(CODE),
        "{}",
        page.text()
    );
    served.restart()?;
    let page = procedure::set_password(&browser, &page, PASSWORD)?;
    ensure!(
        page.says("鍵の取得") && page.says(&letter.request_id),
        "{}",
        page.text()
    );
    served.restart()?;
    let file = procedure::download(&browser, &page)?;
    let folder = served.folder().to_owned();
    let holder = openssl::open_p12(&file, PASSWORD, &folder, "first")?;
    let name = &holder.friendly_name;
    eprintln!("friendlyName {name}");
    ensure!(
        name == "cn=0110119153, ou=medical, ou=hokkaido, o=receiptonline, c=jp",
        "{name}"
    );
    ensure!(
        openssl::open_p12(&file, "2469", &folder, "wrong").is_err(),
        "any password opens it"
    );

    let again = procedure::collect(&served.browser("again"), &served.public, letter, &folder)?;
    ensure!(
        again.der == holder.der,
        "the second collection is another certificate"
    );
    let seen = procedure::type_ids(&served.browser("third"), &site, letter)?;
    ensure!(seen.says("2回ダウンロードされています"), "{}", seen.text());
    Ok(holder)
}

fn used(served: &Served, holder: &Holder) -> Result<()> {
    for version in ["1.2", "1.3"] {
        let page = own_page(served, holder, Some(version))?;
        ensure!(page.status == 200, "{}: {}", page.status, page.text());
        ensure!(
            page.says(INSTITUTION) && page.says(TERMINAL),
            "{}",
            page.text()
        );
    }
    let status = ocsp(served, holder)?;
    ensure!(status.status == "good", "{status:?}");
    for list in ["0", "all"] {
        let crl = crl(served, list)?;
        let verified =
            openssl::verify_with_crl(&served.subscriber_ca(), &crl, &holder.certificate)?;
        ensure!(verified.status.success(), "{list}.crl: {}", verified.all());
    }
    Ok(())
}

/// `/p/ru` with the certificate.
fn own_page(served: &Served, holder: &Holder, version: Option<&str>) -> Result<Page> {
    let mut curl = served.curl().presenting(&holder.pem);
    if let Some(version) = version {
        curl = curl.tls(version);
    }
    let main = served.subscriber.first().context("a subscriber name")?;
    let url = format!("{main}/p/ru");
    let answer = curl.get(&url)?;
    Ok(Page {
        url,
        status: answer.status,
        html: answer.text(),
    })
}

/// RX-1 → RX-3, a restart, RX-3 → RX-4: the very next request is refused.
fn held_across_a_restart(served: &mut Served, letter: &Letter, holder: &Holder) -> Result<String> {
    let browser = served.browser("revoke");
    let site = format!("{}/p/rx", served.public);
    let page = procedure::type_ids(&browser, &site, letter)?;
    ensure!(page.status == 200 && page.says(TERMINAL), "{}", page.text());
    let last_two = letter.reference_id.get(8..).unwrap_or_default();
    ensure!(page.says(&format!("********{last_two}")), "{}", page.text());
    ensure!(
        !page.html.contains(&letter.reference_id),
        "the reference ID is shown again"
    );
    served.restart()?;
    let page = procedure::enter_revocation(&browser, &page)?;
    ensure!(page.says("すぐに使えなくなります"), "{}", page.text());
    served.restart()?;
    ensure!(own_page(served, holder, None)?.status == 200);
    let number = procedure::submit_revocation(&browser, &page)?;
    ensure!(!number.is_empty(), "RX-4 shows no 失効申請番号");
    for version in ["1.2", "1.3"] {
        let page = own_page(served, holder, Some(version))?;
        ensure!(
            page.status == 403 && page.says("一時停止中"),
            "{}: {}",
            page.status,
            page.text()
        );
    }
    eprintln!("held as {number}");
    Ok(number)
}

/// OCSP by POST with and without nonce and by GET, and both lists, say the same. Answers the date.
fn stopped_for_the_world(served: &Served, holder: &Holder, reason: &str) -> Result<String> {
    let url = format!("{}/ocsp", served.plain);
    let (ca, certificate) = (served.subscriber_ca(), &holder.certificate);
    let with_nonce = openssl::ocsp(&url, &ca, certificate, true)?;
    let without = openssl::ocsp(&url, &ca, certificate, false)?;
    let by_get = ocsp_by_get(served, holder)?;
    eprintln!("{without:?}");
    ensure!(
        with_nonce == without && by_get == without,
        "{with_nonce:?} {without:?} {by_get:?}"
    );
    ensure!(without.status == "revoked", "{without:?}");
    ensure!(without.reason.as_deref() == Some(reason), "{without:?}");
    for list in ["0", "all"] {
        let crl = eventually(&format!("{list}.crl lists the certificate"), || {
            let crl = crl(served, list)?;
            let text = openssl::crl_text(&ca, &crl)?;
            Ok(
                (openssl::lists(&text, &holder.serial) && text.contains(words(reason)))
                    .then_some(crl),
            )
        })?;
        let verified = openssl::verify_with_crl(&ca, &crl, certificate)?;
        eprintln!(
            "{list}.crl: {}",
            verified.stderr.lines().next().unwrap_or_default()
        );
        ensure!(!verified.status.success(), "{list}.crl: openssl accepts it");
        ensure!(
            verified.all().contains("certificate revoked"),
            "{}",
            verified.all()
        );
    }
    without.revoked_at.context("a date of revocation")
}

/// A reason as `openssl crl` words it.
fn words(reason: &str) -> &str {
    match reason {
        "certificateHold" => "Certificate Hold",
        other => other,
    }
}

fn ocsp(served: &Served, holder: &Holder) -> Result<OcspStatus> {
    let url = format!("{}/ocsp", served.plain);
    openssl::ocsp(&url, &served.subscriber_ca(), &holder.certificate, true)
}

fn ocsp_by_get(served: &Served, holder: &Holder) -> Result<OcspStatus> {
    use base64::Engine as _;
    let ca = served.subscriber_ca();
    let file = served.folder().join("request.der");
    let request = openssl::ocsp_request(&ca, &holder.certificate, &file)?;
    let encoded = base64::engine::general_purpose::STANDARD.encode(request);
    let path = tegata_system_tests::http::percent(&encoded);
    let answer = served
        .curl()
        .get(&format!("{}/ocsp/{path}", served.plain))?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.text());
    let caching = answer.header("cache-control").unwrap_or_default();
    ensure!(caching.contains("max-age=60"), "{caching}");
    openssl::read_ocsp_answer(&answer.body, &ca, &holder.certificate)
}

fn crl(served: &Served, list: &str) -> Result<Vec<u8>> {
    let key = served.ca_key("subscriber")?;
    let answer = served
        .curl()
        .get(&format!("{}/crl/{key}/{list}.crl", served.plain))?;
    ensure!(answer.status == 200, "{list}.crl: {}", answer.status);
    Ok(answer.body)
}

/// One operator proposes, another confirms; the same one twice is refused. Then it works again.
fn lifted_by_two_operators(served: &mut Served, number: &str, holder: &Holder) -> Result<()> {
    let first = served.hire("examiner")?;
    let lift = ["revocation", "lift", number, "--note", "called back"];
    let proposed = served.json_of(&first, &lift)?;
    ensure!(field(&proposed, "state") == "proposed", "{proposed}");
    let refused = served.try_act_of(&first, &lift)?;
    eprintln!("the same operator confirms: {}", refused.stderr.trim());
    ensure!(refused.status.code() == Some(1), "{}", refused.all());
    ensure!(own_page(served, holder, None)?.status == 403);
    served.restart()?;
    let second = served.hire("approver")?;
    let ended = served.json_of(&second, &lift)?;
    ensure!(field(&ended, "state") == "ended", "{ended}");
    let page = own_page(served, holder, None)?;
    ensure!(
        page.status == 200 && page.says(INSTITUTION),
        "{}: {}",
        page.status,
        page.text()
    );
    // Another process lifted it; the server looks twice a second for what others changed.
    eventually("OCSP says good again", || {
        Ok((ocsp(served, holder)?.status == "good").then_some(()))
    })?;
    for list in ["0", "all"] {
        eventually(&format!("{list}.crl lets it go"), || {
            let text = openssl::crl_text(&served.subscriber_ca(), &crl(served, list)?)?;
            Ok((!openssl::lists(&text, &holder.serial)).then_some(()))
        })?;
    }
    Ok(())
}

/// A second hold, completed by two: revoked since the hold, and the key is destroyed.
fn revoked_for_good(served: &mut Served, letter: &Letter, holder: &Holder) -> Result<()> {
    let number = procedure::hold(&served.browser("second"), &served.public, letter)?;
    let held_at = stopped_for_the_world(served, holder, "certificateHold")?;
    for role in ["examiner", "approver"] {
        let colleague = served.hire(role)?;
        let complete = ["revocation", "complete", &number, "--note", "as asked"];
        served.json_of(&colleague, &complete)?;
    }
    let status = eventually("the final reason", || {
        let status = ocsp(served, holder)?;
        Ok((status.reason.as_deref() != Some("certificateHold")).then_some(status))
    })?;
    ensure!(status.status == "revoked", "{status:?}");
    ensure!(
        status.revoked_at.as_deref() == Some(&held_at),
        "{status:?}, held {held_at}"
    );
    let page = own_page(served, holder, None)?;
    ensure!(
        page.status == 403 && page.says("失効しています"),
        "{}: {}",
        page.status,
        page.text()
    );
    let site = format!("{}/p/rcd", served.public);
    let gone = procedure::type_ids(&served.browser("gone"), &site, letter)?;
    ensure!(gone.status == 410, "{}: {}", gone.status, gone.text());
    ensure!(
        gone.says("ダウンロードできません") && gone.says("失効したため消去"),
        "{}",
        gone.text()
    );
    no_key_is_left(served, &held_at)
}

fn no_key_is_left(served: &Served, held_at: &str) -> Result<()> {
    let kept = served
        .database
        .number("select count(*) from sealed_key where sealed is not null")?;
    ensure!(kept == 0, "{kept} keys are still kept");
    eprintln!("revoked since {held_at}, key destroyed");
    Ok(())
}
