//! From the application to the posted letter (decisions D2, F2, F8, I2).

use std::collections::BTreeSet;

use tegata_app::{App, Refusal};
use tegata_domain::audit::Actor;
use tegata_domain::grant::GrantState;
use tegata_domain::operator::Role;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::time::Timestamp;

use crate::world::{NOW, World, application, institution, refusal, request_id, source, worlds};

#[tokio::test]
async fn three_persons_make_a_grant_and_each_leaves_a_trace() {
    for world in worlds().await {
        let grant = world.approved().await;
        let persons = &grant.persons;
        assert_eq!(persons.entered_by, world.people.intake.id.as_str());
        assert_eq!(persons.examined_by, world.people.examiner.id);
        assert_eq!(persons.approved_by, world.people.approver.id);
        for action in ["application.enter", "application.examine", "grant.approve"] {
            assert_eq!(world.audited(action).await, 1, "{action}");
        }
    }
}

#[tokio::test]
async fn approval_fixes_the_end_of_validity_and_of_the_window() {
    for world in worlds().await {
        let grant = world.approved().await;
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        assert_eq!(grant.approved_at, NOW);
        assert_eq!(grant.not_after, at("2030-02-20T09:59:59+09:00"));
        assert_eq!(grant.window_end, at("2027-05-19T23:59:59+09:00"));
        assert_eq!(grant.request_id, request_id("202611200000001"));
    }
}

#[tokio::test]
async fn request_ids_count_on_from_day_to_day() {
    for world in worlds().await {
        assert_eq!(
            world.approved().await.request_id,
            request_id("202611200000001")
        );
        world.advance(86_400);
        assert_eq!(
            world.approved().await.request_id,
            request_id("202611210000002")
        );
    }
}

#[tokio::test]
async fn nobody_takes_two_parts_in_a_case_and_the_attempt_is_recorded() {
    for world in worlds().await {
        let mut everything = world.people.intake.clone();
        everything.roles.extend(world.people.examiner.roles.clone());
        everything.roles.extend(world.people.approver.roles.clone());
        let app = &world.app;
        let entered = app
            .enter_application(application(), &everything, NOW)
            .await
            .unwrap();
        let examined = app.examine_application(&entered.id, &everything, NOW).await;
        assert_eq!(refusal(examined), Refusal::SamePerson);
        app.examine_application(&entered.id, &world.people.examiner, NOW)
            .await
            .unwrap();
        let mut examiner = world.people.examiner.clone();
        examiner.roles.extend(world.people.approver.roles.clone());
        for by in [&everything, &examiner] {
            let approved = app.approve_application(&entered.id, by, NOW).await;
            assert_eq!(refusal(approved), Refusal::SamePerson);
        }
        assert_eq!(world.audited("refused").await, 3);
        assert!(app.list_grants(None, 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_act_outside_the_own_roles_is_refused_and_recorded() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let grant = world.approved().await;
        let entered = world.entered().await;
        let wrong = &people.administrator;
        let mut refused = vec![
            refusal(app.enter_application(application(), wrong, NOW).await),
            refusal(
                app.examine_application(&entered.id, &people.intake, NOW)
                    .await,
            ),
            refusal(
                app.approve_application(&entered.id, &people.examiner, NOW)
                    .await,
            ),
        ];
        let request = &grant.request_id;
        let act = ProposedAct::ReleaseLetters {
            requests: BTreeSet::from([request.clone()]),
        };
        refused.push(refusal(
            app.propose(act, "print", &people.approver, NOW).await,
        ));
        refused.push(refusal(
            app.post_letter(request, None, &people.intake, NOW).await,
        ));
        assert_eq!(refused, vec![Refusal::NotAllowed; 5]);
        assert_eq!(world.audited("refused").await, 5);
        assert_eq!(world.db.count("application").await, 2);
    }
}

#[tokio::test]
async fn an_operator_who_left_may_do_nothing() {
    for world in worlds().await {
        let mut gone = world.people.intake.clone();
        gone.disabled_at = Some(NOW);
        let entered = world.app.enter_application(application(), &gone, NOW).await;
        assert_eq!(refusal(entered), Refusal::NotAllowed);
    }
}

#[tokio::test]
async fn an_application_is_approved_once_and_only_after_its_examination() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let entered = world.entered().await;
        let early = app
            .approve_application(&entered.id, &people.approver, NOW)
            .await;
        assert!(matches!(refusal(early), Refusal::State(_)));
        app.examine_application(&entered.id, &people.examiner, NOW)
            .await
            .unwrap();
        let both = tokio::join!(
            app.approve_application(&entered.id, &people.approver, NOW),
            app.approve_application(&entered.id, &people.approver, NOW),
        );
        assert!(both.0.is_ok() != both.1.is_ok());
        assert_eq!(world.db.count("issue_grant").await, 1);
    }
}

#[tokio::test]
async fn of_two_examiners_on_one_case_one_is_told_that_the_other_was_first() {
    for world in worlds().await {
        let (app, first) = (&world.app, &world.people.examiner);
        let second = &world.operator("examiner2", Role::Examiner).await;
        let entered = world.entered().await;
        let both = tokio::join!(
            app.examine_application(&entered.id, first, NOW),
            app.examine_application(&entered.id, second, NOW),
        );
        assert!(both.0.is_ok() != both.1.is_ok());
        let later = app.examine_application(&entered.id, second, NOW).await;
        assert!(matches!(refusal(later), Refusal::State(_)));
        assert_eq!(world.audited("application.examine").await, 1);
    }
}

#[tokio::test]
async fn the_code_must_fit_the_class() {
    for world in worlds().await {
        let refused = [
            ("medical", "0110119154"),
            ("medical", "011011915"),
            ("dental", "0110119153"),
            ("medical", "9910119153"),
            ("nobody", "0110119153"),
            ("agent", "TOO-SMALL"),
            ("agent", "X1"),
        ];
        for (class, code) in refused {
            let added = world
                .app
                .add_institution(institution(class, code), Actor::System, NOW)
                .await;
            assert!(
                matches!(refusal(added), Refusal::State(_)),
                "{class} {code}"
            );
        }
        let mut elsewhere = institution("dental", "1330123454");
        elsewhere.prefecture = "hokkaido".to_owned();
        let added = world
            .app
            .add_institution(elsewhere, Actor::System, NOW)
            .await;
        assert!(matches!(refusal(added), Refusal::State(_)));
        let mut agent = institution("agent", "X1");
        agent.prefecture = "tokyo".to_owned();
        world
            .app
            .add_institution(agent, Actor::System, NOW)
            .await
            .unwrap();
        assert_eq!(world.db.count("institution").await, 2);
    }
}

#[tokio::test]
async fn a_code_stands_once_in_the_register() {
    for world in worlds().await {
        let again = institution("medical", "0110119153");
        let added = world.app.add_institution(again, Actor::System, NOW).await;
        assert!(matches!(refusal(added), Refusal::State(_)));
    }
}

#[tokio::test]
async fn who_is_not_in_the_register_gets_no_application() {
    for world in worlds().await {
        let mut unknown = application();
        unknown.code = "1619931494".to_owned();
        let entered = world
            .app
            .enter_application(unknown, &world.people.intake, NOW)
            .await;
        assert!(matches!(refusal(entered), Refusal::State(_)));
        assert_eq!(world.db.count("application").await, 0);
    }
}

#[tokio::test]
async fn the_clear_text_of_a_letter_that_is_never_posted_lives_fourteen_days() {
    for world in worlds().await {
        world.approved().await;
        world.advance(14 * 86_400);
        world.jobs().await;
        assert_eq!(world.db.count("letter_secret").await, 1);
        world.advance(60);
        world.jobs().await;
        assert_eq!(world.db.count("letter_secret").await, 0);
        assert_eq!(world.audited("letter.forget").await, 1);
    }
}

#[tokio::test]
async fn the_ids_do_nothing_before_the_letter_is_posted() {
    for world in worlds().await {
        let grant = world.approved().await;
        let (app, by, request) = (&world.app, &world.people.dispatcher, &grant.request_id);
        let reference = world.printed(request).await.reference_id;
        let posted = crate::world::Posted { grant, reference };
        assert_eq!(world.open_refused(&posted).await, Refusal::WrongIds);
        let revocation = app
            .open_revocation(crate::world::ids(&posted), source(1), NOW)
            .await;
        assert_eq!(refusal(revocation), Refusal::WrongIds);
        assert_eq!(world.grant_state(&posted).await, GrantState::Approved);
        app.post_letter(&posted.grant.request_id, None, by, NOW)
            .await
            .unwrap();
        world.open(&posted).await;
    }
}

#[tokio::test]
async fn a_restart_forgets_nothing_of_a_case() {
    for mut world in worlds().await {
        let posted = world.posted().await;
        world.restart().await;
        world.collect(&posted).await;
        assert!(App::is_initialised(&world.db.store).await.unwrap());
        assert!(!App::is_demo(&world.db.store).await.unwrap());
    }
}

#[tokio::test]
async fn a_case_tells_its_story_without_secrets() {
    let world = World::begin(crate::database::sqlite().await, crate::world::policy()).await;
    let posted = world.posted().await;
    world.collect(&posted).await;
    let story = world
        .app
        .grant_story(&posted.grant.request_id)
        .await
        .unwrap();
    let actions: Vec<&str> = story.audit.iter().map(|row| row.action.as_str()).collect();
    for action in [
        "grant.approve",
        "letter.print",
        "letter.post",
        "flow.collect",
    ] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
    for row in world.audit().await {
        assert!(!row.detail.contains(posted.reference.expose()));
    }
}
