//! 設定: server, proxy, start at logon, unattended renewal.

use std::cell::RefCell;

use tegata_domain::secret::Secret;

use super::super::autostart;
use super::super::resource::{
    CANCEL, DIALOG_SETTINGS, OK, SET_ADDRESS, SET_AUTOSTART, SET_BYPASS, SET_DOMAIN, SET_KEY,
    SET_MODE, SET_PAC, SET_PASSWORD, SET_SERVER, SET_TRUST, SET_UNATTENDED, SET_UNATTENDED_TEXT,
    SET_USER, word,
};
use super::super::sys::dialog::{Dialog, run_modal};
use super::super::sys::window::{Window, word as fixed};
use crate::controller::SettingsView;
use crate::settings::{Preferences, ProxyMode, ProxySettings};

const LONGEST_FIELD: usize = 1024;
/// A choice was made.
const CBN_SELCHANGE: u16 = 1;

/// What was changed.
pub(in crate::win) struct Changed {
    /// For the controller.
    pub(in crate::win) preferences: Preferences,
    /// `None`: as it was.
    pub(in crate::win) password: Option<Secret<String>>,
}

/// Asks and waits. Start at logon is Windows' own setting and kept at once.
pub(super) fn ask(owner: Window, view: &SettingsView) -> Option<Changed> {
    let dialog = SettingsDialog {
        view,
        answer: RefCell::default(),
    };
    run_modal(DIALOG_SETTINGS, owner, &dialog);
    dialog.answer.into_inner()
}

struct SettingsDialog<'a> {
    view: &'a SettingsView,
    answer: RefCell<Option<Changed>>,
}

impl SettingsDialog<'_> {
    fn mode(&self, window: Window) -> ProxyMode {
        let chosen = self.view.proxy_modes.get(window.item(SET_MODE).choice());
        chosen.map_or(ProxyMode::System, |(mode, _)| *mode)
    }

    /// Only what the chosen mode reads can be typed.
    fn enable(&self, window: Window) {
        let mode = self.mode(window);
        window.item(SET_PAC).enable(mode == ProxyMode::Pac);
        // The address is wanted with every mode: only a proxy that is named here is told the password (T71).
        for field in [SET_ADDRESS, SET_BYPASS, SET_USER, SET_PASSWORD, SET_DOMAIN] {
            window.item(field).enable(mode != ProxyMode::Direct);
        }
    }

    fn changed(&self, window: Window) -> Changed {
        let text = |id| window.item(id).text().trim().to_owned();
        let bypass = text(SET_BYPASS);
        let proxy = ProxySettings {
            mode: self.mode(window),
            address: text(SET_ADDRESS),
            pac: text(SET_PAC),
            bypass: bypass
                .split([';', ','])
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .map(str::to_owned)
                .collect(),
            user: text(SET_USER),
            domain: text(SET_DOMAIN),
        };
        let server = text(SET_SERVER);
        let is_other = server != self.view.server && !server.is_empty();
        let password = window.item(SET_PASSWORD).secret_text();
        let keeps = password.is_empty() && self.view.has_proxy_password && !proxy.user.is_empty();
        Changed {
            password: (!keeps).then(|| Secret::from(password.as_str())),
            preferences: Preferences {
                server: is_other
                    .then_some(server)
                    .or_else(|| self.view.preferred_server.clone()),
                proxy: (proxy != self.view.proxy || self.view.proxy_is_preferred).then_some(proxy),
                unattended: self
                    .view
                    .unattended_is_on
                    .map(|_| window.is_checked(SET_UNATTENDED)),
            },
        }
    }
}

impl Dialog for SettingsDialog<'_> {
    fn opened(&self, window: Window) {
        let view = self.view;
        let fields = [
            (SET_SERVER, view.server.clone()),
            (SET_ADDRESS, view.proxy.address.clone()),
            (SET_PAC, view.proxy.pac.clone()),
            (SET_BYPASS, view.proxy.bypass.join("; ")),
            (SET_USER, view.proxy.user.clone()),
            (SET_DOMAIN, view.proxy.domain.clone()),
        ];
        for (id, text) in fields {
            window.item(id).set_text(&text);
            window.item(id).set_limit(LONGEST_FIELD);
        }
        let trust = format!("{} {}", fixed(word::TRUST), view.trust);
        window.item(SET_TRUST).set_text(&trust);
        let key = format!("{} {}", fixed(word::KEY), view.key);
        window.item(SET_KEY).set_text(&key);
        window.item(SET_UNATTENDED_TEXT).set_text(&view.unattended);
        let labels: Vec<String> = view
            .proxy_modes
            .iter()
            .map(|(_, label)| label.clone())
            .collect();
        let chosen = view
            .proxy_modes
            .iter()
            .position(|(mode, _)| *mode == view.proxy.mode);
        window
            .item(SET_MODE)
            .set_choices(&labels, chosen.unwrap_or(0));
        if view.has_proxy_password {
            window.item(SET_PASSWORD).set_hint(&fixed(word::KEPT));
        }
        window.set_check(SET_AUTOSTART, autostart::is_on());
        window.set_check(SET_UNATTENDED, view.unattended_is_on == Some(true));
        window
            .item(SET_UNATTENDED)
            .enable(view.unattended_is_on.is_some());
        window.item(SET_SERVER).enable(!view.server_is_packed);
        self.enable(window);
        let first = if view.server_is_packed {
            SET_MODE
        } else {
            SET_SERVER
        };
        window.item(first).focus();
    }

    fn command(&self, window: Window, id: u16, notice: u16) {
        match id {
            SET_MODE if notice == CBN_SELCHANGE => self.enable(window),
            OK => {
                autostart::set(window.is_checked(SET_AUTOSTART));
                *self.answer.borrow_mut() = Some(self.changed(window));
                window.end(1);
            }
            CANCEL => window.end(0),
            _ => {}
        }
    }
}
