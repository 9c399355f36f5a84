//! Forms while the database takes nothing, because another process writes for too long: what was typed stays, and no
//! secret does (E-05, CE-8).

use axum::http::StatusCode;
use tegata_domain::operator::Role;
use tegata_store::StoreError;
use tokio::sync::oneshot;

use crate::clerk::{Clerk, hidden};
use crate::house::House;
use crate::visitor::{Answer, Visitor, form_request, ids, send};

/// Keeps the database to itself until the answer is dropped.
async fn lock(house: &House) -> oneshot::Sender<()> {
    let store = house.open_again().await;
    let (held, is_held) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    tokio::spawn(async move {
        let written = store.write(|tx| {
            Box::pin(async move {
                tx.set_fact("test", "held").await?;
                let _ = held.send(());
                let _ = released.await;
                Ok::<_, StoreError>(())
            })
        });
        written.await
    });
    is_held.await.unwrap();
    release
}

fn is_later(answer: &Answer, screen: &str) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{screen}");
    assert_eq!(answer.screen(), screen);
}

/// What was wrong: the first pages of three sites, and every form of the console, came back empty.
#[tokio::test]
async fn what_was_typed_stays_where_the_database_takes_nothing_and_secrets_do_not() {
    let house = House::new().await;
    let [number, secret] = Visitor::new(&house).applied().await;
    let letter = house.letter().await;
    let clerk = Clerk::hire(&house, "sato", &[Role::Examiner]).await;
    let case = format!(
        "/console/applications/{}",
        house.application("受付2号機").await
    );
    let seen = hidden(&clerk.get(&case).await, "seen");
    let returned = format!(
        "seen={seen}&reason=%E5%8D%B0%E3%81%8C%E3%81%82%E3%82%8A%E3%81%BE%E3%81%9B%E3%82%93&due=2026-02-02"
    );
    let numbers = format!("application_no={number}&inquiry_no={secret}");
    let here = |path: &str, body: &str| {
        let (public, request) = (&house.public, form_request(path, body));
        async move { send(public, request, Some("localhost"), None).await }
    };

    let back = format!("{case}/return");
    let held = lock(&house).await;
    let (collect, revoke, inquire, console) = tokio::join!(
        here("/p/rcd", &ids(&letter)),
        here("/p/rx", &ids(&letter)),
        here("/p/rcr/status", &numbers),
        clerk.post(&back, &returned),
    );
    drop(held);

    for (answer, screen) in [(&collect, "RCD-1"), (&revoke, "RX-1")] {
        is_later(answer, screen);
        assert_eq!(answer.header("retry-after"), "60");
        let kept = format!("name=\"request_id\" value=\"{}\"", letter.request_id);
        assert!(answer.html().contains(&kept), "{screen}");
        assert!(!answer.html().contains(&letter.reference_id), "{screen}");
        assert!(answer.text().contains("リファレンスIDをもう一度入力"));
    }
    is_later(&inquire, "RCS-1");
    assert!(inquire.html().contains(&format!("value=\"{number}\"")));
    assert!(!inquire.html().contains(&secret));
    assert!(inquire.text().contains("照会番号をもう一度入力"));
    is_later(&console, "CE-8");
    let text = console.text();
    assert!(text.contains("理由: 印がありません") && text.contains("期限: 2026-02-02"));
    assert!(console.html().contains(&format!("href=\"{case}\"")));
    assert!(!console.html().contains(&seen));

    // The same forms pass once the database answers.
    for (path, body) in [
        ("/p/rcd", ids(&letter)),
        ("/p/rx", ids(&letter)),
        ("/p/rcr/status", numbers),
    ] {
        assert_eq!(here(path, &body).await.status, StatusCode::SEE_OTHER);
    }
    let again = clerk.post(&format!("{case}/return"), &returned).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
}
