//! What two operators change after approval: new IDs, window, key, freeze, address (decisions D4, F8, I2, K2).

use std::collections::BTreeSet;

use tegata_app::{ActRefusal, Identity, KeyDestroyed, Opened, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::id::SerialNumber;
use tegata_domain::institution::MailAddress;
use tegata_domain::operator::{Act, Operator, Role};
use tegata_domain::outbox::MailKind;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::Outcome;
use tegata_domain::time::CalendarDate;

use crate::world::{MAIL, NOW, Posted, World, refusal, source, visit, worlds};

async fn by_two(world: &World, act: ProposedAct) {
    let people = &world.people;
    let persons: [&Operator; 2] = [&people.examiner, &people.approver];
    world.done_by_two(act, persons).await;
}

/// Why an act is refused when it is proposed.
async fn refused(world: &World, act: ProposedAct) -> Refusal {
    let (by, now) = (&world.people.examiner, world.now());
    refusal(world.app.propose(act, "x", by, now).await)
}

fn new_reference(of: &Posted) -> ProposedAct {
    ProposedAct::NewReference {
        request: of.grant.request_id.clone(),
    }
}

fn reopen(of: &Posted) -> ProposedAct {
    ProposedAct::Reopen {
        request: of.grant.request_id.clone(),
    }
}

fn unfreeze(of: &Posted) -> ProposedAct {
    ProposedAct::Unfreeze {
        request: of.grant.request_id.clone(),
    }
}

fn extend(requests: &[&RequestId], until: CalendarDate) -> ProposedAct {
    ProposedAct::ExtendWindow {
        requests: requests.iter().copied().cloned().collect(),
        until,
    }
}

async fn collected(world: &World) -> Posted {
    let posted = world.posted().await;
    world.collect(&posted).await;
    posted
}

/// The new letter is printed and posted.
async fn reissued(world: &World, of: &Posted) -> Posted {
    let (request, by) = (&of.grant.request_id, &world.people.dispatcher);
    let reference = world.printed(request).await.reference_id;
    let posted = world.app.post_letter(request, Some("12"), by, world.now());
    let grant = posted.await.unwrap();
    Posted { grant, reference }
}

async fn open_revocation(world: &World, posted: &Posted) -> Result<Opened, tegata_app::Error> {
    let ids = crate::world::ids(posted);
    world.app.open_revocation(ids, source(1), world.now()).await
}

#[tokio::test]
async fn a_lost_letter_before_the_collection_gets_new_ids_and_the_old_ones_die_at_once() {
    for world in worlds().await {
        let lost = world.posted().await;
        let begun = world.open(&lost).await;
        by_two(&world, new_reference(&lost)).await;
        assert_eq!(world.grant_state(&lost).await, GrantState::Approved);
        assert_eq!(world.open_refused(&lost).await, Refusal::WrongIds);
        let page = world
            .app
            .collection_page(
                &begun.flow,
                visit(Some(&begun.cookie), source(1)),
                world.now(),
            )
            .await;
        assert_eq!(refusal(page), Refusal::FlowEnded);
        let letter = world.printed(&lost.grant.request_id).await;
        let reissue = letter.reissue.unwrap();
        assert_eq!((reissue.number, reissue.collected), (1, false));
        assert_eq!(reissue.on, NOW.japan_date());
        let unposted = Posted {
            grant: lost.grant.clone(),
            reference: letter.reference_id,
        };
        assert_eq!(world.open_refused(&unposted).await, Refusal::WrongIds);
        let new = reissued(&world, &lost).await;
        assert_ne!(new.reference.expose(), lost.reference.expose());
        assert_eq!(new.grant.request_id, lost.grant.request_id);
        world.collect(&new).await;
        assert_eq!(world.open_refused(&lost).await, Refusal::WrongIds);
        let mails = world.mails(MailKind::LetterReissued).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].values["tracking"], "12");
        assert!(!mails[0].values.contains_key("collected"));
        assert_eq!(world.audited("grant.reissue").await, 1);
    }
}

#[tokio::test]
async fn a_letter_lost_after_the_collection_gets_an_id_that_only_stops_the_certificate() {
    for world in worlds().await {
        let lost = collected(&world).await;
        by_two(&world, new_reference(&lost)).await;
        let old = open_revocation(&world, &lost).await;
        assert_eq!(refusal(old), Refusal::WrongIds);
        let letter = world.printed(&lost.grant.request_id).await;
        assert!(letter.reissue.unwrap().collected);
        let new = reissued(&world, &lost).await;
        assert!(matches!(new.grant.state, GrantState::Collected { .. }));
        assert_eq!(world.open_refused(&new).await, Refusal::WrongIds);
        assert_eq!(
            world.certificate_state(&new).await,
            CertificateState::Issued
        );
        world.revoke(&new, "lost").await;
        let held = world.certificate_state(&new).await;
        assert!(matches!(held, CertificateState::OnHold { .. }));
        let mails = world.mails(MailKind::LetterReissued).await;
        assert_eq!(mails[0].values["collected"], "yes");
    }
}

/// What only the dead ID opened is of no use to anybody.
#[tokio::test]
async fn the_kept_key_is_destroyed_with_the_id_that_opened_it() {
    for world in worlds().await {
        let lost = collected(&world).await;
        let serial = world.record(&lost).await.serial;
        by_two(&world, new_reference(&lost)).await;
        let mut reader = world.db.store.reader().await.unwrap();
        let key = reader.sealed_key(&serial).await.unwrap().unwrap();
        assert_eq!(key.destroyed, Some((NOW, KeyDestroyed::Request)));
    }
}

#[tokio::test]
async fn each_further_letter_counts() {
    for world in worlds().await {
        let mut letter = world.posted().await;
        for number in 1..=2 {
            by_two(&world, new_reference(&letter)).await;
            let printed = world.printed(&letter.grant.request_id).await;
            assert_eq!(printed.reissue.unwrap().number, number);
            letter = reissued(&world, &letter).await;
            world.advance(1);
        }
    }
}

#[tokio::test]
async fn a_letter_that_was_too_old_to_print_is_a_first_letter_with_new_ids() {
    for world in worlds().await {
        let grant = world.approved().await;
        world.advance(15 * 86_400);
        world.jobs().await;
        let release = ProposedAct::ReleaseLetters {
            requests: BTreeSet::from([grant.request_id.clone()]),
        };
        let by = &world.people.dispatcher;
        let too_old = world.app.propose(release, "x", by, world.now()).await;
        assert!(matches!(
            refusal(too_old),
            Refusal::Act(ActRefusal::ClearTextGone { .. })
        ));
        let request = grant.request_id.clone();
        by_two(&world, ProposedAct::NewReference { request }).await;
        let printed = world.printed(&grant.request_id).await;
        assert_eq!(printed.reissue, None);
        world
            .app
            .post_letter(&grant.request_id, None, by, world.now())
            .await
            .unwrap();
        assert_eq!(world.mails(MailKind::LetterPosted).await.len(), 1);
        assert!(world.mails(MailKind::LetterReissued).await.is_empty());
    }
}

#[tokio::test]
async fn a_letter_that_came_back_goes_out_with_new_ids() {
    for world in worlds().await {
        let back = world.posted().await;
        let by = &world.people.dispatcher;
        world
            .app
            .letter_returned(&back.grant.request_id, by, NOW)
            .await
            .unwrap();
        by_two(&world, new_reference(&back)).await;
        let new = reissued(&world, &back).await;
        assert_eq!(new.grant.state, GrantState::Posted);
        world.collect(&new).await;
        assert_eq!(world.mails(MailKind::LetterReissued).await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_frozen_or_ended_gets_no_new_ids() {
    for world in worlds().await {
        let posted = collected(&world).await;
        let number = world.revoke(&posted, "lost").await;
        world.finish(&number, Outcome::Complete).await;
        let told = refused(&world, new_reference(&posted)).await;
        assert!(matches!(told, Refusal::Revoked { .. }));
        let frozen = world.posted().await;
        world.revoke(&frozen, "lost").await;
        let told = refused(&world, new_reference(&frozen)).await;
        assert!(matches!(told, Refusal::Frozen { .. }));
        let expired = world.posted().await;
        world.advance(40 * 31 * 86_400);
        let told = refused(&world, new_reference(&expired)).await;
        assert!(matches!(told, Refusal::Expired { .. }));
    }
}

#[tokio::test]
async fn two_operators_extend_a_batch_and_each_holder_is_told() {
    for world in worlds().await {
        let (a, b) = (world.posted().await, world.posted().await);
        let last = NOW.japan_date().plus_days(365);
        let requests = [&a.grant.request_id, &b.grant.request_id];
        by_two(&world, extend(&requests, last)).await;
        for posted in [&a, &b] {
            assert_eq!(world.grant(posted).await.window_end, last.end());
        }
        let mails = world.mails(MailKind::WindowExtended).await;
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0].values["window_end"], last.end().to_string());
        assert_eq!(world.audited("grant.extend").await, 2);
        let until = |days: i64| (a.grant.window_end, NOW.plus_days(days));
        let (before, inside) = until(364);
        assert!(before < inside);
        world.clock.set(inside);
        world.system.set(inside);
        world.collect(&a).await;
    }
}

#[tokio::test]
async fn no_window_is_extended_beyond_365_days_after_approval_or_made_shorter() {
    for world in worlds().await {
        let posted = world.posted().await;
        let request = &posted.grant.request_id;
        let approved = NOW.japan_date();
        let end = posted.grant.window_end.japan_date();
        for until in [approved.plus_days(366), end, end.plus_days(-1)] {
            let told = refused(&world, extend(&[request], until)).await;
            assert!(
                matches!(
                    told,
                    Refusal::Act(
                        ActRefusal::WindowTooLate { .. } | ActRefusal::WindowTooEarly { .. }
                    )
                ),
                "{until}"
            );
        }
        by_two(&world, extend(&[request], end.plus_days(1))).await;
    }
}

/// Two persons extend, and a third one before them: then look again.
#[tokio::test]
async fn what_cannot_be_done_any_more_is_refused_at_the_confirmation_and_stays_open() {
    for world in worlds().await {
        let posted = world.posted().await;
        let (app, people) = (&world.app, &world.people);
        let act = reopen(&posted);
        let early = app.propose(act.clone(), "x", &people.examiner, NOW).await;
        assert!(matches!(
            refusal(early),
            Refusal::Act(ActRefusal::NothingCollected)
        ));
        world.collect(&posted).await;
        let open = app.propose(act, "x", &people.examiner, NOW).await.unwrap();
        let number = world.revoke(&posted, "lost").await;
        let confirmed = app.confirm_proposal(&open.id, &people.approver, NOW).await;
        assert!(matches!(
            refusal(confirmed),
            Refusal::Act(ActRefusal::CertificateState { state: "on_hold" })
        ));
        assert_eq!(app.proposal(&open.id).await.unwrap(), open);
        world.finish(&number, Outcome::Lift).await;
        app.confirm_proposal(&open.id, &people.approver, NOW)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_reopened_grant_is_collected_with_another_key_and_both_certificates_are_stopped_by_a_hold()
 {
    for world in worlds().await {
        let posted = collected(&world).await;
        let old = world.record(&posted).await.serial;
        by_two(&world, reopen(&posted)).await;
        assert_eq!(world.grant_state(&posted).await, GrantState::Posted);
        assert_eq!(status(&world, old).await, CertificateState::Issued);
        world.advance(60);
        world.collect(&posted).await;
        let new = world.record(&posted).await.serial;
        assert_ne!(old, new);
        assert_eq!(world.mails(MailKind::Collected).await.len(), 2);
        let number = world.revoke(&posted, "lost").await;
        let on_hold = CertificateState::OnHold { at: world.now() };
        for serial in [old, new] {
            assert_eq!(status(&world, serial).await, on_hold);
        }
        world.finish(&number, Outcome::Lift).await;
        for serial in [old, new] {
            assert_eq!(status(&world, serial).await, CertificateState::Issued);
        }
        let number = world.revoke(&posted, "lost").await;
        world.finish(&number, Outcome::Complete).await;
        for serial in [old, new] {
            let state = status(&world, serial).await;
            assert!(matches!(state, CertificateState::Revoked { .. }));
        }
    }
}

#[tokio::test]
async fn a_hold_between_reopening_and_collection_stops_the_old_certificate_too() {
    for world in worlds().await {
        let posted = collected(&world).await;
        let old = world.record(&posted).await.serial;
        by_two(&world, reopen(&posted)).await;
        let number = world.revoke(&posted, "lost").await;
        let held = status(&world, old).await;
        assert!(matches!(held, CertificateState::OnHold { .. }));
        let frozen = world.grant_state(&posted).await;
        assert!(matches!(frozen, GrantState::Frozen { .. }));
        world.finish(&number, Outcome::Complete).await;
        let ended = status(&world, old).await;
        assert!(matches!(ended, CertificateState::Revoked { .. }));
        let state = world.grant_state(&posted).await;
        assert!(matches!(state, GrantState::Voided { .. }));
    }
}

#[tokio::test]
async fn the_old_certificate_is_superseded_once_the_new_one_is_seen_in_use_and_not_before() {
    for world in worlds().await {
        let posted = collected(&world).await;
        let old = world.record(&posted).await.serial;
        present(&world, old).await;
        by_two(&world, reopen(&posted)).await;
        present(&world, old).await;
        assert_eq!(world.grant_state(&posted).await, GrantState::Posted);
        world.advance(60);
        world.collect(&posted).await;
        let new = world.record(&posted).await.serial;
        present(&world, old).await;
        assert_eq!(status(&world, old).await, CertificateState::Issued);
        let state = world.grant_state(&posted).await;
        assert!(matches!(state, GrantState::Collected { .. }));
        present(&world, new).await;
        let (serial, at) = (new, world.now());
        assert_eq!(
            world.grant_state(&posted).await,
            GrantState::SeenInUse { serial, at }
        );
        assert_eq!(
            status(&world, old).await,
            CertificateState::Superseded { at }
        );
        assert_eq!(status(&world, new).await, CertificateState::Issued);
        assert_eq!(world.audited("certificate.seen").await, 2);
        assert_eq!(world.audited("certificate.supersede").await, 1);
    }
}

#[tokio::test]
async fn nothing_is_reopened_after_its_window() {
    for world in worlds().await {
        let posted = collected(&world).await;
        world.advance(181 * 86_400);
        let told = refused(&world, reopen(&posted)).await;
        assert!(matches!(told, Refusal::Act(ActRefusal::WindowOver)));
        let last = posted.grant.approved_at.japan_date().plus_days(200);
        by_two(&world, extend(&[&posted.grant.request_id], last)).await;
        by_two(&world, reopen(&posted)).await;
        world.collect(&posted).await;
    }
}

#[tokio::test]
async fn after_a_reissue_for_revocation_only_a_reopened_grant_needs_new_ids_again() {
    for world in worlds().await {
        let lost = collected(&world).await;
        by_two(&world, new_reference(&lost)).await;
        let only_stops = reissued(&world, &lost).await;
        by_two(&world, reopen(&lost)).await;
        assert_eq!(world.open_refused(&only_stops).await, Refusal::WrongIds);
        world.advance(1);
        by_two(&world, new_reference(&lost)).await;
        let new = reissued(&world, &lost).await;
        world.collect(&new).await;
    }
}

#[tokio::test]
async fn a_frozen_grant_goes_on_after_two_operators_called_back() {
    for world in worlds().await {
        let posted = collected(&world).await;
        freeze(&world, &posted).await;
        let refused = world.open_refused(&posted).await;
        assert!(matches!(refused, Refusal::Frozen { .. }));
        by_two(&world, unfreeze(&posted)).await;
        world.collect(&posted).await;
        let mails = world.mails(MailKind::HoldLifted).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), MAIL);
        assert_eq!(world.audited("grant.unfreeze").await, 1);
    }
}

#[tokio::test]
async fn a_freeze_by_a_request_ends_with_that_request_only() {
    for world in worlds().await {
        let posted = world.posted().await;
        let number = world.revoke(&posted, "lost").await;
        let told = refused(&world, unfreeze(&posted)).await;
        assert!(
            matches!(told, Refusal::Act(ActRefusal::OpenRequest { number: open }) if open == number)
        );
        let fresh = world.posted().await;
        let told = refused(&world, unfreeze(&fresh)).await;
        assert!(matches!(told, Refusal::State(_)));
    }
}

#[tokio::test]
async fn another_address_gets_every_later_mail() {
    for world in worlds().await {
        let posted = world.posted().await;
        let mail = MailAddress::parse("new@clinic.example").unwrap();
        let act = ProposedAct::ChangeMail {
            request: posted.grant.request_id.clone(),
            mail: mail.clone(),
        };
        let people = &world.people;
        world
            .done_by_two(act.clone(), [&people.intake, &people.examiner])
            .await;
        world.collect(&posted).await;
        let mails = world.mails(MailKind::Collected).await;
        assert_eq!(mails[0].to, mail);
        let told = refused(&world, act).await;
        assert!(matches!(told, Refusal::Act(ActRefusal::SameAddress)));
        for row in world.audit().await {
            assert!(!row.detail.contains(mail.as_str()));
        }
    }
}

#[tokio::test]
async fn the_help_desk_proposes_for_a_caller_and_confirms_nothing() {
    for world in worlds().await {
        let desk = world.operator("desk", Role::HelpDesk).await;
        let (app, people) = (&world.app, &world.people);
        let posted = world.posted().await;
        let act = new_reference(&posted);
        let open = app.propose(act, "lost", &desk, NOW).await.unwrap();
        let second = world.operator("desk2", Role::HelpDesk).await;
        let confirmed = app.confirm_proposal(&open.id, &second, NOW).await;
        assert_eq!(refusal(confirmed), Refusal::NotAllowed);
        app.confirm_proposal(&open.id, &people.examiner, NOW)
            .await
            .unwrap();
    }
}

async fn freeze(world: &World, posted: &Posted) {
    let opened = world.open(posted).await;
    let version = world.version(&opened).await;
    world
        .app
        .freeze(
            &opened.flow,
            visit(Some(&opened.cookie), source(1)),
            version,
            world.now(),
        )
        .await
        .unwrap();
}

/// A TLS client shows its certificate.
async fn present(world: &World, serial: SerialNumber) {
    let der = world.app.certificate_der(&serial).await.unwrap();
    let now = world.now();
    let shown = world.app.identify(der.as_deref(), source(1), now).await;
    assert!(matches!(shown.unwrap(), Identity::Holder { .. }));
}

async fn status(world: &World, serial: SerialNumber) -> CertificateState {
    let mut reader = world.db.store.reader().await.unwrap();
    reader.certificate(&serial).await.unwrap().unwrap().state
}

/// Whoever proved the old ID just before makes no key that the new ID cannot open.
#[tokio::test]
async fn a_collection_that_meets_a_reissue_ends_or_comes_before_it() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let (app, people) = (&world.app, &world.people);
        let act = new_reference(&posted);
        let open = app
            .propose(act, "lost", &people.examiner, NOW)
            .await
            .unwrap();
        let cookie = Some(opened.cookie.as_str());
        let form = crate::world::password(crate::world::PASSWORD, 1);
        let (collected, confirmed) = tokio::join!(
            app.set_password(&opened.flow, visit(cookie, source(1)), form, NOW),
            app.confirm_proposal(&open.id, &people.approver, NOW),
        );
        if confirmed.is_err() {
            app.confirm_proposal(&open.id, &people.approver, NOW)
                .await
                .unwrap();
        }
        let printed = world.printed(&posted.grant.request_id).await;
        let has_key = world.grant_state(&posted).await.serial().is_some();
        assert_eq!(printed.reissue.unwrap().collected, has_key);
        if !has_key {
            assert!(collected.is_err());
            let new = reissued(&world, &posted).await;
            world.collect(&new).await;
        }
    }
}

#[tokio::test]
async fn only_what_may_come_of_an_act_is_possible() {
    const ACTS: [Act; 6] = [
        Act::ExtendWindow,
        Act::Hold,
        Act::NewReference,
        Act::Reopen,
        Act::SendAgain,
        Act::Unfreeze,
    ];
    for world in worlds().await {
        let posted = world.posted().await;
        let request = &posted.grant.request_id;
        let possible = async || {
            let mut possible = Vec::new();
            for act in ACTS {
                let asked = world.app.is_possible(act, request, world.now());
                if asked.await.unwrap() {
                    possible.push(act);
                }
            }
            possible
        };
        use Act::{ExtendWindow, Hold, NewReference, Reopen, SendAgain};
        let uncollected = [ExtendWindow, Hold, NewReference, SendAgain];
        assert_eq!(possible().await, uncollected);
        world.collect(&posted).await;
        let collected = [ExtendWindow, Hold, NewReference, Reopen];
        assert_eq!(possible().await, collected);
        let number = world.revoke(&posted, "lost").await;
        assert_eq!(possible().await, [ExtendWindow, NewReference]);
        world.finish(&number, Outcome::Complete).await;
        assert_eq!(possible().await, []);
    }
}
