//! The exchange of the key-encryption key, while the program runs (decision K8).

use std::sync::{Arc, Mutex};

use tegata_app::{
    App, AppParts, Error, KeyEncryptionKey, KeyEncryptionKeys, KeySource, Refusal, Rewrapped,
};
use tegata_domain::operator::Role;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::secret::Secret;

use crate::world::{World, worlds};

/// Keys that a test exchanges while the program runs.
struct TestKeys(Mutex<Arc<KeyEncryptionKeys>>);

impl TestKeys {
    fn new(keys: &[(u8, bool)]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Arc::new(made(keys)))))
    }

    fn exchange(&self, keys: &[(u8, bool)]) {
        *self.0.lock().unwrap() = Arc::new(made(keys));
    }
}

impl KeySource for TestKeys {
    fn keys(&self) -> Arc<KeyEncryptionKeys> {
        self.0.lock().unwrap().clone()
    }
}

/// Keys by number, each with whether it only opens. Key 1 is the world's own.
fn made(keys: &[(u8, bool)]) -> KeyEncryptionKeys {
    let key = |&(number, is_next): &(u8, bool)| KeyEncryptionKey {
        number,
        key: Secret::new([if number == 1 { 7 } else { number }; 32]),
        is_next,
    };
    KeyEncryptionKeys::new(keys.iter().map(key).collect()).unwrap()
}

/// The program starts again with these keys.
async fn start(world: &mut World, keys: &Arc<TestKeys>) -> Result<(), Error> {
    let parts = AppParts {
        kek: keys.clone(),
        ..world.parts()
    };
    world.app = App::open(parts).await?;
    Ok(())
}

/// Gives everybody an authenticator whose secret is sealed: the world enters its people without one.
async fn enrol_everybody(world: &World) {
    let mut administrators = vec![world.people.administrator.clone()];
    for name in ["administrator2", "administrator3"] {
        administrators.push(world.operator(name, Role::Administrator).await);
    }
    for operator in world.app.list_operators().await.unwrap() {
        let act = ProposedAct::ResetAuthenticator {
            operator: operator.id.clone(),
        };
        let mut two = administrators.iter().filter(|by| by.id != operator.id);
        let two = [two.next().unwrap(), two.next().unwrap()];
        world.done_by_two(act, two).await;
    }
}

async fn rewrap(world: &World) -> Rewrapped {
    let by = &world.people.administrator;
    world.app.rewrap(by).await.unwrap()
}

#[tokio::test]
async fn k8_everything_opens_under_the_new_key_and_nothing_under_the_old_one() {
    for mut world in worlds().await {
        enrol_everybody(&world).await;
        let keys = TestKeys::new(&[(1, false)]);
        start(&mut world, &keys).await.unwrap();
        let waiting = world.posted().await;
        let collected = world.posted().await;
        let kept = world.collect_file(&collected).await;
        let fresh = world.approved().await;
        let before = world.app.sealed_counts().await.unwrap();
        assert_eq!(before.keys().copied().collect::<Vec<_>>(), [1]);

        keys.exchange(&[(1, false), (2, false)]);
        let done = rewrap(&world).await;
        let after = world.app.sealed_counts().await.unwrap();
        assert_eq!(after.keys().copied().collect::<Vec<_>>(), [2]);
        assert_eq!(after[&2], before[&1]);
        assert_eq!(done.values + done.files, before[&1]);
        assert_eq!(done.files, 2, "the subscriber CA and the TLS CA");
        assert_eq!(rewrap(&world).await, Rewrapped::default());
        assert_eq!(world.audited("key.rewrap").await, 2);

        // The old key is gone: what was sealed before still opens.
        keys.exchange(&[(2, false)]);
        start(&mut world, &keys).await.unwrap();
        world.collect(&waiting).await;
        let again = world.collect_file(&collected).await;
        assert_eq!(again.name, kept.name);
        world.printed(&fresh.request_id).await;

        // And somebody with the old key and the database has nothing.
        let stolen = TestKeys::new(&[(1, false)]);
        assert!(start(&mut world, &stolen).await.is_err());
    }
}

#[tokio::test]
async fn a_key_that_is_prepared_opens_what_others_seal_and_seals_nothing() {
    for mut world in worlds().await {
        enrol_everybody(&world).await;
        let here = TestKeys::new(&[(1, false), (2, true)]);
        start(&mut world, &here).await.unwrap();
        let posted = world.posted().await;
        world.collect_file(&posted).await;
        let counts = world.app.sealed_counts().await.unwrap();
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [1]);

        // Another machine lets it seal; this one goes on.
        let there = TestKeys::new(&[(1, false), (2, false)]);
        let parts = AppParts {
            kek: there,
            ..world.parts()
        };
        let other = App::open(parts).await.unwrap();
        other.rewrap(&world.people.administrator).await.unwrap();
        let kept = world.collect_file(&posted).await;
        assert!(!kept.name.is_empty());
    }
}

#[tokio::test]
async fn a_procedure_that_is_under_way_goes_on_after_the_exchange() {
    for mut world in worlds().await {
        enrol_everybody(&world).await;
        let keys = TestKeys::new(&[(1, false)]);
        start(&mut world, &keys).await.unwrap();
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        keys.exchange(&[(1, false), (2, false)]);
        rewrap(&world).await;
        let cookie = world.set_password(&opened, crate::world::PASSWORD).await;
        assert!(!cookie.is_empty());
    }
}

#[tokio::test]
async fn a_key_that_was_destroyed_meanwhile_does_not_come_back() {
    for mut world in worlds().await {
        enrol_everybody(&world).await;
        let keys = TestKeys::new(&[(1, false)]);
        start(&mut world, &keys).await.unwrap();
        let posted = world.posted().await;
        world.collect_file(&posted).await;
        world.db.run("update sealed_key set sealed = null, destroyed_at = 1, destroyed_because = 'window_end'").await;
        keys.exchange(&[(1, false), (2, false)]);
        rewrap(&world).await;
        let left = world
            .db
            .number("select cast(count(*) as bigint) from sealed_key where sealed is not null")
            .await;
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn only_an_administrator_may_seal_anew() {
    for world in worlds().await {
        let refused = world.app.rewrap(&world.people.examiner).await;
        assert!(matches!(refused, Err(Error::Refused(Refusal::NotAllowed))));
    }
}
