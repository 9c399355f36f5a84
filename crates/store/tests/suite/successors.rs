//! The renewal that continues a certificate, as notices read it with the certificate.

use tegata_domain::grant::{Grant, GrantOrigin, GrantState};
use tegata_domain::id::SerialNumber;
use tegata_domain::renewal::{Continuation, KeyPlace};
use tegata_store::{KeyDestroyed, KeyWrap, StoreError, SuccessorRow};

use crate::databases::{Database, databases};
use crate::samples::{Case, NOW};

/// A certificate that its holder has, and the renewal that continues it.
struct Pair {
    case: Case,
    older: SerialNumber,
    renewal: Grant,
}

impl Pair {
    async fn store(db: &Database) -> Self {
        let case = Case::store(db).await;
        let older = case.issue(db, &case.grant.id).await.serial;
        Self::of(db, case, older).await
    }

    /// The same with a certificate that was issued before.
    async fn of(db: &Database, case: Case, older: SerialNumber) -> Self {
        let collected = GrantState::Collected {
            serial: older,
            at: NOW,
        };
        move_grant(db, &case.grant, collected).await;
        let mut renewal =
            case.samples
                .grant(&case.application, &case.institution, &case.operators, 2);
        renewal.origin = GrantOrigin::Renewal { predecessor: older };
        let (reference_id, reference) = case.samples.reference(NOW);
        let stored = renewal.clone();
        db.write(|tx| {
            Box::pin(async move {
                tx.insert_grant(&stored, &reference_id, &reference, b"receipt")
                    .await
            })
        })
        .await;
        Self {
            case,
            older,
            renewal,
        }
    }

    /// What a notice about the older certificate says of the renewal.
    async fn read(&self, db: &Database) -> Result<Option<SuccessorRow>, StoreError> {
        let ending = db.reader().await.ending_certificate(&self.older).await?;
        Ok(ending.and_then(|ending| ending.successor))
    }
}

async fn move_grant(db: &Database, grant: &Grant, to: GrantState) {
    let (id, from) = (grant.id.clone(), grant.state.clone());
    let moved = db
        .write(|tx| Box::pin(async move { tx.move_grant(&id, &from, &to).await }))
        .await;
    assert!(moved);
}

#[tokio::test]
async fn a_presented_certificate_comes_with_its_grant_and_whether_it_was_renewed() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let record = case.issue(&db, &case.grant.id).await;
        let print = record.fingerprint.unwrap();
        let row = db.reader().await.presented(&print).await.unwrap().unwrap();
        assert_eq!(row.certificate, record);
        let grant = db.reader().await.grant(&case.grant.id).await.unwrap();
        assert_eq!(Some(row.grant), grant);
        assert!(!row.has_renewals);
        let unknown = case.samples.fingerprint();
        let nobody = db.reader().await.presented(&unknown).await.unwrap();
        assert_eq!(nobody, None);

        let pair = Pair::of(&db, case, record.serial).await;
        let row = db.reader().await.presented(&print).await.unwrap().unwrap();
        assert!(row.has_renewals);
        assert_eq!(row.grant.id, pair.case.grant.id);
    }
}

#[tokio::test]
async fn a_renewal_is_read_in_every_state() {
    for db in databases().await {
        let mut pair = Pair::store(&db).await;
        let serial = pair.case.samples.serial();
        let at = NOW.plus_seconds(1);
        let plain = [
            GrantState::Posted,
            GrantState::Approved,
            GrantState::LetterReturned { at },
            GrantState::KeyFixed { serial },
            GrantState::Collected { serial, at },
            GrantState::SeenInUse { serial, at },
        ];
        let frozen = plain.clone().map(|from| GrantState::Frozen {
            at: NOW.plus_seconds(2),
            from: Box::new(from),
        });
        for state in plain.into_iter().chain(frozen) {
            move_grant(&db, &pair.renewal, state.clone()).await;
            pair.renewal.state = state.clone();
            // A key that was never here is the terminal's, once one is fixed.
            let key = match state.serial() {
                None => KeyPlace::Authority,
                Some(_) => KeyPlace::Terminal,
            };
            let expected = SuccessorRow {
                request_id: pair.renewal.request_id.clone(),
                accepted_at: pair.renewal.approved_at,
                window_end: pair.renewal.window_end,
                continuation: Continuation { state, key },
            };
            assert_eq!(pair.read(&db).await, Ok(Some(expected)));
        }
        move_grant(&db, &pair.renewal, GrantState::Voided { at }).await;
        assert_eq!(pair.read(&db).await, Ok(None));
    }
}

#[tokio::test]
async fn the_place_of_a_renewal_s_key_is_read() {
    for (destroyed, expected) in [
        (None, KeyPlace::Authority),
        (Some(KeyDestroyed::WindowEnd), KeyPlace::Authority),
        (Some(KeyDestroyed::Request), KeyPlace::Holder),
    ] {
        for db in databases().await {
            let pair = Pair::store(&db).await;
            let serial = pair.case.intend(&db, &pair.renewal.id).await.serial;
            move_grant(&db, &pair.renewal, GrantState::KeyFixed { serial }).await;
            let grant = pair.renewal.id.clone();
            db.write(move |tx| {
                Box::pin(async move {
                    let sealed = (KeyWrap::Reference, b"sealed".as_slice());
                    tx.insert_sealed_key(&serial, &grant, sealed, None, NOW)
                        .await?;
                    match destroyed {
                        Some(because) => tx.destroy_key(&serial, because, NOW).await.map(drop),
                        None => Ok(()),
                    }
                })
            })
            .await;
            let read = pair.read(&db).await.unwrap().unwrap();
            assert_eq!(read.continuation.key, expected);
        }
    }
}

#[tokio::test]
async fn a_renewal_that_cannot_be_read_is_reported_with_its_certificate() {
    for db in databases().await {
        let pair = Pair::store(&db).await;
        db.run_directly("update issue_grant set request_id = 'no request' where kind = 'renewal'")
            .await
            .unwrap();
        let expected = StoreError::Corrupt {
            table: "certificate",
            column: "successor".to_owned(),
            id: pair.older.to_string(),
        };
        assert_eq!(pair.read(&db).await, Err(expected));
    }
}
