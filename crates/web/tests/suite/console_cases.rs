//! Examining, approving, returning and rejecting on the console (decisions F2, F8).

use axum::http::StatusCode;
use tegata_app::AuditFilter;
use tegata_domain::operator::Role;

use crate::clerk::{Clerk, hidden};
use crate::house::House;
use crate::visitor::{Visitor, contact_form, institution_form};

fn case(id: &str) -> String {
    format!("/console/applications/{id}")
}

async fn seen(clerk: &Clerk<'_>, id: &str) -> String {
    hidden(&clerk.get(&case(id)).await, "seen")
}

#[tokio::test]
async fn after_an_act_the_next_case_opens() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let first = house.application("受付1号機").await;
    house.clock.advance(1);
    let second = house.application("受付2号機").await;
    let form = format!("seen={}", seen(&clerk, &first).await);
    let answer = clerk
        .post(&format!("{}/examine", case(&first)), &form)
        .await;
    let next = format!("{}?done=examine&of={first}", case(&second));
    assert_eq!(answer.header("location"), next);
    let form = format!("seen={}", seen(&clerk, &second).await);
    let page = clerk.go(&format!("{}/examine", case(&second)), &form).await;
    assert_eq!(page.screen(), "C-3");
    assert!(page.text().contains("前の申請を審査OKにしました。"));
}

#[tokio::test]
async fn the_second_of_two_examiners_is_told_who_was_first_and_when() {
    let house = House::new().await;
    let first = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let second = Clerk::hire(&house, "kato", &[Role::Examiner]).await;
    let id = house.application("受付1号機").await;
    let form = format!("seen={}", seen(&first, &id).await);
    let late = format!("seen={}&reason=x&due=2026-02-02", seen(&second, &id).await);
    first.go(&format!("{}/examine", case(&id)), &form).await;
    let answer = second.post(&format!("{}/return", case(&id)), &late).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.screen(), "CE-5");
    let text = answer.text();
    assert!(text.contains("操作した人: sato") && text.contains("2026年1月19日(月)10時00分"));
    assert!(text.contains("現在の状態: 承認待ち"));
    let page = second.get(&case(&id)).await;
    assert!(page.text().contains("承認待ち"), "nothing was changed");
}

/// What was wrong: a page from before a correction of 予備のメールアドレス alone passed for the case as it is.
#[tokio::test]
async fn what_was_corrected_since_the_page_was_shown_is_looked_at_first() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let mut visitor = Visitor::new(&house);
    let [number, secret] = visitor.applied().await;
    let id = house.waiting().await;
    let old = format!("seen={}", seen(&clerk, &id.to_string()).await);
    house
        .give_back(&id, "予備のメールアドレスをご確認ください。")
        .await;

    let numbers = format!("application_no={number}&inquiry_no={secret}");
    let status = visitor.go("/p/rcr/status", &numbers).await;
    let form = format!("version={}", status.version());
    let correction = format!("{}/correct", visitor.at());
    let institution = visitor.go(&correction, &form).await;
    let here = visitor.at();
    let form = institution_form(&institution, "1310123458");
    let contact = visitor.go(&format!("{here}/institution"), &form).await;
    let form = contact_form(&contact, "&second_mail=other@clinic.example");
    let confirm = visitor.go(&format!("{here}/contact"), &form).await;
    let form = format!("version={}", confirm.version());
    visitor.go(&format!("{here}/submit"), &form).await;

    let examine = format!("{}/examine", case(&id.to_string()));
    let answer = clerk.post(&examine, &old).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.screen(), "CE-5");
    let fresh = format!("seen={}", seen(&clerk, &id.to_string()).await);
    clerk.go(&examine, &fresh).await;
}

#[tokio::test]
async fn t40_approving_ones_own_case_is_refused_and_recorded() {
    let house = House::new().await;
    let both = [Role::Examiner, Role::Approver];
    let clerk = Clerk::hire(&house, "sato", &both).await;
    let id = house.application("受付1号機").await;
    let form = format!("seen={}", seen(&clerk, &id).await);
    clerk.go(&format!("{}/examine", case(&id)), &form).await;
    let page = clerk.get(&case(&id)).await;
    assert!(!page.html().contains("/approve\""), "no button for it");
    assert!(page.text().contains("あなたが受付または審査をしました"));
    let form = format!("seen={}", hidden(&page, "seen"));
    let answer = clerk.post(&format!("{}/approve", case(&id)), &form).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.screen(), "CE-4");
    let trail = house
        .app
        .audit_trail(AuditFilter::Everything, None, 5)
        .await;
    let trail = trail.unwrap();
    let refused = trail.iter().find(|event| event.action == "refused");
    let refused = refused.unwrap();
    assert!(refused.actor.ends_with(clerk.operator.id.as_str()));
    assert!(refused.detail.contains(&id));
}

#[tokio::test]
async fn a_third_person_approves_and_the_case_tells_everything_in_order() {
    let house = House::new().await;
    let examiner = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let approver = Clerk::hire(&house, "kato", &[Role::Approver]).await;
    let id = house.application("受付1号機").await;
    house.clock.advance(60);
    let form = format!("seen={}", seen(&examiner, &id).await);
    examiner.go(&format!("{}/examine", case(&id)), &form).await;
    house.clock.advance(60);
    let form = format!("seen={}", seen(&approver, &id).await);
    approver.go(&format!("{}/approve", case(&id)), &form).await;
    let text = approver.get(&case(&id)).await.text();
    let order = [
        "申請を受け付けました",
        "審査OKにしました",
        "発行を承認しました",
    ];
    let places: Vec<_> = order.iter().map(|told| text.find(told).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains("通知書の準備中"));
}

#[tokio::test]
async fn nothing_typed_is_lost_when_a_form_is_wrong() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let id = house.application("受付1号機").await;
    let seen = seen(&clerk, &id).await;
    for (due, told) in [
        ("x", "日付を「2026-02-02」のように入力してください。"),
        ("2026-01-19", "今日より後の日付を入力してください。"),
    ] {
        let form = format!("seen={seen}&reason=a%3Cb%3E&due={due}");
        let page = clerk.post(&format!("{}/return", case(&id)), &form).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let text = page.text();
        assert!(text.contains(told), "{text}");
        assert!(text.contains("[textarea reason: a<b>]") && text.contains(&format!("due: {due}]")));
        assert!(!page.html().contains("a<b>"), "what was typed is escaped");
    }
    let form = format!("seen={seen}&reason=&due=");
    let page = clerk.post(&format!("{}/reject", case(&id)), &form).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn returned_and_rejected_cases_say_why() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    for (act, state) in [("return", "差戻し"), ("reject", "却下")] {
        let id = house.application("受付1号機").await;
        let form = format!(
            "seen={}&reason=because&due=2026/2/2",
            seen(&clerk, &id).await
        );
        clerk.go(&format!("{}/{act}", case(&id)), &form).await;
        let text = clerk.get(&case(&id)).await.text();
        assert!(text.contains(state) && text.contains("because"), "{text}");
    }
}

#[tokio::test]
async fn one_field_finds_a_case_by_whatever_a_caller_says() {
    let house = House::new().await;
    let letter = house.letter().await;
    let clerk = Clerk::hire(&house, "tanaka", &[Role::HelpDesk]).await;
    for typed in [
        letter.request_id.as_str(),
        "1310123458",
        "0123458",
        "%EF%BC%91%EF%BC%93%EF%BC%91%EF%BC%90%EF%BC%91%EF%BC%92", // １３１０１２
        "%E8%A6%8B%E6%9C%AC",                                     // 見本
        "%E3%81%8F%E3%82%8A%E3%81%AB%E3%81%A3%E3%81%8F",          // くりにっく
        "%E5%8F%97%E4%BB%98",                                     // 受付
        "desk@clinic",
    ] {
        let page = clerk.get(&format!("/console/search?q={typed}")).await;
        assert!(
            page.text().contains("見本<内科>クリニック"),
            "{typed}: {}",
            page.text()
        );
    }
    let page = clerk.get("/console/search?q=nothing").await;
    assert!(page.text().contains("見つかりませんでした。"));
    let page = clerk.get("/console/search?q=a").await;
    assert!(page.text().contains("2文字以上を入力してください。"));
}
