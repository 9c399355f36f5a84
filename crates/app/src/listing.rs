//! What operators look up: lists by key, and one case as a whole.

use tegata_domain::application::CertificateApplication;
use tegata_domain::certificate::CertificateRecord;
use tegata_domain::grant::Grant;
use tegata_domain::id::{ApplicationId, GrantId, SerialNumber};
use tegata_domain::outbox::OutboxMail;
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::RevocationRequest;
use tegata_store::{AuditRow, Collection};

use crate::base::App;
use crate::error::Result;

/// A case as a whole; no secret in it.
pub struct GrantStory {
    /// The grant.
    pub grant: Grant,
    /// Its certificate, once the key is fixed.
    pub certificate: Option<CertificateRecord>,
    /// Its collections, oldest first.
    pub collections: Vec<Collection>,
    /// The newest request to revoke.
    pub revocation: Option<RevocationRequest>,
    /// What happened, oldest first; of a very long story the newest part.
    pub audit: Vec<AuditRow>,
}

/// Most events of one case that are shown.
const EVENTS: u32 = 500;

impl App {
    /// The case of a request ID.
    pub async fn grant_story(&self, request: &RequestId) -> Result<GrantStory> {
        let grant = self.grant_by(request).await?;
        let certificate = self.record_of(&grant).await?;
        let mut reader = self.store().reader().await?;
        let object = format!("grant:{}", grant.id);
        let mut audit = reader.newest_audit_of(&object, EVENTS).await?;
        audit.reverse();
        Ok(GrantStory {
            certificate,
            collections: reader.collections_of(&grant.id).await?,
            revocation: reader.latest_revocation_of(&grant.id).await?,
            audit,
            grant,
        })
    }

    /// Grants in the order of approval, after `after`.
    pub async fn list_grants(&self, after: Option<&GrantId>, limit: u32) -> Result<Vec<Grant>> {
        Ok(self
            .store()
            .reader()
            .await?
            .list_grants(after, limit)
            .await?)
    }

    /// Applications in this state (`submitted`, `examined`), after `after`.
    pub async fn list_applications(
        &self,
        state: &str,
        after: Option<&ApplicationId>,
        limit: u32,
    ) -> Result<Vec<CertificateApplication>> {
        Ok(self
            .store()
            .reader()
            .await?
            .list_applications(state, after, limit)
            .await?)
    }

    /// Requests to revoke that wait for two operators.
    pub async fn list_revocations(&self) -> Result<Vec<RevocationRequest>> {
        Ok(self
            .store()
            .reader()
            .await?
            .list_open_revocations(None, EVENTS)
            .await?)
    }

    /// Certificates in the order of their serial numbers, after `after`.
    pub async fn list_certificates(
        &self,
        after: Option<&SerialNumber>,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>> {
        Ok(self
            .store()
            .reader()
            .await?
            .list_certificates(after, limit)
            .await?)
    }

    /// A certificate's DER.
    pub async fn certificate_der(&self, serial: &SerialNumber) -> Result<Option<Vec<u8>>> {
        Ok(self.store().reader().await?.certificate_der(serial).await?)
    }

    /// Mails that wait to be sent.
    pub async fn waiting_mails(&self, limit: u32) -> Result<Vec<OutboxMail>> {
        Ok(self.store().reader().await?.waiting_mails(limit).await?)
    }
}
