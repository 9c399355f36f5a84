//! 更新 (F3, D1, D2): what the holder of a certificate gets, when, and what becomes of the old one.

use std::collections::BTreeSet;

use tegata_app::{Error, Identity, Refusal, TypedIds};
use tegata_domain::certificate::CertificateState;
use tegata_domain::issuance::RequestStatus;
use tegata_domain::outbox::MailKind;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::revocation::Outcome;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;

use crate::cards::Card;
use crate::world::{World, refusal, source, worlds};

#[tokio::test]
async fn renewal_opens_at_midnight_90_days_before_the_end_and_not_a_second_earlier() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let opens = world.now();
        assert_eq!(opens.japan_date().start(), opens);
        let last = posted.grant.not_after.japan_date();
        assert_eq!(opens.japan_date().days_until(last), 90);
        world.go_to(opens.plus_seconds(-1));
        let early = refusal(world.begin_renewal(&card).await);
        assert_eq!(early, Refusal::RenewalNotOpen { opens });
        world.go_to(opens);
        world.begin_renewal(&card).await.unwrap();
    }
}

#[tokio::test]
async fn a_renewal_is_accepted_in_the_last_second_and_not_after_it() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let not_after = posted.grant.not_after;
        world.go_to(not_after.plus_seconds(-60));
        let (in_time, late) = (
            world.begin_renewal(&card).await.unwrap(),
            world.begin_renewal(&card).await.unwrap(),
        );
        world.go_to(not_after.plus_seconds(1));
        let refused = refusal(world.submit_renewal(&late, &card).await);
        assert_eq!(refused, Refusal::Expired { not_after });
        world.go_to(not_after);
        world.submit_renewal(&in_time, &card).await.unwrap();
    }
}

#[tokio::test]
async fn f9_above_the_hourly_rate_nothing_is_accepted_until_the_hour_is_over() {
    for mut world in worlds().await {
        world.change_policy(|policy| policy.renewal.rate_per_hour = 1);
        world.restart().await;
        let another = world.posted().await;
        world.collect(&another).await;
        let second = Card::of(&world.certificate(&another).await);
        let (_, first) = world.renewable().await;
        world.renew(&first).await;
        let flow = world.begin_renewal(&second).await.unwrap();
        let accepted = world.audited("renewal.accept").await;
        let refused = refusal(world.submit_renewal(&flow, &second).await);
        assert_eq!(refused, Refusal::RenewalsPaused);
        assert_eq!(world.audited("renewal.accept").await, accepted);
        assert_eq!(world.standing(&second).await, RenewalStanding::Open);
        world.advance(3_600);
        let late = refusal(world.submit_renewal(&flow, &second).await);
        assert_eq!(late, Refusal::RenewalsPaused, "the hour's last second");
        world.advance(1);
        world.submit_renewal(&flow, &second).await.unwrap();
    }
}

#[tokio::test]
async fn the_newer_certificate_counts_from_the_acceptance_and_has_another_key() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let accepted_at = world.now();
        let renewed = world.renew(&card).await;
        assert_eq!(renewed.renewal.status, RequestStatus::Issued);
        let old = world.certificate(&posted).await;
        let file = world.retrieve(&card, &renewed).await;
        let new = Certificate::from_der(&file.chain[0]).unwrap();
        assert_eq!(new.subject(), old.subject());
        assert_ne!(
            new.public_key().spki_sha256(),
            old.public_key().spki_sha256()
        );
        let end = accepted_at.plus_months(39).plus_seconds(-1);
        assert_eq!(new.not_after(), end.unix());
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued,
            "the old one stays in force"
        );
        assert_eq!(world.mails(MailKind::RenewalAccepted).await.len(), 1);
    }
}

#[tokio::test]
async fn the_state_line_follows_the_renewal_to_its_use() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        assert_eq!(world.standing(&card).await, RenewalStanding::Open);
        let renewed = world.renew(&card).await;
        assert_eq!(world.standing(&card).await, RenewalStanding::Accepted);
        world.retrieve(&card, &renewed).await;
        assert_eq!(world.standing(&card).await, RenewalStanding::Collected);
        let new = world.new_card(&renewed).await;
        assert!(matches!(
            world.standing(&new).await,
            RenewalStanding::Early { .. }
        ));
        assert_eq!(world.standing(&card).await, RenewalStanding::Replaced);
        let again = refusal(world.begin_renewal(&card).await);
        assert_eq!(again, Refusal::RenewedBefore);
    }
}

#[tokio::test]
async fn the_kept_key_is_destroyed_once_the_newer_certificate_is_seen() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        world.retrieve(&card, &renewed).await;
        let new = world.new_card(&renewed).await;
        world.present(&new).await;
        let request = &renewed.renewal.request_id;
        let again = world
            .app
            .open_retrieval(request, card.fingerprint, source(1), world.now())
            .await;
        assert!(matches!(refusal(again), Refusal::KeyDestroyed { .. }));
    }
}

#[tokio::test]
async fn a_repeated_application_is_the_first_one() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        world.submit_renewal(&renewed.flow, &card).await.unwrap();
        let (renewals, _) = world.app.list_renewals(card.fingerprint).await.unwrap();
        assert_eq!(renewals.len(), 1);
        assert_eq!(world.mails(MailKind::RenewalAccepted).await.len(), 1);
    }
}

#[tokio::test]
async fn two_tabs_that_renew_at_once_make_one_renewal() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let mut flows = Vec::new();
        for _ in 0..4 {
            flows.push(world.begin_renewal(&card).await.unwrap());
        }
        let mut posts = Vec::new();
        for flow in flows {
            let (app, now, presented) = (world.app.clone(), world.now(), card.fingerprint);
            posts.push(tokio::spawn(async move {
                app.accept_renewal(&flow, 1, presented, source(1), now)
                    .await
            }));
        }
        let mut accepted = 0;
        for post in posts {
            match post.await.unwrap() {
                Ok(()) => accepted += 1,
                Err(error) => assert!(
                    matches!(error, Error::Refused(Refusal::RenewedBefore)),
                    "{error}"
                ),
            }
        }
        assert_eq!(accepted, 1);
        let (renewals, _) = world.app.list_renewals(card.fingerprint).await.unwrap();
        assert_eq!(renewals.len(), 1);
    }
}

#[tokio::test]
async fn another_certificate_cannot_take_part_in_a_renewal() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let other = world.posted().await;
        world.collect(&other).await;
        let other = Card::of(&world.certificate(&other).await);
        let flow = world.begin_renewal(&card).await.unwrap();
        let mixed = refusal(world.submit_renewal(&flow, &other).await);
        assert_eq!(mixed, Refusal::OtherCertificate);
        let shown = world.app.other_holder(&flow, other.fingerprint).await;
        assert!(shown.unwrap().first.is_some(), "of the same institution");
        let (renewals, _) = world.app.list_renewals(card.fingerprint).await.unwrap();
        assert!(renewals.is_empty());
    }
}

#[tokio::test]
async fn a_certificate_on_hold_or_revoked_is_not_renewed() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let flow = world.begin_renewal(&card).await.unwrap();
        let number = world.revoke(&posted, "lost").await;
        let held = refusal(world.submit_renewal(&flow, &card).await);
        assert!(matches!(held, Refusal::OnHold { .. }));
        world.finish(&number, Outcome::Complete).await;
        let revoked = refusal(world.submit_renewal(&flow, &card).await);
        assert!(matches!(revoked, Refusal::Revoked { .. }));
    }
}

#[tokio::test]
async fn renewal_ids_retrieve_for_30_days_after_the_old_end() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let ids = world.as_posted(&renewed).await;
        let end = posted.grant.not_after.japan_date().plus_days(30).end();
        assert_eq!(ids.grant.window_end, end);
        world.go_to(end);
        let file = world.collect(&ids).await;
        let new = Certificate::from_der(&file.chain[0]).unwrap();
        assert_eq!(new.not_after(), ids.grant.not_after.unix());
        world.go_to(end.plus_seconds(1));
        let late = world.open_refused(&ids).await;
        assert!(matches!(late, Refusal::WindowEnded { .. }));
    }
}

#[tokio::test]
async fn a_key_that_is_not_kept_any_more_is_replaced_and_the_older_one_superseded_in_use() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        world.retrieve(&card, &renewed).await;
        let first = world.new_card(&renewed).await;
        world.jobs().await;
        world.advance(8 * 86_400);
        assert_eq!(world.jobs().await.keys, 1);
        world.retrieve(&card, &renewed).await;
        let second = world.new_card(&renewed).await;
        assert_ne!(first.fingerprint, second.fingerprint);
        assert!(matches!(
            world.present(&first).await,
            Identity::Holder { .. }
        ));
        world.present(&second).await;
        assert!(matches!(
            world.present(&first).await,
            Identity::Revoked { .. }
        ));
    }
}

#[tokio::test]
async fn the_reference_id_of_a_renewal_is_shown_for_a_day() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let receipt = world
            .app
            .renewal_receipt(&renewed.flow, card.fingerprint, world.now())
            .await;
        assert!(receipt.unwrap().unwrap().starts_with(b"%PDF"));
        world.clock.advance(86_401);
        world.system.advance(61);
        world.jobs().await;
        let page = world
            .app
            .renewal_page(&renewed.flow, card.fingerprint, world.now());
        let accepted = page.await.unwrap().accepted.unwrap();
        assert!(accepted.reference_id.is_none());
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_renewed_again() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let mut serials = BTreeSet::new();
        let mut card = card;
        for _ in 0..2 {
            let renewed = world.renew(&card).await;
            world.retrieve(&card, &renewed).await;
            let new = world.new_card(&renewed).await;
            world.present(&new).await;
            serials.insert(new.der.clone());
            let opens = world.opens(&new).await;
            world.go_to(opens);
            card = new;
        }
        assert_eq!(serials.len(), 2);
        let (renewals, _) = world.app.list_renewals(card.fingerprint).await.unwrap();
        assert_eq!(renewals.len(), 2);
        assert!(!renewals.iter().any(|renewal| renewal.is_next));
    }
}

#[tokio::test]
async fn the_ids_of_a_renewal_also_stop_its_certificate() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let posted = world.as_posted(&renewed).await;
        world.revoke(&posted, "lost").await;
        assert!(matches!(
            world.certificate_state(&posted).await,
            CertificateState::OnHold { .. }
        ));
        let ids = TypedIds {
            request: Some(posted.grant.request_id.clone()),
            reference: Some(posted.reference.clone()),
        };
        let stopped = world.app.open_collection(ids, source(1), world.now()).await;
        assert!(matches!(refusal(stopped), Refusal::OnHold { .. }));
    }
}

/// Leaves every renewal as one whose certificate was given up at this instant.
async fn give_up_certificates(world: &World, at: Timestamp) {
    world
        .db
        .run(&format!(
            "update certificate set state = 'void', state_at = {at}, fingerprint = null
            where grant_id in (select id from issue_grant where kind = 'renewal');
            update issue_grant set state = 'posted', serial = null, state_at = null
            where kind = 'renewal'",
            at = at.unix()
        ))
        .await;
}

#[tokio::test]
async fn a_renewal_that_cannot_be_issued_is_tried_again_after_a_day_and_not_at_once() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        world.renew(&card).await;
        give_up_certificates(&world, world.now()).await;
        world.advance(86_400);
        assert_eq!(world.jobs().await.renewals, 0);
        world.advance(1);
        assert_eq!(world.jobs().await.renewals, 1);
    }
}

#[tokio::test]
async fn a_renewal_that_cannot_be_issued_keeps_no_other_waiting() {
    for world in worlds().await {
        let another = world.posted().await;
        world.collect(&another).await;
        let second = Card::of(&world.certificate(&another).await);
        let (_, first) = world.renewable().await;
        let broken = world.renew(&first).await.renewal.request_id;
        world.advance(1);
        world.renew(&second).await;
        give_up_certificates(&world, Timestamp::from_unix(1)).await;
        world
            .db
            .run(&format!(
                "update issue_grant set class = 'gone' where request_id = '{broken}'"
            ))
            .await;
        world.advance(60);
        assert_eq!(world.jobs().await.renewals, 1);
    }
}
