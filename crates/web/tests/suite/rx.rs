//! 電子証明書失効申請サイト.

use axum::http::StatusCode;
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::{Outcome, StatedReason};

use crate::house::House;
use crate::pages_doc::Pages;
use crate::visitor::{MAILS, Visitor, ids, present};

#[tokio::test]
async fn a_request_stops_the_certificate_at_once() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    visitor.collect(&letter).await;
    let certificate = house.certificate(&letter).await;
    let shown = || present(&house, "/p/ru", Some(certificate.clone()));
    assert_eq!(shown().await.screen(), "RU-0");
    assert_eq!(visitor.revoke(&letter).await.screen(), "RX-4");
    let answer = shown().await;
    assert_eq!(
        (answer.status, answer.screen().as_str()),
        (StatusCode::FORBIDDEN, "RU-E4")
    );
}

#[tokio::test]
async fn the_same_ids_show_the_accepted_request_again() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    visitor.collect(&letter).await;
    let first = visitor.revoke(&letter).await;
    let here = visitor.enter("/p/rx", &letter).await;
    // The address that was typed then is not told to whoever comes with the letter later.
    let masked = first
        .text()
        .replace("\ndesk@clinic.example\n", "\nd****@clinic.example\n");
    assert_eq!(visitor.get(&here).await.text(), masked);
}

#[tokio::test]
async fn what_was_typed_stays_when_going_back() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rx", &letter).await;
    let version = visitor.get(&here).await.version();
    let form = format!("version={version}&{MAILS}&reason=unused");
    let page = visitor.go(&format!("{here}/form"), &form).await;
    assert_eq!(page.screen(), "RX-3");
    let form = format!("version={}", page.version());
    let page = visitor.go(&format!("{here}/correct"), &form).await;
    assert_eq!(page.screen(), "RX-2");
    assert!(page.text().contains("[text mail: desk@clinic.example]"));
    assert!(page.text().contains("[radio reason: unused *]"));
}

#[tokio::test]
async fn full_width_mail_addresses_are_put_right() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rx", &letter).await;
    let version = visitor.get(&here).await.version();
    let form = format!(
        "version={version}&mail=ｄｅｓｋ＠clinic.example&mail_confirmation=desk@clinic.example+&reason=lost"
    );
    let page = visitor.go(&format!("{here}/form"), &form).await;
    assert!(page.text().contains("メールアドレス: desk@clinic.example"));
}

#[tokio::test]
async fn only_the_end_of_the_reference_id_is_shown() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    let here = visitor.enter("/p/rx", &letter).await;
    let page = visitor.get(&here).await;
    let end = &letter.reference_id[letter.reference_id.len() - 2..];
    assert!(page.text().contains(&format!("********{end}")));
    assert!(!page.html().contains(&letter.reference_id));
}

/// RX-E2 to RX-E4
#[tokio::test]
async fn a_request_that_stops_nothing_says_why_and_what_to_do() {
    let house = House::with(|policy| policy.hold.rate_per_hour = 1).await;
    let [first, second, third] = [
        house.letter().await,
        house.letter().await,
        house.letter().await,
    ];
    let (mut visitor, mut pages) = (Visitor::new(&house), Pages::default());
    visitor.revoke(&first).await;
    pages.take("rx-e4", &visitor.revoke(&second).await);
    let request = RequestId::parse(&third.request_id).unwrap();
    let ([one, two], reason, now) = (house.finishers(), StatedReason::Lost, house.now());
    let held = house.app.hold_by_operator(&request, reason, "x", one, now);
    let number = held.await.unwrap().number;
    for by in [one, two] {
        let complete = Outcome::Complete;
        let ended = house.app.decide_revocation(&number, complete, "", by, now);
        ended.await.unwrap();
    }
    pages.take("rx-e3", &visitor.post("/p/rx", &ids(&third)).await);
    house.clock.advance(4 * 365 * 86_400);
    pages.take("rx-e2", &visitor.post("/p/rx", &ids(&second)).await);
    pages.compare();
}
