//! 失効 by the certificate itself, and the question about the newer one (F4).

use tegata_app::{FieldProblem, Identity, Refusal, RevocationForm, Visit};
use tegata_domain::certificate::CertificateState;
use tegata_domain::id::FlowId;
use tegata_domain::outbox::MailKind;

use crate::cards::Card;
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
        assert_eq!(
            accepted.outcome,
            Some(tegata_domain::revocation::Outcome::Complete)
        );
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
