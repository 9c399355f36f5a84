//! `/p/rcd`: from the two IDs to the file, as often as wanted, to nobody else (decisions I3, K2 to K5).

mod kept_key;
mod refusals;

use tegata_app::{FieldProblem, KeyFileForm, Refusal, Source, TypedIds};
use tegata_domain::grant::GrantState;
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::ReferenceId;
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12;

use crate::database::sqlite;
use crate::world::{
    MAIL, NOW, PASSWORD, PROXY, World, password, policy, refusal, request_id, source, visit, worlds,
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
