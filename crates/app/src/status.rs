//! What the world asks: OCSP answers, revocation lists, CA certificates (decision W4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tegata_domain::certificate::CertificateState;
use tegata_domain::id::{CaKeyId, SerialNumber};
use tegata_domain::time::Timestamp;
use tegata_pki::connection_code::ConnectionCode;
use tegata_pki::ocsp::{CertId, CertStatus, ErrorStatus, OcspRequest, OcspResponseBuilder};
use tegata_store::{CaKeyPurpose, StatusRow};

use crate::authority::{Authority, Responder};
use crate::base::App;
use crate::error::{Result, internal};
use crate::publish::reason_code;

/// An OCSP answer, DER, and how long it may be cached.
pub struct OcspAnswer {
    /// The OCSPResponse.
    pub der: Vec<u8>,
    /// `None`: do not cache (an error, or an answer to a nonce).
    pub cache: Option<Caching>,
}

/// Caching of an OCSP answer (RFC 5019 §6).
pub struct Caching {
    /// When the answer was true.
    pub this_update: Timestamp,
    /// When it is out of date at the latest.
    pub next_update: Timestamp,
    /// Seconds for which it may be reused.
    pub max_age: u32,
}

/// A revocation list as published. Clones share the octets.
#[derive(Clone)]
pub struct PublishedList {
    /// The CertificateList.
    pub der: Arc<[u8]>,
    /// Its cRLNumber.
    pub number: u64,
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next one is there at the latest.
    pub next_update: Timestamp,
}

/// A CA certificate as `/p/cert` shows it.
pub struct CaCertificate {
    /// The CA key's id.
    pub id: CaKeyId,
    /// Which hierarchy.
    pub purpose: CaKeyPurpose,
    /// Common name of its subject.
    pub common_name: String,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// SHA-1 fingerprint, upper-case hexadecimal: five groups of eight as Windows shows it.
    pub sha1: String,
    /// SHA-256 fingerprint, upper-case hexadecimal.
    pub sha256: String,
    /// 接続確認コード of its key, where TLS servers of ours stand under it (W6).
    pub connection_code: Option<String>,
    /// Whether it is self-signed.
    pub is_root: bool,
    /// The certificate.
    pub der: Vec<u8>,
}

/// The newest copy of each list that was asked for.
#[derive(Default)]
pub(crate) struct Lists(Mutex<HashMap<(CaKeyId, String), PublishedList>>);

impl Lists {
    fn get(&self, ca_key: &CaKeyId, list: &str, number: u64) -> Option<PublishedList> {
        let kept = self.lock().get(&(ca_key.clone(), list.to_owned())).cloned();
        kept.filter(|kept| kept.number == number)
    }

    fn keep(&self, ca_key: &CaKeyId, name: &str, list: PublishedList) {
        self.lock().insert((ca_key.clone(), name.to_owned()), list);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(CaKeyId, String), PublishedList>> {
        match self.0.lock() {
            Ok(lists) => lists,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

impl App {
    /// Answers an OCSP request. Never fails: what cannot be answered becomes an error response.
    pub async fn answer_ocsp(&self, request: &[u8], now: Timestamp) -> OcspAnswer {
        let refuse = |status: ErrorStatus| OcspAnswer {
            der: status.to_der(),
            cache: None,
        };
        let Ok(request) = OcspRequest::parse(request) else {
            return refuse(ErrorStatus::MalformedRequest);
        };
        let Some(authority) = self.issuer_of(&request) else {
            return refuse(ErrorStatus::Unauthorized);
        };
        if !authority.is_online() {
            return refuse(ErrorStatus::Unauthorized);
        }
        let Some(responder) = self.authorities().responder(&authority.id) else {
            return refuse(ErrorStatus::TryLater);
        };
        match self
            .sign_answer(&request, &authority, &responder, now)
            .await
        {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "an OCSP request could not be answered");
                refuse(ErrorStatus::TryLater)
            }
        }
    }

    /// The one CA key that every certificate of the request names.
    fn issuer_of(&self, request: &OcspRequest) -> Option<Arc<Authority>> {
        let first = request.cert_ids().first()?;
        let keys = self.authorities().all();
        let authority = keys.iter().find(|key| key.issuer_ids.matches(first))?;
        request
            .cert_ids()
            .iter()
            .all(|id| authority.issuer_ids.matches(id))
            .then(|| Arc::clone(authority))
    }

    async fn sign_answer(
        &self,
        request: &OcspRequest,
        authority: &Authority,
        responder: &Responder,
        now: Timestamp,
    ) -> Result<OcspAnswer> {
        let policy = &self.policy().ocsp;
        let next_update = now.plus_seconds(policy.next_update_hours * 3_600);
        self.may_sign()?;
        let failed = |error: &dyn std::fmt::Display| internal("sign an OCSP answer", error);
        let mut answer = OcspResponseBuilder::new(now.unix())
            .nonce(request.nonce_to_echo())
            .responder_certificate(&responder.certificate);
        for id in request.cert_ids() {
            let row = match serial_of(id) {
                Some(serial) => self.status_of(&serial).await?,
                None => None,
            };
            let status = cert_status(row.filter(|row| row.ca_key == authority.id));
            answer = answer
                .single(id, status, now.unix(), next_update.unix())
                .map_err(|error| failed(&error))?;
        }
        let der = answer
            .sign(responder.signer.as_ref())
            .map_err(|error| failed(&error))?;
        let cache = request.nonce().is_none().then_some(Caching {
            this_update: now,
            next_update,
            max_age: policy.max_age,
        });
        Ok(OcspAnswer { der, cache })
    }

    /// The newest revocation list with this name (`all` or a shard's number). Whoever asks for the same list
    /// shares one copy of it.
    pub async fn revocation_list(
        &self,
        ca_key: &CaKeyId,
        list: &str,
    ) -> Result<Option<PublishedList>> {
        let mut reader = self.store().reader().await?;
        let Some(number) = reader.revocation_list_number(ca_key, list).await? else {
            return Ok(None);
        };
        if let Some(kept) = self.lists().get(ca_key, list, number.unsigned_abs()) {
            return Ok(Some(kept));
        }
        let row = reader.revocation_list(ca_key, list).await?;
        Ok(row.map(|row| {
            let list_read = PublishedList {
                der: row.der.into(),
                number: row.number.unsigned_abs(),
                this_update: row.this_update,
                next_update: row.next_update,
            };
            self.lists().keep(ca_key, list, list_read.clone());
            list_read
        }))
    }

    /// Every CA certificate of ours, subscriber hierarchy first.
    pub fn ca_certificates(&self) -> Vec<CaCertificate> {
        self.authorities()
            .all()
            .iter()
            .map(|key| describe(key))
            .collect()
    }

    /// Subject names of the CA keys that sign subscribers' certificates, DER: what a TLS server hints at (W2).
    pub fn client_ca_names(&self) -> Vec<Vec<u8>> {
        self.authorities()
            .all()
            .iter()
            .filter(|key| key.purpose == CaKeyPurpose::Subscriber)
            .map(|key| key.certificate.subject().to_der())
            .collect()
    }
}

fn serial_of(id: &CertId) -> Option<SerialNumber> {
    id.serial_16().and_then(SerialNumber::from_octets)
}

/// RFC 6960 §2.2: good, revoked or unknown. An intent is unknown: nothing was handed out.
fn cert_status(row: Option<StatusRow>) -> CertStatus {
    let Some(row) = row else {
        return CertStatus::Unknown;
    };
    match row.state {
        CertificateState::Intended => CertStatus::Unknown,
        CertificateState::Issued => CertStatus::Good,
        CertificateState::OnHold { at }
        | CertificateState::Revoked { at, .. }
        | CertificateState::Superseded { at }
        | CertificateState::Void { at } => CertStatus::Revoked {
            at: at.unix(),
            reason: row.state.reason().map(reason_code),
        },
    }
}

fn describe(key: &Authority) -> CaCertificate {
    let certificate = &key.certificate;
    let sha1 = data_encoding::HEXUPPER.encode(&certificate.fingerprint_sha1());
    let groups: Vec<&str> = sha1
        .as_bytes()
        .chunks(8)
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    CaCertificate {
        id: key.id.clone(),
        purpose: key.purpose,
        common_name: certificate
            .subject()
            .common_name()
            .unwrap_or_default()
            .to_owned(),
        not_before: Timestamp::from_unix(certificate.not_before()),
        not_after: key.not_after,
        sha1: groups.join(" "),
        sha256: data_encoding::HEXUPPER.encode(&certificate.fingerprint_sha256()),
        connection_code: (key.purpose == CaKeyPurpose::Tls)
            .then(|| ConnectionCode::of(certificate.public_key()).to_string()),
        is_root: certificate.subject() == certificate.issuer(),
        der: certificate.der().to_vec(),
    }
}
