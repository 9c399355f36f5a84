//! The proxy (`ProxyConfig`): what the settings say, or what Windows says where they leave it to Windows.

use std::sync::{Arc, Mutex, PoisonError};

use tegata_domain::secret::Secret;

use super::sys::winhttp::{self, Script};
use crate::net::ways;
use crate::ports::{Credentials, Proxy, ProxyChoice, ProxyConfig, ProxyError, Secrets, Server};
use crate::ports::Files;
use crate::settings::{PROXY_PASSWORD, PROXY_PASSWORD_PURPOSE, ProxyMode, ProxySettings};

/// The proxy of the settings, which may change while the program runs.
#[derive(Clone)]
pub(super) struct WindowsProxy {
    settings: Arc<Mutex<ProxySettings>>,
    files: Arc<dyn Files>,
    secrets: Arc<dyn Secrets>,
    /// The proxies that were chosen last: only these are told a password (T71).
    named: Arc<Mutex<Vec<Proxy>>>,
}

impl WindowsProxy {
    /// The password is read when it is asked for.
    pub(super) fn new(
        settings: ProxySettings,
        files: Arc<dyn Files>,
        secrets: Arc<dyn Secrets>,
    ) -> Self {
        Self {
            settings: Arc::new(Mutex::new(settings)),
            files,
            secrets,
            named: Arc::default(),
        }
    }

    /// Counts from the next connection on.
    pub(super) fn change(&self, settings: ProxySettings) {
        *self
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = settings;
    }

    fn settings(&self) -> ProxySettings {
        self.settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ProxyConfig for WindowsProxy {
    fn choose(&self, server: &Server) -> Result<Vec<ProxyChoice>, ProxyError> {
        let settings = self.settings();
        let exceptions = settings.bypass.join(";");
        let chosen = match settings.mode {
            ProxyMode::Direct => vec![ProxyChoice::Direct],
            ProxyMode::Manual => ways(&settings.address, &exceptions, server)?,
            _ if crate::net::is_excepted(&exceptions, server) => vec![ProxyChoice::Direct],
            ProxyMode::Pac => by_script(Script::At(&settings.pac), server)?,
            ProxyMode::System => by_system(server)?,
        };
        let named = chosen.iter().filter_map(|way| match way {
            ProxyChoice::Direct => None,
            ProxyChoice::Proxy(proxy) => Some(proxy.clone()),
        });
        *self.named.lock().unwrap_or_else(PoisonError::into_inner) = named.collect();
        Ok(chosen)
    }

    fn credentials(&self, proxy: &Proxy) -> Option<Credentials> {
        let settings = self.settings();
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if settings.user.is_empty() || !named.contains(proxy) {
            return None;
        }
        drop(named);
        let sealed = self.files.read(PROXY_PASSWORD).ok().flatten()?;
        let clear = self.secrets.open(PROXY_PASSWORD_PURPOSE, &sealed).ok()?;
        let password = std::str::from_utf8(&clear).ok()?;
        Some(Credentials {
            user: settings.user,
            domain: settings.domain,
            password: Secret::from(password),
        })
    }
}

/// In the order of Windows: detection, a script, what is set by hand. A detection that finds nothing is no error.
fn by_system(server: &Server) -> Result<Vec<ProxyChoice>, ProxyError> {
    let settings = winhttp::user_settings().unwrap_or_default();
    if settings.detects
        && let Ok(chosen) = by_script(Script::Detected, server)
    {
        return Ok(chosen);
    }
    if let Some(script) = &settings.script {
        return by_script(Script::At(script), server);
    }
    ways(&settings.proxies, &settings.exceptions, server)
}

fn by_script(script: Script<'_>, server: &Server) -> Result<Vec<ProxyChoice>, ProxyError> {
    let address = format!("https://{server}/");
    let (proxies, exceptions) = winhttp::run_script(script, &address)
        .map_err(|error| ProxyError::Automatic(error.to_string()))?;
    ways(&proxies, &exceptions, server)
}
