//! 利用システム (decision F7): what is shown about a certificate, on which day and in which channel.

use serde_json::{Value, json};
use tegata_app::{RelyingNotice, RelyingSystems};
use tegata_domain::audit::Actor;
use tegata_domain::id::Fingerprint;
use tegata_domain::notice::NoticeChannel;
use tegata_domain::operator::Role;
use tegata_domain::relying::RelyingStatus;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::revocation::{Outcome, StatedReason};
use tegata_domain::time::Timestamp;

use crate::cards::Card;
use crate::world::{World, worlds};

const CLAIMS: NoticeChannel = NoticeChannel::ClaimsMessage;
const ELIGIBILITY: NoticeChannel = NoticeChannel::EligibilityMessage;

fn asker() -> Actor {
    Actor::RelyingSystem("claims".to_owned())
}

async fn ask(world: &World, card: &Card, channel: NoticeChannel) -> RelyingNotice {
    let asked = world
        .app
        .relying_notice(card.fingerprint, channel, asker(), world.now());
    asked.await.unwrap().unwrap()
}

/// Eight in the morning of the day with so many days left. The samples end at ten, less a second.
fn morning(not_after: Timestamp, left: i64) -> Timestamp {
    let day = not_after.japan_date().plus_days(-left);
    day.start().plus_seconds(8 * 3_600)
}

fn heading(notice: &RelyingNotice) -> &str {
    notice
        .message
        .as_ref()
        .map_or("", |words| words.heading.as_str())
}

#[tokio::test]
async fn claims_are_told_daily_and_eligibility_on_its_days() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let not_after = posted.grant.not_after;
        for left in (-1..=91).rev() {
            world.go_to(morning(not_after, left));
            let claims = ask(&world, &card, CLAIMS).await;
            let eligibility = ask(&world, &card, ELIGIBILITY).await;
            assert_eq!((claims.days_left, eligibility.days_left), (left, left));
            let daily = (0..=90).contains(&left).then_some(left);
            let staged = [90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0].contains(&left);
            assert_eq!(claims.level, daily, "{left}");
            assert_eq!(eligibility.level, staged.then_some(left), "{left}");
            for notice in [claims, eligibility] {
                let words = match (left, notice.level) {
                    (-1, _) => "この電子証明書は、有効期限が切れています".to_owned(),
                    (_, None) => String::new(),
                    (0, _) => "電子証明書の有効期限は、本日9時59分です".to_owned(),
                    (left, _) => format!("電子証明書の有効期限まで、あと{left}日です"),
                };
                assert!(heading(&notice).starts_with(&words), "{left}");
                assert_eq!(heading(&notice).is_empty(), words.is_empty(), "{left}");
            }
        }
    }
}

#[tokio::test]
async fn a_message_says_when_it_ends_and_leads_to_the_renewal() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        world.go_to(morning(posted.grant.not_after, 60));
        let notice = ask(&world, &card, ELIGIBILITY).await;
        assert_eq!(notice.status, RelyingStatus::Good);
        assert_eq!(notice.renewal, Some(RenewalStanding::Open));
        assert_eq!(notice.not_after, posted.grant.not_after);
        let words = notice.message.unwrap();
        assert_eq!(words.link, "https://localhost:8441/p/ru");
        assert!(words.text.contains("2030年2月20日"), "{}", words.text);
        assert!(words.text.contains("更新の手続きを行ってください"));
    }
}

#[tokio::test]
async fn f6_a_renewal_is_asked_for_its_use_and_silent_once_it_is_used() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        world.go_to(morning(posted.grant.not_after, 30));
        let renewed = world.renew(&card).await;
        let notice = ask(&world, &card, ELIGIBILITY).await;
        assert_eq!(notice.renewal, Some(RenewalStanding::Accepted));
        assert_eq!(notice.level, Some(30));
        let words = notice.message.unwrap();
        assert!(words.heading.contains("新しい電子証明書が使われていません"));
        assert_eq!(words.link, "https://localhost:8441/p/ru/list");

        world.retrieve(&card, &renewed).await;
        let notice = ask(&world, &card, CLAIMS).await;
        assert_eq!(notice.renewal, Some(RenewalStanding::Collected));
        let words = notice.message.unwrap();
        assert!(words.text.contains("確認できていません"), "{}", words.text);

        // Asking about the newer one is seeing it in use (K3).
        let new = world.new_card(&renewed).await;
        ask(&world, &new, CLAIMS).await;
        let notice = ask(&world, &card, CLAIMS).await;
        assert_eq!(notice.renewal, Some(RenewalStanding::Replaced));
        assert_eq!((notice.level, notice.message), (None, None));
    }
}

#[tokio::test]
async fn k3_being_asked_about_is_recorded_once_with_the_name_of_the_asker() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        let before = world.audited("certificate.seen").await;
        for _ in 0..3 {
            ask(&world, &card, CLAIMS).await;
        }
        assert_eq!(world.audited("certificate.seen").await, before + 1);
        let audit = world.audit().await;
        let seen = audit.iter().find(|row| row.action == "certificate.seen");
        assert_eq!(seen.unwrap().actor, "relying:claims");
    }
}

#[tokio::test]
async fn a_hold_is_told_at_once_with_the_words_of_the_pages() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        world.revoke(&posted, "lost").await;
        for channel in [CLAIMS, ELIGIBILITY] {
            let notice = ask(&world, &card, channel).await;
            let at = world.now();
            assert_eq!(notice.status, RelyingStatus::OnHold { at });
            assert_eq!((notice.level, notice.renewal), (None, None));
            let words = notice.message.unwrap();
            assert_eq!(words.heading, "この電子証明書は、一時停止中です");
            let first =
                "失効申請を受け付けたため、2026年11月20日(金)10時00分から使えなくなっています。";
            assert!(words.text.starts_with(first), "{}", words.text);
        }
        let open = world.app.list_revocations().await.unwrap();
        world.finish(&open[0].number, Outcome::Complete).await;
        let notice = ask(&world, &card, CLAIMS).await;
        assert!(matches!(notice.status, RelyingStatus::Revoked { .. }));
        assert_eq!(heading(&notice), "この電子証明書は、失効しています");
    }
}

#[tokio::test]
async fn a_hold_by_an_operator_says_so() {
    for world in worlds().await {
        let desk = world.operator("desk", Role::HelpDesk).await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let card = Card::of(&world.certificate(&posted).await);
        let request = &posted.grant.request_id;
        world
            .app
            .hold_by_operator(request, StatedReason::Lost, "電話", &desk, world.now())
            .await
            .unwrap();
        let words = ask(&world, &card, CLAIMS).await.message.unwrap();
        assert!(words.text.contains("の判断により、"), "{}", words.text);
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
            let asked = world
                .app
                .notice_of_presented(&der, CLAIMS, asker(), world.now());
            assert_eq!(asked.await.unwrap(), None);
        }
        let nothing = Fingerprint([0; 32]);
        let asked = world
            .app
            .relying_notice(nothing, CLAIMS, asker(), world.now());
        assert_eq!(asked.await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_relying_system_is_known_by_its_certificate() {
    let mut systems = RelyingSystems::default();
    systems.insert(Fingerprint(tegata_pki::digest::sha256(b"one")), "claims");
    assert_eq!(systems.name_of(b"one"), Some("claims"));
    assert_eq!(systems.name_of(b"two"), None);
}

/// The lines of the day's feed between head and foot.
async fn lines(world: &World) -> Vec<Value> {
    let feed = world.app.relying_feed(world.now()).await.unwrap();
    let text = std::str::from_utf8(&feed.body).unwrap();
    let mut lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let head = lines.remove(0);
    assert_eq!(head["feed"], "tegata-relying");
    assert_eq!(head["day"], world.now().japan_date().to_string());
    let foot = lines.pop().unwrap();
    assert_eq!(foot["certificates"], lines.len());
    lines
}

#[tokio::test]
async fn the_feed_says_what_the_answers_say_about_every_certificate_with_a_message() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        // Stopped: in the feed until it ends. Young: not in it.
        let stopped = world.posted().await;
        world.collect(&stopped).await;
        world.revoke(&stopped, "lost").await;
        let young = world.posted().await;
        world.collect(&young).await;
        let held = Card::of(&world.certificate(&stopped).await);
        for left in [90, 89, 60, 8, 0, -1] {
            world.go_to(morning(posted.grant.not_after, left));
            let lines = lines(&world).await;
            let (claims, eligibility) = (
                ask(&world, &card, CLAIMS).await,
                ask(&world, &card, ELIGIBILITY).await,
            );
            let [mine, other] = lines.as_slice() else {
                panic!("{left}: {lines:?}")
            };
            assert_eq!(mine["certificate"], card.fingerprint.to_string());
            assert_eq!(mine["days_left"], left);
            assert_eq!(mine["levels"]["claims_message"], json!(claims.level));
            assert_eq!(
                mine["levels"]["eligibility_message"],
                json!(eligibility.level)
            );
            assert_eq!(mine["status"], claims.status.as_str());
            assert_eq!(mine["message"]["heading"], heading(&claims));
            assert_eq!(mine["message"]["link"], claims.message.unwrap().link);
            assert_eq!(other["certificate"], held.fingerprint.to_string());
            assert_eq!(other["status"], "on_hold");
        }
    }
}

#[tokio::test]
async fn the_feed_of_a_day_is_made_once_and_kept_by_every_process() {
    for mut world in worlds().await {
        world.renewable().await;
        let first = world.app.relying_feed(world.now()).await.unwrap();
        let late = world.posted().await;
        world.collect(&late).await;
        world.revoke(&late, "lost").await;
        world.restart().await;
        world.advance(3_600);
        let again = world.app.relying_feed(world.now()).await.unwrap();
        assert_eq!(again.body, first.body);
        assert_eq!(again.signature, first.signature);
        assert_eq!(again.made_at, first.made_at);
        assert_eq!(lines(&world).await.len(), 1);
        world.advance(86_400);
        let next = world.app.relying_feed(world.now()).await.unwrap();
        assert_ne!(next.sha256, first.sha256);
        assert_eq!(lines(&world).await.len(), 2);
        assert_eq!(world.db.count("relying_feed").await, 1);
        assert_eq!(
            world
                .db
                .count("certificate where kind = 'feed_signer'")
                .await,
            1
        );
    }
}

#[tokio::test]
async fn pages_of_the_feed_have_every_certificate_once_in_the_order_of_their_ends() {
    for world in worlds().await {
        let mut wanted = Vec::new();
        for _ in 0..5 {
            let posted = world.posted().await;
            world.collect(&posted).await;
            let card = Card::of(&world.certificate(&posted).await);
            wanted.push((posted.grant.not_after, card.fingerprint));
        }
        // They end in the same second: the serial number parts them.
        let span = (wanted[0].0, wanted[4].0);
        let mut reader = world.db.store.reader().await.unwrap();
        let (mut told, mut after) = (Vec::new(), None);
        loop {
            let page = reader.relying_rows_ending(span, after.as_ref(), 2).await;
            let page = page.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.not_after, last.serial));
            told.extend(page.iter().map(|row| (row.not_after, row.fingerprint)));
        }
        assert!(told.is_sorted_by_key(|row| row.0));
        told.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(told, wanted);
    }
}
