//! `tegata demo`: the whole system on loopback, with SQLite and sample data (decision S6, contract "Demo").
//!
//! A demo's folder is marked in its database and by its policy; `serve` refuses it, and this module
//! refuses any other.

mod case;
mod clock;
mod folder;
mod mail_page;
mod mailbox;
mod messages;
mod relying;
mod relying_api;
mod relying_site;
mod samples;
mod time_machine;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use askama::Template;
use clap::Args;
use serde_json::{Value, json};
use tegata_app::{App, CaKeyPurpose, InitOptions};
use tegata_domain::time::{Clock as _, Timestamp};
use tegata_pki::certificate::Certificate;
use tegata_web::{Releases, SiteOptions};
use tokio::net::TcpListener;
use tokio::sync::RwLock;

use self::folder::{Folder, State};
pub(crate) use self::mailbox::Mailbox;
use self::relying::Judge;
use self::relying_api::RelyingApi;
use self::relying_site::SampleSystem;
use self::time_machine::TimeMachine;
use crate::cli::line;
use crate::config::{Config, LogFormat, MailServer};
use crate::failure::{Failure, Outcome};
use crate::instance::{Instance, open_store, parts};
use crate::listen::{Signals, bind};
use crate::mailer::Mailer;
use crate::running::{Running, Tls};
use crate::system::SystemClock;
use crate::{releases, system, worker};

pub(crate) use self::clock::DemoClock;

/// The certificate policy of every demo; no other installation may use it. An arc for documents (RFC 5612).
pub(crate) const DEMO_POLICY: &str = "1.3.6.1.4.1.32473.99.1";
/// The first port where none is given.
const PORT_BASE: u16 = 8_440;

/// How to run the demo.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The demo's folder; made when it does not exist, used again when it does.
    #[arg(long, value_name = "DIR", default_value = "tegata-demo")]
    data: PathBuf,
    /// The first of its ten ports [default: 8440].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..=65_000))]
    port_base: Option<u16>,
    /// The time at which the demo's clock begins, such as 2027-03-14T09:00:00+09:00.
    #[arg(long, value_name = "RFC3339", value_parser = instant)]
    clock: Option<Timestamp>,
    /// Number of synthetic institutions (not there yet).
    #[arg(long, value_name = "N")]
    scale: Option<u64>,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).map_err(|error| error.to_string())
}

/// Carries out the command.
pub(crate) async fn run(arguments: Arguments) -> Outcome<()> {
    if arguments.scale.is_some() {
        return Err(Failure::usage(
            "--scale is not there yet; run the demo without it",
        ));
    }
    system::begin_log("warn", LogFormat::Text);
    let folder = Folder::prepare(&arguments.data, arguments.port_base, arguments.clock)?;
    let mut config = folder.config()?;
    let base = folder.port_base(&config, arguments.port_base)?;
    let sockets = Sockets::bind(base, config.listen.metrics).await?;
    // The demo's own mail server: any free port.
    let smtp = bind("mail", ([127, 0, 0, 1], 0).into(), "mail").await?;
    let port = smtp.local_addr().map_or(0, |address| address.port());
    config.mail.server = Some(MailServer::on_this_machine(port));
    folder.withdraw();
    initialise(&config).await?;
    let instance = Arc::new(Instance::open(config).await?);
    let clock = instance.demo.clone().ok_or_else(|| folder.foreign())?;
    instance.app.recover(instance.app.clock_now()).await?;
    let state = match folder.state()? {
        Some(state) => state,
        None => {
            folder.refuse_unfinished(&instance).await?;
            line("making keys, operators and sample certificates …");
            let state = samples::make(&instance, &folder).await?;
            folder.keep_state(&state)?;
            state
        }
    };
    let tls = Tls::open(&instance).await?;
    let lock = Arc::new(RwLock::new(()));
    let machine = Arc::new(TimeMachine::new(
        Arc::clone(&instance),
        clock,
        Arc::clone(&lock),
        Mailer::open(&instance.config)?,
    ));
    // The mailbox is there before the clock moves: what a day sends arrives on that day.
    let mut running = Running::new();
    let mailbox = Mailbox::default();
    let taking = mailbox.clone();
    running.spawn(|stop| taking.serve(smtp, stop));
    if let Some(wanted) = arguments.clock {
        machine.move_to(wanted).await?;
    }
    instance.app.run_due_jobs(instance.app.clock_now()).await?;
    let addresses = write_certificates(&instance, &folder, sockets.base)?;
    serve(
        &instance,
        &tls,
        sockets,
        &mut running,
        &state,
        (&machine, mailbox),
        &addresses,
    )?;
    let timer = (Arc::clone(&instance), Arc::clone(&tls));
    running.spawn(|stop| worker::run(timer.0, timer.1, lock, stop));
    let watched = Arc::clone(&instance);
    running.spawn(|stop| worker::watch_statuses(watched, stop));
    let file = folder.announce(&addresses.announced(&state))?;
    let mut signals = Signals::listen()?;
    line(ready(&addresses, &state, &instance)?);
    line(format!("ready: {}", file.display()));
    signals.asked_to_end().await;
    running.finish().await;
    instance.store.close().await;
    Ok(())
}

/// Makes the demo's authority in a fresh folder; refuses a database that is no demo's.
async fn initialise(config: &Config) -> Outcome<()> {
    let store = open_store(config).await?;
    if App::is_initialised(&store).await? {
        store.close().await;
        return Ok(());
    }
    let clock = Arc::new(DemoClock::open(&config.data_dir)?);
    // Valid on both clocks (S6), and when the oldest sample was approved.
    let now = clock.now().min(SystemClock.now()).plus_days(-case::OLDEST);
    let options = InitOptions {
        offline: None,
        accept_online_root: true,
        demo: true,
    };
    App::initialise(&parts(config, store.clone(), clock)?, options, now).await?;
    store.close().await;
    Ok(())
}

/// The demo's sockets, on loopback only.
struct Sockets {
    base: u16,
    public: TcpListener,
    subscriber: TcpListener,
    console: TcpListener,
    relying: TcpListener,
    relying_api: TcpListener,
    /// The entrances of the sample systems, in their order.
    entrances: [TcpListener; 2],
    plain: TcpListener,
    clock: TcpListener,
    /// Not there in a folder of an earlier release.
    metrics: Option<TcpListener>,
}

impl Sockets {
    async fn bind(base: u16, metrics: Option<SocketAddr>) -> Outcome<Self> {
        let at = |offset: u16| ([127, 0, 0, 1], base + offset).into();
        let key = "--port-base (with a new --data folder)";
        Ok(Self {
            base,
            public: bind("public", at(0), key).await?,
            subscriber: bind("subscriber", at(1), key).await?,
            console: bind("console", at(2), key).await?,
            relying: bind("relying", at(3), key).await?,
            plain: bind("plain", at(4), key).await?,
            clock: bind("clock", at(5), key).await?,
            relying_api: bind("relying API", at(6), key).await?,
            entrances: [
                bind("claims mTLS", at(7), key).await?,
                bind("eligibility mTLS", at(8), key).await?,
            ],
            metrics: match metrics {
                Some(address) => Some(bind("metrics", address, key).await?),
                None => None,
            },
        })
    }
}

/// What the demo tells scripts and people.
pub(crate) struct DemoAddresses {
    public: String,
    subscriber: Vec<String>,
    console: String,
    plain: String,
    relying: String,
    relying_api: String,
    entrances: [String; 2],
    /// Certificate and key of each sample system, PEM.
    identities: [PathBuf; 2],
    clock: String,
    mail: String,
    /// The figures of this moment.
    metrics: Option<String>,
    tls_ca_pem: PathBuf,
    ca_pem: PathBuf,
    /// 接続確認コード of the TLS root, as letters print it (W6).
    connection_code: String,
}

impl DemoAddresses {
    /// The entrance of a sample system.
    fn entrance(&self, system: SampleSystem) -> &str {
        let [claims, eligibility] = &self.entrances;
        match system {
            SampleSystem::Claims => claims,
            SampleSystem::Eligibility => eligibility,
        }
    }

    /// Certificate and key with which a sample system asks.
    fn identity(&self, system: SampleSystem) -> &Path {
        let [claims, eligibility] = &self.identities;
        match system {
            SampleSystem::Claims => claims,
            SampleSystem::Eligibility => eligibility,
        }
    }

    /// Where certificates are shown and renewed.
    fn renew(&self) -> String {
        let subscriber = self.subscriber.first().unwrap_or(&self.public);
        format!("{subscriber}/p/ru")
    }

    fn systems(&self) -> Vec<Value> {
        let told = SampleSystem::ALL.map(|system| {
            json!({
                "name": system.as_str(),
                "channel": system.channel().as_str(),
                "login": format!("{}/{}", self.relying, system.as_str()),
                "entrance": self.entrance(system),
                "client_pem": self.identity(system),
            })
        });
        told.to_vec()
    }

    /// The content of `demo.json` (contract, "Demo").
    fn announced(&self, state: &State) -> Value {
        json!({
            "public": self.public,
            "subscriber": self.subscriber.first(),
            "subscriber_names": self.subscriber,
            "console": self.console,
            "relying": self.relying,
            "relying_mtls": self.entrance(SampleSystem::Claims),
            "relying_api": self.relying_api,
            "relying_systems": self.systems(),
            "plain": self.plain,
            "clock": self.clock,
            "mail": self.mail,
            "metrics": self.metrics,
            "clock_token": state.clock_token,
            "tls_ca_pem": self.tls_ca_pem,
            "ca_pem": self.ca_pem,
            "connection_code": self.connection_code,
            "operators": state.operators,
            "samples": state.samples,
        })
    }
}

/// Writes the two roots beside the data, for other people's tools.
fn write_certificates(instance: &Instance, folder: &Folder, base: u16) -> Outcome<DemoAddresses> {
    let mut tls_ca = String::new();
    let mut ca = String::new();
    let mut connection_code = String::new();
    for found in instance.app.ca_certificates() {
        let certificate = Certificate::from_der(&found.der).map_err(|error| {
            Failure::machine(
                "read a CA certificate",
                error,
                "begin anew with another --data folder",
            )
        })?;
        match found.purpose {
            CaKeyPurpose::Tls => {
                tls_ca.push_str(&certificate.pem());
                connection_code = found.connection_code.unwrap_or_default();
            }
            CaKeyPurpose::Root | CaKeyPurpose::Subscriber => ca.push_str(&certificate.pem()),
        }
    }
    let addresses = instance.app.addresses();
    Ok(DemoAddresses {
        public: addresses.public.clone(),
        subscriber: addresses.subscriber.clone(),
        console: instance.config.names.console_address.clone(),
        plain: addresses.plain.clone(),
        relying: format!("https://localhost:{}", base + 3),
        relying_api: instance.config.names.relying_address.clone(),
        entrances: [7, 8].map(|offset| format!("https://localhost:{}", base + offset)),
        identities: SampleSystem::ALL.map(|system| folder.identity(system)),
        clock: format!("http://localhost:{}", base + 5),
        mail: format!("http://localhost:{}", base + 5),
        metrics: instance
            .config
            .listen
            .metrics
            .map(|address| format!("http://{address}/metrics")),
        tls_ca_pem: folder.write("tls-ca.pem", 0o644, &tls_ca)?,
        ca_pem: folder.write("ca.pem", 0o644, &ca)?,
        connection_code,
    })
}

fn serve(
    instance: &Arc<Instance>,
    tls: &Arc<Tls>,
    sockets: Sockets,
    running: &mut Running,
    state: &State,
    (machine, mailbox): (&Arc<TimeMachine>, Mailbox),
    addresses: &DemoAddresses,
) -> Outcome<()> {
    let app = instance.app.clone();
    let options = SiteOptions {
        demo: true,
        ..SiteOptions::default()
    };
    let releases = Releases::default();
    let (publisher, published) = (Arc::clone(instance), releases.clone());
    running.spawn(|stop| releases::watch(publisher, published, stop));
    let site = tegata_web::public_router(app.clone(), options, releases.clone());
    running.listen("public", sockets.public, Some(tls.public()), site);
    let site = tegata_web::subscriber_router(app.clone(), options, releases);
    running.listen(
        "subscriber",
        sockets.subscriber,
        Some(tls.subscriber()),
        site,
    );
    let site = tegata_web::console_router(app.clone(), options);
    running.listen("console", sockets.console, Some(tls.public()), site);
    running.listen(
        "plain",
        sockets.plain,
        None,
        tegata_web::plain_router(app, options),
    );
    serve_relying(
        instance,
        tls,
        running,
        machine,
        addresses,
        sockets.entrances,
    )?;
    let site = relying_site::login_router(addresses, &instance.config.policy.names);
    running.listen("relying", sockets.relying, Some(tls.public()), site);
    let systems = instance.config.relying.clone();
    let site = tegata_web::relying_router(instance.app.clone(), options, systems);
    running.listen(
        "relying API",
        sockets.relying_api,
        Some(tls.relying()),
        site,
    );
    let site = time_machine::router(Arc::clone(machine), &state.clock_token)
        .merge(mail_page::router(mailbox));
    running.listen("clock", sockets.clock, None, site);
    if let Some(socket) = sockets.metrics {
        let site = tegata_web::metrics_router(instance.app.clone());
        running.listen("metrics", socket, None, site);
    }
    if let Some(mailer) = Mailer::open(&instance.config)? {
        let app = instance.app.clone();
        running.spawn(|stop| mailer.run(app, stop));
    }
    Ok(())
}

/// The entrances of the two sample systems.
fn serve_relying(
    instance: &Arc<Instance>,
    tls: &Arc<Tls>,
    running: &mut Running,
    machine: &Arc<TimeMachine>,
    addresses: &DemoAddresses,
    sockets: [TcpListener; 2],
) -> Outcome<()> {
    let judge = Arc::new(Judge::new(&addresses.ca_pem, Arc::clone(machine.clock()))?);
    let port = instance
        .config
        .listen
        .relying
        .map_or(0, |address| address.port());
    for (system, socket) in SampleSystem::ALL.into_iter().zip(sockets) {
        let identity = addresses.identity(system);
        let api = RelyingApi::new(port, system.channel(), identity, &addresses.tls_ca_pem)?;
        let site = relying_site::entrance_router(system, Arc::clone(&judge), api, addresses);
        running.listen(system.as_str(), socket, Some(tls.subscriber()), site);
    }
    Ok(())
}

/// What a person at the terminal reads.
#[derive(Template)]
#[template(path = "demo/ready.txt")]
struct ReadyText<'a> {
    addresses: &'a DemoAddresses,
    state: &'a State,
    now: String,
    subscriber: &'a str,
    config: String,
}

fn ready(addresses: &DemoAddresses, state: &State, instance: &Instance) -> Outcome<String> {
    let text = ReadyText {
        addresses,
        state,
        now: instance.app.clock_now().to_string(),
        subscriber: addresses
            .subscriber
            .first()
            .map(String::as_str)
            .unwrap_or_default(),
        config: instance.config.file.display().to_string(),
    };
    text.render().map_err(|error| {
        Failure::machine(
            "print what the demo offers",
            error,
            "report this as a defect",
        )
    })
}
