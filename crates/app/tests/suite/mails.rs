//! Mails from the queue to the mail server (S5, F6): each once, never lost, always the same Message-ID.

use std::collections::BTreeSet;

use tegata_domain::revocation::Outcome;
use tegata_domain::time::Clock as _;

use crate::world::{World, worlds};

/// A world in which mails of several kinds wait.
async fn busy(world: &World) {
    let posted = world.posted().await;
    world.collect(&posted).await;
    let number = world.revoke(&posted, "lost").await;
    world.finish(&number, Outcome::Complete).await;
    let (_, card) = world.renewable().await;
    world.renew(&card).await;
}

#[tokio::test]
async fn every_mail_of_the_procedures_can_be_written() {
    for world in worlds().await {
        busy(&world).await;
        let waiting = world.app.waiting_mails(100).await.unwrap().len();
        let ready = world.app.claim_mails(100).await.unwrap();
        assert_eq!(ready.len(), waiting);
        let kinds: BTreeSet<_> = ready.iter().map(|mail| &mail.text.subject).collect();
        assert!(kinds.len() >= 5, "{kinds:?}");
        for mail in ready {
            assert!(mail.text.body.contains("受付1"), "{}", mail.text.body);
        }
    }
}

#[tokio::test]
async fn two_processes_send_each_mail_once() {
    for world in worlds().await {
        busy(&world).await;
        let waiting = world.app.waiting_mails(100).await.unwrap().len();
        let (one, two) = (world.app.clone(), world.app.clone());
        let (a, b) = tokio::join!(
            tokio::spawn(async move { one.claim_mails(100).await.unwrap() }),
            tokio::spawn(async move { two.claim_mails(100).await.unwrap() }),
        );
        let claimed: Vec<_> = a.unwrap().into_iter().chain(b.unwrap()).collect();
        let ids: BTreeSet<_> = claimed.iter().map(|mail| mail.message_id.clone()).collect();
        assert_eq!((claimed.len(), ids.len()), (waiting, waiting));
        for mail in &claimed {
            world.app.mail_sent(mail).await.unwrap();
        }
        assert!(world.app.waiting_mails(100).await.unwrap().is_empty());
        assert!(world.app.claim_mails(100).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_mail_that_was_not_taken_comes_again_later_with_the_same_id() {
    for world in worlds().await {
        world.posted().await;
        let first = world.app.claim_mails(1).await.unwrap().remove(0);
        world.app.mail_failed(&first, "451 later").await.unwrap();
        assert!(world.app.claim_mails(9).await.unwrap().is_empty());
        let (_, why) = world.app.oldest_waiting_mail().await.unwrap().unwrap();
        assert_eq!(why.as_deref(), Some("451 later"));
        world.system.advance(59);
        assert!(world.app.claim_mails(9).await.unwrap().is_empty());
        world.system.advance(1);
        let again = world.app.claim_mails(9).await.unwrap().remove(0);
        assert_eq!(again.message_id, first.message_id);
        assert_eq!(again.text, first.text);
    }
}

#[tokio::test]
async fn a_mail_of_a_process_that_ended_is_taken_over_and_the_old_claim_records_nothing() {
    for world in worlds().await {
        world.posted().await;
        let lost = world.app.claim_mails(1).await.unwrap().remove(0);
        assert!(world.app.claim_mails(9).await.unwrap().is_empty());
        world.system.advance(301);
        let taken = world.app.claim_mails(9).await.unwrap().remove(0);
        assert_eq!(taken.message_id, lost.message_id);
        world.app.mail_failed(&lost, "too late").await.unwrap();
        world.app.mail_sent(&taken).await.unwrap();
        assert!(world.app.oldest_waiting_mail().await.unwrap().is_none());
    }
}

/// What was wrong: what a clock that was years ahead claimed or put off waited for those years.
#[tokio::test]
async fn a_mail_that_a_wrong_clock_claimed_or_put_off_goes_out_by_the_right_one() {
    for world in worlds().await {
        busy(&world).await;
        let right = world.system.now();
        world.system.set(right.plus_days(3_650));
        let claimed = world.app.claim_mails(2).await.unwrap();
        world
            .app
            .mail_failed(&claimed[0], "451 later")
            .await
            .unwrap();
        world.system.set(right);
        let waiting = world.app.waiting_mails(100).await.unwrap().len();
        let ready = world.app.claim_mails(100).await.unwrap();
        assert_eq!(ready.len(), waiting);
        world
            .app
            .mail_failed(&claimed[1], "too late")
            .await
            .unwrap();
        world.app.mails_sent(&ready).await.unwrap();
        assert!(world.app.waiting_mails(100).await.unwrap().is_empty());
    }
}

/// A clock in doubt may be the wrong one: it takes nothing from a process whose clock is right (S7).
#[tokio::test]
async fn a_clock_in_doubt_takes_no_claim_over_that_lies_far_ahead() {
    for world in worlds().await {
        busy(&world).await;
        let right = world.system.now();
        let of_right = world.app.claim_mails(100).await.unwrap();
        world.app.believe_clock(right);
        world.system.set(right.plus_days(-3_650));
        assert!(world.app.claim_mails(100).await.unwrap().is_empty());
        world.app.mails_sent(&of_right).await.unwrap();
        world.system.set(right);
        assert!(world.app.waiting_mails(100).await.unwrap().is_empty());
    }
}
