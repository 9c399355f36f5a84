//! Adding operators and proving who acts (decision F8).

use tegata_app::{Refusal, one_time_code};
use tegata_domain::audit::Actor;
use tegata_domain::operator::Role;
use tegata_domain::secret::Secret;

use crate::world::{NOW, refusal, worlds};

const PASSWORD: &str = "a long enough password";

#[tokio::test]
async fn an_operator_proves_himself_with_password_and_a_code_that_works_once() {
    for world in worlds().await {
        let (app, password) = (&world.app, Secret::from(PASSWORD));
        let added = app
            .add_operator("sato", &password, &[Role::Intake], Actor::System, NOW)
            .await
            .unwrap();
        let code = one_time_code(&added.totp_secret, NOW).unwrap();
        let known = app.authenticate("sato", &password, &code).await.unwrap();
        assert_eq!(known, added.operator);
        let again = app.authenticate("sato", &password, &code).await;
        assert_eq!(refusal(again), Refusal::NotAllowed);
        world.system.advance(30);
        let next = one_time_code(&added.totp_secret, world.app.system_now()).unwrap();
        app.authenticate("sato", &password, &next).await.unwrap();
    }
}

#[tokio::test]
async fn a_code_works_once_also_when_it_comes_ten_times_at_once() {
    for world in worlds().await {
        let (app, password) = (world.app.clone(), Secret::from(PASSWORD));
        let added = app
            .add_operator("sato", &password, &[Role::Intake], Actor::System, NOW)
            .await
            .unwrap();
        let code = one_time_code(&added.totp_secret, NOW).unwrap();
        let tries: Vec<_> = (0..10)
            .map(|_| {
                let (app, password, code) = (app.clone(), password.clone(), code.clone());
                tokio::spawn(
                    async move { app.authenticate("sato", &password, &code).await.is_ok() },
                )
            })
            .collect();
        let mut accepted = 0;
        for attempt in tries {
            accepted += usize::from(attempt.await.unwrap());
        }
        assert_eq!(accepted, 1);
    }
}

#[tokio::test]
async fn name_password_and_code_are_refused_with_one_answer_and_recorded() {
    for world in worlds().await {
        let (app, password) = (&world.app, Secret::from(PASSWORD));
        let added = app
            .add_operator("sato", &password, &[Role::Intake], Actor::System, NOW)
            .await
            .unwrap();
        let code = one_time_code(&added.totp_secret, NOW).unwrap();
        let wrong = Secret::from("another password");
        let answers = [
            refusal(app.authenticate("kato", &password, &code).await),
            refusal(app.authenticate("sato", &wrong, &code).await),
            refusal(app.authenticate("sato", &password, "000000").await),
        ];
        assert_eq!(answers, [const { Refusal::NotAllowed }; 3]);
        assert_eq!(world.audited("refused").await, 3);
        app.authenticate("sato", &password, &code).await.unwrap();
    }
}

#[tokio::test]
async fn a_name_is_given_once_and_a_short_password_to_nobody() {
    for world in worlds().await {
        let add = |name: &'static str, password: &'static str| {
            let app = world.app.clone();
            async move {
                let password = Secret::from(password);
                let roles = [Role::Auditor];
                let added = app.add_operator(name, &password, &roles, Actor::System, NOW);
                added.await.map(|_| ())
            }
        };
        add("sato", PASSWORD).await.unwrap();
        for (name, password) in [("sato", PASSWORD), ("Sato", PASSWORD), ("kato", "short")] {
            let refused = refusal(add(name, password).await);
            assert!(matches!(refused, Refusal::State(_)), "{name}: {refused}");
        }
        assert_eq!(world.app.list_operators().await.unwrap().len(), 7);
    }
}

#[tokio::test]
async fn an_operator_adds_others_and_institutions_only_with_the_role_for_it() {
    for world in worlds().await {
        let (app, people, password) = (&world.app, &world.people, Secret::from(PASSWORD));
        let by =
            |operator: &tegata_domain::operator::Operator| Actor::Operator(operator.id.clone());
        let add = async |name: &str, by| {
            let added = app.add_operator(name, &password, &[Role::Auditor], by, NOW);
            added.await.map(|_| ())
        };
        let register = async |by| {
            let new = crate::world::institution("dental", "1330123454");
            app.add_institution(new, by, NOW).await
        };
        assert_eq!(
            refusal(add("sato", by(&people.approver)).await),
            Refusal::NotAllowed
        );
        assert_eq!(
            refusal(register(by(&people.administrator)).await),
            Refusal::NotAllowed
        );
        let stranger = Actor::Subscriber("192.0.2.1".to_owned());
        assert_eq!(refusal(add("sato", stranger).await), Refusal::NotAllowed);
        add("sato", by(&people.administrator)).await.unwrap();
        register(by(&people.intake)).await.unwrap();
    }
}
