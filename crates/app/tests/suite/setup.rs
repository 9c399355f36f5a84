//! `init`: once, with the right key, one tier only where that is accepted (decisions K6 to K8).

use std::sync::Arc;

use tegata_app::{App, Error, FixedKeys, InitOptions, OfflineRoot, Refusal};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::policy::{DEFAULT, Policy, SecondFactor};
use tegata_domain::secret::Secret;
use tegata_domain::time::ManualClock;
use tegata_pki::certificate::Certificate;
use tegata_pki::crl::Crl;
use tegata_pki::soft::open_key_file;
use tegata_store::CaKeyPurpose;

use crate::database::sqlite;
use crate::world::{NOW, World, parts, policy, refusal, worlds};

fn single_tier(accept_online_root: bool) -> InitOptions {
    InitOptions {
        offline: None,
        accept_online_root,
        demo: false,
    }
}

/// The profile `default` with fast keys, and without a mailbox to read.
fn two_tiers() -> Policy {
    let mut policy: Policy = toml::from_str(DEFAULT).unwrap();
    policy.collect.second_factor = SecondFactor::None;
    policy.ca = tegata_domain::policy::CaPolicy {
        tiers: 2,
        ..crate::world::policy().ca
    };
    policy.p12.iterations = 100;
    policy
}

#[tokio::test]
async fn a_database_is_initialised_once() {
    for world in worlds().await {
        let keys = world.db.count("ca_key").await;
        let again = App::initialise(&world.parts(), single_tier(true), NOW).await;
        assert!(matches!(refusal(again), Refusal::State(_)));
        assert_eq!(world.db.count("ca_key").await, keys);
    }
}

#[tokio::test]
async fn a_single_tier_must_be_accepted_and_two_tiers_need_a_folder() {
    let clock = Arc::new(ManualClock::new(NOW));
    let entropy = Arc::new(SeededEntropy::new(1));
    for policy in [policy(), two_tiers()] {
        let db = sqlite().await;
        let parts = parts(&db, &policy, (&clock, &clock), &entropy);
        let refused = App::initialise(&parts, single_tier(false), NOW).await;
        assert!(matches!(refusal(refused), Refusal::State(_)));
        assert!(!App::is_initialised(&db.store).await.unwrap());
        assert_eq!(db.count("ca_key").await, 0);
    }
}

#[tokio::test]
async fn a_wrong_key_encryption_key_is_named() {
    for world in worlds().await {
        let mut parts = world.parts();
        parts.kek = Arc::new(FixedKeys::first([8; 32]));
        let Err(Error::Internal(text)) = App::open(parts).await.map(|_| ()) else {
            panic!("a wrong key was accepted");
        };
        assert!(text.contains("key-encryption key"), "{text}");
    }
}

#[tokio::test]
async fn an_offline_root_signs_the_issuing_ca_and_leaves_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions {
        offline: Some(OfflineRoot {
            folder: folder.path().to_owned(),
            passphrase: Secret::from("carried away"),
        }),
        accept_online_root: false,
        demo: false,
    };
    let world = World::begin_with(sqlite().await, two_tiers(), options).await;
    let read = |purpose| Certificate::from_der(&world.ca(purpose).der).unwrap();
    let (root, issuing) = (read(CaKeyPurpose::Root), read(CaKeyPurpose::Subscriber));
    assert!(root.is_signed_by(root.public_key()));
    assert!(issuing.is_signed_by(root.public_key()));
    assert_eq!(issuing.issuer(), root.subject());

    let text = std::fs::read_to_string(folder.path().join("root.key")).unwrap();
    let key = open_key_file(&text, b"carried away").unwrap();
    assert_eq!(key.public_key(), root.public_key());
    let kept = std::fs::read_dir(crate::world::key_folder(&world.db)).unwrap();
    assert_eq!(kept.count(), 2, "the issuing CA's and the TLS CA's key");

    let list = world
        .app
        .revocation_list(&world.ca(CaKeyPurpose::Root).id, "0")
        .await
        .unwrap()
        .unwrap();
    let list = Crl::parse(&list.der).unwrap();
    assert!(list.verify(root.public_key()));
    assert_eq!(
        issuing.crl_distribution_points(),
        [list.issuing_distribution_point().unwrap()]
    );
}

#[tokio::test]
async fn the_file_of_a_two_tier_authority_holds_the_whole_chain() {
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions {
        offline: Some(OfflineRoot {
            folder: folder.path().to_owned(),
            passphrase: Secret::from("carried away"),
        }),
        accept_online_root: false,
        demo: false,
    };
    let world = World::begin_with(sqlite().await, two_tiers(), options).await;
    let posted = world.posted().await;
    assert_eq!(posted.reference.expose().len(), 16);
    let file = world.collect(&posted).await;
    let chain: Vec<_> = file
        .chain
        .iter()
        .map(|der| Certificate::from_der(der).unwrap())
        .collect();
    assert_eq!(chain.len(), 3);
    assert!(chain[0].is_signed_by(chain[1].public_key()));
    assert!(chain[1].is_signed_by(chain[2].public_key()));
    assert_eq!(chain[2].der(), world.ca(CaKeyPurpose::Root).der);
    world.jobs().await;
}

#[tokio::test]
async fn a_foreign_key_file_stops_the_start() {
    let world = World::begin(sqlite().await, policy()).await;
    let folder = crate::world::key_folder(&world.db);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let texts: Vec<_> = files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    std::fs::write(&files[0], &texts[1]).unwrap();
    assert!(App::open(world.parts()).await.is_err());
    std::fs::write(&files[0], &texts[0]).unwrap();
    App::open(world.parts()).await.unwrap();
}
