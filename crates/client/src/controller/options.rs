//! The settings window: what it shows, and what it may change.

use tegata_domain::secret::Secret;

use super::Controller;
use crate::failure::Failure;
use crate::messages::window;
use crate::settings::{
    PROXY_PASSWORD, PROXY_PASSWORD_PURPOSE, Preferences, ProxyMode, ProxySettings, Settings,
    SettingsError,
};
use crate::trust::Trust;

/// What the settings window shows; labels of its own are those of its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsView {
    /// 接続先, `host` or `host:port`; empty where none is named.
    pub server: String,
    /// Whether the pack names it: then it is shown and not asked for.
    pub server_is_packed: bool,
    /// Another server than the pack's, as the person named it.
    pub preferred_server: Option<String>,
    /// Whether the person named the proxy.
    pub proxy_is_preferred: bool,
    /// How the server was proven.
    pub trust: String,
    /// Where keys are made, and what that means for backups.
    pub key: String,
    /// Whether and when certificates renew themselves.
    pub unattended: String,
    /// The box for it; `None` where the pack does not allow it.
    pub unattended_is_on: Option<bool>,
    /// The proxy that counts. Where none is named, the address of the one that asked for a password last: it is given
    /// one only once the person has kept it (T71).
    pub proxy: ProxySettings,
    /// The choices of its mode, with their labels.
    pub proxy_modes: Vec<(ProxyMode, String)>,
    /// Whether a password for it is kept.
    pub has_proxy_password: bool,
    /// Whom to call.
    pub help_desk: Vec<String>,
}

impl Controller<'_> {
    /// What the settings window shows.
    pub fn settings_view(&self) -> SettingsView {
        let settings = &self.settings;
        let quiet = settings.pack.unattended.as_ref();
        let on = quiet.map(|_| settings.unattended().is_some());
        let times = settings
            .unattended()
            .map(|one| (one.from_days, one.until_days, one.first_hour, one.last_hour));
        let modes = [
            ProxyMode::System,
            ProxyMode::Direct,
            ProxyMode::Manual,
            ProxyMode::Pac,
        ];
        let mut proxy = settings.proxy().clone();
        if proxy.address.is_empty() {
            proxy.address = self.asking_proxy.clone().unwrap_or_default();
        }
        let has_hardware = self.ports.store.has_hardware();
        SettingsView {
            server: settings
                .server()
                .map(ToString::to_string)
                .unwrap_or_default(),
            preferred_server: settings.preferences.server.clone(),
            proxy_is_preferred: settings.preferences.proxy.is_some(),
            server_is_packed: !settings.pack.server.is_empty(),
            trust: window::trust(settings.root().is_some(), self.trust.is_unproven()).to_owned(),
            key: window::key_policy(settings.pack.key.policy, has_hardware).to_owned(),
            unattended: window::unattended(times),
            unattended_is_on: on,
            proxy,
            proxy_modes: modes
                .map(|mode| (mode, window::proxy_mode(mode).to_owned()))
                .to_vec(),
            has_proxy_password: self
                .ports
                .files
                .size(PROXY_PASSWORD)
                .is_ok_and(|size| size > 0),
            help_desk: settings.pack.help_desk.clone(),
        }
    }

    /// Keeps what was changed. `password`: `None` leaves the one that is kept, an empty one takes it away. Another
    /// server is proven anew.
    pub fn change_settings(
        &mut self,
        preferences: Preferences,
        password: Option<&Secret<String>>,
    ) -> Result<(), Failure> {
        let files = self.ports.files;
        let changed = Settings::new(self.settings.pack.clone(), preferences).map_err(failure)?;
        if let Some(password) = password {
            if password.expose().is_empty() {
                files.remove(PROXY_PASSWORD)?;
            } else {
                let clear = password.expose().as_bytes();
                let sealed = self.ports.secrets.seal(PROXY_PASSWORD_PURPOSE, clear)?;
                files.write(PROXY_PASSWORD, &sealed)?;
            }
        }
        changed.save(files).map_err(failure)?;
        self.trust = Trust::load(&changed, files)?;
        self.settings = changed;
        self.forget_pauses();
        Ok(())
    }
}

fn failure(error: SettingsError) -> Failure {
    match error {
        SettingsError::File(error) => Failure::File(error),
        other => Failure::Settings(other.to_string()),
    }
}
