//! お知らせ and 今日の状況 (`screens.md` C.0, decision F8).

use tegata_app::{Error, Refusal};
use tegata_domain::announcement::{Announcement, AnnouncementKind, Days, Notice};
use tegata_domain::operator::Operator;
use tegata_domain::time::CalendarDate;

use crate::world::{NOW, World, refusal, worlds};

fn days(from: &str, until: &str) -> Days {
    let day = |text| CalendarDate::parse(text).unwrap();
    Days {
        from: day(from),
        until: day(until),
    }
}

fn notice(title: &str, shown: Days) -> Notice {
    Notice {
        kind: AnnouncementKind::Maintenance,
        title: title.to_owned(),
        body: "<b>本文</b>\n2行目".to_owned(),
        shown,
        affects: None,
    }
}

async fn publish(world: &World, notice: Notice) -> Announcement {
    let by = &world.people.administrator;
    let published = world.app.publish_announcement(notice, by, NOW).await;
    published.unwrap()
}

async fn titles(world: &World) -> Vec<String> {
    let news = world.app.news(world.now()).await.unwrap();
    let titles = news.announcements.into_iter();
    titles.map(|one| one.notice.title).collect()
}

#[tokio::test]
async fn the_newest_three_of_today_are_shown_and_no_others() {
    for world in worlds().await {
        for (title, from, until) in [
            ("over", "2026-11-01", "2026-11-19"),
            ("first day", "2026-11-20", "2026-11-30"),
            ("last day", "2026-11-01", "2026-11-20"),
            ("older", "2026-11-02", "2026-12-31"),
            ("oldest", "2026-10-01", "2026-12-31"),
            ("not yet", "2026-11-21", "2026-11-30"),
        ] {
            publish(&world, notice(title, days(from, until))).await;
        }
        assert_eq!(titles(&world).await, ["first day", "older", "last day"]);
        // 2026-11-20 23:59:59 in Japan, and a second later.
        world.advance(13 * 3_600 + 59 * 60 + 59);
        assert_eq!(titles(&world).await, ["first day", "older", "last day"]);
        world.advance(1);
        assert_eq!(titles(&world).await, ["not yet", "first day", "older"]);
        assert_eq!(world.audited("announcement.publish").await, 6);
    }
}

#[tokio::test]
async fn a_day_is_unusual_on_the_days_that_a_notice_says() {
    for world in worlds().await {
        let mut one = notice("停止", days("2026-11-01", "2026-12-31"));
        one.affects = Some(days("2026-11-21", "2026-11-22"));
        let one = publish(&world, one).await;
        let affecting = async || world.app.news(world.now()).await.unwrap().affecting;
        assert_eq!(affecting().await, []);
        world.advance(86_400);
        assert_eq!(affecting().await, [one]);
        world.advance(2 * 86_400);
        assert_eq!(affecting().await, []);
    }
}

#[tokio::test]
async fn who_did_not_see_a_change_does_not_overwrite_it() {
    for world in worlds().await {
        let (app, by) = (&world.app, &world.people.administrator);
        let shown = days("2026-11-01", "2026-12-31");
        let one = publish(&world, notice("一", shown)).await;
        app.change_announcement(&one.id, 1, notice("二", shown), by, NOW)
            .await
            .unwrap();
        let late = app
            .change_announcement(&one.id, 1, notice("三", shown), by, NOW)
            .await;
        assert!(matches!(late, Err(Error::Conflict)));
        let late = app.withdraw_announcement(&one.id, 1, by, NOW).await;
        assert!(matches!(late, Err(Error::Conflict)));
        assert_eq!(titles(&world).await, ["二"]);
        app.withdraw_announcement(&one.id, 2, by, NOW)
            .await
            .unwrap();
        assert_eq!(titles(&world).await, [""; 0]);
        let stays = app.announcement(&one.id).await.unwrap();
        assert_eq!((stays.version, stays.withdrawn_at), (3, Some(NOW)));
        let again = app
            .change_announcement(&one.id, 3, notice("四", shown), by, NOW)
            .await;
        assert!(matches!(again, Err(Error::Conflict)));
        for (action, times) in [
            ("announcement.publish", 1),
            ("announcement.change", 1),
            ("announcement.withdraw", 1),
        ] {
            assert_eq!(world.audited(action).await, times, "{action}");
        }
    }
}

#[tokio::test]
async fn only_administrators_announce() {
    for world in worlds().await {
        let people = &world.people;
        let others: [&Operator; 4] = [
            &people.intake,
            &people.examiner,
            &people.approver,
            &people.dispatcher,
        ];
        for by in others {
            let shown = days("2026-11-01", "2026-12-31");
            let new = world
                .app
                .publish_announcement(notice("x", shown), by, NOW)
                .await;
            assert_eq!(refusal(new), Refusal::NotAllowed);
        }
        assert_eq!(world.db.count("announcement").await, 0);
        assert_eq!(world.audited("refused").await, 4);
    }
}
