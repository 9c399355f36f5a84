//! The figures of notices (C-18): what went out, what waits, what comes.

use tegata_app::NoticeFigures;
use tegata_domain::outbox::MailKind;

use crate::world::{World, worlds};

impl World {
    async fn figures(&self) -> NoticeFigures {
        self.app.notice_figures().await.unwrap()
    }
}

#[tokio::test]
async fn a_notice_is_counted_on_its_day_until_it_is_sent() {
    for world in worlds().await {
        let (posted, _) = world.renewable().await;
        let end = posted.grant.not_after;
        for mail in world.app.claim_mails(99).await.unwrap() {
            world.app.mail_sent(&mail).await.unwrap();
        }
        let day = end.japan_date().plus_days(-30);
        world.go_to(day.start().plus_seconds(9 * 3_600));
        world.jobs().await;
        let queued = world.figures().await;
        assert_eq!((queued.runs[0].day, queued.runs[0].mails), (day, 1));
        let tally = |figures: &NoticeFigures| {
            let kind = figures.days[0].kinds[0];
            assert_eq!(figures.days[0].day, day);
            assert_eq!(kind.kind, MailKind::CertificateExpiring);
            [kind.sent, kind.waiting, kind.dropped]
        };
        assert_eq!(tally(&queued), [0, 1, 0]);
        assert_eq!((queued.waiting, queued.is_late), (1, false));
        assert_eq!(queued.oldest, Some((world.now(), None)));
        let mail = world.app.claim_mails(9).await.unwrap().remove(0);
        world.app.mail_failed(&mail, "451 later").await.unwrap();
        let told = world.figures().await.oldest.unwrap().1;
        assert_eq!(told.as_deref(), Some("451 later"));
        world.advance(3_600);
        let mail = world.app.claim_mails(9).await.unwrap().remove(0);
        world.app.mail_sent(&mail).await.unwrap();
        let sent = world.figures().await;
        assert_eq!(tally(&sent), [1, 0, 0]);
        assert_eq!((sent.waiting, sent.oldest), (0, None));
    }
}

#[tokio::test]
async fn certificates_are_counted_in_the_month_of_their_end_and_a_missing_run_is_told() {
    for world in worlds().await {
        let (posted, _) = world.renewable().await;
        let end = posted.grant.not_after.japan_date();
        let nine = world.now().japan_date().start().plus_seconds(9 * 3_600);
        world.go_to(nine);
        world.jobs().await;
        let figures = world.figures().await;
        assert_eq!(figures.months.len(), 24);
        assert_eq!(figures.months[0].from, world.now().japan_date());
        let found = figures.months.iter().filter(|month| month.certificates > 0);
        let found: Vec<_> = found.collect();
        assert_eq!((found.len(), found[0].certificates), (1, 1));
        assert_eq!(found[0].from.ymd().1, end.ymd().1);
        world.advance(26 * 3_600);
        assert!(!world.figures().await.is_late);
        world.advance(1);
        assert!(world.figures().await.is_late);
    }
}
