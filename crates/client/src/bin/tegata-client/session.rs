//! One run of the controller on the state folder.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tegata_client::controller::{Controller, Event};
use tegata_client::failpoint::Failpoint;
use tegata_client::net::{ProxyVariables, Routes, Transport};
use tegata_client::ports::{
    CertificateStore as _, Clock, Entropy, Files as _, Ports, Secrets as _,
};
use tegata_client::settings::{
    PROXY_PASSWORD, PROXY_PASSWORD_PURPOSE, ProxyMode, ProxySettings, Settings, Unattended,
};
use tegata_client::system::{SystemClock, SystemEntropy};
use tegata_client::unix::{Console, FileSecrets, FolderStore, NssDatabase, PemFolder, UnixFiles};
use tegata_domain::id::Fingerprint;
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::pkcs12;

use crate::daemon;
use crate::line::{Command, Line, answers, secret_of};
use crate::state_folder::{default_state, lock, lock_at_last, variable};

/// Carries out the command. The answer is the exit number.
pub(crate) fn run(line: &Line) -> Result<ExitCode> {
    let state = match &line.state {
        Some(state) => state.clone(),
        None => default_state()?,
    };
    let files = UnixFiles::open(state.clone())
        .with_context(|| format!("open the state folder {}", state.display()))?;
    loop {
        if let Some(code) = session(line, &state, &files)? {
            return Ok(code);
        }
    }
}

/// The settings that count now, with the sealed password of the proxy.
type Wanted = (Settings, Option<Vec<u8>>);

fn wanted(line: &Line, files: &UnixFiles) -> Result<Wanted> {
    Ok((settings(line, files)?, files.read(PROXY_PASSWORD)?))
}

/// `None`: another command changed the settings of this daemon, which begins anew with them.
fn session(line: &Line, state: &Path, files: &UnixFiles) -> Result<Option<ExitCode>> {
    let locked = lock(state)?;
    let begun = wanted(line, files)?;
    let (settings, sealed) = begun.clone();
    let entropy = SystemEntropy;
    let clock = SystemClock;
    let secrets = FileSecrets::open(files, &entropy)?;
    let store = store(line, state, files)?;
    let password = match sealed {
        None => None,
        Some(sealed) => {
            let opened = secrets.open(PROXY_PASSWORD_PURPOSE, &sealed)?;
            Some(Secret::new(String::from_utf8_lossy(&opened).into_owned()))
        }
    };
    let routes = Routes::new(settings.proxy().clone(), password, variables());
    let shared: (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(clock), Arc::new(entropy));
    let http = Transport::new(Arc::new(routes), shared.0, shared.1);
    let console = Console::new(answers(&line.command)?, files);
    let ports = Ports {
        clock: &clock,
        entropy: &entropy,
        files,
        http: &http,
        secrets: &secrets,
        store: &store,
        ui: &console,
    };
    let failpoint = Failpoint::armed(armed_failpoint());
    let mut controller = Controller::open(ports, settings)?.with_failpoint(failpoint);
    if line.command.stays() {
        drop(locked);
        let is_current = || Ok(wanted(line, files)? == begun);
        daemon::stay(&mut controller, || lock_at_last(state), is_current)?;
        return Ok(None);
    }
    act(&line.command, &mut controller, &store)?;
    console.print_list();
    Ok(Some(ExitCode::from(exit_code(console.failed()))))
}

/// The folder of certificates, and where else they are kept.
fn store(line: &Line, state: &Path, files: &UnixFiles) -> Result<FolderStore> {
    let mut store = FolderStore::open(state.join("certificates"), files, &SystemEntropy)?;
    if let Some(folder) = &line.pem {
        store = store.with_mirror(PemFolder::open(folder.clone())?)?;
    }
    if let Some(folder) = &line.nss {
        let database = NssDatabase::open(folder.clone(), line.nss_password_file.clone())?;
        store = store.with_mirror(database)?;
    }
    Ok(store)
}

fn act(command: &Command, controller: &mut Controller<'_>, store: &FolderStore) -> Result<()> {
    match command {
        Command::Enroll { .. } => {
            controller.on(Event::Enrol);
        }
        Command::Prove { .. } => {
            controller.on(Event::Prove);
        }
        Command::Import {
            file,
            password_file,
        } => import(store, file, &secret_of(password_file)?)?,
        Command::Proxy {
            address,
            user,
            domain,
            password_file,
        } => {
            let mut preferences = controller.settings().preferences.clone();
            preferences.proxy = Some(ProxySettings {
                mode: ProxyMode::Manual,
                address: address.clone(),
                user: user.clone(),
                domain: domain.clone(),
                ..ProxySettings::default()
            });
            // Without one, what was kept for another proxy goes.
            let password = match password_file {
                Some(file) => secret_of(file)?,
                None => Secret::new(String::new()),
            };
            controller.change_settings(preferences, Some(&password))?;
        }
        Command::List { .. } => {
            controller.on(Event::WindowOpened);
        }
        Command::Notices => {
            controller.on(Event::Started);
        }
        Command::Renew { certificate, .. } => {
            let chosen = match certificate {
                Some(text) => fingerprint(text)?,
                None => only_renewable(controller)?,
            };
            controller.on(Event::Renew(chosen));
        }
        Command::Backup { certificate, .. } => {
            controller.on(Event::BackUp(fingerprint(certificate)?));
        }
        Command::Address { certificate, .. } => {
            let chosen = named_or_only(controller, certificate.as_deref())?;
            controller.on(Event::ChangeAddress(chosen));
        }
        Command::Receipt { certificate, .. } => {
            let chosen = named_or_only(controller, certificate.as_deref())?;
            controller.on(Event::SaveReceipt(chosen));
        }
        Command::ReferenceId { certificate } => {
            let chosen = named_or_only(controller, certificate.as_deref())?;
            controller.on(Event::NewReferenceId(chosen));
        }
        Command::Remove { certificate } => {
            controller.on(Event::Remove(fingerprint(certificate)?));
        }
        Command::Revoke {
            certificate, stop, ..
        } => {
            controller.on(Event::Stop(fingerprint(certificate)?, stop.choice()));
        }
    }
    Ok(())
}

/// The certificate that was named, or the only one.
fn named_or_only(controller: &Controller<'_>, named: Option<&str>) -> Result<Fingerprint> {
    if let Some(text) = named {
        return fingerprint(text);
    }
    match controller.list().rows.as_slice() {
        [row] => Ok(row.certificate),
        [] => bail!("there is no certificate here"),
        _ => bail!("there are several; name one by its SHA-256, as `tegata-client list` shows it"),
    }
}

fn only_renewable(controller: &Controller<'_>) -> Result<Fingerprint> {
    let view = controller.list();
    let mut rows = view.rows.iter().filter(|row| row.can_renew);
    match (rows.next(), rows.next()) {
        (Some(row), None) => Ok(row.certificate),
        (None, _) => bail!("no certificate can be renewed now; `tegata-client list` shows all"),
        (Some(_), Some(_)) => bail!("several can be renewed; name one by its SHA-256"),
    }
}

/// Nothing is sent: whether it is of the operator is seen when it is listed.
fn import(store: &FolderStore, file: &Path, password: &Secret<String>) -> Result<()> {
    let octets = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let opened = pkcs12::open(&octets, password.expose())
        .with_context(|| format!("open {}", file.display()))?;
    let chain: Result<Vec<Certificate>, _> = opened
        .chain
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect();
    let chain = chain.context("read the certificates of the file")?;
    let (leaf, above) = chain
        .split_first()
        .context("the file holds no certificate")?;
    store.install(leaf, above, &opened.key, &leaf.subject().friendly_name())?;
    Ok(())
}

fn settings(line: &Line, files: &UnixFiles) -> Result<Settings> {
    let text = std::fs::read_to_string(&line.pack)
        .with_context(|| format!("read the operator's pack {}", line.pack.display()))?;
    let settings = Settings::load(&text, files)?;
    if !line.command.stays() || settings.pack.unattended.is_some() {
        return Ok(settings);
    }
    // Whoever starts the daemon wants it to renew; the operator's hours go before these.
    let mut pack = settings.pack;
    pack.unattended = Some(Unattended {
        from_days: 60,
        until_days: 30,
        first_hour: 0,
        last_hour: 24,
    });
    Ok(Settings::new(pack, settings.preferences)?)
}

fn variables() -> ProxyVariables {
    let of = |lower: &str, upper: &str| variable(lower).or_else(|| variable(upper));
    ProxyVariables {
        https_proxy: of("https_proxy", "HTTPS_PROXY").unwrap_or_default(),
        no_proxy: of("no_proxy", "NO_PROXY").unwrap_or_default(),
    }
}

/// The failpoint that a test armed. Release builds have none.
fn armed_failpoint() -> Option<String> {
    #[cfg(debug_assertions)]
    {
        variable("TEGATA_FAILPOINT")
    }
    #[cfg(not(debug_assertions))]
    {
        None
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint> {
    Fingerprint::parse(text).with_context(|| format!("{text:?} is no SHA-256 of a certificate"))
}

/// 0: done. 2: wrong use. 3: network. 4: proxy. 5: keys, certificates, files. 6: refused. 7: too early.
/// 75: later, run it again.
const fn exit_code(message: u16) -> u8 {
    match message {
        0 => 0,
        1002 => 7,
        2360 | 2390 => 75,
        2000..=2099 => 3,
        2100..=2199 => 4,
        2200..=2299 => 5,
        _ => 6,
    }
}
