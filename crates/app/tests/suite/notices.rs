//! 有効期限のお知らせ and 取得のお願い (F6, P-14): on which day which mail goes out, once, whatever ends in between.

use tegata_app::{Identity, RelyingWords};
use tegata_domain::audit::Actor;
use tegata_domain::id::Fingerprint;
use tegata_domain::notice::NoticeChannel;
use tegata_domain::outbox::MailKind;
use tegata_domain::renewal::KeyPlace;
use tegata_domain::revocation::Outcome;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;

use crate::cards::Card;
use crate::enrolment::Terminal;
use crate::world::{Posted, World, source, worlds};

/// The thresholds of the profile `obn`, and the day after.
const DAYS: [i64; 14] = [75, 60, 45, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0, -1];

impl World {
    /// A certificate that was collected and used, 91 days before its end.
    async fn ending(&self) -> (Posted, Card) {
        let (posted, card) = self.renewable().await;
        self.hand_over().await;
        (posted, card)
    }

    /// 09:00 in Japan, so many days before the last one.
    fn morning(&self, posted: &Posted, left: i64) -> Timestamp {
        let day = posted.grant.not_after.japan_date().plus_days(-left);
        day.start().plus_seconds(9 * 3_600)
    }

    /// The run of that day; the subjects of the mails that were handed over.
    async fn run_of(&self, posted: &Posted, left: i64) -> Vec<String> {
        self.go_to(self.morning(posted, left));
        self.jobs().await;
        self.hand_over().await
    }

    /// What relying systems are told about a certificate now.
    async fn told_to_systems(&self, fingerprint: Fingerprint) -> RelyingWords {
        let channel = NoticeChannel::ClaimsMessage;
        let asker = Actor::System;
        let told = self
            .app
            .relying_notice(fingerprint, channel, asker, self.now());
        told.await.unwrap().unwrap().message.unwrap()
    }

    async fn hand_over(&self) -> Vec<String> {
        let mut subjects = Vec::new();
        for mail in self.app.claim_mails(1_000).await.unwrap() {
            self.app.mail_sent(&mail).await.unwrap();
            subjects.push(mail.text.subject);
        }
        subjects
    }

    /// The days of `lefts` on which a mail went out, with its subject.
    async fn told(
        &self,
        posted: &Posted,
        lefts: impl IntoIterator<Item = i64>,
    ) -> Vec<(i64, String)> {
        let mut told = Vec::new();
        for left in lefts {
            for subject in self.run_of(posted, left).await {
                told.push((left, subject));
            }
        }
        told
    }
}

fn subject_of(left: i64) -> String {
    match left {
        -1 => "【重要】電子証明書の有効期限が切れました(受付1)".to_owned(),
        0 => "【重要】電子証明書の有効期限は本日9時59分です(受付1)".to_owned(),
        left => format!("【電子証明書 更新のお願い】有効期限まであと{left}日です(受付1)"),
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_renews_is_told_of_on_its_fourteen_days() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        let told = world.told(&posted, (-9..=90).rev()).await;
        let wanted: Vec<_> = DAYS
            .into_iter()
            .map(|left| (left, subject_of(left)))
            .collect();
        assert_eq!(told, wanted);
        assert_eq!(world.audited("notices.run").await, DAYS.len());
        assert_eq!(world.db.count("notice_run").await, 100);
    }
}

#[tokio::test]
async fn the_second_address_gets_each_notice_too_and_no_reminder() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        let set = "update issue_grant set second_mail = 'second@clinic.example'";
        world.db.run(set).await;
        let told = world.told(&posted, [60, 0, -1]).await;
        let wanted: Vec<_> = [60, 60, 0, 0, -1, -1]
            .into_iter()
            .map(|left| (left, subject_of(left)))
            .collect();
        assert_eq!(told, wanted);
        world.posted().await;
        world.hand_over().await;
        let later = world.now().plus_days(31).japan_date().start();
        world.go_to(later.plus_seconds(9 * 3_600));
        assert_eq!(world.jobs().await.notices, 1);
    }
}

#[tokio::test]
async fn nothing_goes_out_before_nine_in_japan_and_once_after_it() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        world.run_of(&posted, 76).await;
        let nine = world.morning(&posted, 75);
        world.go_to(nine.plus_seconds(-1));
        assert_eq!(world.jobs().await.notices, 0);
        world.go_to(nine);
        assert_eq!(world.jobs().await.notices, 1);
        for hour in 1..15 {
            world.go_to(nine.plus_seconds(hour * 3_600 - 1));
            assert_eq!(world.jobs().await.notices, 0);
        }
    }
}

#[tokio::test]
async fn after_a_pause_the_newest_notice_goes_out_alone() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        let told = world.told(&posted, [90, 44, 43, 13, 12, 5, 1]).await;
        let days: Vec<i64> = told.iter().map(|(left, _)| *left).collect();
        assert_eq!(days, [44, 13, 5, 1]);
        assert_eq!(told[0].1, subject_of(44), "the days that are left, not 45");
    }
}

#[tokio::test]
async fn a_notice_that_a_newer_one_overtook_in_the_queue_is_given_up() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        for left in [8, 7, 6] {
            world.go_to(world.morning(&posted, left));
            world.jobs().await;
        }
        assert_eq!(world.hand_over().await, [subject_of(6)]);
        world.go_to(world.morning(&posted, 5));
        world.jobs().await;
        world.go_to(world.morning(&posted, 4).plus_seconds(-1));
        let late = world.hand_over().await;
        assert_eq!(late, [subject_of(4)], "the days that are left by then");
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_told_of_until_the_newer_one_is_seen() {
    for world in worlds().await {
        let (posted, card) = world.ending().await;
        let renewed = world.renew(&card).await;
        world.hand_over().await;
        let unused = |left| {
            let rest = match left {
                0 => "有効期限は本日9時59分です".to_owned(),
                left => format!("有効期限まであと{left}日"),
            };
            format!("【重要】新しい電子証明書が使われていません({rest})")
        };
        world.go_to(world.morning(&posted, 75));
        world.jobs().await;
        let mail = world.app.claim_mails(9).await.unwrap().remove(0);
        assert_eq!(mail.text.subject, unused(75));
        assert!(mail.text.body.contains("「更新後証明書の取得」から"));
        world.app.mail_sent(&mail).await.unwrap();
        let file = world.retrieve(&card, &renewed).await;
        world.hand_over().await;
        world.go_to(world.morning(&posted, 60));
        world.jobs().await;
        let mail = world.app.claim_mails(9).await.unwrap().remove(0);
        let named = format!("({}.p12)", renewed.renewal.request_id);
        assert!(mail.text.body.contains(&named), "{}", mail.text.body);
        world.app.mail_sent(&mail).await.unwrap();
        let newer = Certificate::from_der(&file.chain[0]).unwrap();
        world.present(&Card::of(&newer)).await;
        assert_eq!(world.told(&posted, (-9..60).rev()).await, []);
    }
}

#[tokio::test]
async fn a_renewal_that_was_never_used_is_told_of_to_the_end_and_how_long_it_can_be_had() {
    for world in worlds().await {
        let (posted, card) = world.ending().await;
        world.renew(&card).await;
        world.hand_over().await;
        let told = world.told(&posted, (1..=90).rev()).await;
        assert_eq!(told.len(), 12);
        world.run_of(&posted, 0).await;
        world.go_to(world.morning(&posted, -1));
        world.jobs().await;
        let mail = world.app.claim_mails(9).await.unwrap().remove(0);
        assert_eq!(mail.text.subject, subject_of(-1));
        assert!(mail.text.body.contains("まで取得できます"));
    }
}

#[tokio::test]
async fn who_renews_while_a_notice_waits_does_not_get_it() {
    for world in worlds().await {
        let (posted, card) = world.ending().await;
        world.go_to(world.morning(&posted, 30));
        world.jobs().await;
        world.renew(&card).await;
        let told = world.hand_over().await;
        assert_eq!(told, ["【電子証明書 更新申請受付のお知らせ】"]);
    }
}

#[tokio::test]
async fn on_hold_and_revoked_nothing_is_told_and_after_a_lift_the_next() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        world.run_of(&posted, 8).await;
        let number = world.revoke(&posted, "lost").await;
        world.hand_over().await;
        assert_eq!(world.told(&posted, [7, 6]).await, []);
        world.finish(&number, Outcome::Lift).await;
        world.hand_over().await;
        assert_eq!(world.told(&posted, [5]).await, [(5, subject_of(5))]);
        let number = world.revoke(&posted, "lost").await;
        world.finish(&number, Outcome::Complete).await;
        world.hand_over().await;
        assert_eq!(world.told(&posted, [4, 3, 2, 1, 0, -1]).await, []);
    }
}

#[tokio::test]
async fn two_processes_queue_each_notice_once() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        world.run_of(&posted, 31).await;
        world.go_to(world.morning(&posted, 30));
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let app = tegata_app::App::open(world.parts()).await.unwrap();
            let now = world.now();
            runs.spawn(async move { app.run_due_jobs(now).await.map(|done| done.notices) });
        }
        let mut queued = 0;
        while let Some(run) = runs.join_next().await {
            queued += run.unwrap().unwrap();
        }
        assert_eq!(queued, 1);
        assert_eq!(world.hand_over().await, [subject_of(30)]);
        assert_eq!(world.audited("notices.run").await, 2);
    }
}

#[tokio::test]
async fn a_run_that_another_process_left_is_taken_over_after_a_while() {
    for mut world in worlds().await {
        let (posted, _) = world.ending().await;
        world.go_to(world.morning(&posted, 30));
        let held = world.now().plus_seconds(30);
        let held = format!("insert into lease values ('notices', 7, {})", held.unix());
        world.db.run(&held).await;
        world.restart().await;
        assert_eq!(world.jobs().await.notices, 0);
        world.advance(30);
        assert_eq!(world.jobs().await.notices, 1);
        let epoch = "select epoch from lease where name = 'notices'";
        let epoch = world.db.number(epoch).await;
        assert_eq!(epoch, 8);
    }
}

#[tokio::test]
async fn s1_a_lease_of_a_clock_that_was_set_back_or_stands_still_ends_with_time_itself() {
    for mut world in worlds().await {
        let (posted, _) = world.ending().await;
        world.go_to(world.morning(&posted, 30));
        let held = world.now().plus_days(400).unix();
        let lease = format!("insert into lease values ('notices', 7, {held})");
        world.db.run(&lease).await;
        world.restart().await;
        assert_eq!(world.jobs().await.notices, 0);
        world.system.stand_still(59);
        assert_eq!(world.jobs().await.notices, 0);
        // Its holder lives: it moved the lease.
        let moved = format!("update lease set held_until = {held} + 1 where name = 'notices'");
        world.db.run(&moved).await;
        world.system.stand_still(30);
        assert_eq!(world.jobs().await.notices, 0);
        world.system.stand_still(59);
        assert_eq!(world.jobs().await.notices, 0);
        world.system.stand_still(1);
        assert_eq!(world.jobs().await.notices, 1);
        let epoch = "select epoch from lease where name = 'notices'";
        assert_eq!(world.db.number(epoch).await, 8);
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_keeps_nobody_elses_notice_back() {
    for world in worlds().await {
        let other = world.posted().await;
        world.collect(&other).await;
        let (posted, _) = world.ending().await;
        let request = other.grant.request_id.as_str();
        let spoil = format!("update issue_grant set mail = 'x' where request_id = '{request}'");
        world.db.run(&spoil).await;
        world.go_to(world.morning(&posted, 30));
        assert_eq!(world.jobs().await.notices, 1);
    }
}

#[tokio::test]
async fn while_the_clock_is_in_doubt_nothing_is_queued() {
    for world in worlds().await {
        let (posted, _) = world.ending().await;
        world.go_to(world.morning(&posted, 30));
        world.app.pause_signing();
        assert!(world.app.run_due_jobs(world.now()).await.is_err());
        let waiting = world.mails(MailKind::CertificateExpiring).await;
        assert_eq!(waiting, []);
    }
}

#[tokio::test]
async fn while_the_clock_is_in_doubt_no_notice_leaves_and_none_is_given_up() {
    for mut world in worlds().await {
        let (posted, card) = world.ending().await;
        world.go_to(world.morning(&posted, 7));
        world.jobs().await;
        world.renew(&card).await;
        world.go_to(world.morning(&posted, -30));
        world.app.pause_signing();
        let told = world.hand_over().await;
        assert_eq!(told, ["【電子証明書 更新申請受付のお知らせ】"]);
        world.go_to(world.morning(&posted, 7));
        world.restart().await;
        let waiting = world.mails(MailKind::CertificateExpiring).await;
        assert_eq!(waiting.len(), 1);
    }
}

#[tokio::test]
async fn a_notice_that_cannot_be_judged_keeps_no_other_mail_back() {
    for world in worlds().await {
        let other = world.posted().await;
        world.collect(&other).await;
        let (posted, _) = world.ending().await;
        world.go_to(world.morning(&posted, 30));
        assert_eq!(world.jobs().await.notices, 2);
        let request = &other.grant.request_id;
        let spoil = format!("update outbox set fields = '{{}}' where about = '{request}'");
        world.db.run(&spoil).await;
        assert_eq!(world.hand_over().await, [subject_of(30)]);
        let (_, reason) = world.app.oldest_waiting_mail().await.unwrap().unwrap();
        assert!(reason.unwrap().contains("lacks a value"));
    }
}

#[tokio::test]
async fn other_mails_do_not_wait_behind_notices() {
    for world in worlds().await {
        let (posted, card) = world.ending().await;
        world.go_to(world.morning(&posted, 30));
        world.jobs().await;
        world.advance(60);
        let another = world.posted().await;
        world.renew(&card).await;
        let first = world.app.claim_mails(2).await.unwrap();
        let kinds: Vec<_> = first.iter().map(|mail| &mail.text.subject).collect();
        assert_eq!(kinds.len(), 2, "{kinds:?} {}", another.grant.request_id);
        assert!(!kinds.iter().any(|subject| subject.contains("更新のお願い")));
    }
}

#[tokio::test]
async fn who_has_not_collected_is_reminded_on_five_days_and_not_after_the_collection() {
    for world in worlds().await {
        let (waiting, fast) = (world.posted().await, world.posted().await);
        world.hand_over().await;
        let approved = waiting.grant.approved_at.japan_date();
        let mut told = Vec::new();
        for after in 1..=200 {
            world.go_to(approved.plus_days(after).start().plus_seconds(9 * 3_600));
            world.jobs().await;
            for subject in world.hand_over().await {
                told.push((after, subject));
            }
            if after == 60 {
                world.collect(&fast).await;
                world.hand_over().await;
            }
        }
        let subject = "【電子証明書 取得のお願い】まだ取得されていません(受付1)";
        let days = [30, 30, 60, 60, 120, 150, 170];
        let wanted: Vec<_> = days.map(|day| (day, subject.to_owned())).into();
        assert_eq!(told, wanted);
    }
}

#[tokio::test]
async fn a_reminder_that_waits_is_given_up_once_the_certificate_is_collected() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.hand_over().await;
        let approved = posted.grant.approved_at.japan_date();
        world.go_to(approved.plus_days(30).start().plus_seconds(9 * 3_600));
        assert_eq!(world.jobs().await.notices, 1);
        world.collect(&posted).await;
        let told = world.hand_over().await;
        assert!(!told.is_empty());
        assert!(!told.iter().any(|subject| subject.contains("お願い")));
    }
}

#[tokio::test]
async fn f3_nobody_is_sent_to_a_file_whose_key_its_holder_had_erased() {
    for world in worlds().await {
        let (posted, card) = world.ending().await;
        let renewed = world.renew(&card).await;
        world.retrieve(&card, &renewed).await;
        world.hand_over().await;
        let request = &renewed.renewal.request_id;
        let erase = format!(
            "update sealed_key set sealed = null, destroyed_at = 1, destroyed_because = 'request'
            where serial = (select serial from issue_grant where request_id = '{request}')"
        );
        world.db.run(&erase).await;
        for (left, is_told) in [(75, "控えはありません"), (-1, "ファイルの控えはありません")]
        {
            world.go_to(world.morning(&posted, left));
            world.jobs().await;
            let mail = world.app.claim_mails(9).await.unwrap().remove(0);
            let body = &mail.text.body;
            assert!(body.contains(is_told), "{body}");
            assert!(body.contains(&format!("({request}.p12)")), "{body}");
            for untrue in ["もう一度ダウンロード", "まで取得できます"] {
                assert!(!body.contains(untrue), "{body}");
            }
            world.app.mail_sent(&mail).await.unwrap();
        }
        let fingerprint = card.fingerprint;
        let told = world.told_to_systems(fingerprint).await;
        assert!(told.text.contains("取得済みです"), "{}", told.text);
        let Identity::Expired { successor, .. } = world.present(&card).await else {
            panic!("it ended yesterday");
        };
        assert_ne!(successor.unwrap().key, KeyPlace::Authority);
    }
}

/// K1: a key that the terminal made is in no file, and nothing speaks of one.
#[tokio::test]
async fn k1_nobody_is_sent_to_the_file_of_a_key_that_the_terminal_made() {
    let file = ["ファイル", "ダウンロード", ".p12", "取得から", "取得して"];
    let is_told = |text: &str| {
        assert!(text.contains("MPKIクライアント"), "{text}");
        for untrue in file {
            assert!(!text.contains(untrue), "{text}");
        }
    };
    for world in worlds().await {
        let (posted, card) = world.ending().await;
        let terminal = Terminal::new();
        let (presented, now) = (card.fingerprint, world.now());
        world
            .app
            .reenroll(presented, &terminal.request, source(1), now)
            .await
            .unwrap();
        world.hand_over().await;
        for left in [75, -1] {
            world.go_to(world.morning(&posted, left));
            world.jobs().await;
            let mail = world.app.claim_mails(9).await.unwrap().remove(0);
            is_told(&mail.text.body);
            world.app.mail_sent(&mail).await.unwrap();
        }
        let told = world.told_to_systems(presented).await;
        is_told(&told.text);
        let Identity::Expired { successor, .. } = world.present(&card).await else {
            panic!("it ended yesterday");
        };
        assert_eq!(successor.unwrap().key, KeyPlace::Terminal);
    }
}

#[tokio::test]
async fn mails_that_are_over_go_after_their_days_and_their_numbers_stay() {
    for world in worlds().await {
        let (posted, card) = world.ending().await;
        let told = world.told(&posted, (-1..=90).rev()).await;
        assert_eq!(told.len(), DAYS.len());
        let days = world.app.notice_tallies(120).await.unwrap();
        // One that waits, and one that came back.
        world.posted().await;
        let count = async |what: &str| {
            let sql = format!("select cast(count(*) as bigint) from outbox where {what}");
            world.db.number(&sql).await
        };
        let all = count("1 = 1").await;
        let returned = "insert into bounced_address (address, since, mail_id, status, said)
            select recipient, 1, id, '5.1.1', 'x' from outbox where urgency = 2 order by id limit 1";
        world.db.run(returned).await;
        let end = world.now();
        for (after, left) in [(300, all), (500, 2)] {
            world.go_to(end.plus_days(after));
            world.jobs().await;
            world.go_to(end.plus_days(after).plus_seconds(61));
            world.jobs().await;
            assert_eq!(count("1 = 1").await, left, "{after}");
        }
        assert_eq!(count("sent_at is null and dropped_at is null").await, 1);
        assert_eq!(world.hand_over().await.len(), 1, "nothing is queued again");
        let later = world.app.notice_tallies(120 + 500).await.unwrap();
        assert_eq!(later, days);
        let _ = card;
    }
}
