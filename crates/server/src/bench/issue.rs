//! `bench issue`: from a posted grant and a terminal's public key to a stored certificate, durable.
//!
//! Measured: the checks of the grant, intent and audit row in a transaction, TBSCertificate, lint, RSA-3072
//! signature and its verification, certificate and audit row in a second transaction, `synchronous=FULL`. The
//! reference is the bare RSA-3072 signature.

use std::time::Instant;

use tegata_domain::grant::Grant;
use tegata_pki::key::{KeyAlgorithm, PrivateKey, PublicKey};
use tokio::task::JoinSet;

use super::measure::{Figure, Stopwatch, median, memory_kb, microseconds, raw_cost, reset_peak};
use super::raw::{sign_once, signer};
use super::world::World;
use crate::failure::{Failure, Outcome};

/// Terminals that collect at the same moment.
const AT_ONCE: usize = 32;

/// Issues `n` certificates in each round.
pub(crate) async fn run(n: usize, rounds: usize) -> Outcome<Figure> {
    let world = World::make("issue", "[policy.ca]\nkey = \"rsa3072\"\nkey_pool = 0\n").await?;
    let grants = world.posted_grants(n * rounds).await?;
    let reference = signer(KeyAlgorithm::Rsa3072)?;
    let mut figure = Figure {
        name: "issue".to_owned(),
        ops: 0,
        cpu_s: 0.0,
        wall_s: 0.0,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: vec![("at_once", AT_ONCE.into())],
    };
    let mut ratios = Vec::new();
    reset_peak();
    for round in grants.chunks(n) {
        let work = round
            .iter()
            .cloned()
            .map(with_key)
            .collect::<Outcome<Vec<_>>>()?;
        let raw = raw_cost(n, || {
            std::hint::black_box(sign_once(&reference));
        });
        let stopwatch = Stopwatch::start();
        let latencies = issue_all(&world, work, AT_ONCE).await?;
        let (cpu, wall) = stopwatch.stop();
        ratios.push(raw * f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / cpu);
        figure.ops += latencies.len();
        figure.cpu_s += cpu;
        figure.wall_s += wall;
        figure.latencies_us.extend(latencies);
    }
    figure.latencies_us.sort_unstable();
    figure.rss_kb = memory_kb("self", "VmHWM");
    figure.ratio_to_raw = Some(median(ratios));
    world.end().await?;
    Ok(figure)
}

/// Issues for these keys, so many at once; each one's latency.
pub(super) async fn issue_all(
    world: &World,
    work: Vec<(Grant, PublicKey)>,
    at_once: usize,
) -> Outcome<Vec<u64>> {
    let mut latencies = Vec::with_capacity(work.len());
    let mut running = JoinSet::new();
    let mut work = work.into_iter();
    loop {
        while running.len() < at_once {
            let Some((grant, key)) = work.next() else {
                break;
            };
            let app = world.app.clone();
            running.spawn(async move {
                let start = Instant::now();
                let now = app.clock_now();
                let issued = app
                    .issue_for_terminal_key(&grant.request_id, &key, now)
                    .await;
                issued.map(|_| microseconds(start))
            });
        }
        match running.join_next().await {
            None => return Ok(latencies),
            Some(Ok(latency)) => latencies.push(latency?),
            Some(Err(error)) => {
                return Err(Failure::machine(
                    "issue a certificate",
                    error,
                    "look at the log",
                ));
            }
        }
    }
}

/// A grant with the public key of its terminal.
pub(super) fn with_key(grant: Grant) -> Outcome<(Grant, PublicKey)> {
    let key = PrivateKey::generate(KeyAlgorithm::P256)
        .map_err(|error| Failure::machine("make a key", error, "run the bench again"))?;
    Ok((grant, key.public_key().clone()))
}
