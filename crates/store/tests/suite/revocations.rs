//! Requests to revoke.

use tegata_domain::id::{GrantId, RevocationId};
use tegata_domain::institution::MailAddress;
use tegata_domain::revocation::{
    BY_OPERATOR, Outcome, RevocationRequest, RevocationState, StatedReason,
};

use crate::databases::databases;
use crate::samples::{Case, NOW};

fn request(case: &Case, grant: &GrantId, number: &str, seconds: i64) -> RevocationRequest {
    let at = NOW.plus_seconds(seconds);
    RevocationRequest {
        id: RevocationId::generate(at, &case.samples.0),
        number: number.to_owned(),
        grant: grant.clone(),
        serial: None,
        mail: MailAddress::parse("form@example.jp").unwrap(),
        reason: StatedReason::Disclosed,
        submitted_at: at,
        held_at: Some(at),
        source: "192.0.2.9".to_owned(),
        state: RevocationState::Submitted,
    }
}

#[tokio::test]
async fn a_request_goes_from_submitted_to_ended_and_each_state_is_read_as_written() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let [a, b, _] = case.operators.clone();
        let mut request = request(&case, &case.grant.id, "R26-0000001", 0);
        request.serial = Some(case.issue(&db, &case.grant.id).await.serial);
        let stored = request.clone();
        db.write(|tx| Box::pin(async move { tx.insert_revocation_request(&stored).await }))
            .await;
        let states = [
            RevocationState::Proposed {
                outcome: Outcome::Lift,
                by: a.clone(),
                at: NOW.plus_seconds(1),
                note: "電話で確認".to_owned(),
            },
            RevocationState::Submitted,
            RevocationState::Proposed {
                outcome: Outcome::Complete,
                by: b.clone(),
                at: NOW.plus_seconds(2),
                note: String::new(),
            },
            RevocationState::Ended {
                outcome: Outcome::Complete,
                proposed_by: b,
                confirmed_by: a,
                at: NOW.plus_seconds(3),
                note: String::new(),
            },
        ];
        for state in states {
            let (from, to) = (request.clone(), state.clone());
            let stale = from.clone();
            let moved = db
                .write(|tx| {
                    Box::pin(async move {
                        Ok([
                            tx.move_revocation(&from, &to).await?,
                            tx.move_revocation(&stale, &to).await?,
                        ])
                    })
                })
                .await;
            assert_eq!(moved, [true, false]);
            request.state = state;
            let mut reader = db.reader().await;
            let read = reader.revocation_by_number("R26-0000001").await.unwrap();
            assert_eq!(read, Some(request.clone()));
            let open = reader.open_revocation_of(&case.grant.id).await.unwrap();
            let is_open = !matches!(request.state, RevocationState::Ended { .. });
            assert_eq!(open.is_some(), is_open);
        }
        let mut reader = db.reader().await;
        let latest = reader.latest_revocation_of(&case.grant.id).await.unwrap();
        assert_eq!(latest, Some(request));
        assert_eq!(reader.revocation_by_number("R-9").await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_request_of_the_certificate_itself_ends_without_an_operator() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let mut request = request(&case, &case.grant.id, "R26-0000001", 0);
        let stored = request.clone();
        let ended = RevocationState::EndedByHolder {
            at: NOW.plus_seconds(1),
        };
        let to = ended.clone();
        db.write(|tx| {
            Box::pin(async move {
                tx.insert_revocation_request(&stored).await?;
                tx.move_revocation(&stored, &to).await
            })
        })
        .await;
        request.state = ended;
        let mut reader = db.reader().await;
        let latest = reader.latest_revocation_of(&case.grant.id).await.unwrap();
        assert_eq!(latest, Some(request));
        let open = reader.open_revocation_of(&case.grant.id).await.unwrap();
        assert_eq!(open, None);
    }
}

#[tokio::test]
async fn open_requests_are_listed_and_counted() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let other = case.another_grant(&db, 2).await;
        let first = request(&case, &case.grant.id, "R-1", 0);
        let second = request(&case, &other.id, "R-2", 10);
        let stored = [first.clone(), second.clone()];
        db.write(|tx| {
            Box::pin(async move {
                for request in &stored {
                    tx.insert_revocation_request(request).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        let page = reader.list_open_revocations(None, 1).await.unwrap();
        assert_eq!(page, std::slice::from_ref(&first));
        let page = reader.list_open_revocations(Some(&first.id), 9).await;
        assert_eq!(page.unwrap(), [second]);
        let mut counts = Vec::new();
        for seconds in [0, 1, 10, 11] {
            let since = NOW.plus_seconds(seconds);
            counts.push(reader.count_holds_since(since).await.unwrap());
        }
        assert_eq!(counts, [2, 1, 1, 0]);
    }
}

#[tokio::test]
async fn the_latest_request_is_the_open_one() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let [a, b, _] = case.operators.clone();
        let first = request(&case, &case.grant.id, "R-1", 0);
        let second = request(&case, &case.grant.id, "R-2", 0);
        let stored = [first, second.clone()];
        db.write(|tx| {
            Box::pin(async move {
                let [first, second] = &stored;
                tx.insert_revocation_request(first).await?;
                let ended = RevocationState::Ended {
                    outcome: Outcome::Lift,
                    proposed_by: a,
                    confirmed_by: b,
                    at: NOW,
                    note: String::new(),
                };
                tx.move_revocation(first, &ended).await?;
                tx.insert_revocation_request(second).await
            })
        })
        .await;
        let mut reader = db.reader().await;
        let latest = reader.latest_revocation_of(&case.grant.id).await.unwrap();
        assert_eq!(latest, Some(second));
    }
}

#[tokio::test]
async fn a_request_that_queues_is_held_once_and_counts_from_then_on() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let mut queued = request(&case, &case.grant.id, "R-1", 0);
        queued.held_at = None;
        let stored = queued.clone();
        db.write(|tx| Box::pin(async move { tx.insert_revocation_request(&stored).await }))
            .await;
        let mut reader = db.reader().await;
        let open = reader.open_revocation_of(&case.grant.id).await.unwrap();
        assert_eq!(open, Some(queued.clone()));
        assert!(queued.is_queued());
        assert_eq!(reader.count_holds_since(NOW).await.unwrap(), 0);
        drop(reader);
        let (id, serial) = (queued.id.clone(), case.samples.serial());
        let record = case.issue(&db, &case.grant.id).await;
        let later = NOW.plus_seconds(60);
        let held = db
            .write(move |tx| {
                Box::pin(async move {
                    let first = tx
                        .hold_queued_request(&id, Some(&record.serial), later)
                        .await?;
                    let second = tx.hold_queued_request(&id, Some(&serial), later).await?;
                    Ok([first, second])
                })
            })
            .await;
        assert_eq!(held, [true, false]);
        let mut reader = db.reader().await;
        let open = reader.open_revocation_of(&case.grant.id).await.unwrap();
        let open = open.unwrap();
        assert_eq!((open.held_at, open.is_queued()), (Some(later), false));
        assert_eq!(reader.count_holds_since(later).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_hold_by_an_operator_is_not_counted() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let mut by_operator = request(&case, &case.grant.id, "R-1", 0);
        by_operator.source = BY_OPERATOR.to_owned();
        db.write(|tx| Box::pin(async move { tx.insert_revocation_request(&by_operator).await }))
            .await;
        assert_eq!(db.reader().await.count_holds_since(NOW).await.unwrap(), 0);
    }
}
