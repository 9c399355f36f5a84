//! RCD-1b: the 確認番号 that is mailed to the registered address and asked for beside the two IDs (decision K2).

use std::collections::BTreeSet;

use tegata_app::{CodeForm, CodePage, Error, FieldProblem, MailFate, Opened, Refusal, What};
use tegata_domain::flow::FlowStep;
use tegata_domain::grant::GrantState;
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::MailKind;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::secret::Secret;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tokio::task::JoinSet;

use crate::world::{
    MAIL, PASSWORD, Posted, World, default_worlds, ids, password, refusal, source, visit,
};

fn wrong() -> Refusal {
    Refusal::Fields(vec![FieldProblem::MailCodeWrong])
}

async fn code_page(world: &World, opened: &Opened) -> CodePage {
    let visit = visit(Some(&opened.cookie), source(1));
    let page = world.app.code_page(&opened.flow, visit, world.now()).await;
    page.unwrap()
}

async fn step(world: &World, opened: &Opened) -> FlowStep {
    let visit = visit(Some(&opened.cookie), source(1));
    let page = world.app.collection_page(&opened.flow, visit, world.now());
    page.await.unwrap().step
}

async fn resend(world: &World, opened: &Opened) -> Result<(), Error> {
    let version = world.version(opened).await;
    let visit = visit(Some(&opened.cookie), source(1));
    world
        .app
        .resend_code(&opened.flow, visit, version, world.now())
        .await
}

/// Eight digits that are not these.
fn other_than(code: &str) -> String {
    let turned = |c| if c == '1' { '2' } else { '1' };
    code.chars().map(turned).collect()
}

/// Whether any text of the database that could have it holds this code in clear.
async fn is_stored(world: &World, code: &str) -> bool {
    let mut found = 0;
    for (table, column) in [
        ("outbox", "fields"),
        ("audit", "detail"),
        ("flow", "entered"),
    ] {
        let count =
            format!("select cast(count(*) as bigint) from {table} where {column} like '%{code}%'");
        found += world.db.number(&count).await;
    }
    found > 0
}

/// Rows of the outbox that still carry a sealed code.
async fn sealed(world: &World) -> i64 {
    let count = "select cast(count(*) as bigint) from outbox where fields like '%sealed_code%'";
    world.db.number(count).await
}

#[tokio::test]
async fn the_two_ids_and_the_mailed_code_lead_to_the_file() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        assert_eq!(step(&world, &opened).await, FlowStep::Code);
        let page = code_page(&world, &opened).await;
        assert_eq!(page.masked_mail, "c****@clinic.example");
        let now = world.now();
        assert_eq!(page.sent, Some((now, now.plus_seconds(900))));
        assert_eq!(page.next_at, Some(now.plus_seconds(60)));
        let waiting = world.mails(MailKind::CollectionCode).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].to.as_str(), MAIL);
        assert_eq!(sealed(&world).await, 1);

        let code = world.mailed_code().await;
        assert_eq!(code.len(), 8, "{code}");
        assert_eq!(sealed(&world).await, 0, "it is gone with the hand-over");
        world.type_code(&opened, &code).await.unwrap();
        assert_eq!(step(&world, &opened).await, FlowStep::Password);
        let cookie = world.set_password(&opened, PASSWORD).await;
        let visit = visit(Some(&cookie), source(1));
        let version = world.version(&opened).await;
        let file = world.app.download(&opened.flow, visit, version, now);
        tegata_pki::pkcs12::open(&file.await.unwrap().der, PASSWORD).unwrap();

        assert!(!is_stored(&world, &code).await);
        for action in ["flow.collect", "collection.code.send", "collection.code"] {
            assert_eq!(world.audited(action).await, 1, "{action}");
        }
    }
}

#[tokio::test]
async fn every_procedure_asks_anew_also_with_the_ids_of_a_renewal() {
    for world in default_worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let posted = world.as_posted(&renewed).await;
        world.collect(&posted).await;
        let again = world.open(&posted).await;
        assert_eq!(step(&world, &again).await, FlowStep::Code);
        assert_eq!(world.audited("collection.code").await, 2);
        assert_eq!(world.audited("collection.code.send").await, 3);
    }
}

#[tokio::test]
async fn no_later_step_can_be_taken_before_the_code() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let opened = world.open(&posted).await;
        let (app, now) = (&world.app, world.now());
        let here = visit(Some(&opened.cookie), source(1));
        let flow = &opened.flow;
        let refusals = [
            refusal(
                app.set_password(flow, here, password(PASSWORD, 1), now)
                    .await,
            ),
            refusal(app.accept_weak_password(flow, here, 1, now).await),
            refusal(app.change_password(flow, here, 1).await),
            refusal(app.download(flow, here, 1, now).await),
            refusal(app.erase_key(flow, here, 1, true, now).await),
            refusal(app.freeze(flow, here, 1, now).await),
        ];
        assert!(refusals.iter().all(|told| *told == Refusal::FlowElsewhere));
        let page = app.collection_page(flow, here, now).await.unwrap();
        assert_eq!((page.downloads, page.earlier.len()), (0, 0));
        assert!(matches!(
            world.grant_state(&posted).await,
            GrantState::Collected { .. }
        ));
    }
}

#[tokio::test]
async fn who_collected_by_the_terminal_is_told_after_the_code() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let (request, now) = (&posted.grant.request_id, world.now());
        world
            .app
            .issue_for_terminal_key(request, key.public_key(), now)
            .await
            .unwrap();
        let opened = world.open(&posted).await;
        let told = async || {
            let visit = visit(Some(&opened.cookie), source(1));
            let page = world.app.collection_page(&opened.flow, visit, now).await;
            page.unwrap().on_terminal
        };
        assert_eq!(told().await, None);
        let code = world.mailed_code().await;
        world.type_code(&opened, &code).await.unwrap();
        assert_eq!(told().await, Some(now));
    }
}

#[tokio::test]
async fn a_code_is_read_however_it_is_typed_and_a_repeated_form_gets_the_first_answer() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let code = world.mailed_code().await;
        for typed in ["", "1234567", "123456789", "abcdefgh"] {
            let told = refusal(world.type_code(&opened, typed).await);
            assert_eq!(
                told,
                Refusal::Fields(vec![FieldProblem::MailCodeForm { digits: 8 }])
            );
        }
        let wide: String = code
            .chars()
            .map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap())
            .collect();
        let wide = format!("{}\u{3000}{}", &wide[..12], &wide[12..]);
        let post = async || {
            let form = CodeForm {
                version: 1,
                code: Secret::new(wide.clone()),
            };
            let visit = visit(Some(&opened.cookie), source(1));
            let posted = world
                .app
                .confirm_code(&opened.flow, visit, form, world.now());
            posted.await
        };
        post().await.unwrap();
        post().await.unwrap();
        assert_eq!(world.audited("collection.code").await, 1);
        let late = refusal(world.type_code(&opened, &code).await);
        assert_eq!(late, Refusal::FlowElsewhere);
    }
}

#[tokio::test]
async fn wrong_ended_superseded_and_foreign_codes_get_one_answer() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let first = world.open(&posted).await;
        let code = world.mailed_code().await;
        let told = refusal(world.type_code(&first, &other_than(&code)).await);
        assert_eq!(told, wrong());

        let second = world.open(&posted).await;
        let foreign = refusal(world.type_code(&second, &code).await);
        assert_eq!(foreign, wrong(), "another procedure's");

        world.advance(60);
        resend(&world, &first).await.unwrap();
        let superseded = refusal(world.type_code(&first, &code).await);
        assert_eq!(superseded, wrong());

        let newest = world.mailed_code().await;
        world.advance(901);
        let ended = refusal(world.type_code(&first, &newest).await);
        assert_eq!(ended, wrong());
        assert_eq!(code_page(&world, &first).await.sent, None);
        assert_eq!(step(&world, &first).await, FlowStep::Code);
    }
}

#[tokio::test]
async fn a_code_is_taken_in_its_last_second() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let code = world.mailed_code().await;
        world.advance(900);
        world.jobs().await;
        world.type_code(&opened, &code).await.unwrap();
    }
}

#[tokio::test]
async fn codes_are_sent_a_minute_apart_and_five_in_an_hour_over_all_procedures() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let begun = world.now();
        let at = begun.plus_seconds(60);
        world.advance(59);
        let early = refusal(resend(&world, &opened).await);
        assert_eq!(early, Refusal::TooSoon { at });
        world.advance(1);
        resend(&world, &opened).await.unwrap();
        for _ in 0..3 {
            world.open(&posted).await;
        }
        world.advance(60);
        let at = begun.plus_seconds(3_600);
        let over = refusal(resend(&world, &opened).await);
        assert_eq!(over, Refusal::TooSoon { at });

        // A further procedure begins, says when its code may be sent, and takes none of the others'.
        let sixth = world.open(&posted).await;
        let page = code_page(&world, &sixth).await;
        assert_eq!((page.sent, page.next_at), (None, Some(at)));
        assert_eq!(world.audited("collection.code.send").await, 5);
        world.go_to(at.plus_seconds(-1));
        assert_eq!(
            refusal(resend(&world, &sixth).await),
            Refusal::TooSoon { at }
        );
        world.go_to(at);
        world.mailed_code().await;
        resend(&world, &sixth).await.unwrap();
        let code = world.mailed_code().await;
        world.type_code(&sixth, &code).await.unwrap();
    }
}

#[tokio::test]
async fn however_many_procedures_begin_at_once_an_hour_has_five_codes() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let mut begun = JoinSet::new();
        for _ in 0..8 {
            let (app, typed, now) = (world.app.clone(), ids(&posted), world.now());
            begun.spawn(async move { app.open_collection(typed, source(1), now).await });
        }
        let mut opened = 0;
        while let Some(one) = begun.join_next().await {
            opened += i64::from(one.unwrap().is_ok());
        }
        assert_eq!(opened, 8);
        assert_eq!(world.db.count("mail_code").await, 5);
        assert_eq!(world.mails(MailKind::CollectionCode).await.len(), 5);
    }
}

#[tokio::test]
async fn a_code_ends_after_five_tries_however_many_come_at_once() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let code = world.mailed_code().await;
        let version = world.version(&opened).await;
        let mut tries = JoinSet::new();
        for n in 0..20_u8 {
            let (app, opened, now) = (world.app.clone(), opened.clone(), world.now());
            let code = Secret::new(other_than(&code));
            tries.spawn(async move {
                let visit = visit(Some(&opened.cookie), source(n));
                let form = CodeForm { version, code };
                app.confirm_code(&opened.flow, visit, form, now).await
            });
        }
        while let Some(one) = tries.join_next().await {
            assert_eq!(refusal(one.unwrap()), wrong());
        }
        let counted = "select cast(tries as bigint) from mail_code";
        assert_eq!(world.db.number(counted).await, 5);
        assert_eq!(world.audited("collection.code.wrong").await, 5);
        let right = refusal(world.type_code(&opened, &code).await);
        assert_eq!(right, wrong(), "it has ended");

        world.advance(60);
        resend(&world, &opened).await.unwrap();
        let code = world.mailed_code().await;
        world.type_code(&opened, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_guesser_of_codes_is_refused_while_the_right_one_passes_from_the_same_source() {
    for mut world in default_worlds().await {
        world.change_policy(|policy| {
            policy.guessing.free_per_minute = 3;
            policy.guessing.budget_per_minute = 3;
        });
        world.restart().await;
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let code = world.mailed_code().await;
        for n in 0..4 {
            let told = refusal(world.type_code(&opened, &other_than(&code)).await);
            let expected = if n < 3 {
                wrong()
            } else {
                Refusal::Throttled { seconds: 60 }
            };
            assert_eq!(told, expected, "{n}");
        }
        world.type_code(&opened, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_address_ends_the_code_that_went_to_the_earlier_one() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let code = world.mailed_code().await;
        let mail = MailAddress::parse("new@clinic.example").unwrap();
        let act = ProposedAct::ChangeMail {
            request: posted.grant.request_id.clone(),
            mail: mail.clone(),
        };
        let people = &world.people;
        world
            .done_by_two(act, [&people.intake, &people.examiner])
            .await;
        let page = code_page(&world, &opened).await;
        assert_eq!(
            (page.masked_mail.as_str(), page.sent),
            ("n****@clinic.example", None)
        );
        let earlier = refusal(world.type_code(&opened, &code).await);
        assert_eq!(earlier, wrong());

        world.advance(60);
        resend(&world, &opened).await.unwrap();
        let waiting = world.mails(MailKind::CollectionCode).await;
        assert_eq!((waiting.len(), &waiting[0].to), (1, &mail));
        let code = world.mailed_code().await;
        world.type_code(&opened, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_that_ended_leaves_nothing_in_a_mail_that_was_never_handed_over() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let late = world.app.claim_mails(100).await.unwrap();
        world.advance(60);
        resend(&world, &opened).await.unwrap();
        assert_eq!(sealed(&world).await, 1, "the first is superseded");
        assert_eq!(world.mails(MailKind::CollectionCode).await.len(), 1);

        world.advance(901);
        world.jobs().await;
        assert_eq!(sealed(&world).await, 0, "the second is over");
        assert!(world.mails(MailKind::CollectionCode).await.is_empty());
        let again = world.app.claim_mails(100).await.unwrap();
        let mut subjects = again.iter().map(|mail| mail.text.subject.as_str());
        assert!(!subjects.any(|subject| subject.contains("確認番号")));
        assert_eq!(fates(&world, &posted).await, BTreeSet::from(["dropped"]));

        // The mail server took one that was given up meanwhile: that is what happened to it.
        for mail in &late {
            world.app.mail_sent(mail).await.unwrap();
        }
        assert_eq!(sealed(&world).await, 0);
        assert_eq!(
            fates(&world, &posted).await,
            BTreeSet::from(["dropped", "sent"])
        );

        world.system.advance(86_401);
        world.jobs().await;
        assert_eq!(world.db.count("mail_code").await, 0);
    }
}

/// What came of the mails that carried codes, as the console shows it.
async fn fates(world: &World, posted: &Posted) -> BTreeSet<&'static str> {
    let case = world.app.case(&posted.grant.application).await.unwrap();
    let fate = |what| match what {
        What::Mail { mail, fate } if mail.kind == MailKind::CollectionCode => Some(match fate {
            MailFate::Dropped(_) | MailFate::Undeliverable(_) => "dropped",
            MailFate::Sent(_) => "sent",
            MailFate::Waiting => "waiting",
        }),
        _ => None,
    };
    let story = case.story.into_iter();
    story.filter_map(|entry| fate(entry.what)).collect()
}

#[tokio::test]
async fn a_grant_that_was_frozen_meanwhile_takes_no_code() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let code = world.mailed_code().await;
        let other = world.open(&posted).await;
        let second = world.mailed_code().await;
        world.type_code(&other, &second).await.unwrap();
        let visit = visit(Some(&other.cookie), source(1));
        let version = world.version(&other).await;
        world
            .app
            .freeze(&other.flow, visit, version, world.now())
            .await
            .unwrap();
        let told = refusal(
            world
                .app
                .confirm_code(
                    &opened.flow,
                    crate::world::visit(Some(&opened.cookie), source(1)),
                    CodeForm {
                        version: 1,
                        code: Secret::from(code.as_str()),
                    },
                    world.now(),
                )
                .await,
        );
        assert!(matches!(told, Refusal::Frozen { .. }));
    }
}
