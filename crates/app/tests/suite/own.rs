//! What a certificate sees and does about itself: its lineage with the IDs, a new リファレンスID, its own stop
//! (P-06, I2, I7, F4, T24).

use std::collections::BTreeSet;

use tegata_app::{
    Error, FieldProblem, Identity, OwnRelation, OwnStop, OwnStopped, Refusal, ShownReference,
    StopKind,
};
use tegata_domain::certificate::CertificateState;
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::grant::GrantState;
use tegata_domain::id::FlowId;
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::{ReferenceScope, RequestId};
use tegata_domain::relying::RelyingStatus;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::revocation::{Outcome, StatedReason};
use tegata_pki::certificate::Certificate;
use tokio::task::JoinSet;

use crate::cards::Card;
use crate::world::{FORM_MAIL, Posted, World, ids, refusal, source, worlds};

fn procedure(number: u64) -> FlowId {
    FlowId::generate(&SeededEntropy::new(number))
}

fn stop(kind: StopKind, number: u64, stop_newer: Option<bool>) -> OwnStop {
    OwnStop {
        kind,
        procedure: procedure(number),
        reason: StatedReason::Lost,
        mail: None,
        stop_newer,
    }
}

impl World {
    async fn own_card(&self) -> (Posted, Card) {
        let posted = self.posted().await;
        self.collect(&posted).await;
        let card = Card::of(&self.certificate(&posted).await);
        self.present(&card).await;
        (posted, card)
    }

    async fn own(&self, card: &Card) -> Vec<tegata_app::OwnCertificate> {
        let own = self.app.own_certificates(card.fingerprint, self.now());
        own.await.unwrap()
    }

    async fn show(
        &self,
        card: &Card,
        number: u64,
        request: &RequestId,
    ) -> Result<ShownReference, Error> {
        let (app, now) = (&self.app, self.now());
        app.show_new_reference(
            &procedure(number),
            request,
            card.fingerprint,
            source(1),
            now,
        )
        .await
    }

    async fn stop(&self, card: &Card, asked: &OwnStop) -> Result<OwnStopped, Error> {
        let (app, now) = (&self.app, self.now());
        app.stop_own(asked, card.fingerprint, source(1), now).await
    }

    async fn fetch(&self, card: &Card, request: &RequestId) -> Result<Vec<u8>, Error> {
        let fetched = self
            .app
            .own_certificate(request, card.fingerprint, self.now());
        fetched.await
    }
}

#[tokio::test]
async fn a_certificate_lists_what_it_continues_itself_and_what_continues_it() {
    for world in worlds().await {
        let (posted, card) = world.renewable().await;
        let alone = world.own(&card).await;
        assert_eq!(alone.len(), 1);
        assert_eq!(alone[0].relation, OwnRelation::Presented);
        assert_eq!(alone[0].renewal, Some(RenewalStanding::Open));
        assert_eq!(
            (alone[0].retrieve_until, alone[0].receipt_until),
            (None, None)
        );

        let renewed = world.renew(&card).await;
        let both = world.own(&card).await;
        let relations: Vec<_> = both.iter().map(|own| own.relation).collect();
        assert_eq!(relations, [OwnRelation::Presented, OwnRelation::Successor]);
        assert_eq!(both[0].request_id, posted.grant.request_id);
        assert_eq!(both[0].renewal, Some(RenewalStanding::Accepted));
        let newer = &both[1];
        assert_eq!(newer.request_id, renewed.renewal.request_id);
        assert!(newer.can_be_fetched);
        assert_eq!(newer.retrieve_until, Some(renewed.renewal.window_end));
        assert_eq!(newer.receipt_until, Some(world.now().plus_days(1)));
        let issued = newer.issued.clone().unwrap();
        assert_eq!(issued.status, RelyingStatus::Good);
        // The answer that was lost is had here, and is the certificate that is listed.
        let der = world.fetch(&card, &newer.request_id).await.unwrap();
        let read = Certificate::from_der(&der).unwrap();
        assert_eq!(read.fingerprint_sha256(), issued.fingerprint.0);
        assert_eq!(read.public_key().spki_sha256(), issued.public_key.0);
        assert_eq!(read.subject().to_string(), issued.subject);

        let new = world.new_card(&renewed).await;
        world.present(&new).await;
        let listed = world.own(&new).await;
        let relations: Vec<_> = listed.iter().map(|own| own.relation).collect();
        assert_eq!(
            relations,
            [OwnRelation::Predecessor, OwnRelation::Presented]
        );
        assert!(!listed[0].can_be_fetched);
        let older = world.fetch(&new, &posted.grant.request_id).await;
        assert_eq!(refusal(older), Refusal::NotFound);
        // After the older one's end it sees where things stand, and has nothing any more.
        let end = world.record(&posted).await.not_after;
        world.go_to(end.plus_seconds(1));
        let expired = world.own(&card).await;
        assert_eq!(expired.len(), 2);
        assert!(
            expired
                .iter()
                .all(|own| !own.can_be_fetched && own.receipt_until.is_none())
        );
        let late = world.fetch(&card, &newer.request_id).await;
        assert_eq!(refusal(late), Refusal::Expired { not_after: end });
    }
}

#[tokio::test]
async fn a_certificate_that_was_stopped_sees_itself_alone() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        world
            .stop(&card, &stop(StopKind::Hold, 1, Some(false)))
            .await
            .unwrap();
        let own = world.own(&card).await;
        assert_eq!(own.len(), 1);
        assert!(!own[0].can_be_fetched);
        assert_eq!(own[0].renewal, None);
        let fetched = world.fetch(&card, &renewed.renewal.request_id).await;
        assert!(matches!(
            refusal(fetched),
            Refusal::OnHold {
                by_operator: false,
                ..
            }
        ));
    }
}

#[tokio::test]
async fn t24_no_id_of_another_lineage_is_reached() {
    for world in worlds().await {
        let (mine, card) = world.renewable().await;
        let (theirs, other) = world.own_card().await;
        let request = &theirs.grant.request_id;
        assert_eq!(
            refusal(world.fetch(&card, request).await),
            Refusal::NotFound
        );
        assert_eq!(
            refusal(world.show(&card, 1, request).await.map(drop)),
            Refusal::NotFound
        );
        let receipt = world
            .app
            .own_receipt(request, card.fingerprint, world.now());
        assert_eq!(refusal(receipt.await), Refusal::NotFound);
        // The procedure of another certificate is over for this one, whatever is asked of it.
        world.show(&other, 2, request).await.map(drop).unwrap();
        let stolen = world.show(&card, 2, &mine.grant.request_id).await.map(drop);
        assert_eq!(refusal(stolen), Refusal::FlowEnded);
        let stolen = world.stop(&card, &stop(StopKind::Hold, 2, None)).await;
        assert_eq!(refusal(stolen), Refusal::FlowEnded);
        let (app, now) = (&world.app, world.now());
        let stolen = app
            .change_own_address(
                &procedure(2),
                card.fingerprint,
                ("a@evil.example", ""),
                source(1),
                now,
            )
            .await;
        assert_eq!(refusal(stolen), Refusal::FlowEnded);
        assert_eq!(
            world.certificate_state(&theirs).await,
            CertificateState::Issued
        );
        assert_eq!(
            world.certificate_state(&mine).await,
            CertificateState::Issued
        );
    }
}

#[tokio::test]
async fn a_new_reference_id_of_a_letters_certificate_only_stops_it_and_ends_the_old_one() {
    for world in worlds().await {
        let (posted, card) = world.own_card().await;
        let request = &posted.grant.request_id;
        let shown = world.show(&card, 1, request).await.unwrap();
        assert_eq!(shown.scope, ReferenceScope::RevocationOnly);
        assert_eq!(shown.shown_until, world.now().plus_days(1));
        assert_ne!(shown.reference_id.expose(), posted.reference.expose());
        // Sent again: the same. The old one is dead, and the kept key that it opened with it.
        let again = world.show(&card, 1, request).await.unwrap();
        assert_eq!(again.reference_id.expose(), shown.reference_id.expose());
        assert_eq!(world.audited("grant.reference").await, 1);
        assert_eq!(world.audited("key.destroy").await, 1);
        let mails = world.mails(MailKind::ReferenceReplaced).await;
        assert_eq!(mails.len(), 1);
        let told = serde_json::to_string(&mails[0].values).unwrap();
        assert!(!told.contains(shown.reference_id.expose()));
        assert_eq!(world.open_refused(&posted).await, Refusal::WrongIds);
        let new = Posted {
            reference: shown.reference_id.clone(),
            ..posted.clone()
        };
        assert_eq!(world.open_refused(&new).await, Refusal::WrongIds);
        // Nothing of it waits to be printed.
        assert!(
            world
                .app
                .letters_to_print(None, 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(world.app.letters_to_post(None, 9).await.unwrap().is_empty());
        // Another procedure makes another ID after a while, and the first has nothing to show any more.
        let hasty = world.show(&card, 2, request).await.map(drop);
        let at = world.now().plus_seconds(600);
        assert_eq!(refusal(hasty), Refusal::TooSoon { at });
        world.advance(600);
        let later = world.show(&card, 2, request).await.unwrap();
        assert_ne!(later.reference_id.expose(), shown.reference_id.expose());
        let first = world.show(&card, 1, request).await.map(drop);
        assert_eq!(refusal(first), Refusal::ShownNoMore);
        // After its day nothing shows it, and the clear text is gone.
        world.advance(86_401);
        let late = world.show(&card, 2, request).await.map(drop);
        assert_eq!(refusal(late), Refusal::ShownNoMore);
        world.jobs().await;
        assert_eq!(world.db.count("letter_secret").await, 0);
        // It stops the certificate.
        let new = Posted {
            reference: later.reference_id,
            ..posted.clone()
        };
        world.revoke(&new, "lost").await;
        assert!(matches!(
            world.certificate_state(&posted).await,
            CertificateState::OnHold { .. }
        ));
    }
}

#[tokio::test]
async fn a_new_reference_id_of_a_renewal_retrieves_it_and_prints_its_receipt() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let request = &renewed.renewal.request_id;
        let receipt = async || {
            let pdf = world
                .app
                .own_receipt(request, card.fingerprint, world.now())
                .await;
            pdf.map(|pdf| pdf.starts_with(b"%PDF"))
        };
        assert!(receipt().await.unwrap());
        world.advance(86_401);
        assert_eq!(refusal(receipt().await), Refusal::ShownNoMore);
        let shown = world.show(&card, 1, request).await.unwrap();
        assert_eq!(shown.scope, ReferenceScope::Renewal);
        assert!(receipt().await.unwrap());
        let posted = Posted {
            reference: shown.reference_id,
            ..world.as_posted(&renewed).await
        };
        let opened = world
            .app
            .open_collection(ids(&posted), source(1), world.now())
            .await;
        opened.map(drop).unwrap();
        assert_eq!(world.audited("key.destroy").await, 0);
    }
}

#[tokio::test]
async fn many_at_once_make_one_reference_id_for_one_procedure() {
    for world in worlds().await {
        let (posted, card) = world.own_card().await;
        let request = &posted.grant.request_id;
        let mut asked = JoinSet::new();
        for _ in 0..8 {
            let (app, request, now) = (world.app.clone(), request.clone(), world.now());
            asked.spawn(async move {
                let (procedure, presented) = (procedure(1), card.fingerprint);
                let shown = app.show_new_reference(&procedure, &request, presented, source(1), now);
                shown.await.unwrap().reference_id.expose().to_owned()
            });
        }
        let shown: BTreeSet<String> = asked.join_all().await.into_iter().collect();
        assert_eq!(shown.len(), 1);
        assert_eq!(world.audited("grant.reference").await, 1);
    }
}

#[tokio::test]
async fn a_hold_by_the_certificate_itself_waits_for_two_operators_and_is_answered_once() {
    for world in worlds().await {
        let (posted, card) = world.own_card().await;
        let asked = OwnStop {
            mail: Some(FORM_MAIL.to_owned()),
            ..stop(StopKind::Hold, 1, None)
        };
        let stopped = world.stop(&card, &asked).await.unwrap();
        assert!(matches!(stopped.status, RelyingStatus::OnHold { .. }));
        assert_eq!(stopped.request_id, posted.grant.request_id);
        assert_eq!(stopped.successor, None);
        assert!(
            stopped
                .masked_mails
                .iter()
                .all(|mail| mail.contains("****@"))
        );
        assert!(matches!(
            world.present(&card).await,
            Identity::OnHold { .. }
        ));
        let mails = world.mails(MailKind::RevocationAccepted).await.len();
        // The same again, and another one with the same wish: the first result. Nothing is mailed twice.
        assert_eq!(world.stop(&card, &asked).await.unwrap(), stopped);
        let other = world.stop(&card, &stop(StopKind::Hold, 2, None)).await;
        assert_eq!(other.unwrap().number, stopped.number);
        assert_eq!(world.mails(MailKind::RevocationAccepted).await.len(), mails);
        // The same procedure with other content is none of both.
        let changed = OwnStop {
            reason: StatedReason::Closed,
            ..asked.clone()
        };
        let changed = world.stop(&card, &changed).await;
        assert_eq!(refusal(changed), Refusal::FlowElsewhere);
        world.finish(&stopped.number, Outcome::Lift).await;
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
        assert_eq!(world.audited("flow.revoke").await, 2);
    }
}

#[tokio::test]
async fn a_certificate_on_hold_by_its_own_wish_may_end_itself_for_good() {
    for world in worlds().await {
        let (posted, card) = world.own_card().await;
        let held = world
            .stop(&card, &stop(StopKind::Hold, 1, None))
            .await
            .unwrap();
        let since = held.status.since();
        world.advance(3_600);
        let asked = stop(StopKind::Revocation, 2, None);
        let ended = world.stop(&card, &asked).await.unwrap();
        // The date is the hold's (F4).
        assert_eq!(ended.status.since(), since);
        assert!(matches!(ended.status, RelyingStatus::Revoked { .. }));
        assert_eq!(ended.number, held.number);
        assert_eq!(world.stop(&card, &asked).await.unwrap(), ended);
        assert!(matches!(
            world.certificate_state(&posted).await,
            CertificateState::Revoked { .. }
        ));
        assert_eq!(world.audited("revocation.end").await, 1);
        assert!(!world.mails(MailKind::RevocationCompleted).await.is_empty());
        let again = world.stop(&card, &stop(StopKind::Hold, 3, None)).await;
        assert!(matches!(refusal(again), Refusal::Revoked { .. }));
    }
}

#[tokio::test]
async fn where_a_newer_certificate_lives_the_question_about_it_must_be_answered() {
    for world in worlds().await {
        for (kind, stop_newer) in [
            (StopKind::Hold, false),
            (StopKind::Hold, true),
            (StopKind::Revocation, false),
            (StopKind::Revocation, true),
        ] {
            let number = u64::from(stop_newer) + 10 * kind as u64;
            let (posted, card) = world.renewable().await;
            let renewed = world.renew(&card).await;
            let silent = world.stop(&card, &stop(kind, number, None)).await;
            assert_eq!(
                refusal(silent),
                Refusal::Fields(vec![FieldProblem::NewerUnanswered])
            );
            assert_eq!(
                world.certificate_state(&posted).await,
                CertificateState::Issued
            );
            let asked = stop(kind, 100 + number, Some(stop_newer));
            let stopped = world.stop(&card, &asked).await.unwrap();
            let newer = stopped.successor.unwrap();
            assert_eq!(newer, (renewed.renewal.request_id.clone(), stop_newer));
            let renewal = world.as_posted(&renewed).await;
            let state = world.certificate_state(&renewal).await;
            assert_eq!(matches!(state, CertificateState::OnHold { .. }), stop_newer);
        }
    }
}

#[tokio::test]
async fn what_operators_stopped_is_not_ended_by_its_holder() {
    for world in worlds().await {
        let (posted, card) = world.own_card().await;
        world
            .app
            .hold_by_operator(
                &posted.grant.request_id,
                StatedReason::Other,
                "called by the police",
                &world.people.examiner,
                world.now(),
            )
            .await
            .unwrap();
        for kind in [StopKind::Hold, StopKind::Revocation] {
            let asked = world.stop(&card, &stop(kind, kind as u64, None)).await;
            assert!(matches!(
                refusal(asked),
                Refusal::OnHold {
                    by_operator: true,
                    ..
                }
            ));
        }
        let shown = world.show(&card, 9, &posted.grant.request_id).await;
        assert!(matches!(
            refusal(shown.map(drop)),
            Refusal::OnHold {
                by_operator: true,
                ..
            }
        ));
    }
}

#[tokio::test]
async fn a_report_of_use_is_the_first_sight_and_changes_nothing_afterwards() {
    for world in worlds().await {
        let (_, card) = world.renewable().await;
        let renewed = world.renew(&card).await;
        let new = world.new_card(&renewed).await;
        let first = world.now();
        let report = async || {
            let known = world
                .app
                .own_fingerprint(&new.der, source(1), world.now())
                .await;
            assert_eq!(known.unwrap(), Some(new.fingerprint));
            let report = world.app.report_own_use(new.fingerprint, world.now());
            report.await.unwrap()
        };
        let seen = report().await;
        assert_eq!(seen.seen_at, Some(first));
        assert_eq!(seen.request_id, renewed.renewal.request_id);
        world.advance(60);
        assert_eq!(report().await, seen);
        let renewal = world.as_posted(&renewed).await;
        assert!(matches!(
            world.grant_state(&renewal).await,
            GrantState::SeenInUse { at, .. } if at == first
        ));
        assert_eq!(world.standing(&card).await, RenewalStanding::Replaced);
    }
}
