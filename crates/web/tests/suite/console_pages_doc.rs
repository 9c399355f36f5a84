//! Every page of the console as an operator reads it, in `tests/suite/pages/`.

use tegata_domain::operator::Role;

use crate::clerk::{Clerk, hidden};
use crate::house::House;
use crate::pages_doc::Pages;
use crate::visitor::{Visitor, get_request};

#[tokio::test]
async fn working_on_applications_reads_like_this() {
    let house = House::new().await;
    let mut pages = Pages::default();
    let (first, second) = (
        Clerk::hire(&house, "sato", &[Role::Examiner]).await,
        Clerk::hire(&house, "kato", &[Role::Examiner, Role::Approver]).await,
    );
    let desk = Clerk::hire_outside(&house, "tanaka", &[Role::HelpDesk]).await;
    pages.take("c-1", &desk.send(get_request("/console/login")).await);
    let id = house.application("受付1号機").await;
    house.clock.advance(1_200);
    pages.take("c-2", &first.get("/console").await);
    pages.take("c-3", &first.get("/console/queue").await);
    let case = format!("/console/applications/{id}");
    let page = first.get(&case).await;
    pages.take("c-4", &page);
    let wrong = format!("seen={}&reason=&due=x", hidden(&page, "seen"));
    pages.take(
        "c-4-wrong",
        &first.post(&format!("{case}/return"), &wrong).await,
    );
    let form = format!("seen={}", hidden(&page, "seen"));
    first.go(&format!("{case}/examine"), &form).await;
    pages.take("c-4-examined", &second.get(&case).await);
    pages.take(
        "ce-5",
        &second.post(&format!("{case}/examine"), &form).await,
    );
    pages.take("ce-2", &first.post(&format!("{case}/approve"), &form).await);
    let form = format!("seen={}", hidden(&second.get(&case).await, "seen"));
    second.go(&format!("{case}/approve"), &form).await;
    pages.take("c-4-approved", &first.get(&case).await);
    pages.take("c-9", &first.get("/console/search?q=1310").await);
    pages.take("ce-7", &first.get("/console/nowhere").await);
    house.clock.advance(3_600);
    pages.take("ce-1", &first.post(&format!("{case}/return"), &wrong).await);
    pages.compare();
}

#[tokio::test]
async fn the_rest_of_the_console_reads_like_this() {
    let house = House::new().await;
    let mut pages = Pages::default();
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    visitor.collect(&letter).await;
    visitor.revoke(&letter).await;
    let all = [
        Role::Dispatcher,
        Role::Examiner,
        Role::Auditor,
        Role::Administrator,
    ];
    let one = Clerk::hire(&house, "sato", &all).await;
    let two = Clerk::hire(&house, "kato", &all).await;
    let grant = format!("/console/grants/{}", letter.request_id);
    pages.take("c-5", &one.get(&grant).await);
    let wrong = one
        .post(&format!("{grant}/extend"), "reason=called&extra=x&code=")
        .await;
    pages.take("c-5-wrong", &wrong);
    pages.take("c-6", &one.get("/console/letters").await);
    let list = one.get("/console/revocations").await;
    pages.take("c-7", &list);
    let (_, rest) = list.html().split_once("/console/revocations/").unwrap();
    let here = format!("/console/revocations/{}", rest.split('"').next().unwrap());
    pages.take("c-7-one", &one.get(&here).await);
    let form = "outcome=complete&note=called&code=";
    pages.take(
        "c-7-proposed",
        &one.go(&format!("{here}/decide"), form).await,
    );
    pages.take("c-7-to-confirm", &two.get(&here).await);
    let staff = format!("/console/operators/{}/roles", two.operator.id);
    let proposed = one
        .go(&staff, "administrator=yes&auditor=yes&reason=new+job&code=")
        .await;
    pages.take("c-15-own", &proposed);
    pages.take("c-8", &two.get("/console/proposals").await);
    pages.take("c-10", &one.get("/console/institutions").await);
    let list = one.get("/console/institutions").await;
    let (_, rest) = list.html().split_once("/console/institutions/").unwrap();
    let here = format!("/console/institutions/{}", rest.split('"').next().unwrap());
    pages.take("c-11", &one.get(&here).await);
    pages.take("c-13", &one.get("/console/operators").await);
    pages.take("c-14", &one.get("/console/audit?actor=kato").await);
    pages.compare();
}

#[tokio::test]
async fn calling_a_holder_whose_mails_come_back_reads_like_this() {
    let house = House::new().await;
    let mut pages = Pages::default();
    let letter = house.letter().await;
    Visitor::new(&house).collect(&letter).await;
    house.bounce_all().await;
    // 30 days before 2029-04-19.
    house.clock.advance(1_156 * 86_400);
    let desk = Clerk::hire(&house, "sato", &[Role::HelpDesk]).await;
    pages.take("c-2-unreachable", &desk.get("/console").await);
    pages.take("c-20", &desk.get("/console/unreachable").await);
    let here = format!("/console/unreachable/{}", letter.request_id);
    pages.take("c-20-one", &desk.get(&here).await);
    let told = format!("{here}/told");
    pages.take("c-20-wrong", &desk.post(&told, "tries=0&how=&note=x").await);
    let grant = format!("/console/grants/{}", letter.request_id);
    pages.take("c-5-bounced", &desk.get(&grant).await);
    let search = format!("/console/search?q={}", letter.request_id);
    pages.take("c-9-bounced", &desk.get(&search).await);
    let form = "tries=0&how=no_answer&note=%E4%B8%8D%E5%9C%A8";
    pages.take("c-20-tried", &desk.go(&told, form).await);
    let form = "tries=1&how=telephone&note=%E8%A6%8B%E6%9C%AC%E3%81%95%E3%82%93";
    let told_page = desk.go(&told, form).await;
    pages.take("c-20-empty", &told_page);
    pages.take("c-20-told", &desk.get(&here).await);
    pages.compare();
}
