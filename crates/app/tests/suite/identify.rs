//! Whose certificate is presented, judged anew on each request (decision W2).

use tegata_app::Identity;
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;
use tegata_pki::tbs::assemble;

use crate::world::{NOW, World, source, visit, worlds};

async fn present(world: &World, der: &[u8]) -> Identity {
    world
        .app
        .identify(Some(der), source(3), world.now())
        .await
        .unwrap()
}

#[tokio::test]
async fn the_holder_is_named_with_what_he_has_to_know() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let certificate = world.certificate(&posted).await;
        let Identity::Holder {
            certificate: shown,
            serial,
            renewal_opens,
            days_left,
            ..
        } = present(&world, certificate.der()).await
        else {
            panic!("not the holder");
        };
        assert_eq!(shown.code, "0110119153");
        assert_eq!(shown.terminal, "受付1");
        assert_eq!(shown.request_id, "202611200000001");
        assert_eq!(shown.not_after, posted.grant.not_after);
        assert_eq!(serial, world.record(&posted).await.serial);
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        assert_eq!(renewal_opens, at("2029-11-22T00:00:00+09:00"));
        assert_eq!(days_left, 1_188);
    }
}

#[tokio::test]
async fn nothing_presented_is_missing_and_nonsense_is_foreign() {
    for world in worlds().await {
        let none = world.app.identify(None, source(3), NOW).await.unwrap();
        assert_eq!(none, Identity::Missing);
        for nonsense in [&b""[..], b"\x30\x80", &[0xff; 5_000]] {
            let identity = present(&world, nonsense).await;
            assert!(matches!(identity, Identity::Foreign { .. }));
        }
    }
}

#[tokio::test]
async fn a_copy_signed_by_somebody_else_is_foreign_although_every_name_fits() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let ours = world.certificate(&posted).await;
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let signer = SoftSigner::from_private_key(key);
        let signature = signer.sign(ours.tbs_der()).unwrap();
        let copy = assemble(ours.tbs_der(), signer.signature_algorithm(), &signature);
        let copied = Certificate::from_der(&copy).unwrap();
        assert_eq!(copied.serial(), ours.serial());
        let identity = present(&world, &copy).await;
        let Identity::Foreign { subject, issuer } = identity else {
            panic!("{identity:?}");
        };
        assert_eq!(subject, "0110119153");
        assert_eq!(issuer, ours.issuer().common_name().unwrap());
        assert!(matches!(
            world.grant_state(&posted).await,
            GrantState::Collected { .. }
        ));
    }
}

#[tokio::test]
async fn a_certificate_of_another_purpose_is_foreign() {
    for world in worlds().await {
        world.jobs().await;
        let server = world.app.server_identity("localhost", NOW).await.unwrap();
        let mut presented = vec![server.chain[0].clone()];
        presented.extend(world.app.ca_certificates().into_iter().map(|ca| ca.der));
        for record in world.app.list_certificates(None, 10).await.unwrap() {
            let der = world.app.certificate_der(&record.serial).await.unwrap();
            presented.push(der.unwrap());
        }
        assert_eq!(presented.len(), 6);
        for der in presented {
            assert!(matches!(
                present(&world, &der).await,
                Identity::Foreign { .. }
            ));
        }
    }
}

#[tokio::test]
async fn a_certificate_that_our_key_signed_but_our_table_does_not_know_is_foreign() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let der = world.certificate(&posted).await.der().to_vec();
        world
            .db
            .run("update certificate set fingerprint = spki_sha256")
            .await;
        assert!(matches!(
            present(&world, &der).await,
            Identity::Foreign { .. }
        ));
    }
}

#[tokio::test]
async fn validity_includes_its_first_and_its_last_second() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let certificate = world.certificate(&posted).await;
        let der = certificate.der();
        assert!(matches!(
            present(&world, der).await,
            Identity::Holder { .. }
        ));
        world.advance(-1);
        assert!(matches!(
            present(&world, der).await,
            Identity::Foreign { .. }
        ));
        world.advance(posted.grant.not_after.seconds_since(world.now()));
        let last = present(&world, der).await;
        assert!(matches!(last, Identity::Holder { days_left: 0, .. }));
        world.advance(1);
        assert!(matches!(
            present(&world, der).await,
            Identity::Expired { .. }
        ));
    }
}

#[tokio::test]
async fn the_first_sight_is_recorded_once() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let der = world.certificate(&posted).await.der().to_vec();
        world.advance(50);
        let seen_at = world.now();
        let sights: Vec<_> = (0..5)
            .map(|_| {
                let (app, der) = (world.app.clone(), der.clone());
                tokio::spawn(async move { app.identify(Some(&der), source(3), seen_at).await })
            })
            .collect();
        for sight in sights {
            assert!(matches!(
                sight.await.unwrap().unwrap(),
                Identity::Holder { .. }
            ));
        }
        world.advance(50);
        present(&world, &der).await;
        let state = world.grant_state(&posted).await;
        assert!(matches!(state, GrantState::SeenInUse { at, .. } if at == seen_at));
        assert_eq!(world.audited("certificate.seen").await, 1);
        world.collect(&posted).await;
        assert_eq!(world.grant_state(&posted).await, state);
    }
}

#[tokio::test]
async fn a_certificate_whose_grant_is_frozen_is_still_in_force_and_seen() {
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
        let der = world.certificate(&posted).await.der().to_vec();
        for _ in 0..2 {
            assert!(matches!(
                present(&world, &der).await,
                Identity::Holder { .. }
            ));
        }
        let GrantState::Frozen { from, .. } = world.grant_state(&posted).await else {
            panic!("not frozen any more");
        };
        assert!(matches!(*from, GrantState::SeenInUse { .. }));
        assert_eq!(world.audited("certificate.seen").await, 1);
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
    }
}
