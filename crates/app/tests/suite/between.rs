//! What another process commits between the reads of an act and its transaction is not overlooked.

use tegata_app::{Error, Refusal, one_time_code};
use tegata_domain::audit::Actor;
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::operator::Role;
use tegata_domain::outbox::MailKind;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::revocation::Outcome;
use tegata_domain::secret::Secret;

use crate::database::OtherWriter;
use crate::world::{NOW, Posted, World, policy, refusal, source, visit, worlds_with};

/// Worlds in which no request to revoke stops anything before an operator looked at it.
async fn slow_worlds() -> Vec<World> {
    let mut policy = policy();
    policy.hold.rate_per_hour = 0;
    worlds_with(policy).await
}

async fn queued(world: &World, posted: &Posted) -> String {
    let opened = world.confirmed_revocation(posted, "lost").await;
    world.submit(&opened).await.unwrap();
    let mut open = world.app.list_revocations().await.unwrap();
    open.pop().unwrap().number
}

#[tokio::test]
async fn a_freeze_does_not_end_while_somebody_asks_to_revoke() {
    for world in worlds_with(policy()).await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let version = world.version(&opened).await;
        let visit = visit(Some(&opened.cookie), source(1));
        let frozen = world.app.freeze(&opened.flow, visit, version, NOW).await;
        frozen.unwrap();
        let act = ProposedAct::Unfreeze {
            request: posted.grant.request_id.clone(),
        };
        let (people, app) = (&world.people, &world.app);
        let proposed = app.propose(act, "as called", &people.examiner, NOW).await;
        let id = proposed.unwrap().id;
        let other = OtherWriter::begin(&world.db).await;
        let request = format!(
            "insert into revocation_request (id, number, grant_id, mail, reason, submitted_at,
                source, state, held_at)
            values ('{}', 'R26-0000009', '{}', 'front@example.jp', 'lost', 1,
                '127.0.0.1', 'submitted', 1)",
            id.as_str(),
            posted.grant.id
        );
        let (confirmed, ()) = tokio::join!(
            app.confirm_proposal(&id, &people.approver, NOW),
            other.change_before(&request)
        );
        assert!(matches!(confirmed, Err(Error::Conflict)));
        let state = world.grant_state(&posted).await;
        assert!(matches!(state, GrantState::Frozen { .. }));
    }
}

#[tokio::test]
async fn a_refusal_of_what_queued_does_not_leave_a_hold_that_nobody_can_end() {
    for world in slow_worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = queued(&world, &posted).await;
        let (people, app) = (&world.people, &world.app);
        app.decide_revocation(&number, Outcome::Lift, "x", &people.examiner, NOW)
            .await
            .unwrap();
        let serial = world.record(&posted).await.serial;
        let other = OtherWriter::begin(&world.db).await;
        let held = format!(
            "update certificate set state = 'on_hold', state_at = 1 where serial = '{serial}';
            update revocation_request set held_at = 1, serial = '{serial}'"
        );
        let (decided, ()) = tokio::join!(
            app.decide_revocation(&number, Outcome::Lift, "x", &people.approver, NOW),
            other.change_before(&held)
        );
        assert!(matches!(decided, Err(Error::Conflict)));
        app.decide_revocation(&number, Outcome::Lift, "x", &people.approver, NOW)
            .await
            .unwrap();
        let state = world.certificate_state(&posted).await;
        assert_eq!(state, CertificateState::Issued);
    }
}

#[tokio::test]
async fn what_was_collected_while_a_request_queued_is_revoked_with_it() {
    for world in slow_worlds().await {
        let posted = world.posted().await;
        let number = queued(&world, &posted).await;
        world.collect(&posted).await;
        world.advance(60);
        world.finish(&number, Outcome::Complete).await;
        let state = world.certificate_state(&posted).await;
        let now = world.now();
        assert!(matches!(state, CertificateState::Revoked { at, .. } if at == now));
        assert!(!world.mails(MailKind::RevocationCompleted).await.is_empty());
    }
}

#[tokio::test]
async fn a_login_in_progress_ends_with_its_authenticator() {
    for world in worlds_with(policy()).await {
        let (app, password) = (&world.app, Secret::from("a long enough password"));
        let added = app.add_operator("sato", &password, &[Role::Examiner], Actor::System, NOW);
        let secret = added.await.unwrap().totp_secret;
        let code = one_time_code(&secret, app.system_now()).unwrap();
        let other = OtherWriter::begin(&world.db).await;
        let exchanged = "update operator set totp_sealed = password_hash where name = 'sato'";
        let exchanged = match &other {
            OtherWriter::Sqlite(_) => exchanged.to_owned(),
            OtherWriter::Postgres(_) => exchanged.replace("= password_hash", "= '\\x00'"),
        };
        let (begun, ()) = tokio::join!(
            app.log_in("sato", &password, &code, source(1)),
            other.change_before(&exchanged)
        );
        assert_eq!(refusal(begun), Refusal::NotAllowed);
    }
}

#[tokio::test]
async fn two_administrators_remain_when_two_are_closed_at_once() {
    for world in worlds_with(policy()).await {
        let a = world.people.administrator.clone();
        let b = world.operator("administrator2", Role::Administrator).await;
        let c = world.operator("administrator3", Role::Administrator).await;
        let mut proposals = Vec::new();
        for closed in [&a, &b] {
            let act = ProposedAct::DisableOperator {
                operator: closed.id.clone(),
            };
            let proposed = world.app.propose(act, "x", &c, NOW).await;
            proposals.push(proposed.unwrap().id);
        }
        let other = OtherWriter::begin(&world.db).await;
        let (first, second, ()) = tokio::join!(
            world.app.confirm_proposal(&proposals[0], &b, NOW),
            world.app.confirm_proposal(&proposals[1], &a, NOW),
            other.change_before("select 1")
        );
        assert_ne!(first.is_ok(), second.is_ok());
    }
}
