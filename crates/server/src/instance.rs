//! One installation, opened: configuration, database, clock and application.

use std::path::PathBuf;
use std::sync::Arc;

use tegata_app::{App, AppParts, Failpoint, MailTexts};
use tegata_domain::time::{Clock, Timestamp};
use tegata_store::{Store, StoreConfig, StoreError};

use crate::config::Config;
use crate::demo::DemoClock;
use crate::failure::{Failure, Outcome};
use crate::kek::KekFile;
use crate::system::{SystemClock, SystemEntropy};

/// Readers of the database in one process.
const READERS: u32 = 4;
/// File in `data_dir` that names the folder of the offline root, for `doctor` to look there.
pub(crate) const OFFLINE_NOTE: &str = "offline-root-folder";

/// An installation that was initialised before.
pub(crate) struct Instance {
    /// What the operator wrote.
    pub(crate) config: Config,
    /// The database, migrated.
    pub(crate) store: Store,
    /// The application.
    pub(crate) app: App,
    /// Whether this is a demo's folder.
    pub(crate) demo: Option<Arc<DemoClock>>,
}

impl Instance {
    /// Opens the installation that `config` describes. In a demo's folder the demo's clock counts.
    pub(crate) async fn open(config: Config) -> Outcome<Self> {
        let store = open_store(&config).await?;
        let shown = config.file.display().to_string();
        if !App::is_initialised(&store).await? {
            return Err(Failure::new(
                format!("{shown}: this installation is not initialised"),
                format!("run `tegata init --config {shown}` first"),
            ));
        }
        let demo = if App::is_demo(&store).await? {
            Some(Arc::new(DemoClock::open(&config.data_dir)?))
        } else {
            None
        };
        let clock: Arc<dyn Clock> = match &demo {
            Some(clock) => Arc::clone(clock) as Arc<dyn Clock>,
            None => Arc::new(SystemClock),
        };
        let app = App::open(parts(&config, store.clone(), clock)?).await?;
        Ok(Self {
            config,
            store,
            app,
            demo,
        })
    }

    /// The folder that `init` wrote the offline root to, where it was noted.
    pub(crate) fn offline_folder(&self) -> Option<PathBuf> {
        let text = std::fs::read_to_string(self.config.data_dir.join(OFFLINE_NOTE)).ok()?;
        Some(PathBuf::from(text.trim_end()))
    }

    /// The instant at which TLS certificates are made: in a demo they must hold on both clocks (S6).
    pub(crate) fn tls_now(&self) -> Timestamp {
        match &self.demo {
            Some(clock) => clock.now().min(SystemClock.now()),
            None => self.app.clock_now(),
        }
    }
}

/// Opens the database and brings its tables up to date.
pub(crate) async fn open_store(config: &Config) -> Outcome<Store> {
    let readers = READERS;
    let opened = Store::open(&StoreConfig {
        url: config.database.clone(),
        readers,
    })
    .await;
    let store = opened.map_err(|error| database_failure("open the database", &error))?;
    store
        .migrate()
        .await
        .map_err(|error| database_failure("bring the tables up to date", &error))?;
    Ok(store)
}

/// What the application is made of.
pub(crate) fn parts(config: &Config, store: Store, clock: Arc<dyn Clock>) -> Outcome<AppParts> {
    Ok(AppParts {
        store,
        policy: config.policy.clone(),
        clock,
        system_clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        kek: KekFile::of(config).source()?,
        key_folder: key_folder(config),
        addresses: config.names.addresses.clone(),
        tls_domains: config.names.tls_domains.clone(),
        proxies: config.proxies.clone(),
        mail_texts: mail_texts(config)?,
        failpoint: Failpoint::armed(armed_failpoint()),
    })
}

/// The texts of mails, with those of the operator; a text that cannot be used stops the start.
pub(crate) fn mail_texts(config: &Config) -> Outcome<MailTexts> {
    MailTexts::load(config.mail.texts.as_deref()).map_err(|error| {
        let remedy = "correct the file in the folder that mail.texts names, or take it away";
        Failure::machine("read the texts of mails", error, remedy)
    })
}

/// Folder of the encrypted CA keys.
pub(crate) fn key_folder(config: &Config) -> PathBuf {
    config.data_dir.join("keys")
}

/// A failure of the database, with what to do.
pub(crate) fn database_failure(doing: &str, error: &StoreError) -> Failure {
    let remedy = "see that `database` in the configuration is right and the server runs; for SQLite, \
                  that data_dir can be written";
    Failure::machine(doing, error, remedy)
}

/// The failpoint that a test armed. Release builds have none.
fn armed_failpoint() -> Option<String> {
    #[cfg(debug_assertions)]
    {
        std::env::var_os("TEGATA_FAILPOINT").and_then(|name| name.into_string().ok())
    }
    #[cfg(not(debug_assertions))]
    {
        None
    }
}
