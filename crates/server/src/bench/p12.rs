//! `bench p12`: from a letter's two IDs to the `.p12` (PERF7): the procedure begun, the password set, which makes key and
//! certificate, and the file handed out; durable, 10,000 iterations; one after another, or several at the
//! same moment, which then share commits.
//!
//! Subscribers' keys are made on one thread of their own, whose processor time is told apart: with a pool it is the
//! refill, which nobody waits for, without one it stands in the latency. The reference is the CA's bare signature and
//! what the password costs: the same three layers around next to nothing, which are PBKDF2 twice (key and certificates)
//! and as many rounds of SHA-256 (MAC).

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde_json::json;
use tegata_app::{App, KeyFileForm, Letter, PasswordForm, Source, TypedIds, Visit};
use tegata_domain::id::FlowId;
use tegata_domain::secret::Secret;
use tegata_pki::key::KeyAlgorithm;
use tegata_pki::pkcs12::{Pkcs12Form, write_pkcs8};
use tokio::runtime::{Builder, Runtime};

use super::measure::{Figure, Stopwatch, median, memory_kb, raw_cost, reset_peak, threads_seconds};
use super::raw::{sign_once, signer};
use super::world::World;
use crate::failure::{Failure, Outcome};

/// Iterations of each layer of the file.
const ITERATIONS: u32 = 10_000;
/// The password of every file.
const PASSWORD: &str = "a-bench-password";
/// Who asks.
const SOURCE: Source = Source(IpAddr::V4(Ipv4Addr::LOCALHOST));
/// The thread on which keys are made; Linux keeps 15 characters.
const KEYS: &str = "bench-keys";
/// How long that thread waits for work before it ends: longer than any bench.
const PATIENCE: Duration = Duration::from_secs(86_400);

/// What one round cost, seconds, and each latency, microseconds.
#[derive(Default)]
struct Cost {
    cpu: f64,
    keys: f64,
    wall: f64,
    latencies: Vec<u64>,
}

/// Collects `n` files in each round, `at_once` at the same moment, with `pool` keys made in advance.
pub(super) async fn run(n: usize, rounds: usize, pool: usize, at_once: usize) -> Outcome<Figure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::machine("run the bench", error, "run the bench again")
    };
    let own = tokio::task::spawn_blocking(move || {
        let runtime = runtime().map_err(|error| failed(&error))?;
        runtime.block_on(measure(n, rounds, pool, at_once.max(1)))
    });
    own.await.map_err(|error| failed(&error))?
}

/// Everything on one thread, but what takes long on another one: keys, and the password's iterations.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .thread_name(KEYS)
        .thread_keep_alive(PATIENCE)
        .build()
}

async fn measure(n: usize, rounds: usize, pool: usize, at_once: usize) -> Outcome<Figure> {
    let overrides = format!(
        "[policy.ca]\nkey = \"rsa3072\"\nkey_pool = {pool}\n[policy.p12]\niterations = {ITERATIONS}\n\
         [policy.collect]\nsecond_factor = \"none\"\n"
    );
    let world = World::make("p12", &overrides).await?;
    let letters = world.posted_letters(n * rounds).await?;
    let ca = signer(KeyAlgorithm::Rsa3072)?;
    let (mut figure, mut ratios, mut keys) = (empty(), Vec::new(), 0.0);
    reset_peak();
    for round in letters.chunks(n) {
        fill(&world.app, pool).await?;
        let raw = raw_cost(round.len(), || {
            std::hint::black_box(sign_once(&ca));
            std::hint::black_box(password_once());
        });
        let mut cost = Cost::default();
        for letters in round.chunks(at_once) {
            collect(&world.app, letters, &mut cost).await?;
        }
        ratios.push(raw * count(round.len()) / cost.cpu);
        figure.ops += round.len();
        figure.cpu_s += cost.cpu;
        figure.wall_s += cost.wall;
        figure.latencies_us.extend(cost.latencies);
        keys += cost.keys;
    }
    figure.latencies_us.sort_unstable();
    figure.rss_kb = memory_kb("self", "VmHWM");
    figure.ratio_to_raw = Some(median(ratios));
    let key_us = keys * 1e6 / count(figure.ops);
    figure.further = vec![
        ("pool", json!(pool)),
        ("at_once", json!(at_once)),
        ("key_cpu_us", json!(key_us.round())),
    ];
    world.end().await?;
    Ok(figure)
}

fn empty() -> Figure {
    Figure {
        name: "p12".to_owned(),
        ops: 0,
        cpu_s: 0.0,
        wall_s: 0.0,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: Vec::new(),
    }
}

/// Lets the jobs make keys until the pool is full.
async fn fill(app: &App, pool: usize) -> Outcome<()> {
    for _ in 0..pool {
        app.run_due_jobs(app.clock_now()).await?;
    }
    let ready = app.measures().await?.keys_ready;
    if ready < pool {
        let told = format!("the pool has {ready} keys of {pool}");
        return Err(Failure::new(told, "run the bench again"));
    }
    Ok(())
}

/// Collects with these letters at the same moment. The time of the thread that makes keys counts apart: the files are made
/// on it too, so it rests before they are asked for. Looking at the threads is not counted.
async fn collect(app: &App, letters: &[Letter], cost: &mut Cost) -> Outcome<()> {
    let keys = threads_seconds("self", Some(KEYS));
    let stopwatch = Stopwatch::start();
    let issued = try_join_all(letters.iter().map(|letter| issue(app, letter))).await?;
    keys_are_made().await?;
    let (issuing, _) = stopwatch.stop();
    let keys = threads_seconds("self", Some(KEYS)) - keys;
    let stopwatch = Stopwatch::start();
    let latencies = try_join_all(issued.iter().map(|issued| hand_out(app, issued))).await?;
    let (handing_out, _) = stopwatch.stop();
    cost.cpu += issuing - keys + handing_out;
    cost.keys += keys;
    let longest = latencies.iter().max().copied().unwrap_or_default();
    cost.wall += longest.as_secs_f64();
    cost.latencies.extend(latencies.iter().map(microseconds_of));
    Ok(())
}

/// A certificate whose file was not handed out yet.
struct Issued {
    flow: FlowId,
    cookie: String,
    took: Duration,
}

/// From the letter to the password, which makes key and certificate.
async fn issue(app: &App, letter: &Letter) -> Outcome<Issued> {
    let ids = TypedIds {
        request: Some(letter.grant.request_id.clone()),
        reference: Some(letter.reference_id.clone()),
    };
    let start = Instant::now();
    let now = app.clock_now();
    let opened = app.open_collection(ids, SOURCE, now).await?;
    let form = PasswordForm {
        version: 1,
        password: Secret::new(PASSWORD.to_owned()),
        confirmation: Secret::new(PASSWORD.to_owned()),
        form: KeyFileForm::Modern,
        weak_accepted: false,
    };
    let cookie = app
        .set_password(&opened.flow, visit(&opened.cookie), form, now)
        .await?;
    Ok(Issued {
        flow: opened.flow,
        cookie,
        took: start.elapsed(),
    })
}

/// The file; how long the whole collection took.
async fn hand_out(app: &App, issued: &Issued) -> Outcome<Duration> {
    let start = Instant::now();
    let visit = visit(&issued.cookie);
    let file = app
        .download(&issued.flow, visit, 2, app.clock_now())
        .await?;
    std::hint::black_box(file.der.len());
    Ok(issued.took + start.elapsed())
}

fn visit(cookie: &str) -> Visit<'_> {
    Visit {
        cookie: Some(cookie),
        presented: None,
        source: SOURCE,
    }
}

/// Waits until the thread that makes keys did what it was asked before.
async fn keys_are_made() -> Outcome<()> {
    // The refill asks for its key as soon as its task is looked at.
    tokio::task::yield_now().await;
    let last = tokio::task::spawn_blocking(|| ());
    let failed = |error| Failure::machine("make a key", error, "run the bench again");
    last.await.map_err(failed)
}

/// What a password costs at best; `false` where it failed.
fn password_once() -> bool {
    write_pkcs8(&[0], &[&[0]], "", PASSWORD, Pkcs12Form::Modern, ITERATIONS).is_ok()
}

fn microseconds_of(time: &Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
