//! `bench pages`: the pages of the console at n certificates and ten times as many rows of the audit trail, for one size
//! after the other (PERF10). Each request goes through the router, the session's look-up and the HTML included, without
//! TLS.
//!
//! The goal is flatness: `ratio_to_smallest` is the processor time of a page at the greatest n by that at the smallest.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::header::{COOKIE, HOST};
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::json;
use tegata_app::{Source, one_time_code};
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::id::AuditId;
use tegata_domain::operator::Role;
use tegata_domain::reference::RequestId;
use tegata_domain::secret::Secret;
use tegata_domain::time::{Clock as _, ManualClock, Timestamp};
use tegata_store::StoreError;
use tegata_web::{Connection, SiteOptions, console_router};
use tower::ServiceExt as _;

use super::fleet::{Fleet, Subscriber};
use super::measure::{Figure, Stopwatch, median, memory_kb, microseconds, reset_peak};
use super::world::World;
use crate::failure::{Failure, Outcome};
use crate::instance::database_failure;
use crate::system::{SystemClock, SystemEntropy, generated_password};

/// Requests for a page in a round, where there are as many certificates.
const REQUESTS: usize = 200;
/// Rows of the audit trail for each certificate.
const TRAIL: usize = 10;
/// Subscribers handed over for storing at once.
const BATCH: usize = 10_000;
/// Days in 39 months.
const LIFE: i64 = 1_187;
/// The simulated day: 2027-06-01 at 09:00 in Japan.
const MORNING: Timestamp = Timestamp::from_unix(1_811_808_000);
/// The pages; `{}` stands for a request ID that is there.
const PAGES: [(&str, &str); 9] = [
    ("pages start", "/console"),
    ("pages queue", "/console/queue?state=submitted"),
    ("pages search", "/console/search?q={}"),
    ("pages grant", "/console/grants/{}"),
    ("pages institutions", "/console/institutions"),
    ("pages revocations", "/console/revocations"),
    ("pages audit", "/console/audit"),
    ("pages notices", "/console/notices"),
    ("pages due", "/console/notices/due"),
];

/// What was measured of one page at one size.
struct Cost {
    cpu_us: f64,
    p50_us: u64,
}

/// Who asks for the pages: an auditor, who may read them all.
struct Reader {
    router: Router,
    cookie: String,
}

/// Asks at each of these numbers of certificates, the smallest first.
pub(super) async fn run(mut sizes: Vec<usize>, rounds: usize) -> Outcome<Vec<Figure>> {
    sizes.sort_unstable();
    let clock = Arc::new(ManualClock::new(MORNING.plus_days(-LIFE)));
    let overrides = "[policy.ca]\nkey = \"p256\"\nkey_pool = 0\n";
    let world = World::make_at("pages", None, overrides, Arc::<ManualClock>::clone(&clock));
    let world = world.await?;
    let fleet = Fleet::prepare(&world).await?;
    clock.set(MORNING);
    let reader = Reader::log_in(&world).await?;
    let mut figures: Vec<Figure> = PAGES.iter().map(|(name, _)| empty(name)).collect();
    let mut costs: Vec<Vec<Cost>> = PAGES.iter().map(|_| Vec::new()).collect();
    let mut requests = Vec::new();
    reset_peak();
    for size in &sizes {
        requests.extend(fill(&world, &fleet, requests.len(), *size).await?);
        for (((_, path), figure), costs) in PAGES.iter().zip(&mut figures).zip(&mut costs) {
            costs.push(reader.measure(path, &requests, rounds, figure).await?);
        }
    }
    for (figure, costs) in figures.iter_mut().zip(&costs) {
        figure.latencies_us.sort_unstable();
        figure.rss_kb = memory_kb("self", "VmHWM");
        figure.further = further(&sizes, costs);
    }
    world.end().await?;
    Ok(figures)
}

fn empty(name: &str) -> Figure {
    Figure {
        name: name.to_owned(),
        ops: 0,
        cpu_s: 0.0,
        wall_s: 0.0,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: Vec::new(),
    }
}

fn further(sizes: &[usize], costs: &[Cost]) -> Vec<(&'static str, serde_json::Value)> {
    let cpu: Vec<f64> = costs.iter().map(|cost| rounded(cost.cpu_us)).collect();
    let p50: Vec<u64> = costs.iter().map(|cost| cost.p50_us).collect();
    let flatness = costs.first().zip(costs.last());
    let flatness = flatness.map_or(1.0, |(smallest, greatest)| {
        greatest.cpu_us / smallest.cpu_us
    });
    vec![
        ("certificates", json!(sizes)),
        ("cpu_us_at", json!(cpu)),
        ("p50_us_at", json!(p50)),
        ("ratio_to_smallest", json!(rounded(flatness))),
    ]
}

/// Stores the subscribers `from..until`, whose certificates end all through 39 months, and their part of the audit trail;
/// their request IDs.
async fn fill(world: &World, fleet: &Fleet, from: usize, until: usize) -> Outcome<Vec<RequestId>> {
    let numbers: Vec<usize> = (from..until.max(from)).collect();
    let mut requests = Vec::with_capacity(numbers.len());
    for batch in numbers.chunks(BATCH) {
        let share = |number: usize| (number - from) as i64 * LIFE * 86_400 / numbers.len() as i64;
        let subscribers: Vec<Subscriber> = batch
            .iter()
            .map(|number| subscriber(*number, MORNING.plus_seconds(share(*number).max(1))))
            .collect();
        fleet.store(world, &subscribers).await?;
        requests.extend(subscribers.iter().map(request_of));
        let events: Vec<AuditEvent> = subscribers
            .iter()
            .flat_map(|one| std::iter::repeat_n(one, TRAIL))
            .map(event)
            .collect();
        world
            .store
            .write(move |tx| {
                Box::pin(async move {
                    for event in &events {
                        tx.insert_audit(event).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .map_err(|error| database_failure("fill the audit trail", &error))?;
    }
    Ok(requests)
}

fn subscriber(number: usize, not_after: Timestamp) -> Subscriber {
    Subscriber {
        number: number as u64 + 1,
        approved_at: not_after.plus_days(-LIFE),
        not_after,
    }
}

/// An event of the trail, which grows at its end whatever it tells about.
fn event(about: &Subscriber) -> AuditEvent {
    let at = MORNING.plus_seconds(i64::try_from(about.number).unwrap_or(0));
    AuditEvent {
        id: AuditId::generate(at, &SystemEntropy),
        at,
        actor: Actor::System,
        action: "certificate.issue",
        object: format!("grant:{}", request_of(about)),
        detail: "bench".to_owned(),
    }
}

fn request_of(one: &Subscriber) -> RequestId {
    RequestId::new(one.approved_at.japan_date(), one.number)
}

impl Reader {
    async fn log_in(world: &World) -> Outcome<Self> {
        let now = world.app.clock_now();
        let password = Secret::new(generated_password().expose().clone());
        let added = world
            .app
            .add_operator("auditor", &password, &[Role::Auditor], Actor::System, now)
            .await?;
        let code = one_time_code(&added.totp_secret, SystemClock.now())
            .ok_or_else(|| wrong("there is no one-time code"))?;
        let source = Source(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let token = world
            .app
            .log_in("auditor", &password, &code, source)
            .await?;
        Ok(Self {
            router: console_router(world.app.clone(), SiteOptions::default()),
            cookie: format!("__Host-tegata-console={}", token.expose()),
        })
    }

    /// Asks for one page over and over, each time about another certificate; adds to the page's figure.
    async fn measure(
        &self,
        path: &str,
        requests: &[RequestId],
        rounds: usize,
        figure: &mut Figure,
    ) -> Outcome<Cost> {
        let asked = REQUESTS.min(requests.len()).max(1);
        let mut costs = Vec::with_capacity(rounds);
        let mut latencies = Vec::with_capacity(rounds * asked);
        // What is kept for a minute is counted before.
        self.get(&addressed(path, requests, 0)).await?;
        for round in 0..rounds {
            let stopwatch = Stopwatch::start();
            for number in 0..asked {
                let address = addressed(path, requests, round * asked + number);
                let start = Instant::now();
                self.get(&address).await?;
                latencies.push(microseconds(start));
            }
            let (cpu, wall) = stopwatch.stop();
            costs.push(cpu * 1e6 / asked as f64);
            figure.cpu_s += cpu;
            figure.wall_s += wall;
            figure.ops += asked;
        }
        latencies.sort_unstable();
        let p50_us = latencies.get(latencies.len() / 2).copied().unwrap_or(0);
        figure.latencies_us.extend(latencies);
        Ok(Cost {
            cpu_us: median(costs),
            p50_us,
        })
    }

    async fn get(&self, path: &str) -> Outcome<()> {
        let mut request = Request::get(path)
            .header(HOST, "localhost")
            .header(COOKIE, &self.cookie)
            .body(Body::empty())
            .map_err(|error| wrong(&error.to_string()))?;
        request.extensions_mut().insert(Connection {
            peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
            server_name: Some("localhost".to_owned()),
            client_certificate: None,
            tls: true,
        });
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.status() != StatusCode::OK {
            return Err(wrong(&format!("{path}: {}", response.status())));
        }
        let body = response.into_body().collect().await;
        body.map(drop).map_err(|error| wrong(&error.to_string()))
    }
}

/// A page's address; where it is about a certificate, about another one in each turn, spread over all of them.
fn addressed(path: &str, requests: &[RequestId], turn: usize) -> String {
    let place = turn * 7_919 % requests.len().max(1);
    match requests.get(place) {
        Some(request) => path.replace("{}", request.as_str()),
        None => path.to_owned(),
    }
}

fn wrong(what: &str) -> Failure {
    Failure::new(
        format!("a page of the console was not shown: {what}"),
        "run `cargo xtask test`",
    )
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
