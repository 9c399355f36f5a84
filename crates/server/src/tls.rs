//! TLS of our listeners (decisions W2, W3; threats T25, T26).
//!
//! TLS 1.2 and 1.3 with the suites of the Japanese guideline's high-security type. On the subscriber and
//! relying listeners a client certificate is asked for and optional: chain, dates and extended key usage
//! are judged by the handler on each request, but the proof of possession is always verified here. There
//! is no resumption and no early data on them, so that a certificate's status counts on each connection.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use crate::failure::{Failure, Outcome};

/// Whether a listener asks for a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientCertificate {
    /// Never asked for; HTTP/2 and HTTP/1.1.
    No,
    /// Asked for, optional at the handshake; HTTP/1.1 only, no resumption.
    Optional,
}

/// The cryptography of all listeners: AES-GCM and ChaCha20 with forward secrecy, nothing else.
pub(crate) fn crypto_provider() -> Arc<CryptoProvider> {
    use provider::cipher_suite as suite;
    Arc::new(CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_AES_128_GCM_SHA256,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        ..provider::default_provider()
    })
}

/// The configuration of one listener. `hints` are the DER names of the CAs whose certificates are wanted.
pub(crate) fn server_config(
    certificates: Arc<ServerCertificates>,
    client: ClientCertificate,
    hints: Vec<Vec<u8>>,
) -> Outcome<Arc<ServerConfig>> {
    let provider = crypto_provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|error| Failure::machine("set up TLS", error, "report this as a defect"))?;
    let mut config = match client {
        ClientCertificate::No => builder.with_no_client_auth(),
        ClientCertificate::Optional => {
            let verifier = ProofOfPossession::new(provider, hints);
            builder.with_client_cert_verifier(Arc::new(verifier))
        }
    }
    .with_cert_resolver(certificates);
    config.max_early_data_size = 0;
    match client {
        ClientCertificate::No => {
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        }
        ClientCertificate::Optional => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
    }
    Ok(Arc::new(config))
}

/// Our server certificates by name; the one that matches SNI is shown.
///
/// With an unknown name or without SNI the main name's certificate is shown, so that the handler can
/// answer 421 with a plain sentence (W2).
#[derive(Debug)]
pub(crate) struct ServerCertificates {
    main: String,
    by_name: RwLock<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl ServerCertificates {
    /// No certificates yet; `main` is the name that stands in where no other fits.
    pub(crate) fn new(main: &str) -> Self {
        Self {
            main: main.to_ascii_lowercase(),
            by_name: RwLock::default(),
        }
    }

    /// Takes the certificate of `name`: the chain (leaf first, DER) and the key (PKCS#8 DER).
    pub(crate) fn insert(&self, name: &str, chain: Vec<Vec<u8>>, key: &[u8]) -> Outcome<()> {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_vec()));
        let certified =
            CertifiedKey::from_der(chain, key, &crypto_provider()).map_err(|error| {
                let remedy = "run `tegata doctor`; the TLS certificate and its key do not fit";
                Failure::machine(format!("load the TLS certificate of {name}"), error, remedy)
            })?;
        self.by_name
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_ascii_lowercase(), Arc::new(certified));
        Ok(())
    }

    /// The certificate for the name that the client asked for.
    fn find(&self, server_name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        server_name
            .and_then(|name| by_name.get(&name.to_ascii_lowercase()))
            .or_else(|| by_name.get(&self.main))
            .map(Arc::clone)
    }
}

impl ResolvesServerCert for ServerCertificates {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(client_hello.server_name())
    }
}

/// Asks for a client certificate, takes any, and verifies that its key signed this handshake.
#[derive(Debug)]
struct ProofOfPossession {
    provider: Arc<CryptoProvider>,
    hints: Vec<DistinguishedName>,
}

impl ProofOfPossession {
    fn new(provider: Arc<CryptoProvider>, hints: Vec<Vec<u8>>) -> Self {
        Self {
            provider,
            hints: hints.into_iter().map(DistinguishedName::from).collect(),
        }
    }
}

impl ClientCertVerifier for ProofOfPossession {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    /// Chain, dates and extended key usage are the handler's (W2): a page in Japanese says more than a
    /// browser's error.
    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests;
