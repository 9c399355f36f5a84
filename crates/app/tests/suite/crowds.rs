//! What anybody may begin and send in at the application site, who has shown nothing yet (`policy.application`).

use tegata_app::{EnteredContact, Refusal};
use tegata_domain::flow::ApplicationStep;
use tegata_domain::outbox::MailKind;

use crate::applications::{Desk, typed_contact, typed_institution};
use crate::world::{FORM_MAIL, World, default_worlds, ids, refusal, source, worlds};

/// Applies for this terminal, however many there are.
async fn apply<'w>(world: &'w World, terminal: &str) -> Desk<'w> {
    let desk = Desk::at_confirm(world, &[terminal]).await;
    desk.submit(3, true).await.unwrap();
    desk
}

#[tokio::test]
async fn a_source_that_began_its_number_waits_and_keeps_no_other() {
    for mut world in worlds().await {
        world.change_policy(|policy| {
            policy.application.begun_per_hour = 2;
            policy.application.sent_per_hour = 2;
        });
        world.restart().await;
        for _ in 0..2 {
            world.app.begin_application(source(1)).await.unwrap();
        }
        let third = refusal(world.app.begin_application(source(1)).await);
        assert!(matches!(third, Refusal::Crowded { .. }), "{third:?}");
        world.app.begin_application(source(2)).await.unwrap();
        world.advance(3_600);
        world.app.begin_application(source(1)).await.unwrap();
    }
}

#[tokio::test]
async fn what_could_not_be_sent_in_this_hour_is_sent_in_the_next() {
    for mut world in worlds().await {
        world.change_policy(|policy| policy.application.sent_per_hour = 1);
        world.restart().await;
        let first = apply(&world, "受付1").await;
        let second = Desk::at_confirm(&world, &["受付2"]).await;
        let crowded = refusal(second.submit(3, false).await);
        assert!(matches!(crowded, Refusal::Crowded { .. }), "{crowded:?}");
        // A repeated one is answered as before, and takes nothing.
        first.submit(3, true).await.unwrap();
        let page = second.page().await;
        assert_eq!(page.step, ApplicationStep::Confirm);
        assert_eq!(page.contact.terminals, ["受付2"]);

        world.advance(3_600);
        second.submit(3, false).await.unwrap();
        assert_eq!(world.audited("application.enter").await, 2);
    }
}

#[tokio::test]
async fn an_address_gets_its_number_of_mails_a_day_and_applications_are_taken_all_the_same() {
    for mut world in worlds().await {
        world.change_policy(|policy| policy.application.mails_per_day = 2);
        world.restart().await;
        let mut withheld = Vec::new();
        for terminal in ["受付1", "受付2", "受付3"] {
            let page = apply(&world, terminal).await.page().await;
            assert!(!page.numbers[0].inquiry_no.is_empty());
            withheld.push(page.is_mail_withheld);
        }
        assert_eq!(withheld, [false, false, true]);
        // The same mailbox in capitals is no other address.
        let desk = Desk::begin(&world).await;
        desk.enter_institution(typed_institution()).await.unwrap();
        let shouted = FORM_MAIL.replace("example", "EXAMPLE");
        let form = EnteredContact {
            mail: shouted.clone(),
            mail_confirmation: shouted,
            ..typed_contact(&["受付0"])
        };
        desk.enter_contact(form).await.unwrap();
        desk.submit(3, true).await.unwrap();
        assert!(desk.page().await.is_mail_withheld);
        assert_eq!(world.mails(MailKind::ApplicationReceived).await.len(), 2);
        assert_eq!(world.audited("application.enter").await, 4);

        world.advance(86_401);
        assert!(!apply(&world, "受付4").await.page().await.is_mail_withheld);
    }
}

#[tokio::test]
async fn a_number_that_somebody_waits_for_goes_before_what_others_sent_in() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        for terminal in ["受付1", "受付2", "受付3"] {
            apply(&world, terminal).await;
        }
        world.advance(60);
        let open = world
            .app
            .open_collection(ids(&posted), source(2), world.now());
        open.await.unwrap();
        let first = world.app.claim_mails(1).await.unwrap().remove(0);
        let code = &world.mails(MailKind::CollectionCode).await[0];
        assert!(first.message_id.contains(code.id.as_str()));
    }
}
