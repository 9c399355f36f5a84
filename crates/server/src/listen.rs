//! The accept loop: sockets, TLS handshakes, HTTP connections, and their limits (threats T26, T62).
//!
//! Each request gets a [`Connection`] that says who is at the other end. Header fields that claim a
//! client certificate are never read: only the handshake of this very connection counts.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use tegata_web::Connection;

use crate::failure::{Failure, Outcome};

/// Longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest wait for the header fields of a request, on idle connections too.
const HEADER: Duration = Duration::from_secs(10);
/// Longest time from a request's header fields to its answer, the body included.
const REQUEST: Duration = Duration::from_secs(60);
/// Longest wait for open requests when the program ends.
const FINISH: Duration = Duration::from_secs(10);
/// Most connections of one listener.
const CONNECTIONS: usize = 4_096;
/// Wait after the machine refused a connection (no descriptors left).
const BREATHER: Duration = Duration::from_millis(100);

/// The TLS settings of a listener; replaced as a whole when certificates or hints change.
pub(crate) type TlsSettings = Arc<RwLock<Arc<ServerConfig>>>;

/// A bound socket and what answers on it.
pub(crate) struct Listener {
    /// Its name in logs.
    pub(crate) name: &'static str,
    /// The bound socket.
    pub(crate) socket: TcpListener,
    /// TLS, where it is spoken.
    pub(crate) tls: Option<TlsSettings>,
    /// What answers.
    pub(crate) router: Router,
}

/// Binds the socket of the listener `name`; `key` names the setting to change where that fails.
pub(crate) async fn bind(name: &str, address: SocketAddr, key: &str) -> Outcome<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let remedy = format!("end the program that uses this address, or change {key}");
        Failure::machine(format!("listen on {address} ({name})"), error, remedy)
    })
}

impl Listener {
    /// Serves until `stop` turns true, then lets open requests finish.
    pub(crate) async fn serve(self, mut stop: watch::Receiver<bool>) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let name = self.name;
        let shared = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => break,
                accepted = shared.accept(&permits) => accepted,
            };
            let Some((stream, peer, permit)) = accepted else {
                continue;
            };
            let (shared, watcher) = (Arc::clone(&shared), graceful.watcher());
            tokio::spawn(async move {
                shared.connection(stream, peer, watcher).await;
                drop(permit);
            });
        }
        drop(shared);
        if timeout(FINISH, graceful.shutdown()).await.is_err() {
            tracing::warn!(listener = name, "open requests did not finish in time");
        }
    }

    /// The next connection, once there is room for it.
    async fn accept(
        &self,
        permits: &Arc<Semaphore>,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                Some((stream, peer, permit))
            }
            Err(error) => {
                tracing::warn!(listener = self.name, %error, "a connection could not be accepted");
                tokio::time::sleep(BREATHER).await;
                None
            }
        }
    }

    /// One connection from its handshake to its end. Failures of the other side are no errors of ours.
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let Some(settings) = &self.tls else {
            let connection = Connection {
                peer,
                server_name: None,
                client_certificate: None,
                tls: false,
            };
            return self.http(stream, connection, Version::Http1, watcher).await;
        };
        let config = Arc::clone(&settings.read().unwrap_or_else(PoisonError::into_inner));
        match timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => {
                let session = stream.get_ref().1;
                let version = match session.alpn_protocol() {
                    Some(b"h2") => Version::Http2,
                    _ => Version::Http1,
                };
                let leaf = session.peer_certificates().and_then(<[_]>::first);
                let connection = Connection {
                    peer,
                    server_name: session.server_name().map(str::to_ascii_lowercase),
                    client_certificate: leaf.map(|leaf| leaf.as_ref().to_vec()),
                    tls: true,
                };
                self.http(stream, connection, version, watcher).await;
            }
            Ok(Err(error)) => {
                tracing::debug!(listener = self.name, %peer, %error, "handshake failed");
            }
            Err(_) => tracing::debug!(listener = self.name, %peer, "handshake took too long"),
        }
    }

    /// Serves HTTP on an open connection.
    async fn http<S>(&self, stream: S, connection: Connection, version: Version, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            answer(router.clone(), connection.clone(), request)
        });
        let builder = version.builder();
        let serving = builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        match timeout(version.life(), watcher.watch(serving)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(listener = self.name, %error, "connection ended early");
            }
            Err(_) => tracing::debug!(listener = self.name, "connection was open long enough"),
        }
    }
}

/// The version of HTTP that the handshake settled. Nothing is guessed from the first octets: waiting for
/// them would have no limit.
#[derive(Clone, Copy, Debug)]
enum Version {
    Http1,
    Http2,
}

impl Version {
    /// How long a connection may live at the most. HTTP/1.1 ends a silent one by itself and is left time for a
    /// long list; an HTTP/2 connection could be held open by pings, or by saying nothing at all (T62).
    const fn life(self) -> Duration {
        match self {
            Self::Http1 => Duration::from_secs(600),
            Self::Http2 => Duration::from_secs(120),
        }
    }

    /// A connection builder with the limits of every listener.
    fn builder(self) -> Builder<TokioExecutor> {
        let builder = Builder::new(TokioExecutor::new());
        let mut builder = match self {
            Self::Http1 => builder.http1_only(),
            Self::Http2 => builder.http2_only(),
        };
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER)
            .max_headers(64)
            .max_buf_size(32 * 1024)
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .max_concurrent_streams(100)
            .max_header_list_size(16 * 1024);
        builder
    }
}

/// Answers one request, with who is at the other end put beside it.
async fn answer(
    router: Router,
    connection: Connection,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(connection);
    match timeout(REQUEST, router.oneshot(request)).await {
        Ok(answered) => answered,
        Err(_) => {
            let mut response = Response::new(Body::from("The request took too long.\n"));
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
            Ok(response)
        }
    }
}

/// The signals that ask the program to end (SIGTERM and SIGINT). From when it is made, none of them ends it by itself.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Outcome<Self> {
        let failed =
            |error| Failure::machine("listen for signals", error, "report this as a defect");
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Resolves when the program is asked to end.
    pub(crate) async fn asked_to_end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
