//! `bench crl`: complete revocation lists of n entries, from the rows of the database to the signed and stored
//! list. The figure is for one list; the reference is SHA-256 over as many octets.

use serde_json::json;
use tegata_domain::certificate::CertificateState;
use tegata_domain::time::Timestamp;
use tegata_pki::digest::sha256;

use super::measure::{Figure, Stopwatch, median, memory_kb, raw_cost, reset_peak};
use super::ocsp::{fill, subscriber_ca};
use super::world::World;
use crate::failure::{Failure, Outcome};
use crate::instance::database_failure;

/// Octets of one entry without a reason.
const ENTRY: usize = 35;

/// Makes the list `rounds` times.
pub(crate) async fn run(n: usize, rounds: usize) -> Outcome<Figure> {
    let world = World::make("crl", "[policy.ca]\nkey_pool = 0\n").await?;
    let (ca, _) = subscriber_ca(&world)?;
    let at = Timestamp::from_unix(1_700_000_000);
    fill(&world.store, &ca, n, CertificateState::Void { at }).await?;
    let mut figure = Figure {
        name: "crl".to_owned(),
        ops: rounds,
        cpu_s: 0.0,
        wall_s: 0.0,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: vec![("entries", n.into())],
    };
    let mut ratios = Vec::new();
    let mut size = 0;
    let before = memory_kb("self", "VmRSS");
    reset_peak();
    for _ in 0..rounds {
        want_complete_list(&world, ca.clone()).await?;
        let stopwatch = Stopwatch::start();
        world.app.run_due_jobs(world.app.clock_now()).await?;
        let (cpu, wall) = stopwatch.stop();
        figure.cpu_s += cpu;
        figure.wall_s += wall;
        figure.latencies_us.push((wall * 1e6) as u64);
        let octets = vec![7; n * ENTRY];
        ratios.push(
            raw_cost(1, || {
                std::hint::black_box(sha256(&octets));
            }) / cpu,
        );
    }
    figure.rss_kb = memory_kb("self", "VmHWM");
    if let Some(list) = world.app.revocation_list(&ca, "all").await? {
        size = list.der.len();
    }
    if size < n * ENTRY {
        let remedy = "run `cargo xtask test`";
        return Err(Failure::new("the list does not have all entries", remedy));
    }
    figure.latencies_us.sort_unstable();
    figure.ratio_to_raw = Some(median(ratios));
    figure.further.push(("octets", json!(size)));
    figure
        .further
        .push(("extra_kb", json!(figure.rss_kb.saturating_sub(before))));
    world.end().await?;
    Ok(figure)
}

async fn want_complete_list(world: &World, ca: tegata_domain::id::CaKeyId) -> Outcome<()> {
    let now = world.app.clock_now();
    world
        .store
        .write(move |tx| {
            Box::pin(async move { tx.want_publication(&ca, "all", now).await.map(|_| ()) })
        })
        .await
        .map_err(|error| database_failure("ask for a list", &error))
}
