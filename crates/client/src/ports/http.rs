//! One exchange over HTTPS: who the server must be, who we are, what is sent.

use std::fmt;
use std::sync::Arc;

use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;

use super::store::TerminalKey;

/// Sends requests and waits for their answers.
///
/// An implementation follows no redirection, keeps no cookie, no cache and no TLS session, offers TLS 1.3 and 1.2, and
/// gives up after 30 seconds without an octet or 120 in all. It reads at most one mebibyte.
pub trait Http: Send + Sync {
    /// One exchange with a server whose certificate leads to `root`, carries its name and is valid at
    /// [`Clock::now`](super::Clock); no root of the system counts. Any status code is an answer, 407 of the server
    /// itself included; what a proxy says is an error.
    fn send(&self, request: &Request, root: &Certificate) -> Result<Response, HttpError>;

    /// The certificates that an unproven server shows, DER, its own first (W6). Takes the handshake as far as they
    /// come and breaks it off; sends nothing else. The last one is the root to be compared with the 接続確認コード.
    fn shown_chain(&self, server: &Server) -> Result<Vec<Vec<u8>>, HttpError>;
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// DNS name, in ASCII and lower case.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Server {
    /// `host` where the port is 443, else `host:port`: what stands in the header Host.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            443 => f.write_str(&self.host),
            port => write!(f, "{}:{port}", self.host),
        }
    }
}

/// A request.
pub struct Request {
    /// Where to.
    pub server: Server,
    /// What for.
    pub method: Method,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// Further header fields; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent along.
    pub body: Option<Body>,
    /// User and password for the header `Authorization: Basic` (RFC 7617): リクエストID and リファレンスID.
    pub basic: Option<(String, Secret<String>)>,
    /// The certificate and key to show in the handshake.
    pub identity: Option<Identity>,
}

/// How a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Sends.
    Post,
}

/// What a request carries.
pub struct Body {
    /// Its media type.
    pub content_type: &'static str,
    /// Whether the octets are base64, to be told as `Content-Transfer-Encoding` (RFC 7030 §4.2.1).
    pub is_base64: bool,
    /// The octets.
    pub octets: Vec<u8>,
}

/// A certificate of this terminal, ready for a handshake.
#[derive(Clone)]
pub struct Identity {
    /// The certificate and those above it, DER, its own first, the root left out.
    pub chain: Vec<Vec<u8>>,
    /// Its key.
    pub key: Arc<dyn TerminalKey>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields, names in lower case, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// `Retry-After` in seconds from now (RFC 9110 §10.2.3); a date was turned into seconds by [`Self::date`].
    pub retry_after: Option<u64>,
    /// The server's `Date`.
    pub date: Option<Timestamp>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header field of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The media type without its parameters, in lower case; empty where there was none.
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }
}

/// Why there is no answer. `detail` is English, for the log, and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The terminal's key did not sign, or the person refused its use.
    #[error("the terminal's key did not sign: {0}")]
    Key(String),
    /// The name has no address.
    #[error("no address for {host}: {detail}")]
    Name {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        detail: String,
    },
    /// What came is no HTTP, or was cut off.
    #[error("the answer is no HTTP: {0}")]
    NotHttp(String),
    /// The proxy asked for a user and password, and there are none or they are wrong (407).
    #[error("the proxy {proxy} wants other credentials ({offered})")]
    ProxyAuthentication {
        /// The proxy, `host:port`.
        proxy: String,
        /// The schemes it offered.
        offered: String,
        /// Whether we had sent some.
        had_credentials: bool,
    },
    /// The proxy answered a CONNECT with something else.
    #[error("the proxy {proxy} refused with status {status}")]
    ProxyRefused {
        /// The proxy, `host:port`.
        proxy: String,
        /// Its status code.
        status: u16,
    },
    /// The settings or the system name no proxy that can be used.
    #[error("no usable proxy: {0}")]
    ProxySettings(String),
    /// The proxy itself cannot be reached.
    #[error("the proxy {proxy} cannot be reached: {detail}")]
    ProxyUnreachable {
        /// The proxy, `host:port`.
        proxy: String,
        /// Why.
        detail: String,
    },
    /// It took too long.
    #[error("no answer in time: {0}")]
    Timeout(String),
    /// The handshake failed for a reason other than the server's certificate: no common version or suite, or an alert.
    #[error("the TLS handshake failed: {0}")]
    Tls(String),
    /// The answer is longer than is read.
    #[error("the answer is longer than {0} octets")]
    TooLong(usize),
    /// The server's certificate leads to no root that was given, or carries another name.
    #[error("the server's certificate is not of the operator: {detail}")]
    UntrustedServer {
        /// Why not.
        detail: String,
        /// What it showed, DER, for the diagnostics.
        chain: Vec<Vec<u8>>,
    },
    /// The server's certificate would be right at another time: this terminal's clock may be off.
    #[error("the server's certificate is not valid at this terminal's time")]
    ServerTime {
        /// Its first second.
        not_before: Timestamp,
        /// Its last second.
        not_after: Timestamp,
        /// What the server says the time is, where it could be asked: proves nothing, is shown to a person.
        server_date: Option<Timestamp>,
    },
    /// No connection.
    #[error("{server} cannot be reached: {detail}")]
    Unreachable {
        /// `host:port`.
        server: String,
        /// Why.
        detail: String,
    },
}
