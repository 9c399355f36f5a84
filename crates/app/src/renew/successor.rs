//! The renewals of a certificate: which ones there are, where each of them stands, and the way to their retrieval
//! (RU-5, manual 3.2.1.1).

use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{FlowKind, FlowStep};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::Fingerprint;
use tegata_domain::issuance::RequestStatus;
use tegata_domain::reference::RequestId;
use tegata_domain::renewal::KeyPlace;
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::cookie::FlowSecret;
use crate::error::{Refusal, Result};
use crate::flow::Opened;
use crate::source::Source;

/// A renewal as the list and the state line show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// リクエストID.
    pub request_id: RequestId,
    /// 証明書更新申請日時.
    pub accepted_at: Timestamp,
    /// 有効期限 of the newer certificate.
    pub not_after: Timestamp,
    /// The last second in which it can be retrieved.
    pub window_end: Timestamp,
    /// Where its key is: the authority hands out what it has alone.
    pub key: KeyPlace,
    /// 証明書ステータス.
    pub status: RequestStatus,
    /// Whether it continues the certificate that asks.
    pub is_next: bool,
}

impl App {
    /// RU-5: every renewal on the presented certificate's application, the newest first, and the Common Name
    /// that all of them have.
    pub async fn list_renewals(&self, presented: Fingerprint) -> Result<(Vec<Successor>, String)> {
        let (record, grant) = self.presented(presented).await?;
        let mut reader = self.store().reader().await?;
        let grants = reader.grants_of_application(&grant.application).await?;
        let next = reader.successors_of(&record.serial).await?;
        drop(reader);
        let mut renewals = Vec::new();
        for other in grants.into_iter().rev() {
            if other.origin.predecessor().is_some() {
                let is_next = next.iter().any(|next| next.id == other.id);
                renewals.push(self.successor(&other, is_next).await?);
            }
        }
        Ok((renewals, grant.code.as_str().to_owned()))
    }

    /// RU-5 → RU-3: begins the retrieval of an accepted renewal.
    pub async fn open_retrieval(
        &self,
        request: &RequestId,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<Opened> {
        let (record, _) = self.presented(presented).await?;
        let mut reader = self.store().reader().await?;
        let successors = reader.successors_of(&record.serial).await?;
        drop(reader);
        let grant = successors
            .into_iter()
            .find(|grant| grant.request_id == *request)
            .ok_or(Refusal::NotFound)?;
        let made = self.record_of(&grant).await?;
        self.check_collectable(&grant, made.as_ref(), now).await?;
        self.check_unused(&grant)?;
        self.check_made_here(&grant).await?;
        let kind = (FlowKind::Retrieve, FlowStep::Password);
        let flow = self
            .begin_flow(kind, &grant, Some(presented), source, now)
            .await?;
        let secret = FlowSecret {
            // It opens nothing: without a letter the key stands under the key-encryption key alone (K3). It
            // keeps the digest of a short password from telling anything.
            wrap_key: tegata_domain::secret::Secret::new(tegata_domain::entropy::octets::<32>(
                self.entropy(),
            )),
            last_two: String::new(),
            password: None,
        };
        let cookie = self.seal_cookie(&flow, &secret)?;
        Ok(Opened { flow, cookie })
    }

    /// The renewal that continues a certificate, unless it was given up.
    pub(crate) async fn successor_of(&self, record: &CertificateRecord) -> Result<Option<Grant>> {
        let mut reader = self.store().reader().await?;
        let successors = reader.successors_of(&record.serial).await?;
        Ok(successors.into_iter().rfind(is_live))
    }

    pub(crate) async fn successor(&self, grant: &Grant, is_next: bool) -> Result<Successor> {
        let record = self.record_of(grant).await?;
        Ok(Successor {
            request_id: grant.request_id.clone(),
            accepted_at: grant.approved_at,
            not_after: grant.not_after,
            window_end: grant.window_end,
            key: self.key_place(grant).await?,
            status: status_of(&grant.state, record.as_ref()),
            is_next,
        })
    }
}

/// A renewal that was given up is none.
pub(crate) fn is_live(renewal: &Grant) -> bool {
    !matches!(renewal.state, GrantState::Voided { .. })
}

/// 証明書ステータス of a renewal, from where its grant and its certificate stand.
pub(crate) fn status_of(state: &GrantState, record: Option<&CertificateRecord>) -> RequestStatus {
    match (state, record.map(|record| record.state)) {
        (GrantState::Frozen { from, .. }, _) => status_of(from, record),
        (GrantState::Voided { at }, _) => RequestStatus::Void { at: *at },
        (GrantState::SeenInUse { .. }, _) => RequestStatus::SeenInUse,
        (GrantState::Collected { .. }, _) => RequestStatus::Collected,
        (_, Some(CertificateState::Intended)) => RequestStatus::IssueRequested,
        (_, Some(_)) => RequestStatus::Issued,
        (_, None) => RequestStatus::GeneratingKey,
    }
}
