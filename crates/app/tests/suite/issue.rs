//! The issue order: nothing signed is ever unknown, whatever a crash leaves behind (decision F5, T31, T34, T36).

use std::collections::HashSet;

use tegata_app::{CLOCK_JUMP, Error, Refusal};
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::id::SerialNumber;
use tegata_pki::certificate::Certificate;
use tegata_pki::lint::lint_tbs;
use tegata_pki::ocsp::CertStatus;
use tegata_pki::pkcs12;
use tegata_store::CaKeyPurpose;

use crate::status::{list_of, status_of, status_of_serial};
use crate::world::{NOW, PASSWORD, Posted, World, password, source, visit, worlds};

/// What a crash between the intent and its end leaves: the database as it was, and perhaps a signature that
/// nobody has.
async fn crash_before_the_certificate_is_stored(world: &World) {
    world
        .db
        .run(
            "update issue_grant set state = 'key_fixed', state_at = null where serial is not null;
            update certificate_der set der = null;
            delete from service_certificate;
            update certificate set state = 'intended', fingerprint = null;",
        )
        .await;
}

async fn begun(world: &World) -> (Posted, tegata_app::Opened, String, SerialNumber) {
    let posted = world.posted().await;
    let opened = world.open(&posted).await;
    let cookie = world.set_password(&opened, PASSWORD).await;
    let serial = world.record(&posted).await.serial;
    (posted, opened, cookie, serial)
}

#[tokio::test]
async fn an_intent_left_behind_is_finished_with_the_same_serial_number_and_key() {
    for mut world in worlds().await {
        let (posted, opened, cookie, serial) = begun(&world).await;
        let before = world.certificate(&posted).await;
        crash_before_the_certificate_is_stored(&world).await;
        world.restart().await;
        assert_eq!(world.app.recover(NOW).await.unwrap(), 1);
        assert_eq!(world.app.recover(NOW).await.unwrap(), 0);
        let record = world.record(&posted).await;
        assert_eq!(
            (record.serial, record.state),
            (serial, CertificateState::Issued)
        );
        let after = world.certificate(&posted).await;
        assert_eq!(after.tbs_der(), before.tbs_der());
        assert!(after.is_signed_by(world.issuer().public_key()));
        let file = world
            .app
            .download(&opened.flow, visit(Some(&cookie), source(1)), 2, NOW)
            .await
            .unwrap();
        let file = pkcs12::open(&file.der, PASSWORD).unwrap();
        assert_eq!(file.key.public_key(), after.public_key());
    }
}

#[tokio::test]
async fn the_holder_himself_finishes_what_a_crash_left() {
    for mut world in worlds().await {
        let (posted, _, _, serial) = begun(&world).await;
        crash_before_the_certificate_is_stored(&world).await;
        world.restart().await;
        world.collect(&posted).await;
        assert_eq!(world.record(&posted).await.serial, serial);
        assert_eq!(world.db.count("certificate").await, 1);
    }
}

#[tokio::test]
async fn an_intent_left_behind_is_unknown_to_the_world_until_it_is_finished() {
    for world in worlds().await {
        let (posted, _, _, _) = begun(&world).await;
        world.jobs().await;
        let certificate = world.certificate(&posted).await;
        let subscriber = "where kind = 'subscriber'";
        world
            .db
            .run(&format!(
                "update certificate set state = 'intended', fingerprint = null {subscriber}"
            ))
            .await;
        assert_eq!(status_of(&world, &certificate).await, CertStatus::Unknown);
        let identity = world
            .app
            .identify(Some(certificate.der()), source(1), NOW)
            .await
            .unwrap();
        assert!(matches!(identity, tegata_app::Identity::Foreign { .. }));
    }
}

#[tokio::test]
async fn the_timer_leaves_a_fresh_intent_to_its_maker_and_takes_an_old_one() {
    for world in worlds().await {
        let (posted, _, _, _) = begun(&world).await;
        world
            .db
            .run("update certificate set state = 'intended', fingerprint = null")
            .await;
        world.advance(30);
        assert_eq!(world.jobs().await.intents, 0);
        world.advance(1);
        assert_eq!(world.jobs().await.intents, 1);
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
    }
}

#[tokio::test]
async fn an_intent_is_recovered_also_after_the_clock_was_set_back() {
    for mut world in worlds().await {
        let (posted, ..) = begun(&world).await;
        crash_before_the_certificate_is_stored(&world).await;
        world.advance(-86_400);
        world.restart().await;
        assert_eq!(world.app.recover(world.now()).await.unwrap(), 1);
        assert_eq!(
            world.certificate_state(&posted).await,
            CertificateState::Issued
        );
    }
}

#[tokio::test]
async fn s7_no_certificate_is_prepared_while_the_clock_is_doubted() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let version = world.version(&opened).await;
        let stored = world.db.count("certificate").await;
        world.app.pause_signing();
        let visit = visit(Some(&opened.cookie), source(1));
        let typed = password(PASSWORD, version);
        let set = world
            .app
            .set_password(&opened.flow, visit, typed, NOW)
            .await;
        assert!(matches!(set, Err(Error::Unavailable)), "{set:?}");
        assert_eq!(world.db.count("certificate").await, stored);
    }
}

#[tokio::test]
async fn s7_nothing_is_signed_in_the_second_before_a_jump_of_the_clock_is_seen() {
    for world in worlds().await {
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        let version = world.version(&opened).await;
        let before = world.app.system_now();
        let visit = || visit(Some(&opened.cookie), source(1));
        let set = async || {
            let typed = password(PASSWORD, version);
            world
                .app
                .set_password(&opened.flow, visit(), typed, NOW)
                .await
        };
        for seconds in [-CLOCK_JUMP - 1, CLOCK_JUMP + 1] {
            world.app.believe_clock(before.plus_seconds(seconds));
            let set = set().await;
            assert!(matches!(set, Err(Error::Unavailable)), "{set:?}");
        }
        world.app.believe_clock(before.plus_seconds(CLOCK_JUMP));
        set().await.unwrap();
    }
}

#[tokio::test]
async fn an_intent_that_nobody_waits_for_is_voided_and_listed_as_revoked() {
    for mut world in worlds().await {
        world.jobs().await;
        let serials = world
            .db
            .count("certificate where kind = 'ocsp_responder'")
            .await;
        assert_eq!(serials, 2, "one responder for each CA");
        crash_before_the_certificate_is_stored(&world).await;
        world.restart().await;
        world.advance(1);
        assert_eq!(world.app.recover(world.now()).await.unwrap(), 2);
        assert_eq!(world.audited("certificate.void").await, 2);
        world.jobs().await;
        for purpose in [CaKeyPurpose::Subscriber, CaKeyPurpose::Tls] {
            for list in ["0", "all"] {
                let list = list_of(&world, purpose, list).await;
                let entries: Vec<_> = list.entries().collect();
                assert_eq!(entries.len(), 1);
                let serial = entries[0].serial_16().unwrap();
                let status = status_of_serial(&world, purpose, &serial).await;
                assert!(
                    matches!(status, CertStatus::Revoked { reason: None, .. }),
                    "{status:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_intent_of_a_frozen_grant_is_voided_and_its_key_free_under_the_ice() {
    for mut world in worlds().await {
        let posted = world.posted().await;
        let (owner, other) = (world.open(&posted).await, world.open(&posted).await);
        world.set_password(&other, PASSWORD).await;
        let cookie = Some(owner.cookie.as_str());
        world
            .app
            .freeze(&owner.flow, visit(cookie, source(1)), 1, NOW)
            .await
            .unwrap();
        world
            .db
            .run("update certificate set state = 'intended', fingerprint = null")
            .await;
        world.restart().await;
        assert_eq!(world.app.recover(NOW).await.unwrap(), 1);
        let state = world.grant_state(&posted).await;
        let GrantState::Frozen { from, .. } = state else {
            panic!("{state:?}");
        };
        assert_eq!(*from, GrantState::Posted);
        assert_eq!(
            world.db.count("sealed_key where sealed is not null").await,
            0
        );
    }
}

#[tokio::test]
async fn what_the_lint_refuses_is_not_signed_but_voided_and_the_other_jobs_go_on() {
    for world in worlds().await {
        let (posted, _, _, serial) = begun(&world).await;
        let lists = world.jobs().await.lists;
        assert_eq!(lists, 4, "two hierarchies with two lists each");
        // A TBSCertificate whose validity is turned round, as a bit error on the disk might do.
        let good = world.certificate(&posted).await;
        let (from, to) = (b"261120010000Z", b"300220005959Z");
        let tbs = turned(good.tbs_der(), from, to);
        assert!(!lint_tbs(&tbs).is_empty());
        let hex: String = tbs.iter().map(|octet| format!("{octet:02x}")).collect();
        let literal = if world.db.url.starts_with("sqlite:") {
            format!("x'{hex}'")
        } else {
            format!("'\\x{hex}'")
        };
        world
            .db
            .run(&format!(
                "update certificate set state = 'intended', fingerprint = null
                    where serial = '{serial}';
                update certificate_der set tbs = {literal}, der = null where serial = '{serial}'"
            ))
            .await;
        world.advance(3_600);
        let report = world.jobs().await;
        assert_eq!((report.intents, report.lists), (1, lists));
        assert_eq!(world.grant_state(&posted).await, GrantState::Posted);
        assert!(
            list_of(&world, CaKeyPurpose::Subscriber, "0")
                .await
                .find(serial.octets())
                .is_some()
        );
        world.collect(&posted).await;
        assert_ne!(world.record(&posted).await.serial, serial);
    }
}

/// Swaps the first `a` and the first `b`.
fn turned(tbs: &[u8], a: &[u8], b: &[u8]) -> Vec<u8> {
    let place = |part: &[u8]| tbs.windows(part.len()).position(|w| w == part).unwrap();
    let (first, second) = (place(a), place(b));
    let mut out = tbs.to_vec();
    out[first..first + b.len()].copy_from_slice(b);
    out[second..second + a.len()].copy_from_slice(a);
    out
}

#[tokio::test]
async fn everything_that_is_signed_passes_the_lint_and_has_a_serial_number_of_its_own() {
    for world in worlds().await {
        for _ in 0..5 {
            let posted = world.posted().await;
            world.collect(&posted).await;
        }
        world.jobs().await;
        world.app.server_identity("localhost", NOW).await.unwrap();
        let records = world.app.list_certificates(None, 100).await.unwrap();
        assert_eq!(records.len(), 8);
        let mut serials = HashSet::new();
        for record in records {
            let der = world.app.certificate_der(&record.serial).await.unwrap();
            let certificate = Certificate::from_der(&der.unwrap()).unwrap();
            assert_eq!(lint_tbs(certificate.tbs_der()), []);
            assert_eq!(certificate.serial_16(), Some(*record.serial.octets()));
            assert!(serials.insert(certificate.serial().to_vec()));
            let signed = world.app.ca_certificates().iter().any(|ca| {
                let ca = Certificate::from_der(&ca.der).unwrap();
                certificate.is_signed_by(ca.public_key())
            });
            assert!(signed);
        }
    }
}

#[tokio::test]
async fn an_issue_is_audited_from_intent_to_collection() {
    for world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let object = format!("certificate:{}", world.record(&posted).await.serial);
        let mut actions: Vec<String> = world
            .audit()
            .await
            .into_iter()
            .filter(|row| row.object == object)
            .map(|row| row.action)
            .collect();
        actions.sort();
        let expected = [
            "certificate.collect",
            "certificate.intend",
            "certificate.issue",
        ];
        assert_eq!(actions, expected);
    }
}

#[tokio::test]
async fn the_hold_of_an_unfinished_certificate_finishes_and_holds_it() {
    for mut world in worlds().await {
        let (posted, ..) = begun(&world).await;
        crash_before_the_certificate_is_stored(&world).await;
        world.restart().await;
        world.revoke(&posted, "lost").await;
        let state = world.certificate_state(&posted).await;
        assert_eq!(state, CertificateState::OnHold { at: NOW });
        assert_eq!(
            world.open_refused(&posted).await,
            Refusal::OnHold {
                at: NOW,
                by_operator: false
            }
        );
    }
}
