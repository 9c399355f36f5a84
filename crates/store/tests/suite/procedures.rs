//! Flows, mails, audit events, facts and wrong IDs.

use std::sync::Arc;

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::flow::{Flow, FlowKind, FlowStep};
use tegata_domain::id::{AuditId, FlowId, OutboxId};
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::{MailKind, OutboxMail, Urgency};

use crate::databases::databases;
use crate::samples::{Case, FAR, NOW, Samples};

fn flow(case: &Case) -> Flow {
    Flow {
        id: FlowId::generate(&case.samples.0),
        kind: FlowKind::Revoke,
        fingerprint: None,
        grant: case.grant.id.clone(),
        step: FlowStep::Form,
        version: 1,
        answered: None,
        entered: "{}".to_owned(),
        created_at: NOW,
        expires_at: NOW.plus_seconds(7_200),
    }
}

#[tokio::test]
async fn a_flow_takes_each_step_once() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let start = flow(&case);
        let stored = start.clone();
        let moved = db
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_flow(&stored).await?;
                    let end = NOW.plus_seconds(9_000);
                    let mut moved = Vec::new();
                    for version in [0, 1, 1, 3] {
                        let step = FlowStep::Confirm;
                        let entered = r#"{"reason":"lost"}"#;
                        let did = tx
                            .move_flow(&stored.id, version, step, entered, &[7; 32], end)
                            .await?;
                        moved.push(did);
                    }
                    Ok(moved)
                })
            })
            .await;
        assert_eq!(moved, [false, true, false, false]);
        let read = db.reader().await.flow(&start.id).await.unwrap();
        let expected = Flow {
            step: FlowStep::Confirm,
            version: 2,
            answered: Some([7; 32]),
            entered: r#"{"reason":"lost"}"#.to_owned(),
            expires_at: NOW.plus_seconds(9_000),
            ..start
        };
        assert_eq!(read, Some(expected));
        let unknown = FlowId::generate(&case.samples.0);
        assert_eq!(db.reader().await.flow(&unknown).await.unwrap(), None);
    }
}

#[tokio::test]
async fn flows_are_deleted_after_their_end() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let start = flow(&case);
        let stored = start.clone();
        let deleted = db
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_flow(&stored).await?;
                    let end = stored.expires_at;
                    Ok([
                        tx.delete_flows_before(end).await?,
                        tx.delete_flows_before(end.plus_seconds(1)).await?,
                    ])
                })
            })
            .await;
        assert_eq!(deleted, [0, 1]);
        assert_eq!(db.reader().await.flow(&start.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn every_flow_of_a_grant_ends_at_once() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let other = case.another_grant(&db, 2).await;
        let (start, mut stays) = (flow(&case), flow(&case));
        stays.id = FlowId::generate(&case.samples.0);
        stays.grant = other.id;
        let (stored, grant) = ([start.clone(), stays.clone()], case.grant.id.clone());
        let deleted = db
            .write(|tx| {
                Box::pin(async move {
                    for flow in &stored {
                        tx.insert_flow(flow).await?;
                    }
                    tx.delete_flows_of(&grant).await
                })
            })
            .await;
        assert_eq!(deleted, 1);
        let mut reader = db.reader().await;
        assert_eq!(reader.flow(&start.id).await.unwrap(), None);
        assert!(reader.flow(&stays.id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_mail_is_queued_once_for_each_key() {
    for db in databases().await {
        let samples = Samples::new();
        let mail = |key: &str, seconds| OutboxMail {
            id: OutboxId::generate(NOW.plus_seconds(seconds), &samples.0),
            at: NOW.plus_seconds(seconds),
            kind: MailKind::Collected,
            to: MailAddress::parse("front@example.jp").unwrap(),
            key: key.to_owned(),
            values: MailKind::Collected
                .needs()
                .iter()
                .map(|name| ((*name).to_owned(), "端末\"'1".to_owned()))
                .collect(),
        };
        let all = [mail("a", 0), mail("b", 1)];
        let again = mail("a", 2);
        let stored = all.clone();
        let queued = db
            .write(|tx| {
                Box::pin(async move {
                    Ok([
                        tx.insert_mail(&stored[0]).await?,
                        tx.insert_mail(&stored[1]).await?,
                        tx.insert_mail(&again).await?,
                    ])
                })
            })
            .await;
        assert_eq!(queued, [true, true, false]);
        let mut reader = db.reader().await;
        assert_eq!(reader.waiting_mails(9).await.unwrap(), all);
        assert_eq!(reader.list_mails(None, 1).await.unwrap(), all[..1]);
        let rest = reader.list_mails(Some(&all[0].id), 9).await.unwrap();
        assert_eq!(rest, all[1..]);
        db.run_directly("update outbox set sent_at = 1 where key = 'a'")
            .await
            .unwrap();
        assert_eq!(reader.waiting_mails(9).await.unwrap(), all[1..]);
        assert_eq!(reader.list_mails(None, 9).await.unwrap(), all);
    }
}

#[tokio::test]
async fn a_claimed_mail_is_nobody_elses_until_its_time_is_over_and_forgets_its_secret() {
    for db in databases().await {
        let samples = Samples::new();
        let mut values: std::collections::BTreeMap<String, String> = MailKind::CollectionCode
            .needs()
            .iter()
            .map(|name| ((*name).to_owned(), "a".to_owned()))
            .collect();
        values.insert("sealed_code".to_owned(), "sealed".to_owned());
        let mail = OutboxMail {
            id: OutboxId::generate(NOW, &samples.0),
            at: NOW,
            kind: MailKind::CollectionCode,
            to: MailAddress::parse("front@example.jp").unwrap(),
            key: "a".to_owned(),
            values,
        };
        let stored = mail.clone();
        let (until, later) = (NOW.plus_seconds(10), NOW.plus_seconds(11));
        let (first, second, third) = db
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_mail(&stored).await?;
                    let first = tx.claim_mails(NOW, until, FAR, Urgency::Bulk, 9).await?;
                    let second = tx.claim_mails(until, until, FAR, Urgency::Bulk, 9).await?;
                    Ok((
                        first,
                        second,
                        tx.claim_mails(later, later, FAR, Urgency::Bulk, 9).await?,
                    ))
                })
            })
            .await;
        assert_eq!((first.len(), second.len(), third.len()), (1, 0, 1));
        let (lost, taken) = (first[0].clone(), third[0].clone());
        let told = db
            .write(move |tx| {
                Box::pin(async move {
                    let failed = [
                        tx.mail_failed(&lost, later, "too late").await?,
                        tx.mail_failed(&taken, later, "not now").await?,
                    ];
                    let claimed = [Arc::new(lost), Arc::new(taken)];
                    let sent = [
                        tx.mails_sent(&claimed, later).await?,
                        tx.mails_sent(&claimed, later).await?,
                    ];
                    Ok((failed, sent))
                })
            })
            .await;
        assert_eq!(told, ([false, true], [1, 0]));
        let mut reader = db.reader().await;
        assert_eq!(reader.oldest_waiting_mail().await.unwrap(), None);
        let kept = reader.list_mails(None, 9).await.unwrap().remove(0);
        assert!(!kept.values.contains_key("sealed_code"));
    }
}

#[tokio::test]
async fn mails_by_the_dozen_are_queued_claimed_in_order_and_recorded_once() {
    for db in databases().await {
        let samples = Samples::new();
        let mail = |number: i64| OutboxMail {
            id: OutboxId::generate(NOW.plus_seconds(number), &samples.0),
            at: NOW.plus_seconds(number),
            kind: MailKind::CertificateExpiring,
            to: MailAddress::parse("front@example.jp").unwrap(),
            key: format!("notice {number}"),
            values: (MailKind::CertificateExpiring.needs().iter())
                .map(|name| ((*name).to_owned(), "1".to_owned()))
                .collect(),
        };
        let mails: Vec<OutboxMail> = (0..53).map(mail).collect();
        let ids: Vec<OutboxId> = mails.iter().map(|mail| mail.id.clone()).collect();
        let again: Vec<OutboxMail> = (40..70).map(mail).collect();
        let (until, later) = (NOW.plus_seconds(10), NOW.plus_seconds(11));
        let (queued, first, second, sent) = db
            .write(move |tx| {
                Box::pin(async move {
                    let queued = [
                        tx.insert_mails(&mails).await?,
                        tx.insert_mails(&again).await?,
                    ];
                    let first = tx.claim_mails(NOW, until, FAR, Urgency::Bulk, 50).await?;
                    let rest = tx.claim_mails(NOW, later, FAR, Urgency::Bulk, 50).await?;
                    // The claims of the first fifty are over by now, those of the rest are not.
                    let second = tx
                        .claim_mails(later, NOW.plus_seconds(99), FAR, Urgency::Bulk, 50)
                        .await?;
                    let claims = first.iter().take(5).chain(&rest).chain(&second);
                    let claims: Vec<Arc<_>> = claims.cloned().map(Arc::new).collect();
                    let sent = tx.mails_sent(&claims, later).await?;
                    Ok((queued, first, second, sent))
                })
            })
            .await;
        assert_eq!(queued, [53, 17]);
        let order: Vec<&OutboxId> = first.iter().map(|claimed| &claimed.mail.id).collect();
        assert_eq!(order, ids.iter().take(50).collect::<Vec<_>>());
        assert_eq!((second.len(), second[0].epoch), (50, 2));
        assert_eq!(sent, 70);
        let mut reader = db.reader().await;
        assert_eq!(reader.oldest_waiting_mail().await.unwrap(), None);
    }
}

#[tokio::test]
async fn audit_events_are_listed_by_object_and_by_page() {
    for db in databases().await {
        let samples = Samples::new();
        let operator = samples.operator("a", &[]);
        let event = |seconds, object: &str, actor| AuditEvent {
            id: AuditId::generate(NOW.plus_seconds(seconds), &samples.0),
            at: NOW.plus_seconds(seconds),
            actor,
            action: "grant.post",
            object: object.to_owned(),
            detail: "tracking 1".to_owned(),
        };
        let events = [
            event(0, "grant:1", Actor::System),
            event(1, "grant:2", Actor::Subscriber("192.0.2.1".to_owned())),
            event(2, "grant:1", Actor::Operator(operator.id.clone())),
        ];
        let stored = events.clone();
        db.write(|tx| {
            Box::pin(async move {
                for event in &stored {
                    tx.insert_audit(event).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        let of_one = reader.audit_of("grant:1", None, 9).await.unwrap();
        let ids: Vec<_> = of_one.iter().map(|row| row.id.clone()).collect();
        assert_eq!(ids, [events[0].id.clone(), events[2].id.clone()]);
        let last = &of_one[1];
        assert_eq!(last.at, NOW.plus_seconds(2));
        assert_eq!(last.actor, format!("operator:{}", operator.id));
        assert_eq!(last.action, "grant.post");
        assert_eq!(last.object, "grant:1");
        assert_eq!(last.detail, "tracking 1");
        let rest = reader.audit_of("grant:1", Some(&ids[0]), 9).await.unwrap();
        assert_eq!(rest, of_one[1..]);
        let all = reader.list_audit(None, 2).await.unwrap();
        assert_eq!(all[1].actor, "subscriber:192.0.2.1");
        let rest = reader.list_audit(Some(&all[1].id), 2).await.unwrap();
        assert_eq!(rest, of_one[1..]);
    }
}

#[tokio::test]
async fn a_fact_has_its_last_value() {
    for db in databases().await {
        db.write(|tx| {
            Box::pin(async move {
                tx.set_fact("profile", "obn").await?;
                tx.set_fact("profile", "default").await
            })
        })
        .await;
        let mut reader = db.reader().await;
        let profile = reader.fact("profile").await.unwrap();
        assert_eq!(profile.as_deref(), Some("default"));
        assert_eq!(reader.fact("other").await.unwrap(), None);
    }
}

#[tokio::test]
async fn each_counter_counts_for_itself() {
    for db in databases().await {
        let given = db
            .write(|tx| {
                Box::pin(async move {
                    Ok([
                        tx.next_number("a").await?,
                        tx.next_number("b").await?,
                        tx.next_number("a").await?,
                    ])
                })
            })
            .await;
        assert_eq!(given, [1, 1, 2]);
    }
}

#[tokio::test]
async fn wrong_ids_add_up_by_source_and_minute() {
    for db in databases().await {
        db.write(|tx| {
            Box::pin(async move {
                let later = NOW.plus_seconds(60);
                tx.add_wrong_ids("192.0.2.1", NOW, 2).await?;
                tx.add_wrong_ids("192.0.2.1", NOW, 3).await?;
                tx.add_wrong_ids("192.0.2.2", NOW, 1).await?;
                tx.add_wrong_ids("192.0.2.1", later, 4).await
            })
        })
        .await;
        let mut reader = db.reader().await;
        assert_eq!(reader.wrong_ids_since(NOW).await.unwrap(), 10);
        let later = reader.wrong_ids_since(NOW.plus_seconds(60)).await;
        assert_eq!(later.unwrap(), 4);
        let none = reader.wrong_ids_since(NOW.plus_seconds(61)).await;
        assert_eq!(none.unwrap(), 0);
    }
}
