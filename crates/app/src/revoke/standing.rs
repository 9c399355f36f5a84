//! Whether a certificate can still be stopped, who asked for that already, and whether its own request ends it
//! (decision F4, T22, T24).

use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState};
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Refusal, Result};

impl App {
    /// Whether this certificate ends by its own request alone (F4): for itself, and for nothing else. One whose place
    /// a newer key of the same grant took, or beside which another one of it lives, stops them all at once; two
    /// operators end that. So an old terminal that was stolen destroys no newer certificate, and whoever lost the
    /// newer one stops it with the old one (T22, T24).
    pub(crate) async fn ends_itself(&self, own: &CertificateRecord, grant: &Grant) -> Result<bool> {
        if grant.state.serial() != Some(own.serial) {
            return Ok(false);
        }
        let mut reader = self.store().reader().await?;
        Ok(reader.set_aside_of(&grant.id).await?.is_empty())
    }

    /// Whether the newest request is open or was completed; after a lift, a new one is possible.
    pub(super) async fn is_requested(&self, grant: &Grant) -> Result<bool> {
        let mut reader = self.store().reader().await?;
        let latest = reader.latest_revocation_of(&grant.id).await?;
        let of_holder = latest.filter(|request| !request.is_by_operator());
        Ok(of_holder.is_some_and(|request| match &request.state {
            // What waits above the rate may be asked for again: then it is held as soon as it can be.
            RevocationState::Submitted | RevocationState::Proposed { .. } => !request.is_queued(),
            RevocationState::Ended { outcome, .. } => *outcome == Outcome::Complete,
            RevocationState::EndedByHolder { .. } => true,
        }))
    }

    /// The request of this grant that is not ended.
    pub(crate) async fn open_request(&self, grant: &Grant) -> Result<Option<RevocationRequest>> {
        let mut reader = self.store().reader().await?;
        Ok(reader.open_revocation_of(&grant.id).await?)
    }

    /// Whether an operator stopped the grant's certificate without a request of its holder.
    pub(crate) async fn is_held_by_operator(&self, grant: &Grant) -> Result<bool> {
        let open = self.open_request(grant).await?;
        Ok(open.is_some_and(|open| open.is_by_operator()))
    }
}

/// A certificate that was ended asks for nothing any more.
pub(crate) fn check_not_ended(own: &CertificateRecord) -> Result<()> {
    match own.state {
        CertificateState::Revoked { at, .. }
        | CertificateState::Superseded { at }
        | CertificateState::Void { at } => Err(Refusal::Revoked { at }.into()),
        CertificateState::Intended | CertificateState::Issued | CertificateState::OnHold { .. } => {
            Ok(())
        }
    }
}

pub(crate) fn check_revocable(
    grant: &Grant,
    record: Option<&CertificateRecord>,
    open: Option<&RevocationRequest>,
    now: Timestamp,
) -> Result<()> {
    let by_operator = open.is_some_and(RevocationRequest::is_by_operator);
    if let (true, GrantState::Frozen { at, .. }) = (by_operator, &grant.state) {
        let at = *at;
        return Err(Refusal::OnHold { at, by_operator }.into());
    }
    if let GrantState::Voided { at } = &grant.state {
        return Err(Refusal::Revoked { at: *at }.into());
    }
    if let Some(record) = record {
        match record.state {
            CertificateState::Revoked { at, .. }
            | CertificateState::Superseded { at }
            | CertificateState::Void { at } => return Err(Refusal::Revoked { at }.into()),
            CertificateState::OnHold { at } => {
                return Err(Refusal::OnHold { at, by_operator }.into());
            }
            CertificateState::Intended | CertificateState::Issued => {}
        }
    }
    if now > grant.not_after {
        return Err(Refusal::Expired {
            not_after: grant.not_after,
        }
        .into());
    }
    Ok(())
}
