//! 失効 by the certificate itself, and the question about the newer one (F4).

use tegata_app::{
    Error, FieldProblem, Identity, OwnStop, Refusal, RevocationForm, StopKind, Visit,
};
use tegata_domain::certificate::CertificateState;
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::grant::GrantState;
use tegata_domain::id::FlowId;
use tegata_domain::outbox::MailKind;
use tegata_domain::proposal::ProposedAct;
use tegata_domain::relying::RelyingStatus;
use tegata_domain::revocation::{Outcome, StatedReason};

use crate::cards::Card;
use crate::enrolment::Terminal;
use crate::world::{Posted, World, refusal, revocation_form, source, visit, worlds};

fn by(card: &Card) -> Visit<'static> {
    Visit {
        cookie: None,
        presented: Some(card.fingerprint),
        source: source(1),
    }
}

fn answered(version: i64, newer: &str) -> RevocationForm {
    RevocationForm {
        newer: newer.to_owned(),
        ..revocation_form(version, "lost")
    }
}

impl World {
    async fn carded(&self) -> (Posted, Card) {
        let posted = self.posted().await;
        self.collect(&posted).await;
        let card = Card::of(&self.certificate(&posted).await);
        (posted, card)
    }

    async fn begin_own(&self, card: &Card) -> FlowId {
        let presented = card.fingerprint;
        let begun = self
            .app
            .open_own_revocation(presented, source(1), self.now())
            .await;
        begun.unwrap()
    }

    async fn stop_own(&self, card: &Card, newer: &str) -> FlowId {
        let flow = self.begin_own(card).await;
        let (app, by) = (&self.app, by(card));
        app.enter_revocation(&flow, by, answered(1, newer))
            .await
            .unwrap();
        app.submit_revocation(&flow, by, 2, true, self.now())
            .await
            .unwrap();
        flow
    }
}

#[tokio::test]
async fn the_certificate_itself_ends_at_once_and_is_told_by_the_completion() {
    for world in worlds().await {
        let (posted, card) = world.carded().await;
        let flow = world.stop_own(&card, "").await;
        assert!(matches!(
            world.certificate_state(&posted).await,
            CertificateState::Revoked { .. }
        ));
        assert_eq!(world.mails(MailKind::RevocationAccepted).await.len(), 0);
        assert_eq!(world.mails(MailKind::RevocationCompleted).await.len(), 2);
        let page = world.app.revocation_page(&flow, by(&card)).await.unwrap();
        let accepted = page.accepted.unwrap();
        assert!(page.by_certificate);
        assert!(accepted.number.starts_with('R'));
        assert_eq!(accepted.outcome, Some(Outcome::Complete));
        assert!(matches!(
            world.present(&card).await,
            Identity::Revoked { .. }
        ));
        assert_eq!(world.audited("key.destroy").await, 1);
        world
            .app
            .submit_revocation(&flow, by(&card), 2, true, world.now())
            .await
            .unwrap();
        assert_eq!(world.mails(MailKind::RevocationCompleted).await.len(), 2);
    }
}

#[tokio::test]
async fn a_procedure_by_certificate_opens_for_no_other_certificate_and_no_cookie() {
    for world in worlds().await {
        let (_, card) = world.carded().await;
        let (_, other) = world.carded().await;
        let flow = world.begin_own(&card).await;
        let mixed = world.app.revocation_page(&flow, by(&other)).await;
        assert_eq!(refusal(mixed), Refusal::OtherCertificate);
        let nobody = world
            .app
            .revocation_page(&flow, visit(None, source(1)))
            .await;
        assert_eq!(refusal(nobody), Refusal::FlowEnded);
    }
}

#[tokio::test]
async fn the_question_about_the_newer_certificate_has_no_answer_by_default() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        world.renew(&card).await;
        let flow = world.begin_own(&card).await;
        let page = world.app.revocation_page(&flow, by(&card)).await.unwrap();
        assert!(page.newer.is_some_and(|newer| !newer.is_in_use));
        let unanswered = world
            .app
            .enter_revocation(&flow, by(&card), answered(1, ""))
            .await;
        assert_eq!(
            refusal(unanswered),
            Refusal::Fields(vec![FieldProblem::NewerUnanswered])
        );
    }
}

/// What was wrong: who had seen RX-2 before a thief renewed was not asked, and the thief's certificate lived on.
#[tokio::test]
async fn a_newer_certificate_that_came_after_the_form_is_asked_about_all_the_same() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        let renewed = world.renew(&card).await;
        assert_eq!(
            refusal(world.submit(&opened).await),
            Refusal::Fields(vec![FieldProblem::NewerUnanswered])
        );
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
        let (app, by) = (&world.app, visit(Some(&opened.cookie), source(1)));
        app.correct_revocation(&opened.flow, by, 2).await.unwrap();
        app.enter_revocation(&opened.flow, by, answered(3, "yes"))
            .await
            .unwrap();
        app.submit_revocation(&opened.flow, by, 4, true, world.now())
            .await
            .unwrap();
        for one in [posted, world.as_posted(&renewed).await] {
            let state = world.certificate_state(&one).await;
            assert!(matches!(state, CertificateState::OnHold { .. }));
        }
    }
}

#[tokio::test]
async fn the_newer_certificate_goes_on_or_stops_as_the_holder_says() {
    for world in worlds().await {
        for (newer, stopped) in [("no", false), ("yes", true)] {
            let (posted, card) = world.renewable().await;
            let renewed = world.renew(&card).await;
            world.stop_own(&card, newer).await;
            let renewal = world.as_posted(&renewed).await;
            let state = world.certificate_state(&renewal).await;
            assert_eq!(
                matches!(state, CertificateState::OnHold { .. }),
                stopped,
                "{newer}: {state:?}"
            );
            assert!(matches!(
                world.certificate_state(&posted).await,
                CertificateState::Revoked { .. }
            ));
        }
    }
}

#[tokio::test]
async fn whoever_opens_a_request_again_reads_its_address_masked() {
    for world in worlds().await {
        let (posted, _) = world.carded().await;
        let opened = world.confirmed_revocation(&posted, "lost").await;
        world.submit(&opened).await.unwrap();
        let page = async |opened: &tegata_app::Opened| {
            let by = visit(Some(&opened.cookie), source(1));
            let page = world.app.revocation_page(&opened.flow, by).await;
            page.unwrap().accepted.unwrap().mail
        };
        assert_eq!(page(&opened).await, crate::world::FORM_MAIL);
        let again = world.open_revocation(&posted).await;
        let masked = page(&again).await;
        assert!(masked.contains('*') && masked != crate::world::FORM_MAIL);
    }
}

impl World {
    /// A letter that two operators opened again and that was collected a second time: the older certificate, whose
    /// place the newer one took, and the newer one.
    async fn reopened(&self) -> (Posted, Card, Card) {
        let (posted, older) = self.carded().await;
        self.reopen(&posted).await;
        self.advance(60);
        self.collect(&posted).await;
        let newer = Card::of(&self.certificate(&posted).await);
        (posted, older, newer)
    }

    async fn reopen(&self, posted: &Posted) {
        let act = ProposedAct::Reopen {
            request: posted.grant.request_id.clone(),
        };
        let people = &self.people;
        self.done_by_two(act, [&people.examiner, &people.approver])
            .await;
    }

    async fn state_of(&self, card: &Card) -> CertificateState {
        let mut reader = self.db.store.reader().await.unwrap();
        let record = reader.certificate_by_fingerprint(&card.fingerprint).await;
        record.unwrap().unwrap().state
    }

    async fn by_client(&self, card: &Card, kind: StopKind, number: u64) -> Result<String, Error> {
        let asked = OwnStop {
            kind,
            procedure: FlowId::generate(&SeededEntropy::new(number)),
            reason: StatedReason::Lost,
            mail: None,
            stop_newer: None,
        };
        let (presented, now) = (card.fingerprint, self.now());
        let stopped = self.app.stop_own(&asked, presented, source(1), now);
        let stopped = stopped.await?;
        assert!(matches!(stopped.status, RelyingStatus::OnHold { .. }));
        Ok(stopped.number)
    }

    /// Stops by the older certificate, in the browser or by the client; answers the number of the request.
    async fn stop_by(&self, older: &Card, in_browser: bool) -> String {
        if !in_browser {
            let kind = StopKind::Revocation;
            return self.by_client(older, kind, 77).await.unwrap();
        }
        let flow = self.begin_own(older).await;
        let form = answered(1, "");
        let (app, by) = (&self.app, by(older));
        assert!(app.revocation_page(&flow, by).await.unwrap().with_others);
        app.enter_revocation(&flow, by, form).await.unwrap();
        app.submit_revocation(&flow, by, 2, true, self.now())
            .await
            .unwrap();
        let page = app.revocation_page(&flow, by).await.unwrap();
        let accepted = page.accepted.unwrap();
        assert_eq!(accepted.outcome, None);
        accepted.number
    }
}

/// A stolen old terminal must not destroy what took its place; whoever lost the new one stops it with the old one.
#[tokio::test]
async fn t22_a_certificate_whose_place_a_newer_key_took_stops_both_and_ends_none() {
    for world in worlds().await {
        for in_browser in [true, false] {
            let (posted, older, newer) = world.reopened().await;
            let number = world.stop_by(&older, in_browser).await;
            for card in [&older, &newer] {
                let state = world.state_of(card).await;
                let CertificateState::OnHold { .. } = state else {
                    panic!("in the browser {in_browser}: {state:?}");
                };
            }
            world.finish(&number, Outcome::Lift).await;
            for card in [&older, &newer] {
                assert_eq!(world.state_of(card).await, CertificateState::Issued);
            }
            // The newer one is used, and the older ends with that: it asks for nothing any more.
            world.present(&newer).await;
            let begun = world
                .app
                .open_own_revocation(older.fingerprint, source(1), world.now());
            assert!(matches!(refusal(begun.await), Refusal::Revoked { .. }));
            let asked = world.by_client(&older, StopKind::Hold, 78).await;
            assert!(matches!(refusal(asked), Refusal::Revoked { .. }));
            let state = world.certificate_state(&posted).await;
            assert_eq!(state, CertificateState::Issued);
            // It is the only one now, and ends itself.
            let waits = world.app.own_revocation_waits(newer.fingerprint).await;
            assert!(!waits.unwrap());
            world.stop_own(&newer, "").await;
            let state = world.certificate_state(&posted).await;
            assert!(matches!(state, CertificateState::Revoked { .. }));
        }
    }
}

#[tokio::test]
async fn t22_a_letter_that_was_opened_again_is_frozen_by_its_older_certificate_and_not_voided() {
    for world in worlds().await {
        for in_browser in [true, false] {
            let (posted, older) = world.carded().await;
            world.reopen(&posted).await;
            let number = world.stop_by(&older, in_browser).await;
            let state = world.grant_state(&posted).await;
            assert!(matches!(state, GrantState::Frozen { .. }), "{state:?}");
            let state = world.state_of(&older).await;
            assert!(matches!(state, CertificateState::OnHold { .. }));
            // Asked again by the client: the first result.
            if !in_browser {
                let again = world.by_client(&older, StopKind::Revocation, 79).await;
                assert_eq!(again.unwrap(), number);
            }
            world.finish(&number, Outcome::Lift).await;
            world.advance(1);
            world.collect(&posted).await;
        }
    }
}

/// Two keys of one renewal: whichever is presented is the one in use, and the other may be the holder's.
#[tokio::test]
async fn t22_of_two_keys_of_one_renewal_neither_ends_the_other() {
    for world in worlds().await {
        for in_browser in [true, false] {
            let (_, old) = world.renewable().await;
            let mut cards = Vec::new();
            for _ in 0..2 {
                world.advance(1);
                let terminal = Terminal::new();
                let (request, now) = (&terminal.request, world.now());
                let issued = world
                    .app
                    .reenroll(old.fingerprint, request, source(1), now)
                    .await;
                cards.push(terminal.card(issued.unwrap()));
            }
            world.present(&cards[0]).await;
            world.stop_by(&cards[0], in_browser).await;
            for card in &cards {
                let state = world.state_of(card).await;
                assert!(matches!(state, CertificateState::OnHold { .. }));
            }
            assert_eq!(world.state_of(&old).await, CertificateState::Issued);
        }
    }
}

/// Whichever comes first: no key of a stopped renewal goes on.
#[tokio::test]
async fn t23_of_a_stop_and_another_key_at_once_no_certificate_escapes_the_stop() {
    for world in worlds().await {
        let mut olds = Vec::new();
        for _ in 0..20 {
            let (_, card) = world.carded().await;
            world.present(&card).await;
            olds.push(card);
        }
        let opens = world.opens(&olds[0]).await;
        world.go_to(opens);
        for (round, old) in (0_u64..).zip(olds) {
            let (one, two) = (Terminal::new(), Terminal::new());
            let (presented, now) = (old.fingerprint, world.now());
            let (request, app) = (one.request.clone(), &world.app);
            let issued = app.reenroll(presented, &request, source(1), now).await;
            let first = one.card(issued.unwrap());
            let asked = OwnStop {
                kind: StopKind::Hold,
                procedure: FlowId::generate(&SeededEntropy::new(1_000 + round)),
                reason: StatedReason::Lost,
                mail: None,
                stop_newer: None,
            };
            let stopping = {
                let (app, first) = (app.clone(), first.fingerprint);
                tokio::spawn(async move { app.stop_own(&asked, first, source(1), now).await })
            };
            let rekeying = {
                let app = app.clone();
                tokio::spawn(async move {
                    app.reenroll(presented, &two.request, source(1), now)
                        .await
                        .is_ok()
                })
            };
            stopping.await.unwrap().unwrap();
            let rekeyed = rekeying.await.unwrap();
            let mut reader = world.db.store.reader().await.unwrap();
            let first = reader.certificate_by_fingerprint(&first.fingerprint).await;
            let grant = first.unwrap().unwrap().grant.unwrap();
            let current = reader.grant(&grant).await.unwrap().unwrap().state.serial();
            let current = reader.certificate(&current.unwrap()).await.unwrap();
            let all = reader.set_aside_of(&grant).await.unwrap();
            for record in all.iter().chain(&current) {
                let state = record.state;
                let CertificateState::OnHold { .. } = state else {
                    panic!("another key {rekeyed}: {state:?}");
                };
            }
        }
    }
}
