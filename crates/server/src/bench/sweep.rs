//! `bench sweep`: the daily run of notices over n certificates that end all through their 39 months (PERF11, T61).
//!
//! Three figures. `sweep_select`: what a usual day finds due, read by index. `sweep_enqueue`: the first run after a
//! pause, which queues the newest notice of every certificate in its last 75 days; the reference inserts the same rows,
//! finished, in the same batches into a table of the same shape. `cpu_s` is the whole run; the ratio is that of its
//! queueing, without `select_cpu_s`, what reading and judging the same certificates costs by itself. `sweep_mails`: those
//! mails, handed over to a mail server on this machine, each in a conversation of RFC 5321 with its answer awaited and
//! recorded.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tegata_domain::time::{ManualClock, Timestamp};
use tegata_store::{BareMail, StoreError};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::fleet::{Fleet, Subscriber};
use super::measure::{Figure, Stopwatch, memory_kb, reset_peak};
use super::world::World;
use crate::config::Config;
use crate::demo::Mailbox;
use crate::failure::{Failure, Outcome};
use crate::instance::{database_failure, open_store};
use crate::mailer::Mailer;

/// Days in 39 months.
const LIFE: i64 = 1_187;
/// The simulated day: 2027-06-01 at 09:00 in Japan.
const MORNING: Timestamp = Timestamp::from_unix(1_811_808_000);
/// Subscribers made at once.
const FILLED: usize = 10_000;
/// Rows in one transaction, as in the run.
const BATCH: usize = 1_000;
/// Mails that the server takes.
const MAILS: usize = 58_000;

/// Runs over `n` certificates.
pub(super) async fn run(n: usize) -> Outcome<Vec<Figure>> {
    let clock = Arc::new(ManualClock::new(MORNING.plus_days(-LIFE)));
    let overrides = "[policy.ca]\nkey = \"p256\"\nkey_pool = 0\n";
    let world = World::make_at("sweep", None, overrides, Arc::<ManualClock>::clone(&clock));
    let world = world.await?;
    fill(&world, n).await?;
    clock.set(MORNING);
    reset_peak();
    let select = select(&world).await?;
    let enqueue = enqueue(&world).await?;
    let mails = hand_over(&world).await?;
    world.end().await?;
    Ok(vec![select, enqueue, mails])
}

async fn fill(world: &World, n: usize) -> Outcome<()> {
    let fleet = Fleet::prepare(world).await?;
    let life = LIFE * 86_400;
    for numbers in (0..n).collect::<Vec<_>>().chunks(FILLED) {
        // In the order of their approval, as in life.
        let subscribers: Vec<Subscriber> = numbers
            .iter()
            .map(|number| {
                let ahead = life * *number as i64 / n as i64;
                let not_after = MORNING.plus_days(-5).plus_seconds(ahead);
                Subscriber {
                    number: *number as u64 + 1,
                    approved_at: not_after.plus_days(-LIFE),
                    not_after,
                }
            })
            .collect();
        fleet.store(world, &subscribers).await?;
    }
    Ok(())
}

/// What tomorrow finds due after today: which certificates, and which text each gets.
async fn select(world: &World) -> Outcome<Figure> {
    let day = MORNING.japan_date().plus_days(1);
    let stopwatch = Stopwatch::start();
    let due = world.app.due_on(day).await?;
    let (cpu_s, wall_s) = stopwatch.stop();
    let due = usize::try_from(due.notices()).unwrap_or_default();
    Ok(figure("sweep_select", due, cpu_s, wall_s))
}

/// The first run, against the bare rows.
async fn enqueue(world: &World) -> Outcome<Figure> {
    // The same certificates, read and judged without a row: the rest of the run is the queueing.
    let stopwatch = Stopwatch::start();
    world.app.due_on(MORNING.japan_date()).await?;
    let (select, _) = stopwatch.stop();
    let stopwatch = Stopwatch::start();
    let queued = world.app.run_notices(world.app.clock_now()).await?;
    let (cpu_s, wall_s) = stopwatch.stop();
    let queued = usize::try_from(queued).unwrap_or(usize::MAX);
    let raw = bare(world, queued).await?;
    let enqueue = cpu_s - select;
    let mut figure = figure("sweep_enqueue", queued, cpu_s, wall_s);
    figure.ratio_to_raw = (enqueue > 0.0).then_some(raw / enqueue);
    figure.rss_kb = memory_kb("self", "VmHWM");
    figure.further = vec![
        ("raw_cpu_s", rounded(raw)),
        ("select_cpu_s", rounded(select)),
    ];
    Ok(figure)
}

fn rounded(seconds: f64) -> Value {
    json!((seconds * 10_000.0).round() / 10_000.0)
}

/// Processor seconds of inserting the same rows into another database.
async fn bare(world: &World, count: usize) -> Outcome<f64> {
    let failed = |error: StoreError| database_failure("insert bare rows", &error);
    let limit = u32::try_from(count).unwrap_or(u32::MAX);
    let mails = world.app.waiting_mails(limit).await?;
    let rows: Vec<BareMail> = mails
        .into_iter()
        .map(BareMail::of)
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let folder = tempdir(world)?;
    let mut config = Config::load(&world.file)?;
    config.database = format!("sqlite:{}", folder.join("bare.db").display());
    let store = open_store(&config).await?;
    let batches: Vec<Vec<BareMail>> = rows.chunks(BATCH).map(<[_]>::to_vec).collect();
    let stopwatch = Stopwatch::start();
    for batch in batches {
        store
            .write(move |tx| Box::pin(async move { tx.insert_bare_mails(&batch).await }))
            .await
            .map_err(failed)?;
    }
    let (cpu, _) = stopwatch.stop();
    store.close().await;
    Ok(cpu)
}

/// A folder beside the world's own, which ends with it.
fn tempdir(world: &World) -> Outcome<std::path::PathBuf> {
    let folder = world.file.with_file_name("bare");
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::machine("make a folder", error, "free the temporary folder"))?;
    Ok(folder)
}

/// The queued mails, as a server would take them.
async fn hand_over(world: &World) -> Outcome<Figure> {
    let failed = |error: std::io::Error| {
        Failure::machine("open a mail server", error, "see that loopback works")
    };
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let socket = socket.map_err(failed)?;
    let port = socket.local_addr().map_err(failed)?.port();
    let (stop, stopped) = watch::channel(false);
    let mailbox = Mailbox::default();
    let server = tokio::spawn(mailbox.clone().serve(socket, stopped.clone()));
    let file = world.file.with_file_name("mails.toml");
    let text = std::fs::read_to_string(&world.file).map_err(failed)?;
    let mail = format!(
        "\n[mail]\nserver = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nper_minute = 60000\n"
    );
    std::fs::write(&file, text + &mail).map_err(failed)?;
    let config = Config::load(&file)?;
    let mailer = Mailer::open(&config)?
        .ok_or_else(|| Failure::new("the bench has no mail server", "run the bench again"))?;
    let before = mailbox.count();
    let stopwatch = Stopwatch::start();
    let sending = tokio::spawn(mailer.run(world.app.clone(), stopped));
    while mailbox.count() - before < MAILS && !world.app.waiting_mails(1).await?.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (cpu_s, wall_s) = stopwatch.stop();
    let arrived = mailbox.count() - before;
    let _ = stop.send(true);
    let _ = (sending.await, server.await);
    Ok(figure("sweep_mails", arrived, cpu_s, wall_s))
}

fn figure(name: &str, ops: usize, cpu_s: f64, wall_s: f64) -> Figure {
    Figure {
        name: name.to_owned(),
        ops,
        cpu_s,
        wall_s,
        latencies_us: Vec::new(),
        rss_kb: 0,
        ratio_to_raw: None,
        further: Vec::new(),
    }
}
