//! One request over HTTPS and its answer (the port [`Http`]).

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_domain::entropy::Entropy;
use tegata_domain::time::{Clock, Timestamp};
use tegata_pki::certificate::Certificate;
use zeroize::Zeroizing;

use super::http_date;
use super::message::{Asked, Head, ReadError, Reader};
use super::tls::{self, Session, Trust};
use super::tunnel::{Refused, Tunnel};
use super::wire::{self, Deadline, Wire};
use crate::ports::{
    Body, Http, HttpError, Method, ProxyChoice, ProxyConfig, Request, Response, Server,
};

/// The client's way to servers: sockets, proxies, TLS. One connection a request.
pub struct Transport {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) config: Arc<dyn ProxyConfig>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    refused: Refused,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest wait for the next octet.
    pub quiet: Duration,
    /// The longest exchange, from the name to the last octet.
    pub total: Duration,
    /// The most octets of a body.
    pub body: usize,
}

impl Default for Limits {
    /// What the port promises.
    fn default() -> Self {
        Self {
            quiet: Duration::from_secs(30),
            total: Duration::from_secs(120),
            body: 1024 * 1024,
        }
    }
}

/// Why a download did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The network or the server.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The place where it was to be kept.
    #[error("cannot be kept: {0}")]
    Keep(io::Error),
}

impl Transport {
    /// The ways of `config`, with the limits that the port promises.
    pub fn new(
        config: Arc<dyn ProxyConfig>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self::with_limits(config, clock, entropy, Limits::default())
    }

    /// The same with other limits.
    pub fn with_limits(
        config: Arc<dyn ProxyConfig>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        limits: Limits,
    ) -> Self {
        Self {
            clock,
            config,
            entropy,
            limits,
            refused: Refused::new(),
        }
    }

    /// Lets a password that a proxy refused be tried again. To be called when a person asks for
    /// it; a timer must not, because domains lock accounts.
    pub fn forget_refusals(&self) {
        self.refused.forget();
    }

    /// Like [`Http::send`], for an answer of up to `most` octets that goes to `sink` as it comes,
    /// within `total`. The body of the response is empty. What was written before an error is of
    /// no use.
    pub fn download(
        &self,
        request: &Request,
        root: &Certificate,
        most: usize,
        total: Duration,
        sink: &mut dyn Write,
    ) -> Result<Response, DownloadError> {
        let mut sink = Sink {
            inner: sink,
            fault: None,
        };
        let deadline = Deadline::start(total, self.limits.quiet);
        let answer = self.exchange(request, root, deadline, most, &mut sink);
        match sink.fault {
            Some(fault) => Err(DownloadError::Keep(fault)),
            None => Ok(answer?),
        }
    }

    fn exchange(
        &self,
        request: &Request,
        root: &Certificate,
        deadline: Deadline,
        most: usize,
        sink: &mut dyn Write,
    ) -> Result<Response, HttpError> {
        let head = request_head(request)?;
        let wire = self.reach(&request.server, deadline)?.wire;
        let session = tls::handshake(
            wire,
            &request.server.host,
            Trust::Root(root),
            request.identity.as_ref(),
            self.clock.now(),
        );
        let session = match session {
            Err(HttpError::ServerTime {
                not_before,
                not_after,
                ..
            }) => {
                return Err(HttpError::ServerTime {
                    not_before,
                    not_after,
                    server_date: self.server_date(&request.server, root, not_before),
                });
            }
            session => session?,
        };
        let body = request.body.as_ref().map_or(&[][..], |body| &body.octets);
        ask(session, &head, body, most, sink)
    }

    /// What time the server has. Its certificate leads to the proven root and only the time does
    /// not fit, so a question without a secret may go out; the answer proves nothing and is shown
    /// to a person.
    pub(super) fn server_date(
        &self,
        server: &Server,
        root: &Certificate,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let deadline = Deadline::start(PROBE, PROBE);
        let wire = self.reach(server, deadline).ok()?.wire;
        let mut session = tls::handshake(wire, &server.host, Trust::Root(root), None, at).ok()?;
        let question = format!("HEAD / HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
        session.stream.write_all(question.as_bytes()).ok()?;
        let head = Reader::new(&mut session.stream).head().ok()?;
        session.close();
        http_date::parse(head.header("Date")?)
    }

    /// Connects to the server by the first way that leads there. A proxy that answers is not
    /// passed by, whatever it says; one that cannot be reached is.
    pub(super) fn reach(&self, server: &Server, deadline: Deadline) -> Result<Reached, HttpError> {
        if !is_plain(&server.host) {
            let detail = "it has characters that no name has".to_owned();
            let host = server.host.clone();
            return Err(HttpError::Name { host, detail });
        }
        let ways = self.config.choose(server);
        let ways = ways.map_err(|error| HttpError::ProxySettings(error.to_string()))?;
        let mut first = None;
        for way in ways {
            match self.go(server, &way, deadline) {
                Err(error) if leads_nowhere(&error) => {
                    first.get_or_insert(error);
                }
                reached => return reached,
            }
        }
        Err(first.unwrap_or_else(|| HttpError::ProxySettings("there is no way".to_owned())))
    }

    /// Connects to the server by this way.
    pub(super) fn go(
        &self,
        server: &Server,
        way: &ProxyChoice,
        deadline: Deadline,
    ) -> Result<Reached, HttpError> {
        let target = format!("{}:{}", server.host, server.port);
        let (wire, signed_in) = match way {
            ProxyChoice::Direct => {
                let addresses = wire::resolve(&server.host, server.port, deadline);
                let addresses = addresses.map_err(|error| no_name(&server.host, &error))?;
                let wire = Wire::connect(&addresses, deadline);
                let wire = wire.map_err(|error| no_connection(&target, &error))?;
                (wire, None)
            }
            ProxyChoice::Proxy(proxy) => {
                let tunnel = Tunnel {
                    proxy,
                    target: &target,
                    config: self.config.as_ref(),
                    clock: self.clock.as_ref(),
                    entropy: self.entropy.as_ref(),
                    refused: &self.refused,
                };
                let open = tunnel.open(deadline)?;
                (open.wire, Some(open.signed_in))
            }
        };
        Ok(Reached {
            wire,
            way: way.clone(),
            signed_in,
        })
    }
}

impl Http for Transport {
    fn send(&self, request: &Request, root: &Certificate) -> Result<Response, HttpError> {
        let deadline = Deadline::start(self.limits.total, self.limits.quiet);
        let mut body = Vec::new();
        let answer = self.exchange(request, root, deadline, self.limits.body, &mut body)?;
        Ok(Response { body, ..answer })
    }

    fn shown_chain(&self, server: &Server) -> Result<Vec<Vec<u8>>, HttpError> {
        let deadline = Deadline::start(self.limits.total, self.limits.quiet);
        let wire = self.reach(server, deadline)?.wire;
        tls::shown_chain(wire, &server.host, self.clock.now())
    }
}

/// A connection to a server, before TLS.
pub(super) struct Reached {
    pub(super) wire: Wire,
    pub(super) way: ProxyChoice,
    /// How the proxy let us through.
    pub(super) signed_in: Option<&'static str>,
}

/// Asks inside the connection, and reads the answer.
pub(super) fn ask(
    mut session: Session<Wire>,
    head: &str,
    body: &[u8],
    most: usize,
    sink: &mut dyn Write,
) -> Result<Response, HttpError> {
    let sent = session.stream.write_all(head.as_bytes());
    let sent = sent.and_then(|()| session.stream.write_all(body));
    let sent = sent.and_then(|()| session.stream.flush());
    let mut reader = Reader::new(&mut session.stream);
    // A server may answer, or say why not, before it has read all.
    let head = match (sent, reader.head()) {
        (Err(error), Err(ReadError::NotHttp(_))) => return Err(session.failed(&error)),
        (_, Err(error)) => return Err(failed(&session, error)),
        (_, Ok(head)) => head,
    };
    if let Err(error) = reader.body(&head, Asked::Other, most, sink) {
        return Err(failed(&session, error));
    }
    session.close();
    Ok(response(head))
}

fn failed(session: &Session<Wire>, error: ReadError) -> HttpError {
    match error {
        ReadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            HttpError::Timeout("the server's answer".to_owned())
        }
        ReadError::Io(error) => session.failed(&error),
        ReadError::NotHttp(detail) => HttpError::NotHttp(detail.to_owned()),
        ReadError::TooLong(most) => HttpError::TooLong(most),
    }
}

pub(super) fn response(head: Head) -> Response {
    let date = head.header("Date").and_then(http_date::parse);
    let retry_after = head.header("Retry-After").and_then(|value| {
        let until = |at: Timestamp| u64::try_from(at.seconds_since(date?)).ok();
        value
            .parse()
            .ok()
            .or_else(|| until(http_date::parse(value)?))
    });
    Response {
        status: head.status,
        headers: head.into_headers(),
        retry_after,
        date,
        body: Vec::new(),
    }
}

/// The first line and the headers of a request. The caller's texts are checked: none may end a line.
pub(super) fn request_head(request: &Request) -> Result<Zeroizing<String>, HttpError> {
    let Request {
        server,
        method,
        path,
        headers,
        body,
        basic,
        identity: _,
    } = request;
    let is_line = |text: &str| !text.bytes().any(|octet| octet.is_ascii_control());
    if !headers
        .iter()
        .all(|(name, value)| is_plain(name) && is_line(value))
    {
        let detail = "a header of the request has characters that no header has";
        return Err(HttpError::NotHttp(detail.to_owned()));
    }
    if !path.starts_with('/') || !is_plain(path) {
        let detail = "the address of the request has characters that no address has";
        return Err(HttpError::NotHttp(detail.to_owned()));
    }
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let mut head = Zeroizing::new(format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nUser-Agent: {USER_AGENT}\r\n\
         Connection: close\r\n"
    ));
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some((user, password)) = basic {
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let value = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        head.push_str("Authorization: Basic ");
        head.push_str(&value);
        head.push_str("\r\n");
    }
    if let Some(Body {
        content_type,
        is_base64,
        octets,
    }) = body
    {
        head.push_str(&format!(
            "Content-Type: {content_type}\r\nContent-Length: {}\r\n",
            octets.len()
        ));
        if *is_base64 {
            head.push_str("Content-Transfer-Encoding: base64\r\n");
        }
    } else if method == "POST" {
        head.push_str("Content-Length: 0\r\n");
    }
    head.push_str("\r\n");
    Ok(head)
}

/// Whether a text can stand in the first line of a request or in a name.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// Whether another way may do better: there was no answer from this one.
fn leads_nowhere(error: &HttpError) -> bool {
    matches!(
        error,
        HttpError::ProxyUnreachable { .. } | HttpError::Unreachable { .. } | HttpError::Name { .. }
    )
}

fn no_name(host: &str, error: &io::Error) -> HttpError {
    HttpError::Name {
        host: host.to_owned(),
        detail: error.to_string(),
    }
}

fn no_connection(server: &str, error: &io::Error) -> HttpError {
    HttpError::Unreachable {
        server: server.to_owned(),
        detail: error.to_string(),
    }
}

/// Tells a full disk from a broken network.
struct Sink<'a> {
    inner: &'a mut dyn Write,
    fault: Option<io::Error>,
}

impl Write for Sink<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = match self.inner.write(buffer) {
            Ok(0) if !buffer.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        };
        written.map_err(|error| {
            let told = io::Error::from(error.kind());
            self.fault = Some(error);
            told
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

const USER_AGENT: &str = concat!("tegata-client/", env!("CARGO_PKG_VERSION"));

/// How long the question for the server's time may take.
const PROBE: Duration = Duration::from_secs(15);
