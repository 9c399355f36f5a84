//! Any number of tabs: a procedure is named in its address, versioned, and its cookie opens no other
//! (decision F1, T01, T05).

use std::collections::HashMap;

use tegata_app::{Error, Opened, Refusal};
use tegata_domain::entropy::{SeededEntropy, octets};
use tegata_domain::flow::FlowStep;
use tegata_domain::id::FlowId;

use crate::database::sqlite;
use crate::world::{
    NOW, PASSWORD, World, password, policy, refusal, revocation_form, source, visit, worlds,
};

async fn page(world: &World, flow: &FlowId, cookie: Option<&str>) -> Result<FlowStep, Refusal> {
    match world
        .app
        .collection_page(flow, visit(cookie, source(1)), NOW)
        .await
    {
        Ok(page) => Ok(page.step),
        Err(tegata_app::Error::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_procedure_opens_only_with_its_own_cookie() {
    for world in worlds().await {
        let posted = world.posted().await;
        let (one, two) = (world.open(&posted).await, world.open(&posted).await);
        let mut bent = one.cookie.clone();
        let last = bent.pop().unwrap();
        bent.push(if last == 'A' { 'B' } else { 'A' });
        let long = "A".repeat(100_000);
        let foreign = [
            None,
            Some(""),
            Some(two.cookie.as_str()),
            Some(bent.as_str()),
            Some("%%%"),
            Some(long.as_str()),
        ];
        for cookie in foreign {
            assert_eq!(
                page(&world, &one.flow, cookie).await,
                Err(Refusal::FlowEnded)
            );
        }
        let nobodys = FlowId::generate(&SeededEntropy::new(99));
        let unknown = page(&world, &nobodys, Some(&one.cookie)).await;
        assert_eq!(unknown, Err(Refusal::FlowEnded));
        assert_eq!(
            page(&world, &one.flow, Some(&one.cookie)).await,
            Ok(FlowStep::Password)
        );
    }
}

#[tokio::test]
async fn a_procedure_of_one_kind_is_no_procedure_of_the_other() {
    for world in worlds().await {
        let posted = world.posted().await;
        let revocation = world.open_revocation(&posted).await;
        let as_collection = page(&world, &revocation.flow, Some(&revocation.cookie)).await;
        assert_eq!(as_collection, Err(Refusal::FlowEnded));
        let collection = world.open(&posted).await;
        let as_revocation = world
            .app
            .revocation_page(&collection.flow, visit(Some(&collection.cookie), source(1)))
            .await;
        assert_eq!(refusal(as_revocation), Refusal::FlowEnded);
    }
}

#[tokio::test]
async fn two_tabs_interleave_without_touching_each_other() {
    for world in worlds().await {
        let (a, b) = (world.posted().await, world.posted().await);
        let (tab_a, tab_b) = (world.open(&a).await, world.open(&b).await);
        let cookie_b = world.set_password(&tab_b, "password b").await;
        let cookie_a = world.set_password(&tab_a, "password a").await;
        let download = async |tab: &Opened, cookie: &str| {
            let file = world
                .app
                .download(&tab.flow, visit(Some(cookie), source(1)), 2, NOW)
                .await;
            file.unwrap()
        };
        let file_b = download(&tab_b, &cookie_b).await;
        let file_a = download(&tab_a, &cookie_a).await;
        assert_eq!(file_a.name, format!("{}.p12", a.grant.request_id));
        assert_eq!(file_b.name, format!("{}.p12", b.grant.request_id));
        tegata_pki::pkcs12::open(&file_a.der, "password a").unwrap();
        tegata_pki::pkcs12::open(&file_b.der, "password b").unwrap();
    }
}

#[tokio::test]
async fn a_repeated_post_is_answered_as_the_first_and_another_one_is_told_where_things_stand() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let post = async |text: &str, version| {
            let cookie = Some(opened.cookie.as_str());
            let form = password(text, version);
            let set = world
                .app
                .set_password(&opened.flow, visit(cookie, source(1)), form, NOW);
            set.await
        };
        post(PASSWORD, 1).await.unwrap();
        post(PASSWORD, 1).await.unwrap();
        assert_eq!(refusal(post("another", 1).await), Refusal::FlowElsewhere);
        assert_eq!(refusal(post(PASSWORD, 2).await), Refusal::FlowElsewhere);
        assert_eq!(refusal(post(PASSWORD, 7).await), Refusal::FlowElsewhere);
        assert_eq!(
            refusal(post(PASSWORD, i64::MAX).await),
            Refusal::FlowElsewhere
        );
        assert_eq!(
            world
                .db
                .count("certificate where kind = 'subscriber'")
                .await,
            1
        );
    }
}

#[tokio::test]
async fn a_download_needs_the_page_that_is_shown_and_the_cookie_with_the_password() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let cookie = world.set_password(&opened, PASSWORD).await;
        for (cookie, version) in [(&opened.cookie, 2), (&cookie, 1), (&cookie, 3)] {
            let file = world
                .app
                .download(&opened.flow, visit(Some(cookie), source(1)), version, NOW)
                .await;
            let refused = match file {
                Err(tegata_app::Error::Refused(refusal)) => refusal,
                _ => panic!("version {version}"),
            };
            assert_eq!(refused, Refusal::FlowElsewhere);
        }
        assert_eq!(world.db.count("collection").await, 0);
    }
}

#[tokio::test]
async fn a_procedure_ends_two_hours_after_its_last_step_by_the_systems_clock() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        world.clock.advance(86_400);
        world.system.advance(7_200);
        let cookie = world.set_password(&opened, PASSWORD).await;
        world.system.advance(7_200);
        let kept = page(&world, &opened.flow, Some(&cookie)).await;
        assert_eq!(kept, Ok(FlowStep::Ready));
        world.system.advance(1);
        let ended = page(&world, &opened.flow, Some(&cookie)).await;
        assert_eq!(ended, Err(Refusal::FlowEnded));
        let file = world
            .app
            .download(&opened.flow, visit(Some(&cookie), source(1)), 2, NOW)
            .await;
        assert_eq!(
            file.map(|_| ()).map_err(|e| e.to_string()),
            Err(Refusal::FlowEnded.to_string())
        );
        let repeated = world
            .app
            .set_password(
                &opened.flow,
                visit(Some(&cookie), source(1)),
                password(PASSWORD, 1),
                NOW,
            )
            .await;
        assert_eq!(refusal(repeated), Refusal::FlowEnded);
        world.system.advance(86_400 + 60);
        world.jobs().await;
        assert_eq!(world.db.count("flow").await, 0);
    }
}

#[tokio::test]
async fn back_and_forth_in_the_revocation_keeps_what_was_entered() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        let (app, cookie) = (&world.app, Some(opened.cookie.as_str()));
        app.correct_revocation(&opened.flow, visit(cookie, source(1)), 2)
            .await
            .unwrap();
        app.correct_revocation(&opened.flow, visit(cookie, source(1)), 2)
            .await
            .unwrap();
        let page = app
            .revocation_page(&opened.flow, visit(cookie, source(1)))
            .await
            .unwrap();
        assert_eq!((page.step, page.version), (FlowStep::Form, 3));
        assert_eq!(page.entered.unwrap().mail, crate::world::FORM_MAIL);
        assert_eq!(refusal(world.submit(&opened).await), Refusal::FlowElsewhere);
        app.enter_revocation(
            &opened.flow,
            visit(cookie, source(1)),
            revocation_form(3, "closed"),
        )
        .await
        .unwrap();
        let page = app
            .revocation_page(&opened.flow, visit(cookie, source(1)))
            .await
            .unwrap();
        assert_eq!((page.step, page.version), (FlowStep::Confirm, 4));
        assert_eq!(world.db.count("revocation_request").await, 0);
    }
}

/// A tab of a browser: its procedure, and every cookie that it ever got with the password in it.
struct Tab {
    grant: usize,
    opened: Opened,
    cookies: Vec<(String, &'static str)>,
}

/// T01: eight tabs over three grants, back, reload, repeated, stale and doubled posts in any order.
#[tokio::test]
async fn tabs_in_any_order_give_only_their_own_key_under_their_own_password() {
    let world = World::begin(sqlite().await, policy()).await;
    let mut grants = Vec::new();
    for _ in 0..3 {
        grants.push(world.posted().await);
    }
    let mut tabs = Vec::new();
    for n in 0..8 {
        let grant = n % grants.len();
        let opened = world.open(&grants[grant]).await;
        let cookies = vec![(opened.cookie.clone(), "")];
        tabs.push(Tab {
            grant,
            opened,
            cookies,
        });
    }
    let (entropy, app) = (SeededEntropy::new(7), &world.app);
    let mut keys = HashMap::new();
    let mut files = 0;
    for _ in 0..600 {
        let [tab, cookie, step, text, version, ..] = octets::<8>(&entropy).map(usize::from);
        let count = tabs.len();
        let tab = &mut tabs[tab % count];
        let (cookie, typed) = tab.cookies[cookie % tab.cookies.len()].clone();
        let text = ["first password", "second password"][text % 2];
        let now_at = app
            .collection_page(&tab.opened.flow, visit(Some(&cookie), source(1)), NOW)
            .await;
        let version = now_at.unwrap().version - [0, 0, 0, 1][version % 4];
        let flow = &tab.opened.flow;
        let answer = match step % 4 {
            0 | 1 => app
                .set_password(
                    flow,
                    visit(Some(&cookie), source(1)),
                    password(text, version),
                    NOW,
                )
                .await
                .map(|cookie| tab.cookies.push((cookie, text))),
            2 => {
                let file = app
                    .download(flow, visit(Some(&cookie), source(1)), version, NOW)
                    .await;
                file.map(|file| {
                    assert_eq!(
                        file.name,
                        format!("{}.p12", grants[tab.grant].grant.request_id)
                    );
                    let file = tegata_pki::pkcs12::open(&file.der, typed).unwrap();
                    let key = file.key.public_key().spki_sha256();
                    assert_eq!(*keys.entry(tab.grant).or_insert(key), key);
                    files += 1;
                })
            }
            _ => {
                app.change_password(flow, visit(Some(&cookie), source(1)), version)
                    .await
            }
        };
        if let Err(error) = answer {
            let expected = matches!(error, Error::Refused(Refusal::FlowElsewhere));
            assert!(expected, "{error}");
        }
    }
    assert!(files > 20, "only {files} files were handed out");
    assert_eq!(keys.len(), grants.len());
    let certificates = world.db.count("certificate").await;
    assert_eq!(certificates, 3);
    let (mails, collections) = (
        world.db.count("outbox").await,
        world.db.count("collection").await,
    );
    assert_eq!(
        mails,
        collections + 3,
        "a mail for each collection and each letter"
    );
}
