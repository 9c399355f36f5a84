//! Sessions of the console (decision F8, T41), and what its pages read.

use tegata_app::{Refusal, What, one_time_code};
use tegata_domain::audit::Actor;
use tegata_domain::operator::Role;
use tegata_domain::secret::Secret;

use crate::world::{NOW, World, refusal, source, worlds};

const PASSWORD: &str = "a long enough password";

async fn hired(world: &World) -> Secret<String> {
    let password = Secret::from(PASSWORD);
    let added = world
        .app
        .add_operator("sato", &password, &[Role::Examiner], Actor::System, NOW)
        .await;
    added.unwrap().totp_secret
}

fn code(world: &World, secret: &Secret<String>) -> String {
    one_time_code(secret, world.app.system_now()).unwrap()
}

#[tokio::test]
async fn a_session_lives_thirty_idle_minutes_by_the_systems_clock() {
    for world in worlds().await {
        let secret = hired(&world).await;
        let (app, password) = (&world.app, Secret::from(PASSWORD));
        let now = code(&world, &secret);
        let token = app
            .log_in("sato", &password, &now, source(1))
            .await
            .unwrap();
        world.clock.advance(86_400 * 400);
        let session = app.session(token.expose()).await.unwrap().unwrap();
        assert!(session.is_stepped_up && session.operator.name == "sato");
        world.system.advance(29 * 60);
        let session = app.session(token.expose()).await.unwrap().unwrap();
        assert!(!session.is_stepped_up);
        world.system.advance(29 * 60);
        assert!(app.session(token.expose()).await.unwrap().is_some());
        world.system.advance(30 * 60);
        assert!(app.session(token.expose()).await.unwrap().is_none());
        for other in ["", "x", &"A".repeat(43)] {
            assert!(app.session(other).await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn a_code_that_opened_a_login_opens_no_act() {
    for world in worlds().await {
        let secret = hired(&world).await;
        let (app, password) = (&world.app, Secret::from(PASSWORD));
        let used = code(&world, &secret);
        let token = app
            .log_in("sato", &password, &used, source(1))
            .await
            .unwrap();
        let session = app.session(token.expose()).await.unwrap().unwrap();
        let again = app.step_up(&session, &used, source(1)).await;
        assert_eq!(refusal(again), Refusal::NotAllowed);
        world.system.advance(6 * 60);
        let session = app.session(token.expose()).await.unwrap().unwrap();
        assert!(!session.is_stepped_up);
        let fresh = code(&world, &secret);
        app.step_up(&session, &fresh, source(1)).await.unwrap();
        let session = app.session(token.expose()).await.unwrap().unwrap();
        assert!(session.is_stepped_up);
        app.log_out(&session).await.unwrap();
        assert!(app.session(token.expose()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn wrong_logins_cost_their_source_and_nobody_else() {
    for world in worlds().await {
        let secret = hired(&world).await;
        let (app, password) = (&world.app, Secret::from(PASSWORD));
        let wrong = Secret::from("wrong");
        let budget = app.policy().guessing.budget_per_minute;
        let free = app.policy().guessing.free_per_minute;
        assert!(free < budget);
        for _ in 0..free {
            let tried = app.log_in("sato", &wrong, "000000", source(9)).await;
            assert_eq!(refusal(tried.map(drop)), Refusal::NotAllowed);
        }
        let now = code(&world, &secret);
        let right = app.log_in("sato", &password, &now, source(9)).await;
        right.map(drop).unwrap();
    }
}

#[tokio::test]
async fn t41_after_five_wrong_codes_none_is_judged_until_the_next_minute() {
    for world in worlds().await {
        let secret = hired(&world).await;
        let (app, password) = (&world.app, Secret::from(PASSWORD));
        for n in 0..5 {
            let tried = app.log_in("sato", &password, "wrong", source(n)).await;
            assert_eq!(refusal(tried.map(drop)), Refusal::NotAllowed);
        }
        let right = code(&world, &secret);
        let tried = app.log_in("sato", &password, &right, source(9)).await;
        assert_eq!(refusal(tried.map(drop)), Refusal::NotAllowed);
        world.system.advance(60);
        let right = code(&world, &secret);
        let begun = app.log_in("sato", &password, &right, source(9)).await;
        begun.map(drop).unwrap();
    }
}

#[tokio::test]
async fn a_source_that_used_its_budget_up_is_not_judged_any_more() {
    for mut world in worlds().await {
        world.change_policy(|policy| {
            policy.guessing.free_per_minute = 2;
            policy.guessing.budget_per_minute = 2;
        });
        world.restart().await;
        let secret = hired(&world).await;
        let (app, password) = (&world.app, Secret::from(PASSWORD));
        for _ in 0..2 {
            let wrong = Secret::from("wrong");
            let tried = app.log_in("sato", &wrong, "000000", source(9)).await;
            assert_eq!(refusal(tried.map(drop)), Refusal::NotAllowed);
        }
        let right = code(&world, &secret);
        let tried = app.log_in("sato", &password, &right, source(9)).await;
        assert!(matches!(
            refusal(tried.map(drop)),
            Refusal::Throttled { .. }
        ));
        app.log_in("sato", &password, &right, source(8))
            .await
            .map(drop)
            .unwrap();
    }
}

#[tokio::test]
async fn a_case_is_read_as_a_whole_with_its_mails() {
    for world in worlds().await {
        let posted = world.posted().await;
        let case = world.app.case(&posted.grant.application).await.unwrap();
        assert_eq!(case.grants.len(), 1);
        let own = &case.grants[0];
        assert_eq!(own.grant.request_id, posted.grant.request_id);
        assert!(own.posted.is_some() && own.certificate.is_none());
        let told: Vec<String> = case
            .story
            .iter()
            .map(|entry| match &entry.what {
                What::Event(event) => event.action.clone(),
                What::Mail { mail, .. } => mail.kind.as_str().to_owned(),
            })
            .collect();
        for wanted in [
            "application.enter",
            "grant.approve",
            "letter.post",
            "letter_posted",
        ] {
            assert!(told.iter().any(|one| one == wanted), "{wanted} in {told:?}");
        }
        let overview = world.app.overview().await.unwrap();
        assert_eq!(overview.mails.number, 1);
        assert_eq!(overview.submitted.number, 0);
    }
}
