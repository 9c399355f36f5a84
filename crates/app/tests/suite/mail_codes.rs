//! 確認番号 by mail before a collection goes on (RCD-1b, decision K2).

use tegata_app::{CodeWait, Error, FieldProblem, Opened, Refusal};
use tegata_domain::flow::FlowStep;
use tegata_domain::outbox::MailKind;
use tegata_domain::policy::SecondFactor;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::secret::Secret;

use crate::database::{postgres, sqlite};
use crate::world::{MAIL, PASSWORD, Posted, World, password, policy, refusal, source, visit};

async fn worlds() -> Vec<World> {
    let mut policy = policy();
    policy.collect.second_factor = SecondFactor::MailCode;
    let mut worlds = vec![World::begin(sqlite().await, policy.clone()).await];
    if let Some(database) = postgres().await {
        worlds.push(World::begin(database, policy).await);
    }
    worlds
}

/// The numbers of the mails that wait, the earliest first.
async fn numbers(world: &World) -> Vec<String> {
    let mut numbers = Vec::new();
    for mail in world.app.claim_mails(50).await.unwrap() {
        let mut words = mail.text.body.split_whitespace();
        if words.any(|word| word == "確認番号") {
            numbers.push(words.next().unwrap_or_default().to_owned());
        }
    }
    numbers
}

async fn wait(world: &World, opened: &Opened) -> (FlowStep, i64, Option<CodeWait>) {
    let cookie = Some(opened.cookie.as_str());
    let page = world
        .app
        .collection_page(&opened.flow, visit(cookie, source(1)), world.now());
    let page = page.await.unwrap();
    (page.step, page.version, page.code)
}

async fn enter(world: &World, opened: &Opened, version: i64, typed: &str) -> Result<(), Error> {
    let visit = visit(Some(&opened.cookie), source(1));
    let typed = Secret::from(typed);
    let app = &world.app;
    app.enter_code(&opened.flow, visit, version, &typed).await
}

async fn resend(world: &World, opened: &Opened, version: i64) -> Result<(), Error> {
    let visit = visit(Some(&opened.cookie), source(1));
    let app = &world.app;
    app.send_code_again(&opened.flow, visit, version, world.now())
        .await
}

fn is_wrong(answer: Result<(), Error>) -> bool {
    refusal(answer) == Refusal::Fields(vec![FieldProblem::CodeWrong])
}

#[tokio::test]
async fn k2_the_mailed_number_leads_on_in_any_width_and_nothing_else_does() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let (step, version, code) = wait(&world, &opened).await;
        assert_eq!((step, version), (FlowStep::Code, 1));
        let code = code.unwrap();
        assert_eq!(
            (code.mail.as_str(), code.is_sent),
            ("c****@clinic.example", true)
        );
        let visit = visit(Some(&opened.cookie), source(1));
        let set = world
            .app
            .set_password(&opened.flow, visit, password(PASSWORD, 1), world.now())
            .await;
        assert_eq!(refusal(set), Refusal::FlowElsewhere);
        let file = world
            .app
            .download(&opened.flow, visit, 1, world.now())
            .await;
        assert!(matches!(refusal(file.map(drop)), Refusal::FlowElsewhere));

        let number = numbers(&world).await.remove(0);
        assert_eq!(number.len(), 8);
        for mail in world.mails(MailKind::CollectionCode).await {
            assert_eq!(mail.to.as_str(), MAIL);
            assert!(mail.values.values().all(|value| !value.contains(&number)));
        }
        assert!(is_wrong(enter(&world, &opened, 1, "00000000").await));
        let wide: String = number
            .chars()
            .map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap())
            .collect();
        let (first, last) = wide.split_at(12);
        enter(&world, &opened, 2, &format!(" {first} {last}"))
            .await
            .unwrap();
        let (step, _, code) = wait(&world, &opened).await;
        assert_eq!((step, code), (FlowStep::Password, None));
        world.set_password(&opened, PASSWORD).await;
        assert_eq!(world.audited("collection.code").await, 1);
        assert_eq!(world.audited("collection.code.wrong").await, 1);
    }
}

#[tokio::test]
async fn a_number_dies_with_its_time_its_tries_and_the_next_one() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let late = numbers(&world).await.remove(0);
        world.advance(15 * 60);
        assert!(is_wrong(enter(&world, &opened, 1, &late).await));
        resend(&world, &opened, 2).await.unwrap();
        let tried = numbers(&world).await.remove(0);
        assert!(is_wrong(enter(&world, &opened, 3, &late).await));
        for version in 4..8 {
            let wrong = if tried == "12345678" {
                "87654321"
            } else {
                "12345678"
            };
            assert!(is_wrong(enter(&world, &opened, version, wrong).await));
        }
        assert!(
            is_wrong(enter(&world, &opened, 8, &tried).await),
            "five tries"
        );
        world.advance(60);
        resend(&world, &opened, 9).await.unwrap();
        let right = numbers(&world).await.remove(0);
        enter(&world, &opened, 10, &right).await.unwrap();
        assert_eq!(wait(&world, &opened).await.0, FlowStep::Password);
    }
}

#[tokio::test]
async fn numbers_are_mailed_a_minute_apart_and_five_times_an_hour() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        world.advance(59);
        let early = resend(&world, &opened, 1).await;
        assert_eq!(
            refusal(early),
            Refusal::Fields(vec![FieldProblem::CodeTooSoon])
        );
        let mut last = world.open(&posted).await;
        for _ in 0..3 {
            world.advance(1);
            last = world.open(&posted).await;
        }
        assert_eq!(world.mails(MailKind::CollectionCode).await.len(), 5);
        let none = world.open(&posted).await;
        assert!(!wait(&world, &none).await.2.unwrap().is_sent);
        assert!(is_wrong(enter(&world, &none, 1, "").await));
        assert_eq!(world.mails(MailKind::CollectionCode).await.len(), 5);
        let number = numbers(&world).await.pop().unwrap();
        enter(&world, &last, 1, &number).await.unwrap();
        world.advance(3_600);
        resend(&world, &none, 2).await.unwrap();
        assert!(wait(&world, &none).await.2.unwrap().is_sent);
    }
}

#[tokio::test]
async fn a_number_is_for_its_own_procedure_and_for_the_address_of_today() {
    for world in worlds().await {
        let posted: Posted = world.posted().await;
        let one = world.open(&posted).await;
        world.advance(1);
        let two = world.open(&posted).await;
        let numbers = numbers(&world).await;
        assert!(is_wrong(enter(&world, &two, 1, &numbers[0]).await));
        enter(&world, &two, 2, &numbers[1]).await.unwrap();
        let helper = world
            .operator("examiner2", tegata_domain::operator::Role::Examiner)
            .await;
        let act = ProposedAct::ChangeMail {
            request: posted.grant.request_id.clone(),
            mail: tegata_domain::institution::MailAddress::parse("new@clinic.example").unwrap(),
        };
        world
            .done_by_two(act, [&world.people.examiner, &helper])
            .await;
        assert!(is_wrong(enter(&world, &one, 1, &numbers[0]).await));
    }
}
