//! What a certificate sees and does about itself and its terminal's others (P-06, T24): the client's JSON.
//!
//! Everything begins at the certificate of the connection. Its own lineage is read from there, and an ID that is named
//! is looked for in that lineage alone: whoever names another one learns nothing, not even that it exists.

mod certificates;
mod reference;
mod stop;

use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{Flow, FlowKind};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;
use tegata_pki::digest::sha256;

pub use self::certificates::{OwnCertificate, OwnIssued, OwnRelation};
pub use self::reference::{ReferencePage, ShownReference};
pub use self::stop::{OwnStop, OwnStopped, StopKind};

use crate::base::App;
use crate::error::{Refusal, Result};
use crate::identify::Identity;
use crate::renew::check_in_force;
use crate::source::Source;

/// What the terminal of a certificate reports about it (K3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnUse {
    /// リクエストID.
    pub request_id: RequestId,
    /// When it was first seen in use; `None` where its request has a newer key.
    pub seen_at: Option<Timestamp>,
}

impl App {
    /// Judges the certificate of a connection (leaf, DER) and names it; `None` where it is none of ours. One in force
    /// is recorded as seen in use, once.
    pub async fn own_fingerprint(
        &self,
        presented: &[u8],
        source: Source,
        now: Timestamp,
    ) -> Result<Option<Fingerprint>> {
        let identity = self.identify(Some(presented), source, now).await?;
        Ok(match identity {
            Identity::Foreign { .. } | Identity::Missing => None,
            Identity::Expired { .. }
            | Identity::Holder { .. }
            | Identity::OnHold { .. }
            | Identity::Revoked { .. } => Some(Fingerprint(sha256(presented))),
        })
    }

    /// 「この端末にインストールし、使えることを確認した」: that it was presented is its first sight, and
    /// [`own_fingerprint`](Self::own_fingerprint) has written that down.
    pub async fn report_own_use(&self, presented: Fingerprint, now: Timestamp) -> Result<OwnUse> {
        let (record, grant) = self.usable(presented, now).await?;
        let seen_at = match grant.state {
            GrantState::SeenInUse { serial, at } if serial == record.serial => Some(at),
            _ => None,
        };
        Ok(OwnUse {
            request_id: grant.request_id,
            seen_at,
        })
    }

    /// The certificate behind the connection with its grant, where it is in force and its grant not frozen.
    async fn usable(
        &self,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<(CertificateRecord, Grant)> {
        let (record, grant) = self.presented(presented).await?;
        self.check_not_held(&record, &grant).await?;
        if let CertificateState::Superseded { at } = record.state {
            return Err(Refusal::Replaced { at }.into());
        }
        check_in_force(&record, now)?;
        if let GrantState::Frozen { at, .. } = grant.state {
            return Err(Refusal::Frozen { at }.into());
        }
        Ok((record, grant))
    }

    /// The grant that is meant by a request ID: that of the certificate itself, or the renewal that continues it.
    /// Every other ID is as good as none.
    async fn own_or_next(
        &self,
        (record, grant): (&CertificateRecord, &Grant),
        request: &RequestId,
    ) -> Result<Grant> {
        if grant.request_id == *request {
            return Ok(grant.clone());
        }
        let next = self.successor_of(record).await?;
        let next = next.filter(|next| next.request_id == *request);
        Ok(next.ok_or(Refusal::NotFound)?)
    }

    /// Where a procedure that a client named stands; `None` where there is none with this id yet. One that another
    /// certificate began, or of another kind, is over for this one.
    pub(crate) async fn named_flow(
        &self,
        id: &FlowId,
        kind: FlowKind,
        presented: Fingerprint,
    ) -> Result<Option<Flow>> {
        let found = self.store().reader().await?.flow(id).await?;
        match found {
            Some(flow) if flow.kind == kind && flow.fingerprint == Some(presented) => {
                Ok(Some(flow))
            }
            Some(_) => Err(Refusal::FlowEnded.into()),
            None => Ok(None),
        }
    }
}
