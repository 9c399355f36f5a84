//! Which way leads out of the network of the institution (R-070, P-30).

use tegata_domain::secret::Secret;

use super::http::Server;

/// Chooses the way to a server.
pub trait ProxyConfig: Send + Sync {
    /// The ways to `server`, to be tried in this order; never empty. Asked anew for each connection, since networks
    /// change.
    fn choose(&self, server: &Server) -> Result<Vec<ProxyChoice>, ProxyError>;

    /// User and password for a proxy of the settings. They are never given to anybody else (T71).
    fn credentials(&self, proxy: &Proxy) -> Option<Credentials>;
}

/// One way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyChoice {
    /// Straight on.
    Direct,
    /// By CONNECT through this proxy.
    Proxy(Proxy),
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What a proxy is told.
#[derive(Clone)]
pub struct Credentials {
    /// The user, without the domain.
    pub user: String,
    /// The Windows domain for NTLM; empty where there is none.
    pub domain: String,
    /// The password.
    pub password: Secret<String>,
}

/// Why no way was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// The automatic configuration cannot be read or run.
    #[error("the proxy's automatic configuration failed: {0}")]
    Automatic(String),
    /// The settings make no sense.
    #[error("the proxy settings cannot be used: {0}")]
    Settings(String),
}
