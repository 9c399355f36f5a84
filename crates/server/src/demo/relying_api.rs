//! A sample relying system asks the relying API, as a real one would: over TLS with a client certificate of its own,
//! with the certificate that was presented to it in `Client-Cert` (decision F7, RFC 9440).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tegata_domain::entropy::octets;
use tegata_domain::notice::NoticeChannel;
use tegata_domain::time::Clock as _;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::pem;
use tegata_pki::profile::{CertificateProfile, TlsClient};
use tegata_pki::signer::Signer as _;
use tegata_pki::soft::SoftSigner;
use tegata_pki::tbs::{TbsParameters, assemble, build_tbs, sign_tbs};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::failure::{Failure, Outcome};
use crate::system::{SystemClock, SystemEntropy};
use crate::tls::crypto_provider;

/// Longest wait for an answer.
const WAIT: Duration = Duration::from_secs(5);
/// Largest answer taken.
const LARGEST: usize = 64 * 1024;
/// How long a sample system's certificate is valid: on the demo's clock too.
const DAYS: i64 = 7_200;

/// What a relying system shows.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Words {
    /// One line.
    pub(super) heading: String,
    /// Some sentences.
    pub(super) text: String,
    /// Where the person goes on.
    pub(super) link: String,
    /// What the link says.
    pub(super) link_text: String,
}

#[derive(Deserialize)]
struct Answer {
    message: Option<Words>,
}

/// What the API said.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// There is nothing to show.
    Nothing,
    /// It did not answer, or not in its form.
    Silent,
    /// This.
    Words(Words),
}

/// The way to the API.
pub(super) struct RelyingApi {
    port: u16,
    channel: NoticeChannel,
    connector: TlsConnector,
}

impl RelyingApi {
    /// Asks on `port` of this machine for `channel`: as the holder of `identity` (PEM, certificate and key),
    /// trusting `roots` (PEM).
    pub(super) fn new(
        port: u16,
        channel: NoticeChannel,
        identity: &Path,
        roots: &Path,
    ) -> Outcome<Self> {
        let remedy = "begin anew with another --data folder";
        let failed = |error: &dyn std::fmt::Display| {
            Failure::machine("set up a sample relying system", error, remedy)
        };
        let mut trusted = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(roots).map_err(|error| failed(&error))? {
            let root = root.map_err(|error| failed(&error))?;
            trusted.add(root).map_err(|error| failed(&error))?;
        }
        let certificate =
            CertificateDer::from_pem_file(identity).map_err(|error| failed(&error))?;
        let key = PrivateKeyDer::from_pem_file(identity).map_err(|error| failed(&error))?;
        let config = ClientConfig::builder_with_provider(crypto_provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| failed(&error))?
            .with_root_certificates(trusted)
            .with_client_auth_cert(vec![certificate], key)
            .map_err(|error| failed(&error))?;
        Ok(Self {
            port,
            channel,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// What is to be shown about the certificate that was presented here (DER).
    pub(super) async fn ask(&self, presented: &[u8]) -> Told {
        match timeout(WAIT, self.answer(presented)).await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                tracing::warn!(error, "the relying API did not answer");
                Told::Silent
            }
            Err(_) => {
                tracing::warn!("the relying API took too long");
                Told::Silent
            }
        }
    }

    async fn answer(&self, presented: &[u8]) -> Result<Told, String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let name = ServerName::try_from("localhost").map_err(|error| told(&error))?;
        let stream = TcpStream::connect(("127.0.0.1", self.port))
            .await
            .map_err(|error| told(&error))?;
        let stream = self
            .connector
            .connect(name, stream)
            .await
            .map_err(|error| told(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| told(&error))?;
        tokio::spawn(connection);
        let path = format!("/api/relying/v1/notice?channel={}", self.channel.as_str());
        let request = Request::get(path)
            .header(HOST, format!("localhost:{}", self.port))
            .header(
                "Client-Cert",
                format!(":{}:", BASE64_STANDARD.encode(presented)),
            )
            .body(Empty::<Bytes>::new())
            .map_err(|error| told(&error))?;
        let response = sender
            .send_request(request)
            .await
            .map_err(|error| told(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Told::Nothing),
            status => return Err(status.to_string()),
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| told(&error))?.to_bytes();
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| told(&error))?;
        Ok(answer.message.map_or(Told::Nothing, Told::Words))
    }
}

/// A fresh key with its self-signed certificate, for one sample system: the PEM of both, and the SHA-256 of the
/// certificate.
pub(super) fn make_identity(name: &str) -> Outcome<(String, String)> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::machine(
            "make a sample relying system's key",
            error,
            "report this as a defect",
        )
    };
    let key = PrivateKey::generate(KeyAlgorithm::P256).map_err(|error| failed(&error))?;
    let pkcs8 = key.to_pkcs8().map_err(|error| failed(&error))?;
    let subject = DistinguishedName::builder()
        .common_name(name)
        .build()
        .map_err(|error| failed(&error))?;
    let signer = SoftSigner::from_private_key(key);
    let mut serial = octets::<16>(&SystemEntropy);
    // Positive, and of sixteen octets (RFC 5280 §4.1.2.2).
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    let now = SystemClock.now();
    let tbs = build_tbs(&TbsParameters {
        serial,
        issuer: &subject,
        issuer_key: signer.public_key(),
        signature_algorithm: signer.signature_algorithm(),
        subject: &subject,
        subject_key: signer.public_key(),
        not_before: now.unix(),
        not_after: now.plus_days(DAYS).unix(),
        profile: &CertificateProfile::TlsClient(TlsClient),
    })
    .map_err(|error| failed(&error))?;
    // The rules of `issue` are for what this authority answers for.
    let signature = sign_tbs(&tbs, &signer).map_err(|error| failed(&error))?;
    let der = assemble(&tbs, signer.signature_algorithm(), &signature);
    let certificate = Certificate::from_der(&der).map_err(|error| failed(&error))?;
    let key = pem::encode("PRIVATE KEY", &pkcs8).map_err(|error| failed(&error))?;
    let fingerprint = hex::encode(certificate.fingerprint_sha256());
    Ok((format!("{}{key}", certificate.pem()), fingerprint))
}
