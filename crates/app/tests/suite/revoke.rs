//! `/p/rx`: on hold at once, ended by two operators, as before when it is lifted (decision F4).

use tegata_app::{FieldProblem, HolderStatus, Identity, KeyDestroyed, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::flow::FlowStep;
use tegata_domain::grant::GrantState;
use tegata_domain::operator::Role;
use tegata_domain::outbox::MailKind;
use tegata_domain::revocation::{Outcome, ReasonCode, RevocationState};
use tegata_pki::crl::ReasonCode as ListedReason;
use tegata_pki::ocsp::CertStatus;
use tegata_store::CaKeyPurpose;

use crate::status::{list_of, status_of};
use crate::world::{
    FORM_MAIL, MAIL, NOW, Posted, World, ids, refusal, revocation_form, source, visit, worlds,
};

async fn identity(world: &World, posted: &Posted) -> Identity {
    let certificate = world.certificate(posted).await;
    world
        .app
        .identify(Some(certificate.der()), source(9), world.now())
        .await
        .unwrap()
}

/// The entries of shard and complete list about the grant's certificate.
async fn listed(world: &World, posted: &Posted) -> Vec<Option<(i64, Option<ListedReason>)>> {
    let serial = world.record(posted).await.serial;
    let mut found = Vec::new();
    for list in ["0", "all"] {
        let list = list_of(world, CaKeyPurpose::Subscriber, list).await;
        found.push(
            list.find(serial.octets())
                .map(|entry| (entry.revoked_at, entry.reason)),
        );
    }
    found
}

#[tokio::test]
async fn the_hold_is_seen_by_everybody_at_once_and_the_lift_as_well() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        world.jobs().await;
        let certificate = world.certificate(&posted).await;
        assert_eq!(status_of(&world, &certificate).await, CertStatus::Good);
        world.advance(100);
        let held = world.now();
        let number = world.revoke(&posted, "disclosed").await;
        assert!(
            matches!(identity(&world, &posted).await, Identity::OnHold { at, .. } if at == held)
        );
        let hold = Some(ListedReason::CertificateHold);
        let expected = CertStatus::Revoked {
            at: held.unix(),
            reason: hold,
        };
        assert_eq!(status_of(&world, &certificate).await, expected);
        assert_eq!(world.jobs().await.lists, 2);
        assert_eq!(
            listed(&world, &posted).await,
            [Some((held.unix(), hold)); 2]
        );
        assert_eq!(
            world.open_refused(&posted).await,
            Refusal::OnHold {
                at: held,
                by_operator: false
            }
        );

        world.advance(100);
        world.finish(&number, Outcome::Lift).await;
        assert!(matches!(
            identity(&world, &posted).await,
            Identity::Holder { .. }
        ));
        assert_eq!(status_of(&world, &certificate).await, CertStatus::Good);
        assert_eq!(world.jobs().await.lists, 2);
        assert_eq!(listed(&world, &posted).await, [None, None]);
        world.collect(&posted).await;
        let mails = world.mails(MailKind::RevocationRefused).await;
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0].values["reason"], "called back");
    }
}

#[tokio::test]
async fn completion_revokes_with_the_holds_date_and_the_stated_reason_and_destroys_the_key() {
    let reasons = [
        (
            "lost",
            Some((ReasonCode::KeyCompromise, ListedReason::KeyCompromise)),
        ),
        (
            "closed",
            Some((
                ReasonCode::CessationOfOperation,
                ListedReason::CessationOfOperation,
            )),
        ),
        ("not_stated", None),
    ];
    for world in worlds().await {
        world.jobs().await;
        for (stated, reason) in reasons {
            let posted = world.posted().await;
            world.collect(&posted).await;
            let held = world.now();
            let number = world.revoke(&posted, stated).await;
            world.advance(1_000);
            world.finish(&number, Outcome::Complete).await;
            world.jobs().await;
            let state = world.certificate_state(&posted).await;
            let expected = CertificateState::Revoked {
                at: held,
                reason: reason.map(|(reason, _)| reason),
            };
            assert_eq!(state, expected);
            let on_list = Some((held.unix(), reason.map(|(_, listed)| listed)));
            assert_eq!(listed(&world, &posted).await, [on_list; 2]);
            assert!(
                matches!(identity(&world, &posted).await, Identity::Revoked { at, .. } if at == held)
            );
            let refused = world.open_refused(&posted).await;
            assert_eq!(refused, Refusal::Revoked { at: held });
            let again = world.open_revocation(&posted).await;
            let cookie = Some(again.cookie.as_str());
            let page = world
                .app
                .revocation_page(&again.flow, visit(cookie, source(1)))
                .await;
            let accepted = page.unwrap().accepted.unwrap();
            assert_eq!(
                (accepted.number, accepted.outcome),
                (number, Some(Outcome::Complete))
            );
            let mut reader = world.db.store.reader().await.unwrap();
            let serial = world.record(&posted).await.serial;
            let kept = reader.sealed_key(&serial).await.unwrap().unwrap();
            assert_eq!(kept.sealed, None);
            assert_eq!(
                kept.destroyed,
                Some((world.now(), KeyDestroyed::Revocation))
            );
        }
        assert_eq!(world.audited("key.destroy").await, reasons.len());
    }
}

#[tokio::test]
async fn each_step_is_mailed_once_to_both_addresses() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = world.revoke(&posted, "lost").await;
        world.finish(&number, Outcome::Complete).await;
        for kind in [MailKind::RevocationAccepted, MailKind::RevocationCompleted] {
            let mails = world.mails(kind).await;
            let mut to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
            to.sort_unstable();
            assert_eq!(to, [MAIL, FORM_MAIL], "{kind:?}");
            assert!(mails.iter().all(|mail| mail.values["number"] == number));
        }
        assert!(world.mails(MailKind::RevocationRefused).await.is_empty());
    }
}

#[tokio::test]
async fn one_address_gets_one_mail() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open_revocation(&posted).await;
        let mut form = revocation_form(1, "other");
        form.mail = MAIL.to_owned();
        form.confirmation = MAIL.to_owned();
        let cookie = Some(opened.cookie.as_str());
        world
            .app
            .enter_revocation(&opened.flow, visit(cookie, source(1)), form)
            .await
            .unwrap();
        world.submit(&opened).await.unwrap();
        assert_eq!(world.mails(MailKind::RevocationAccepted).await.len(), 1);
    }
}

#[tokio::test]
async fn ten_parallel_submissions_make_one_hold() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        let posts: Vec<_> = (0..10)
            .map(|_| {
                let (app, opened) = (world.app.clone(), opened.clone());
                tokio::spawn(async move {
                    let cookie = Some(opened.cookie.as_str());
                    app.submit_revocation(&opened.flow, visit(cookie, source(1)), 2, true, NOW)
                        .await
                })
            })
            .collect();
        for post in posts {
            post.await.unwrap().unwrap();
        }
        world.submit(&opened).await.unwrap();
        assert_eq!(world.db.count("revocation_request").await, 1);
        assert_eq!(world.mails(MailKind::RevocationAccepted).await.len(), 2);
        assert_eq!(world.audited("certificate.hold").await, 1);
    }
}

/// What was wrong: of two procedures that submitted at once, the loser was told "accepted" while it stayed at
/// RX-3, and a hold that met a first collection was lost without a word.
#[tokio::test]
async fn of_several_procedures_each_ends_at_the_one_request() {
    for world in worlds().await {
        for collected in [true, false] {
            let posted = world.posted().await;
            if collected {
                world.collect(&posted).await;
            }
            let mut opened = Vec::new();
            for _ in 0..4 {
                opened.push(world.confirmed_revocation(&posted, "lost").await);
            }
            let posts: Vec<_> = opened
                .iter()
                .map(|opened| {
                    let (app, opened) = (world.app.clone(), opened.clone());
                    tokio::spawn(async move {
                        let cookie = Some(opened.cookie.as_str());
                        app.submit_revocation(&opened.flow, visit(cookie, source(1)), 2, true, NOW)
                            .await
                    })
                })
                .collect();
            for post in posts {
                post.await.unwrap().unwrap();
            }
            let mut numbers = Vec::new();
            for opened in &opened {
                numbers.push(world.accepted_number(opened).await);
            }
            numbers.dedup();
            assert_eq!(numbers.len(), 1);
        }
        assert_eq!(world.db.count("revocation_request").await, 2);
    }
}

#[tokio::test]
async fn a_hold_that_meets_the_first_collection_is_never_lost() {
    for world in worlds().await {
        for _ in 0..10 {
            let posted = world.posted().await;
            let collecting = world.open(&posted).await;
            let stopping = world.confirmed_revocation(&posted, "lost").await;
            let (one, two) = (world.app.clone(), world.app.clone());
            let set = tokio::spawn(async move {
                let cookie = Some(collecting.cookie.as_str());
                let form = crate::world::password("1234", 1);
                one.set_password(&collecting.flow, visit(cookie, source(1)), form, NOW)
                    .await
            });
            let stop = tokio::spawn(async move {
                let cookie = Some(stopping.cookie.as_str());
                two.submit_revocation(&stopping.flow, visit(cookie, source(2)), 2, true, NOW)
                    .await
            });
            drop(set.await.unwrap());
            stop.await.unwrap().unwrap();
            let refused = world.open_refused(&posted).await;
            let stopped = [
                Refusal::OnHold {
                    at: NOW,
                    by_operator: false,
                },
                Refusal::Frozen { at: NOW },
            ];
            assert!(stopped.contains(&refused), "{refused}");
        }
    }
}

#[tokio::test]
async fn the_same_ids_lead_to_the_accepted_request_until_it_ends() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = world.revoke(&posted, "unused").await;
        let opened = world.open_revocation(&posted).await;
        let page = async |opened: &tegata_app::Opened| {
            let cookie = Some(opened.cookie.as_str());
            world
                .app
                .revocation_page(&opened.flow, visit(cookie, source(1)))
                .await
                .unwrap()
        };
        let shown = page(&opened).await;
        assert_eq!(shown.step, FlowStep::Done);
        let accepted = shown.accepted.unwrap();
        assert_eq!((accepted.number, accepted.outcome), (number.clone(), None));
        assert_eq!(accepted.masked_registered_mail, "c****@clinic.example");
        assert_eq!(shown.status, HolderStatus::InUse);
        world.finish(&number, Outcome::Lift).await;
        let accepted = page(&opened).await.accepted.unwrap();
        assert_eq!(accepted.outcome, Some(Outcome::Lift));
        let anew = world.open_revocation(&posted).await;
        assert_eq!(page(&anew).await.step, FlowStep::Form);
        assert_ne!(world.revoke(&posted, "unused").await, number);
    }
}

#[tokio::test]
async fn an_uncollected_grant_is_frozen_thawed_by_a_lift_and_ended_by_completion() {
    for world in worlds().await {
        let posted = world.posted().await;
        let number = world.revoke(&posted, "lost").await;
        assert!(matches!(
            world.grant_state(&posted).await,
            GrantState::Frozen { .. }
        ));
        assert_eq!(
            world.open_refused(&posted).await,
            Refusal::Frozen { at: NOW }
        );
        world.finish(&number, Outcome::Lift).await;
        assert_eq!(world.grant_state(&posted).await, GrantState::Posted);
        world.open(&posted).await;
        let number = world.revoke(&posted, "lost").await;
        world.finish(&number, Outcome::Complete).await;
        assert_eq!(
            world.grant_state(&posted).await,
            GrantState::Voided { at: NOW }
        );
        assert_eq!(
            world.open_refused(&posted).await,
            Refusal::Revoked { at: NOW }
        );
        assert_eq!(world.db.count("certificate").await, 0);
    }
}

#[tokio::test]
async fn a_lift_does_not_thaw_what_the_holder_froze_himself() {
    for world in worlds().await {
        for collected in [false, true] {
            let posted = world.posted().await;
            if collected {
                world.collect(&posted).await;
            }
            let opened = world.open(&posted).await;
            let cookie = Some(opened.cookie.as_str());
            let now = world.now();
            world
                .app
                .freeze(&opened.flow, visit(cookie, source(1)), 1, now)
                .await
                .unwrap();
            world.advance(1);
            let number = world.revoke(&posted, "lost").await;
            world.finish(&number, Outcome::Lift).await;
            assert_eq!(
                world.open_refused(&posted).await,
                Refusal::Frozen { at: now }
            );
        }
    }
}

#[tokio::test]
async fn a_frozen_certificate_can_be_put_on_hold_and_revoked() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let opened = world.open(&posted).await;
        let cookie = Some(opened.cookie.as_str());
        world
            .app
            .freeze(&opened.flow, visit(cookie, source(1)), 1, NOW)
            .await
            .unwrap();
        let number = world.revoke(&posted, "lost").await;
        assert!(matches!(
            identity(&world, &posted).await,
            Identity::OnHold { .. }
        ));
        world.finish(&number, Outcome::Complete).await;
        assert!(matches!(
            identity(&world, &posted).await,
            Identity::Revoked { .. }
        ));
    }
}

#[tokio::test]
async fn one_operator_ends_nothing_and_nobody_agrees_with_himself() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = world.revoke(&posted, "lost").await;
        let (app, people) = (&world.app, &world.people);
        let decide = async |outcome, by| {
            app.decide_revocation(&number, outcome, "note", by, NOW)
                .await
        };
        let proposed = decide(Outcome::Lift, &people.examiner).await.unwrap();
        assert!(matches!(proposed.state, RevocationState::Proposed { .. }));
        assert_eq!(
            refusal(decide(Outcome::Lift, &people.examiner).await),
            Refusal::SamePerson
        );
        let other = refusal(decide(Outcome::Complete, &people.approver).await);
        assert!(matches!(other, Refusal::State(_)));
        for by in [&people.intake, &people.dispatcher, &people.administrator] {
            assert_eq!(
                refusal(decide(Outcome::Lift, by).await),
                Refusal::NotAllowed
            );
        }
        assert_eq!(world.audited("refused").await, 5);
        assert_eq!(world.audited("revocation.end").await, 0);
        assert!(matches!(
            identity(&world, &posted).await,
            Identity::OnHold { .. }
        ));
        decide(Outcome::Lift, &people.approver).await.unwrap();
        let ended = refusal(decide(Outcome::Lift, &people.approver).await);
        assert!(matches!(ended, Refusal::State(_)));
        let unknown = app
            .decide_revocation("R00-0000000", Outcome::Lift, "", &people.examiner, NOW)
            .await;
        assert_eq!(refusal(unknown), Refusal::NotFound);
    }
}

#[tokio::test]
async fn a_proposal_can_be_taken_back_and_another_one_made() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = world.revoke(&posted, "lost").await;
        let (app, people) = (&world.app, &world.people);
        app.decide_revocation(&number, Outcome::Complete, "", &people.examiner, NOW)
            .await
            .unwrap();
        let not_allowed = app.withdraw_decision(&number, &people.intake, NOW).await;
        assert_eq!(refusal(not_allowed), Refusal::NotAllowed);
        app.withdraw_decision(&number, &people.approver, NOW)
            .await
            .unwrap();
        app.withdraw_decision(&number, &people.approver, NOW)
            .await
            .unwrap();
        assert_eq!(world.audited("revocation.withdraw").await, 1);
        world.finish(&number, Outcome::Lift).await;
        assert!(matches!(
            identity(&world, &posted).await,
            Identity::Holder { .. }
        ));
        let ended = app.withdraw_decision(&number, &people.approver, NOW).await;
        assert!(matches!(refusal(ended), Refusal::State(_)));
    }
}

#[tokio::test]
async fn two_confirmations_at_once_end_a_request_once() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = world.revoke(&posted, "lost").await;
        let third = world.operator("second-approver", Role::Approver).await;
        let (app, people) = (&world.app, &world.people);
        let complete = |by| app.decide_revocation(&number, Outcome::Complete, "", by, NOW);
        complete(&people.examiner).await.unwrap();
        let both = tokio::join!(complete(&people.approver), complete(&third));
        assert!(both.0.is_ok() != both.1.is_ok());
        assert_eq!(world.mails(MailKind::RevocationCompleted).await.len(), 2);
        assert_eq!(world.audited("revocation.end").await, 1);
    }
}

#[tokio::test]
async fn a_form_with_mistakes_names_each_of_them_and_stores_nothing() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open_revocation(&posted).await;
        let cookie = Some(opened.cookie.as_str());
        let enter = async |mail: &str, confirmation: &str, reason: &str| {
            let form = tegata_app::RevocationForm {
                version: 1,
                mail: mail.to_owned(),
                confirmation: confirmation.to_owned(),
                reason: reason.to_owned(),
                newer: String::new(),
            };
            refusal(
                world
                    .app
                    .enter_revocation(&opened.flow, visit(cookie, source(1)), form)
                    .await,
            )
        };
        let cases = [
            (
                "a@b.example",
                "c@b.example",
                "lost",
                FieldProblem::MailsDiffer,
            ),
            ("a", "a", "lost", FieldProblem::MailInvalid),
            (
                "a@b\r\nBcc: x@y.example",
                "",
                "lost",
                FieldProblem::MailInvalid,
            ),
            (
                "a@b.example",
                "a@b.example",
                "whim",
                FieldProblem::ReasonUnknown,
            ),
        ];
        for (mail, confirmation, reason, problem) in cases {
            let refused = enter(mail, confirmation, reason).await;
            assert_eq!(refused, Refusal::Fields(vec![problem]));
        }
        let page = world
            .app
            .revocation_page(&opened.flow, visit(cookie, source(1)))
            .await
            .unwrap();
        assert_eq!((page.step, page.version), (FlowStep::Form, 1));
        assert!(page.entered.is_none());
    }
}

#[tokio::test]
async fn nothing_is_stopped_without_the_tick() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        let submitted = world
            .app
            .submit_revocation(
                &opened.flow,
                visit(Some(&opened.cookie), source(1)),
                2,
                false,
                NOW,
            )
            .await;
        let expected = Refusal::Fields(vec![FieldProblem::NotConfirmed]);
        assert_eq!(refusal(submitted), expected);
        assert_eq!(world.db.count("revocation_request").await, 0);
        world.submit(&opened).await.unwrap();
    }
}

#[tokio::test]
async fn an_expired_certificate_needs_no_request() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let not_after = posted.grant.not_after;
        world.advance(not_after.seconds_since(NOW));
        let opened = world.confirmed_revocation(&posted, "lost").await;
        world.advance(1);
        let expired = Refusal::Expired { not_after };
        assert_eq!(refusal(world.submit(&opened).await), expired);
        let late = world
            .app
            .open_revocation(ids(&posted), source(1), world.now())
            .await;
        assert_eq!(refusal(late), expired);
    }
}

#[tokio::test]
async fn a_procedure_begun_before_the_revocation_learns_that_it_is_done() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        let number = world.revoke(&posted, "closed").await;
        world.finish(&number, Outcome::Complete).await;
        let revoked = Refusal::Revoked { at: NOW };
        assert_eq!(refusal(world.submit(&opened).await), revoked);
        assert_eq!(world.db.count("revocation_request").await, 1);
    }
}

#[tokio::test]
async fn a_restart_between_any_two_steps_changes_nothing() {
    for mut world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        world.restart().await;
        world.submit(&opened).await.unwrap();
        world.restart().await;
        let number = world.accepted_number(&opened).await;
        let (people, now) = (&world.people, world.now());
        world
            .app
            .decide_revocation(&number, Outcome::Lift, "called back", &people.examiner, now)
            .await
            .unwrap();
        world.restart().await;
        world
            .app
            .decide_revocation(
                &number,
                Outcome::Lift,
                "called back",
                &world.people.approver,
                now,
            )
            .await
            .unwrap();
        assert!(matches!(
            identity(&world, &posted).await,
            Identity::Holder { .. }
        ));
    }
}
