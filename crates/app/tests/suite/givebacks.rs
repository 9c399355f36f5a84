//! 差戻し and 却下 (decision F2).

use tegata_app::{ActRefusal, Refusal};
use tegata_domain::application::ApplicationState;
use tegata_domain::outbox::MailKind;

use crate::world::{MAIL, NOW, refusal, worlds};

#[tokio::test]
async fn a_returned_application_tells_the_applicant_why_and_until_when() {
    for world in worlds().await {
        let entered = world.entered().await;
        let (app, by) = (&world.app, &world.people.examiner);
        let due = NOW.japan_date().plus_days(14);
        let returned = app
            .return_application(&entered.id, "端末名称等をご確認ください。", due, by, NOW)
            .await
            .unwrap();
        assert!(matches!(returned.state, ApplicationState::Returned { .. }));
        let mails = world.mails(MailKind::ApplicationReturned).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), MAIL);
        assert_eq!(mails[0].values["reason"], "端末名称等をご確認ください。");
        assert_eq!(mails[0].values["due"], due.to_string());
        assert_eq!(world.audited("application.return").await, 1);
        let again = app
            .return_application(&entered.id, "again", due, by, NOW)
            .await;
        assert!(matches!(refusal(again), Refusal::State(_)));
    }
}

#[tokio::test]
async fn an_application_is_rejected_by_the_examiner_or_once_examined_by_the_approver() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let (a, b) = (world.entered().await, world.entered().await);
        app.examine_application(&b.id, &people.examiner, NOW)
            .await
            .unwrap();
        let reason = "台帳にない医療機関です。";
        for (id, wrong, right) in [
            (&a.id, &people.approver, &people.examiner),
            (&b.id, &people.examiner, &people.approver),
        ] {
            let refused = app.reject_application(id, reason, wrong, NOW).await;
            assert_eq!(refusal(refused), Refusal::NotAllowed);
            let rejected = app.reject_application(id, reason, right, NOW).await;
            let ApplicationState::Rejected {
                by, reason: kept, ..
            } = rejected.unwrap().state
            else {
                panic!()
            };
            assert_eq!((by, kept.as_str()), (right.id.clone(), reason));
        }
        assert_eq!(world.mails(MailKind::ApplicationRejected).await.len(), 2);
        assert_eq!(world.audited("application.reject").await, 2);
        assert_eq!(world.audited("refused").await, 2);
    }
}

#[tokio::test]
async fn a_returned_application_that_nobody_corrects_can_be_rejected() {
    for world in worlds().await {
        let entered = world.entered().await;
        let (app, by) = (&world.app, &world.people.examiner);
        let due = NOW.japan_date();
        app.return_application(&entered.id, "x", due, by, NOW)
            .await
            .unwrap();
        app.reject_application(&entered.id, "y", by, NOW)
            .await
            .unwrap();
        let again = app.reject_application(&entered.id, "y", by, NOW).await;
        assert!(matches!(refusal(again), Refusal::State(_)));
    }
}

#[tokio::test]
async fn a_reason_and_a_day_that_is_not_over_are_needed() {
    for world in worlds().await {
        let entered = world.entered().await;
        let (app, by) = (&world.app, &world.people.examiner);
        let today = NOW.japan_date();
        for (reason, due) in [("", today), ("x", today.plus_days(-1)), ("\u{7}", today)] {
            let returned = app
                .return_application(&entered.id, reason, due, by, NOW)
                .await;
            assert!(matches!(
                refusal(returned),
                Refusal::Act(
                    ActRefusal::DueOver | ActRefusal::ReasonMissing | ActRefusal::ReasonControl
                )
            ));
        }
        assert!(world.mails(MailKind::ApplicationReturned).await.is_empty());
    }
}
