//! `/p/rcd`: from the two IDs to the file, as often as wanted, to nobody else (decisions I3, K2 to K5).

use tegata_app::{FieldProblem, KeyDestroyed, KeyFileForm, Refusal, Source, TypedIds};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::id::GrantId;
use tegata_domain::outbox::MailKind;
use tegata_domain::policy::Policy;
use tegata_domain::reference::ReferenceId;
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12;

use crate::database::sqlite;
use crate::world::{
    MAIL, NOW, PASSWORD, PROXY, Posted, World, ids, password, policy, refusal, request_id, source,
    visit, worlds,
};

/// Everything that a stranger could have changed.
async fn traces(world: &World) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in [
        "flow",
        "audit",
        "collection",
        "outbox",
        "certificate",
        "revocation_request",
    ] {
        counts.push(world.db.count(table).await);
    }
    counts
}

fn other_reference() -> ReferenceId {
    ReferenceId::parse("AAAAAAAAAA").unwrap()
}

#[tokio::test]
async fn unknown_id_wrong_secret_and_unreadable_ids_get_one_answer_and_leave_nothing() {
    for world in worlds().await {
        let posted = world.posted().await;
        let other = world.posted().await;
        let before = traces(&world).await;
        let typed = |request: Option<&str>, reference: Option<ReferenceId>| TypedIds {
            request: request.map(request_id),
            reference,
        };
        let known = posted.grant.request_id.as_str();
        let wrong = [
            typed(Some("202611209999999"), Some(posted.reference.clone())),
            typed(Some(known), Some(other_reference())),
            typed(Some(known), Some(other.reference.clone())),
            typed(None, Some(posted.reference.clone())),
            typed(Some(known), None),
        ];
        for (n, typed) in wrong.into_iter().enumerate() {
            let from = source(u8::try_from(n).unwrap());
            let opened = world.app.open_collection(typed, from, NOW).await;
            assert_eq!(refusal(opened), Refusal::WrongIds, "{n}");
        }
        assert_eq!(traces(&world).await, before);
        world.jobs().await;
        assert_eq!(
            world
                .db
                .number("select cast(sum(count) as bigint) from wrong_id")
                .await,
            5
        );
    }
}

#[tokio::test]
async fn a_guesser_is_refused_while_the_right_pair_passes_from_the_same_source() {
    let mut policy = policy();
    policy.guessing.free_per_minute = 10;
    policy.guessing.budget_per_minute = 10;
    let world = World::begin(sqlite().await, policy).await;
    let posted = world.posted().await;
    let guess = || TypedIds {
        request: Some(posted.grant.request_id.clone()),
        reference: Some(other_reference()),
    };
    for n in 0..20 {
        let answer = refusal(world.app.open_collection(guess(), source(1), NOW).await);
        let expected = if n < 10 {
            Refusal::WrongIds
        } else {
            Refusal::Throttled { seconds: 60 }
        };
        assert_eq!(answer, expected, "{n}");
    }
    world.open(&posted).await;
    let elsewhere = world.app.open_collection(guess(), source(2), NOW).await;
    assert_eq!(refusal(elsewhere), Refusal::WrongIds);
    world.advance(60);
    let later = world.app.open_collection(guess(), source(1), NOW).await;
    assert_eq!(refusal(later), Refusal::WrongIds);
}

#[tokio::test]
async fn the_file_opens_and_says_what_approval_said() {
    for world in worlds().await {
        let posted = world.posted().await;
        let file = world.collect_file(&posted).await;
        assert_eq!(file.name, "202611200000001.p12");
        assert!(pkcs12::open(&file.der, "another").is_err());
        let file = pkcs12::open(&file.der, PASSWORD).unwrap();
        let leaf = Certificate::from_der(&file.chain[0]).unwrap();
        assert_eq!(leaf.public_key(), file.key.public_key());
        assert!(leaf.is_signed_by(world.issuer().public_key()));
        assert_eq!(leaf.not_before(), NOW.unix());
        assert_eq!(leaf.not_after(), posted.grant.not_after.unix());
        assert_eq!(
            file.certificate_friendly_name.as_deref(),
            Some("cn=0110119153, ou=medical, ou=hokkaido, o=receiptonline, c=jp")
        );
        assert_eq!(file.chain.len(), 2);
    }
}

#[tokio::test]
async fn rsa_keys_are_collected_from_the_pool_and_made_when_it_is_empty() {
    let mut policy = policy();
    policy.ca.subscriber_key = "rsa2048".to_owned();
    policy.ca.key_pool = 1;
    let world = World::begin(sqlite().await, policy).await;
    world.jobs().await;
    let mut keys = Vec::new();
    for _ in 0..2 {
        let posted = world.posted().await;
        keys.push(world.collect(&posted).await.key.public_key().spki_sha256());
    }
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn the_first_collection_fixes_key_and_certificate() {
    for world in worlds().await {
        let posted = world.posted().await;
        let first = world.collect(&posted).await;
        world.advance(86_400);
        let second = world.collect(&posted).await;
        assert_eq!(first.chain, second.chain);
        assert_eq!(
            first.key.to_pkcs8().unwrap(),
            second.key.to_pkcs8().unwrap()
        );
        let state = world.grant_state(&posted).await;
        assert!(matches!(state, GrantState::Collected { at, .. } if at == NOW));
        let page = world.open(&posted).await;
        let page = world
            .app
            .collection_page(
                &page.flow,
                visit(Some(&page.cookie), source(1)),
                world.now(),
            )
            .await
            .unwrap();
        assert_eq!(page.downloads, 2);
        assert_eq!(page.earlier[0].source, "192.0.2.1");
    }
}

#[tokio::test]
async fn each_collection_is_mailed_at_once_to_the_registered_address() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let cookie = world.set_password(&opened, PASSWORD).await;
        let mut files = Vec::new();
        for _ in 0..3 {
            let file = world
                .app
                .download(&opened.flow, visit(Some(&cookie), source(1)), 2, NOW)
                .await;
            files.push(file.unwrap().der);
        }
        let mails = world.mails(MailKind::Collected).await;
        assert_eq!(mails.len(), 1, "a reloaded file is the same collection");
        assert_eq!(mails[0].to.as_str(), MAIL);
        assert_eq!(world.db.count("collection").await, 1);
        world.collect(&posted).await;
        assert_eq!(world.mails(MailKind::Collected).await.len(), 2);
    }
}

#[tokio::test]
async fn ten_parallel_posts_make_one_certificate_and_ten_downloads_one_collection() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let posts: Vec<_> = (0..10)
            .map(|_| {
                let (app, opened) = (world.app.clone(), opened.clone());
                tokio::spawn(async move {
                    let form = password(PASSWORD, 1);
                    let cookie = Some(opened.cookie.as_str());
                    app.set_password(&opened.flow, visit(cookie, source(1)), form, NOW)
                        .await
                })
            })
            .collect();
        let mut cookies = Vec::new();
        for post in posts {
            cookies.push(post.await.unwrap().unwrap());
        }
        let downloads: Vec<_> = cookies
            .into_iter()
            .map(|cookie| {
                let (app, flow) = (world.app.clone(), opened.flow.clone());
                tokio::spawn(async move {
                    app.download(&flow, visit(Some(&cookie), source(1)), 2, NOW)
                        .await
                })
            })
            .collect();
        let mut keys = Vec::new();
        for download in downloads {
            let file = download
                .await
                .unwrap()
                .unwrap_or_else(|error| panic!("{error}"));
            let file = pkcs12::open(&file.der, PASSWORD).unwrap();
            keys.push(file.key.public_key().spki_sha256());
        }
        keys.dedup();
        assert_eq!(keys.len(), 1);
        let subscribers = "certificate where kind = 'subscriber'";
        assert_eq!(world.db.count(subscribers).await, 1);
        assert_eq!(world.db.count("collection").await, 1);
        assert_eq!(world.mails(MailKind::Collected).await.len(), 1);
        assert_eq!(world.audited("certificate.issue").await, 1);
    }
}

#[tokio::test]
async fn two_procedures_that_race_for_the_first_collection_get_the_same_key() {
    for world in worlds().await {
        let posted = world.posted().await;
        let (one, two) = (world.open(&posted).await, world.open(&posted).await);
        let set = |opened: &tegata_app::Opened| {
            let (app, opened) = (world.app.clone(), opened.clone());
            tokio::spawn(async move {
                let cookie = Some(opened.cookie.as_str());
                app.set_password(
                    &opened.flow,
                    visit(cookie, source(1)),
                    password(PASSWORD, 1),
                    NOW,
                )
                .await
            })
        };
        let (first, second) = (set(&one), set(&two));
        let cookies = [
            first.await.unwrap().unwrap(),
            second.await.unwrap().unwrap(),
        ];
        let mut keys = Vec::new();
        for (opened, cookie) in [one, two].iter().zip(&cookies) {
            let file = world
                .app
                .download(&opened.flow, visit(Some(cookie), source(1)), 2, NOW)
                .await
                .unwrap();
            let file = pkcs12::open(&file.der, PASSWORD).unwrap();
            keys.push(file.key.public_key().spki_sha256());
        }
        assert_eq!(keys[0], keys[1]);
        assert_eq!(world.db.count("sealed_key").await, 1);
    }
}

#[tokio::test]
async fn a_password_is_4_to_31_printable_characters_typed_twice() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let post = |password: String, confirmation: String| {
            let form = tegata_app::PasswordForm {
                version: 1,
                password: Secret::new(password),
                confirmation: Secret::new(confirmation),
                form: KeyFileForm::Modern,
                weak_accepted: true,
            };
            let cookie = Some(opened.cookie.as_str());
            world
                .app
                .set_password(&opened.flow, visit(cookie, source(1)), form, NOW)
        };
        let cases = [
            ("123".to_owned(), FieldProblem::PasswordTooShort { min: 4 }),
            ("x".repeat(32), FieldProblem::PasswordTooLong { max: 31 }),
            ("１２３４".to_owned(), FieldProblem::PasswordNotAscii),
            ("ab\tcd".to_owned(), FieldProblem::PasswordNotAscii),
        ];
        for (text, problem) in cases {
            let refused = refusal(post(text.clone(), text).await);
            assert_eq!(refused, Refusal::Fields(vec![problem]));
        }
        let differ = refusal(post("1234".to_owned(), "1235".to_owned()).await);
        assert_eq!(differ, Refusal::Fields(vec![FieldProblem::PasswordsDiffer]));
        assert_eq!(world.db.count("sealed_key").await, 0);
        post("1234".to_owned(), "1234".to_owned()).await.unwrap();
    }
}

#[tokio::test]
async fn another_password_opens_the_same_key() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let (app, flow) = (&world.app, &opened.flow);
        let cookie = world.set_password(&opened, PASSWORD).await;
        app.change_password(flow, visit(Some(&cookie), source(1)), 2)
            .await
            .unwrap();
        let early = app
            .download(flow, visit(Some(&cookie), source(1)), 3, NOW)
            .await;
        assert_eq!(refusal(early), Refusal::FlowElsewhere);
        let other = app
            .set_password(
                flow,
                visit(Some(&cookie), source(1)),
                password("another", 3),
                NOW,
            )
            .await
            .unwrap();
        let file = app
            .download(flow, visit(Some(&other), source(1)), 4, NOW)
            .await
            .unwrap();
        assert!(pkcs12::open(&file.der, PASSWORD).is_err());
        pkcs12::open(&file.der, "another").unwrap();
    }
}

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
async fn an_issued_certificate_that_was_never_downloaded_can_still_be_collected() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        world.set_password(&opened, PASSWORD).await;
        assert!(matches!(
            world.grant_state(&posted).await,
            GrantState::KeyFixed { .. }
        ));
        let serial = world.record(&posted).await.serial;
        world.collect(&posted).await;
        assert_eq!(world.record(&posted).await.serial, serial);
    }
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

#[tokio::test]
async fn the_other_form_is_made_with_a_password_of_its_own() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let cookie = world.set_password(&opened, PASSWORD).await;
        let form = tegata_app::PasswordForm {
            form: KeyFileForm::Old,
            ..password("another", 2)
        };
        let by = visit(Some(&cookie), source(1));
        let set = world.app.set_password(&opened.flow, by, form, NOW).await;
        let cookie = set.unwrap();
        let by = visit(Some(&cookie), source(1));
        let file = world.app.download(&opened.flow, by, 3, NOW).await.unwrap();
        let old = pkcs12::open(&file.der, "another").unwrap();
        let provider = old.provider_name.unwrap();
        assert!(provider.contains("Enhanced RSA and AES"), "{provider}");
    }
}

#[tokio::test]
async fn four_digits_are_asked_about_before_anything_is_made() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let form = tegata_app::PasswordForm {
            weak_accepted: false,
            ..password("1234", 1)
        };
        let by = visit(Some(&opened.cookie), source(1));
        let set = world.app.set_password(&opened.flow, by, form, NOW).await;
        let cookie = set.unwrap();
        let by = visit(Some(&cookie), source(1));
        let page = world.app.collection_page(&opened.flow, by, NOW).await;
        let page = page.unwrap();
        assert_eq!(page.step, tegata_domain::flow::FlowStep::Confirm);
        assert!(page.is_guessable);
        assert_eq!(world.db.count("sealed_key").await, 0);
        let app = &world.app;
        app.accept_weak_password(&opened.flow, by, 2, NOW)
            .await
            .unwrap();
        let file = app.download(&opened.flow, by, 3, NOW).await.unwrap();
        pkcs12::open(&file.der, "1234").unwrap();
    }
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

#[test]
fn windows_8_gets_the_old_form_and_everybody_else_the_new_one() {
    for (text, form) in [
        ("Mozilla/5.0 (Windows NT 6.3; Win64; x64)", KeyFileForm::Old),
        ("Mozilla/5.0 (Windows NT 6.1)", KeyFileForm::Old),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
            KeyFileForm::Modern,
        ),
        ("", KeyFileForm::Modern),
    ] {
        assert_eq!(KeyFileForm::for_user_agent(text), form, "{text}");
    }
}

/// Behind a proxy that does not say for whom it asks stand many: nobody's mistakes lock the others out (I3).
#[tokio::test]
async fn a_configured_proxy_has_no_budget_and_its_guesses_are_counted_all_the_same() {
    let mut policy = policy();
    policy.guessing.free_per_minute = 2;
    policy.guessing.budget_per_minute = 3;
    let world = World::begin(sqlite().await, policy).await;
    let guess = async |source| {
        let wrong = TypedIds {
            request: None,
            reference: None,
        };
        refusal(world.app.open_collection(wrong, source, NOW).await)
    };
    for _ in 0..20 {
        assert_eq!(guess(Source(PROXY)).await, Refusal::WrongIds);
    }
    for _ in 0..3 {
        assert_eq!(guess(source(1)).await, Refusal::WrongIds);
    }
    assert!(matches!(guess(source(1)).await, Refusal::Throttled { .. }));
    // Each is counted, and stands where people look.
    world.jobs().await;
    let of_proxy = format!("select count from wrong_id where source = '{PROXY}'");
    assert_eq!(world.db.number(&of_proxy).await, 20);
}
