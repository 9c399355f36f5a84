//! Rules that the database itself holds, whatever program writes to it.

use tegata_domain::entropy;
use tegata_domain::id::{OutboxId, ServiceCertificateId};
use tegata_domain::revocation::{RevocationRequest, RevocationState, StatedReason};
use tegata_domain::{certificate::CertificateKind, id::RevocationId};
use tegata_store::{CaKeyPurpose, SealedSecret, ServiceCertificate, StoreError};

use crate::databases::{Database, databases};
use crate::samples::{Case, NOW};

/// Inserts a copy of the case's grant with other persons, past the crate.
async fn insert_grant_directly(db: &Database, case: &Case, persons: [&str; 3]) -> Option<String> {
    let application = case.samples.application(
        &case.institution.id,
        tegata_domain::application::EnteredBy::Applicant,
    );
    let application_id = application.id.clone();
    db.write(|tx| Box::pin(async move { tx.insert_application(&application).await }))
        .await;
    let id: [u8; 16] = entropy::octets(&case.samples.0);
    let id: String = id.iter().map(|octet| format!("{octet:02x}")).collect();
    let [entered, examined, approved] = persons;
    let refusal = db
        .run_directly(&format!(
            "insert into issue_grant (id, request_id, application_id, institution_id,
                institution_name, class, code, prefecture, terminal, mail, approved_at, not_after,
                window_end, entered_by, examined_by, approved_by, state, kind)
            select '{id}', '{id}', '{application_id}', institution_id, institution_name, class,
                code, prefecture, terminal, mail, approved_at, not_after, window_end,
                {entered}, {examined}, {approved}, state, kind
            from issue_grant where id = '{}'",
            case.grant.id
        ))
        .await;
    refusal.err().map(|e| e.to_string())
}

#[tokio::test]
async fn a_grant_has_three_different_persons() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let [a, b, c] = case.operators.clone().map(|id| format!("'{id}'"));
        for persons in [[&a, &a, &c], [&a, &b, &a], [&a, &b, &b], [&a, &a, &a]] {
            let refusal = insert_grant_directly(&db, &case, persons.map(String::as_str)).await;
            assert!(refusal.unwrap().contains("issue_grant_three_persons"));
        }
        for place in 0..3 {
            let mut persons = [a.as_str(), b.as_str(), c.as_str()];
            persons[place] = "null";
            let refusal = insert_grant_directly(&db, &case, persons).await;
            let refusal = refusal.unwrap().to_lowercase();
            assert!(refusal.contains("not null") || refusal.contains("not-null"));
        }
        assert_eq!(insert_grant_directly(&db, &case, [&a, &b, &c]).await, None);
        let by_web = insert_grant_directly(&db, &case, ["'applicant'", &b, &c]).await;
        assert_eq!(by_web, None);
    }
}

#[tokio::test]
async fn an_application_is_examined_and_approved_by_others() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let id = &case.application.id;
        let [a, b, c] = case.operators.clone();
        let set = |examined: &str, decided: &str| {
            format!(
                "update application set state = 'approved', examined_by = '{examined}',
                    examined_at = 1, decided_by = '{decided}', decided_at = 1, grant_id = 'g'
                where id = '{id}'"
            )
        };
        for (examined, decided) in [(&a, &b), (&b, &a), (&b, &b)] {
            let refusal = db
                .run_directly(&set(examined.as_str(), decided.as_str()))
                .await;
            assert!(refusal.unwrap_err().to_string().contains("_persons"));
        }
        db.run_directly(&set(b.as_str(), c.as_str())).await.unwrap();
    }
}

#[tokio::test]
async fn a_grant_has_one_live_certificate() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let first = case.issue(&db, &case.grant.id).await;
        let second = case.samples.intent(&case.ca_key, Some(&case.grant.id));
        let again = second.clone();
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_intent(&again, b"tbs").await }))
            .await;
        assert_eq!(rule, "certificate_live");
        for state in ["on_hold", "revoked"] {
            db.run_directly(&format!(
                "update certificate set state = '{state}', state_at = 1 where serial = '{}'",
                first.serial
            ))
            .await
            .unwrap();
            let next = second.clone();
            let stored = db
                .store
                .write::<_, StoreError, _>(|tx| {
                    Box::pin(async move { tx.insert_intent(&next, b"tbs").await })
                })
                .await;
            assert_eq!(stored.is_ok(), state == "revoked");
        }
    }
}

#[tokio::test]
async fn a_serial_number_is_used_once() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let first = case.intend(&db, &case.grant.id).await;
        let mut second = case.samples.intent(&case.ca_key, None);
        second.serial = first.serial;
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_intent(&second, b"tbs").await }))
            .await;
        assert_eq!(rule, "certificate_pkey");
    }
}

#[tokio::test]
async fn a_key_is_certified_once_unless_its_intent_was_voided() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let first = case.intend(&db, &case.grant.id).await;
        let mut second = case.samples.intent(&case.ca_key, None);
        second.spki_sha256 = first.spki_sha256;
        let again = second.clone();
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_intent(&again, b"tbs").await }))
            .await;
        assert_eq!(rule, "certificate_key");
        db.run_directly("update certificate set state = 'void', state_at = 1")
            .await
            .unwrap();
        db.write(|tx| Box::pin(async move { tx.insert_intent(&second, b"tbs").await }))
            .await;
    }
}

#[tokio::test]
async fn a_grant_has_one_live_reference_id() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let insert = |id: &str, ended: &str| {
            format!(
                "insert into reference_id (id, grant_id, hmac, pepper, salt, scope, created_at,
                    ended_at)
                select '{id}', grant_id, hmac, pepper, salt, scope, created_at, {ended}
                from reference_id where id = '{}'",
                case.reference_id
            )
        };
        assert!(db.run_directly(&insert("b", "null")).await.is_err());
        db.run_directly(&insert("b", "1")).await.unwrap();
    }
}

#[tokio::test]
async fn a_grant_has_one_open_revocation_request() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let request = |number: &str| RevocationRequest {
            id: RevocationId::generate(NOW, &case.samples.0),
            number: number.to_owned(),
            grant: case.grant.id.clone(),
            serial: None,
            mail: case.grant.mail.clone(),
            reason: StatedReason::Lost,
            submitted_at: NOW,
            held_at: Some(NOW),
            source: "192.0.2.1".to_owned(),
            state: RevocationState::Submitted,
        };
        let (first, second, same) = (request("R-1"), request("R-2"), request("R-1"));
        db.write(|tx| Box::pin(async move { tx.insert_revocation_request(&first).await }))
            .await;
        let again = second.clone();
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_revocation_request(&again).await }))
            .await;
        assert_eq!(rule, "revocation_request_open");
        let [a, b, _] = case.operators.clone();
        let end = |confirmed_by: &str| {
            format!(
                "update revocation_request set state = 'ended', outcome = 'lift',
                    proposed_by = '{a}', confirmed_by = '{confirmed_by}', ended_at = 1"
            )
        };
        let refusal = db.run_directly(&end(a.as_str())).await.unwrap_err();
        let text = refusal.to_string();
        assert!(text.contains("revocation_request_two_persons"));
        db.run_directly(&end(b.as_str())).await.unwrap();
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_revocation_request(&same).await }))
            .await;
        assert_eq!(rule, "revocation_request_number");
        db.write(|tx| Box::pin(async move { tx.insert_revocation_request(&second).await }))
            .await;
    }
}

#[tokio::test]
async fn a_conflict_names_the_same_rule_on_both_databases() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let samples = &case.samples;

        let operator = samples.operator("intake", &[]);
        let rule = db
            .refused(|tx| {
                Box::pin(async move { tx.insert_operator(&operator, "h", b"t", NOW).await })
            })
            .await;
        assert_eq!(rule, "operator_name");

        let key = samples.ca_key(CaKeyPurpose::Subscriber);
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_ca_key(&key).await }))
            .await;
        assert_eq!(rule, "ca_key_active");

        let mut same_person = case.grant.clone();
        same_person.persons.approved_by = same_person.persons.examined_by.clone();
        let (id, reference) = samples.reference(NOW);
        let rule = db
            .refused(|tx| {
                Box::pin(async move { tx.insert_grant(&same_person, &id, &reference, b"s").await })
            })
            .await;
        assert_eq!(rule, "issue_grant_three_persons");

        let secret = SealedSecret {
            number: 1,
            sealed: vec![1],
        };
        let rule = db
            .refused(|tx| {
                Box::pin(async move {
                    tx.insert_sealing_secret("pepper", &secret, NOW).await?;
                    tx.insert_sealing_secret("pepper", &secret, NOW).await
                })
            })
            .await;
        assert_eq!(rule, "sealing_secret_pkey");

        let service = ServiceCertificate {
            id: ServiceCertificateId::generate(NOW, &samples.0),
            kind: CertificateKind::TlsServer,
            name: "localhost".to_owned(),
            serial: samples.serial(),
            sealed_key: vec![1],
            not_after: NOW,
            created_at: NOW,
        };
        let rule = db
            .refused(|tx| Box::pin(async move { tx.insert_service_certificate(&service).await }))
            .await;
        assert_eq!(rule, "foreign_key");
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_reported_with_its_place() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let record = case.issue(&db, &case.grant.id).await;
        db.run_directly("update issue_grant set mail = 'nobody'")
            .await
            .unwrap();
        let id = OutboxId::generate(NOW, &case.samples.0);
        db.run_directly(&format!(
            "insert into outbox (id, at, kind, urgency, recipient, key, fields, about,
                attempts, next_try_at, epoch)
            values ('{id}', 1, 'collected', 0, 'front@example.jp', 'k', 'not json', '', 0, 0, 0)"
        ))
        .await
        .unwrap();
        db.run_directly("update certificate set state = 'revoked', state_at = 1, reason = 7")
            .await
            .unwrap();
        let corrupt = |table, column: &str, id: String| StoreError::Corrupt {
            table,
            column: column.to_owned(),
            id,
        };
        let mut reader = db.reader().await;
        assert_eq!(
            reader.grant(&case.grant.id).await,
            Err(corrupt("issue_grant", "mail", case.grant.id.to_string()))
        );
        assert_eq!(
            reader.waiting_mails(9).await,
            Err(corrupt("outbox", "fields", id.to_string()))
        );
        assert_eq!(
            reader.status(&record.serial).await,
            Err(corrupt("certificate", "reason", record.serial.to_string()))
        );
        // A value that cannot be read does not spoil the connection.
        assert_eq!(reader.fact("a").await, Ok(None));
    }
}

#[tokio::test]
async fn an_announcement_ends_no_earlier_than_it_begins() {
    for db in databases().await {
        let insert = |shown: [&str; 2], affects: &str| {
            format!(
                "insert into announcement (id, kind, title, body, shown_from, shown_until,
                    affects_from, affects_until, version, created_at)
                values ('{}', 'fault', 't', '', '{}', '{}', {affects}, 1, 1)",
                shown[0], shown[0], shown[1]
            )
        };
        for (shown, affects, rule) in [
            (
                ["2026-02-02", "2026-02-01"],
                "null, null",
                "announcement_shown_days",
            ),
            (
                ["2026-02-02", "2026-02-03"],
                "'2026-02-02', null",
                "announcement_affects_days",
            ),
            (
                ["2026-02-02", "2026-02-03"],
                "'2026-02-02', '2026-02-01'",
                "announcement_affects_days",
            ),
        ] {
            let refused = db.run_directly(&insert(shown, affects)).await;
            assert!(refused.unwrap_err().to_string().contains(rule), "{rule}");
        }
        let right = insert(["2026-02-02", "2026-02-02"], "'2026-02-02', '2026-02-02'");
        db.run_directly(&right).await.unwrap();
    }
}
