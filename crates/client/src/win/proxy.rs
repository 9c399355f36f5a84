//! What Windows knows of proxies, and the settings that count now (`ProxyConfig`).

use std::sync::{Arc, Mutex, PoisonError};

use tegata_domain::secret::Secret;

use super::sys::winhttp::{self, Script};
use crate::net::{Routes, SystemProxy, ways};
use crate::ports::{
    Credentials, Files, Proxy, ProxyChoice, ProxyConfig, ProxyError, Secrets, Server,
};
use crate::settings::{PROXY_PASSWORD, PROXY_PASSWORD_PURPOSE, ProxySettings};

/// The ways of the settings, which may change while the program runs.
#[derive(Clone)]
pub(super) struct WindowsProxy {
    routes: Arc<Mutex<Arc<Routes<WindowsSettings>>>>,
    files: Arc<dyn Files>,
    secrets: Arc<dyn Secrets>,
}

impl WindowsProxy {
    /// By these settings, with the password that is kept.
    pub(super) fn new(
        settings: ProxySettings,
        files: Arc<dyn Files>,
        secrets: Arc<dyn Secrets>,
    ) -> Self {
        let password = password(&*files, &*secrets);
        let routes = Routes::new(settings, password, WindowsSettings);
        Self {
            routes: Arc::new(Mutex::new(Arc::new(routes))),
            files,
            secrets,
        }
    }

    /// Other settings, and the password that is kept now, count from the next connection on.
    pub(super) fn change(&self, settings: ProxySettings) {
        let password = password(&*self.files, &*self.secrets);
        let routes = Routes::new(settings, password, WindowsSettings);
        *self.routes.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
    }

    fn routes(&self) -> Arc<Routes<WindowsSettings>> {
        self.routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ProxyConfig for WindowsProxy {
    fn choose(&self, server: &Server) -> Result<Vec<ProxyChoice>, ProxyError> {
        self.routes().choose(server)
    }

    fn credentials(&self, proxy: &Proxy) -> Option<Credentials> {
        self.routes().credentials(proxy)
    }
}

fn password(files: &dyn Files, secrets: &dyn Secrets) -> Option<Secret<String>> {
    let sealed = files.read(PROXY_PASSWORD).ok().flatten()?;
    let clear = secrets.open(PROXY_PASSWORD_PURPOSE, &sealed).ok()?;
    std::str::from_utf8(&clear).ok().map(Secret::from)
}

/// インターネット オプション of this user, and Windows' runner of PAC scripts.
pub(super) struct WindowsSettings;

impl SystemProxy for WindowsSettings {
    /// In the order of Windows: detection, a script, what is set by hand. A detection that finds nothing is no error.
    fn choose(&self, server: &Server, pac: Option<&str>) -> Result<Vec<ProxyChoice>, ProxyError> {
        if let Some(pac) = pac {
            return by_script(Script::At(pac), server);
        }
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
}

fn by_script(script: Script<'_>, server: &Server) -> Result<Vec<ProxyChoice>, ProxyError> {
    let address = format!("https://{server}/");
    let (proxies, exceptions) = winhttp::run_script(script, &address)
        .map_err(|error| ProxyError::Automatic(error.to_string()))?;
    ways(&proxies, &exceptions, server)
}
