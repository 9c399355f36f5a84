//! Acts of two persons on the console (decision F8): letters, revocations, lost letters, roles. Each asks for a fresh
//! one-time code, and none can be done alone.

use axum::http::StatusCode;
use tegata_domain::operator::Role;

use crate::clerk::Clerk;
use crate::house::House;
use crate::visitor::{Visitor, ids};

/// A grant that waits for its letter; its request ID.
async fn approved(house: &House) -> String {
    let id = house.application("受付1号機").await;
    let id = tegata_domain::id::ApplicationId::parse(&id).unwrap();
    let [examiner, approver] = house.finishers();
    let now = house.now();
    let examined = house.app.examine_application(&id, examiner, now).await;
    examined.unwrap();
    let grant = house.app.approve_application(&id, approver, now).await;
    grant.unwrap().request_id.to_string()
}

#[tokio::test]
async fn letters_are_released_by_two_and_posted_as_a_list() {
    let house = House::new().await;
    let one = Clerk::hire(&house, "sato", &[Role::Dispatcher]).await;
    let two = Clerk::hire(&house, "kato", &[Role::Dispatcher]).await;
    let first = approved(&house).await;
    house.clock.advance(1);
    let second = approved(&house).await;
    let page = one.get("/console/letters").await;
    assert!(
        page.text()
            .contains(&format!("[textarea requests: {first} {second}]"))
    );
    let form = format!("requests={first}%0D%0A{second}&reason=");
    let proposed = one.post("/console/letters/propose", &form).await;
    assert_eq!(
        proposed.status,
        StatusCode::SEE_OTHER,
        "{}",
        proposed.text()
    );
    let here = proposed.header("location").to_owned();
    let own = one.post(&format!("{here}/confirm"), "code=").await;
    assert_eq!(own.screen(), "CE-4", "nobody confirms his own proposal");
    let page = two.go(&format!("{here}/confirm"), "code=").await;
    assert!(page.text().contains("状態: 確認済み kato"));
    assert!(!page.text().contains("リファレンスID:"));
    let released = here.rsplit_once('/').unwrap().1;
    let print = format!("/console/letters/{released}/pdf");
    let file = one.post(&print, "code=").await;
    assert_eq!(file.header("content-type"), "application/pdf");
    assert!(
        file.header("content-disposition")
            .starts_with("attachment; ")
    );
    assert!(file.body.starts_with(b"%PDF-"));
    let third = Clerk::hire(&house, "mori", &[Role::Dispatcher]).await;
    assert_eq!(
        third.post(&print, "code=").await.screen(),
        "CE-2",
        "it is for the two"
    );
    let list = format!("list={first}+123-45-67890-1%0Anonsense%0A{second}");
    let page = one.post("/console/letters/posted", &list).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    let text = page.text();
    assert!(
        text.contains("2件を記録しました。残りを確認してください。"),
        "{text}"
    );
    assert!(text.contains("[textarea list: nonsense]"), "{text}");
    let page = one
        .go("/console/letters/returned", &format!("list={first}"))
        .await;
    assert!(page.text().contains("1件の返送を記録しました。"));
}

#[tokio::test]
async fn acts_of_two_persons_ask_for_a_fresh_code_and_keep_what_was_typed() {
    let house = House::new().await;
    let letter = house.letter().await;
    let clerk = Clerk::hire(&house, "tanaka", &[Role::HelpDesk]).await;
    house.clock.advance(5 * 60);
    let here = format!("/console/grants/{}", letter.request_id);
    assert!(clerk.get(&here).await.html().contains("name=\"code\""));
    for (code, told) in [
        ("", "ワンタイムコードを入力してください。"),
        ("000000", "ワンタイムコードが正しくないか"),
    ] {
        let form = format!("reason=called+back&code={code}");
        let page = clerk.post(&format!("{here}/reissue"), &form).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let text = page.text();
        assert!(
            text.contains(told) && text.contains("[textarea reason: called back]"),
            "{text}"
        );
    }
    let form = format!("reason=called+back&code={}", clerk.code());
    let page = clerk.go(&format!("{here}/reissue"), &form).await;
    assert_eq!(page.screen(), "C-15");
    assert!(page.text().contains("新しいリファレンスID(通知書の再発行)"));
    assert!(
        !clerk.get(&here).await.html().contains("name=\"code\""),
        "for five minutes"
    );
    let examiner = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let list = examiner.get("/console/proposals").await.text();
    assert!(list.contains(&letter.request_id) && list.contains("called back"));
}

#[tokio::test]
async fn a_case_takes_each_form_of_its_page() {
    let house = House::new().await;
    let clerk = Clerk::hire(&house, "tanaka", &[Role::HelpDesk]).await;
    for (act, extra, screen) in [
        ("reissue", "", "C-15"),
        ("extend", "2026-09-30", "C-15"),
        ("mail", "new@clinic.example", "C-15"),
        ("hold", "", "C-7"),
    ] {
        let letter = house.letter().await;
        let here = format!("/console/grants/{}", letter.request_id);
        let form = format!("reason=called&extra={extra}&code=");
        let page = clerk.go(&format!("{here}/{act}"), &form).await;
        assert_eq!(page.screen(), screen, "{act}: {}", page.text());
    }
    let letter = house.letter().await;
    let here = format!("/console/grants/{}", letter.request_id);
    for (act, extra, told) in [
        ("extend", "soon", "日付を"),
        ("mail", "nobody", "メールアドレスを正しく"),
        ("reopen", "", "まだ取得されていません"),
        ("unfreeze", "", "停止"),
    ] {
        let form = format!("reason=called&extra={extra}&code=");
        let page = clerk.post(&format!("{here}/{act}"), &form).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{act}");
        assert!(page.text().contains(told), "{act}: {}", page.text());
    }
}

#[tokio::test]
async fn a_hold_is_lifted_by_two_after_calling_back() {
    let house = House::new().await;
    let letter = house.letter().await;
    let mut visitor = Visitor::new(&house);
    visitor.collect(&letter).await;
    visitor.revoke(&letter).await;
    let one = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let two = Clerk::hire(&house, "kato", &[Role::Approver]).await;
    let list = one.get("/console/revocations").await.text();
    let (_, address) = list.split_once(" → /console/revocations/").unwrap();
    let number = address.split_whitespace().next().unwrap();
    let here = format!("/console/revocations/{number}");
    let page = one
        .post(&format!("{here}/decide"), "outcome=&note=called&code=")
        .await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert!(page.text().contains("[textarea note: called]"));
    let form = "outcome=lift&note=called&code=";
    let page = one.go(&format!("{here}/decide"), form).await;
    assert!(page.text().contains("一時停止の解除:二人目の確認待ち"));
    let own = one.post(&format!("{here}/decide"), form).await;
    assert_eq!(own.screen(), "CE-4");
    let page = two.go(&format!("{here}/decide"), form).await;
    assert!(page.text().contains("状態: 解除済み"), "{}", page.text());
    let answer = visitor.post("/p/rcd", &ids(&letter)).await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER,
        "it can be collected again"
    );
}

#[tokio::test]
async fn roles_are_given_by_two_administrators_and_hold_at_the_next_request() {
    let house = House::new().await;
    let one = Clerk::hire(&house, "boss1", &[Role::Administrator]).await;
    let two = Clerk::hire(&house, "boss2", &[Role::Administrator]).await;
    let clerk = Clerk::hire(&house, "sato", &[Role::HelpDesk]).await;
    let id = house.application("受付1号機").await;
    let examine = format!("/console/applications/{id}/examine");
    assert_eq!(clerk.post(&examine, "seen=x").await.screen(), "CE-2");
    let staff = format!("/console/operators/{}", clerk.operator.id);
    let page = one
        .post(&format!("{staff}/roles"), "examiner=yes&reason=&code=")
        .await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    let proposed = one
        .post(
            &format!("{staff}/roles"),
            "examiner=yes&reason=new+job&code=",
        )
        .await;
    let here = proposed.header("location").to_owned();
    assert_eq!(
        clerk.get(&here).await.screen(),
        "CE-2",
        "it does not concern him"
    );
    two.go(&format!("{here}/confirm"), "code=").await;
    assert_eq!(clerk.post(&examine, "seen=x").await.screen(), "CE-5");
    let proposed = one
        .post(&format!("{staff}/authenticator"), "reason=lost&code=")
        .await;
    let here = proposed.header("location").to_owned();
    let page = two.post(&format!("{here}/confirm"), "code=").await;
    assert_eq!(page.screen(), "C-16", "shown once, and after no redirect");
    assert_eq!(
        clerk.get("/console").await.status,
        StatusCode::SEE_OTHER,
        "his session ended"
    );
}

#[tokio::test]
async fn the_help_desk_reads_a_case_and_sees_no_secret() {
    let house = House::new().await;
    let letter = house.letter().await;
    let clerk = Clerk::hire(&house, "tanaka", &[Role::HelpDesk]).await;
    let auditor = Clerk::hire(&house, "mori", &[Role::Auditor]).await;
    let found = clerk
        .get(&format!("/console/search?q={}", letter.request_id))
        .await;
    let html = found.html();
    let (_, rest) = html.split_once("/console/applications/").unwrap();
    let case = format!("/console/applications/{}", rest.split('"').next().unwrap());
    for path in [
        case.as_str(),
        &format!("/console/grants/{}", letter.request_id),
    ] {
        for reader in [&clerk, &auditor] {
            let page = reader.get(path).await;
            assert_eq!(page.status, StatusCode::OK);
            assert!(!page.html().contains(&letter.reference_id), "{path}");
        }
    }
    let trail = auditor.get("/console/audit?actor=approver").await;
    assert!(trail.text().contains("発行を承認しました"));
    assert!(!trail.html().contains(&letter.reference_id));
}
