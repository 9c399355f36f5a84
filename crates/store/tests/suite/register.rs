//! Institutions, applications, secrets of the authority, its keys and its services' certificates.

use tegata_domain::application::{ApplicationState, CertificateApplication, EnteredBy};
use tegata_domain::certificate::CertificateKind;
use tegata_domain::id::{CaKeyId, InstitutionId, ServiceCertificateId};
use tegata_domain::institution::{ClassName, Institution, InstitutionCode};
use tegata_store::{CaKeyPurpose, CaKeyState, SealedSecret, ServiceCertificate};

use crate::databases::databases;
use crate::samples::{Case, NOW, Samples};

#[tokio::test]
async fn an_institution_keeps_its_id_when_its_code_changes() {
    for db in databases().await {
        let samples = Samples::new();
        let old = samples.institution("0110119153");
        let mut new = old.clone();
        new.code = InstitutionCode::from_stored("0110119161".to_owned());
        new.name = "新見本医院".to_owned();
        new.changed_at = Some(NOW);
        let (first, changed) = (old.clone(), new.clone());
        let absent = samples.institution("1");
        let done = db
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_institution(&first, NOW).await?;
                    Ok([
                        tx.update_institution(&changed, NOW).await?,
                        tx.update_institution(&absent, NOW).await?,
                    ])
                })
            })
            .await;
        assert_eq!(done, [true, false]);
        let mut reader = db.reader().await;
        let class = ClassName::new("medical");
        assert_eq!(
            reader.institution(&old.id).await.unwrap(),
            Some(new.clone())
        );
        let by_old = reader.institution_by_code(&class, &old.code).await;
        assert_eq!(by_old.unwrap(), None);
        let by_new = reader.institution_by_code(&class, &new.code).await;
        assert_eq!(by_new.unwrap(), Some(new.clone()));
        let dental = ClassName::new("dental");
        let elsewhere = reader.institution_by_code(&dental, &new.code).await;
        assert_eq!(elsewhere.unwrap(), None);
    }
}

#[tokio::test]
async fn the_code_of_a_closed_institution_is_free() {
    for db in databases().await {
        let samples = Samples::new();
        let (old, heir) = (samples.institution("1"), samples.institution("1"));
        let (first, second) = (old.clone(), heir.clone());
        let closed = db
            .write(|tx| {
                Box::pin(async move {
                    tx.insert_institution(&first, NOW).await?;
                    let closed = [
                        tx.close_institution(&first.id, NOW).await?,
                        tx.close_institution(&first.id, NOW).await?,
                    ];
                    tx.insert_institution(&second, NOW).await?;
                    Ok(closed)
                })
            })
            .await;
        assert_eq!(closed, [true, false]);
        let mut reader = db.reader().await;
        let found = reader.institution_by_code(&heir.class, &heir.code).await;
        assert_eq!(found.unwrap(), Some(heir.clone()));
        let old = Institution {
            closed_at: Some(NOW),
            ..old
        };
        assert_eq!(reader.institution(&old.id).await.unwrap(), Some(old));
        assert_eq!(reader.list_institutions(None, 9).await.unwrap(), [heir]);
    }
}

#[tokio::test]
async fn institutions_are_listed_by_pages() {
    for db in databases().await {
        let samples = Samples::new();
        let mut all: Vec<_> = ["1", "2", "3"].map(|code| samples.institution(code)).into();
        let stored = all.clone();
        db.write(|tx| {
            Box::pin(async move {
                for institution in &stored {
                    tx.insert_institution(institution, NOW).await?;
                }
                Ok(())
            })
        })
        .await;
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let mut reader = db.reader().await;
        let mut pages = Vec::new();
        let mut after: Option<InstitutionId> = None;
        loop {
            let page = reader.list_institutions(after.as_ref(), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            pages.push(page);
        }
        assert_eq!(pages, [&all[..2], &all[2..]]);
    }
}

#[tokio::test]
async fn every_state_of_an_application_is_read_as_it_was_written() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let [_, b, c] = case.operators.clone();
        let at = NOW.plus_seconds(5);
        let states = [
            ApplicationState::Submitted,
            ApplicationState::Returned {
                by: b.clone(),
                at,
                reason: "住所".to_owned(),
            },
            ApplicationState::Rejected {
                by: b.clone(),
                at,
                reason: "重複".to_owned(),
            },
            ApplicationState::Examined { by: b.clone(), at },
            ApplicationState::Approved {
                examined_by: b,
                by: c,
                at,
                grant: case.grant.id.clone(),
            },
            ApplicationState::Cancelled { at },
        ];
        let mut before = case.application.clone();
        for state in states {
            let after = CertificateApplication {
                state,
                ..before.clone()
            };
            let (old, new) = (before.clone(), after.clone());
            let moved = db
                .write(|tx| Box::pin(async move { tx.move_application(&old, &new).await }))
                .await;
            assert!(moved);
            let read = db.reader().await.application(&after.id).await.unwrap();
            assert_eq!(read, Some(after.clone()));
            before = after;
        }
    }
}

#[tokio::test]
async fn an_application_moves_only_from_the_state_it_is_in() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let [_, b, _] = case.operators.clone();
        let examined = |by, seconds| CertificateApplication {
            state: ApplicationState::Examined {
                by,
                at: NOW.plus_seconds(seconds),
            },
            ..case.application.clone()
        };
        let (old, new) = (case.application.clone(), examined(b.clone(), 1));
        let (cancelled, late) = (
            CertificateApplication {
                state: ApplicationState::Cancelled { at: NOW },
                ..old.clone()
            },
            examined(b, 2),
        );
        let moved = db
            .write(|tx| {
                Box::pin(async move {
                    Ok([
                        tx.move_application(&old, &new).await?,
                        tx.move_application(&old, &late).await?,
                        tx.move_application(&old, &cancelled).await?,
                    ])
                })
            })
            .await;
        assert_eq!(moved, [true, false, false]);
    }
}

#[tokio::test]
async fn applications_are_listed_by_state_and_page() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let more = case
            .samples
            .application(&case.institution.id, EnteredBy::Applicant);
        let stored = more.clone();
        db.write(|tx| Box::pin(async move { tx.insert_application(&stored).await }))
            .await;
        let mut all = [case.application.clone(), more];
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let mut reader = db.reader().await;
        let page = reader.list_applications("submitted", None, 1).await;
        assert_eq!(page.unwrap(), all[..1]);
        let page = reader
            .list_applications("submitted", Some(&all[0].id), 9)
            .await;
        assert_eq!(page.unwrap(), all[1..]);
        let queued = reader.queued_applications("submitted", Some(&all[0].id), 9);
        let institution = case.institution.clone();
        assert_eq!(queued.await.unwrap(), [(all[1].clone(), institution)]);
        assert_eq!(
            reader.list_applications("examined", None, 9).await.unwrap(),
            []
        );
    }
}

#[tokio::test]
async fn sealing_secrets_are_listed_by_purpose_the_oldest_first() {
    for db in databases().await {
        let secret = |number| SealedSecret {
            number,
            sealed: vec![u8::try_from(number).unwrap(); 3],
        };
        db.write(move |tx| {
            Box::pin(async move {
                for number in [2, 1] {
                    tx.insert_sealing_secret("pepper", &secret(number), NOW)
                        .await?;
                }
                tx.insert_sealing_secret("cookie", &secret(1), NOW).await
            })
        })
        .await;
        let mut reader = db.reader().await;
        let peppers = reader.sealing_secrets("pepper").await.unwrap();
        assert_eq!(peppers, [secret(1), secret(2)]);
        assert_eq!(reader.sealing_secrets("cookie").await.unwrap(), [secret(1)]);
        assert_eq!(reader.sealing_secrets("other").await.unwrap(), []);
    }
}

#[tokio::test]
async fn one_ca_key_is_active_for_each_purpose() {
    for db in databases().await {
        let samples = Samples::new();
        let mut tls = samples.ca_key(CaKeyPurpose::Tls);
        tls.chain = None;
        tls.key_file = None;
        let old = samples.ca_key(CaKeyPurpose::Subscriber);
        let mut new = samples.ca_key(CaKeyPurpose::Subscriber);
        new.created_at = NOW.plus_seconds(1);
        let stored = [tls.clone(), old.clone(), new.clone()];
        let moved = db
            .write(|tx| {
                Box::pin(async move {
                    let [tls, old, new] = &stored;
                    tx.insert_ca_key(tls).await?;
                    tx.insert_ca_key(old).await?;
                    let (active, retired) = (CaKeyState::Active, CaKeyState::Retired);
                    let moved = [
                        tx.move_ca_key(&old.id, active, retired).await?,
                        tx.move_ca_key(&old.id, active, retired).await?,
                    ];
                    tx.insert_ca_key(new).await?;
                    Ok(moved)
                })
            })
            .await;
        assert_eq!(moved, [true, false]);
        let mut reader = db.reader().await;
        let active = reader.active_ca_key(CaKeyPurpose::Subscriber).await;
        assert_eq!(active.unwrap(), Some(new.clone()));
        let active = reader.active_ca_key(CaKeyPurpose::Tls).await;
        assert_eq!(active.unwrap(), Some(tls.clone()));
        assert_eq!(
            reader.active_ca_key(CaKeyPurpose::Root).await.unwrap(),
            None
        );
        let retired = reader.ca_key(&old.id).await.unwrap().unwrap();
        assert_eq!(retired.state, CaKeyState::Retired);
        let unknown = CaKeyId::generate(NOW, &samples.0);
        assert_eq!(reader.ca_key(&unknown).await.unwrap(), None);
        let all = reader.list_ca_keys().await.unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all.last(), Some(&new));
    }
}

#[tokio::test]
async fn a_service_uses_its_issued_certificate_that_ends_last() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let mut rows = Vec::new();
        for (days, issued) in [(10, true), (20, true), (30, false)] {
            let record = case.samples.intent(&case.ca_key, None);
            let fingerprint = case.samples.fingerprint();
            let service = ServiceCertificate {
                id: ServiceCertificateId::generate(NOW, &case.samples.0),
                kind: CertificateKind::TlsServer,
                name: "r1.localhost".to_owned(),
                serial: record.serial,
                sealed_key: vec![u8::try_from(days).unwrap()],
                not_after: NOW.plus_days(days),
                created_at: NOW,
            };
            rows.push(service.clone());
            db.write(move |tx| {
                Box::pin(async move {
                    tx.insert_intent(&record, b"tbs").await?;
                    tx.insert_service_certificate(&service).await?;
                    if issued {
                        tx.issue_certificate(&record.serial, &fingerprint, b"der")
                            .await?;
                    }
                    Ok(())
                })
            })
            .await;
        }
        let mut reader = db.reader().await;
        let kind = CertificateKind::TlsServer;
        let newest = reader
            .newest_service_certificate(kind, "r1.localhost", NOW)
            .await;
        let newest = newest.unwrap().unwrap();
        assert_eq!(newest.id, rows[1].id);
        assert_eq!(newest.serial, rows[1].serial);
        assert_eq!(newest.sealed_key, [20]);
        assert_eq!(newest.not_after, NOW.plus_days(20));
        assert_eq!(newest.der, b"der");
        let earlier = NOW.plus_days(-999);
        let none = reader
            .newest_service_certificate(kind, "r1.localhost", earlier)
            .await;
        assert_eq!(none.unwrap(), None);
        let other = reader
            .newest_service_certificate(kind, "r2.localhost", NOW)
            .await;
        assert_eq!(other.unwrap(), None);
        let kind = CertificateKind::OcspResponder;
        let other = reader
            .newest_service_certificate(kind, "r1.localhost", NOW)
            .await;
        assert_eq!(other.unwrap(), None);
    }
}
