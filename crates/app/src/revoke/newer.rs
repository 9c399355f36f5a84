//! The newer certificate of the same terminal, about which RX-2 asks (decision F4).

use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{GrantId, SerialNumber};
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::App;
use crate::error::Result;
use crate::renew::is_live;

/// A live renewal of the certificate that is to be stopped (F4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewerCertificate {
    /// Its last second.
    pub not_after: Timestamp,
    /// Whether it was seen in use.
    pub is_in_use: bool,
}

impl App {
    /// The renewal of the grant's certificate that RX-2 asks about.
    pub(super) async fn newer(&self, grant: &Grant) -> Result<Option<NewerCertificate>> {
        let newer = self.live_newer(grant).await?;
        Ok(newer.map(|(newer, _)| NewerCertificate {
            not_after: newer.not_after,
            is_in_use: matches!(newer.state, GrantState::SeenInUse { .. }),
        }))
    }

    /// The renewal of the grant's certificate, with its certificate, where it can still be stopped.
    pub(crate) async fn live_newer(
        &self,
        grant: &Grant,
    ) -> Result<Option<(Grant, Option<CertificateRecord>)>> {
        let Some(record) = self.record_of(grant).await? else {
            return Ok(None);
        };
        let Some(newer) = self.successor_of(&record).await? else {
            return Ok(None);
        };
        let made = self.record_of(&newer).await?;
        let live = match (&newer.state, made.as_ref().map(|made| made.state)) {
            (GrantState::Frozen { .. }, None) => false,
            (_, None | Some(CertificateState::Issued | CertificateState::Intended)) => true,
            (_, Some(_)) => false,
        };
        Ok(live.then_some((newer, made)))
    }
}

/// Which renewal continues the certificate that is to be stopped: the one that its holder was asked about.
pub(crate) struct Continued {
    serial: Option<SerialNumber>,
    by: Option<GrantId>,
}

impl Continued {
    pub(crate) async fn of(app: &App, record: Option<&CertificateRecord>) -> Result<Self> {
        let by = match record {
            Some(record) => app.successor_of(record).await?.map(|grant| grant.id),
            None => None,
        };
        let serial = record.map(|record| record.serial);
        Ok(Self { serial, by })
    }

    /// Whether it is still that one.
    pub(crate) async fn is_so(&self, tx: &mut Tx) -> Result<bool> {
        let Some(serial) = &self.serial else {
            return Ok(true);
        };
        let successors = tx.successors_of(serial).await?;
        let by = successors.into_iter().rfind(is_live).map(|grant| grant.id);
        Ok(by == self.by)
    }
}
