//! お知らせの送信状況 at the console (F6).

use tegata_domain::operator::Role;
use tegata_domain::time::CalendarDate;

use crate::clerk::{Clerk, hidden};
use crate::house::House;
use crate::pages_doc::Pages;
use crate::visitor::Visitor;

/// A certificate that was collected, on the morning 60 days before its end; the notices of the day are queued.
async fn sixty_days_before_an_end() -> House {
    let house = House::new().await;
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    let day = CalendarDate::parse("2029-02-18").unwrap();
    house.clock.set(day.start().plus_seconds(9 * 3_600));
    house.app.run_due_jobs(house.now()).await.unwrap();
    house
}

#[tokio::test]
async fn watching_notices_reads_like_this() {
    let mut pages = Pages::default();
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::HelpDesk]).await;
    pages.take("c-18-empty", &clerk.get("/console/notices").await);
    let house = sixty_days_before_an_end().await;
    for mail in house.app.claim_mails(99).await.unwrap() {
        let words = "451 4.3.0 <desk@clinic.example> try later";
        house.app.mail_failed(&mail, words).await.unwrap();
    }
    house.clock.advance(3 * 3_600);
    let clerk = Clerk::hire(&house, "sato", &[Role::HelpDesk]).await;
    let page = clerk.get("/console/notices").await;
    assert!(!page.text().contains("desk@"), "the address is masked");
    pages.take("c-18", &page);
    let due = "/console/notices/due";
    pages.take("c-19", &clerk.get(&format!("{due}?on=2029/3/5")).await);
    pages.take("c-19-none", &clerk.get(due).await);
    pages.take(
        "c-19-queued",
        &clerk.get(&format!("{due}?on=2029-02-18")).await,
    );
    pages.take(
        "c-19-wrong",
        &clerk.get(&format!("{due}?on=2029-02-17")).await,
    );
    pages.compare();
}

#[tokio::test]
async fn a_missing_run_is_told_to_whoever_looks() {
    let house = sixty_days_before_an_end().await;
    house.clock.advance(26 * 3_600 + 1);
    let clerk = Clerk::hire(&house, "sato", &[Role::Administrator]).await;
    let page = clerk.get("/console/notices").await;
    assert!(page.text().contains("毎日の処理が止まっています"));
}

#[tokio::test]
async fn a_notice_is_sent_again_from_its_case_once() {
    let house = sixty_days_before_an_end().await;
    for mail in house.app.claim_mails(99).await.unwrap() {
        house.app.mail_sent(&mail).await.unwrap();
    }
    house.clock.advance(3_600);
    let clerk = Clerk::hire(&house, "sato", &[Role::HelpDesk]).await;
    let found = clerk.get("/console/search?q=desk@clinic").await;
    let (_, rest) = found.html().split_once("/console/applications/").unwrap();
    let case = format!("/console/applications/{}", rest.split('"').next().unwrap());
    let page = clerk.get(&case).await;
    assert!(page.text().contains("更新のお願い → desk@clinic.example"));
    let (_, rest) = page.html().split_once("/console/grants/").unwrap();
    let request: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let grant = format!("/console/grants/{request}");
    assert!(page.html().contains(&format!("{grant}#again")));
    let seen = hidden(&clerk.get(&grant).await, "seen");
    let missing = clerk
        .post(&format!("{grant}/again"), &format!("seen={seen}&reason="))
        .await;
    assert!(missing.text().contains("理由を入力してください"));
    let form = format!("seen={seen}&reason=deleted");
    for _ in 0..2 {
        let done = clerk.go(&format!("{grant}/again"), &form).await;
        assert!(done.text().contains("お知らせメールを送信待ちに入れました"));
    }
    let waiting = house.app.claim_mails(99).await.unwrap();
    assert_eq!(waiting.len(), 1, "two clicks, one mail");
    let form = format!(
        "seen={}&reason=deleted",
        hidden(&clerk.get(&grant).await, "seen")
    );
    let waits = clerk.post(&format!("{grant}/again"), &form).await;
    assert!(waits.text().contains("まだ送信されていません"));
    let text = clerk.get(&case).await.text();
    assert!(text.contains("お知らせをもう一度送りました") && text.contains("deleted"));
    let auditor = Clerk::hire(&house, "kato", &[Role::Auditor]).await;
    assert!(!auditor.get(&case).await.html().contains("#again"));
}
