//! この日に送るもの: the dry run of a day says what the run of that day does.

use tegata_app::{ActRefusal, DueCursor, DueDay, Occasion, Refusal};
use tegata_domain::operator::Role;
use tegata_domain::outbox::MailKind;
use tegata_domain::revocation::StatedReason;
use tegata_domain::time::CalendarDate;

use crate::world::{Posted, World, refusal, worlds};

impl World {
    async fn due(&self, day: CalendarDate) -> DueDay {
        self.app.due_on(day).await.unwrap()
    }

    fn go_to_nine(&self, day: CalendarDate) {
        self.go_to(day.start().plus_seconds(9 * 3_600));
    }

    fn day(posted: &Posted, left: i64) -> CalendarDate {
        posted.grant.not_after.japan_date().plus_days(-left)
    }
}

#[tokio::test]
async fn what_is_due_tomorrow_is_what_the_run_of_tomorrow_queues() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        world.posted().await;
        let set = "update issue_grant set second_mail = 'second@clinic.example'";
        world.db.run(set).await;
        let mut told = 0;
        for left in (-9..=89).rev() {
            let day = World::day(&posted, left);
            world.go_to_nine(day.plus_days(-1));
            world.jobs().await;
            let foretold = world.due(day).await;
            assert!(!foretold.is_queued);
            world.go_to_nine(day);
            let today = world.due(day).await;
            assert_eq!(today.groups, foretold.groups);
            let queued = world.jobs().await.notices;
            assert_eq!(queued, u64::try_from(foretold.mails()).unwrap(), "{day}");
            assert!(world.due(day).await.is_queued);
            told += foretold.mails();
            if left == 20 {
                world.renew(&card).await;
            }
        }
        // 13 thresholds and the day after, each to two addresses; two reminders of the letter that waits, to one.
        assert_eq!(told, 14 * 2 + 2);
    }
}

#[tokio::test]
async fn a_day_far_ahead_is_told_as_things_stand() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let of = |kind, notices| (Occasion::End(7), kind, notices);
        let day = World::day(&posted, 7);
        let groups = |due: DueDay| {
            let one = |group: &tegata_app::DueGroup| (group.occasion, group.kind, group.notices);
            due.groups.iter().map(one).collect::<Vec<_>>()
        };
        let due = world.due(day).await;
        let entries = world.app.due_entries(&due, None, 9).await.unwrap();
        assert_eq!(groups(due), [of(MailKind::CertificateExpiring, 1)]);
        assert_eq!(entries.next, None);
        let entry = &entries.entries[0];
        assert_eq!(entry.request_id, posted.grant.request_id);
        assert_eq!(entry.days_left, 7);
        assert_eq!(entry.mails, ["c****@clinic.example"]);
        world.renew(&card).await;
        world.advance(60);
        let due = groups(world.due(day).await);
        assert_eq!(due, [of(MailKind::SuccessorUnused, 1)]);
        let by = world.operator("night", Role::HelpDesk).await;
        let (request, why) = (&posted.grant.request_id, StatedReason::NotStated);
        let now = world.now();
        let held = world.app.hold_by_operator(request, why, "stolen", &by, now);
        held.await.unwrap();
        world.advance(60);
        assert_eq!(groups(world.due(day).await), []);
    }
}

#[tokio::test]
async fn the_list_of_a_day_is_paged_without_a_gap() {
    for world in worlds().await {
        let (posted, _) = world.renewable().await;
        let others = [
            world.posted().await,
            world.posted().await,
            world.posted().await,
        ];
        let day = others[0].grant.approved_at.japan_date().plus_days(30);
        let ends = World::day(&posted, 60);
        assert_eq!(day, ends, "both on one day");
        let due = world.due(day).await;
        let all = world.app.due_entries(&due, None, 9).await.unwrap().entries;
        assert_eq!(all.len(), 4);
        for limit in 1..=4 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = world.app.due_entries(&due, after.as_ref(), limit).await;
                let page = page.unwrap();
                assert!(page.entries.len() <= usize::try_from(limit).unwrap());
                seen.extend(page.entries);
                match page.next {
                    Some(next) => after = DueCursor::parse(&next.to_string()),
                    None => break,
                }
            }
            assert_eq!(seen, all, "{limit} a page");
        }
    }
}

#[tokio::test]
async fn nobody_can_ask_about_yesterday_or_beyond_400_days() {
    for world in worlds().await {
        let today = world.now().japan_date();
        for ahead in [0, 400] {
            world.due(today.plus_days(ahead)).await;
        }
        let beyond = ActRefusal::DayBeyond {
            first: today,
            latest: today.plus_days(400),
        };
        for ahead in [-1, 401] {
            let day = today.plus_days(ahead);
            let answer = refusal(world.app.due_on(day).await);
            assert_eq!(answer, Refusal::Act(beyond.clone()));
        }
    }
}
