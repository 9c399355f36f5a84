//! Sessions, search words and what the console counts and lists.

use tegata_domain::application::EnteredBy;
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::grant::Grant;
use tegata_domain::id::{AuditId, OutboxId};
use tegata_domain::institution::MailAddress;
use tegata_domain::operator::Role;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_store::{AuditFilter, Found, MailFate};

use crate::databases::databases;
use crate::samples::{Case, NOW, Samples};

#[tokio::test]
async fn a_session_is_found_by_its_digest_with_the_roles_of_now() {
    for db in databases().await {
        let operator = Samples::new().operator("a", &[Role::Examiner]);
        let (row, id) = (operator.clone(), operator.id.clone());
        db.write(move |tx| {
            Box::pin(async move {
                tx.insert_operator(&row, "hash", b"sealed", NOW).await?;
                tx.insert_session(b"one", &row.id, NOW).await?;
                tx.insert_session(b"two", &row.id, NOW.plus_seconds(9))
                    .await
            })
        })
        .await;
        let found = db.reader().await.session(b"one").await.unwrap().unwrap();
        assert_eq!(found.operator, operator);
        let times = [found.created_at, found.seen_at, found.stepped_up_at];
        assert_eq!(times, [NOW; 3]);
        let later = NOW.plus_seconds(70);
        let done = db
            .write(move |tx| {
                Box::pin(async move {
                    tx.grant_role(&id, Role::Approver).await?;
                    Ok([
                        tx.touch_session(b"one", later).await?,
                        tx.touch_session(b"one", NOW).await?,
                        tx.step_up_session(b"one", later).await?,
                        tx.step_up_session(b"none", later).await?,
                        tx.delete_session(b"none").await?,
                    ])
                })
            })
            .await;
        assert_eq!(done, [true, false, true, false, false]);
        let found = db.reader().await.session(b"one").await.unwrap().unwrap();
        assert_eq!(found.operator.roles.len(), 2);
        assert_eq!((found.seen_at, found.stepped_up_at), (later, later));
        let id = operator.id.clone();
        let gone = db
            .write(move |tx| {
                Box::pin(async move {
                    let old = tx.delete_sessions_before(NOW.plus_seconds(1)).await?;
                    Ok((old, tx.delete_sessions_of(&id).await?))
                })
            })
            .await;
        assert_eq!(gone, (1, 1));
        assert_eq!(db.reader().await.session(b"two").await.unwrap(), None);
    }
}

#[tokio::test]
async fn words_are_found_by_their_beginning_in_pages() {
    for db in databases().await {
        db.write(|tx| {
            Box::pin(async move {
                let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect();
                tx.set_search_words("institution:a", words(&["old"]))
                    .await?;
                tx.set_search_words("institution:a", words(&["内科", "内科クリニック", "内科"]))
                    .await?;
                tx.set_search_words("institution:b", words(&["内科", "外科"]))
                    .await?;
                tx.add_search_words("institution:b", words(&["外科", "脳外科"]))
                    .await
            })
        })
        .await;
        let mut reader = db.reader().await;
        let found = |word: &str, object: &str| Found {
            word: word.as_bytes().to_vec(),
            object: object.to_owned(),
        };
        let all = [
            found("内科", "institution:a"),
            found("内科", "institution:b"),
            found("内科クリニック", "institution:a"),
        ];
        assert_eq!(reader.search("内", None, 9).await.unwrap(), all);
        let page = reader.search("内科", Some(&all[0]), 1).await.unwrap();
        assert_eq!(page, all[1..2]);
        assert_eq!(reader.search("内科", Some(&all[2]), 9).await.unwrap(), []);
        assert_eq!(reader.search("old", None, 9).await.unwrap(), []);
        assert_eq!(reader.search("脳", None, 9).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_case_is_found_by_institution_terminal_and_mail() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let mut reader = db.reader().await;
        let institution = format!("institution:{}", case.institution.id);
        let application = format!("application:{}", case.application.id);
        for (word, object) in [
            (case.institution.code.as_str(), &institution),
            ("見本", &institution),
            ("受付", &application),
            ("front@", &application),
            ("example.jp", &application),
        ] {
            let found = reader.search(word, None, 9).await.unwrap();
            let objects: Vec<_> = found.iter().map(|found| &found.object).collect();
            assert_eq!(objects, [object], "{word}");
        }
        let id = case.application.id.clone();
        db.write(move |tx| {
            Box::pin(async move {
                let new = MailAddress::parse("new@clinic.example").unwrap();
                let second = MailAddress::parse("spare@house.example");
                tx.change_addresses(&id, &new, second.as_ref()).await
            })
        })
        .await;
        for address in ["front@", "new@clinic", "spare@"] {
            let found = reader.search(address, None, 9).await.unwrap();
            assert_eq!(found.len(), 1, "{address}");
        }
        let grants = reader
            .grants_of_institution(&case.institution.id, None, 9)
            .await
            .unwrap();
        let stored: Vec<_> = grants.iter().flat_map(Grant::addresses).collect();
        let stored: Vec<_> = stored.into_iter().map(MailAddress::as_str).collect();
        assert_eq!(stored, ["new@clinic.example", "spare@house.example"]);
        let earlier = reader
            .grants_of_institution(&case.institution.id, Some(&grants[0].id), 9)
            .await;
        assert_eq!(earlier.unwrap(), []);
        let applications = reader
            .applications_of_institution(&case.institution.id, None, 9)
            .await;
        assert_eq!(applications.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn waiting_applications_are_counted_up_to_a_limit() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let new: Vec<_> = (0..3)
            .map(|_| {
                case.samples
                    .application(&case.institution.id, EnteredBy::Applicant)
            })
            .collect();
        db.write(move |tx| {
            Box::pin(async move {
                for one in &new {
                    tx.insert_application(one).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        assert_eq!(reader.count_applications("submitted", 9).await.unwrap(), 4);
        assert_eq!(reader.count_applications("submitted", 2).await.unwrap(), 2);
        assert_eq!(reader.count_applications("rejected", 9).await.unwrap(), 0);
        assert_eq!(reader.oldest_list().await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_mails_of_a_case_stand_in_order_with_when_they_were_sent() {
    for db in databases().await {
        let samples = Samples::new();
        let mail = |key: &str, request: &str| OutboxMail {
            id: OutboxId::generate(NOW, &samples.0),
            at: NOW,
            kind: MailKind::Collected,
            to: MailAddress::parse("a@example.jp").unwrap(),
            key: key.to_owned(),
            values: MailKind::Collected
                .needs()
                .iter()
                .map(|name| ((*name).to_owned(), request.to_owned()))
                .collect(),
        };
        let (one, other) = (mail("1", "202601190000001"), mail("2", "202601190000002"));
        let kept = one.clone();
        db.write(move |tx| {
            Box::pin(async move {
                tx.insert_mail(&one).await?;
                tx.insert_mail(&other).await.map(drop)
            })
        })
        .await;
        let mut reader = db.reader().await;
        let found = reader.mails_about("202601190000001", 9).await.unwrap();
        assert_eq!(found, [(kept, MailFate::Waiting)]);
    }
}

#[tokio::test]
async fn the_trail_is_read_backwards_by_actor_and_by_object() {
    for db in databases().await {
        let samples = Samples::new();
        let event = |second: i64, actor: Actor, object: &str| AuditEvent {
            id: AuditId::generate(NOW.plus_seconds(second), &samples.0),
            at: NOW.plus_seconds(second),
            actor,
            action: "test",
            object: object.to_owned(),
            detail: String::new(),
        };
        let person = samples.operator("a", &[]).id;
        let events = [
            event(1, Actor::System, "grant:1"),
            event(2, Actor::Operator(person.clone()), "grant:1"),
            event(3, Actor::Operator(person.clone()), "grant:2"),
        ];
        let ids = events.clone().map(|event| event.id);
        db.write(move |tx| {
            Box::pin(async move {
                for event in &events {
                    tx.insert_audit(event).await?;
                }
                Ok(())
            })
        })
        .await;
        let mut reader = db.reader().await;
        let actor = format!("operator:{person}");
        for (filter, before, found) in [
            (AuditFilter::Everything, None, vec![2, 1, 0]),
            (AuditFilter::Everything, Some(&ids[2]), vec![1, 0]),
            (AuditFilter::Actor(&actor), None, vec![2, 1]),
            (AuditFilter::Object("grant:1"), None, vec![1, 0]),
            (AuditFilter::Object("grant:1"), Some(&ids[1]), vec![0]),
        ] {
            let rows = reader.audit_before(filter, before, 9).await.unwrap();
            let expected: Vec<_> = found.iter().map(|at: &usize| ids[*at].clone()).collect();
            let got: Vec<_> = rows.into_iter().map(|row| row.id).collect();
            assert_eq!(got, expected, "{filter:?}");
        }
    }
}
