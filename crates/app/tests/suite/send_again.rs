//! もう一度送る: one notice again, with a reason, and never one that is not true (F6, F8).

use tegata_app::{ActRefusal, Error, Refusal, SentAgain};
use tegata_domain::id::OutboxId;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::outbox::MailKind;
use tegata_domain::revocation::Outcome;
use tegata_pki::certificate::Certificate;

use crate::cards::Card;
use crate::world::{Posted, World, refusal, worlds};

impl World {
    async fn newest(&self, posted: &Posted) -> Option<OutboxId> {
        let request = &posted.grant.request_id;
        self.app.newest_notice_of(request).await.unwrap()
    }

    async fn again(
        &self,
        posted: &Posted,
        seen: Option<&OutboxId>,
        by: &Operator,
    ) -> Result<SentAgain, Error> {
        let (request, now) = (&posted.grant.request_id, self.now());
        let app = &self.app;
        app.send_notice_again(request, seen, "it was deleted", by, now)
            .await
    }

    /// Why the newest notice cannot be sent again now.
    async fn again_refused(&self, posted: &Posted, by: &Operator) -> ActRefusal {
        let seen = self.newest(posted).await;
        match refusal(self.again(posted, seen.as_ref(), by).await) {
            Refusal::Act(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    async fn take_mails(&self) -> Vec<String> {
        let mut ids = Vec::new();
        for mail in self.app.claim_mails(99).await.unwrap() {
            self.app.mail_sent(&mail).await.unwrap();
            ids.push(mail.message_id);
        }
        ids
    }

    /// The notice of the day 30 days before the end was handed over.
    async fn told_of(&self) -> (Posted, Card, Operator) {
        let (posted, card) = self.renewable().await;
        let day = posted.grant.not_after.japan_date().plus_days(-30);
        self.go_to(day.start().plus_seconds(9 * 3_600));
        self.jobs().await;
        self.take_mails().await;
        self.advance(60);
        (posted, card, self.operator("desk", Role::HelpDesk).await)
    }
}

#[tokio::test]
async fn a_notice_is_sent_again_once_for_each_that_was_seen() {
    for world in worlds().await {
        let (posted, _, by) = world.told_of().await;
        let first = world.newest(&posted).await;
        let queued = world.again(&posted, first.as_ref(), &by).await.unwrap();
        let kind = MailKind::CertificateExpiring;
        assert_eq!(queued, SentAgain { kind, mails: 1 });
        let twice = world.again(&posted, first.as_ref(), &by).await.unwrap();
        assert_eq!(twice.mails, 0, "a second click");
        let waits = world.again_refused(&posted, &by).await;
        assert_eq!(waits, ActRefusal::NoticeWaits);
        let sent = world.take_mails().await;
        assert_eq!(sent.len(), 1);
        assert!(!sent[0].contains(first.as_ref().unwrap().as_str()));
        assert_eq!(world.audited("notice.again").await, 1);
        let stale = OutboxId::first_of(world.now());
        let stale = world.again(&posted, Some(&stale), &by).await;
        assert!(matches!(stale, Err(Error::Conflict)));
        let second = world.newest(&posted).await;
        world.advance(60);
        world.again(&posted, second.as_ref(), &by).await.unwrap();
        assert_eq!(world.audited("notice.again").await, 2);
        assert_eq!(world.take_mails().await.len(), 1);
    }
}

#[tokio::test]
async fn ten_clicks_at_once_send_one_mail() {
    for world in worlds().await {
        let (posted, _, by) = world.told_of().await;
        let seen = world.newest(&posted).await;
        let mut clicks = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (app, by, seen) = (world.app.clone(), by.clone(), seen.clone());
            let (request, now) = (posted.grant.request_id.clone(), world.now());
            clicks.spawn(async move {
                let sent = app.send_notice_again(&request, seen.as_ref(), "again", &by, now);
                sent.await.unwrap().mails
            });
        }
        let mut mails = 0;
        while let Some(click) = clicks.join_next().await {
            mails += click.unwrap();
        }
        assert_eq!((mails, world.audited("notice.again").await), (1, 1));
    }
}

#[tokio::test]
async fn the_text_is_the_one_that_holds_now() {
    for world in worlds().await {
        let (posted, card, by) = world.told_of().await;
        let renewed = world.renew(&card).await;
        let seen = world.newest(&posted).await;
        let sent = world.again(&posted, seen.as_ref(), &by).await.unwrap();
        assert_eq!(sent.kind, MailKind::SuccessorUnused);
        world.take_mails().await;
        let file = world.retrieve(&card, &renewed).await;
        let newer = Certificate::from_der(&file.chain[0]).unwrap();
        world.present(&Card::of(&newer)).await;
        let told = world.again_refused(&posted, &by).await;
        assert_eq!(told, ActRefusal::NewerInUse);
    }
}

#[tokio::test]
async fn on_hold_or_revoked_nothing_is_sent_again() {
    for world in worlds().await {
        let (posted, _, by) = world.told_of().await;
        let number = world.revoke(&posted, "lost").await;
        let told = world.again_refused(&posted, &by).await;
        assert_eq!(told, ActRefusal::CertificateState { state: "on_hold" });
        world.finish(&number, Outcome::Complete).await;
        let told = world.again_refused(&posted, &by).await;
        assert_eq!(told, ActRefusal::CertificateState { state: "revoked" });
        assert_eq!(world.audited("notice.again").await, 0);
    }
}

#[tokio::test]
async fn far_from_the_end_there_is_nothing_to_send_and_before_the_collection_a_reminder() {
    for world in worlds().await {
        let by = world.operator("desk", Role::HelpDesk).await;
        let posted = world.posted().await;
        let sent = world.again(&posted, None, &by).await.unwrap();
        assert_eq!(sent.kind, MailKind::NotCollected);
        world.collect(&posted).await;
        world.take_mails().await;
        let told = world.again_refused(&posted, &by).await;
        assert_eq!(told, ActRefusal::NoNoticeDue);
    }
}

#[tokio::test]
async fn whoever_may_not_sends_nothing_and_a_reason_is_needed() {
    for world in worlds().await {
        let (posted, _, by) = world.told_of().await;
        let seen = world.newest(&posted).await;
        let auditor = world.operator("audit", Role::Auditor).await;
        let told = refusal(world.again(&posted, seen.as_ref(), &auditor).await);
        assert_eq!(told, Refusal::NotAllowed);
        let (request, now) = (&posted.grant.request_id, world.now());
        let told = world
            .app
            .send_notice_again(request, seen.as_ref(), " ", &by, now);
        let told = refusal(told.await);
        assert_eq!(told, Refusal::Act(ActRefusal::ReasonMissing));
        assert_eq!(world.take_mails().await.len(), 0);
    }
}
