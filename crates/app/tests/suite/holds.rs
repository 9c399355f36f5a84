//! Holds without a request of the holder, and requests above the hourly rate (decision F4).

use tegata_app::{ActRefusal, Opened, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::operator::Role;
use tegata_domain::outbox::MailKind;
use tegata_domain::revocation::{Outcome, StatedReason};

use crate::database::sqlite;
use crate::world::{MAIL, NOW, Posted, World, policy, refusal, source, visit, worlds, worlds_with};

/// Worlds in which two requests of holders stop something in an hour, and no more.
async fn slow_worlds() -> Vec<World> {
    let mut policy = policy();
    policy.hold.rate_per_hour = 2;
    let worlds = worlds_with(policy).await;
    for world in &worlds {
        for _ in 0..2 {
            let posted = world.posted().await;
            world.revoke(&posted, "lost").await;
        }
    }
    worlds
}

/// A collected certificate whose holder asks for a hold above the rate.
async fn queued(world: &World) -> (Posted, Opened) {
    let posted = world.posted().await;
    world.collect(&posted).await;
    let opened = world.confirmed_revocation(&posted, "lost").await;
    world.submit(&opened).await.unwrap();
    (posted, opened)
}

async fn number_in_queue(world: &World) -> String {
    let open = world.app.list_revocations().await.unwrap();
    let mut waiting = open.into_iter().filter(|request| request.is_queued());
    waiting.next().unwrap().number
}

#[tokio::test]
async fn the_help_desk_stops_a_certificate_at_once_and_two_others_end_it() {
    for world in worlds().await {
        let desk = world.operator("desk", Role::HelpDesk).await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let request = &posted.grant.request_id;
        let held = world
            .app
            .hold_by_operator(request, StatedReason::Lost, "電話、盗難", &desk, NOW)
            .await
            .unwrap();
        assert!(held.is_by_operator());
        assert_eq!(held.held_at, Some(NOW));
        let on_hold = CertificateState::OnHold { at: NOW };
        assert_eq!(world.certificate_state(&posted).await, on_hold);
        let mails = world.mails(MailKind::RevocationAccepted).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), MAIL);
        let twice = world
            .app
            .hold_by_operator(request, StatedReason::Lost, "again", &desk, NOW)
            .await;
        assert!(matches!(
            refusal(twice),
            Refusal::Act(ActRefusal::OpenRequest { .. })
        ));
        let (at, by_operator) = (NOW, true);
        let told = Refusal::OnHold { at, by_operator };
        assert_eq!(world.open_refused(&posted).await, told);
        let ids = crate::world::ids(&posted);
        let opened = world.app.open_revocation(ids, source(1), NOW).await;
        assert_eq!(refusal(opened), told);
        world.finish(&held.number, Outcome::Lift).await;
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
        assert_eq!(world.audited("certificate.hold").await, 1);
        assert_eq!(world.mails(MailKind::HoldLifted).await.len(), 1);
        assert!(world.mails(MailKind::RevocationRefused).await.is_empty());
    }
}

#[tokio::test]
async fn an_operator_freezes_what_was_never_collected() {
    for world in worlds().await {
        let posted = world.posted().await;
        let by = &world.people.approver;
        let reason = StatedReason::Other;
        world
            .app
            .hold_by_operator(&posted.grant.request_id, reason, "通知書盗難", by, NOW)
            .await
            .unwrap();
        let state = world.grant_state(&posted).await;
        assert!(matches!(state, GrantState::Frozen { .. }));
    }
}

/// The registered address is nobody's who only has the IDs.
#[tokio::test]
async fn a_procedure_that_met_an_operators_hold_shows_nothing_of_it() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        let (request, by) = (&posted.grant.request_id, &world.people.examiner);
        world
            .app
            .hold_by_operator(request, StatedReason::Lost, "電話", by, NOW)
            .await
            .unwrap();
        world.submit(&opened).await.unwrap();
        let cookie = Some(opened.cookie.as_str());
        let page = world
            .app
            .revocation_page(&opened.flow, visit(cookie, source(1)))
            .await;
        let (at, by_operator) = (NOW, true);
        assert_eq!(refusal(page), Refusal::OnHold { at, by_operator });
    }
}

#[tokio::test]
async fn who_may_not_hold_is_refused_and_recorded() {
    for world in worlds().await {
        let posted = world.posted().await;
        let people = &world.people;
        for by in [&people.dispatcher, &people.intake, &people.administrator] {
            let request = &posted.grant.request_id;
            let held = world
                .app
                .hold_by_operator(request, StatedReason::Lost, "x", by, NOW)
                .await;
            assert_eq!(refusal(held), Refusal::NotAllowed);
        }
        assert_eq!(world.audited("refused").await, 3);
    }
}

#[tokio::test]
async fn above_the_rate_a_request_queues_and_stops_nothing_yet() {
    for world in slow_worlds().await {
        let (posted, opened) = queued(&world).await;
        let page = world
            .app
            .revocation_page(&opened.flow, visit(Some(&opened.cookie), source(1)))
            .await;
        assert_eq!(refusal(page), Refusal::HoldsQueue);
        assert_eq!(world.db.count("revocation_request").await, 3);
        assert_eq!(world.mails(MailKind::RevocationAccepted).await.len(), 4);
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
        assert_eq!(world.audited("revocation.queue").await, 1);
        let again = world.confirmed_revocation(&posted, "lost").await;
        world.submit(&again).await.unwrap();
        assert_eq!(world.db.count("revocation_request").await, 3);
        assert_eq!(world.audited("revocation.queue").await, 1);
    }
}

#[tokio::test]
async fn an_operator_stops_what_queues_and_the_mails_go_out_then() {
    for world in slow_worlds().await {
        let (posted, _) = queued(&world).await;
        let number = number_in_queue(&world).await;
        world.advance(60);
        let (by, now) = (&world.people.examiner, world.now());
        let held = world.app.hold_queued(&number, by, now).await.unwrap();
        assert_eq!((held.submitted_at, held.held_at), (NOW, Some(now)));
        let on_hold = CertificateState::OnHold { at: now };
        assert_eq!(world.certificate_state(&posted).await, on_hold);
        assert_eq!(world.mails(MailKind::RevocationAccepted).await.len(), 6);
        let again = world.app.hold_queued(&number, by, now).await;
        assert!(matches!(
            refusal(again),
            Refusal::Act(ActRefusal::NotQueued)
        ));
        world.finish(&number, Outcome::Complete).await;
        let revoked = world.certificate_state(&posted).await;
        assert!(matches!(revoked, CertificateState::Revoked { at, .. } if at == now));
    }
}

#[tokio::test]
async fn the_holder_who_asks_again_in_a_calmer_hour_is_stopped_at_once() {
    for world in slow_worlds().await {
        let (posted, _) = queued(&world).await;
        let number = number_in_queue(&world).await;
        world.advance(3_601);
        let opened = world.confirmed_revocation(&posted, "lost").await;
        world.submit(&opened).await.unwrap();
        assert_eq!(world.accepted_number(&opened).await, number);
        let held = world.certificate_state(&posted).await;
        assert_eq!(held, CertificateState::OnHold { at: world.now() });
    }
}

#[tokio::test]
async fn two_operators_refuse_what_queues_without_stopping_anything() {
    for world in slow_worlds().await {
        let (posted, _) = queued(&world).await;
        world
            .finish(&number_in_queue(&world).await, Outcome::Lift)
            .await;
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
        assert_eq!(world.mails(MailKind::RevocationRefused).await.len(), 2);
        assert!(
            world
                .app
                .list_revocations()
                .await
                .unwrap()
                .iter()
                .all(|one| !one.is_queued())
        );
    }
}

#[tokio::test]
async fn two_operators_revoke_what_queues_from_that_moment() {
    for world in slow_worlds().await {
        let (posted, _) = queued(&world).await;
        let number = number_in_queue(&world).await;
        world.advance(60);
        world.finish(&number, Outcome::Complete).await;
        let revoked = world.certificate_state(&posted).await;
        let now = world.now();
        assert!(matches!(revoked, CertificateState::Revoked { at, .. } if at == now));
        let mails = world.mails(MailKind::RevocationCompleted).await;
        assert_eq!(mails[0].values["revoked_at"], now.to_string());
    }
}

#[tokio::test]
async fn t41_what_somebody_proposed_who_left_ends_no_hold() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = world.revoke(&posted, "lost").await;
        let (people, app) = (&world.people, &world.app);
        let decide = |by| app.decide_revocation(&number, Outcome::Lift, "x", by, NOW);
        let leaver = world.operator("leaver", Role::Examiner).await;
        decide(&leaver).await.unwrap();
        let closed = format!(
            "update operator set disabled_at = 1 where id = '{}'",
            leaver.id
        );
        world.db.run(&closed).await;
        assert!(matches!(
            refusal(decide(&people.approver).await),
            Refusal::Act(ActRefusal::ProposerLeft)
        ));
        let held = world.certificate_state(&posted).await;
        assert!(matches!(held, CertificateState::OnHold { .. }));
        app.withdraw_decision(&number, &people.approver, NOW)
            .await
            .unwrap();
        world.finish(&number, Outcome::Lift).await;
    }
}

#[tokio::test]
async fn what_queued_until_its_certificate_expired_can_be_completed() {
    for world in slow_worlds().await {
        let (posted, _) = queued(&world).await;
        let number = number_in_queue(&world).await;
        world.go_to(posted.grant.not_after.plus_seconds(1));
        world.finish(&number, Outcome::Complete).await;
        let revoked = world.certificate_state(&posted).await;
        assert!(matches!(revoked, CertificateState::Revoked { .. }));
    }
}

#[tokio::test]
async fn a_hold_is_lifted_with_a_reason_that_its_holder_can_read() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = world.revoke(&posted, "lost").await;
        let (by, app) = (&world.people.examiner, &world.app);
        let lift = |note| app.decide_revocation(&number, Outcome::Lift, note, by, NOW);
        assert!(matches!(
            refusal(lift(" ").await),
            Refusal::Act(ActRefusal::ReasonMissing)
        ));
        assert!(matches!(
            refusal(lift("a\u{7}").await),
            Refusal::Act(ActRefusal::ReasonControl)
        ));
    }
}

#[tokio::test]
async fn holds_by_operators_do_not_use_up_the_rate_of_the_holders() {
    let mut policy = policy();
    policy.hold.rate_per_hour = 1;
    let world = World::begin(sqlite().await, policy).await;
    let (a, b) = (world.posted().await, world.posted().await);
    let by = &world.people.examiner;
    world
        .app
        .hold_by_operator(&a.grant.request_id, StatedReason::Lost, "x", by, NOW)
        .await
        .unwrap();
    world.revoke(&b, "lost").await;
    let open = world.app.list_revocations().await.unwrap();
    assert!(open.iter().all(|request| !request.is_queued()));
}

#[tokio::test]
async fn a_letter_that_is_stopped_before_the_post_leaves_the_queue_and_its_clear_text_is_dropped() {
    for world in worlds().await {
        let grant = world.approved().await;
        let (app, people) = (&world.app, &world.people);
        let (request, reason) = (&grant.request_id, StatedReason::Closed);
        let held = app
            .hold_by_operator(request, reason, "廃業", &people.approver, NOW)
            .await
            .unwrap();
        assert!(app.letters_to_print(None, 9).await.unwrap().is_empty());
        assert_eq!(world.db.count("letter_secret").await, 1);
        world.finish(&held.number, Outcome::Complete).await;
        assert_eq!(world.db.count("letter_secret").await, 0);
        assert_eq!(world.audited("letter.forget").await, 1);
        assert!(app.letters_to_print(None, 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_operator_and_the_holder_at_once_make_one_request() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        let (request, by) = (&posted.grant.request_id, &world.people.approver);
        let reason = StatedReason::Lost;
        let (holder, operator) = tokio::join!(
            world.submit(&opened),
            world.app.hold_by_operator(request, reason, "電話", by, NOW),
        );
        holder.unwrap();
        if let Err(error) = operator {
            assert!(matches!(
                refusal::<()>(Err(error)),
                Refusal::Act(ActRefusal::OpenRequest { .. })
            ));
        }
        assert_eq!(world.db.count("revocation_request").await, 1);
        assert_eq!(world.audited("certificate.hold").await, 1);
        let held = world.certificate_state(&posted).await;
        assert_eq!(held, CertificateState::OnHold { at: NOW });
    }
}
