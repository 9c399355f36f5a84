//! Mails that come back (RFC 3464, P-23): what marks an address, what takes the mark away, and what does nothing.

use tegata_app::{MailFate, ReadyMail, ReportTaken, What};
use tegata_domain::bounce::{
    DeliveryFate, DeliveryReport, DeliveryStatus, HandOverRefusal, RecipientReport,
};
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::MailKind;

use crate::addresses::SECOND;
use crate::cards::Card;
use crate::world::{FORM_MAIL, Posted, World, default_worlds, worlds};

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

fn failed(status: &str) -> DeliveryFate {
    DeliveryFate::Failed(DeliveryStatus::parse(status).unwrap())
}

/// A report that this became of the mail with this Message-ID at this recipient.
pub(crate) fn report(message_id: &str, to: &str, fate: DeliveryFate) -> DeliveryReport {
    DeliveryReport {
        message_ids: vec![message_id.to_owned()],
        recipients: vec![RecipientReport {
            addresses: vec![address(to)],
            fate,
            said: "550 no such user".to_owned(),
        }],
    }
}

impl World {
    /// Sends every mail that waits; the Message-IDs of those to `to`, without brackets, the newest last.
    pub(crate) async fn sent_to(&self, to: &str) -> Vec<String> {
        let mut sent = Vec::new();
        for mail in self.app.claim_mails(1_000).await.unwrap() {
            self.app.mail_sent(&mail).await.unwrap();
            if mail.to.as_str() == to {
                let id = mail.message_id.trim_matches(['<', '>']).to_owned();
                sent.push(id);
            }
        }
        sent.sort();
        sent
    }

    pub(crate) async fn take(&self, report: DeliveryReport) -> ReportTaken {
        let taken = self.app.take_report(&report, self.now()).await;
        taken.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Lets the newest mail to an address come back.
    pub(crate) async fn bounce(&self, to: &str) -> ReportTaken {
        let id = self.sent_to(to).await.pop().unwrap();
        self.take(report(&id, to, failed("5.1.1"))).await
    }

    async fn marked(&self, posted: &Posted) -> Vec<String> {
        let grant = self.grant(posted).await;
        let bounced = self.app.bounced_addresses(&grant).await.unwrap();
        bounced
            .into_iter()
            .map(|bounced| format!("{} {} {}", bounced.address, bounced.status, bounced.said))
            .collect()
    }
}

#[tokio::test]
async fn a_mail_that_came_back_marks_its_address_once() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        world.collect(&posted).await;
        let id = world.sent_to(SECOND).await.pop().unwrap();
        for is_new in [true, false] {
            // In other letters, as some mail servers write it.
            let taken = world
                .take(report(&id, "Spare@HOUSE.example", failed("5.1.1")))
                .await;
            let address = address(SECOND);
            assert_eq!(taken, ReportTaken::Marked { address, is_new });
        }
        let marked = world.marked(&posted).await;
        assert_eq!(marked, [format!("{SECOND} 5.1.1 550 no such user")]);
        let audit = world.audit().await;
        let rows: Vec<_> = audit
            .iter()
            .filter(|row| row.action == "address.bounce")
            .collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].object, format!("grant:{}", posted.grant.id));
        assert_eq!(rows[0].detail, "s****@house.example 5.1.1 550 no such user");
    }
}

#[tokio::test]
async fn a_delay_marks_nothing() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        let id = world.sent_to(FORM_MAIL).await.pop().unwrap();
        let taken = world
            .take(report(&id, FORM_MAIL, DeliveryFate::Underway))
            .await;
        assert_eq!(taken, ReportTaken::Underway);
        assert!(world.marked(&posted).await.is_empty());
    }
}

#[tokio::test]
async fn a_foreign_or_forged_report_does_nothing() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        world.collect(&posted).await;
        let waiting = world.mails(MailKind::Collected).await.remove(0);
        let unsent = format!("{}@ca.example", waiting.id);
        let about_unsent = report(&unsent, waiting.to.as_str(), failed("5.1.1"));
        assert_eq!(
            world.take(about_unsent).await,
            ReportTaken::Foreign,
            "never sent"
        );
        let first = world.sent_to(FORM_MAIL).await.pop().unwrap();
        let (ours, _) = first.split_once('@').unwrap();
        for (id, to) in [
            // A mail of ours, but not to that address.
            (first.as_str(), SECOND),
            (first.as_str(), "other@clinic.example"),
            // No mail of ours.
            ("00000000000000000000000000000000@ca.example", FORM_MAIL),
            ("x@ca.example", FORM_MAIL),
            (&format!("{ours}@elsewhere.example"), FORM_MAIL),
            (ours, FORM_MAIL),
            ("", FORM_MAIL),
        ] {
            let taken = world.take(report(id, to, failed("5.1.1"))).await;
            assert_eq!(taken, ReportTaken::Foreign, "{id} {to}");
        }
        let none = DeliveryReport::default();
        assert_eq!(world.take(none).await, ReportTaken::Foreign);
        assert!(world.marked(&posted).await.is_empty());
        assert_eq!(world.audited("address.bounce").await, 0);
    }
}

#[tokio::test]
async fn a_later_mail_that_arrived_takes_the_mark_away_and_an_earlier_one_does_not() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        let early = world.sent_to(FORM_MAIL).await.remove(0);
        world.advance(1);
        world.collect(&posted).await;
        world.bounce(FORM_MAIL).await;
        let arrived = |id: &str| report(id, FORM_MAIL, DeliveryFate::Delivered);
        assert_eq!(world.take(arrived(&early)).await, ReportTaken::Underway);
        assert_eq!(world.marked(&posted).await.len(), 1);
        world.advance(1);
        world.collect(&posted).await;
        let late = world.sent_to(FORM_MAIL).await.pop().unwrap();
        let cleared = ReportTaken::Cleared(address(FORM_MAIL));
        assert_eq!(world.take(arrived(&late)).await, cleared);
        assert!(world.marked(&posted).await.is_empty());
        assert_eq!(world.audited("address.reached").await, 1);
    }
}

#[tokio::test]
async fn a_number_that_was_read_at_the_address_takes_the_mark_away() {
    for world in default_worlds().await {
        let posted = world.posted().await;
        let to = posted.grant.mail.to_string();
        world.bounce(&to).await;
        assert_eq!(world.marked(&posted).await.len(), 1);
        world.collect(&posted).await;
        assert!(world.marked(&posted).await.is_empty());
        assert_eq!(world.audited("address.reached").await, 1);
    }
}

#[tokio::test]
async fn a_change_of_address_leaves_the_mark_behind() {
    for world in worlds().await {
        let posted = world.posted_with_second(SECOND).await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        world.bounce(FORM_MAIL).await;
        world.change_address(&card, "new@clinic.example").await;
        assert!(world.marked(&posted).await.is_empty());
        // Whoever goes back to it has read a number there.
        world.advance(60);
        world.change_address(&card, FORM_MAIL).await;
        assert!(world.marked(&posted).await.is_empty());
        assert_eq!(world.audited("address.reached").await, 1);
    }
}

/// What the mail server said to a mail.
async fn said(world: &World, mail: &ReadyMail, code: u16, words: &str) {
    let words = words.to_owned();
    let refusal = HandOverRefusal { code, words };
    world.app.mail_refused(mail, &refusal).await.unwrap();
}

/// What came of the mails of a case that were given up as undeliverable.
async fn undeliverable(world: &World, posted: &Posted) -> usize {
    let case = world.app.case(&posted.grant.application).await.unwrap();
    let is_over = |what: &What| {
        matches!(
            what,
            What::Mail {
                fate: MailFate::Undeliverable(_),
                ..
            }
        )
    };
    case.story
        .iter()
        .filter(|entry| is_over(&entry.what))
        .count()
}

/// RFC 5321 §4.2.1: what was refused for good is not tried again.
#[tokio::test]
async fn a_mailbox_that_is_refused_ends_the_mail_at_once_and_marks_the_address() {
    for world in worlds().await {
        let posted = world.posted().await;
        let mail = world.app.claim_mails(1).await.unwrap().remove(0);
        for rest in world.app.claim_mails(9).await.unwrap() {
            world.app.mail_sent(&rest).await.unwrap();
        }
        said(&world, &mail, 550, "5.1.1 no such user").await;
        let mark = format!("{} 5.1.1 550 5.1.1 no such user", mail.to);
        assert_eq!(world.marked(&posted).await, [mark]);
        assert_eq!(world.audited("address.bounce").await, 1);
        assert_eq!(undeliverable(&world, &posted).await, 1);
        world.system.advance(30 * 86_400);
        assert!(world.app.claim_mails(9).await.unwrap().is_empty());
        assert!(world.app.oldest_waiting_mail().await.unwrap().is_none());
        // The mailbox is there again: the next mail is taken, and the mark goes.
        world.collect(&posted).await;
        world.sent_to(mail.to.as_str()).await;
        assert!(world.marked(&posted).await.is_empty());
        assert_eq!(world.audited("address.reached").await, 1);
    }
}

/// RFC 5321 §4.5.4.1: some days, less and less often, always the same mail; then it has come back.
#[tokio::test]
async fn a_mail_that_is_refused_for_now_comes_again_for_five_days_and_is_over_then() {
    for world in worlds().await {
        let posted = world.posted().await;
        let all = world.app.claim_mails(9).await.unwrap();
        let mail = &all[0];
        for rest in &all[1..] {
            world.app.mail_sent(rest).await.unwrap();
        }
        // Two days without an answer are nobody's fault.
        let begun = world.app.system_now();
        world.app.mail_failed(mail, "no route").await.unwrap();
        let mut tries = Vec::new();
        let mut since = None;
        while world.app.oldest_waiting_mail().await.unwrap().is_some() {
            world.system.advance(60);
            let Some(again) = world.app.claim_mails(9).await.unwrap().pop() else {
                continue;
            };
            assert_eq!(again.message_id, mail.message_id);
            assert_eq!(again.text, mail.text);
            let now = world.app.system_now();
            if now.seconds_since(begun) < 2 * 86_400 {
                world.app.mail_failed(&again, "no route").await.unwrap();
                continue;
            }
            assert!(world.marked(&posted).await.is_empty());
            said(&world, &again, 451, "4.7.1 later").await;
            since.get_or_insert(now);
            tries.push(now.seconds_since(since.unwrap()));
        }
        assert_eq!(tries.len(), 38);
        assert_eq!(tries.last().map(|last| last / 86_400), Some(5));
        let pauses: Vec<i64> = tries.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(pauses.is_sorted(), "{pauses:?}");
        let mark = format!("{} 4.7.1 451 4.7.1 later", mail.to);
        assert_eq!(world.marked(&posted).await, [mark]);
        assert_eq!(undeliverable(&world, &posted).await, 1);
    }
}

#[tokio::test]
async fn what_is_about_the_server_ends_no_mail() {
    for world in worlds().await {
        let posted = world.posted().await;
        for _ in 0..100 {
            world.system.advance(4 * 3_600);
            let mails = world.app.claim_mails(9).await.unwrap();
            assert!(!mails.is_empty());
            for mail in mails {
                said(&world, &mail, 535, "5.7.8 login failed").await;
            }
        }
        assert!(world.marked(&posted).await.is_empty());
        assert_eq!(undeliverable(&world, &posted).await, 0);
    }
}
