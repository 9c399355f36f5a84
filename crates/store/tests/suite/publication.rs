//! Which lists are due, and how a finished one replaces the last.

use tegata_store::{DuePublication, FinishedList, RevocationList};

use crate::databases::databases;
use crate::samples::{Case, NOW};

fn finished(case: &Case, wanted: i64, number: i64) -> FinishedList {
    FinishedList {
        ca_key: case.ca_key.clone(),
        list: "all".to_owned(),
        wanted,
        number,
        this_update: NOW,
        next_update: NOW.plus_days(3),
        due_at: NOW.plus_seconds(3_600),
        der: number.to_be_bytes().to_vec(),
    }
}

#[tokio::test]
async fn a_list_is_due_at_first_after_a_change_and_after_its_time() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let key = case.ca_key.clone();
        let ensured = db
            .write(|tx| {
                Box::pin(async move {
                    for list in ["all", "0", "all"] {
                        tx.ensure_publication(&key, list, NOW).await?;
                    }
                    tx.want_publication(&key, "7", NOW).await
                })
            })
            .await;
        assert!(!ensured, "a list that is not published was wanted");
        let mut reader = db.reader().await;
        let before = NOW.plus_seconds(-1);
        assert_eq!(reader.due_publications(before, 9).await.unwrap(), []);
        let due = reader.due_publications(NOW, 9).await.unwrap();
        assert_eq!(due.len(), 2);
        let all = DuePublication {
            ca_key: case.ca_key.clone(),
            list: "all".to_owned(),
            wanted: 1,
            made: 0,
            number: 0,
            this_update: tegata_domain::time::Timestamp::from_unix(0),
        };
        assert!(due.contains(&all));
        let none = reader.revocation_list(&case.ca_key, "all").await.unwrap();
        assert_eq!(none, None);

        let done = finished(&case, 1, 10);
        let stored = db
            .write(|tx| Box::pin(async move { tx.finish_publication(done).await }))
            .await;
        assert!(stored);
        let list = reader.revocation_list(&case.ca_key, "all").await.unwrap();
        let expected = RevocationList {
            number: 10,
            this_update: NOW,
            next_update: NOW.plus_days(3),
            der: 10_i64.to_be_bytes().to_vec(),
        };
        assert_eq!(list, Some(expected));
        let later = NOW.plus_seconds(3_599);
        let due = reader.due_publications(later, 9).await.unwrap();
        assert_eq!(due.len(), 1, "only the shard is due");
        let later = NOW.plus_seconds(3_600);
        assert_eq!(reader.due_publications(later, 9).await.unwrap().len(), 2);
        assert_eq!(reader.due_publications(later, 1).await.unwrap().len(), 1);

        let key = case.ca_key.clone();
        let wanted = db
            .write(|tx| {
                Box::pin(async move { tx.want_publication(&key, "all", NOW.plus_seconds(5)).await })
            })
            .await;
        assert!(wanted);
        let soon = NOW.plus_seconds(5);
        let due = reader.due_publications(soon, 9).await.unwrap();
        let all = due.iter().find(|due| due.list == "all").unwrap();
        assert_eq!((all.wanted, all.made, all.number), (2, 1, 10));
    }
}

#[tokio::test]
async fn a_finished_list_never_replaces_a_newer_one() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let key = case.ca_key.clone();
        let lists = [
            finished(&case, 2, 10),
            finished(&case, 2, 10),
            finished(&case, 2, 9),
            finished(&case, 1, 11),
            finished(&case, 3, 11),
            finished(&case, 2, 11),
        ];
        let stored = db
            .write(|tx| {
                Box::pin(async move {
                    tx.ensure_publication(&key, "all", NOW).await?;
                    tx.want_publication(&key, "all", NOW).await?;
                    let mut stored = Vec::new();
                    for list in lists {
                        stored.push(tx.finish_publication(list).await?);
                    }
                    Ok(stored)
                })
            })
            .await;
        assert_eq!(stored, [true, false, false, false, false, true]);
        let list = db.reader().await.revocation_list(&case.ca_key, "all").await;
        assert_eq!(list.unwrap().unwrap().number, 11);
    }
}

#[tokio::test]
async fn a_change_while_the_list_is_made_keeps_it_due() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let key = case.ca_key.clone();
        let seen = finished(&case, 1, 10);
        let stored = db
            .write(|tx| {
                Box::pin(async move {
                    tx.ensure_publication(&key, "all", NOW).await?;
                    tx.want_publication(&key, "all", NOW.plus_seconds(1))
                        .await?;
                    tx.finish_publication(seen).await
                })
            })
            .await;
        assert!(stored);
        let mut reader = db.reader().await;
        let due = reader.due_publications(NOW.plus_seconds(1), 9).await;
        let due = due.unwrap();
        assert_eq!((due[0].wanted, due[0].made, due[0].number), (2, 1, 10));
    }
}
