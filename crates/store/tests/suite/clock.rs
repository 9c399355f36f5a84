//! What was recorded while the clock was ahead.

use tegata_store::FinishedList;

use crate::databases::databases;
use crate::samples::{Case, NOW};

#[tokio::test]
async fn what_a_clock_ahead_put_off_is_due_once_it_is_set_right() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let ahead = NOW.plus_days(30);
        let (key, operator) = (case.ca_key.clone(), case.operators[0].clone());
        db.write(move |tx| {
            Box::pin(async move {
                tx.ensure_publication(&key, "all", NOW).await?;
                let list = FinishedList {
                    ca_key: key,
                    list: "all".to_owned(),
                    wanted: 1,
                    number: ahead.unix(),
                    this_update: ahead,
                    next_update: ahead.plus_days(2),
                    due_at: ahead.plus_seconds(3_600),
                    der: b"list".to_vec(),
                };
                tx.finish_publication(list).await?;
                for at in [NOW, ahead] {
                    tx.finish_notice_run(at.japan_date(), 1, at).await?;
                }
                tx.insert_session(&[1; 32], &operator, NOW).await?;
                tx.insert_session(&[2; 32], &operator, ahead).await
            })
        })
        .await;
        let mut reader = db.reader().await;
        assert!(reader.due_publications(NOW, 9).await.unwrap().is_empty());
        db.write(|tx| Box::pin(async move { tx.forget_what_is_to_come(NOW).await }))
            .await;
        assert_eq!(reader.due_publications(NOW, 9).await.unwrap().len(), 1);
        let last = reader.last_notice_run().await.unwrap();
        assert_eq!(last, Some(NOW.japan_date()));
        assert!(reader.session(&[1; 32]).await.unwrap().is_some());
        assert!(reader.session(&[2; 32]).await.unwrap().is_none());
    }
}
