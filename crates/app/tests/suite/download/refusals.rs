//! What stands in the way of a collection: a freeze, a changed institution, the end of the CA, an ID for something
//! else.

use tegata_app::Refusal;
use tegata_domain::grant::GrantState;
use tegata_domain::outbox::MailKind;
use tegata_domain::policy::Policy;

use crate::database::sqlite;
use crate::world::{
    NOW, PASSWORD, Posted, World, ids, password, policy, refusal, source, visit, worlds,
};

#[tokio::test]
async fn a_refused_right_pair_is_shown_and_mailed_once_a_minute() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.advance(posted.grant.window_end.seconds_since(NOW) + 1);
        for _ in 0..3 {
            world.open_refused(&posted).await;
        }
        assert_eq!(world.mails(MailKind::CollectionRefused).await.len(), 1);
        world.advance(60);
        world.open_refused(&posted).await;
        assert_eq!(world.mails(MailKind::CollectionRefused).await.len(), 2);
        assert_eq!(world.audited("certificate.collect.refused").await, 2);
    }
}

#[tokio::test]
async fn a_frozen_grant_gives_nothing_in_any_procedure() {
    for world in worlds().await {
        let posted = world.posted().await;
        let (owner, thief) = (world.open(&posted).await, world.open(&posted).await);
        let cookie = world.set_password(&thief, PASSWORD).await;
        let (app, flow) = (&world.app, &owner.flow);
        app.freeze(flow, visit(Some(&owner.cookie), source(1)), 1, NOW)
            .await
            .unwrap();
        let frozen = Refusal::Frozen { at: NOW };
        let download = app
            .download(&thief.flow, visit(Some(&cookie), source(2)), 2, NOW)
            .await;
        assert_eq!(refusal(download), frozen);
        assert_eq!(world.open_refused(&posted).await, frozen);
        let page = app
            .collection_page(flow, visit(Some(&owner.cookie), source(1)), NOW)
            .await
            .unwrap();
        assert_eq!(page.step, tegata_domain::flow::FlowStep::Done);
        app.freeze(flow, visit(Some(&owner.cookie), source(1)), 1, NOW)
            .await
            .unwrap();
        app.freeze(&thief.flow, visit(Some(&cookie), source(2)), 2, NOW)
            .await
            .unwrap();
        assert_eq!(world.mails(MailKind::GrantFrozen).await.len(), 1);
        assert_eq!(world.audited("grant.freeze").await, 1);
    }
}

#[tokio::test]
async fn a_freeze_and_a_first_collection_at_once_end_frozen_without_an_error() {
    for world in worlds().await {
        let posted = world.posted().await;
        let (owner, thief) = (world.open(&posted).await, world.open(&posted).await);
        let (one, two) = (world.app.clone(), world.app.clone());
        let freeze = tokio::spawn(async move {
            one.freeze(&owner.flow, visit(Some(&owner.cookie), source(1)), 1, NOW)
                .await
        });
        let set = tokio::spawn(async move {
            let cookie = Some(thief.cookie.as_str());
            two.set_password(
                &thief.flow,
                visit(cookie, source(2)),
                password(PASSWORD, 1),
                NOW,
            )
            .await
        });
        freeze.await.unwrap().unwrap();
        if let Err(error) = set.await.unwrap() {
            assert!(error.to_string().contains("stopped"), "{error}");
        }
        assert!(matches!(
            world.grant_state(&posted).await,
            GrantState::Frozen { .. }
        ));
    }
}

#[tokio::test]
async fn a_changed_institution_stops_the_first_collection() {
    for world in worlds().await {
        let posted = world.posted().await;
        world
            .db
            .run("update institution set code = '0110113719'")
            .await;
        let opened = world.open(&posted).await;
        let set = world
            .app
            .set_password(
                &opened.flow,
                visit(Some(&opened.cookie), source(1)),
                password(PASSWORD, 1),
                NOW,
            )
            .await;
        assert!(matches!(refusal(set), Refusal::State(_)));
        assert_eq!(world.db.count("sealed_key").await, 0);
    }
}

#[tokio::test]
async fn a_certificate_never_outlives_its_ca() {
    let policy = Policy {
        ca: tegata_domain::policy::CaPolicy {
            years: 3,
            ..policy().ca
        },
        ..policy()
    };
    let world = World::begin(sqlite().await, policy).await;
    let posted = world.posted().await;
    let opened = world.open(&posted).await;
    let form = password(PASSWORD, 1);
    let set = world
        .app
        .set_password(
            &opened.flow,
            visit(Some(&opened.cookie), source(1)),
            form,
            NOW,
        )
        .await;
    assert!(matches!(refusal(set), Refusal::State(_)));
    assert_eq!(world.db.count("certificate").await, 0);
}

#[tokio::test]
async fn letters_of_other_grants_open_only_their_own() {
    for world in worlds().await {
        let (one, two) = (world.posted().await, world.posted().await);
        let crossed = Posted {
            grant: one.grant.clone(),
            reference: two.reference.clone(),
        };
        let opened = world
            .app
            .open_collection(ids(&crossed), source(1), NOW)
            .await;
        assert_eq!(refusal(opened), Refusal::WrongIds);
        assert_ne!(
            world.collect(&one).await.chain[0],
            world.collect(&two).await.chain[0]
        );
    }
}

/// I7: the ID that replaces a lost letter's after the collection is good for revocation only.
#[tokio::test]
async fn a_reference_id_for_revocation_only_collects_nothing() {
    for world in worlds().await {
        let posted = world.posted().await;
        world
            .db
            .run("update reference_id set scope = 'revocation_only'")
            .await;
        assert_eq!(world.open_refused(&posted).await, Refusal::WrongIds);
        assert_eq!(world.db.count("flow").await, 0);
        world.revoke(&posted, "lost").await;
    }
}

#[tokio::test]
async fn no_collection_is_recorded_after_a_hold() {
    let world = World::begin(sqlite().await, policy()).await;
    for round in 0..40 {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let (collecting, stopping) = (
            world.open(&posted).await,
            world.confirmed_revocation(&posted, "lost").await,
        );
        let cookie = world.set_password(&collecting, PASSWORD).await;
        let (one, two) = (world.app.clone(), world.app.clone());
        let download = tokio::spawn(async move {
            one.download(&collecting.flow, visit(Some(&cookie), source(1)), 2, NOW)
                .await
        });
        let stop = tokio::spawn(async move {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            let cookie = Some(stopping.cookie.as_str());
            two.submit_revocation(&stopping.flow, visit(cookie, source(2)), 2, true, NOW)
                .await
        });
        stop.await.unwrap().unwrap();
        if let Err(error) = download.await.unwrap() {
            assert!(error.to_string().contains("on hold"), "{error}");
        }
        // Rows are numbered in the order in which they were written.
        let late = "audit c join audit h on h.action = 'certificate.hold'
            where c.action = 'certificate.collect' and c.rowid > h.rowid
                and h.object = 'grant:' || (select grant_id from certificate
                    where 'certificate:' || serial = c.object)";
        assert_eq!(world.db.count(late).await, 0, "{round}");
    }
}
