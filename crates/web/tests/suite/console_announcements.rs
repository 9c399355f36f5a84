//! お知らせ: written at the console, read on the entrance page (`screens.md` C.0, decision F8).

use axum::http::StatusCode;
use tegata_domain::operator::Role;

use crate::clerk::{Clerk, hidden};
use crate::house::House;
use crate::pages_doc::Pages;
use crate::visitor::{Answer, Visitor, get_request, send};

const LIST: &str = "/console/announcements";
const TITLE: &str = "年末の<保守>のお知らせ";

/// The form with these days of effect; published where `step` says so.
fn form(version: i64, title: &str, affects: [&str; 2], step: &str) -> String {
    let [from, until] = affects;
    format!(
        "version={version}&kind=maintenance&title={title}&body=1行目%0D%0A2行目&shown_from=2026-01-01\
         &shown_until=2026/12/31&affects_from={from}&affects_until={until}&step={step}"
    )
}

async fn entrance(house: &House) -> Answer {
    send(&house.public, get_request("/"), Some("localhost"), None).await
}

#[tokio::test]
async fn announcements_read_like_this() {
    let house = House::new().await;
    let mut pages = Pages::default();
    let clerk = Clerk::hire(&house, "sato", &[Role::Administrator]).await;
    pages.take("c-12-empty", &clerk.get(LIST).await);
    pages.take("c-17", &clerk.get(&format!("{LIST}/new")).await);
    let today = house.now().japan_date().to_string();
    let affects = [today.as_str(), ""];
    let looked = clerk.post(LIST, &form(0, TITLE, affects, "look")).await;
    pages.take("c-17-look", &looked);
    let wrong = clerk
        .post(
            LIST,
            "version=0&kind=&title=&body=x&shown_from=2026-02-30&step=publish",
        )
        .await;
    pages.take("c-17-wrong", &wrong);
    let list = clerk.go(LIST, &form(0, TITLE, affects, "publish")).await;
    pages.take("c-12", &list);
    pages.take("top-news", &entrance(&house).await);
    pages.compare();
}

#[tokio::test]
async fn a_notice_is_looked_at_published_changed_and_taken_down() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Administrator]).await;
    let usual = entrance(&house).await;
    assert!(usual.text().contains("今日の状況:正常"), "{}", usual.text());
    let looked = clerk.post(LIST, &form(0, TITLE, ["", ""], "look")).await;
    assert_eq!(looked.status, StatusCode::OK);
    assert!(!entrance(&house).await.text().contains("年末"));
    let list = clerk.go(LIST, &form(0, TITLE, ["", ""], "publish")).await;
    let shown = entrance(&house).await;
    assert!(shown.html().contains("年末の&#60;保守&#62;のお知らせ"));
    assert!(!shown.html().contains("<保守>"));
    assert!(shown.text().contains("今日の状況:正常"));
    let (_, rest) = list.html().split_once(&format!("{LIST}/new")).unwrap();
    let (_, rest) = rest.split_once(&format!("{LIST}/")).unwrap();
    let one = format!("{LIST}/{}", rest.split('"').next().unwrap());

    let page = clerk.get(&one).await;
    assert_eq!(hidden(&page, "version"), "1");
    let today = house.now().japan_date().to_string();
    let changed = form(1, "緊急停止", [&today, &today], "publish");
    clerk.go(&one, &changed).await;
    let shown = entrance(&house).await.text();
    assert!(shown.contains("今日の状況:お知らせあり"), "{shown}");

    let late = clerk
        .post(&one, &form(1, "遅れた変更", ["", ""], "publish"))
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let text = late.text();
    assert!(text.contains("緊急停止"), "what stands there now: {text}");
    assert!(
        late.html().contains("value=\"遅れた変更\""),
        "what was typed"
    );
    assert_eq!(hidden(&late, "version"), "2");

    clerk.go(&format!("{one}/withdraw"), "version=2").await;
    let shown = entrance(&house).await.text();
    assert!(!shown.contains("緊急停止") && shown.contains("今日の状況:正常"));
    let page = clerk.get(&one).await;
    assert!(page.text().contains("取り下げました") && !page.html().contains("掲載する"));
    let again = clerk
        .post(&one, &form(3, "もう一度", ["", ""], "publish"))
        .await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_auditor_reads_announcements_and_writes_none() {
    let house = House::new().await;
    let auditor = Clerk::hire(&house, "kato", &[Role::Auditor]).await;
    assert_eq!(auditor.get(LIST).await.status, StatusCode::OK);
    let refused = auditor
        .post(LIST, &form(0, TITLE, ["", ""], "publish"))
        .await;
    assert_eq!(refused.screen(), "CE-2");
    let mut visitor = Visitor::new(&house);
    assert!(!visitor.get("/").await.text().contains("年末"));
}
