//! The port [`ProxyConfig`] over the settings and what the system says (R-070, P-30).

use tegata_domain::secret::Secret;

use super::ways;
use crate::ports::{Credentials, Proxy, ProxyChoice, ProxyConfig, ProxyError, Server};
use crate::settings::{ProxyMode, ProxySettings};

/// What only the system knows: its own settings, and how to run a PAC script.
pub trait SystemProxy: Send + Sync {
    /// The ways to `server`, to be tried in this order; by the script at `pac` where one is named, else by
    /// the settings of the system. Blocks while a script is fetched.
    fn choose(&self, server: &Server, pac: Option<&str>) -> Result<Vec<ProxyChoice>, ProxyError>;
}

/// The ways of this terminal.
pub struct Routes<S> {
    settings: ProxySettings,
    password: Option<Secret<String>>,
    system: S,
}

impl<S: SystemProxy> Routes<S> {
    /// By these settings. `password` belongs to their user.
    pub const fn new(settings: ProxySettings, password: Option<Secret<String>>, system: S) -> Self {
        Self {
            settings,
            password,
            system,
        }
    }
}

impl<S: SystemProxy> ProxyConfig for Routes<S> {
    fn choose(&self, server: &Server) -> Result<Vec<ProxyChoice>, ProxyError> {
        let exceptions = self.settings.bypass.join(";");
        if ways::is_excepted(&exceptions, server) {
            return Ok(vec![ProxyChoice::Direct]);
        }
        match self.settings.mode {
            ProxyMode::Direct => Ok(vec![ProxyChoice::Direct]),
            ProxyMode::Manual => ways::choices(&self.settings.address),
            ProxyMode::Pac => self.system.choose(server, Some(&self.settings.pac)),
            ProxyMode::System => self.system.choose(server, None),
        }
    }

    /// For the proxies that the settings name in `address`, and no others: what a network names by
    /// itself (WPAD) may be anybody (T71).
    fn credentials(&self, proxy: &Proxy) -> Option<Credentials> {
        let named = ways::choices(&self.settings.address).ok()?;
        if self.settings.user.is_empty() || !named.contains(&ProxyChoice::Proxy(proxy.clone())) {
            return None;
        }
        Some(Credentials {
            user: self.settings.user.clone(),
            domain: self.settings.domain.clone(),
            password: self.password.clone()?,
        })
    }
}

/// The variables `https_proxy` and `no_proxy`, as programs on Linux and macOS read them.
#[derive(Clone, Debug, Default)]
pub struct ProxyVariables {
    /// `https_proxy`; empty where it is not set. User and password in it are refused: they belong
    /// into the settings.
    pub https_proxy: String,
    /// `no_proxy`.
    pub no_proxy: String,
}

impl SystemProxy for ProxyVariables {
    fn choose(&self, server: &Server, pac: Option<&str>) -> Result<Vec<ProxyChoice>, ProxyError> {
        if pac.is_some() {
            let detail = "PAC scripts are run on Windows alone; name the proxy itself";
            return Err(ProxyError::Automatic(detail.to_owned()));
        }
        let exceptions = ways::exceptions_of_no_proxy(&self.no_proxy);
        ways::ways(&self.https_proxy, &exceptions, server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(mode: ProxyMode) -> Routes<ProxyVariables> {
        let settings = ProxySettings {
            mode,
            address: "proxy.example:8080".to_owned(),
            bypass: vec!["*.local".to_owned(), "<local>".to_owned()],
            user: "clerk".to_owned(),
            ..ProxySettings::default()
        };
        let system = ProxyVariables {
            https_proxy: "http://other.example:3128".to_owned(),
            no_proxy: "none.example".to_owned(),
        };
        Routes::new(settings, Some("secret".into()), system)
    }

    fn server(host: &str) -> Server {
        Server {
            host: host.to_owned(),
            port: 443,
        }
    }

    fn way(host: &str, port: u16) -> Vec<ProxyChoice> {
        let host = host.to_owned();
        vec![ProxyChoice::Proxy(Proxy { host, port })]
    }

    #[test]
    fn each_mode_leads_its_own_way_and_exceptions_hold_in_all() {
        let direct = vec![ProxyChoice::Direct];
        for (mode, host, expected) in [
            (ProxyMode::Direct, "pki.example", direct.clone()),
            (ProxyMode::Manual, "pki.example", way("proxy.example", 8080)),
            (ProxyMode::Manual, "pki.local", direct.clone()),
            (ProxyMode::System, "pki.example", way("other.example", 3128)),
            (ProxyMode::System, "a.none.example", direct.clone()),
            (ProxyMode::System, "pki", direct),
        ] {
            assert_eq!(
                routes(mode).choose(&server(host)),
                Ok(expected),
                "{mode:?} {host}"
            );
        }
        assert!(
            routes(ProxyMode::Pac)
                .choose(&server("pki.example"))
                .is_err()
        );
    }

    #[test]
    fn a_password_is_for_the_proxies_of_the_settings_alone() {
        for mode in [ProxyMode::Manual, ProxyMode::System] {
            let of = |host: &str, port| {
                let host = host.to_owned();
                routes(mode).credentials(&Proxy { host, port }).is_some()
            };
            assert!(of("proxy.example", 8080));
            assert!(!of("proxy.example", 3128));
            assert!(!of("other.example", 3128));
        }
    }
}
