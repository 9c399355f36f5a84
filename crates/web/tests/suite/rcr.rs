//! 電子証明書の発行申請サイト and 申請状況照会.

use axum::http::StatusCode;
use tegata_domain::operator::Role;

use crate::clerk::Clerk;
use crate::house::House;
use crate::visitor::{Visitor, contact_form, institution_form};

#[tokio::test]
async fn going_back_loses_nothing_that_was_typed() {
    let house = House::new().await;
    let mut visitor = Visitor::new(&house);
    let first = visitor.go("/p/rcr", "").await;
    let here = visitor.at();
    let form = institution_form(&first, "0123458");
    let contact = visitor.go(&format!("{here}/institution"), &form).await;
    let form = contact_form(&contact, "&department=医事課&act=back");
    let back = visitor.go(&format!("{here}/contact"), &form).await;
    assert_eq!(back.screen(), "RCR-2");
    assert!(back.html().contains("value=\"medical\" selected"));
    assert!(back.html().contains("value=\"tokyo\" selected"));
    assert!(back.html().contains("value=\"0123458\""));
    let form = institution_form(&back, "0123458");
    let contact = visitor.go(&format!("{here}/institution"), &form).await;
    for typed in ["受付1号機", "見本花子", "医事課", "desk@clinic.example"] {
        assert!(contact.html().contains(&format!("value=\"{typed}\"")));
    }
}

#[tokio::test]
async fn the_enter_key_goes_on_and_adds_no_terminal() {
    let house = House::new().await;
    let mut visitor = Visitor::new(&house);
    let first = visitor.go("/p/rcr", "").await;
    let form = institution_form(&first, "1310123458");
    let here = visitor.at();
    let contact = visitor.go(&format!("{here}/institution"), &form).await;
    let (_, form) = contact.html().split_once("/contact\">").unwrap();
    let first_button = form.split("<button").nth(1).unwrap();
    assert!(first_button.starts_with(" type=\"submit\" name=\"act\" value=\"next\" hidden"));
}

#[tokio::test]
async fn a_second_tab_that_is_behind_changes_nothing() {
    let house = House::new().await;
    let mut visitor = Visitor::new(&house);
    let confirm = visitor.apply(&["受付1号機"]).await;
    let here = visitor.at();
    let form = format!("version={}", confirm.version());
    let done = visitor.go(&format!("{here}/submit"), &form).await;
    assert_eq!(done.screen(), "RCR-5");
    // The reloaded and the doubled 申請 show the same numbers.
    let again = visitor.go(&format!("{here}/submit"), &form).await;
    assert_eq!(again.text(), done.text());
    let late = contact_form(&confirm, "&act=next");
    let late = visitor.post(&format!("{here}/contact"), &late).await;
    assert_eq!(
        (late.status, late.screen().as_str()),
        (StatusCode::CONFLICT, "E-04")
    );
    let count = house.app.queue("submitted", None, 9).await.unwrap().len();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn the_examiner_sees_whom_to_call_and_finds_the_case_by_its_number() {
    let house = House::new().await;
    let [application_no, inquiry_no] = Visitor::new(&house).applied().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let id = house.waiting().await;
    let case = clerk.get(&format!("/console/applications/{id}")).await;
    for shown in [
        application_no.as_str(),
        "見本花子",
        "00-0000-0000",
        "申請者(Web)",
    ] {
        assert!(case.text().contains(shown), "{shown}: {}", case.text());
    }
    assert!(!case.text().contains(&inquiry_no));
    let typed = application_no.to_lowercase().replace('-', "");
    let found = clerk.get(&format!("/console/search?q={typed}")).await;
    assert!(found.html().contains(id.as_str()), "{}", found.text());
}

#[tokio::test]
async fn the_numbers_of_an_application_are_guarded_like_a_letters_ids() {
    let house = House::with(|policy| policy.guessing.free_per_minute = 2).await;
    let mut visitor = Visitor::new(&house);
    let [application_no, inquiry_no] = visitor.applied().await;
    let guess = format!("application_no={application_no}&inquiry_no=AbCdEfGh23");
    let unknown = format!("application_no=S26-9999999&inquiry_no={inquiry_no}");
    let (a, b) = (
        visitor.post("/p/rcr/status", &guess).await,
        visitor.post("/p/rcr/status", &unknown).await,
    );
    assert_eq!(
        (a.status, b.status),
        (StatusCode::BAD_REQUEST, StatusCode::BAD_REQUEST)
    );
    assert_eq!(
        a.text().replace(&application_no, "S26-9999999"),
        b.text(),
        "one answer for both"
    );
    assert!(
        !b.html().contains(&inquiry_no),
        "a secret is not shown again"
    );
}
