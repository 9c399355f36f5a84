//! Who the server is: the root that was proven, its name, the time; or nobody yet (W6).

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;

use super::unix_time;
use crate::ports::HttpError;

/// Whom to believe on the other side.
#[derive(Clone, Copy)]
pub(in crate::net) enum Trust<'a> {
    /// A server whose certificate leads to this root and carries its name.
    Root(&'a Certificate),
    /// Nobody: the handshake ends where the server has shown its certificates.
    Nobody,
}

/// Judges one server, and keeps what it showed.
#[derive(Debug)]
pub(super) struct Judge {
    /// `None` where nobody is to be believed.
    root: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
    shown: Mutex<Shown>,
}

#[derive(Debug, Default)]
struct Shown {
    chain: Vec<Vec<u8>>,
    /// First and last second of the server's certificate, where all but the time is right.
    right_at: Option<(Timestamp, Timestamp)>,
}

impl Judge {
    pub(super) fn new(trust: Trust<'_>, provider: &Arc<CryptoProvider>) -> Result<Self, HttpError> {
        let root = match trust {
            Trust::Nobody => None,
            Trust::Root(root) => {
                let unusable = |detail: String| HttpError::UntrustedServer {
                    detail: format!("the proven root cannot be used: {detail}"),
                    chain: Vec::new(),
                };
                let mut roots = RootCertStore::empty();
                let added = roots.add(CertificateDer::from(root.der().to_vec()));
                added.map_err(|error| unusable(error.to_string()))?;
                let verifier = WebPkiServerVerifier::builder_with_provider(
                    Arc::new(roots),
                    Arc::clone(provider),
                );
                let verifier = verifier.build();
                Some(verifier.map_err(|error| unusable(error.to_string()))?)
            }
        };
        Ok(Self {
            root,
            algorithms: provider.signature_verification_algorithms,
            shown: Mutex::default(),
        })
    }

    /// What the server showed, DER, its own first.
    pub(super) fn chain(&self) -> Vec<Vec<u8>> {
        self.shown(|shown| shown.chain.clone())
    }

    /// The refusal as the controller sees it.
    pub(super) fn verdict(&self, reason: &CertificateError) -> HttpError {
        match self.shown(|shown| shown.right_at) {
            Some((not_before, not_after)) => HttpError::ServerTime {
                not_before,
                not_after,
                server_date: None,
            },
            None => HttpError::UntrustedServer {
                detail: reason.to_string(),
                chain: self.chain(),
            },
        }
    }

    fn shown<T>(&self, read: impl FnOnce(&mut Shown) -> T) -> T {
        read(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|certificate| certificate.to_vec()).collect();
        self.shown(|shown| shown.chain = chain);
        let Some(root) = &self.root else {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        };
        let judge = |at: UnixTime| {
            root.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, at)
        };
        let verdict = judge(now);
        if verdict.as_ref().is_err_and(is_about_time)
            && let Ok(leaf) = Certificate::from_der(end_entity)
        {
            // A wrong root that is also out of time must not look like a wrong clock.
            let ends = [leaf.not_before(), leaf.not_after()].map(Timestamp::from_unix);
            if ends.iter().any(|at| judge(unix_time(*at)).is_ok()) {
                let [not_before, not_after] = ends;
                self.shown(|shown| shown.right_at = Some((not_before, not_after)));
            }
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn is_about_time(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. }
        )
    )
}
