//! A sample relying system's judgement (decision F7): by our CRL and OCSP over HTTP only, never by the
//! database. It trusts one file with the CA's certificate and what the certificate itself says.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tegata_domain::entropy::octets;
use tegata_domain::time::{Clock as _, Timestamp};
use tegata_pki::certificate::Certificate;
use tegata_pki::crl::{Crl, ReasonCode};
use tegata_pki::ocsp::{CertStatus, OcspRequest, OcspResponse};

use super::clock::DemoClock;
use crate::failure::{Failure, Outcome};
use crate::system::SystemEntropy;

/// Longest wait for an answer.
const WAIT: Duration = Duration::from_secs(5);
/// Largest list taken.
const LARGEST: usize = 128 * 1024 * 1024;

/// Judges presented certificates.
pub(super) struct Judge {
    trusted: Vec<Certificate>,
    clock: Arc<DemoClock>,
    client: Client<HttpConnector, Full<Bytes>>,
    lists: Mutex<HashMap<String, Fetched>>,
}

/// A list as it was fetched last.
#[derive(Clone)]
struct Fetched {
    etag: String,
    list: Arc<Crl>,
}

/// What is said about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Welcome.
    Accepted {
        /// The subject, RFC 4514.
        subject: String,
        /// Its common name: the institution code.
        code: String,
        /// Its last second.
        not_after: Timestamp,
    },
    /// Outside its validity.
    OutOfDate {
        /// Its last second.
        not_after: Timestamp,
    },
    /// Not from the CA that is trusted here, or not for clients.
    Foreign,
    /// None was sent.
    Missing,
    /// Suspended.
    OnHold {
        /// Since when.
        at: Timestamp,
    },
    /// Revoked.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
    /// Neither list nor answer could be had: nobody is let in unseen.
    Unknown,
}

/// What one source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Good,
    Stopped { at: i64, hold: bool },
}

impl Judge {
    /// Trusts the certificates in the PEM file `trusted`.
    pub(super) fn new(trusted: &Path, clock: Arc<DemoClock>) -> Outcome<Self> {
        let remedy = "begin anew with another --data folder";
        let failed = |error: &dyn std::fmt::Display| {
            Failure::machine(format!("read {}", trusted.display()), error, remedy)
        };
        let text = std::fs::read_to_string(trusted).map_err(|error| failed(&error))?;
        let trusted = text
            .split_inclusive("-----END CERTIFICATE-----\n")
            .filter(|block| !block.trim().is_empty())
            .map(Certificate::from_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| failed(&error))?;
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Ok(Self {
            trusted,
            clock,
            client,
            lists: Mutex::default(),
        })
    }

    /// Judges the certificate that a TLS client presented and proved to own.
    pub(super) async fn judge(&self, presented: Option<&[u8]>) -> Verdict {
        let Some(der) = presented else {
            return Verdict::Missing;
        };
        let Ok(certificate) = Certificate::from_der(der) else {
            return Verdict::Foreign;
        };
        let issuer = self.trusted.iter().find(|ca| {
            ca.is_ca()
                && ca.subject() == certificate.issuer()
                && certificate.is_signed_by(ca.public_key())
        });
        let Some(issuer) = issuer.filter(|_| certificate.has_client_auth()) else {
            return Verdict::Foreign;
        };
        let now = self.clock.now().unix();
        let not_after = Timestamp::from_unix(certificate.not_after());
        if !certificate.is_valid_at(now) || !issuer.is_valid_at(now) {
            return Verdict::OutOfDate { not_after };
        }
        let list = self.ask_list(&certificate, issuer, now).await;
        let answer = self.ask_ocsp(&certificate, issuer, now).await;
        match combine(list, answer) {
            Some(Status::Good) => Verdict::Accepted {
                subject: certificate.subject().to_string(),
                code: certificate
                    .subject()
                    .common_name()
                    .unwrap_or_default()
                    .to_owned(),
                not_after,
            },
            Some(Status::Stopped { at, hold: true }) => Verdict::OnHold {
                at: Timestamp::from_unix(at),
            },
            Some(Status::Stopped { at, hold: false }) => Verdict::Revoked {
                at: Timestamp::from_unix(at),
            },
            None => Verdict::Unknown,
        }
    }

    /// What the list named in the certificate says; `None` where no valid list can be had.
    async fn ask_list(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        now: i64,
    ) -> Option<Status> {
        let address = certificate.crl_distribution_points().into_iter().next()?;
        let list = self.fetch_list(&address).await?;
        let holds = list.issuer() == issuer.subject()
            && list.verify(issuer.public_key())
            && list.is_current_at(now)
            // RFC 5280 §6.3.3 (b)(2): a list of a part must be the part that the certificate names.
            && list.issuing_distribution_point().is_none_or(|part| part == address);
        if !holds {
            tracing::warn!(address, "the revocation list is not valid now");
            return None;
        }
        Some(match list.find(certificate.serial()) {
            None => Status::Good,
            Some(entry) => Status::Stopped {
                at: entry.revoked_at,
                hold: entry.reason == Some(ReasonCode::CertificateHold),
            },
        })
    }

    /// The list at `address`: asked for at every request, taken again only where it changed.
    async fn fetch_list(&self, address: &str) -> Option<Arc<Crl>> {
        let known = self.lists().get(address).cloned();
        let mut request = Request::get(address);
        if let Some(known) = &known {
            request = request.header(IF_NONE_MATCH, &known.etag);
        }
        let request = request.body(Full::default()).ok()?;
        let response = tokio::time::timeout(WAIT, self.client.request(request))
            .await
            .ok()?
            .ok()?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return known.map(|known| known.list);
        }
        if response.status() != StatusCode::OK {
            return None;
        }
        let etag = response
            .headers()
            .get(ETAG)
            .and_then(|etag| etag.to_str().ok())
            .map(str::to_owned);
        let list = Arc::new(Crl::parse(&body(response.into_body()).await?).ok()?);
        if let Some(etag) = etag {
            let fetched = Fetched {
                etag,
                list: Arc::clone(&list),
            };
            self.lists().insert(address.to_owned(), fetched);
        }
        Some(list)
    }

    /// What the responder named in the certificate says, asked with a nonce (RFC 9654).
    async fn ask_ocsp(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        now: i64,
    ) -> Option<Status> {
        let address = certificate.ocsp_urls().into_iter().next()?;
        let nonce = octets::<32>(&SystemEntropy);
        let question = OcspRequest::for_certificate(certificate, issuer, Some(&nonce));
        let request = Request::post(address)
            .header(CONTENT_TYPE, "application/ocsp-request")
            .body(Full::from(question))
            .ok()?;
        let response = tokio::time::timeout(WAIT, self.client.request(request))
            .await
            .ok()?
            .ok()?;
        let answer = OcspResponse::parse(&body(response.into_body()).await?).ok()?;
        if let Err(error) = answer.verify(issuer, now, Some(&nonce)) {
            tracing::warn!(%error, "the OCSP answer is not valid");
            return None;
        }
        match answer.status_of(certificate, issuer, now)? {
            CertStatus::Good => Some(Status::Good),
            CertStatus::Revoked { at, reason } => Some(Status::Stopped {
                at,
                hold: reason == Some(ReasonCode::CertificateHold),
            }),
            CertStatus::Unknown => None,
        }
    }

    fn lists(&self) -> std::sync::MutexGuard<'_, HashMap<String, Fetched>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One word from two sources: whoever says "stopped" is believed, silence of both lets nobody in.
fn combine(list: Option<Status>, answer: Option<Status>) -> Option<Status> {
    match (list, answer) {
        (Some(stopped @ Status::Stopped { hold: false, .. }), _)
        | (_, Some(stopped @ Status::Stopped { hold: false, .. }))
        | (Some(stopped @ Status::Stopped { .. }), _)
        | (_, Some(stopped @ Status::Stopped { .. })) => Some(stopped),
        (Some(Status::Good), _) | (_, Some(Status::Good)) => Some(Status::Good),
        (None, None) => None,
    }
}

async fn body(body: hyper::body::Incoming) -> Option<Bytes> {
    let collected = tokio::time::timeout(WAIT, Limited::new(body, LARGEST).collect())
        .await
        .ok()?;
    collected.ok().map(http_body_util::Collected::to_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stopped_by_either_source_is_stopped_and_silence_of_both_is_unknown() {
        let good = Some(Status::Good);
        let hold = Some(Status::Stopped { at: 1, hold: true });
        let revoked = Some(Status::Stopped { at: 1, hold: false });
        for (list, answer, verdict) in [
            (good, good, good),
            (good, None, good),
            (None, good, good),
            (None, None, None),
            (hold, good, hold),
            (good, hold, hold),
            (None, hold, hold),
            (revoked, good, revoked),
            (hold, revoked, revoked),
            (revoked, hold, revoked),
            (None, revoked, revoked),
        ] {
            assert_eq!(combine(list, answer), verdict, "{list:?} {answer:?}");
        }
    }
}
