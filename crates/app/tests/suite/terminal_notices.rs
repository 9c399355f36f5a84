//! 端末へのお知らせ (R-030, P-32, PERF17): what a terminal is told on which day, and when it asks again.

use tegata_app::TerminalNotice;
use tegata_domain::operator::Role;
use tegata_domain::relying::{RelyingMessage, RelyingStatus};
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::revocation::{Outcome, StatedReason};
use tegata_domain::spread::Asking;
use tegata_domain::terminal_notice::TerminalMessage;
use tegata_domain::time::Timestamp;

use crate::cards::Card;
use crate::world::{World, source, worlds};

/// What a notification of Windows has room for, in UTF-16 (NOTIFYICONDATAW without the closing zeros).
const TITLE: usize = 63;
const TEXT: usize = 255;

async fn ask(world: &World, card: &Card) -> TerminalNotice {
    let asked = world.app.terminal_notice(&card.der, source(1), world.now());
    let notice = asked.await.unwrap().unwrap();
    if let Some((_, words)) = &notice.message {
        let (title, text) = (words.heading.as_str(), words.text.as_str());
        assert!(title.encode_utf16().count() <= TITLE, "{title}");
        assert!(text.encode_utf16().count() <= TEXT, "{text}");
        assert!(!title.contains('\n'), "{title}");
    }
    notice
}

fn about(notice: &TerminalNotice) -> Option<TerminalMessage> {
    notice.message.as_ref().map(|(about, _)| *about)
}

fn heading(notice: &TerminalNotice) -> &str {
    let words = notice.message.as_ref().map(|(_, words)| words);
    words.map_or("", |words| words.heading.as_str())
}

/// Eight in the morning of the day with so many days left. The samples end at ten, less a second.
fn morning(not_after: Timestamp, left: i64) -> Timestamp {
    let day = not_after.japan_date().plus_days(-left);
    day.start().plus_seconds(8 * 3_600)
}

/// Days left at the next request.
fn next_left(notice: &TerminalNotice) -> Option<i64> {
    let last = notice.not_after.japan_date();
    notice
        .next
        .map(|next| next.at.japan_date().days_until(last))
}

#[tokio::test]
async fn r030_the_terminal_has_each_level_on_its_day_and_is_told_after_the_end() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let not_after = posted.grant.not_after;
        for left in (-3..=91).rev() {
            world.go_to(morning(not_after, left));
            let notice = ask(&world, &card).await;
            assert_eq!(notice.days_left, left);
            let level = match left {
                ..0 => Some(-1),
                90 | 60 | 30 | 15 | 0..=7 => Some(left),
                _ => None,
            };
            assert_eq!(notice.level, level, "{left}");
            assert_eq!(notice.notifies, level.is_some(), "{left}");
            let words = match left {
                ..0 => "この電子証明書は、有効期限が切れています".to_owned(),
                0 => "電子証明書の有効期限は、本日9時59分です".to_owned(),
                91.. => "更新の手続きは、2029年11月22日(木)から行えます".to_owned(),
                _ => format!("電子証明書の有効期限まで、あと{left}日です"),
            };
            assert_eq!(heading(&notice), words, "{left}");
            let status = match left {
                ..0 => RelyingStatus::Expired,
                _ => RelyingStatus::Good,
            };
            assert_eq!(notice.status, status, "{left}");
            let next = next_left(&notice).unwrap();
            let day = notice.next.unwrap().at.japan_date();
            let (_, _, of_month) = day.ymd();
            let is_notice = matches!(next, ..0 | 90 | 60 | 30 | 15 | 0..=7);
            assert!(next < left && (is_notice || of_month > 10), "{left}: {day}");
        }
    }
}

#[tokio::test]
async fn perf17_a_terminal_with_years_left_is_sent_to_the_day_of_its_first_notice() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        let notice = ask(&world, &card).await;
        assert_eq!(next_left(&notice), Some(90));
        assert_eq!((notice.level, notice.notifies), (None, false));
        let opens = notice.renewal_opens;
        let early = TerminalMessage::BeforeRenewal { opens };
        assert_eq!(about(&notice), Some(early));
        let next = notice.next.unwrap();
        let again = notice.plan.next(
            &card.fingerprint,
            notice.not_after,
            Asking::NearTheEnd,
            world.now(),
        );
        assert_eq!(again, Some(next), "the terminal comes to the same second");
        world.go_to(next.at);
        let first = ask(&world, &card).await;
        assert_eq!((first.level, first.notifies), (Some(90), true));
    }
}

#[tokio::test]
async fn f6_a_renewal_is_asked_for_its_use_and_silent_once_it_is_used() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        world.go_to(morning(posted.grant.not_after, 30));
        let renewed = world.renew(&card).await;
        let notice = ask(&world, &card).await;
        assert_eq!(notice.renewal, Some(RenewalStanding::Accepted));
        assert_eq!((notice.level, notice.notifies), (Some(30), true));
        let collect = TerminalMessage::About(RelyingMessage::Collect);
        assert_eq!(about(&notice), Some(collect));

        world.retrieve(&card, &renewed).await;
        let notice = ask(&world, &card).await;
        assert_eq!(notice.renewal, Some(RenewalStanding::Collected));
        let install = TerminalMessage::About(RelyingMessage::Install);
        assert_eq!(about(&notice), Some(install));
        assert!(notice.next.is_some());

        // The terminal that asks with the newer one uses it (K3).
        let new = world.new_card(&renewed).await;
        let newer = ask(&world, &new).await;
        assert_eq!(
            newer.renewal,
            Some(RenewalStanding::Early {
                opens: newer.renewal_opens
            })
        );
        let notice = ask(&world, &card).await;
        assert_eq!(notice.renewal, Some(RenewalStanding::Replaced));
        assert_eq!((notice.level, notice.notifies), (None, false));
        assert_eq!((about(&notice), notice.next), (None, None));
    }
}

#[tokio::test]
async fn k3_asking_is_using_and_recorded_once() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        let before = world.audited("certificate.seen").await;
        for _ in 0..3 {
            ask(&world, &card).await;
        }
        assert_eq!(world.audited("certificate.seen").await, before + 1);
        let audit = world.audit().await;
        let seen = audit.iter().find(|row| row.action == "certificate.seen");
        assert_eq!(seen.unwrap().actor, format!("subscriber:{}", source(1)));
    }
}

#[tokio::test]
async fn a_hold_is_told_at_once_and_asked_about_until_it_ends() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        world.revoke(&posted, "lost").await;
        let at = world.now();
        let held = ask(&world, &card).await;
        assert_eq!(held.status, RelyingStatus::OnHold { at });
        assert_eq!((held.level, held.notifies), (None, true));
        let on_hold = TerminalMessage::About(RelyingMessage::OnHold);
        assert_eq!(about(&held), Some(on_hold));
        let next = held.next.unwrap().at;
        assert_eq!(next.japan_date(), at.japan_date().plus_days(1));

        let open = world.app.list_revocations().await.unwrap();
        world.finish(&open[0].number, Outcome::Complete).await;
        let revoked = ask(&world, &card).await;
        assert!(matches!(revoked.status, RelyingStatus::Revoked { .. }));
        assert!(revoked.notifies);
        assert_eq!(revoked.next, None, "nothing will change any more");
        // To be stopped is not to be used.
        assert_eq!(world.audited("certificate.seen").await, 0);
    }
}

#[tokio::test]
async fn a_hold_that_was_lifted_leaves_the_terminal_as_it_was() {
    for world in worlds().await {
        let desk = world.operator("desk", Role::HelpDesk).await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        let before = ask(&world, &card).await;
        let request = &posted.grant.request_id;
        world
            .app
            .hold_by_operator(request, StatedReason::Lost, "電話", &desk, world.now())
            .await
            .unwrap();
        let words = ask(&world, &card).await.message.unwrap().1;
        assert!(words.text.contains("の判断により、"), "{}", words.text);
        let open = world.app.list_revocations().await.unwrap();
        world.finish(&open[0].number, Outcome::Lift).await;
        assert_eq!(ask(&world, &card).await, before);
    }
}

#[tokio::test]
async fn what_is_not_ours_and_what_is_no_terminals_is_unknown() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let mut asked = vec![b"no certificate".to_vec(), Vec::new()];
        asked.extend(world.app.ca_certificates().into_iter().map(|ca| ca.der));
        let server = world.app.server_identity("localhost", world.now()).await;
        asked.extend(server.unwrap().chain);
        for der in asked {
            let told = world.app.terminal_notice(&der, source(1), world.now());
            assert_eq!(told.await.unwrap(), None);
        }
    }
}
