//! TLS of the client: one root, TLS 1.3 and 1.2, the terminal's key where it lies (W6, T71).
//!
//! No root of the system counts, no session is kept, nothing is sent before the handshake is done.

mod identity;
mod judge;

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, StreamOwned, SupportedProtocolVersion};
use tegata_domain::time::Timestamp;

use self::identity::KeyFault;
use self::judge::Judge;
pub(super) use self::judge::Trust;
use crate::ports::{HttpError, Identity, Scheme};

/// The certificates that whoever answers shows, DER, its own first. The handshake is broken off as soon
/// as they are there (W6).
pub(super) fn shown_chain<S: Read + Write>(
    wire: S,
    host: &str,
    now: Timestamp,
) -> Result<Vec<Vec<u8>>, HttpError> {
    match handshake(wire, host, Trust::Nobody, None, now) {
        Err(HttpError::UntrustedServer { chain, .. }) if !chain.is_empty() => Ok(chain),
        Err(error) => Err(error),
        Ok(_) => Err(HttpError::Tls(
            "the server showed no certificate".to_owned(),
        )),
    }
}

/// A connection whose other side is who it must be.
pub(super) struct Session<S: Read + Write> {
    /// Reads and writes what is said inside.
    pub(super) stream: StreamOwned<ClientConnection, S>,
    fault: KeyFault,
}

/// Makes the handshake as `host`'s client at the instant `now`.
pub(super) fn handshake<S: Read + Write>(
    mut wire: S,
    host: &str,
    trust: Trust<'_>,
    identity: Option<&Identity>,
    now: Timestamp,
) -> Result<Session<S>, HttpError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let judge = Arc::new(Judge::new(trust, &provider)?);
    let fault = KeyFault::default();
    let config = config(provider, Arc::clone(&judge), identity, &fault, now)?;
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| HttpError::Name {
        host: host.to_owned(),
        detail: "it is no DNS name".to_owned(),
    })?;
    let connection = ClientConnection::new(Arc::new(config), name);
    let mut connection = connection.map_err(|error| HttpError::Tls(error.to_string()))?;
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut wire) {
            return Err(failed(&error, Some(&judge), &fault));
        }
    }
    Ok(Session {
        stream: StreamOwned::new(connection, wire),
        fault,
    })
}

impl<S: Read + Write> Session<S> {
    /// The version and the suite, for the diagnostics.
    pub(super) fn parameters(&self) -> String {
        let version = self.stream.conn.protocol_version();
        let suite = self.stream.conn.negotiated_cipher_suite();
        let version = version.and_then(|version| version.as_str()).unwrap_or("?");
        match suite {
            Some(suite) => format!("{version}, {:?}", suite.suite()),
            None => version.to_owned(),
        }
    }

    /// What an error inside the connection means. In TLS 1.3 the server judges our certificate
    /// after the handshake, as we see it.
    pub(super) fn failed(&self, error: &io::Error) -> HttpError {
        failed(error, None, &self.fault)
    }

    /// Says goodbye. That the other side is gone already is no error.
    pub(super) fn close(mut self) {
        self.stream.conn.send_close_notify();
        drop(self.stream.flush());
    }
}

fn config(
    provider: Arc<CryptoProvider>,
    judge: Arc<Judge>,
    identity: Option<&Identity>,
    fault: &KeyFault,
    now: Timestamp,
) -> Result<ClientConfig, HttpError> {
    let internal = |error: rustls::Error| HttpError::Tls(error.to_string());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Instant(now)))
        .with_protocol_versions(versions(identity))
        .map_err(internal)?
        .dangerous()
        .with_custom_certificate_verifier(judge);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            builder.with_client_cert_resolver(identity::resolver(identity, fault.clone()))
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// TLS 1.3 has no PKCS#1 v1.5 signatures (RFC 8446 §4.2.3): a key that makes no others, as keys of
/// CAPI, ends at TLS 1.2.
fn versions(identity: Option<&Identity>) -> &'static [&'static SupportedProtocolVersion] {
    let is_old = identity.is_some_and(|identity| {
        let schemes = identity.key.schemes();
        schemes
            .iter()
            .all(|scheme| *scheme == Scheme::RsaPkcs1Sha256)
    });
    if is_old {
        ONLY_TLS12
    } else {
        rustls::ALL_VERSIONS
    }
}

static ONLY_TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

fn failed(error: &io::Error, judge: Option<&Judge>, fault: &KeyFault) -> HttpError {
    if let Some(detail) = fault.take() {
        return HttpError::Key(detail);
    }
    if error.kind() == io::ErrorKind::TimedOut {
        return HttpError::Timeout("the server's part of the handshake".to_owned());
    }
    let inner = error.get_ref();
    let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (tls, judge) {
        (Some(rustls::Error::InvalidCertificate(reason)), Some(judge)) => judge.verdict(reason),
        (Some(rustls::Error::InvalidMessage(_)), Some(_)) => {
            HttpError::NotHttp("the server does not speak TLS".to_owned())
        }
        (Some(tls), _) => HttpError::Tls(tls.to_string()),
        (None, Some(_)) => HttpError::Tls(error.to_string()),
        (None, None) => HttpError::NotHttp(error.to_string()),
    }
}

/// Certificates are judged at the instant that the client took for its whole step.
#[derive(Debug)]
struct Instant(Timestamp);

impl TimeProvider for Instant {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0))
    }
}

/// Before 1970 is 1970: no certificate is older.
fn unix_time(at: Timestamp) -> UnixTime {
    let seconds = u64::try_from(at.unix()).unwrap_or_default();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}
