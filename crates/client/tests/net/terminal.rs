//! A terminal: the transport with a clock that stands still and short limits.

use std::sync::Arc;
use std::time::Duration;

use tegata_client::net::{FixedProxy, Limits, NoProxy, Transport};
use tegata_client::ports::{Credentials, Method, ProxyConfig, Request, Server};
use tegata_domain::entropy::SeededEntropy;
use tegata_domain::time::{ManualClock, Timestamp};

use super::pki::NOW;

/// No proxy.
pub(crate) fn direct() -> Transport {
    at(NOW, Arc::new(NoProxy))
}

/// No proxy, and a clock of one's own.
pub(crate) fn direct_at(now: i64) -> Transport {
    at(now, Arc::new(NoProxy))
}

/// Through these proxies.
pub(crate) fn through(proxies: &str, credentials: Option<(&str, &str)>) -> Transport {
    let credentials = credentials.map(|(user, password)| Credentials {
        user: user.to_owned(),
        domain: String::new(),
        password: password.into(),
    });
    let fixed = FixedProxy {
        proxies: proxies.to_owned(),
        exceptions: String::new(),
        credentials,
    };
    at(NOW, Arc::new(fixed))
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

fn at(now: i64, config: Arc<dyn ProxyConfig>) -> Transport {
    let clock = Arc::new(ManualClock::new(Timestamp::from_unix(now)));
    let limits = Limits {
        quiet: Duration::from_millis(1500),
        total: Duration::from_millis(2500),
        body: 1000,
    };
    Transport::with_limits(config, clock, Arc::new(SeededEntropy::new(1)), limits)
}
