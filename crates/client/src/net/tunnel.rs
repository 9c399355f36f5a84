//! The way through a proxy: CONNECT (RFC 9110 §9.3.6), with Basic (RFC 7617) or NTLM where the proxy asks.
//!
//! User and password go to a proxy that was configured and asked with 407, and to nobody else: what is
//! sent here is the head of a CONNECT and never reaches the server behind it (T71). A refused
//! password is not tried again by itself, because domains lock accounts after a few of them.

pub(super) mod challenge;
mod refused;

use std::io::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tegata_domain::entropy::{self, Entropy};
use tegata_domain::time::Clock;
use zeroize::Zeroizing;

use self::challenge::Scheme;
pub(super) use self::refused::Refused;
use super::message::{Asked, Head, ReadError, Reader};
use super::ntlm;
use super::wire::{self, Deadline, Wire};
use crate::ports::{Credentials, HttpError, Proxy, ProxyConfig};

/// What a tunnel is made with.
pub(super) struct Tunnel<'a> {
    /// The proxy.
    pub(super) proxy: &'a Proxy,
    /// The server behind it, `host:port`.
    pub(super) target: &'a str,
    /// Knows user and password of the proxy.
    pub(super) config: &'a dyn ProxyConfig,
    /// For NTLM, where the proxy names no time.
    pub(super) clock: &'a dyn Clock,
    /// For the nonce of NTLM.
    pub(super) entropy: &'a dyn Entropy,
    /// The passwords that are not tried again.
    pub(super) refused: &'a Refused,
}

/// A tunnel that stands.
pub(super) struct Open {
    /// What the server behind the proxy will read and write.
    pub(super) wire: Wire,
    /// How the proxy let us through, for the diagnostics: `none`, `Basic` or `NTLM`.
    pub(super) signed_in: &'static str,
}

impl Tunnel<'_> {
    /// Opens the tunnel.
    pub(super) fn open(&self, deadline: Deadline) -> Result<Open, HttpError> {
        let mut connection = self.connect(deadline)?;
        let head = self.ask(&mut connection, None)?;
        if head.status != 407 {
            return self.through(connection, &head, "none");
        }
        let offered = challenge::offered(&head);
        let scheme = challenge::best(&offered);
        let credentials = self.config.credentials(self.proxy);
        let (Some(scheme), Some(credentials)) = (scheme, credentials) else {
            return Err(self.wants(&head, false));
        };
        if self.refused.holds(self.proxy, &credentials) {
            return Err(self.wants(&head, true));
        }
        if !self.finish(&mut connection, &head)? {
            connection = self.connect(deadline)?;
        }
        let head = match scheme {
            Scheme::Basic => {
                let value = basic(&credentials)?;
                self.ask(&mut connection, Some(&value))?
            }
            Scheme::Ntlm => self.ntlm(&mut connection, &credentials)?,
        };
        if head.status == 407 {
            self.refused.remember(self.proxy, &credentials);
            return Err(self.wants(&head, true));
        }
        self.through(connection, &head, scheme.name())
    }

    /// The rounds of NTLM. All of them belong to one connection.
    fn ntlm(
        &self,
        connection: &mut Reader<Wire>,
        credentials: &Credentials,
    ) -> Result<Head, HttpError> {
        let first = ntlm_header(&ntlm::negotiate());
        let head = self.ask(connection, Some(&first))?;
        if head.status != 407 {
            return Ok(head);
        }
        let token = challenge::ntlm_token(&head).ok_or_else(|| self.wants(&head, false))?;
        if !self.finish(connection, &head)? {
            let detail = "the proxy closed the connection in the middle of NTLM";
            return Err(self.not_http(detail));
        }
        let malformed = |error: ntlm::NtlmError| self.not_http(&error.to_string());
        let token = STANDARD.decode(token);
        let token = token.map_err(|_| self.not_http("the NTLM challenge is no base64"))?;
        let challenge = ntlm::Challenge::parse(&token).map_err(malformed)?;
        let answer = ntlm::Answer {
            credentials,
            service: &format!("HTTP/{}", self.proxy.host),
            now: self.clock.now(),
            nonce: entropy::octets(self.entropy),
        };
        let last = ntlm::authenticate(&challenge, &answer).map_err(malformed)?;
        self.ask(connection, Some(&ntlm_header(&last)))
    }

    fn connect(&self, deadline: Deadline) -> Result<Reader<Wire>, HttpError> {
        let Proxy { host, port } = self.proxy;
        let unreachable = |error: io::Error| HttpError::ProxyUnreachable {
            proxy: self.name(),
            detail: error.to_string(),
        };
        let addresses = wire::resolve(host, *port, deadline).map_err(unreachable)?;
        let wire = Wire::connect(&addresses, deadline).map_err(unreachable)?;
        Ok(Reader::new(wire))
    }

    /// One CONNECT and the head of its answer.
    fn ask(
        &self,
        connection: &mut Reader<Wire>,
        authorization: Option<&Zeroizing<String>>,
    ) -> Result<Head, HttpError> {
        let target = self.target;
        let mut head = Zeroizing::new(format!(
            "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Connection: Keep-Alive\r\n"
        ));
        if let Some(value) = authorization {
            head.push_str("Proxy-Authorization: ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let sent = connection.stream().write_all(head.as_bytes());
        sent.map_err(|error| self.failed(&ReadError::Io(error)))?;
        connection.head().map_err(|error| self.failed(&error))
    }

    /// Reads the page that came with a 407. Answers whether the connection can be used again.
    fn finish(&self, connection: &mut Reader<Wire>, head: &Head) -> Result<bool, HttpError> {
        if !head.keeps_open() {
            return Ok(false);
        }
        let read = connection.body(head, Asked::Other, PAGE_LIMIT, &mut io::sink());
        match read {
            Ok(()) => Ok(true),
            Err(ReadError::TooLong(_)) => Ok(false),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn through(
        &self,
        connection: Reader<Wire>,
        head: &Head,
        signed_in: &'static str,
    ) -> Result<Open, HttpError> {
        if !(200..300).contains(&head.status) {
            return Err(HttpError::ProxyRefused {
                proxy: self.name(),
                status: head.status,
            });
        }
        let wire = connection.into_stream();
        let wire = wire.map_err(|error| self.failed(&error))?;
        Ok(Open { wire, signed_in })
    }

    fn wants(&self, head: &Head, had_credentials: bool) -> HttpError {
        HttpError::ProxyAuthentication {
            proxy: self.name(),
            offered: challenge::offered(head).join(", "),
            had_credentials,
        }
    }

    fn failed(&self, error: &ReadError) -> HttpError {
        let detail = format!("the proxy {}: {error}", self.name());
        match error {
            ReadError::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                HttpError::Timeout(detail)
            }
            ReadError::Io(_) => HttpError::ProxyUnreachable {
                proxy: self.name(),
                detail: error.to_string(),
            },
            ReadError::NotHttp(_) | ReadError::TooLong(_) => HttpError::NotHttp(detail),
        }
    }

    fn not_http(&self, detail: &str) -> HttpError {
        HttpError::NotHttp(format!("the proxy {}: {detail}", self.name()))
    }

    fn name(&self) -> String {
        format!("{}:{}", self.proxy.host, self.proxy.port)
    }
}

/// The value of `Proxy-Authorization` for Basic. A colon would move the end of the user name
/// (RFC 7617 §2).
fn basic(credentials: &Credentials) -> Result<Zeroizing<String>, HttpError> {
    let user = match credentials.domain.as_str() {
        "" => credentials.user.clone(),
        domain => format!("{domain}\\{}", credentials.user),
    };
    if user.contains(':') {
        let detail = "a user name with a colon cannot be sent by Basic";
        return Err(HttpError::ProxySettings(detail.to_owned()));
    }
    let pair = Zeroizing::new(format!("{user}:{}", credentials.password.expose()));
    let value = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Ok(Zeroizing::new(format!("Basic {}", *value)))
}

fn ntlm_header(message: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(format!("NTLM {}", STANDARD.encode(message)))
}

/// A longer page of a 407 is not read; the connection is made anew.
const PAGE_LIMIT: usize = 256 * 1024;
