//! `bench relying`: what relying systems ask about a certificate, at 10,000 certificates and at n of them (issue 4,
//! PERF10). Each request goes through the router, JSON and tag included, without TLS.
//!
//! The goal is flatness: `ratio_to_10k` is the processor time of a request at n by that at 10,000, over the same
//! number of requests. `feed_cpu_s` is the feed of a day at n, read, written and signed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tegata_app::RelyingSystems;
use tegata_domain::id::Fingerprint;
use tegata_domain::time::{ManualClock, Timestamp};
use tegata_pki::digest::sha256;
use tegata_web::{Connection, SiteOptions, relying_router};
use tower::ServiceExt as _;

use super::fleet::{Fleet, Subscriber};
use super::measure::{Figure, Stopwatch, median, memory_kb, microseconds, reset_peak};
use super::world::World;
use crate::failure::{Failure, Outcome};

/// Certificates at first.
const SMALL: usize = 10_000;
/// Requests in a round.
const REQUESTS: usize = 5_000;
/// Subscribers handed over for storing at once.
const BATCH: usize = 10_000;
/// Days in 39 months.
const LIFE: i64 = 1_187;
/// The simulated day: 2027-06-01 at 09:00 in Japan.
const MORNING: Timestamp = Timestamp::from_unix(1_811_808_000);
/// What stands for the TLS client certificate of the relying system.
const SYSTEM: &[u8] = b"the relying system of a bench";

/// Asks at 10,000 and at `n` certificates.
pub(super) async fn run(n: usize, rounds: usize) -> Outcome<Figure> {
    let clock = Arc::new(ManualClock::new(MORNING.plus_days(-LIFE)));
    let overrides = "[policy.ca]\nkey = \"p256\"\nkey_pool = 0\n";
    let world = World::make_at(
        "relying",
        None,
        overrides,
        Arc::<ManualClock>::clone(&clock),
    );
    let world = world.await?;
    let fleet = Fleet::prepare(&world).await?;
    clock.set(MORNING);
    let mut systems = RelyingSystems::default();
    systems.insert(Fingerprint(sha256(SYSTEM)), "bench");
    let router = relying_router(world.app.clone(), SiteOptions::default(), systems);
    let mut prints = fill(&world, &fleet, 0, SMALL).await?;
    let (small, _) = ask(&router, &prints, rounds).await?;
    prints.extend(fill(&world, &fleet, SMALL, n.max(SMALL)).await?);
    reset_peak();
    let started = Stopwatch::start();
    let (large, mut latencies_us) = ask(&router, &prints, rounds).await?;
    let (cpu_s, wall_s) = started.stop();
    latencies_us.sort_unstable();
    let feed = Stopwatch::start();
    let made = world.app.relying_feed(world.app.clock_now()).await?;
    let (feed_cpu, feed_wall) = feed.stop();
    let figure = Figure {
        name: "relying".to_owned(),
        ops: latencies_us.len(),
        cpu_s,
        wall_s,
        latencies_us,
        rss_kb: memory_kb("self", "VmHWM"),
        ratio_to_raw: None,
        further: vec![
            ("certificates", prints.len().into()),
            ("cpu_us_at_10k", rounded(small).into()),
            ("cpu_us", rounded(large).into()),
            ("ratio_to_10k", rounded(large / small).into()),
            ("feed_cpu_s", rounded(feed_cpu).into()),
            ("feed_wall_s", rounded(feed_wall).into()),
            ("feed_octets", made.body.len().into()),
        ],
    };
    world.end().await?;
    Ok(figure)
}

/// Stores the subscribers `from..until`, whose certificates end all through 39 months, in the order of their approval as
/// in life; their fingerprints.
async fn fill(
    world: &World,
    fleet: &Fleet,
    from: usize,
    until: usize,
) -> Outcome<Vec<Fingerprint>> {
    let count = until - from;
    let mut prints = Vec::with_capacity(count);
    let places: Vec<usize> = (0..count).collect();
    for batch in places.chunks(BATCH) {
        let subscribers: Vec<Subscriber> = batch
            .iter()
            .map(|place| subscriber(from + place, MORNING.plus_seconds(share(*place, count))))
            .collect();
        for stored in fleet.store(world, &subscribers).await? {
            prints.push(Fingerprint(sha256(stored.serial.octets())));
        }
    }
    Ok(prints)
}

/// Seconds to the end of the certificate at `place` of `count`.
fn share(place: usize, count: usize) -> i64 {
    let share = LIFE * 86_400 * place as i64 / count as i64;
    share.max(1)
}

fn subscriber(number: usize, not_after: Timestamp) -> Subscriber {
    Subscriber {
        number: number as u64 + 1,
        approved_at: not_after.plus_days(-LIFE),
        not_after,
    }
}

/// Microseconds of processor time for one request, the median of the rounds, and each request's latency.
async fn ask(router: &Router, prints: &[Fingerprint], rounds: usize) -> Outcome<(f64, Vec<u64>)> {
    let mut latencies = Vec::with_capacity(rounds * REQUESTS);
    let mut costs = Vec::with_capacity(rounds);
    // Spread over the whole table: no two requests in a row meet on one page of the index.
    let step = (prints.len() / REQUESTS).max(1);
    for round in 0..rounds {
        let asked = prints
            .iter()
            .skip(round % step)
            .step_by(step)
            .take(REQUESTS);
        let stopwatch = Stopwatch::start();
        let mut count = 0;
        for print in asked {
            let start = Instant::now();
            request(router, print).await?;
            latencies.push(microseconds(start));
            count += 1;
        }
        let (cpu, _) = stopwatch.stop();
        costs.push(cpu * 1e6 / f64::from(count));
    }
    Ok((median(costs), latencies))
}

async fn request(router: &Router, print: &Fingerprint) -> Outcome<()> {
    let wrong = |what: &str| {
        Failure::new(
            format!("a relying system was not answered: {what}"),
            "run `cargo xtask test`",
        )
    };
    let path = format!("/api/relying/v1/certificates/{print}/notice?channel=claims_message");
    let mut request = Request::get(path)
        .header(HOST, "localhost")
        .body(Body::empty())
        .map_err(|error| wrong(&error.to_string()))?;
    request.extensions_mut().insert(Connection {
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
        server_name: Some("localhost".to_owned()),
        client_certificate: Some(SYSTEM.to_vec()),
        tls: true,
    });
    let response = match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if response.status() != StatusCode::OK {
        return Err(wrong(response.status().as_str()));
    }
    let body = response.into_body().collect().await;
    body.map(drop).map_err(|error| wrong(&error.to_string()))
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
