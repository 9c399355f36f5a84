//! `bench ocsp`: answers on demand by a P-256 responder, each signed anew, about 10,000 certificates in turn.
//!
//! The figure is for a running server, which keeps the statuses it read (`app/src/statuses.rs`);
//! `ratio_from_database` is for a status read from the database each time. The reference is the bare P-256
//! signature.

use std::time::Instant;

use tegata_domain::certificate::{CertificateKind, CertificateRecord, CertificateState};
use tegata_domain::id::{CaKeyId, Fingerprint, SerialNumber};
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::digest::sha256;
use tegata_pki::key::KeyAlgorithm;
use tegata_pki::ocsp::{HashAlgorithm, IssuerIds, OcspRequest};
use tegata_pki::soft::SoftSigner;
use tegata_store::{CaKeyPurpose, Store, StoreError};

use super::measure::{Figure, Stopwatch, median, memory_kb, microseconds, raw_cost, reset_peak};
use super::raw::{sign_once, signer};
use super::world::World;
use crate::failure::{Failure, Outcome};
use crate::instance::database_failure;

/// Certificates in the database.
const CERTIFICATES: usize = 10_000;
/// Answers between two looks at what other processes changed.
const LOOK: usize = 2_000;
/// Rows in one transaction while filling.
const BATCH: usize = 1_000;

/// Answers `n` requests in each round.
pub(crate) async fn run(n: usize, rounds: usize) -> Outcome<Figure> {
    let world = World::make("ocsp", "").await?;
    let ca = subscriber_ca(&world)?;
    let serials = fill(&world.store, &ca.0, CERTIFICATES, CertificateState::Issued).await?;
    let requests: Vec<Vec<u8>> = serials
        .iter()
        .map(|serial| {
            OcspRequest::for_cert_id(&ca.1.cert_id(HashAlgorithm::Sha1, serial.octets()), None)
        })
        .collect();
    let reference = signer(KeyAlgorithm::P256)?;
    let mut figure = Figure {
        name: "ocsp".to_owned(),
        ops: 0,
        cpu_s: 0.0,
        wall_s: 0.0,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: vec![("certificates", CERTIFICATES.into())],
    };
    let mut ratios = Vec::new();
    let from_database = from_database(&world, &requests, &reference).await?;
    reset_peak();
    for _ in 0..rounds {
        let raw = raw_cost(n, || {
            std::hint::black_box(sign_once(&reference));
        });
        let stopwatch = Stopwatch::start();
        for (number, request) in requests.iter().cycle().take(n).enumerate() {
            if number % LOOK == 0 {
                world.app.refresh_statuses().await?;
            }
            let start = Instant::now();
            answer(&world, request).await?;
            figure.latencies_us.push(microseconds(start));
        }
        let (cpu, wall) = stopwatch.stop();
        ratios.push(raw * f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / cpu);
        figure.ops += n;
        figure.cpu_s += cpu;
        figure.wall_s += wall;
    }
    figure
        .further
        .push(("ratio_from_database", from_database.into()));
    figure.latencies_us.sort_unstable();
    figure.rss_kb = memory_kb("self", "VmHWM");
    figure.ratio_to_raw = Some(median(ratios));
    world.end().await?;
    Ok(figure)
}

/// The ratio while nobody watches other processes, so that each status is read from the database.
async fn from_database(
    world: &World,
    requests: &[Vec<u8>],
    reference: &SoftSigner,
) -> Outcome<f64> {
    let some = requests.len().min(LOOK);
    let raw = raw_cost(some, || {
        std::hint::black_box(sign_once(reference));
    });
    let stopwatch = Stopwatch::start();
    for request in requests.iter().take(some) {
        answer(world, request).await?;
    }
    let (cpu, _) = stopwatch.stop();
    let ratio = raw * f64::from(u32::try_from(some).unwrap_or(u32::MAX)) / cpu;
    Ok((ratio * 10_000.0).round() / 10_000.0)
}

async fn answer(world: &World, request: &[u8]) -> Outcome<()> {
    let answer = world.app.answer_ocsp(request, world.app.clock_now()).await;
    if answer.cache.is_none() {
        let remedy = "run `cargo xtask test`";
        return Err(Failure::new("an OCSP request was not answered", remedy));
    }
    Ok(())
}

/// The subscriber CA's key id and what OCSP requests call it.
pub(crate) fn subscriber_ca(world: &World) -> Outcome<(CaKeyId, IssuerIds)> {
    let wrong = || Failure::new("the bench's CA is not there", "run the bench again");
    let all = world.app.ca_certificates();
    let ca = all
        .into_iter()
        .find(|ca| ca.purpose == CaKeyPurpose::Subscriber)
        .ok_or_else(wrong)?;
    let certificate = Certificate::from_der(&ca.der).map_err(|_| wrong())?;
    Ok((
        ca.id,
        IssuerIds::of(certificate.subject(), certificate.public_key()),
    ))
}

/// Fills the table with `count` certificates in this state (issued or void); returns their serial numbers.
pub(crate) async fn fill(
    store: &Store,
    ca: &CaKeyId,
    count: usize,
    state: CertificateState,
) -> Outcome<Vec<SerialNumber>> {
    let serials: Vec<SerialNumber> = (0..count).filter_map(numbered).collect();
    for batch in serials.chunks(BATCH) {
        let records: Vec<_> = batch.iter().map(|serial| record(*serial, ca)).collect();
        store
            .write(move |tx| {
                Box::pin(async move {
                    for record in &records {
                        tx.insert_intent(record, b"").await?;
                        if state == CertificateState::Issued {
                            let fingerprint = Fingerprint(sha256(record.serial.octets()));
                            tx.issue_certificate(&record.serial, &fingerprint, b"")
                                .await?;
                        } else {
                            tx.move_certificate(&record.serial, &record.state, &state)
                                .await?;
                        }
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .map_err(|error| database_failure("fill the bench's table", &error))?;
    }
    Ok(serials)
}

/// Spread over the whole range, as real serial numbers are.
fn numbered(number: usize) -> Option<SerialNumber> {
    let hash = sha256(&number.to_be_bytes());
    let mut octets: [u8; 16] = hash.first_chunk().copied()?;
    octets[0] = octets[0] & 0x3f | 0x40;
    SerialNumber::from_octets(octets)
}

fn record(serial: SerialNumber, ca: &CaKeyId) -> CertificateRecord {
    CertificateRecord {
        serial,
        kind: CertificateKind::TlsServer,
        ca_key: ca.clone(),
        shard: 0,
        grant: None,
        fingerprint: None,
        spki_sha256: sha256(serial.octets()),
        not_before: Timestamp::from_unix(0),
        not_after: Timestamp::from_unix(4_000_000_000),
        created_at: Timestamp::from_unix(0),
        state: CertificateState::Intended,
    }
}
