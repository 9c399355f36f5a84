//! `tegata serve`: the listeners and the timer, until a signal ends them.

use std::sync::Arc;

use tegata_domain::time::Clock as _;
use tegata_web::{Releases, SiteOptions};
use tokio::sync::RwLock;

use super::line;
use crate::bounce::Maildir;
use crate::config::Config;
use crate::demo::DEMO_POLICY;
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;
use crate::listen::{Signals, bind};
use crate::mailer::Mailer;
use crate::running::{Running, Tls};
use crate::system::SystemClock;
use crate::{releases, system, worker};

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(config: Config) -> Outcome<()> {
    system::begin_log(&config.log.level, config.log.format);
    refuse_demo(config.policy.subject.policy_oid == DEMO_POLICY)?;
    let public = bind("public", config.listen.public, "listen.public").await?;
    let subscriber = bind("subscriber", config.listen.subscriber, "listen.subscriber").await?;
    let console = bind("console", config.listen.console, "listen.console").await?;
    let plain = bind("plain", config.listen.plain, "listen.plain").await?;
    let relying = match config.listen.relying {
        Some(address) => Some(bind("relying", address, "listen.relying").await?),
        None => None,
    };
    let metrics = match config.listen.metrics {
        Some(address) => Some(bind("metrics", address, "listen.metrics").await?),
        None => None,
    };
    let instance = Arc::new(Instance::open(config).await?);
    refuse_demo(instance.demo.is_some())?;
    worker::check_clock_at_start(&instance.store, SystemClock.now()).await?;
    let app = instance.app.clone();
    if instance.config.sqlite_file().is_some() {
        let settled = app.recover(app.clock_now()).await?;
        if settled > 0 {
            tracing::info!(
                settled,
                "certificates left half-made by an earlier process were settled"
            );
        }
    }
    let tls = Tls::open(&instance).await?;
    app.refresh_responders(app.clock_now()).await?;
    let options = SiteOptions::default();
    let mut running = Running::new();
    let releases = Releases::default();
    let site = tegata_web::public_router(app.clone(), options, releases.clone());
    running.listen("public", public, Some(tls.public()), site);
    let site = tegata_web::subscriber_router(app.clone(), options, releases.clone());
    running.listen("subscriber", subscriber, Some(tls.subscriber()), site);
    let site = tegata_web::console_router(app.clone(), options);
    running.listen("console", console, Some(tls.public()), site);
    if let Some(socket) = relying {
        let systems = instance.config.relying.clone();
        let site = tegata_web::relying_router(app.clone(), options, systems);
        running.listen("relying", socket, Some(tls.relying()), site);
    }
    if let Some(socket) = metrics {
        let site = tegata_web::metrics_router(app.clone());
        running.listen("metrics", socket, None, site);
    }
    running.listen("plain", plain, None, tegata_web::plain_router(app, options));
    // Of several processes on one database: a mail is claimed before it is handed over, by an epoch of its own.
    match Mailer::open(&instance.config)? {
        Some(mailer) => {
            let app = instance.app.clone();
            running.spawn(|stop| mailer.run(app, stop));
        }
        None => tracing::warn!("no mail server is configured (mail.server): mails wait"),
    }
    // A report does the same however often it is taken.
    if let Some(folder) = &instance.config.mail.bounces {
        let (app, maildir) = (instance.app.clone(), Maildir::new(folder.clone()));
        running.spawn(|stop| maildir.run(app, stop));
    }
    // What it runs says for itself why several timers do no harm (`jobs.rs`).
    let timer = Arc::clone(&instance);
    let lock = Arc::new(RwLock::new(()));
    running.spawn(|stop| worker::run(timer, tls, lock, stop));
    // Both of these only read, each for its own process.
    let publisher = Arc::clone(&instance);
    running.spawn(|stop| releases::watch(publisher, releases, stop));
    let watched = Arc::clone(&instance);
    running.spawn(|stop| worker::watch_statuses(watched, stop));
    // Whoever reads the line may ask at once.
    let mut signals = Signals::listen()?;
    line(format!("ready: {}", instance.config.names.addresses.public));
    signals.asked_to_end().await;
    tracing::info!("asked to end; finishing open requests");
    running.finish().await;
    instance.store.close().await;
    Ok(())
}

fn refuse_demo(demo: bool) -> Outcome<()> {
    if demo {
        let remedy =
            "run `tegata demo --data FOLDER`, or make a real installation with `tegata init`";
        return Err(Failure::new(
            "this is a demo's folder, which `serve` never serves",
            remedy,
        ));
    }
    Ok(())
}
