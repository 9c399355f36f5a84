//! Applicants, their numbers and their procedures.

use tegata_domain::applicant::{Applicant, ApplicationNumber, Contact};
use tegata_domain::application::{CertificateApplication, EnteredBy};
use tegata_domain::flow::{ApplicationFlow, ApplicationStep};
use tegata_domain::id::FlowId;
use tegata_domain::institution::{MailAddress, TerminalName};

use crate::databases::{Database, databases};
use crate::samples::{Case, NOW};

fn applicant(number: u64) -> Applicant {
    Applicant {
        number: ApplicationNumber::new(2027, number),
        contact: Contact {
            department: Some("医事課".to_owned()),
            person: "見本花子".to_owned(),
            telephone: "000-000-0000".to_owned(),
            second_mail: MailAddress::parse("spare@clinic.example"),
        },
        inquiry: (vec![7; 32], 3),
        due: None,
    }
}

/// An application from the web with the applicant, stored.
async fn stored(db: &Database, case: &Case, number: u64) -> (CertificateApplication, Applicant) {
    let application = case
        .samples
        .application(&case.institution.id, EnteredBy::Applicant);
    let pair = (application.clone(), applicant(number));
    db.write(move |tx| {
        Box::pin(async move {
            tx.insert_application(&pair.0).await?;
            tx.insert_applicant(&pair.0.id, &pair.1).await
        })
    })
    .await;
    (application, applicant(number))
}

fn flow(case: &Case) -> ApplicationFlow {
    ApplicationFlow {
        id: FlowId::generate(&case.samples.0),
        application: None,
        step: ApplicationStep::Institution,
        version: 1,
        answered: None,
        entered: "{}".to_owned(),
        created_at: NOW,
        expires_at: NOW.plus_seconds(7_200),
    }
}

#[tokio::test]
async fn an_applicant_is_found_by_application_and_by_number() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let (application, wanted) = stored(&db, &case, 1).await;
        let mut reader = db.reader().await;
        let found = reader.applicant(&application.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&wanted));
        let found = reader.applicant_by_number(&wanted.number).await.unwrap();
        assert_eq!(found, Some((application.id, wanted)));
        let on_paper = reader.applicant(&case.application.id).await.unwrap();
        assert_eq!(on_paper, None);
        let unknown = ApplicationNumber::new(2027, 2);
        let found = reader.applicant_by_number(&unknown).await.unwrap();
        assert_eq!(found, None);
    }
}

#[tokio::test]
async fn no_number_is_given_twice() {
    for db in databases().await {
        let case = Case::store(&db).await;
        stored(&db, &case, 1).await;
        let other = case
            .samples
            .application(&case.institution.id, EnteredBy::Applicant);
        let rule = db
            .refused(|tx| {
                Box::pin(async move {
                    tx.insert_application(&other).await?;
                    tx.insert_applicant(&other.id, &applicant(1)).await
                })
            })
            .await;
        assert_eq!(rule, "applicant_number");
    }
}

#[tokio::test]
async fn a_correction_changes_the_contact_and_ends_its_last_day() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let (application, before) = stored(&db, &case, 1).await;
        let due = NOW.japan_date().plus_days(14);
        let (id, paper) = (application.id.clone(), case.application.id.clone());
        let set = db
            .write(move |tx| {
                Box::pin(async move {
                    Ok([tx.set_due(&id, due).await?, tx.set_due(&paper, due).await?])
                })
            })
            .await;
        assert_eq!(set, [true, false]);
        let waiting = db.reader().await.applicant(&application.id).await.unwrap();
        let waiting = waiting.unwrap();
        assert_eq!(waiting.due, Some(due));
        let contact = Contact {
            department: None,
            person: "見本太郎".to_owned(),
            second_mail: None,
            ..before.contact.clone()
        };
        let (id, new) = (application.id.clone(), contact.clone());
        let changed = db
            .write(move |tx| Box::pin(async move { tx.change_contact(&id, &new).await }))
            .await;
        assert!(changed);
        let read = db.reader().await.applicant(&application.id).await.unwrap();
        assert_eq!(read, Some(Applicant { contact, ..before }));
    }
}

#[tokio::test]
async fn the_newest_application_for_a_terminal_that_still_counts_is_found() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let (institution, terminal) = (&case.institution.id, &case.application.terminal);
        let (newest, _) = stored(&db, &case, 1).await;
        let found = |db: &Database, name: TerminalName| {
            let institution = institution.clone();
            let store = db.store.clone();
            async move {
                let mut reader = store.reader().await.unwrap();
                let found = reader
                    .application_for_terminal(&institution, &name, None)
                    .await;
                found.unwrap().map(|application| application.id)
            }
        };
        assert_eq!(found(&db, terminal.clone()).await, Some(newest.id.clone()));
        let other = TerminalName::parse("別の端末").unwrap();
        assert_eq!(found(&db, other).await, None);
        let cancelled = newest.clone().cancel(NOW).unwrap();
        let moved = db
            .write(move |tx| {
                Box::pin(async move { tx.move_application(&newest, &cancelled).await })
            })
            .await;
        assert!(moved);
        let earlier = Some(case.application.id.clone());
        assert_eq!(found(&db, terminal.clone()).await, earlier);
    }
}

#[tokio::test]
async fn a_procedure_of_an_applicant_takes_each_step_once_and_is_deleted_after_its_end() {
    for db in databases().await {
        let case = Case::store(&db).await;
        let start = flow(&case);
        let asking = ApplicationFlow {
            id: FlowId::generate(&case.samples.0),
            application: Some(case.application.id.clone()),
            step: ApplicationStep::Inquiry,
            ..start.clone()
        };
        let end = NOW.plus_seconds(9_000);
        let flows = (start.clone(), asking.clone());
        let moved = db
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_application_flow(&flows.0).await?;
                    tx.insert_application_flow(&flows.1).await?;
                    let mut moved = Vec::new();
                    for version in [0, 1, 1, 3] {
                        let step = ApplicationStep::Contact;
                        let did = tx
                            .move_application_flow(
                                &flows.0.id,
                                version,
                                step,
                                r#"{"a":1}"#,
                                &[7; 32],
                                end,
                            )
                            .await?;
                        moved.push(did);
                    }
                    Ok(moved)
                })
            })
            .await;
        assert_eq!(moved, [false, true, false, false]);
        let mut reader = db.reader().await;
        let expected = ApplicationFlow {
            step: ApplicationStep::Contact,
            version: 2,
            answered: Some([7; 32]),
            entered: r#"{"a":1}"#.to_owned(),
            expires_at: end,
            ..start.clone()
        };
        let read = reader.application_flow(&start.id).await.unwrap();
        assert_eq!(read, Some(expected));
        let read = reader.application_flow(&asking.id).await.unwrap();
        assert_eq!(read, Some(asking.clone()));
        drop(reader);

        let deleted = db
            .write(move |tx| {
                Box::pin(async move {
                    let before = [asking.expires_at, end, end.plus_seconds(1)];
                    let mut deleted = Vec::new();
                    for before in before {
                        deleted.push(tx.delete_application_flows_before(before, 9).await?);
                    }
                    Ok(deleted)
                })
            })
            .await;
        assert_eq!(deleted, [0, 1, 1]);
        let read = db.reader().await.application_flow(&start.id).await;
        assert_eq!(read.unwrap(), None);
    }
}
