//! 確認番号 and the mails that carry them.

use std::sync::Arc;

use tegata_domain::flow::{Flow, FlowKind, FlowStep};
use tegata_domain::id::{FlowId, OutboxId};
use tegata_domain::mail_code::SentCode;
use tegata_domain::outbox::{MailKind, OutboxMail, Urgency};
use tegata_store::MailFate;

use crate::databases::{Database, databases};
use crate::samples::{Case, FAR, NOW};

/// A mail with a code in it.
fn mail(case: &Case, number: i64) -> OutboxMail {
    let sent_at = NOW.plus_seconds(number);
    let names = MailKind::CollectionCode.needs().iter().copied();
    OutboxMail {
        id: OutboxId::generate(sent_at, &case.samples.0),
        at: sent_at,
        kind: MailKind::CollectionCode,
        to: case.grant.mail.clone(),
        key: format!("code:{number}"),
        values: names
            .chain(["sealed_code"])
            .map(|name| (name.to_owned(), "a".to_owned()))
            .collect(),
    }
}

fn code(case: &Case, flow: &FlowId, number: i64, mail: &OutboxMail) -> SentCode {
    SentCode {
        mail: mail.id.clone(),
        flow: flow.clone(),
        grant: case.grant.id.clone(),
        number,
        to: mail.to.clone(),
        hmac: vec![7; 32],
        pepper: 1,
        sent_at: mail.at,
        expires_at: mail.at.plus_seconds(900),
    }
}

/// A code with its mail, both stored.
async fn store(db: &Database, case: &Case, flow: &FlowId, number: i64) -> SentCode {
    let mail = mail(case, number);
    let code = code(case, flow, number, &mail);
    let row = code.clone();
    db.write(|tx| {
        Box::pin(async move {
            tx.insert_mail(&mail).await?;
            tx.insert_code(&row).await
        })
    })
    .await;
    code
}

/// What came of each mail, and whether it still carries its code.
async fn mails(db: &Database) -> Vec<(MailFate, bool)> {
    let mut reader = db.reader().await;
    let mails = reader.mails_about("a", 9).await.unwrap();
    mails
        .into_iter()
        .map(|(mail, fate)| (fate, mail.values.contains_key("sealed_code")))
        .collect()
}

#[tokio::test]
async fn a_procedure_takes_one_code_and_a_grant_counts_all_of_them() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let flows = [(); 2].map(|()| FlowId::generate(&case.samples.0));
        let first = store(&db, &case, &flows[0], 1).await;
        let second = store(&db, &case, &flows[1], 2).await;
        let mut reader = db.reader().await;
        assert_eq!(
            reader.live_code(&flows[0]).await.unwrap(),
            Some(first.clone())
        );
        let last = reader.last_code_of_flow(&flows[1]).await.unwrap();
        assert_eq!(last, Some(second.sent_at));
        let newest = reader.newest_codes_of(&case.grant.id, 9).await.unwrap();
        assert_eq!(newest, [(2, second.sent_at), (1, first.sent_at)]);
        let newest = reader.newest_codes_of(&case.grant.id, 1).await.unwrap();
        assert_eq!(newest.len(), 1);
        drop(reader);

        for (flow, number, rule) in [
            (&flows[0], 3, "mail_code_live"),
            (&FlowId::generate(&case.samples.0), 2, "mail_code_number"),
        ] {
            let mail = mail(&case, 3);
            let row = code(&case, flow, number, &mail);
            let told = db
                .refused(|tx| {
                    Box::pin(async move {
                        tx.insert_mail(&mail).await?;
                        tx.insert_code(&row).await
                    })
                })
                .await;
            assert!(told.contains(rule), "{rule}: {told}");
        }
    }
}

#[tokio::test]
async fn a_code_has_so_many_tries_and_ends_with_its_mail() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let flow = FlowId::generate(&case.samples.0);
        let code = store(&db, &case, &flow, 1).await;
        assert_eq!(mails(&db).await, [(MailFate::Waiting, true)]);
        let mail = code.mail.clone();
        let done = db
            .write(|tx| {
                Box::pin(async move {
                    let tries = [
                        tx.try_code(&mail, 2).await?,
                        tx.try_code(&mail, 2).await?,
                        tx.try_code(&mail, 2).await?,
                    ];
                    let ended = [
                        tx.end_code(&mail, NOW).await?,
                        tx.end_code(&mail, NOW).await?,
                    ];
                    Ok((tries, ended, tx.try_code(&mail, 9).await?))
                })
            })
            .await;
        assert_eq!(done, ([Some(1), Some(2), None], [true, false], None));
        assert_eq!(db.reader().await.live_code(&flow).await.unwrap(), None);
        assert_eq!(mails(&db).await, [(MailFate::Dropped(NOW), false)]);
        let mut reader = db.reader().await;
        assert!(reader.waiting_mails(9).await.unwrap().is_empty());
        assert_eq!(reader.oldest_waiting_mail().await.unwrap(), None);
    }
}

#[tokio::test]
async fn codes_end_after_their_time_and_are_deleted_after_their_hour() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let flow = Flow {
            id: FlowId::generate(&case.samples.0),
            kind: FlowKind::Collect,
            fingerprint: None,
            grant: case.grant.id.clone(),
            step: FlowStep::Code,
            version: 1,
            answered: None,
            entered: "{}".to_owned(),
            created_at: NOW,
            expires_at: NOW.plus_seconds(7_200),
        };
        let code = store(&db, &case, &flow.id, 1).await;
        let claimed = db
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_flow(&flow).await?;
                    // The procedure may go first: its codes still count.
                    tx.delete_flows_of(&flow.grant).await?;
                    tx.claim_mails(
                        NOW.plus_seconds(1),
                        NOW.plus_seconds(99),
                        FAR,
                        Urgency::Bulk,
                        9,
                    )
                    .await
                })
            })
            .await
            .remove(0);
        let (end, later) = (code.expires_at, NOW.plus_days(1));
        let done = db
            .write(move |tx| {
                Box::pin(async move {
                    let deleted_live = tx.delete_codes_before(later).await?;
                    let ended = [
                        tx.end_codes_before(end, 9).await?,
                        tx.end_codes_before(end.plus_seconds(1), 9).await?,
                    ];
                    let deleted = [
                        tx.delete_codes_before(NOW.plus_seconds(1)).await?,
                        tx.delete_codes_before(NOW.plus_seconds(2)).await?,
                    ];
                    Ok((deleted_live, ended, deleted))
                })
            })
            .await;
        assert_eq!(done, (0, [0, 1], [0, 1]));
        let dropped = MailFate::Dropped(end.plus_seconds(1));
        assert_eq!(mails(&db).await, [(dropped, false)]);
        // Whoever had the mail at that time handed it over all the same.
        let told = db
            .write(move |tx| {
                let claimed = [Arc::new(claimed)];
                Box::pin(async move { tx.mails_sent(&claimed, later).await })
            })
            .await;
        assert_eq!(told, 1);
        assert_eq!(mails(&db).await, [(MailFate::Sent(later), false)]);
    }
}
