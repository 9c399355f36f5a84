//! The letter: released by two persons, printed, posted, come back (decisions F8, I2, K2).

use std::collections::BTreeSet;

use tegata_app::{ActRefusal, App, Letter, NewApplication, Refusal};
use tegata_domain::audit::Actor;
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::institution::{ClassName, MailAddress};
use tegata_domain::outbox::MailKind;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::reference::RequestId;

use crate::world::{MAIL, NOW, Posted, World, refusal, source, visit, worlds};

fn release(grants: &[&Grant]) -> ProposedAct {
    let requests = grants.iter().map(|grant| grant.request_id.clone());
    ProposedAct::ReleaseLetters {
        requests: requests.collect(),
    }
}

async fn printing(app: &App) -> Vec<RequestId> {
    let waiting = app.letters_to_print(None, 10).await.unwrap();
    waiting
        .into_iter()
        .map(|one| one.grant.request_id)
        .collect()
}

async fn posting(app: &App) -> Vec<RequestId> {
    let waiting = app.letters_to_post(None, 10).await.unwrap();
    waiting
        .into_iter()
        .map(|one| one.grant.request_id)
        .collect()
}

/// The longest and the strangest that intake takes are on paper as they were typed; what paper cannot show is refused at
/// intake with the character.
#[tokio::test]
async fn what_intake_takes_can_be_printed_and_the_rest_is_refused_there() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let mut longest = crate::world::institution("dental", "1330123454");
        longest.name = "髙﨑𠮷".repeat(26);
        longest.address = format!("東京都{}", "葛飾区-1".repeat(15));
        app.add_institution(longest, Actor::System, NOW)
            .await
            .unwrap();
        let enter = async |terminal: &str| {
            let new = NewApplication {
                class: ClassName::new("dental"),
                code: "1330123454".to_owned(),
                terminal: terminal.to_owned(),
                mail: MailAddress::parse(MAIL).unwrap(),
            };
            app.enter_application(new, &people.intake, NOW).await
        };
        for terminal in [
            "髙﨑𠮷の端末",
            "ﾚｾｺﾝ 1号機",
            "<script>alert(1)</script>",
            &"受".repeat(64),
        ] {
            let entered = enter(terminal).await.unwrap();
            app.examine_application(&entered.id, &people.examiner, NOW)
                .await
                .unwrap();
            let grant = app
                .approve_application(&entered.id, &people.approver, NOW)
                .await
                .unwrap();
            let letter = world.printed(&grant.request_id).await;
            let pdf = app.letters_pdf(&[letter]).await;
            let pdf = pdf.unwrap_or_else(|error| panic!("{terminal}: {error}"));
            assert!(pdf.starts_with(b"%PDF-"));
        }
        for (terminal, told) in [
            ("外字\u{e000}", "U+E000"),
            ("葛\u{e0100}飾", "U+E0100"),
            ("受付\r\nBcc: x", "one line"),
            (&"受".repeat(500), "64 characters"),
            ("受付\u{202e}1", "one line"),
        ] {
            let refused = refusal(enter(terminal).await).to_string();
            assert!(refused.contains(told), "{terminal}: {refused}");
        }
    }
}

#[tokio::test]
async fn the_two_persons_print_the_letter_until_it_is_posted_and_each_look_is_recorded() {
    for world in worlds().await {
        let grant = world.approved().await;
        let (app, people, request) = (&world.app, &world.people, &grant.request_id);
        let release = world.released(request).await;
        let mut looks: Vec<Letter> = Vec::new();
        for by in [&people.dispatcher, &people.second_dispatcher] {
            let mut letters = app.released_letters(&release, by, NOW).await.unwrap();
            assert_eq!(letters.len(), 1);
            looks.append(&mut letters);
        }
        let [first, second] = looks.as_slice() else {
            panic!()
        };
        assert_eq!(first.reference_id.expose(), second.reference_id.expose());
        assert_eq!(first.reference_id.expose().len(), 10);
        assert_eq!(world.audited("letter.print").await, 2);
        let by = &people.dispatcher;
        app.post_letter(request, Some("123-45-67890-1"), by, NOW)
            .await
            .unwrap();
        let after = app.released_letters(&release, by, NOW).await;
        assert!(matches!(
            refusal(after),
            Refusal::Act(ActRefusal::LettersPosted)
        ));
        assert_eq!(world.db.count("letter_secret").await, 0);
        let again = app.post_letter(request, None, by, NOW).await;
        assert!(matches!(refusal(again), Refusal::State(_)));
        let mails = world.mails(MailKind::LetterPosted).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to.as_str(), MAIL);
        assert_eq!(mails[0].values["tracking"], "123-45-67890-1");
    }
}

#[tokio::test]
async fn the_letter_says_what_the_paper_needs() {
    for world in worlds().await {
        let grant = world.approved().await;
        let letter = world.printed(&grant.request_id).await;
        assert_eq!(letter.grant, grant);
        assert_eq!(letter.postal_code, "060-0000");
        assert_eq!(letter.address, "札幌市見本区1-1");
        assert_eq!(letter.class_label, "医科");
        assert_eq!(letter.printed_on, NOW.japan_date());
        assert_eq!(letter.connection_code.len(), 19);
        for root in [&letter.tls_root, &letter.subscriber_root] {
            assert!(root.is_root);
            assert_eq!((root.sha1.len(), root.sha256.len()), (44, 64));
        }
        assert_ne!(letter.tls_root.sha256, letter.subscriber_root.sha256);
        assert_eq!(letter.reissue, None);
    }
}

#[tokio::test]
async fn nobody_but_the_two_persons_sees_the_letters() {
    for world in worlds().await {
        let third = world
            .operator("dispatcher3", tegata_domain::operator::Role::Dispatcher)
            .await;
        let grant = world.approved().await;
        let release = world.released(&grant.request_id).await;
        let app = &world.app;
        for by in [&third, &world.people.approver, &world.people.administrator] {
            let letters = app.released_letters(&release, by, NOW).await;
            assert_eq!(refusal(letters), Refusal::NotAllowed);
        }
        let mut gone = world.people.dispatcher.clone();
        gone.roles.clear();
        let letters = app.released_letters(&release, &gone, NOW).await;
        assert_eq!(refusal(letters), Refusal::NotAllowed);
        assert_eq!(world.audited("refused").await, 4);
        assert_eq!(world.audited("letter.print").await, 0);
    }
}

#[tokio::test]
async fn a_letter_that_was_not_released_is_not_posted() {
    for world in worlds().await {
        let grant = world.approved().await;
        let by = &world.people.dispatcher;
        let posted = world
            .app
            .post_letter(&grant.request_id, None, by, NOW)
            .await;
        assert!(matches!(
            refusal(posted),
            Refusal::Act(ActRefusal::NotReleased)
        ));
        assert!(world.mails(MailKind::LetterPosted).await.is_empty());
    }
}

#[tokio::test]
async fn a_batch_is_released_at_once_and_each_letter_posted_by_itself() {
    for world in worlds().await {
        let (a, b) = (world.approved().await, world.approved().await);
        let (app, people) = (&world.app, &world.people);
        assert_eq!(printing(app).await.len(), 2);
        let persons = [&people.dispatcher, &people.second_dispatcher];
        let done = world.done_by_two(release(&[&a, &b]), persons).await;
        let (release, by) = (done.proposal.id, &people.second_dispatcher);
        assert!(printing(app).await.is_empty());
        assert_eq!(posting(app).await.len(), 2);
        let letters = app.released_letters(&release, by, NOW).await.unwrap();
        let printed: BTreeSet<_> = letters.iter().map(|l| &l.grant.request_id).collect();
        assert_eq!(printed, BTreeSet::from([&a.request_id, &b.request_id]));
        app.post_letter(&a.request_id, None, by, NOW).await.unwrap();
        assert_eq!(posting(app).await, std::slice::from_ref(&b.request_id));
        let letters = app.released_letters(&release, by, NOW).await.unwrap();
        assert_eq!(letters.len(), 1);
    }
}

#[tokio::test]
async fn a_spoiled_print_is_released_again_by_two() {
    for world in worlds().await {
        let grant = world.approved().await;
        let (app, by) = (&world.app, &world.people.dispatcher);
        let first = world.released(&grant.request_id).await;
        let second = world.released(&grant.request_id).await;
        let old = app.released_letters(&first, by, NOW).await;
        assert!(matches!(
            refusal(old),
            Refusal::Act(ActRefusal::LettersPosted)
        ));
        let letters = app.released_letters(&second, by, NOW).await.unwrap();
        assert_eq!(letters.len(), 1);
    }
}

#[tokio::test]
async fn the_number_of_the_post_has_digits_and_hyphens() {
    for world in worlds().await {
        let grant = world.approved().await;
        world.released(&grant.request_id).await;
        let by = &world.people.dispatcher;
        for tracking in ["", " ", "12a", "12\n34", "=1+1", &"1".repeat(33)] {
            let request = &grant.request_id;
            let posted = world
                .app
                .post_letter(request, Some(tracking), by, NOW)
                .await;
            assert!(
                matches!(refusal(posted), Refusal::Act(ActRefusal::TrackingMalformed)),
                "{tracking:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_ids_of_a_letter_that_came_back_do_nothing_until_it_goes_out_again() {
    for world in worlds().await {
        let posted = world.posted().await;
        let (app, by) = (&world.app, &world.people.dispatcher);
        let request = &posted.grant.request_id;
        let opened = world.open(&posted).await;
        let back = app.letter_returned(request, by, NOW).await.unwrap();
        assert_eq!(back.state, GrantState::LetterReturned { at: NOW });
        assert_eq!(world.open_refused(&posted).await, Refusal::WrongIds);
        let page = app
            .collection_page(&opened.flow, visit(Some(&opened.cookie), source(1)), NOW)
            .await;
        assert_eq!(refusal(page), Refusal::FlowEnded);
        let twice = app.letter_returned(request, by, NOW).await;
        assert!(matches!(refusal(twice), Refusal::State(_)));
        world.advance(60);
        app.post_letter(request, None, by, world.now())
            .await
            .unwrap();
        world.collect(&posted).await;
        assert_eq!(world.mails(MailKind::LetterPosted).await.len(), 2);
        assert_eq!(world.audited("letter.return").await, 1);
    }
}

#[tokio::test]
async fn a_collected_letter_does_not_come_back() {
    for world in worlds().await {
        let posted: Posted = collected(&world).await;
        let by = &world.people.dispatcher;
        let back = world.app.letter_returned(&posted.grant.request_id, by, NOW);
        assert!(matches!(refusal(back.await), Refusal::State(_)));
    }
}

async fn collected(world: &World) -> Posted {
    let posted = world.posted().await;
    world.collect(&posted).await;
    posted
}
