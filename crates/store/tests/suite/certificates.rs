//! Certificates from the intent to the revocation list.

use tegata_domain::certificate::CertificateState;
use tegata_domain::id::SerialNumber;
use tegata_domain::revocation::ReasonCode;
use tegata_domain::time::Timestamp;
use tegata_store::{ListedEntry, StatusRow, StoreError};

use crate::databases::{Database, databases};
use crate::samples::{Case, NOW};

async fn move_to(
    db: &Database,
    serial: SerialNumber,
    from: CertificateState,
    to: CertificateState,
) {
    let moved = db
        .write(move |tx| Box::pin(async move { tx.move_certificate(&serial, &from, &to).await }))
        .await;
    assert!(moved, "{from:?} to {to:?}");
}

#[tokio::test]
async fn an_intent_becomes_a_certificate_once() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let intent = case.intend(&db, &case.grant.id).await;
        let serial = intent.serial;
        let mut reader = db.reader().await;
        assert_eq!(
            reader.certificate(&serial).await.unwrap(),
            Some(intent.clone())
        );
        assert_eq!(reader.certificate_der(&serial).await.unwrap(), None);
        let tbs = reader.intent_tbs(&serial).await.unwrap();
        assert_eq!(tbs.as_deref(), Some(b"tbs".as_slice()));

        let (mine, other) = (case.samples.fingerprint(), case.samples.fingerprint());
        let issued = db
            .write(move |tx| {
                Box::pin(async move {
                    Ok([
                        tx.issue_certificate(&serial, &mine, b"der").await?,
                        tx.issue_certificate(&serial, &other, b"other").await?,
                    ])
                })
            })
            .await;
        assert_eq!(issued, [true, false]);
        let der = reader.certificate_der(&serial).await.unwrap();
        assert_eq!(der.as_deref(), Some(b"der".as_slice()));
        let found = reader.certificate_by_fingerprint(&mine).await.unwrap();
        let found = found.unwrap();
        assert_eq!(found.serial, serial);
        assert_eq!(found.state, CertificateState::Issued);
        assert_eq!(found.fingerprint, Some(mine));
        let missing = reader.certificate_by_fingerprint(&other).await.unwrap();
        assert_eq!(missing, None);
        let unknown = case.samples.serial();
        assert_eq!(reader.certificate(&unknown).await.unwrap(), None);
        assert_eq!(reader.intent_tbs(&unknown).await.unwrap(), None);
        assert_eq!(reader.status(&unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_voided_intent_is_never_issued() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let serial = case.intend(&db, &case.grant.id).await.serial;
        let void = CertificateState::Void { at: NOW };
        move_to(&db, serial, CertificateState::Intended, void).await;
        let fingerprint = case.samples.fingerprint();
        let issued = db
            .write(move |tx| {
                Box::pin(async move { tx.issue_certificate(&serial, &fingerprint, b"der").await })
            })
            .await;
        assert!(!issued);
        let mut reader = db.reader().await;
        assert_eq!(reader.certificate_der(&serial).await.unwrap(), None);
        let latest = reader.latest_certificate_of_grant(&case.grant.id).await;
        assert_eq!(latest.unwrap(), None);
    }
}

#[tokio::test]
async fn every_state_of_a_certificate_is_read_as_it_was_written() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let record = case.issue(&db, &case.grant.id).await;
        let at = NOW.plus_seconds(3);
        let revoked = |reason| CertificateState::Revoked { at, reason };
        let states = [
            CertificateState::OnHold { at },
            CertificateState::Issued,
            CertificateState::Superseded { at },
            revoked(None),
        ]
        .into_iter()
        .chain(ReasonCode::ALL.map(|reason| revoked(Some(reason))));
        let mut before = CertificateState::Issued;
        for after in states {
            move_to(&db, record.serial, before, after).await;
            let mut reader = db.reader().await;
            let status = reader.status(&record.serial).await.unwrap();
            let expected = StatusRow {
                ca_key: case.ca_key.clone(),
                state: after,
                not_after: record.not_after,
            };
            assert_eq!(status, Some(expected));
            let read = reader.certificate(&record.serial).await.unwrap();
            assert_eq!(read.unwrap().state, after);
            before = after;
        }
    }
}

#[tokio::test]
async fn a_certificate_moves_only_from_exactly_the_state_it_is_in() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let serial = case.issue(&db, &case.grant.id).await.serial;
        let moved = db
            .write(move |tx| {
                Box::pin(async move {
                    let issued = CertificateState::Issued;
                    let hold = |seconds| CertificateState::OnHold {
                        at: NOW.plus_seconds(seconds),
                    };
                    let void = CertificateState::Void { at: NOW };
                    let intended = CertificateState::Intended;
                    Ok([
                        tx.move_certificate(&serial, &intended, &void).await?,
                        tx.move_certificate(&serial, &issued, &hold(1)).await?,
                        tx.move_certificate(&serial, &issued, &hold(1)).await?,
                        tx.move_certificate(&serial, &hold(2), &issued).await?,
                        tx.move_certificate(&serial, &hold(1), &issued).await?,
                    ])
                })
            })
            .await;
        assert_eq!(moved, [false, true, false, false, true]);
    }
}

#[tokio::test]
async fn forgotten_intents_are_found_by_their_age() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let old = case.intend(&db, &case.grant.id).await;
        let mut young = case.samples.intent(&case.ca_key, None);
        young.created_at = NOW.plus_seconds(60);
        let issued = case.another_grant(&db, 2).await;
        case.issue(&db, &issued.id).await;
        let stored = young.clone();
        db.write(|tx| Box::pin(async move { tx.insert_intent(&stored, b"tbs").await }))
            .await;
        let mut reader = db.reader().await;
        assert_eq!(reader.intents_before(NOW, 9).await.unwrap(), []);
        let found = reader.intents_before(NOW.plus_seconds(1), 9).await;
        assert_eq!(found.unwrap(), std::slice::from_ref(&old));
        let found = reader.intents_before(NOW.plus_seconds(61), 9).await;
        assert_eq!(found.unwrap(), [old.clone(), young]);
        let found = reader.intents_before(NOW.plus_seconds(61), 1).await;
        assert_eq!(found.unwrap(), [old]);
    }
}

#[tokio::test]
async fn the_latest_certificate_of_a_grant_is_the_live_one() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let grant = &case.grant.id;
        let first = case.issue(&db, grant).await;
        let revoked = CertificateState::Revoked {
            at: NOW,
            reason: None,
        };
        move_to(&db, first.serial, CertificateState::Issued, revoked).await;
        let mut reader = db.reader().await;
        let latest = reader.latest_certificate_of_grant(grant).await.unwrap();
        assert_eq!(latest.unwrap().serial, first.serial);
        let second = case.issue(&db, grant).await;
        let latest = reader.latest_certificate_of_grant(grant).await.unwrap();
        assert_eq!(latest, Some(second));
    }
}

#[tokio::test]
async fn certificates_are_listed_by_pages() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let mut all = vec![case.issue(&db, &case.grant.id).await];
        for number in [2, 3] {
            let grant = case.another_grant(&db, number).await;
            all.push(case.intend(&db, &grant.id).await);
        }
        all.sort_by_key(|record| record.serial);
        let mut reader = db.reader().await;
        assert_eq!(reader.list_certificates(None, 2).await.unwrap(), all[..2]);
        let rest = reader.list_certificates(Some(&all[1].serial), 2).await;
        assert_eq!(rest.unwrap(), all[2..]);
    }
}

async fn listed(
    db: &Database,
    case: &Case,
    shard: Option<i64>,
    cutoff: Timestamp,
) -> Vec<ListedEntry> {
    let mut entries = Vec::new();
    db.reader()
        .await
        .listed(&case.ca_key, shard, cutoff, |entry| entries.push(entry))
        .await
        .unwrap();
    entries
}

#[tokio::test]
async fn a_revocation_list_holds_what_is_stopped_in_the_order_of_serial_numbers() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let at = NOW.plus_seconds(4);
        let states = [
            (0, CertificateState::OnHold { at }),
            (
                0,
                CertificateState::Revoked {
                    at,
                    reason: Some(ReasonCode::KeyCompromise),
                },
            ),
            (1, CertificateState::Revoked { at, reason: None }),
            (1, CertificateState::Superseded { at }),
            (1, CertificateState::Void { at }),
            (1, CertificateState::Issued),
            (0, CertificateState::Intended),
        ];
        let mut expected = Vec::new();
        for (shard, state) in states {
            let mut record = case.samples.intent(&case.ca_key, None);
            record.shard = shard;
            record.state = state;
            if !matches!(
                state,
                CertificateState::Intended | CertificateState::Void { .. }
            ) {
                record.fingerprint = Some(case.samples.fingerprint());
            }
            let entry = ListedEntry {
                serial: record.serial,
                at,
                reason: state.reason(),
            };
            if state.stopped_at().is_some() {
                expected.push((shard, entry));
            }
            db.write(|tx| Box::pin(async move { tx.insert_intent(&record, b"tbs").await }))
                .await;
        }
        expected.sort_by_key(|(_, entry)| entry.serial);
        let of = |wanted: Option<i64>| -> Vec<ListedEntry> {
            let of_shard = expected
                .iter()
                .filter(|(shard, _)| wanted.is_none_or(|wanted| wanted == *shard));
            of_shard.map(|(_, entry)| *entry).collect()
        };
        for shard in [None, Some(0), Some(1), Some(2)] {
            assert_eq!(listed(&db, &case, shard, NOW).await, of(shard));
        }
        assert_eq!(of(None).len(), 5);
        let not_after = NOW.plus_days(1_000);
        assert_eq!(listed(&db, &case, None, not_after).await.len(), 5);
        let late = not_after.plus_seconds(1);
        assert_eq!(listed(&db, &case, None, late).await, []);
        assert_eq!(listed(&db, &case, Some(0), late).await, []);
    }
}

#[tokio::test]
async fn a_long_revocation_list_is_complete() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let all = 12_000;
        insert_revoked(&db, &case, all).await;
        let entries = listed(&db, &case, None, NOW).await;
        assert_eq!(entries.len(), all);
        assert!(entries.is_sorted_by(|a, b| a.serial < b.serial));
        let at: i64 = entries.iter().map(|entry| entry.at.unix()).sum();
        assert_eq!(at, 12_000 * 12_001 / 2);
        let mut of_shards = 0;
        for shard in 0..3 {
            let entries = listed(&db, &case, Some(shard), NOW).await;
            assert!(entries.is_sorted_by(|a, b| a.serial < b.serial));
            of_shards += entries.len();
        }
        assert_eq!(of_shards, all);
    }
}

/// Stores `all` revoked certificates in three shards, with serial numbers and instants 1, 2, 3 …
async fn insert_revoked(db: &Database, case: &Case, all: usize) {
    db.run_directly(&format!(
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < {all})
        insert into certificate (serial, kind, ca_key_id, shard, fingerprint, spki_sha256,
            not_before, not_after, created_at, state, state_at, reason)
        select '40' || substr('000000000000000000000000000000' || i, length('' || i) + 1, 30),
            'tls_server', '{}', i % 3, {}, {}, 1, 2000000000, 1, 'revoked', i, 1 from n",
        case.ca_key,
        octets_of(db, "f"),
        octets_of(db, "k"),
    ))
    .await
    .unwrap();
}

/// An expression that makes octets of a prefix and the number `i`.
fn octets_of(db: &Database, prefix: &str) -> String {
    if db.is_sqlite() {
        format!("cast('{prefix}' || i as blob)")
    } else {
        format!("convert_to('{prefix}' || i, 'UTF8')")
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_reported_with_its_place() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let record = case.issue(&db, &case.grant.id).await;
        let stored = |column: &str, value: &str| {
            let serial = record.serial;
            format!("update certificate set {column} = {value} where serial = '{serial}'")
        };
        db.run_directly(&stored("state", "'revoked', state_at = 1, reason = 77"))
            .await
            .unwrap();
        let mut reader = db.reader().await;
        let read = reader.listed(&case.ca_key, None, NOW, |_| ()).await;
        let expected = StoreError::Corrupt {
            table: "certificate",
            column: "reason".to_owned(),
            id: record.serial.to_string(),
        };
        assert_eq!(read, Err(expected));
    }
}

#[tokio::test]
async fn a_revocation_list_of_whole_pages_is_complete() {
    for db in databases().await {
        let case = Case::store(&db).await;
        for all in [4_999, 5_000, 5_001, 10_000] {
            insert_revoked(&db, &case, all).await;
            assert_eq!(listed(&db, &case, None, NOW).await.len(), all);
            db.run_directly("delete from certificate").await.unwrap();
        }
    }
}
