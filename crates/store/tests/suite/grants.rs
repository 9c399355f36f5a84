//! Grants, reference IDs, letters, kept keys and collections.

use tegata_domain::grant::GrantState;
use tegata_domain::id::{AuditId, GrantId};
use tegata_domain::reference::{ReferenceScope, RequestId};
use tegata_store::{Collection, KeyDestroyed, KeyWrap};

use crate::databases::databases;
use crate::samples::{Case, NOW};

#[tokio::test]
async fn a_grant_is_found_by_its_request_id_with_its_live_reference() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let (new_id, mut new) = case.samples.reference(NOW.plus_seconds(9));
        new.scope = ReferenceScope::RevocationOnly;
        let mut reader = db.reader().await;
        let request = &case.grant.request_id;
        let (grant, reference) = reader.grant_by_request(request).await.unwrap().unwrap();
        assert_eq!(grant, case.grant);
        let (id, stored) = reference.unwrap();
        assert_eq!(id, case.reference_id);
        assert_eq!(stored.scope, ReferenceScope::Letter);
        assert_eq!((stored.hmac.len(), stored.salt.len()), (32, 16));
        assert_eq!((stored.pepper, stored.created_at), (1, NOW));

        let (grant_id, row, replacement) = (grant.id.clone(), new_id.clone(), new.clone());
        db.write(|tx| {
            Box::pin(async move { tx.replace_reference(&grant_id, &row, &replacement).await })
        })
        .await;
        let (_, reference) = reader.grant_by_request(request).await.unwrap().unwrap();
        let (id, stored) = reference.unwrap();
        assert_eq!(id, new_id);
        assert_eq!((stored.hmac, stored.salt), (new.hmac, new.salt));
        assert_eq!(stored.scope, ReferenceScope::RevocationOnly);

        db.run_directly("update reference_id set ended_at = 1 where ended_at is null")
            .await
            .unwrap();
        let (grant, reference) = reader.grant_by_request(request).await.unwrap().unwrap();
        assert_eq!(grant.id, case.grant.id);
        assert!(reference.is_none());

        let unknown = RequestId::new(NOW.japan_date(), 999);
        assert!(reader.grant_by_request(&unknown).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn every_state_of_a_grant_is_read_as_it_was_written() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let serial = case.samples.serial();
        let at = NOW.plus_seconds(1);
        let plain = [
            GrantState::Posted,
            GrantState::KeyFixed { serial },
            GrantState::Collected { serial, at },
            GrantState::SeenInUse { serial, at },
            GrantState::LetterReturned { at },
            GrantState::Approved,
        ];
        let frozen = plain.clone().map(|from| GrantState::Frozen {
            at: NOW.plus_seconds(2),
            from: Box::new(from),
        });
        let voided = [GrantState::Voided { at }];
        let mut before = case.grant.state.clone();
        for after in plain.into_iter().chain(frozen).chain(voided) {
            let id = case.grant.id.clone();
            let (from, to) = (before, after.clone());
            let moved = db
                .write(|tx| Box::pin(async move { tx.move_grant(&id, &from, &to).await }))
                .await;
            assert!(moved);
            let read = db.reader().await.grant(&case.grant.id).await.unwrap();
            assert_eq!(read.unwrap().state, after);
            before = after;
        }
    }
}

#[tokio::test]
async fn a_grant_moves_only_from_exactly_the_state_it_is_in() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let id = case.grant.id.clone();
        let (mine, other) = (case.samples.serial(), case.samples.serial());
        let frozen = |seconds| GrantState::Frozen {
            at: NOW.plus_seconds(seconds),
            from: Box::new(GrantState::KeyFixed { serial: mine }),
        };
        let (frozen_first, frozen_later) = (frozen(1), frozen(2));
        let moved = db
            .write(move |tx| {
                Box::pin(async move {
                    let (approved, posted) = (GrantState::Approved, GrantState::Posted);
                    let fixed = GrantState::KeyFixed { serial: mine };
                    let fixed_otherwise = GrantState::KeyFixed { serial: other };
                    Ok([
                        tx.move_grant(&id, &posted, &fixed).await?,
                        tx.move_grant(&id, &approved, &posted).await?,
                        tx.move_grant(&id, &posted, &fixed).await?,
                        tx.move_grant(&id, &posted, &fixed_otherwise).await?,
                        tx.move_grant(&id, &fixed_otherwise, &posted).await?,
                        tx.move_grant(&id, &fixed, &frozen_first).await?,
                        tx.move_grant(&id, &frozen_later, &fixed).await?,
                        tx.move_grant(&id, &frozen_first, &fixed).await?,
                    ])
                })
            })
            .await;
        assert_eq!(moved, [false, true, true, false, false, true, false, true]);
    }
}

#[tokio::test]
async fn grants_are_listed_by_pages() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let mut all = [
            case.grant.clone(),
            case.another_grant(&db, 2).await,
            case.another_grant(&db, 3).await,
        ];
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let mut reader = db.reader().await;
        assert_eq!(reader.list_grants(None, 2).await.unwrap(), all[..2]);
        let rest = reader.list_grants(Some(&all[1].id), 2).await.unwrap();
        assert_eq!(rest, all[2..]);
        let unknown = GrantId::generate(NOW, &case.samples.0);
        assert_eq!(reader.grant(&unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_posting_of_a_letter_is_recorded_with_its_tracking_number() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let id = case.grant.id.clone();
        let unknown = GrantId::generate(NOW, &case.samples.0);
        assert_eq!(db.reader().await.tracking(&id).await.unwrap(), None);
        let grant = id.clone();
        let done = db
            .write(|tx| {
                Box::pin(async move {
                    Ok([
                        tx.set_tracking(&grant, NOW, Some("1234-5678")).await?,
                        tx.set_tracking(&unknown, NOW, None).await?,
                    ])
                })
            })
            .await;
        assert_eq!(done, [true, false]);
        let tracking = db.reader().await.tracking(&id).await.unwrap();
        assert_eq!(tracking, Some((NOW, Some("1234-5678".to_owned()))));
    }
}

#[tokio::test]
async fn the_clear_text_of_a_letter_is_kept_until_it_is_dropped_or_old() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let old = case.grant.id.clone();
        let young = case.another_grant(&db, 2).await.id;
        let mut reader = db.reader().await;
        let secret = reader.letter_secret(&old).await.unwrap();
        assert_eq!(secret.as_deref(), Some(b"letter".as_slice()));
        let id = young.clone();
        let dropped = db
            .write(|tx| {
                Box::pin(async move {
                    let later = NOW.plus_seconds(1);
                    tx.keep_letter_secret(&id, b"another", later).await?;
                    Ok([
                        tx.drop_letter_secrets_older_than(NOW).await?,
                        tx.drop_letter_secrets_older_than(later).await?,
                    ])
                })
            })
            .await;
        assert_eq!(dropped, [vec![], vec![old.clone()]]);
        assert_eq!(reader.letter_secret(&old).await.unwrap(), None);
        let secret = reader.letter_secret(&young).await.unwrap();
        assert_eq!(secret.as_deref(), Some(b"another".as_slice()));
        let id = young.clone();
        let dropped = db
            .write(|tx| {
                Box::pin(async move {
                    Ok([
                        tx.drop_letter_secret(&id).await?,
                        tx.drop_letter_secret(&id).await?,
                    ])
                })
            })
            .await;
        assert_eq!(dropped, [true, false]);
        assert_eq!(reader.letter_secret(&young).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_key_is_kept_until_the_end_of_the_window_and_destroyed_once() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let id = case.grant.id.clone();
        let serial = case.intend(&db, &id).await.serial;
        let grant = id.clone();
        db.write(move |tx| {
            Box::pin(async move {
                tx.insert_sealed_key(&serial, &grant, (KeyWrap::Reference, b"sealed"), None, NOW)
                    .await
            })
        })
        .await;
        let mut reader = db.reader().await;
        let key = reader.sealed_key(&serial).await.unwrap().unwrap();
        assert_eq!(key.grant, id);
        assert_eq!(key.sealed.as_deref(), Some(b"sealed".as_slice()));
        assert_eq!((key.created_at, key.destroyed), (NOW, None));

        let end = case.grant.window_end;
        let kept = reader.grants_with_kept_key_after_window(end, 9).await;
        assert_eq!(kept.unwrap(), []);
        let after = end.plus_seconds(1);
        let kept = reader.grants_with_kept_key_after_window(after, 9).await;
        assert_eq!(kept.unwrap(), [(id.clone(), serial)]);

        let grant = id.clone();
        let longer = end.plus_days(10);
        let extended = db
            .write(move |tx| {
                Box::pin(async move {
                    Ok([
                        tx.extend_window(&grant, after, longer).await?,
                        tx.extend_window(&grant, end, longer).await?,
                    ])
                })
            })
            .await;
        assert_eq!(extended, [false, true]);
        assert_eq!(reader.grant(&id).await.unwrap().unwrap().window_end, longer);
        let kept = reader.grants_with_kept_key_after_window(after, 9).await;
        assert_eq!(kept.unwrap(), []);

        let destroyed = db
            .write(move |tx| {
                Box::pin(async move {
                    Ok([
                        tx.destroy_key(&serial, KeyDestroyed::WindowEnd, longer)
                            .await?,
                        tx.destroy_key(&serial, KeyDestroyed::Request, longer)
                            .await?,
                    ])
                })
            })
            .await;
        assert_eq!(destroyed, [true, false]);
        let key = reader.sealed_key(&serial).await.unwrap().unwrap();
        assert_eq!(key.sealed, None);
        assert_eq!(key.destroyed, Some((longer, KeyDestroyed::WindowEnd)));
        let kept = reader
            .grants_with_kept_key_after_window(longer.plus_days(1), 9)
            .await;
        assert_eq!(kept.unwrap(), []);
        let unknown = case.samples.serial();
        assert_eq!(reader.sealed_key(&unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_key_without_a_grant_is_refused() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let serial = case.intend(&db, &case.grant.id).await.serial;
        let unknown = GrantId::generate(NOW, &case.samples.0);
        let rule = db
            .refused(move |tx| {
                Box::pin(async move {
                    tx.insert_sealed_key(
                        &serial,
                        &unknown,
                        (KeyWrap::Reference, b"sealed"),
                        None,
                        NOW,
                    )
                    .await
                })
            })
            .await;
        assert_eq!(rule, "foreign_key");
    }
}

#[tokio::test]
async fn a_destroyed_key_leaves_no_octet_in_the_file_or_the_log_of_a_running_store() {
    let db = crate::databases::sqlite().await;
    let case = Case::store(&db).await;
    let id = case.grant.id.clone();
    let serial = case.intend(&db, &id).await.serial;
    let sealed = b"octets that must not stay behind".repeat(400);
    let needle = sealed[..64].to_vec();
    db.write(move |tx| {
        Box::pin(async move {
            tx.insert_sealed_key(&serial, &id, (KeyWrap::Reference, &sealed), None, NOW)
                .await
        })
    })
    .await;
    let holds = |path: &str| {
        let octets = std::fs::read(path).unwrap_or_default();
        octets.windows(needle.len()).any(|window| window == needle)
    };
    let file = db.config.url.strip_prefix("sqlite:").unwrap().to_owned();
    let log = format!("{file}-wal");
    assert!(holds(&file) || holds(&log));
    db.write(move |tx| {
        Box::pin(async move { tx.destroy_key(&serial, KeyDestroyed::Request, NOW).await })
    })
    .await;
    // The log is cut after the answer and before the next write.
    db.write(|tx| Box::pin(async move { tx.set_fact("next", "write").await }))
        .await;
    assert!(!holds(&file) && !holds(&log));
}

#[tokio::test]
async fn collections_are_listed_in_their_order_with_refused_ones() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let collection = |seconds, refused: Option<&str>| {
            let at = NOW.plus_seconds(seconds);
            Collection {
                audit: AuditId::generate(at, &case.samples.0),
                grant: case.grant.id.clone(),
                at,
                source: "192.0.2.7".to_owned(),
                refused: refused.map(str::to_owned),
            }
        };
        let all = [collection(1, None), collection(2, Some("frozen"))];
        let stored = all.clone();
        db.write(|tx| {
            Box::pin(async move {
                for collection in stored.iter().rev() {
                    tx.insert_collection(collection).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        assert_eq!(reader.collections_of(&case.grant.id).await.unwrap(), all);
        let other = case.another_grant(&db, 2).await;
        assert_eq!(reader.collections_of(&other.id).await.unwrap(), []);
    }
}
