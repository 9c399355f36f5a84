//! What the world asks: OCSP answers and revocation lists (decision W4).

use tegata_app::{App, Error, OcspAnswer};
use tegata_domain::revocation::Outcome;
use tegata_pki::certificate::Certificate;
use tegata_pki::crl::Crl;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::ocsp::{
    CertStatus, ErrorStatus, HashAlgorithm, IssuerIds, OcspError, OcspRequest, OcspResponse,
};
use tegata_store::CaKeyPurpose;

use crate::world::{NOW, PASSWORD, World, password, source, visit, worlds};

/// The newest list with this name; its signature is right and it is current.
pub(crate) async fn list_of(world: &World, purpose: CaKeyPurpose, list: &str) -> Crl {
    let ca = world.ca(purpose);
    let published = world
        .app
        .revocation_list(&ca.id, list)
        .await
        .unwrap()
        .unwrap();
    let crl = Crl::parse(&published.der).unwrap();
    let ca = Certificate::from_der(&ca.der).unwrap();
    assert!(crl.verify(ca.public_key()));
    assert_eq!(crl.number(), Some(published.number));
    assert_eq!(crl.this_update(), published.this_update.unix());
    crl
}

async fn ask(world: &World, request: &[u8]) -> OcspAnswer {
    world.app.answer_ocsp(request, world.now()).await
}

/// What OCSP says, believed only with a right signature.
pub(crate) async fn status_of(world: &World, certificate: &Certificate) -> CertStatus {
    let issuer = world.issuer();
    let nonce = [5; 32];
    let request = OcspRequest::for_certificate(certificate, &issuer, Some(&nonce));
    let answer = ask(world, &request).await;
    let response = OcspResponse::parse(&answer.der).unwrap();
    let now = world.now().unix();
    response.verify(&issuer, now, Some(&nonce)).unwrap();
    response.status_of(certificate, &issuer, now).unwrap()
}

/// The same for a serial number of which nobody has the certificate.
pub(crate) async fn status_of_serial(
    world: &World,
    purpose: CaKeyPurpose,
    serial: &[u8],
) -> CertStatus {
    let issuer = Certificate::from_der(&world.ca(purpose).der).unwrap();
    let ids = IssuerIds::of(issuer.subject(), issuer.public_key());
    let request = OcspRequest::for_cert_id(&ids.cert_id(HashAlgorithm::Sha1, serial), None);
    let response = OcspResponse::parse(&ask(world, &request).await.der).unwrap();
    response.verify(&issuer, world.now().unix(), None).unwrap();
    response.singles()[0].status
}

async fn error_of(world: &World, request: &[u8]) -> ErrorStatus {
    let answer = ask(world, request).await;
    assert!(answer.cache.is_none());
    match OcspResponse::parse(&answer.der) {
        Err(OcspError::Refused(status)) => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn good_unknown_unauthorized_and_malformed_are_told_apart() {
    for world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let certificate = world.certificate(&posted).await;
        assert_eq!(status_of(&world, &certificate).await, CertStatus::Good);
        for serial in [&[0x55; 16][..], &[1], &[0x7f; 20]] {
            let status = status_of_serial(&world, CaKeyPurpose::Subscriber, serial).await;
            assert_eq!(status, CertStatus::Unknown);
        }
        // Asked of the wrong CA of ours, a serial number is unknown as well.
        let crossed = status_of_serial(&world, CaKeyPurpose::Tls, certificate.serial()).await;
        assert_eq!(crossed, CertStatus::Unknown);

        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let foreign = IssuerIds::of(certificate.issuer(), key.public_key());
        let foreign = foreign.cert_id(HashAlgorithm::Sha256, certificate.serial());
        let request = OcspRequest::for_cert_id(&foreign, None);
        assert_eq!(error_of(&world, &request).await, ErrorStatus::Unauthorized);
        for malformed in [
            &b""[..],
            b"GET",
            &[0x30; 4_000],
            &request[..request.len() - 1],
        ] {
            assert_eq!(
                error_of(&world, malformed).await,
                ErrorStatus::MalformedRequest
            );
        }
    }
}

#[tokio::test]
async fn before_the_responder_has_a_certificate_the_answer_is_try_later() {
    for world in worlds().await {
        let name = DistinguishedName::builder()
            .common_name("nobody")
            .build()
            .unwrap();
        let issuer = world.issuer();
        assert_ne!(&name, issuer.subject());
        let request = OcspRequest::for_certificate(&issuer, &issuer, None);
        assert_eq!(error_of(&world, &request).await, ErrorStatus::TryLater);
    }
}

#[tokio::test]
async fn an_answer_may_be_cached_unless_it_repeats_a_nonce() {
    for world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let (certificate, issuer) = (world.certificate(&posted).await, world.issuer());
        let plain = ask(
            &world,
            &OcspRequest::for_certificate(&certificate, &issuer, None),
        )
        .await;
        let caching = plain.cache.unwrap();
        assert_eq!(caching.this_update, NOW);
        assert_eq!(caching.next_update, NOW.plus_seconds(12 * 3_600));
        assert_eq!(caching.max_age, 60);
        for (length, echoed) in [(1, false), (15, false), (16, true), (32, true), (33, false)] {
            let nonce = vec![9; length];
            let request = OcspRequest::for_certificate(&certificate, &issuer, Some(&nonce));
            let answer = ask(&world, &request).await;
            assert!(answer.cache.is_none(), "{length}");
            let response = OcspResponse::parse(&answer.der).unwrap();
            response.verify(&issuer, NOW.unix(), None).unwrap();
            assert_eq!(response.nonce(), echoed.then_some(&nonce[..]));
        }
    }
}

#[tokio::test]
async fn the_responder_is_renewed_with_seven_days_left_and_old_answers_stay_true() {
    for world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let (certificate, issuer) = (world.certificate(&posted).await, world.issuer());
        let request = OcspRequest::for_certificate(&certificate, &issuer, None);
        let responder = async || {
            let der = ask(&world, &request).await.der;
            OcspResponse::parse(&der).unwrap().certificates()[0].clone()
        };
        let first = responder().await;
        assert_eq!(first.not_after(), NOW.plus_days(14).unix() - 1);
        assert!(first.has_ocsp_nocheck());
        world.advance(7 * 86_400 - 2);
        world.jobs().await;
        assert_eq!(responder().await.der(), first.der());
        let old = OcspResponse::parse(&ask(&world, &request).await.der).unwrap();
        world.advance(1);
        world.jobs().await;
        let second = responder().await;
        assert_ne!(second.der(), first.der());
        world.advance(12 * 3_600 - 1);
        let later = world.now().unix();
        old.verify(&issuer, later, None).unwrap();
        assert_eq!(
            old.status_of(&certificate, &issuer, later),
            Some(CertStatus::Good)
        );
        world.jobs().await;
        assert_eq!(responder().await.der(), second.der());
    }
}

#[tokio::test]
async fn a_restart_keeps_the_responders_and_the_servers_certificates() {
    for mut world in worlds().await {
        world.jobs().await;
        let server = world.app.server_identity("localhost", NOW).await.unwrap();
        let before = world.db.count("certificate").await;
        world.restart().await;
        world.jobs().await;
        let again = world.app.server_identity("localhost", NOW).await.unwrap();
        assert_eq!(server.chain, again.chain);
        assert_eq!(*server.key_pkcs8, *again.key_pkcs8);
        assert_eq!(world.db.count("certificate").await, before);
        let other = world
            .app
            .server_identity("r1.localhost", NOW)
            .await
            .unwrap();
        assert_ne!(other.chain, server.chain);
    }
}

/// S7: what a clock that was ahead has made is for later.
#[tokio::test]
async fn a_certificate_of_a_clock_that_was_ahead_is_not_taken_before_it_begins() {
    for mut world in worlds().await {
        let posted = world.posted().await;
        world.collect(&posted).await;
        let (certificate, issuer) = (world.certificate(&posted).await, world.issuer());
        let request = OcspRequest::for_certificate(&certificate, &issuer, None);
        let ahead = NOW.plus_days(300);
        let early = world.app.server_identity("localhost", ahead).await.unwrap();
        world.app.refresh_responders(ahead).await.unwrap();
        world.restart().await;
        world.jobs().await;
        let now = world.app.server_identity("localhost", NOW).await.unwrap();
        assert_ne!(now.chain, early.chain);
        let leaf = Certificate::from_der(&now.chain[0]).unwrap();
        assert!(leaf.not_before() <= NOW.unix());
        let der = ask(&world, &request).await.der;
        let answer = OcspResponse::parse(&der).unwrap();
        let responder = &answer.certificates()[0];
        assert!(responder.not_before() <= NOW.unix());
    }
}

#[tokio::test]
async fn a_servers_certificate_is_renewed_with_thirty_days_left() {
    for world in worlds().await {
        let serve = async || {
            let identity = world.app.server_identity("localhost", world.now()).await;
            identity.unwrap()
        };
        let first = serve().await;
        let leaf = Certificate::from_der(&first.chain[0]).unwrap();
        assert!(leaf.has_server_auth());
        assert_eq!(leaf.dns_names(), ["localhost"]);
        world.advance((397 - 30) * 86_400 - 2);
        assert_eq!(serve().await.chain, first.chain);
        world.advance(1);
        let second = serve().await;
        assert_ne!(second.chain, first.chain);
        assert!(second.not_after > first.not_after);
        assert_eq!(serve().await.chain, second.chain);
    }
}

#[tokio::test]
async fn list_numbers_rise_also_after_the_clock_went_back() {
    for world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let number = async || {
            let list = list_of(&world, CaKeyPurpose::Subscriber, "0").await;
            list.number().unwrap()
        };
        let mut numbers = vec![number().await];
        assert_eq!(numbers[0], u64::try_from(NOW.unix()).unwrap());
        for seconds in [0, 0, 5, -86_400, 0, 3_600] {
            world.advance(seconds);
            let request = world.revoke(&posted, "other").await;
            world.jobs().await;
            numbers.push(number().await);
            world.finish(&request, Outcome::Lift).await;
            world.jobs().await;
            numbers.push(number().await);
        }
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }
}

#[tokio::test]
async fn lists_are_made_at_once_hourly_and_after_a_long_sleep_only_once() {
    for world in worlds().await {
        let made = async || world.jobs().await.lists;
        assert_eq!(made().await, 4);
        assert_eq!(made().await, 0);
        world.advance(3_599);
        assert_eq!(made().await, 0);
        world.advance(1);
        assert_eq!(made().await, 4);
        world.advance(10 * 86_400);
        assert_eq!(made().await, 4);
        assert_eq!(made().await, 0);
        let list = list_of(&world, CaKeyPurpose::Subscriber, "0").await;
        assert_eq!(
            list.next_update(),
            world.now().plus_seconds(72 * 3_600).unix()
        );
    }
}

#[tokio::test]
async fn a_certificate_names_the_very_list_that_names_itself() {
    for world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let certificate = world.certificate(&posted).await;
        let shard = list_of(&world, CaKeyPurpose::Subscriber, "0").await;
        assert_eq!(
            certificate.crl_distribution_points(),
            [shard.issuing_distribution_point().unwrap()]
        );
        let complete = list_of(&world, CaKeyPurpose::Subscriber, "all").await;
        assert_eq!(complete.issuing_distribution_point(), None);
        assert_eq!(certificate.ocsp_urls(), ["http://localhost:8444/ocsp"]);
        let id = world.ca(CaKeyPurpose::Subscriber).id;
        assert!(world.app.revocation_list(&id, "1").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn with_many_shards_a_revocation_stands_in_its_own_and_in_the_complete_one() {
    let mut policy = crate::world::policy();
    policy.crl.shards = 8;
    let world = World::begin(crate::database::sqlite().await, policy).await;
    assert_eq!(world.jobs().await.lists, 9 + 2);
    let mut shards = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let posted = world.posted().await;
        world.collect(&posted).await;
        world.revoke(&posted, "lost").await;
        assert_eq!(world.jobs().await.lists, 2);
        let record = world.record(&posted).await;
        shards.insert(record.shard);
        let own = list_of(&world, CaKeyPurpose::Subscriber, &record.shard.to_string()).await;
        let uri = own.issuing_distribution_point().unwrap().to_owned();
        let certificate = world.certificate(&posted).await;
        assert_eq!(certificate.crl_distribution_points(), [uri]);
        for list in [own, list_of(&world, CaKeyPurpose::Subscriber, "all").await] {
            assert!(list.find(record.serial.octets()).is_some());
        }
    }
    assert!(shards.len() > 1, "{shards:?}");
}

#[tokio::test]
async fn an_entry_stays_on_one_list_past_the_end_of_validity() {
    for world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        world.revoke(&posted, "lost").await;
        let serial = world.record(&posted).await.serial;
        let is_listed = async || {
            world.jobs().await;
            let list = list_of(&world, CaKeyPurpose::Subscriber, "0").await;
            list.find(serial.octets()).is_some()
        };
        world.advance(posted.grant.not_after.seconds_since(NOW));
        assert!(is_listed().await, "in the last second");
        world.advance(3_600);
        assert!(is_listed().await, "on the first list after it");
        world.advance(3_600);
        assert!(!is_listed().await, "on the second list after it");
    }
}

#[tokio::test]
async fn a_status_that_is_kept_changes_the_moment_this_process_changes_it() {
    for world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        world.collect(&posted).await;
        let certificate = world.certificate(&posted).await;
        let revoked = async || {
            world.app.refresh_statuses().await.unwrap();
            let status = status_of(&world, &certificate).await;
            assert_eq!(status_of(&world, &certificate).await, status);
            matches!(status, CertStatus::Revoked { .. })
        };
        assert!(!revoked().await);
        let number = world.revoke(&posted, "lost").await;
        assert!(matches!(
            status_of(&world, &certificate).await,
            CertStatus::Revoked { .. }
        ));
        assert!(revoked().await);
        world.finish(&number, Outcome::Lift).await;
        assert_eq!(status_of(&world, &certificate).await, CertStatus::Good);
    }
}

#[tokio::test]
async fn a_change_by_another_process_is_told_after_the_next_look_or_after_two_seconds() {
    for looks in [true, false] {
        for world in worlds().await {
            world.jobs().await;
            let posted = world.posted().await;
            world.collect(&posted).await;
            let certificate = world.certificate(&posted).await;
            world.app.refresh_statuses().await.unwrap();
            assert_eq!(status_of(&world, &certificate).await, CertStatus::Good);
            let other = App::open(world.parts()).await.unwrap();
            let opened = world.confirmed_revocation(&posted, "lost").await;
            other
                .submit_revocation(
                    &opened.flow,
                    visit(Some(&opened.cookie), source(1)),
                    2,
                    true,
                    NOW,
                )
                .await
                .unwrap();
            if looks {
                world.app.refresh_statuses().await.unwrap();
            } else {
                world.system.advance(3);
            }
            let status = status_of(&world, &certificate).await;
            assert!(matches!(status, CertStatus::Revoked { .. }), "{status:?}");
        }
    }
}

#[tokio::test]
async fn nothing_is_signed_while_the_clock_is_in_doubt_and_a_restart_goes_on() {
    for mut world in worlds().await {
        world.jobs().await;
        let posted = world.posted().await;
        let opened = world.open(&posted).await;
        world.app.pause_signing();
        let (form, cookie) = (password(PASSWORD, 1), Some(opened.cookie.as_str()));
        let set = world
            .app
            .set_password(&opened.flow, visit(cookie, source(1)), form, NOW)
            .await;
        assert!(matches!(set, Err(Error::Unavailable)));
        let request = OcspRequest::for_certificate(&world.issuer(), &world.issuer(), None);
        assert_eq!(error_of(&world, &request).await, ErrorStatus::TryLater);
        world.advance(3_600);
        assert!(world.app.run_due_jobs(world.now()).await.is_err());
        world.restart().await;
        let (form, cookie) = (password(PASSWORD, 1), Some(opened.cookie.as_str()));
        world
            .app
            .set_password(&opened.flow, visit(cookie, source(1)), form, NOW)
            .await
            .unwrap();
        assert_eq!(world.jobs().await.lists, 4);
    }
}
