//! `simplereenroll` (F3, W5; T20 to T23): the certificate decides alone, when it may, and what becomes of keys.

use tegata_app::{EnrolmentRefusal, Error, Identity, Issuance, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::outbox::MailKind;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::revocation::Outcome;
use tegata_pki::certificate::Certificate;

use crate::cards::Card;
use crate::enrolment::{Terminal, said};
use crate::world::{Posted, World, ids, refusal, source, worlds};

impl World {
    async fn reenroll(&self, card: &Card, terminal: &Terminal) -> Result<Issuance, Error> {
        let (presented, request) = (card.fingerprint, &terminal.request);
        self.app
            .reenroll(presented, request, source(1), self.now())
            .await
    }

    /// A certificate for a key of the terminal's own, on the first day on which it can be renewed.
    async fn renewable_terminal(&self) -> (Posted, Terminal, Card) {
        let posted = self.posted().await;
        let terminal = Terminal::new();
        let request = &terminal.request;
        let issued = self
            .app
            .enroll(ids(&posted), request, None, source(1), self.now())
            .await;
        let card = terminal.card(issued.unwrap());
        let opens = self.opens(&card).await;
        self.go_to(opens);
        (posted, terminal, card)
    }

    async fn state(&self, card: &Card) -> CertificateState {
        let mut reader = self.db.store.reader().await.unwrap();
        let record = reader.certificate_by_fingerprint(&card.fingerprint).await;
        record.unwrap().unwrap().state
    }
}

#[tokio::test]
async fn the_old_certificate_gets_one_for_a_new_key_and_stays_in_force() {
    for world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let accepted_at = world.now();
        let next = Terminal::new();
        let new = next.card(world.reenroll(&old, &next).await.unwrap());
        let (before, after) = (
            Certificate::from_der(&old.der).unwrap(),
            Certificate::from_der(&new.der).unwrap(),
        );
        assert_eq!(after.subject(), before.subject());
        let end = accepted_at.plus_months(39).plus_seconds(-1);
        assert_eq!(after.not_after(), end.unix());
        assert_eq!(world.standing(&old).await, RenewalStanding::Collected);
        assert_eq!(world.state(&old).await, CertificateState::Issued);
        assert_eq!(world.mails(MailKind::RenewalAccepted).await.len(), 1);
        assert_eq!(world.audited("renewal.accept").await, 1);
        assert!(matches!(world.present(&new).await, Identity::Holder { .. }));
        assert_eq!(world.standing(&old).await, RenewalStanding::Replaced);
        assert_eq!(world.state(&old).await, CertificateState::Issued);
        assert_eq!(world.db.count("sealed_key").await, 0);
        // The list of RU-5 shows it, with IDs of its own.
        let (renewals, _) = world.app.list_renewals(old.fingerprint).await.unwrap();
        assert_eq!(renewals.len(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_is_given_again_however_late() {
    for world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let next = Terminal::new();
        let new = next.card(world.reenroll(&old, &next).await.unwrap());
        for _ in 0..3 {
            world.advance(86_400);
            let again = next.card(world.reenroll(&old, &next).await.unwrap());
            assert_eq!(again.der, new.der);
        }
        world.present(&new).await;
        let again = next.card(world.reenroll(&old, &next).await.unwrap());
        assert_eq!(again.der, new.der, "in use, and still the same key");
        assert_eq!(world.db.count("certificate").await, 2);
        assert_eq!(world.audited("renewal.accept").await, 1);
    }
}

#[tokio::test]
async fn the_window_is_the_browsers() {
    for world in worlds().await {
        let (posted, _, old) = world.renewable_terminal().await;
        let opens = world.now();
        world.go_to(opens.plus_seconds(-1));
        let early = refusal(world.reenroll(&old, &Terminal::new()).await);
        assert_eq!(early, Refusal::RenewalNotOpen { opens });
        let not_after = posted.grant.not_after;
        world.go_to(not_after.plus_seconds(1));
        let late = refusal(world.reenroll(&old, &Terminal::new()).await);
        assert_eq!(late, Refusal::Expired { not_after });
        world.go_to(not_after);
        world.reenroll(&old, &Terminal::new()).await.unwrap();
    }
}

#[tokio::test]
async fn the_old_key_is_never_certified_again() {
    for world in worlds().await {
        let (_, own, old) = world.renewable_terminal().await;
        let refused = refusal(world.reenroll(&old, &own).await);
        assert_eq!(refused, said(EnrolmentRefusal::KeyKnown));
        let (_, other, _) = {
            // Nor is a key of another terminal.
            let posted = world.posted().await;
            let terminal = Terminal::new();
            let request = &terminal.request;
            let now = world.now();
            let asked = world
                .app
                .enroll(ids(&posted), request, None, source(1), now);
            asked.await.unwrap();
            ((), terminal, ())
        };
        let refused = refusal(world.reenroll(&old, &other).await);
        assert_eq!(refused, said(EnrolmentRefusal::KeyKnown));
        assert_eq!(world.standing(&old).await, RenewalStanding::Open);
    }
}

#[tokio::test]
async fn t20_stopped_certificates_renew_nothing() {
    for world in worlds().await {
        let (held, _, held_card) = world.renewable_terminal().await;
        let number = world.revoke(&held, "lost").await;
        let next = Terminal::new();
        let refused = refusal(world.reenroll(&held_card, &next).await);
        assert!(matches!(refused, Refusal::OnHold { .. }), "{refused}");
        world.finish(&number, Outcome::Complete).await;
        let refused = refusal(world.reenroll(&held_card, &next).await);
        assert!(matches!(refused, Refusal::Revoked { .. }), "{refused}");
        assert_eq!(world.audited("renewal.accept").await, 0);
    }
}

#[tokio::test]
async fn f3_another_key_before_the_first_use_gets_another_certificate_and_the_older_ends_with_its_use()
 {
    for world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let (one, two) = (Terminal::new(), Terminal::new());
        let first = one.card(world.reenroll(&old, &one).await.unwrap());
        world.advance(1);
        let second = two.card(world.reenroll(&old, &two).await.unwrap());
        assert_eq!(world.mails(MailKind::RenewedAgain).await.len(), 1);
        assert_eq!(world.state(&first).await, CertificateState::Issued);
        // A late answer to the first key is still the first certificate.
        let late = one.card(world.reenroll(&old, &one).await.unwrap());
        assert_eq!(late.der, first.der);
        world.present(&second).await;
        assert!(matches!(
            world.state(&first).await,
            CertificateState::Superseded { .. }
        ));
        assert_eq!(world.state(&second).await, CertificateState::Issued);
        // Two holders of the old key: refused with an alarm, and the holder is told.
        let refused = refusal(world.reenroll(&old, &Terminal::new()).await);
        assert_eq!(refused, Refusal::RenewedBefore);
        assert_eq!(world.mails(MailKind::CollectionRefused).await.len(), 1);
        assert_eq!(world.audited("renewal.accept").await, 1);
    }
}

#[tokio::test]
async fn f3_the_sight_of_a_certificate_whose_place_another_took_is_recorded() {
    for world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let terminals = [Terminal::new(), Terminal::new(), Terminal::new()];
        let mut cards = Vec::new();
        for terminal in &terminals {
            world.advance(1);
            cards.push(terminal.card(world.reenroll(&old, terminal).await.unwrap()));
        }
        let [first, second, third] = cards.try_into().ok().unwrap();
        // The middle one is used: the older ends, the newer waits, and no further key is certified.
        assert!(matches!(
            world.present(&second).await,
            Identity::Holder { .. }
        ));
        assert!(matches!(
            world.state(&first).await,
            CertificateState::Superseded { .. }
        ));
        assert_eq!(world.state(&second).await, CertificateState::Issued);
        assert_eq!(world.state(&third).await, CertificateState::Issued);
        assert_eq!(world.standing(&old).await, RenewalStanding::Replaced);
        let refused = refusal(world.reenroll(&old, &Terminal::new()).await);
        assert_eq!(refused, Refusal::RenewedBefore);
        // The newest one is used after all: the older ends in its turn.
        assert!(matches!(
            world.present(&third).await,
            Identity::Holder { .. }
        ));
        assert!(matches!(
            world.state(&second).await,
            CertificateState::Superseded { .. }
        ));
        assert_eq!(world.state(&third).await, CertificateState::Issued);
    }
}

#[tokio::test]
async fn key_after_key_ends_after_eight() {
    for world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let mut issued = 0;
        let refused = loop {
            match world.reenroll(&old, &Terminal::new()).await {
                Ok(_) => issued += 1,
                other => break refusal(other),
            }
            assert!(issued < 20);
        };
        assert_eq!(refused, said(EnrolmentRefusal::TooManyKeys { most: 8 }));
        assert_eq!(issued, 9);
    }
}

#[tokio::test]
async fn w5_a_renewal_that_waits_for_the_signer_is_finished_by_the_timer_for_the_terminals_key() {
    for mut world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let next = Terminal::new();
        world.restart_without_signer().await;
        let waits = world.reenroll(&old, &next).await.unwrap();
        assert_eq!(waits, Issuance::Pending);
        assert_eq!(world.standing(&old).await, RenewalStanding::Accepted);
        world.restart().await;
        world.advance(31);
        let done = world.jobs().await;
        assert_eq!((done.intents, done.renewals), (1, 0));
        next.card(world.reenroll(&old, &next).await.unwrap());
        let of_subscribers = "select count(*) from certificate where kind = 'subscriber'";
        assert_eq!(world.db.number(of_subscribers).await, 2);
        assert_eq!(world.db.count("sealed_key").await, 0);
    }
}

#[tokio::test]
async fn t21_a_certificate_renews_itself_and_no_sibling() {
    for world in worlds().await {
        let (one, _, card) = world.renewable_terminal().await;
        // Another terminal of the same institution, with the same subject.
        let two = world.posted().await;
        let sibling = Terminal::new();
        let (request, now) = (&sibling.request, world.now());
        let issued = world
            .app
            .enroll(ids(&two), request, None, source(1), now)
            .await;
        let sibling = sibling.card(issued.unwrap());
        let refused = refusal(world.reenroll(&sibling, &Terminal::new()).await);
        assert!(
            matches!(refused, Refusal::RenewalNotOpen { .. }),
            "{refused}"
        );
        let next = Terminal::new();
        world.reenroll(&card, &next).await.unwrap();
        // The sibling does not get the answer that the first one lost.
        let refused = refusal(world.reenroll(&sibling, &next).await);
        assert!(
            matches!(refused, Refusal::RenewalNotOpen { .. }),
            "{refused}"
        );
        let story = world.app.grant_story(&one.grant.request_id).await.unwrap();
        assert!(matches!(story.grant.state, GrantState::SeenInUse { .. }));
        assert_eq!(world.standing(&card).await, RenewalStanding::Collected);
    }
}

#[tokio::test]
async fn t22_a_stop_of_the_successor_stops_every_key_of_it() {
    for world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let (one, two) = (Terminal::new(), Terminal::new());
        let first = one.card(world.reenroll(&old, &one).await.unwrap());
        let second = two.card(world.reenroll(&old, &two).await.unwrap());
        let (renewals, _) = world.app.list_renewals(old.fingerprint).await.unwrap();
        let request = &renewals[0].request_id;
        let by = world
            .operator("stopper", tegata_domain::operator::Role::Examiner)
            .await;
        let reason = tegata_domain::revocation::StatedReason::parse("lost").unwrap();
        world
            .app
            .hold_by_operator(request, reason, "stolen", &by, world.now())
            .await
            .unwrap();
        for card in [&first, &second] {
            assert!(matches!(
                world.state(card).await,
                CertificateState::OnHold { .. }
            ));
        }
        // The old one is in force, and gives nothing of what is stopped.
        let refused = refusal(world.reenroll(&old, &two).await);
        assert!(matches!(refused, Refusal::OnHold { .. }), "{refused}");
        let refused = refusal(world.reenroll(&old, &Terminal::new()).await);
        assert!(matches!(refused, Refusal::OnHold { .. }), "{refused}");
    }
}

#[tokio::test]
async fn t23_of_a_renewal_and_a_revocation_at_once_no_renewal_is_stored_after_the_revocation() {
    for world in worlds().await {
        let mut rounds = Vec::new();
        for _ in 0..20 {
            let posted = world.posted().await;
            let terminal = Terminal::new();
            let (request, now) = (&terminal.request, world.now());
            let issued = world
                .app
                .enroll(ids(&posted), request, None, source(1), now);
            rounds.push(terminal.card(issued.await.unwrap()));
        }
        let opens = world.opens(&rounds[0]).await;
        world.go_to(opens);
        for card in rounds {
            let (app, now) = (world.app.clone(), world.now());
            let presented = card.fingerprint;
            let flow = app
                .open_own_revocation(presented, source(1), now)
                .await
                .unwrap();
            drop(flow);
            let renewing = {
                let app = app.clone();
                tokio::spawn(async move {
                    let terminal = Terminal::new();
                    app.reenroll(presented, &terminal.request, source(1), now)
                        .await
                        .is_ok()
                })
            };
            let store = world.db.store.clone();
            let revoking = tokio::spawn(async move {
                let mut reader = store.reader().await.unwrap();
                let record = reader.certificate_by_fingerprint(&presented).await;
                let record = record.unwrap().unwrap();
                drop(reader);
                let held = CertificateState::OnHold { at: now };
                store
                    .write(move |tx| {
                        Box::pin(async move {
                            let serial = record.serial;
                            tx.move_certificate(&serial, &record.state, &held).await
                        })
                    })
                    .await
                    .unwrap()
            });
            let (renewed, revoked) = (renewing.await.unwrap(), revoking.await.unwrap());
            assert!(revoked);
            let refused = world.reenroll(&card, &Terminal::new()).await;
            assert!(refused.is_err(), "after the stop: {renewed}");
        }
    }
}

#[tokio::test]
async fn ten_requests_of_one_key_at_once_make_one_renewal() {
    for world in worlds().await {
        let (_, _, old) = world.renewable_terminal().await;
        let terminal = Terminal::new();
        let requests: Vec<_> = (0..10)
            .map(|_| {
                let (app, request) = (world.app.clone(), terminal.request.clone());
                let (presented, now) = (old.fingerprint, world.now());
                tokio::spawn(async move { app.reenroll(presented, &request, source(1), now).await })
            })
            .collect();
        let mut cards = Vec::new();
        for request in requests {
            cards.push(terminal.card(request.await.unwrap().unwrap()).der);
        }
        cards.dedup();
        assert_eq!(cards.len(), 1);
        assert_eq!(world.audited("renewal.accept").await, 1);
        assert_eq!(world.db.count("certificate").await, 2);
    }
}

#[tokio::test]
async fn a_renewal_of_the_browser_that_nobody_fetched_goes_on_with_the_terminals_key() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        world.advance(1);
        let terminal = Terminal::new();
        let new = terminal.card(world.reenroll(&card, &terminal).await.unwrap());
        assert_eq!(world.mails(MailKind::RenewedAgain).await.len(), 1);
        assert_eq!(world.new_card(&renewed).await.der, new.der);
        // The browser is told that the terminal has the key.
        let request = &renewed.renewal.request_id;
        let (presented, now) = (card.fingerprint, world.now());
        let opened = world.app.open_retrieval(request, presented, source(1), now);
        assert!(matches!(
            refusal(opened.await.map(drop)),
            Refusal::RenewedBefore | Refusal::State(_)
        ));
    }
}
