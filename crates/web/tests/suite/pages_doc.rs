//! Every page as a person reads it, in `tests/suite/pages/`.
//!
//! The test compares; with `TEGATA_GEN=1` in the environment it writes the files. Clock and chance stand
//! still, so nothing in them is blotted out.

use std::fs;
use std::path::PathBuf;

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::{Outcome, StatedReason};
use tegata_domain::time::Timestamp;

use crate::est::renewed;
use crate::house::{House, Letter};
use crate::visitor::{Answer, MAILS, Visitor, contact_form, ids, institution_form, present};

/// Pages gathered for comparison: name and text.
#[derive(Default)]
pub(crate) struct Pages(Vec<(&'static str, String)>);

impl Pages {
    pub(crate) fn take(&mut self, name: &'static str, answer: &Answer) {
        let title = answer
            .html()
            .split_once("<title>")
            .map_or("", |(_, rest)| rest);
        let title = title.split_once("</title>").map_or("", |(title, _)| title);
        let head = format!("{}\n{title}\n\n", answer.status);
        self.0.push((name, head + &answer.text()));
    }

    pub(crate) fn compare(self) {
        for (name, text) in self.0 {
            let file = PathBuf::from("tests/suite/pages").join(format!("{name}.txt"));
            if std::env::var_os("TEGATA_GEN").is_some_and(|value| value == "1") {
                fs::write(&file, &text).unwrap();
            }
            let found = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(
                found,
                text,
                "{} is stale; run: cargo xtask gen",
                file.display()
            );
        }
    }
}

#[tokio::test]
async fn collecting_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    pages.take("top", &visitor.get("/").await);
    pages.take("rcd-1", &visitor.get("/p/rcd").await);
    let wrong = format!("request_id={}&reference_id=AbCdEfGh23", letter.request_id);
    pages.take("e-01", &visitor.post("/p/rcd", &wrong).await);
    let here = visitor.enter("/p/rcd", &letter).await;
    let page = visitor.get(&here).await;
    pages.take("rcd-2", &page);
    let form = format!(
        "version={}&password=258&password_confirmation=２５８&form=modern&weak=accepted",
        page.version()
    );
    pages.take(
        "rcd-2-wrong",
        &visitor.post(&format!("{here}/password"), &form).await,
    );
    let form = format!(
        "version={}&password=2580&password_confirmation=2580&form=modern&weak=accepted",
        page.version()
    );
    let ready = visitor.go(&format!("{here}/password"), &form).await;
    pages.take("rcd-4", &ready);
    let form = format!("version={}", ready.version());
    visitor.post(&format!("{here}/file"), &form).await;
    pages.take(
        "e-04",
        &visitor.post(&format!("{here}/file"), "version=1").await,
    );
    let again = visitor.go(&format!("{here}/again"), &form).await;
    pages.take("rcd-2-again", &again);
    let form = format!("version={}", again.version());
    pages.take(
        "rcd-e7",
        &visitor.go(&format!("{here}/freeze"), &form).await,
    );
    house.clock.advance(3 * 3_600);
    pages.take("e-03", &visitor.get(&here).await);
    pages.take("e-06", &visitor.get("/p/nowhere").await);
    pages.take("e-07", &visitor.post("/p/rcd", "a=1&a=1").await);
    pages.compare();
}

#[tokio::test]
async fn the_mailed_code_reads_like_this() {
    let house = House::with_codes().await;
    let letter = house.letter().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    pages.take("rcd-1-code", &visitor.get("/p/rcd").await);
    let here = visitor.enter("/p/rcd", &letter).await;
    let page = visitor.get(&here).await;
    pages.take("rcd-1b", &page);
    let (code, _) = house.mailed_code().await;
    for (name, typed) in [("rcd-1b-form", "12345"), ("rcd-1b-wrong", "00000000")] {
        let form = format!("version=1&code={typed}");
        pages.take(name, &visitor.post(&format!("{here}/code"), &form).await);
    }
    let again = visitor.post(&format!("{here}/resend"), "version=1").await;
    pages.take("rcd-1b-soon", &again);
    house.clock.advance(901);
    pages.take("rcd-1b-over", &visitor.get(&here).await);
    let form = format!("version=1&code={code}");
    let late = visitor.post(&format!("{here}/code"), &form).await;
    assert_eq!(late.screen(), "RCD-1B");
    let next = visitor.go(&format!("{here}/resend"), "version=1").await;
    assert_eq!(next.screen(), "RCD-1B");
    let (code, _) = house.mailed_code().await;
    let form = format!("version=2&code={code}");
    let password = visitor.go(&format!("{here}/code"), &form).await;
    assert_eq!(password.screen(), "RCD-2");
    pages.compare();
}

#[tokio::test]
async fn the_steps_in_windows_read_like_this() {
    let house = House::new().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    for (name, address) in [
        ("gd-1", "/p/guide/install"),
        ("gd-2", "/p/guide/backup"),
        ("gd-3", "/p/guide/delete"),
        ("gd-4", "/p/guide/choose"),
    ] {
        pages.take(name, &visitor.get(address).await);
    }
    pages.take("e-06", &visitor.get("/p/guide/elsewhere").await);
    pages.compare();
}

#[tokio::test]
async fn a_window_that_ended_reads_like_this() {
    let house = House::new().await;
    let (collected, forgotten) = (house.letter().await, house.letter().await);
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    visitor.collect(&collected).await;
    house.clock.advance(181 * 86_400);
    pages.take("rcd-e3", &visitor.post("/p/rcd", &ids(&collected)).await);
    pages.take("rcd-e4", &visitor.post("/p/rcd", &ids(&forgotten)).await);
    pages.compare();
}

#[tokio::test]
async fn revoking_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    visitor.collect(&letter).await;
    pages.take("rx-1", &visitor.get("/p/rx").await);
    let here = visitor.enter("/p/rx", &letter).await;
    let page = visitor.get(&here).await;
    pages.take("rx-2", &page);
    let form = format!(
        "version={}&mail=desk&mail_confirmation=dask&reason=bored",
        page.version()
    );
    pages.take(
        "rx-2-wrong",
        &visitor.post(&format!("{here}/form"), &form).await,
    );
    let form = format!("version={}&{MAILS}&reason=lost", page.version());
    let page = visitor.go(&format!("{here}/form"), &form).await;
    pages.take("rx-3", &page);
    let form = format!("version={}", page.version());
    pages.take(
        "rx-3-wrong",
        &visitor.post(&format!("{here}/submit"), &form).await,
    );
    let form = format!("version={}&confirmed=yes", page.version());
    let page = visitor.go(&format!("{here}/submit"), &form).await;
    pages.take("rx-4", &page);
    pages.take("rcd-e5", &visitor.post("/p/rcd", &ids(&letter)).await);
    let text = page.text();
    let (_, number) = text.split_once("失効申請番号: ").unwrap();
    let number = number.lines().next().unwrap();
    for operator in house.finishers() {
        let decided =
            house
                .app
                .decide_revocation(number, Outcome::Complete, "", operator, house.now());
        decided.await.unwrap();
    }
    pages.take("rx-4-complete", &visitor.get(&here).await);
    pages.take("rx-4-again", &visitor.go("/p/rx", &ids(&letter)).await);
    pages.compare();
}

#[tokio::test]
async fn revoking_what_was_never_collected_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    let here = visitor.enter("/p/rx", &letter).await;
    let version = visitor.get(&here).await.version();
    let form = format!("version={version}&{MAILS}&reason=not_stated");
    pages.take(
        "rx-3-uncollected",
        &visitor.go(&format!("{here}/form"), &form).await,
    );
    pages.compare();
}

#[tokio::test]
async fn a_presented_certificate_reads_like_this() {
    let house = House::new().await;
    let (letter, other) = (house.letter().await, house.letter().await);
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    visitor.collect(&letter).await;
    visitor.collect(&other).await;
    let certificate = house.certificate(&letter).await;
    let held = house.certificate(&other).await;
    visitor.revoke(&other).await;
    let shown = |path| present(&house, path, Some(certificate.clone()));
    pages.take("ru-e3", &present(&house, "/p/ru", None).await);
    pages.take("ru-e4", &present(&house, "/p/ru", Some(held)).await);
    let by_operator = house.letter().await;
    Visitor::new(&house).collect(&by_operator).await;
    let request = RequestId::parse(&by_operator.request_id).unwrap();
    let [by, _] = house.finishers();
    let (reason, now) = (StatedReason::Lost, house.now());
    let held = house.app.hold_by_operator(&request, reason, "x", by, now);
    held.await.unwrap();
    let held = house.certificate(&by_operator).await;
    let page = present(&house, "/p/ru", Some(held)).await;
    pages.take("ru-e4-operator", &page);
    pages.take("ru-0-check", &shown("/p/ru?from=rcd").await);
    // 90 days before 2029-04-19, and the last morning.
    house.clock.advance(1_096 * 86_400);
    pages.take("ru-0-open", &shown("/p/ru").await);
    house.clock.advance(90 * 86_400 - 3_600);
    pages.take("ru-0-last-day", &shown("/p/ru").await);
    house.clock.advance(86_400);
    pages.take("ru-e6", &shown("/p/ru").await);
    pages.compare();
}

#[tokio::test]
async fn what_else_a_file_needs_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    let here = visitor.enter("/p/rcd", &letter).await;
    let page = visitor.get(&here).await;
    pages.take("rcd-2b", &visitor.get(&format!("{here}/suggestion")).await);
    let form = format!(
        "version={}&password=1234&password_confirmation=1234&form=modern",
        page.version()
    );
    let weak = visitor.go(&format!("{here}/password"), &form).await;
    pages.take("rcd-2c", &weak);
    let form = format!("version={}", weak.version());
    let ready = visitor.go(&format!("{here}/weak"), &form).await;
    assert_eq!(ready.screen(), "RCD-4");
    let form = format!("version={}", ready.version());
    visitor.post(&format!("{here}/file"), &form).await;
    pages.take("rcd-5", &visitor.get(&format!("{here}/other")).await);
    pages.take("rcd-6", &visitor.get(&format!("{here}/erase")).await);
    pages.take(
        "rcd-6-wrong",
        &visitor.post(&format!("{here}/erase"), &form).await,
    );
    let ticked = format!("{form}&confirmed=yes");
    let erased = visitor.go(&format!("{here}/erase"), &ticked).await;
    pages.take("rcd-7", &erased);
    pages.compare();
}

#[tokio::test]
async fn too_many_renewals_in_an_hour_read_like_this() {
    let house = House::with(|policy| policy.renewal.rate_per_hour = 1).await;
    let mut certificates = Vec::new();
    for _ in 0..2 {
        let letter = house.letter().await;
        Visitor::new(&house).collect(&letter).await;
        certificates.push(house.certificate(&letter).await);
    }
    house
        .clock
        .set(Timestamp::parse_rfc3339(RENEWABLE).unwrap());
    let (mut pages, mut answers) = (Pages::default(), Vec::new());
    for certificate in certificates {
        let mut holder = Visitor::holder(&house, certificate);
        let thumbprint = holder.get("/p/ru").await.hidden("certificate");
        let form = format!("certificate={thumbprint}");
        let confirm = holder.go("/p/ru/begin", &form).await;
        let form = format!("version={}", confirm.version());
        let path = format!("{}/submit", holder.at());
        answers.push(holder.post(&path, &form).await);
    }
    assert_eq!(answers[0].status, StatusCode::SEE_OTHER);
    assert_eq!(answers[1].header("retry-after"), "600");
    pages.take("ru-e10", &answers[1]);
    pages.compare();
}

#[tokio::test]
async fn renewing_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    house
        .clock
        .set(Timestamp::parse_rfc3339(RENEWABLE).unwrap());
    let (mut holder, mut pages) = (
        Visitor::holder(&house, certificate.clone()),
        Pages::default(),
    );
    let first = holder.get("/p/ru").await;
    let thumbprint = first.hidden("certificate");
    pages.take("ru-5-empty", &holder.get("/p/ru/list").await);
    let confirm = holder
        .go("/p/ru/begin", &format!("certificate={thumbprint}"))
        .await;
    pages.take("ru-1", &confirm);
    let here = holder.at();
    let form = format!("version={}", confirm.version());
    let accepted = holder.go(&format!("{here}/submit"), &form).await;
    pages.take("ru-2", &accepted);
    pages.take("ru-0-accepted", &holder.get("/p/ru").await);
    pages.take("ru-5", &holder.get("/p/ru/list").await);
    let other = house.letter().await;
    Visitor::new(&house).collect(&other).await;
    let another = house.certificate(&other).await;
    let mut stranger = Visitor::holder(&house, another);
    pages.take("ru-e7", &stranger.get(&here).await);
    let form = format!("request_id={}", accepted.hidden("request_id"));
    let password = holder.go("/p/ru/retrieve", &form).await;
    pages.take("ru-3", &password);
    let here = holder.at();
    let form = format!(
        "version={}&password=Zt7kappa&password_confirmation=Zt7kappa&form=modern",
        password.version()
    );
    let ready = holder.go(&format!("{here}/password"), &form).await;
    pages.take("ru-4", &ready);
    let form = format!("version={}", ready.version());
    let file = holder.post(&format!("{here}/file"), &form).await;
    assert_eq!(file.header("content-type"), "application/x-pkcs12");
    pages.take("ru-4b", &holder.get(&format!("{here}/other")).await);
    let form = format!("version={}&confirmed=yes", ready.version());
    pages.take("ru-4d", &holder.go(&format!("{here}/erase"), &form).await);
    let form = format!("request_id={}", accepted.hidden("request_id"));
    pages.take("ru-e8", &holder.post("/p/ru/retrieve", &form).await);
    // 登録の確認 with the old certificate: the work is not told to be done.
    pages.take("ru-0-collected", &holder.get("/p/ru?from=ru").await);
    // After the end nobody is sent to a file that its holder had erased.
    let before = house.now();
    house.clock.set(Timestamp::parse_rfc3339(EXPIRED).unwrap());
    pages.take("ru-e6-with-holder", &holder.get("/p/ru").await);
    house.clock.set(before);
    let newer = Letter {
        request_id: accepted.hidden("request_id"),
        reference_id: String::new(),
    };
    let newer = house.certificate(&newer).await;
    pages.take(
        "ru-0-renewed",
        &present(&house, "/p/ru?from=ru", Some(newer)).await,
    );
    pages.take(
        "ru-0-replaced",
        &present(&house, "/p/ru", Some(certificate.clone())).await,
    );
    house.clock.set(Timestamp::parse_rfc3339(EXPIRED).unwrap());
    pages.take(
        "ru-e6-in-use",
        &present(&house, "/p/ru", Some(certificate)).await,
    );
    pages.compare();
}

#[tokio::test]
async fn changing_the_address_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    let (mut holder, mut pages) = (Visitor::holder(&house, certificate), Pages::default());
    let thumbprint = holder.get("/p/ru").await.hidden("certificate");
    let form = format!("certificate={thumbprint}");
    let page = holder.go("/p/ru/address", &form).await;
    pages.take("ru-6", &page);
    let here = holder.at();
    let wrong = "version=1&mail=a(b)@c&mail_confirmation=a&second_mail=spare";
    let told = holder.post(&format!("{here}/form"), wrong).await;
    pages.take("ru-6-wrong", &told);
    let form = "version=1&mail=Jimu@new.example&mail_confirmation=Jimu@new.example\
        &second_mail=spare@house.example";
    pages.take("ru-6b", &holder.go(&format!("{here}/form"), form).await);
    let (code, text) = house.mailed_code().await;
    assert!(text.contains("このメールアドレスに変更するための確認番号"));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for (name, typed) in [("ru-6b-form", "12345"), ("ru-6b-wrong", wrong)] {
        let form = format!("version=2&code={typed}");
        pages.take(name, &holder.post(&format!("{here}/code"), &form).await);
    }
    let soon = holder.post(&format!("{here}/resend"), "version=2").await;
    pages.take("ru-6b-soon", &soon);
    let other = holder
        .post(&format!("{here}/form"), "version=1&mail=other")
        .await;
    pages.take("ru-6-elsewhere", &other);
    let form = format!("version=2&code={code}");
    let second = holder.go(&format!("{here}/code"), &form).await;
    pages.take("ru-6b-second", &second);
    let (code, _) = house.mailed_code().await;
    let form = format!("version=3&code={code}");
    pages.take("ru-6c", &holder.go(&format!("{here}/code"), &form).await);
    let again = holder.post(&format!("{here}/code"), &form).await;
    assert_eq!(again.header("location"), here);
    pages.take("ru-0-second", &holder.get("/p/ru").await);
    pages.compare();
}

#[tokio::test]
async fn revoking_by_the_certificate_itself_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    house
        .clock
        .set(Timestamp::parse_rfc3339(RENEWABLE).unwrap());
    let (mut holder, mut pages) = (Visitor::holder(&house, certificate), Pages::default());
    let first = holder.get("/p/ru").await.hidden("certificate");
    let confirm = holder
        .go("/p/ru/begin", &format!("certificate={first}"))
        .await;
    let form = format!("version={}", confirm.version());
    holder.go(&format!("{}/submit", holder.at()), &form).await;
    let own = holder.get("/p/rx").await;
    pages.take("rx-1b", &own);
    let form = format!("certificate={}", own.hidden("certificate"));
    let question = holder.go("/p/rx", &form).await;
    pages.take("rx-2-newer", &question);
    let here = holder.at();
    let form = format!("version={}&{MAILS}&reason=lost", question.version());
    pages.take(
        "rx-2-newer-wrong",
        &holder.post(&format!("{here}/form"), &form).await,
    );
    let form = format!("{form}&newer=yes");
    let confirm = holder.go(&format!("{here}/form"), &form).await;
    pages.take("rx-3-newer", &confirm);
    let form = format!("version={}&confirmed=yes", confirm.version());
    let done = holder.go(&format!("{here}/submit"), &form).await;
    pages.take("rx-4-own", &done);
    pages.take("ru-e5-own", &holder.get("/p/ru").await);
    pages.compare();
}

#[tokio::test]
async fn a_new_reference_id_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let old = house.certificate(&letter).await;
    house
        .clock
        .set(Timestamp::parse_rfc3339(RENEWABLE).unwrap());
    renewed(&house, &old).await;
    house.clock.advance(60);
    let mut pages = Pages::default();
    let mut holder = Visitor::holder(&house, old.clone());
    let address = |list: &Answer| {
        let html = list.html();
        let (_, rest) = html.split_once("href=\"/p/ru/reference/").unwrap();
        format!("/p/ru/reference/{}", rest.split_once('"').unwrap().0)
    };
    let here = address(&holder.get("/p/ru/list").await);
    pages.take("ru-7", &holder.get(&here).await);
    let made = holder.go(&here, "").await;
    pages.take("ru-7b", &made);
    // The same again, by a reload or a second click: the same ID.
    assert_eq!(holder.go(&here, "").await.text(), made.text());
    assert_eq!(holder.get(&here).await.text(), made.text());
    let soon = address(&holder.get("/p/ru/list").await);
    assert_ne!(soon, here);
    let told = holder.post(&soon, "").await;
    assert_eq!(told.status, StatusCode::TOO_MANY_REQUESTS);
    pages.take("ru-7-soon", &told);
    // Another certificate reaches neither.
    let other = house.letter().await;
    Visitor::new(&house).collect(&other).await;
    let mut stranger = Visitor::holder(&house, house.certificate(&other).await);
    for named in [&here, &soon] {
        for told in [stranger.get(named).await, stranger.post(named, "").await] {
            assert!(!told.status.is_success(), "{}", told.text());
            assert!(!told.text().contains("リクエストID"), "{}", told.text());
        }
    }
    pages.compare();
}

#[tokio::test]
async fn a_renewal_with_a_key_of_the_terminal_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let old = house.certificate(&letter).await;
    house
        .clock
        .set(Timestamp::parse_rfc3339(RENEWABLE).unwrap());
    renewed(&house, &old).await;
    let mut pages = Pages::default();
    let mut holder = Visitor::holder(&house, old);
    pages.take("ru-0-terminal", &holder.get("/p/ru").await);
    pages.take("ru-5-terminal", &holder.get("/p/ru/list").await);
    house.clock.advance(60 * 86_400);
    pages.take("ru-e3-terminal", &holder.get("/p/ru").await);
    pages.compare();
}

#[tokio::test]
async fn revoking_by_a_certificate_beside_which_another_lives_reads_like_this() {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let old = house.certificate(&letter).await;
    house
        .clock
        .set(Timestamp::parse_rfc3339(RENEWABLE).unwrap());
    let one = renewed(&house, &old).await;
    renewed(&house, &old).await;
    let mut pages = Pages::default();
    let mut holder = Visitor::holder(&house, one.der().to_vec());
    let own = holder.get("/p/rx").await;
    pages.take("rx-1b-others", &own);
    let form = format!("certificate={}", own.hidden("certificate"));
    let entry = holder.go("/p/rx", &form).await;
    let here = holder.at();
    let form = format!("version={}&{MAILS}&reason=lost", entry.version());
    let confirm = holder.go(&format!("{here}/form"), &form).await;
    pages.take("rx-3-others", &confirm);
    let form = format!("version={}&confirmed=yes", confirm.version());
    let done = holder.go(&format!("{here}/submit"), &form).await;
    pages.take("rx-4-others", &done);
    pages.compare();
}

#[tokio::test]
async fn applying_reads_like_this() {
    let house = House::new().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    pages.take("rcr-1", &visitor.get("/p/rcr").await);
    let first = visitor.go("/p/rcr", "").await;
    pages.take("rcr-2", &first);
    let here = visitor.at();
    let form = format!("version={}&class=&prefecture=&code=1", first.version());
    let wrong = visitor.post(&format!("{here}/institution"), &form).await;
    pages.take("rcr-2-wrong", &wrong);
    let form = institution_form(&first, "0123458");
    let contact = visitor.go(&format!("{here}/institution"), &form).await;
    pages.take("rcr-3", &contact);
    let form = contact_form(&contact, "&act=add");
    let more = visitor.go(&format!("{here}/contact"), &form).await;
    let form = contact_form(&more, "&act=next&terminal_2=%F0%9F%98%80&second_mail=x");
    let wrong = visitor.post(&format!("{here}/contact"), &form).await;
    pages.take("rcr-3-wrong", &wrong);
    let form = contact_form(&more, "&act=next&terminal_2=会計&department=医事課");
    let confirm = visitor.go(&format!("{here}/contact"), &form).await;
    pages.take("rcr-4", &confirm);
    let form = format!("version={}", confirm.version());
    let done = visitor.go(&format!("{here}/submit"), &form).await;
    pages.take("rcr-5", &done);

    let mut again = Visitor::new(&house);
    let asked = again.apply(&["受付1号機"]).await;
    pages.take("rcr-4-same", &asked);
    let form = format!("version={}", asked.version());
    let unanswered = again.post(&format!("{}/submit", again.at()), &form).await;
    pages.take("rcr-4-same-wrong", &unanswered);
    pages.compare();
}

#[tokio::test]
async fn a_crowd_of_applications_reads_like_this() {
    let house = House::with(|policy| {
        policy.application.sent_per_hour = 2;
        policy.application.mails_per_day = 1;
    })
    .await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    visitor.applied().await;
    let confirm = visitor.apply(&["受付1号機"]).await;
    let form = format!("version={}&duplicate=other", confirm.version());
    let unmailed = visitor.go(&format!("{}/submit", visitor.at()), &form).await;
    pages.take("rcr-5-withheld", &unmailed);
    visitor.apply(&["受付1号機"]).await;
    let crowded = visitor
        .post(&format!("{}/submit", visitor.at()), &form)
        .await;
    assert!(crowded.headers.contains_key(RETRY_AFTER));
    pages.take("e-05-crowded", &crowded);
    pages.compare();
}

#[tokio::test]
async fn asking_about_an_application_reads_like_this() {
    let house = House::new().await;
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    let [application_no, inquiry_no] = visitor.applied().await;
    pages.take("rcs-1", &visitor.get("/p/rcr/status").await);
    let wrong = format!("application_no={application_no}&inquiry_no=AbCdEfGh23");
    pages.take("rcs-1-wrong", &visitor.post("/p/rcr/status", &wrong).await);
    let right = format!("application_no={application_no}&inquiry_no={inquiry_no}");
    let status = visitor.go("/p/rcr/status", &right).await;
    pages.take("rcs-2", &status);
    let here = visitor.at();

    let reason = "端末名称等をご確認ください。";
    let id = house.waiting().await;
    house.give_back(&id, reason).await;
    let returned = visitor.get(&here).await;
    pages.take("rcs-2-returned", &returned);
    let form = format!("version={}", returned.version());
    let correction = visitor.go(&format!("{here}/correct"), &form).await;
    pages.take("rcr-2-correction", &correction);

    pages.take("rcs-3", &visitor.get(&format!("{here}/cancel")).await);
    let cancelled = visitor.go(&format!("{here}/cancel"), &form).await;
    pages.take("rcs-4", &cancelled);
    pages.compare();
}

/// A month before the end of a certificate of [`NOW`](crate::house::NOW), and the day after it.
const RENEWABLE: &str = "2029-03-20T10:00:00+09:00";
const EXPIRED: &str = "2029-04-20T10:00:00+09:00";
