//! The key that is kept for a collection: whom it opens to, and when it is destroyed (K3 to K5, FS8).

use tegata_app::{FieldProblem, KeyDestroyed, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::id::GrantId;
use tegata_pki::pkcs12;

use crate::database::sqlite;
use crate::world::{NOW, PASSWORD, Posted, World, policy, refusal, source, visit, worlds};

#[tokio::test]
async fn the_window_includes_its_last_second_and_the_key_goes_with_it() {
    for world in worlds().await {
        let posted = world.posted().await;
        let never = world.posted().await;
        let end = posted.grant.window_end;
        world.advance(end.seconds_since(NOW));
        world.collect(&posted).await;
        assert_eq!(world.jobs().await.keys, 0);
        world.advance(1);
        let ended = |of: &Posted, collected| Refusal::WindowEnded {
            window_end: end,
            collected,
            request: of.grant.request_id.clone(),
        };
        assert_eq!(world.open_refused(&posted).await, ended(&posted, true));
        assert_eq!(world.open_refused(&never).await, ended(&never, false));
        assert_eq!(world.jobs().await.keys, 1);
        assert_eq!(world.jobs().await.keys, 0);
        assert_eq!(
            world.db.count("sealed_key where sealed is not null").await,
            0
        );
        assert_eq!(world.audited("key.destroy").await, 1);
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
    }
}

#[tokio::test]
async fn a_destroyed_key_does_not_come_back_when_the_window_is_extended() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let end = posted.grant.window_end;
        world.advance(end.seconds_since(NOW) + 1);
        world.jobs().await;
        let destroyed_at = world.now();
        extend(&world, &posted.grant.id, 30).await;
        let expected = Refusal::KeyDestroyed {
            because: KeyDestroyed::WindowEnd,
            at: destroyed_at,
            request: posted.grant.request_id.clone(),
        };
        assert_eq!(world.open_refused(&posted).await, expected);
    }
}

async fn extend(world: &World, id: &GrantId, days: i64) {
    let (id, mut reader) = (id.clone(), world.db.store.reader().await.unwrap());
    let end = reader.grant(&id).await.unwrap().unwrap().window_end;
    drop(reader);
    let extended = world.db.store.write(move |tx| {
        Box::pin(async move { tx.extend_window(&id, end, end.plus_days(days)).await })
    });
    assert!(extended.await.unwrap());
}

#[tokio::test]
async fn another_reference_id_does_not_open_the_kept_key() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        // The row gets the salt of another letter, so the key derived from the right ID is a wrong one.
        world.db.run("update reference_id set salt = hmac").await;
        let opened = world.open(&posted).await;
        let cookie = world.set_password(&opened, PASSWORD).await;
        let file = world
            .app
            .download(&opened.flow, visit(Some(&cookie), source(1)), 2, NOW)
            .await;
        assert!(matches!(
            file.map(|_| ()),
            Err(tegata_app::Error::Internal(_))
        ));
    }
}

#[tokio::test]
async fn a_kept_key_moved_to_another_certificate_does_not_open() {
    for world in worlds().await {
        let (one, two) = (world.posted().await, world.posted().await);
        world.collect(&one).await;
        world.collect(&two).await;
        let serials = [
            world.record(&one).await.serial,
            world.record(&two).await.serial,
        ];
        world
            .db
            .run(&format!(
                "update sealed_key set sealed = (select s.sealed from sealed_key s
                    where s.serial = '{}') where serial = '{}'",
                serials[0], serials[1]
            ))
            .await;
        let opened = world.open(&two).await;
        let cookie = world.set_password(&opened, PASSWORD).await;
        let file = world
            .app
            .download(&opened.flow, visit(Some(&cookie), source(1)), 2, NOW)
            .await;
        assert!(matches!(
            file.map(|_| ()),
            Err(tegata_app::Error::Internal(_))
        ));
    }
}

/// The promise of K3: who has the key-encryption key and the row has not the key.
#[tokio::test]
async fn the_key_encryption_key_alone_does_not_open_the_kept_key() {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    use aws_lc_rs::hkdf;

    let open = |key: &[u8], place: &str, sealed: &[u8]| -> Option<Vec<u8>> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
        let (nonce, body) = sealed.split_first_chunk::<12>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key.open_in_place(nonce, Aad::from(place.as_bytes()), &mut body);
        plain.ok().map(|plain| plain.to_vec())
    };
    let world = World::begin(sqlite().await, policy()).await;
    let posted = world.posted().await;
    let pkcs8 = world.collect(&posted).await.key.to_pkcs8().unwrap();
    let serial = world.record(&posted).await.serial;
    let mut reader = world.db.store.reader().await.unwrap();
    let sealed = reader
        .sealed_key(&serial)
        .await
        .unwrap()
        .unwrap()
        .sealed
        .unwrap();
    assert!(
        !sealed
            .windows(32)
            .any(|part| pkcs8.windows(32).any(|key| key == part))
    );

    // With the key-encryption key in hand, the outer layer opens as expected …
    let mut sub_key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"")
        .extract(&[7; 32])
        .expand(&[b"tegata/sealed-key"], hkdf::HKDF_SHA256)
        .unwrap()
        .fill(&mut sub_key)
        .unwrap();
    let place = format!("sealed_key/{serial}/sealed");
    let (length, rest) = sealed.split_first_chunk::<2>().unwrap();
    let (outer, body) = rest.split_at(usize::from(u16::from_be_bytes(*length)));
    let wrapped = open(&sub_key, &place, &outer[1..]).unwrap();
    // … and what is inside is still closed: 12 octets of nonce, 32 sealed, 16 of tag.
    assert_eq!(wrapped.len(), 60);
    for guess in [&sub_key[..], &[7; 32], &wrapped[..32], &wrapped[12..44]] {
        assert_eq!(open(guess, &place, body), None);
        assert_eq!(open(guess, &place, &wrapped), None);
    }
}

/// FS8: nothing secret stands in the database file, its log or beside it.
#[tokio::test]
async fn password_reference_id_and_private_key_are_nowhere_on_disk() {
    let world = World::begin(sqlite().await, policy()).await;
    let posted = world.posted().await;
    let opened = world.open(&posted).await;
    let cookie = world.set_password(&opened, PASSWORD).await;
    let file = world
        .app
        .download(&opened.flow, visit(Some(&cookie), source(1)), 2, NOW)
        .await
        .unwrap();
    let pkcs8 = pkcs12::open(&file.der, PASSWORD)
        .unwrap()
        .key
        .to_pkcs8()
        .unwrap();
    world.revoke(&posted, "lost").await;
    // The private scalar of a P-256 key stands in the middle of its PKCS#8 form.
    let scalar = &pkcs8[36..68];
    let secrets: [(&str, &[u8]); 5] = [
        ("password", PASSWORD.as_bytes()),
        ("reference ID", posted.reference.expose().as_bytes()),
        ("private key", scalar),
        ("cookie", cookie.as_bytes()),
        ("first cookie", opened.cookie.as_bytes()),
    ];
    let mut octets = 0;
    let mut folders = vec![world.db.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let content = std::fs::read(&path).unwrap();
            octets += content.len();
            for (name, secret) in secrets {
                let found = content.windows(secret.len()).any(|part| part == secret);
                assert!(!found, "the {name} stands in {}", path.display());
            }
        }
    }
    assert!(octets > 100_000, "only {octets} octets were searched");
}

#[tokio::test]
async fn the_copy_of_the_key_is_destroyed_on_request_and_the_certificate_goes_on() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let cookie = world.set_password(&opened, PASSWORD).await;
        let by = visit(Some(&cookie), source(1));
        let app = &world.app;
        let unticked = app.erase_key(&opened.flow, by, 2, false, NOW).await;
        assert_eq!(
            refusal(unticked),
            Refusal::Fields(vec![FieldProblem::NotConfirmed])
        );
        app.erase_key(&opened.flow, by, 2, true, NOW).await.unwrap();
        app.erase_key(&opened.flow, by, 2, true, NOW).await.unwrap();
        let page = app.collection_page(&opened.flow, by, NOW).await.unwrap();
        assert_eq!(page.erased_at, Some(NOW));
        assert_eq!(
            world.open_refused(&posted).await,
            Refusal::KeyDestroyed {
                because: KeyDestroyed::Request,
                at: NOW,
                request: posted.grant.request_id.clone(),
            }
        );
        assert_eq!(world.audited("key.destroy").await, 1);
    }
}
