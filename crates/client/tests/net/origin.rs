//! A server with TLS that answers whatever it is told to, and keeps what it was asked.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tegata_client::ports::Server;

use super::pki::Member;

/// A running server.
pub(crate) struct Origin {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What came over one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// `TLSv1_3` and the like; empty where the handshake failed.
    pub(crate) version: String,
    /// The scheme of the client's signature, where it showed a certificate.
    pub(crate) scheme: Option<rustls::SignatureScheme>,
    /// The client's certificate.
    pub(crate) certificate: Option<Vec<u8>>,
    /// What was asked inside TLS.
    pub(crate) asked: String,
}

impl Origin {
    /// Answers each connection with these octets, cut into pieces that the writer may space out.
    pub(crate) fn start(member: &Member, answer: &[u8]) -> Self {
        let answer = answer.to_vec();
        Self::with(member, move |stream| {
            drop(stream.write_all(&answer));
        })
    }

    /// The same with a writer of its own, called after the head of the request was read.
    pub(crate) fn with(
        member: &Member,
        write: impl Fn(&mut StreamOwned<ServerConnection, TcpStream>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let chain = vec![CertificateDer::from(member.certificate.clone())];
        let key = member.key.to_pkcs8().unwrap().to_vec();
        let shared = (Arc::clone(&seen), chain, key, Arc::new(write));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (seen, chain, key, write) = shared.clone();
                thread::spawn(move || {
                    let mut one = Seen::default();
                    let scheme = Arc::new(Anybody::default());
                    let key = PrivatePkcs8KeyDer::from(key).into();
                    let config = ServerConfig::builder_with_provider(Arc::new(
                        rustls::crypto::aws_lc_rs::default_provider(),
                    ))
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_client_cert_verifier(Arc::clone(&scheme) as Arc<_>)
                    .with_single_cert(chain, key)
                    .unwrap();
                    let connection = ServerConnection::new(Arc::new(config)).unwrap();
                    let mut stream = StreamOwned::new(connection, socket.unwrap());
                    let mut octets = [0; 1];
                    while !one.asked.ends_with("\r\n\r\n") {
                        match stream.read(&mut octets) {
                            Ok(1) => one.asked.push(char::from(octets[0])),
                            _ => break,
                        }
                    }
                    // A socket that is closed before all was read takes its answer back.
                    let length = one.asked.lines().find_map(|line| {
                        let number = line.strip_prefix("Content-Length: ")?;
                        number.parse().ok()
                    });
                    drop(stream.read_exact(&mut vec![0; length.unwrap_or(0)]));
                    if let Some(version) = stream.conn.protocol_version() {
                        one.version = version.as_str().unwrap().to_owned();
                    }
                    let shown = stream.conn.peer_certificates();
                    one.certificate = shown.map(|chain| chain[0].to_vec());
                    one.scheme = *scheme.0.lock().unwrap();
                    let is_asked = !one.asked.is_empty();
                    seen.lock().unwrap().push(one);
                    if is_asked {
                        write(&mut stream);
                        stream.conn.send_close_notify();
                        drop(stream.flush());
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn server(&self) -> Server {
        Server {
            host: "localhost".to_owned(),
            port: self.port,
        }
    }

    /// What came, connection by connection, in the order in which they ended their question.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// Takes any certificate, and keeps how its key signed.
#[derive(Debug, Default)]
struct Anybody(Mutex<Option<rustls::SignatureScheme>>);

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: rustls::pki_types::UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        *self.0.lock().unwrap() = Some(dss.scheme);
        let algorithms = rustls::crypto::aws_lc_rs::default_provider();
        let algorithms = algorithms.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        *self.0.lock().unwrap() = Some(dss.scheme);
        let algorithms = rustls::crypto::aws_lc_rs::default_provider();
        let algorithms = algorithms.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
