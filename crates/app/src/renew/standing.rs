//! Whether the certificate behind a connection may renew: in force, stopped by nobody, its window open, and not
//! continued yet (decisions F3, D1).

use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{Fingerprint, SerialNumber};
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::App;
use crate::error::{Error, Refusal, Result};

impl App {
    /// The certificate behind a connection, which `identify` found to be ours, with its grant.
    pub(crate) async fn presented(
        &self,
        presented: Fingerprint,
    ) -> Result<(CertificateRecord, Grant)> {
        let mut reader = self.store().reader().await?;
        let record = reader.certificate_by_fingerprint(&presented).await?;
        let record = record.ok_or(Refusal::OtherCertificate)?;
        let grant = match &record.grant {
            Some(id) => reader.grant(id).await?,
            None => None,
        };
        Ok((record, grant.ok_or(Refusal::OtherCertificate)?))
    }

    /// Whether this certificate can be renewed now (D1, F3).
    pub(super) async fn check_renewable(
        &self,
        record: &CertificateRecord,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<()> {
        self.check_may_act(record, grant, now).await?;
        let successor = self.successor_of(record).await?;
        self.check_standing(record, successor.as_ref(), now)
    }

    /// Whether the certificate that is presented is in force, and nobody stopped it or its grant.
    pub(crate) async fn check_may_act(
        &self,
        record: &CertificateRecord,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<()> {
        self.check_not_held(record, grant).await?;
        check_in_force(record, now)?;
        match grant.state {
            GrantState::Frozen { at, .. } => Err(Refusal::Frozen { at }.into()),
            _ => Ok(()),
        }
    }

    /// Whether the window is open and no renewal continues the certificate yet (D1).
    pub(crate) fn check_standing(
        &self,
        record: &CertificateRecord,
        successor: Option<&Grant>,
        now: Timestamp,
    ) -> Result<()> {
        let state = successor.map(|grant| &grant.state);
        match RenewalStanding::of(record.not_after, state, &self.policy().periods, now) {
            RenewalStanding::Open => Ok(()),
            RenewalStanding::Early { opens } => Err(Refusal::RenewalNotOpen { opens }.into()),
            RenewalStanding::Accepted | RenewalStanding::Collected | RenewalStanding::Replaced => {
                Err(Refusal::RenewedBefore.into())
            }
        }
    }

    /// A certificate on hold does nothing, and its page says who stopped it (text 1).
    pub(crate) async fn check_not_held(
        &self,
        record: &CertificateRecord,
        grant: &Grant,
    ) -> Result<()> {
        let CertificateState::OnHold { at } = record.state else {
            return Ok(());
        };
        let by_operator = self.is_held_by_operator(grant).await?;
        Err(Refusal::OnHold { at, by_operator }.into())
    }

    /// A renewal whose certificate is in use gives no other key: two holders would be two too many (F3).
    pub(crate) fn check_unused(&self, grant: &Grant) -> Result<()> {
        if !matches!(grant.state, GrantState::SeenInUse { .. }) {
            return Ok(());
        }
        let request = grant.request_id.as_str();
        tracing::error!(
            request.id = request,
            "another key was asked for a renewal that is in use: two hold the older certificate's key; call the holder"
        );
        Err(Refusal::RenewedBefore.into())
    }
}

/// Inside a transaction: the presented certificate is in force, and stays so until the commit (T20, T23).
pub(crate) async fn keep_in_force(
    tx: &mut Tx,
    serial: &SerialNumber,
    now: Timestamp,
) -> Result<()> {
    tx.hold_still(serial).await?;
    let fresh = tx.certificate(serial).await?;
    check_in_force(&fresh.ok_or(Error::Conflict)?, now)
}

/// A certificate on hold, stopped, replaced or past its end never renews (F3).
pub(crate) fn check_in_force(record: &CertificateRecord, now: Timestamp) -> Result<()> {
    match record.state {
        CertificateState::Issued if now > record.not_after => Err(Refusal::Expired {
            not_after: record.not_after,
        }
        .into()),
        CertificateState::Issued => Ok(()),
        CertificateState::Revoked { at, .. }
        | CertificateState::Superseded { at }
        | CertificateState::Void { at } => Err(Refusal::Revoked { at }.into()),
        // A hold that came in this moment: the next look says who made it.
        CertificateState::Intended | CertificateState::OnHold { .. } => Err(Error::Conflict),
    }
}
