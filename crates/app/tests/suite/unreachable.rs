//! The worklist of holders whose mails come back (P-23): who stands on it, and when.

use tegata_app::{Error, Refusal, UnreachableHolder};
use tegata_domain::bounce::Told;
use tegata_domain::operator::Role;
use tegata_domain::time::Timestamp;

use crate::addresses::SECOND;
use crate::cards::Card;
use crate::world::{FORM_MAIL, Posted, World, refusal, worlds};

impl World {
    async fn worklist(&self) -> Vec<UnreachableHolder> {
        let holders = self.app.unreachable_holders(99, self.now()).await;
        holders.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A certificate that was collected, none of whose two addresses gets mails, so many days before its last one.
    async fn unreachable(&self, days: i64) -> (Posted, Card) {
        let posted = self.posted_with_second(SECOND).await;
        self.collect(&posted).await;
        let card = Card::of(&self.certificate(&posted).await);
        for mail in self.app.claim_mails(99).await.unwrap() {
            self.app.mail_sent(&mail).await.unwrap();
            let id = mail.message_id.trim_matches(['<', '>']);
            let failed = tegata_domain::bounce::DeliveryFate::read("failed", "5.1.1").unwrap();
            self.take(crate::bounces::report(id, mail.to.as_str(), failed))
                .await;
        }
        self.go_to(days_before(posted.grant.not_after, days));
        (posted, card)
    }
}

/// Midnight in Japan of the day that is so many days before that of `end`.
fn days_before(end: Timestamp, days: i64) -> Timestamp {
    end.japan_date().plus_days(-days).start()
}

#[tokio::test]
async fn a_holder_whose_addresses_all_bounce_is_called_from_30_days_before_the_end() {
    for world in worlds().await {
        let (posted, _) = world.unreachable(31).await;
        assert!(world.worklist().await.is_empty(), "31 days before");
        world.go_to(days_before(posted.grant.not_after, 30));
        let holders = world.worklist().await;
        let [holder] = holders.as_slice() else {
            panic!("{holders:?}");
        };
        assert_eq!(holder.grant.id, posted.grant.id);
        assert_eq!(holder.days_left, 30);
        assert_eq!(holder.institution.telephone, "000-000-0000");
        let bounced: Vec<_> = holder
            .bounced
            .iter()
            .map(|bounced| bounced.address.as_str())
            .collect();
        assert_eq!(bounced, [FORM_MAIL, SECOND]);
        assert_eq!(world.app.overview().await.unwrap().unreachable.number, 1);
        world.go_to(posted.grant.not_after);
        assert_eq!(world.worklist().await.len(), 1, "in the last second");
        world.go_to(posted.grant.not_after.plus_seconds(1));
        assert!(world.worklist().await.is_empty(), "after the end");
    }
}

#[tokio::test]
async fn one_address_that_gets_mails_is_enough() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        world.collect(&posted).await;
        world.bounce(SECOND).await;
        world.go_to(days_before(posted.grant.not_after, 1));
        assert!(world.worklist().await.is_empty());
    }
}

#[tokio::test]
async fn who_renewed_or_was_stopped_or_collected_nothing_is_not_called() {
    for world in worlds().await {
        let (_, card) = world.unreachable(30).await;
        assert_eq!(world.worklist().await.len(), 1);
        world.renew(&card).await;
        assert!(world.worklist().await.is_empty(), "renewed");
        let (held, _) = world.unreachable(30).await;
        assert_eq!(world.worklist().await.len(), 1);
        world.revoke(&held, "lost").await;
        assert!(world.worklist().await.is_empty(), "on hold");
        let posted = world.posted_with_second(SECOND).await;
        world.bounce(FORM_MAIL).await;
        world.go_to(days_before(posted.grant.not_after, 30));
        assert!(world.worklist().await.is_empty(), "not collected");
    }
}

#[tokio::test]
async fn a_renewal_to_addresses_that_bounce_is_called_before_its_own_end() {
    for world in worlds().await {
        let (_, card) = world.unreachable(30).await;
        let renewed = world.renew(&card).await;
        world.retrieve(&card, &renewed).await;
        let newer = world.as_posted(&renewed).await;
        world.go_to(days_before(newer.grant.not_after, 30));
        let holders = world.worklist().await;
        assert_eq!(holders.len(), 1);
        assert_eq!(holders[0].grant.id, newer.grant.id);
    }
}

#[tokio::test]
async fn a_change_of_address_ends_the_work() {
    for world in worlds().await {
        let (_, card) = world.unreachable(30).await;
        assert_eq!(world.worklist().await.len(), 1);
        world.change_address(&card, "new@clinic.example").await;
        assert!(world.worklist().await.is_empty());
    }
}

#[tokio::test]
async fn an_attempt_is_recorded_once_and_only_an_answer_ends_the_work() {
    for world in worlds().await {
        let (posted, _) = world.unreachable(30).await;
        let request = posted.grant.request_id.clone();
        let desk = world.operator("desk", Role::HelpDesk).await;
        let told = async |tries, how, note: &str| {
            let (app, now) = (&world.app, world.now());
            app.record_told(&request, tries, (how, note), &desk, now)
                .await
        };
        for _ in 0..2 {
            told(0, Told::NoAnswer, " 10時 応答なし ").await.unwrap();
        }
        let holders = world.worklist().await;
        assert_eq!((holders.len(), holders[0].tries), (1, 1));
        let last = holders[0].last.clone().unwrap();
        assert_eq!(
            (last.how, last.note.as_str()),
            (Told::NoAnswer, "10時 応答なし")
        );
        let late = told(0, Told::Letter, "another tab").await;
        assert!(matches!(late, Err(Error::Conflict)), "{late:?}");
        told(1, Told::Telephone, "見本さん").await.unwrap();
        assert!(world.worklist().await.is_empty());
        assert_eq!(world.audited("holder.told").await, 2);
        let holder = world.app.unreachable_holder(&request, world.now()).await;
        assert_eq!(holder.unwrap().handled_at, Some(world.now()));
        let by = &world.people.examiner;
        let foreign = world
            .app
            .record_told(&request, 2, (Told::Letter, "x"), by, world.now())
            .await;
        assert_eq!(refusal(foreign), Refusal::NotAllowed);
    }
}

#[tokio::test]
async fn a_holder_who_says_that_mails_arrive_again_loses_the_marks() {
    for world in worlds().await {
        let (posted, _) = world.unreachable(30).await;
        let desk = world.operator("desk", Role::HelpDesk).await;
        let (request, now) = (&posted.grant.request_id, world.now());
        let told = (Told::MailWorks, "容量を空けたとのこと");
        let done = world.app.record_told(request, 0, told, &desk, now).await;
        done.unwrap();
        let grant = world.grant(&posted).await;
        assert!(
            world
                .app
                .bounced_addresses(&grant)
                .await
                .unwrap()
                .is_empty()
        );
        let gone = world.app.unreachable_holder(request, now).await;
        assert_eq!(refusal(gone.map(drop)), Refusal::NotFound);
    }
}
