//! A key that the terminal made itself gets the grant's one certificate (decision K1, K2, T30, T35).

use tegata_app::{EnrolmentRefusal, Refusal};
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};

use crate::world::{NOW, PASSWORD, World, password, refusal, source, visit, worlds};

fn key() -> PublicKey {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    key.public_key().clone()
}

async fn issue(
    world: &World,
    posted: &crate::world::Posted,
    key: &PublicKey,
) -> Result<Vec<u8>, tegata_app::Error> {
    let request = &posted.grant.request_id;
    world
        .app
        .issue_for_terminal_key(request, key, world.now())
        .await
}

#[tokio::test]
async fn the_same_key_gets_the_same_certificate_and_another_key_none() {
    for world in worlds().await {
        let posted = world.posted().await;
        let (own, other) = (key(), key());
        let first = issue(&world, &posted, &own).await.unwrap();
        assert_eq!(Certificate::from_der(&first).unwrap().public_key(), &own);
        assert_eq!(issue(&world, &posted, &own).await.unwrap(), first);
        let refused = refusal(issue(&world, &posted, &other).await);
        assert_eq!(refused, Refusal::Enrolment(EnrolmentRefusal::KeyFixed));
        assert_eq!(world.db.count("sealed_key").await, 0);
    }
}

#[tokio::test]
async fn ten_requests_at_once_get_one_certificate() {
    for world in worlds().await {
        let posted = world.posted().await;
        let own = key();
        let requests: Vec<_> = (0..10)
            .map(|_| {
                let (app, key) = (world.app.clone(), own.clone());
                let request = posted.grant.request_id.clone();
                tokio::spawn(async move { app.issue_for_terminal_key(&request, &key, NOW).await })
            })
            .collect();
        let mut certificates = Vec::new();
        for request in requests {
            certificates.push(request.await.unwrap().unwrap());
        }
        certificates.dedup();
        assert_eq!(certificates.len(), 1);
        assert_eq!(world.db.count("certificate").await, 1);
    }
}

#[tokio::test]
async fn a_key_is_certified_for_one_terminal_only() {
    for world in worlds().await {
        let (one, two) = (world.posted().await, world.posted().await);
        let shared = key();
        issue(&world, &one, &shared).await.unwrap();
        let refused = refusal(issue(&world, &two, &shared).await);
        assert_eq!(refused, Refusal::Enrolment(EnrolmentRefusal::KeyKnown));
    }
}

#[tokio::test]
async fn no_channel_forgets_a_check() {
    for world in worlds().await {
        let unposted = world.approved().await;
        let early = world
            .app
            .issue_for_terminal_key(&unposted.request_id, &key(), NOW)
            .await;
        assert!(matches!(refusal(early), Refusal::State(_)));
        let held = world.posted().await;
        world.revoke(&held, "lost").await;
        let frozen = refusal(issue(&world, &held, &key()).await);
        assert_eq!(frozen, Refusal::Frozen { at: NOW });
        let late = world.posted().await;
        world.advance(late.grant.window_end.seconds_since(NOW) + 1);
        let ended = refusal(issue(&world, &late, &key()).await);
        assert!(matches!(ended, Refusal::WindowEnded { .. }));
    }
}

/// What was wrong: the page said "begin again", for ever.
#[tokio::test]
async fn the_browser_is_told_that_the_key_is_in_the_terminal() {
    for world in worlds().await {
        let posted = world.posted().await;
        issue(&world, &posted, &key()).await.unwrap();
        let opened = world.open(&posted).await;
        let by = visit(Some(&opened.cookie), source(1));
        let app = &world.app;
        let page = app.collection_page(&opened.flow, by, NOW).await.unwrap();
        assert_eq!(page.on_terminal, Some(NOW));
        let set = app
            .set_password(&opened.flow, by, password(PASSWORD, 1), NOW)
            .await;
        assert!(matches!(refusal(set), Refusal::State(_)));
    }
}
