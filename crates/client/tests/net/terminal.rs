//! A terminal: the transport with a clock that stands still and short limits.

use std::sync::Arc;
use std::time::Duration;

use tegata_client::net::{Limits, ProxyVariables, Routes, Transport};
use tegata_client::ports::{Method, Request, Server};
use tegata_client::settings::{ProxyMode, ProxySettings};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::secret::Secret;
use tegata_domain::time::{ManualClock, Timestamp};

use super::pki::NOW;

/// No proxy.
pub(crate) fn direct() -> Transport {
    direct_at(NOW)
}

/// No proxy, and a clock of one's own.
pub(crate) fn direct_at(now: i64) -> Transport {
    at(now, "", None, PATIENT)
}

/// No proxy, and little patience.
pub(crate) fn hasty() -> Transport {
    at(NOW, "", None, HASTY)
}

/// Through these proxies.
pub(crate) fn through(proxies: &str, credentials: Option<(&str, &str)>) -> Transport {
    at(NOW, proxies, credentials, PATIENT)
}

/// A question without anything in it.
pub(crate) fn get(server: Server) -> Request {
    Request {
        server,
        method: Method::Get,
        path: "/p/news".to_owned(),
        headers: Vec::new(),
        body: None,
        basic: None,
        identity: None,
    }
}

fn at(now: i64, proxies: &str, credentials: Option<(&str, &str)>, limits: Limits) -> Transport {
    let (user, password) = credentials.unzip();
    let settings = ProxySettings {
        mode: match proxies {
            "" => ProxyMode::Direct,
            _ => ProxyMode::Manual,
        },
        address: proxies.to_owned(),
        user: user.unwrap_or_default().to_owned(),
        ..ProxySettings::default()
    };
    let routes = Routes::new(
        settings,
        password.map(Secret::from),
        ProxyVariables::default(),
    );
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix(now)));
    let entropy = Arc::new(SeededEntropy::new(1));
    Transport::with_limits(Arc::new(routes), clock, entropy, limits)
}

const PATIENT: Limits = Limits {
    quiet: Duration::from_secs(20),
    total: Duration::from_secs(40),
    body: 1000,
};

const HASTY: Limits = Limits {
    quiet: Duration::from_millis(1500),
    total: Duration::from_millis(2500),
    body: 1000,
};
