//! `bench pages`: the pages of the console at n certificates and ten times as many rows of the audit trail, for several
//! sizes (PERF10). Each request goes through the router, the session's look-up and the HTML included, without TLS.
//!
//! The goal is flatness. Every size is an installation of its own, all of them are filled before the first page is asked
//! for, and the sizes alternate: so `ratio_to_smallest`, the processor time of a page at the greatest n by that at the
//! smallest, tells nothing of how the process or the machine changed meanwhile.

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

/// What was measured of one page at one size, a value for each round.
#[derive(Default)]
struct Cost {
    cpu_us: Vec<f64>,
    latencies_us: Vec<u64>,
}

/// An installation of one size.
struct Console {
    world: World,
    reader: Reader,
    requests: Vec<RequestId>,
}

/// Who asks for the pages: an auditor, who may read them all.
struct Reader {
    router: Router,
    cookie: String,
}

/// Asks at each of these numbers of certificates, the smallest first.
pub(super) async fn run(mut sizes: Vec<usize>, rounds: usize) -> Outcome<Vec<Figure>> {
    sizes.sort_unstable();
    let mut consoles = Vec::with_capacity(sizes.len());
    for size in &sizes {
        consoles.push(Console::make(*size).await?);
    }
    reset_peak();
    let mut figures = Vec::with_capacity(PAGES.len());
    for (name, path) in PAGES {
        figures.push(measure(name, path, &consoles, rounds).await?);
    }
    for console in consoles {
        console.world.end().await?;
    }
    Ok(figures)
}

/// Asks for one page, in each round at every size.
async fn measure(name: &str, path: &str, consoles: &[Console], rounds: usize) -> Outcome<Figure> {
    let mut costs: Vec<Cost> = consoles.iter().map(|_| Cost::default()).collect();
    for console in consoles {
        // What is kept for a minute is counted before.
        console.ask(path, 0).await?;
    }
    let stopwatch = Stopwatch::start();
    for round in 0..rounds {
        for (console, cost) in consoles.iter().zip(&mut costs) {
            console.round(path, round, cost).await?;
        }
    }
    let (cpu_s, wall_s) = stopwatch.stop();
    let mut latencies_us: Vec<u64> = costs
        .iter()
        .flat_map(|cost| cost.latencies_us.iter().copied())
        .collect();
    latencies_us.sort_unstable();
    Ok(Figure {
        name: name.to_owned(),
        ops: latencies_us.len(),
        cpu_s,
        wall_s,
        latencies_us,
        rss_kb: memory_kb("self", "VmHWM"),
        ratio_to_raw: None,
        further: further(consoles, costs),
    })
}

fn further(consoles: &[Console], costs: Vec<Cost>) -> Vec<(&'static str, serde_json::Value)> {
    let sizes: Vec<usize> = consoles.iter().map(|one| one.requests.len()).collect();
    let flatness = costs
        .first()
        .zip(costs.last())
        .map_or(1.0, |(smallest, greatest)| {
            let rounds = smallest.cpu_us.iter().zip(&greatest.cpu_us);
            median(rounds.map(|(few, many)| many / few).collect())
        });
    let cpu: Vec<f64> = costs
        .iter()
        .map(|cost| rounded(median(cost.cpu_us.clone())))
        .collect();
    let p50: Vec<u64> = costs
        .into_iter()
        .map(|cost| middle(cost.latencies_us))
        .collect();
    vec![
        ("certificates", json!(sizes)),
        ("cpu_us_at", json!(cpu)),
        ("p50_us_at", json!(p50)),
        ("ratio_to_smallest", json!(rounded(flatness))),
    ]
}

impl Console {
    /// An installation with `size` certificates in use.
    async fn make(size: usize) -> Outcome<Self> {
        let clock = Arc::new(ManualClock::new(MORNING.plus_days(-LIFE)));
        let overrides = "[policy.ca]\nkey = \"p256\"\nkey_pool = 0\n";
        let name = format!("pages-{size}");
        let world = World::make_at(&name, None, overrides, Arc::<ManualClock>::clone(&clock));
        let world = world.await?;
        let fleet = Fleet::prepare(&world).await?;
        clock.set(MORNING);
        let reader = Reader::log_in(&world).await?;
        let requests = fill(&world, &fleet, size).await?;
        Ok(Self {
            world,
            reader,
            requests,
        })
    }

    /// Asks for one page over and over, each time about another certificate.
    async fn round(&self, path: &str, round: usize, cost: &mut Cost) -> Outcome<()> {
        let asked = REQUESTS.min(self.requests.len()).max(1);
        let stopwatch = Stopwatch::start();
        for number in 0..asked {
            let start = Instant::now();
            self.ask(path, round * asked + number).await?;
            cost.latencies_us.push(microseconds(start));
        }
        let (cpu, _) = stopwatch.stop();
        cost.cpu_us.push(cpu * 1e6 / asked as f64);
        Ok(())
    }

    async fn ask(&self, path: &str, turn: usize) -> Outcome<()> {
        self.reader
            .get(&addressed(path, &self.requests, turn))
            .await
    }
}

/// Stores `size` subscribers, whose certificates end all through 39 months, and their part of the audit trail; their request
/// IDs.
async fn fill(world: &World, fleet: &Fleet, size: usize) -> Outcome<Vec<RequestId>> {
    let numbers: Vec<usize> = (0..size).collect();
    let mut requests = Vec::with_capacity(numbers.len());
    for batch in numbers.chunks(BATCH) {
        let share = |number: usize| number as i64 * LIFE * 86_400 / numbers.len() as i64;
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

/// The middle of some latencies.
fn middle(mut latencies_us: Vec<u64>) -> u64 {
    latencies_us.sort_unstable();
    latencies_us
        .get(latencies_us.len() / 2)
        .copied()
        .unwrap_or(0)
}

fn rounded(number: f64) -> f64 {
    (number * 1_000.0).round() / 1_000.0
}
