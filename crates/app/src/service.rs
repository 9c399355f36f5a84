//! Certificates of our own services: TLS servers, OCSP responders and the signer of the feed, kept, made and renewed (K6, W4).

use std::sync::Arc;

use tegata_domain::audit::Actor;
use tegata_domain::certificate::CertificateKind;
use tegata_domain::id::{SerialNumber, ServiceCertificateId};
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use tegata_pki::name::DistinguishedName;
use tegata_pki::profile::{CertificateProfile, DocumentSigner, OcspResponder, TlsServer};
use tegata_pki::soft::SoftSigner;
use tegata_store::{CaKeyPurpose, ServiceCertificate, ServiceCertificateRow};
use zeroize::Zeroizing;

use crate::authority::{Authority, Responder};
use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::issue::{Wanted, store_certificate};
use crate::seal::Purpose;

/// A TLS server's certificate and key.
pub struct ServerIdentity {
    /// Certificates, the server's own first, the root last; DER. The root goes along so that a client can hold its key
    /// against a 接続確認コード before it trusts anything (W6, RFC 8446 §4.4.2).
    pub chain: Vec<Vec<u8>>,
    /// The private key, PKCS#8 DER.
    pub key_pkcs8: Zeroizing<Vec<u8>>,
    /// The last second of validity.
    pub not_after: Timestamp,
}

/// How long a service certificate lives and when it is renewed, in days.
#[derive(Clone, Copy)]
struct Life {
    days: i64,
    renew: i64,
}

impl App {
    /// The TLS certificate for one of our names: the kept one, or a new one where there is none or its end
    /// is near.
    pub async fn server_identity(&self, name: &str, now: Timestamp) -> Result<ServerIdentity> {
        let authority = self.authorities().issuing(CaKeyPurpose::Tls)?;
        let policy = &self.policy().tls;
        let life = Life {
            days: policy.server_days,
            renew: policy.renew_days,
        };
        let (row, key) = self
            .service(CertificateKind::TlsServer, name, &authority, life, now)
            .await?;
        Ok(ServerIdentity {
            chain: vec![row.der, authority.certificate.der().to_vec()],
            key_pkcs8: key,
            not_after: row.not_after,
        })
    }

    /// Loads, makes or renews the responder of each CA key that is online.
    pub async fn refresh_responders(&self, now: Timestamp) -> Result<()> {
        let policy = &self.policy().ocsp;
        let life = Life {
            days: policy.responder_days,
            renew: policy.renew_days,
        };
        for authority in self
            .authorities()
            .all()
            .iter()
            .filter(|key| key.is_online() && now <= key.not_after)
        {
            let fresh = self
                .authorities()
                .responder(&authority.id)
                .is_some_and(|responder| {
                    let begin = Timestamp::from_unix(responder.certificate.not_before());
                    let end = Timestamp::from_unix(responder.certificate.not_after());
                    begin <= now && is_fresh(end, authority, life, now)
                });
            if fresh {
                continue;
            }
            let name = authority.id.as_str();
            let (row, key) = self
                .service(CertificateKind::OcspResponder, name, authority, life, now)
                .await?;
            let key = PrivateKey::from_pkcs8(&key)
                .map_err(|error| internal("open a responder's key", error))?;
            let certificate = Certificate::from_der(&row.der)
                .map_err(|error| internal("read a responder's certificate", error))?;
            let signer = Arc::new(SoftSigner::from_private_key(key));
            self.authorities().set_responder(
                &authority.id,
                Responder {
                    signer,
                    certificate,
                },
            );
        }
        Ok(())
    }

    /// Who signs the feed of the relying systems: the key, and the certificates up to the root, itself left out.
    pub(crate) async fn feed_signer(
        &self,
        now: Timestamp,
    ) -> Result<(SoftSigner, Vec<Certificate>)> {
        let authority = self.authorities().issuing(CaKeyPurpose::Subscriber)?;
        let policy = &self.policy().tls;
        let life = Life {
            days: policy.server_days,
            renew: policy.renew_days,
        };
        let name = authority.id.as_str();
        let (row, key) = self
            .service(CertificateKind::FeedSigner, name, &authority, life, now)
            .await?;
        let key =
            PrivateKey::from_pkcs8(&key).map_err(|error| internal("open the feed's key", error))?;
        let own = Certificate::from_der(&row.der)
            .map_err(|error| internal("read the feed's certificate", error))?;
        let mut chain = vec![own];
        if authority.certificate.subject() != authority.certificate.issuer() {
            chain.push(authority.certificate.clone());
        }
        Ok((SoftSigner::from_private_key(key), chain))
    }

    async fn service(
        &self,
        kind: CertificateKind,
        name: &str,
        authority: &Authority,
        life: Life,
        now: Timestamp,
    ) -> Result<(ServiceCertificateRow, Zeroizing<Vec<u8>>)> {
        let newest = self
            .store()
            .reader()
            .await?
            .newest_service_certificate(kind, name, now)
            .await?;
        if let Some(row) = newest
            && is_fresh(row.not_after, authority, life, now)
        {
            let key = self.keyring().open(
                Purpose::ServiceKey,
                &service_key_place(row.id.as_str()),
                &row.sealed_key,
            )?;
            return Ok((row, key));
        }
        self.make_service(kind, name, authority, life, now).await
    }

    async fn make_service(
        &self,
        kind: CertificateKind,
        name: &str,
        authority: &Authority,
        life: Life,
        now: Timestamp,
    ) -> Result<(ServiceCertificateRow, Zeroizing<Vec<u8>>)> {
        let key = PrivateKey::generate(KeyAlgorithm::P256)
            .map_err(|error| internal("make a service key", error))?;
        let pkcs8 = key
            .to_pkcs8()
            .map_err(|error| internal("encode a service key", error))?;
        let subject = self.service_subject(kind, name, authority)?;
        let profile = self.service_profile(kind, name, authority);
        let wanted = Wanted {
            kind,
            subject: &subject,
            subject_key: key.public_key(),
            not_before: now.plus_seconds(-self.policy().periods.backdate_seconds),
            not_after: now
                .plus_days(life.days)
                .plus_seconds(-1)
                .min(authority.not_after),
            profile: &profile,
            grant: None,
            shard: 0,
        };
        let serial = SerialNumber::generate(self.entropy());
        let intent = self.intend(authority, &wanted, serial, now)?;
        let kept = intent.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_intent(&kept.record, &kept.tbs).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        let der = self.sign_intent(&intent)?;
        let id = ServiceCertificateId::generate(now, self.entropy());
        let row = ServiceCertificateRow {
            sealed_key: self.keyring().seal(
                Purpose::ServiceKey,
                &service_key_place(id.as_str()),
                &pkcs8,
            )?,
            id,
            serial,
            not_after: wanted.not_after,
            der,
        };
        self.store_service(kind, name, row.clone(), now).await?;
        Ok((row, pkcs8))
    }

    async fn store_service(
        &self,
        kind: CertificateKind,
        name: &str,
        row: ServiceCertificateRow,
        now: Timestamp,
    ) -> Result<()> {
        let event = self.issued_event(row.serial, Actor::System, now);
        let service = ServiceCertificate {
            id: row.id,
            kind,
            name: name.to_owned(),
            serial: row.serial,
            sealed_key: row.sealed_key,
            not_after: row.not_after,
            created_at: now,
        };
        let der = row.der;
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !store_certificate(tx, service.serial, &der, &event).await? {
                        // Another process took the intent for left behind and voided it.
                        return Err(Error::Conflict);
                    }
                    tx.insert_service_certificate(&service).await?;
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    fn service_subject(
        &self,
        kind: CertificateKind,
        name: &str,
        authority: &Authority,
    ) -> Result<DistinguishedName> {
        let of_ca = |what: &str| {
            let ca = authority.certificate.subject().common_name();
            let room: String = ca.unwrap_or_default().chars().take(50).collect();
            format!("{room} {what}")
        };
        let common_name = match kind {
            CertificateKind::FeedSigner => of_ca("feed"),
            CertificateKind::OcspResponder => of_ca("OCSP"),
            CertificateKind::Subscriber | CertificateKind::TlsServer => name.to_owned(),
        };
        DistinguishedName::builder()
            .country(&self.policy().subject.country)
            .organization(&self.policy().ca.organization)
            .common_name(common_name)
            .build()
            .map_err(|error| internal("name a service", error))
    }

    fn service_profile(
        &self,
        kind: CertificateKind,
        name: &str,
        authority: &Authority,
    ) -> CertificateProfile {
        match kind {
            CertificateKind::FeedSigner => CertificateProfile::DocumentSigner(DocumentSigner {
                crl_uri: self.list_uri(&authority.id, Some(0)),
            }),
            CertificateKind::OcspResponder => CertificateProfile::OcspResponder(OcspResponder),
            CertificateKind::Subscriber | CertificateKind::TlsServer => {
                CertificateProfile::TlsServer(TlsServer {
                    dns_names: vec![name.to_owned()],
                    ip_addresses: Vec::new(),
                    crl_uri: Some(self.list_uri(&authority.id, Some(0))),
                })
            }
        }
    }
}

/// Whether a new certificate would be no better yet: its renewal is not due, or it ends with the CA itself.
fn is_fresh(not_after: Timestamp, authority: &Authority, life: Life, now: Timestamp) -> bool {
    now < not_after.plus_days(-life.renew) || not_after >= authority.not_after
}

/// What the sealed key of a service is bound to.
pub(crate) fn service_key_place(id: &str) -> String {
    format!("service_certificate/{id}/sealed_key")
}
