//! Logging in and out of the console (decision F8, threats T03, T04, T41).

use axum::http::StatusCode;
use tegata_domain::operator::Role;
use tegata_domain::proposal::ProposedAct;

use crate::clerk::{Clerk, PASSWORD};
use crate::house::House;
use crate::visitor::{form_request, get_request, send};

#[tokio::test]
async fn t03_the_cookie_is_of_this_host_alone_and_new_at_each_login() {
    let house = House::new().await;
    let mut clerk = Clerk::hire_outside(&house, "sato", &[Role::Examiner]).await;
    let answer = clerk.log_in(PASSWORD).await;
    let header = answer.header("set-cookie").to_owned();
    assert!(header.starts_with("__Host-tegata-console="), "{header}");
    assert!(header.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"));
    let first = clerk.cookie.clone();
    house.clock.advance(60);
    clerk.log_in(PASSWORD).await;
    assert_ne!(clerk.cookie, first);
    let second = std::mem::replace(&mut clerk.cookie, first);
    let answer = clerk.get("/console").await;
    assert_eq!(
        answer.header("location"),
        "/console/login",
        "the first ended"
    );
    clerk.cookie = second;
    assert_eq!(clerk.get("/console").await.status, StatusCode::OK);
}

#[tokio::test]
async fn one_answer_for_an_unknown_name_a_wrong_password_and_a_wrong_code() {
    let house = House::new().await;
    let clerk = Clerk::hire_outside(&house, "sato", &[Role::Examiner]).await;
    let mut texts = Vec::new();
    for form in [
        format!("name=nobody&password=x&code={}&next=", clerk.code()),
        format!("name=sato&password=x&code={}&next=", clerk.code()),
        "name=sato&password=long+enough+for+a+test&code=000000&next=".to_owned(),
    ] {
        let answer = clerk.send(form_request("/console/login", &form)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.header("set-cookie"), "");
        texts.push(answer.text().replace("nobody", "sato"));
    }
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert!(
        !texts[0].contains("long enough"),
        "a password is never shown again"
    );
}

#[tokio::test]
async fn a_source_that_guessed_too_often_is_judged_again_in_the_next_minute() {
    let house = House::with(|policy| {
        policy.guessing.free_per_minute = 100;
        policy.guessing.budget_per_minute = 2;
    })
    .await;
    let mut clerk = Clerk::hire_outside(&house, "sato", &[Role::Examiner]).await;
    let wrong = "name=sato&password=x&code=000000&next=";
    let mut last = StatusCode::OK;
    for _ in 0..3 {
        let answer = clerk.send(form_request("/console/login", wrong)).await;
        last = answer.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let answer = clerk.log_in(PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    house.clock.advance(60);
    let answer = clerk.log_in(PASSWORD).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_after_thirty_idle_minutes_and_after_twelve_hours() {
    let house = House::new().await;
    let mut clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    house.clock.advance(29 * 60);
    assert_eq!(clerk.get("/console").await.status, StatusCode::OK);
    house.clock.advance(29 * 60);
    assert_eq!(clerk.get("/console").await.status, StatusCode::OK);
    house.clock.advance(30 * 60);
    let answer = clerk.get("/console/queue?state=examined").await;
    let back = "/console/login?next=/console/queue%3Fstate%3Dexamined";
    assert_eq!(answer.header("location"), back);
    clerk.log_in(PASSWORD).await;
    for _ in 0..25 {
        assert_eq!(clerk.get("/console").await.status, StatusCode::OK);
        house.clock.advance(28 * 60);
    }
    house.clock.advance(20 * 60);
    assert_eq!(clerk.get("/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nothing_typed_is_lost_when_the_session_is_over() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let id = house.application("受付1号機").await;
    house.clock.advance(31 * 60);
    let path = format!("/console/applications/{id}/return");
    let answer = clerk
        .post(&path, "seen=x&reason=%E5%8D%B0%E3%81%8C%E3%81%82%E3%82%8A%E3%81%BE%E3%81%9B%E3%82%93&due=2026-02-02")
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.screen(), "CE-1");
    let text = answer.text();
    assert!(text.contains("理由: 印がありません") && text.contains("期限: 2026-02-02"));
    assert!(!text.contains(&clerk.csrf));
}

#[tokio::test]
async fn t41_whoever_is_dismissed_is_out_at_once() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let one = Clerk::hire(&house, "boss1", &[Role::Administrator]).await;
    let two = Clerk::hire(&house, "boss2", &[Role::Administrator]).await;
    let operator = clerk.operator.id.clone();
    let act = ProposedAct::DisableOperator { operator };
    let (app, now) = (&house.app, house.now());
    let proposal = app.propose(act, "left", &one.operator, now).await.unwrap();
    let confirmed = app.confirm_proposal(&proposal.id, &two.operator, now).await;
    confirmed.map(drop).unwrap();
    assert_eq!(clerk.get("/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let answer = clerk.post("/console/logout", "").await;
    assert_eq!(answer.header("location"), "/console/login");
    assert!(answer.header("set-cookie").contains("=; Path=/;"));
    assert_eq!(clerk.get("/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn t04_a_form_that_was_not_made_for_the_session_changes_nothing() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let other = Clerk::hire(&house, "kato", &[Role::Examiner]).await;
    let id = house.application("受付1号機").await;
    let path = format!("/console/applications/{id}/examine");
    let page = clerk.get(&format!("/console/applications/{id}")).await;
    let seen = crate::clerk::hidden(&page, "seen");
    for csrf in ["", "x", &other.csrf] {
        let form = form_request(&path, &format!("seen={seen}&csrf={csrf}"));
        let answer = clerk.send(form).await;
        assert_eq!(
            (answer.status, answer.screen().as_str()),
            (StatusCode::FORBIDDEN, "CE-3")
        );
    }
    let page = clerk.get(&format!("/console/applications/{id}")).await;
    assert!(page.text().contains("審査待ち"));
}

#[tokio::test]
async fn without_a_session_no_address_tells_anything() {
    let house = House::new().await;
    for path in ["/console", "/console/queue", "/console/search?q=1310123458"] {
        let answer = send(&house.console, get_request(path), Some("localhost"), None).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.header("location").starts_with("/console/login"));
    }
}
