//! お知らせの送信状況 at the console (F6).

use tegata_domain::operator::Role;
use tegata_domain::time::CalendarDate;

use crate::clerk::Clerk;
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
