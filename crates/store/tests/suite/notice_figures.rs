//! What is counted about notices.

use std::sync::Arc;

use tegata_domain::id::OutboxId;
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::{MailKind, OutboxMail, Urgency};
use tegata_domain::time::Timestamp;
use tegata_store::{NoticeRun, NoticeTally};

use crate::databases::{Database, databases};
use crate::samples::{Case, FAR, NOW, Samples};

fn mail(samples: &Samples, kind: MailKind, at: Timestamp, key: &str) -> OutboxMail {
    OutboxMail {
        id: OutboxId::generate(at, &samples.0),
        at,
        kind,
        to: MailAddress::parse("a@example.jp").unwrap(),
        key: key.to_owned(),
        values: kind
            .needs()
            .iter()
            .map(|name| ((*name).to_owned(), "x".to_owned()))
            .collect(),
    }
}

/// Five notices of two days and a mail that is none; one of them sent, one tried, one given up.
async fn queue(db: &Database) {
    let samples = Samples::new();
    let tomorrow = NOW.plus_days(1);
    let mails = [
        mail(&samples, MailKind::CertificateExpiring, NOW, "1"),
        mail(&samples, MailKind::CertificateExpiring, NOW, "2"),
        mail(&samples, MailKind::NotCollected, NOW, "3"),
        mail(&samples, MailKind::LetterPosted, NOW, "4"),
        mail(&samples, MailKind::CertificateExpiring, tomorrow, "5"),
    ];
    let dropped = mails[2].id.clone();
    db.write(move |tx| {
        Box::pin(async move {
            tx.insert_mails(&mails[..3]).await?;
            tx.drop_mail(&dropped, NOW).await?;
            let claimed = tx
                .claim_mails(NOW, NOW.plus_seconds(9), FAR, Urgency::Bulk, 9)
                .await?;
            let [first, second] = claimed.as_slice() else {
                panic!("two mails wait");
            };
            tx.mails_sent(&[Arc::new(first.clone())], NOW).await?;
            tx.mail_failed(second, tomorrow, "451 later").await?;
            tx.insert_mails(&mails[3..]).await.map(drop)
        })
    })
    .await;
}

#[tokio::test]
async fn notices_are_counted_by_their_day_and_kind() {
    for db in databases().await {
        queue(&db).await;
        let mut reader = db.reader().await;
        let tally = |kind, [sent, waiting, dropped]: [i64; 3]| NoticeTally {
            kind,
            sent,
            waiting,
            dropped,
        };
        let day = (NOW, NOW.plus_days(1).plus_seconds(-1));
        let first = reader.tally_notices(day.0, day.1).await.unwrap();
        let wanted = [
            tally(MailKind::CertificateExpiring, [1, 1, 0]),
            tally(MailKind::NotCollected, [0, 0, 1]),
        ];
        assert_eq!(first, wanted);
        let tomorrow = NOW.plus_days(1);
        let second = reader.tally_notices(tomorrow, tomorrow).await.unwrap();
        assert_eq!(second, [tally(MailKind::CertificateExpiring, [0, 1, 0])]);
        let later = NOW.plus_days(2);
        assert_eq!(reader.tally_notices(later, later).await.unwrap(), []);
        assert_eq!(reader.count_waiting_mails().await.unwrap(), (3, 2));
        assert_eq!(reader.count_bounced_addresses().await.unwrap(), 0);
        let oldest = reader.oldest_waiting_notice().await.unwrap();
        assert_eq!(oldest, Some((NOW, Some("451 later".to_owned()))));
    }
}

#[tokio::test]
async fn runs_stand_with_the_newest_first() {
    for db in databases().await {
        let day = NOW.japan_date();
        let run = |day, mails| NoticeRun {
            day,
            finished_at: NOW,
            mails,
        };
        let runs = [run(day, 3), run(day.plus_days(1), 0)];
        db.write(move |tx| {
            Box::pin(async move {
                for run in runs {
                    tx.finish_notice_run(run.day, run.mails, NOW).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        assert_eq!(reader.notice_runs(9).await.unwrap(), [runs[1], runs[0]]);
        assert_eq!(reader.notice_runs(1).await.unwrap(), [runs[1]]);
    }
}

#[tokio::test]
async fn the_ends_of_certificates_in_force_are_counted() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let record = case.issue(&db, &case.grant.id).await;
        let end = record.not_after;
        let mut reader = db.reader().await;
        for (first, last, wanted) in [
            (end, end, 1),
            (end.plus_seconds(1), end.plus_days(9), 0),
            (NOW, end.plus_seconds(-1), 0),
            (NOW, end, 1),
        ] {
            assert_eq!(reader.count_ending(first, last).await.unwrap(), wanted);
        }
        for change in ["state = 'on_hold', state_at = 1", "set_aside_at = 1"] {
            let before = "state = 'issued', state_at = null, set_aside_at = null";
            for set in [before, change] {
                let sql = format!("update certificate set {set}");
                db.run_directly(&sql).await.unwrap();
            }
            assert_eq!(reader.count_ending(NOW, end).await.unwrap(), 0, "{change}");
        }
    }
}
