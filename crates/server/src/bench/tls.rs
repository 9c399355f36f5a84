//! `bench tls`: the first page of the subscribers' site, each on a connection of its own (PERF9): TLS 1.3 with a client
//! certificate of RSA-2048, its status looked up, the page written. The server is a process, whose processor time counts.
//!
//! The reference is a bare rustls server with the same suites and the same client: the handshake, both ways, with the
//! client's chain verified by rustls (our handler verifies it after the handshake), and nothing after it. The client's
//! work counts on neither side.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use serde_json::json;
use tegata_app::ServerIdentity;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_store::CaKeyPurpose;

use super::measure::{
    Figure, median, memory_kb, microseconds, per_second, thread_seconds, threads_seconds,
};
use super::startup::{end, free_port, point_to, serve, wait_for_answer};
use super::world::World;
use crate::failure::{Failure, Outcome};
use crate::instance::database_failure;
use crate::tls::{ServerCertificates, crypto_provider};

/// The name of every listener of a bench.
const NAME: &str = "localhost";
/// The page asked for.
const REQUEST: &[u8] = b"GET /p/ru HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// What one round of one side cost.
struct Cost {
    cpu: f64,
    wall: f64,
    latencies_us: Vec<u64>,
}

/// Asks `n` times in each round.
pub(super) async fn run(n: usize, rounds: usize) -> Outcome<Figure> {
    let world = World::make("tls", "[policy.ca]\nkey_pool = 0\n").await?;
    let now = world.app.clock_now();
    let identity = world.app.server_identity(NAME, now).await?;
    let client = client(&world, &identity).await?;
    let settings = bare_settings(&world, &identity).await?;
    let (plain, port) = (free_port()?, free_port()?);
    point_to(&world, "plain", plain)?;
    point_to(&world, "subscriber", port)?;
    let mut server = serve(&world)?;
    wait_for_answer(plain).await?;
    let id = server.id().map(|id| id.to_string()).unwrap_or_default();
    let work = tokio::task::spawn_blocking(move || {
        // Nothing is new to the server any more.
        pages(n.min(50), port, &client, &id)?;
        let (mut product, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            raw.push(handshakes(n, &settings, &client)?);
            product.push(pages(n, port, &client, &id)?);
        }
        Ok::<_, Failure>((product, raw, memory_kb(&id, "VmHWM")))
    });
    let (product, raw, rss_kb) = work.await.map_err(|error| failed("run", error))??;
    end(&mut server).await?;
    world.end().await?;
    Ok(figure(n, product, &raw, rss_kb))
}

fn figure(n: usize, product: Vec<Cost>, raw: &[Cost], rss_kb: u64) -> Figure {
    let ratios = product
        .iter()
        .zip(raw)
        .map(|(page, raw)| raw.cpu / page.cpu);
    let ratio = median(ratios.collect());
    let bare = raw.iter().map(|round| per_second(n, round.cpu)).collect();
    let mut figure = Figure {
        name: "tls".to_owned(),
        ops: n * product.len(),
        cpu_s: product.iter().map(|round| round.cpu).sum(),
        wall_s: product.iter().map(|round| round.wall).sum(),
        latencies_us: product
            .into_iter()
            .flat_map(|round| round.latencies_us)
            .collect(),
        rss_kb,
        ratio_to_raw: Some(ratio),
        further: vec![("raw_per_cpu_s", json!(median(bare).round()))],
    };
    figure.latencies_us.sort_unstable();
    figure
}

/// A terminal with a certificate of its own, which trusts our root and remembers no session.
async fn client(world: &World, identity: &ServerIdentity) -> Outcome<Arc<ClientConfig>> {
    let grant = world.posted_grants(1).await?.into_iter().next();
    let grant = grant.ok_or_else(|| failed("make a grant", "there is none"))?;
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048);
    let key = key.map_err(|error| failed("make a key", error))?;
    let now = world.app.clock_now();
    let issued = world
        .app
        .issue_for_terminal_key(&grant.request_id, key.public_key(), now)
        .await?;
    let pkcs8 = key.to_pkcs8();
    let pkcs8 = pkcs8.map_err(|error| failed("write a key", error))?;
    let mut roots = RootCertStore::empty();
    for root in identity.chain.iter().skip(1) {
        let added = roots.add(CertificateDer::from(root.clone()));
        added.map_err(|error| failed("trust our root", error))?;
    }
    let mut config = ClientConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| failed("set up TLS", error))?
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from(issued)],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8.to_vec())),
        )
        .map_err(|error| failed("take the terminal's certificate", error))?;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// TLS as on the subscriber listener, with the same certificate; the client's is verified by rustls.
async fn bare_settings(world: &World, identity: &ServerIdentity) -> Outcome<Arc<ServerConfig>> {
    let certificates = ServerCertificates::new(NAME);
    certificates.insert(NAME, identity.chain.clone(), &identity.key_pkcs8)?;
    let trusted = Arc::new(client_cas(world).await?);
    let verifier = WebPkiClientVerifier::builder_with_provider(trusted, crypto_provider())
        .build()
        .map_err(|error| failed("verify clients", error))?;
    let mut config = ServerConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| failed("set up TLS", error))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificates));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The CA keys that sign subscribers' certificates.
async fn client_cas(world: &World) -> Outcome<RootCertStore> {
    let wrong = |error| database_failure("read the CA keys", &error);
    let mut reader = world.store.reader().await.map_err(wrong)?;
    let mut trusted = RootCertStore::empty();
    for row in reader.list_ca_keys().await.map_err(wrong)? {
        if row.purpose == CaKeyPurpose::Subscriber {
            let added = trusted.add(CertificateDer::from(row.certificate));
            added.map_err(|error| failed("trust our CA", error))?;
        }
    }
    Ok(trusted)
}

/// `n` pages of the server with this process id.
fn pages(n: usize, port: u16, client: &Arc<ClientConfig>, id: &str) -> Outcome<Cost> {
    let (begun, before) = (Instant::now(), threads_seconds(id, None));
    let mut latencies_us = Vec::with_capacity(n);
    for _ in 0..n {
        let start = Instant::now();
        let mut stream = connect(port, client)?;
        let mut answer = Vec::new();
        stream
            .write_all(REQUEST)
            .and_then(|()| stream.read_to_end(&mut answer))
            .map_err(|error| failed("ask for a page", error))?;
        if !answer.starts_with(b"HTTP/1.1 200") {
            let first = answer.split(|octet| *octet == b'\r').next();
            let first = first.map(String::from_utf8_lossy).unwrap_or_default();
            return Err(failed("ask for a page", first));
        }
        latencies_us.push(microseconds(start));
    }
    Ok(Cost {
        cpu: threads_seconds(id, None) - before,
        wall: begun.elapsed().as_secs_f64(),
        latencies_us,
    })
}

/// `n` bare handshakes: the processor time of the thread that answers them.
fn handshakes(n: usize, settings: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Outcome<Cost> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let socket = socket.map_err(|error| failed("listen", error))?;
    let port = socket
        .local_addr()
        .map_err(|error| failed("listen", error))?;
    let settings = Arc::clone(settings);
    let server = std::thread::spawn(move || answer(&socket, n, &settings));
    let begun = Instant::now();
    for _ in 0..n {
        let mut stream = connect(port.port(), client)?;
        while stream.conn.is_handshaking() {
            let done = stream.conn.complete_io(&mut stream.sock);
            done.map_err(|error| failed("shake hands", error))?;
        }
        // Until the server has seen the certificate, and closes.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let ended = server.join();
    let cpu = ended.map_err(|_| failed("shake hands", "the server's thread panicked"))??;
    Ok(Cost {
        cpu,
        wall: begun.elapsed().as_secs_f64(),
        latencies_us: Vec::new(),
    })
}

fn answer(socket: &TcpListener, n: usize, settings: &Arc<ServerConfig>) -> Outcome<f64> {
    let before = thread_seconds();
    for _ in 0..n {
        let (mut stream, _) = socket.accept().map_err(|error| failed("accept", error))?;
        let set = stream.set_nodelay(true);
        set.map_err(|error| failed("accept", error))?;
        let connection = ServerConnection::new(Arc::clone(settings));
        let mut connection = connection.map_err(|error| failed("set up TLS", error))?;
        while connection.is_handshaking() {
            let done = connection.complete_io(&mut stream);
            done.map_err(|error| failed("shake hands", error))?;
        }
        if connection.peer_certificates().is_none() {
            return Err(failed("shake hands", "no certificate was shown"));
        }
        connection.send_close_notify();
        let _ = connection.complete_io(&mut stream);
    }
    Ok(thread_seconds() - before)
}

fn connect(
    port: u16,
    client: &Arc<ClientConfig>,
) -> Outcome<StreamOwned<ClientConnection, TcpStream>> {
    let name = ServerName::try_from(NAME).map_err(|error| failed("name the server", error))?;
    let connection = ClientConnection::new(Arc::clone(client), name);
    let connection = connection.map_err(|error| failed("set up TLS", error))?;
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let stream = stream.map_err(|error| failed("connect", error))?;
    let set = stream.set_nodelay(true);
    set.map_err(|error| failed("connect", error))?;
    Ok(StreamOwned::new(connection, stream))
}

fn failed(doing: &str, error: impl std::fmt::Display) -> Failure {
    Failure::machine(doing, error, "run the bench again")
}
