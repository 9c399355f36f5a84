//! `bench pg`: durable issuance on PostgreSQL, 16 at once (PERF15). The database is that of `--database`, and empty.
//!
//! An issuance is two transactions: the intent, and the certificate, each with its audit row. The reference is what the
//! same server takes at best through the same driver, 16 at once: two transactions that write the same rows by the same
//! statements, finished, with nothing read, checked or signed. `ratio_to_raw` compares issuances a second by the clock on
//! the wall, since the server's processor time is not ours.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{CertificateKind, CertificateRecord, CertificateState};
use tegata_domain::entropy::octets;
use tegata_domain::id::{AuditId, Fingerprint, SerialNumber};
use tegata_domain::time::Clock as _;
use tegata_store::{CaKeyRow, Store, StoreError};
use tokio::task::JoinSet;

use super::issue::{issue_all, with_key};
use super::measure::{Figure, Stopwatch, median, memory_kb, per_second, reset_peak};
use super::world::World;
use crate::failure::{Failure, Outcome};
use crate::instance::database_failure;
use crate::system::{SystemClock, SystemEntropy};

/// Clients at the same moment.
const AT_ONCE: usize = 16;

/// Issues `n` certificates in each round.
pub(super) async fn run(n: usize, rounds: usize, database: Option<&str>) -> Outcome<Figure> {
    let database = database.ok_or_else(|| {
        let remedy = "name an empty database: --database postgres://USER:PASSWORD@HOST/NAME";
        Failure::new("the bench has no PostgreSQL", remedy)
    })?;
    let overrides = "[policy.ca]\nkey = \"p256\"\nkey_pool = 0\n";
    let world = World::make_at("pg", Some(database), overrides, Arc::new(SystemClock)).await?;
    let grants = world.posted_grants(n * rounds).await?;
    let mut figure = Figure {
        name: "pg".to_owned(),
        ops: 0,
        cpu_s: 0.0,
        wall_s: 0.0,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: Vec::new(),
    };
    let (mut ratios, mut bare) = (Vec::new(), Vec::new());
    reset_peak();
    for round in grants.chunks(n) {
        let work = round
            .iter()
            .cloned()
            .map(with_key)
            .collect::<Outcome<Vec<_>>>()?;
        let raw = bare_issuances(&world, round.len()).await?;
        let stopwatch = Stopwatch::start();
        let latencies = issue_all(&world, work, AT_ONCE).await?;
        let (cpu, wall) = stopwatch.stop();
        ratios.push(per_second(latencies.len(), wall) / raw);
        bare.push(raw);
        figure.ops += latencies.len();
        figure.cpu_s += cpu;
        figure.wall_s += wall;
        figure.latencies_us.extend(latencies);
    }
    figure.latencies_us.sort_unstable();
    figure.rss_kb = memory_kb("self", "VmHWM");
    figure.ratio_to_raw = Some(median(ratios));
    figure.further = vec![
        ("at_once", AT_ONCE.into()),
        ("raw_per_s", json!(median(bare).round())),
    ];
    world.end().await?;
    Ok(figure)
}

/// Issuances a second that are only written, over `count` of them.
async fn bare_issuances(world: &World, count: usize) -> Outcome<f64> {
    let authority = authority(world).await?;
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for client in 0..AT_ONCE {
        let own = (client..count).step_by(AT_ONCE).count();
        let (store, authority) = (world.store.clone(), authority.clone());
        running.spawn(async move {
            for _ in 0..own {
                write_one(&store, &authority).await?;
            }
            Ok::<_, StoreError>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended
            .map_err(|error| Failure::machine("insert rows", error, "run the bench again"))?
            .map_err(|error| database_failure("insert rows", &error))?;
    }
    Ok(per_second(count, begun.elapsed().as_secs_f64()))
}

/// The CA key that bare rows belong to; its certificate stands for theirs.
async fn authority(world: &World) -> Outcome<CaKeyRow> {
    let wrong = |error| database_failure("read the CA keys", &error);
    let mut reader = world.store.reader().await.map_err(wrong)?;
    let keys = reader.list_ca_keys().await.map_err(wrong)?;
    let first = keys.into_iter().next();
    first.ok_or_else(|| Failure::new("there is no CA key", "run the bench again"))
}

/// The two transactions of one issuance.
async fn write_one(store: &Store, authority: &CaKeyRow) -> Result<(), StoreError> {
    let record = record(authority);
    let (serial, fingerprint) = (record.serial, Fingerprint(record.spki_sha256));
    let (tbs, der) = (authority.certificate.clone(), authority.certificate.clone());
    let (intended, issued) = (row("certificate.intend"), row("certificate.issue"));
    let intent = store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.insert_intent(&record, &tbs).await?;
            tx.insert_audit(&intended).await
        })
    });
    intent.await?;
    let certificate = store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move {
            tx.issue_certificate(&serial, &fingerprint, &der).await?;
            tx.insert_audit(&issued).await
        })
    });
    certificate.await
}

/// A certificate of no grant, with chance for its key.
fn record(authority: &CaKeyRow) -> CertificateRecord {
    let now = SystemClock.now();
    CertificateRecord {
        serial: SerialNumber::generate(&SystemEntropy),
        kind: CertificateKind::TlsServer,
        ca_key: authority.id.clone(),
        shard: 0,
        grant: None,
        fingerprint: None,
        spki_sha256: octets::<32>(&SystemEntropy),
        not_before: now,
        not_after: now.plus_days(1),
        created_at: now,
        state: CertificateState::Intended,
    }
}

fn row(action: &'static str) -> AuditEvent {
    let now = SystemClock.now();
    AuditEvent {
        id: AuditId::generate(now, &SystemEntropy),
        at: now,
        actor: Actor::System,
        action,
        object: "bench".to_owned(),
        detail: "a row with nothing around it".to_owned(),
    }
}
