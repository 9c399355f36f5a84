//! Acts of two persons: one proposes, another confirms (decision F8, T40).

use std::collections::BTreeSet;

use tegata_app::{ActRefusal, Refusal, one_time_code};
use tegata_domain::audit::Actor;
use tegata_domain::id::ProposalId;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::proposal::{ProposalState, ProposedAct};
use tegata_domain::secret::Secret;

use crate::world::{NOW, World, refusal, worlds};

async fn release(world: &World) -> ProposedAct {
    let grant = world.approved().await;
    ProposedAct::ReleaseLetters {
        requests: BTreeSet::from([grant.request_id]),
    }
}

fn give(to: &Operator, roles: &[Role]) -> ProposedAct {
    ProposedAct::GiveRoles {
        operator: to.id.clone(),
        roles: roles.iter().copied().collect(),
    }
}

async fn roles(world: &World, of: &Operator) -> Vec<Role> {
    let all = world.app.list_operators().await.unwrap();
    let found = all.into_iter().find(|operator| operator.id == of.id);
    found.unwrap().roles.into_iter().collect()
}

#[tokio::test]
async fn what_one_proposes_another_confirms_and_both_leave_a_trace() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let act = release(&world).await;
        let by = &people.dispatcher;
        let proposed = app
            .propose(act, " today's letters ", by, NOW)
            .await
            .unwrap();
        assert_eq!(proposed.reason, "today's letters");
        let listed = app.list_proposals(None, 10).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&proposed));
        let second = &people.second_dispatcher;
        let confirmed = app.confirm_proposal(&proposed.id, second, NOW).await;
        let confirmed = confirmed.unwrap().proposal;
        assert_eq!(confirmed.persons(), Some([&by.id, &second.id]));
        assert_eq!(app.proposal(&proposed.id).await.unwrap(), confirmed);
        assert!(app.list_proposals(None, 10).await.unwrap().is_empty());
        for action in ["proposal.propose", "letter.release"] {
            assert_eq!(world.audited(action).await, 1, "{action}");
        }
        let again = app.confirm_proposal(&proposed.id, second, NOW).await;
        assert!(matches!(refusal(again), Refusal::State(_)));
    }
}

#[tokio::test]
async fn nobody_confirms_or_refuses_the_own_proposal_and_the_attempt_is_recorded() {
    for world in worlds().await {
        let (app, by) = (&world.app, &world.people.dispatcher);
        let act = release(&world).await;
        let proposed = app.propose(act, "letters", by, NOW).await.unwrap();
        let confirmed = app.confirm_proposal(&proposed.id, by, NOW).await;
        assert_eq!(refusal(confirmed), Refusal::SamePerson);
        let refused = app.refuse_proposal(&proposed.id, by, NOW).await;
        assert_eq!(refusal(refused), Refusal::SamePerson);
        assert_eq!(world.audited("refused").await, 2);
        assert_eq!(app.proposal(&proposed.id).await.unwrap(), proposed);
        let letters = app.released_letters(&proposed.id, by, NOW).await;
        assert_eq!(refusal(letters), Refusal::NotAllowed);
    }
}

#[tokio::test]
async fn the_proposer_takes_it_back_and_another_refuses_it() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let (by, second) = (&people.dispatcher, &people.second_dispatcher);
        let act = release(&world).await;
        let first = app.propose(act.clone(), "letters", by, NOW).await.unwrap();
        let foreign = app.withdraw_proposal(&first.id, second, NOW).await;
        assert!(matches!(refusal(foreign), Refusal::State(_)));
        let twice = app.propose(act.clone(), "letters", second, NOW).await;
        assert!(matches!(
            refusal(twice),
            Refusal::Act(ActRefusal::AlreadyProposed)
        ));
        let withdrawn = app.withdraw_proposal(&first.id, by, NOW).await.unwrap();
        assert_eq!(withdrawn.state, ProposalState::Withdrawn { at: NOW });
        let next = app.propose(act, "letters", by, NOW).await.unwrap();
        let refused = app.refuse_proposal(&next.id, second, NOW).await.unwrap();
        let (by, at) = (second.id.clone(), NOW);
        assert_eq!(refused.state, ProposalState::Refused { by, at });
        for action in ["proposal.withdraw", "proposal.refuse"] {
            assert_eq!(world.audited(action).await, 1, "{action}");
        }
    }
}

#[tokio::test]
async fn who_may_not_propose_or_confirm_is_refused_and_recorded() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let act = release(&world).await;
        let wrong = app
            .propose(act.clone(), "letters", &people.approver, NOW)
            .await;
        assert_eq!(refusal(wrong), Refusal::NotAllowed);
        let proposed = app.propose(act, "letters", &people.dispatcher, NOW).await;
        let id = proposed.unwrap().id;
        let wrong = app.confirm_proposal(&id, &people.approver, NOW).await;
        assert_eq!(refusal(wrong), Refusal::NotAllowed);
        let mut gone = people.second_dispatcher.clone();
        gone.disabled_at = Some(NOW);
        let wrong = app.confirm_proposal(&id, &gone, NOW).await;
        assert_eq!(refusal(wrong), Refusal::NotAllowed);
        assert_eq!(world.audited("refused").await, 3);
    }
}

/// T41: what somebody proposed who left is not done.
#[tokio::test]
async fn a_proposal_dies_with_the_account_or_role_of_whoever_made_it() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let (by, second) = (&people.dispatcher, &people.second_dispatcher);
        let act = release(&world).await;
        let id = app.propose(act, "letters", by, NOW).await.unwrap().id;
        let close = format!("update operator set disabled_at = 1 where id = '{}'", by.id);
        world.db.run(&close).await;
        let confirmed = app.confirm_proposal(&id, second, NOW).await;
        assert!(matches!(
            refusal(confirmed),
            Refusal::Act(ActRefusal::ProposerLeft)
        ));
        app.refuse_proposal(&id, second, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn two_confirmations_at_once_do_it_once() {
    for world in worlds().await {
        let third = world.operator("dispatcher3", Role::Dispatcher).await;
        let (app, people) = (&world.app, &world.people);
        let act = release(&world).await;
        let proposed = app.propose(act, "letters", &people.dispatcher, NOW).await;
        let id = proposed.unwrap().id;
        let (a, b) = tokio::join!(
            app.confirm_proposal(&id, &people.second_dispatcher, NOW),
            app.confirm_proposal(&id, &third, NOW),
        );
        assert!(a.is_ok() != b.is_ok());
        assert_eq!(world.audited("letter.release").await, 1);
    }
}

#[tokio::test]
async fn a_reason_is_needed_and_has_no_control_characters() {
    for world in worlds().await {
        let (app, by) = (&world.app, &world.people.dispatcher);
        let act = release(&world).await;
        for reason in ["", "  ", "a\u{0}b", "a\u{1b}[2J", &"字".repeat(501)] {
            let proposed = app.propose(act.clone(), reason, by, NOW).await;
            assert!(
                matches!(
                    refusal(proposed),
                    Refusal::Act(
                        ActRefusal::ReasonMissing
                            | ActRefusal::ReasonControl
                            | ActRefusal::ReasonTooLong { .. }
                    )
                ),
                "{reason:?}"
            );
        }
        let two_lines = app.propose(act, "一行目\r\n二行目", by, NOW).await;
        assert_eq!(two_lines.unwrap().reason, "一行目\n二行目");
    }
}

#[tokio::test]
async fn a_proposal_names_something_that_exists() {
    for world in worlds().await {
        let (app, people) = (&world.app, &world.people);
        let none = ProposedAct::ReleaseLetters {
            requests: BTreeSet::new(),
        };
        let proposed = app.propose(none, "x", &people.dispatcher, NOW).await;
        assert!(matches!(
            refusal(proposed),
            Refusal::Act(ActRefusal::Count { .. })
        ));
        let unknown = ProposedAct::ReleaseLetters {
            requests: BTreeSet::from([crate::world::request_id("202611200009999")]),
        };
        let proposed = app.propose(unknown, "x", &people.dispatcher, NOW).await;
        assert_eq!(refusal(proposed), Refusal::NotFound);
        let nobody = ProposalId::parse(&"0".repeat(32)).unwrap();
        let confirmed = app.confirm_proposal(&nobody, &people.dispatcher, NOW).await;
        assert_eq!(refusal(confirmed), Refusal::NotFound);
    }
}

#[tokio::test]
async fn two_administrators_give_and_take_roles() {
    for world in worlds().await {
        let second = world.operator("administrator2", Role::Administrator).await;
        let (app, people) = (&world.app, &world.people);
        let to = &people.intake;
        let act = give(to, &[Role::Examiner, Role::HelpDesk]);
        world
            .done_by_two(act.clone(), [&people.administrator, &second])
            .await;
        let now = roles(&world, to).await;
        assert_eq!(now, [Role::Examiner, Role::HelpDesk]);
        let same = app.propose(act, "again", &second, NOW).await;
        assert!(matches!(refusal(same), Refusal::Act(ActRefusal::SameRoles)));
        assert_eq!(world.audited("operator.roles").await, 1);
    }
}

#[tokio::test]
async fn whose_roles_it_is_about_cannot_confirm() {
    for world in worlds().await {
        let second = world.operator("administrator2", Role::Administrator).await;
        let (app, first) = (&world.app, &world.people.administrator);
        let act = give(&second, &[Role::Administrator, Role::Approver]);
        let proposed = app.propose(act, "more", first, NOW).await.unwrap();
        let confirmed = app.confirm_proposal(&proposed.id, &second, NOW).await;
        assert_eq!(refusal(confirmed), Refusal::SamePerson);
        assert_eq!(roles(&world, &second).await, [Role::Administrator]);
        assert_eq!(world.audited("refused").await, 1);
    }
}

#[tokio::test]
async fn two_administrators_remain_whatever_is_proposed() {
    for world in worlds().await {
        let second = world.operator("administrator2", Role::Administrator).await;
        let (app, first) = (&world.app, &world.people.administrator);
        let disable = ProposedAct::DisableOperator {
            operator: first.id.clone(),
        };
        for act in [disable, give(&second, &[Role::Auditor])] {
            let proposed = app.propose(act, "x", first, NOW).await;
            assert!(matches!(
                refusal(proposed),
                Refusal::Act(ActRefusal::AdministratorsRemain)
            ));
        }
    }
}

#[tokio::test]
async fn a_closed_account_does_nothing_from_then_on() {
    for world in worlds().await {
        let second = world.operator("administrator2", Role::Administrator).await;
        let (app, people) = (&world.app, &world.people);
        let password = Secret::from("a long enough password");
        let added = app
            .add_operator("sato", &password, &[Role::Intake], Actor::System, NOW)
            .await
            .unwrap();
        let act = ProposedAct::DisableOperator {
            operator: added.operator.id.clone(),
        };
        world
            .done_by_two(act.clone(), [&people.administrator, &second])
            .await;
        let code = one_time_code(&added.totp_secret, NOW).unwrap();
        let login = app.authenticate("sato", &password, &code).await;
        assert_eq!(refusal(login), Refusal::NotAllowed);
        let again = app.propose(act, "x", &second, NOW).await;
        assert!(matches!(
            refusal(again),
            Refusal::Act(ActRefusal::AccountClosed)
        ));
        assert_eq!(world.audited("operator.disable").await, 1);
    }
}

#[tokio::test]
async fn a_new_authenticator_is_shown_once_and_the_old_one_dies() {
    for world in worlds().await {
        let second = world.operator("administrator2", Role::Administrator).await;
        let (app, people) = (&world.app, &world.people);
        let password = Secret::from("a long enough password");
        let added = app
            .add_operator("sato", &password, &[Role::Intake], Actor::System, NOW)
            .await
            .unwrap();
        let act = ProposedAct::ResetAuthenticator {
            operator: added.operator.id.clone(),
        };
        let persons = [&people.administrator, &second];
        let confirmed = world.done_by_two(act, persons).await;
        let secret = confirmed.totp_secret.unwrap();
        let old = one_time_code(&added.totp_secret, NOW).unwrap();
        let new = one_time_code(&secret, NOW).unwrap();
        assert_ne!(old, new);
        let login = app.authenticate("sato", &password, &old).await;
        assert_eq!(refusal(login), Refusal::NotAllowed);
        app.authenticate("sato", &password, &new).await.unwrap();
        for row in world.audit().await {
            assert!(!row.detail.contains(secret.expose()));
        }
    }
}

#[tokio::test]
async fn an_administrator_adds_an_account_and_another_one_gives_it_its_roles() {
    for world in worlds().await {
        let second = world.operator("administrator2", Role::Administrator).await;
        let (app, first) = (&world.app, &world.people.administrator);
        let password = Secret::from("a long enough password");
        let by = Actor::Operator(first.id.clone());
        let added = app
            .add_operator("sato", &password, &[Role::Approver], by, NOW)
            .await
            .unwrap();
        assert!(roles(&world, &added.operator).await.is_empty());
        let open = added.proposal.unwrap();
        let own = app.confirm_proposal(&open.id, first, NOW).await;
        assert_eq!(refusal(own), Refusal::SamePerson);
        app.confirm_proposal(&open.id, &second, NOW).await.unwrap();
        assert_eq!(roles(&world, &added.operator).await, [Role::Approver]);
        let by_host = app.add_operator("kato", &password, &[Role::Auditor], Actor::System, NOW);
        let by_host = by_host.await.unwrap();
        assert_eq!(by_host.proposal, None);
        assert_eq!(roles(&world, &by_host.operator).await, [Role::Auditor]);
    }
}
