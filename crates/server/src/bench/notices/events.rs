//! What happens to the certificates of the bench from day to day.

use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, retrieval_end};
use tegata_domain::id::{GrantId, SerialNumber};
use tegata_domain::policy::Periods;
use tegata_domain::reference::{ReferenceScope, RequestId};
use tegata_domain::time::Timestamp;
use tegata_store::{StoreError, Tx};

use super::plan::Life;
use super::{Case, at_day, failed};
use crate::bench::fleet::reference;
use crate::bench::world::World;
use crate::failure::Outcome;
use crate::instance::database_failure;
use crate::system::SystemEntropy;

/// What happens to a certificate on a day.
pub(super) struct Event {
    number: u64,
    serial: SerialNumber,
    grant: GrantId,
    not_after: Timestamp,
    life: Life,
    /// Days to its last one.
    left: i64,
}

impl Event {
    pub(super) fn of(case: &Case, place: usize, left: i64) -> Option<Self> {
        Some(Self {
            number: SUCCESSORS + u64::try_from(place).ok()?,
            serial: case.stored.serial,
            grant: case.stored.grant.clone(),
            not_after: Timestamp::from_unix(case.row.not_after),
            life: case.life,
            left,
        })
    }

    async fn happen(
        &self,
        tx: &mut Tx,
        periods: &Periods,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let serial = &self.serial;
        match self.life {
            Life::Renewed { on, .. } if self.left == on => {
                let window_end = retrieval_end(self.not_after, periods);
                renew(tx, self, window_end, at).await
            }
            Life::Renewed { .. } => see(tx, *serial, at).await,
            Life::Held { from, .. } if self.left == from => {
                let held = CertificateState::OnHold { at };
                tx.move_certificate(serial, &CertificateState::Issued, &held)
                    .await
            }
            Life::Held { .. } => {
                let held = tx.certificate(serial).await?.map(|record| record.state);
                let held = held.unwrap_or(CertificateState::Issued);
                tx.move_certificate(serial, &held, &CertificateState::Issued)
                    .await
            }
            Life::Revoked { .. } => {
                let revoked = CertificateState::Revoked { at, reason: None };
                tx.move_certificate(serial, &CertificateState::Issued, &revoked)
                    .await
            }
            Life::Kept => Ok(true),
        }
    }
}

/// Lets everything happen that a day brings.
pub(super) async fn live(world: &World, events: Vec<Event>, day: i64) -> Outcome<()> {
    let periods = world.app.policy().periods.clone();
    let at = at_day(day);
    let done = world.store.write(move |tx| {
        Box::pin(async move {
            let mut done = true;
            for event in &events {
                done &= event.happen(tx, &periods, at).await?;
            }
            Ok::<_, StoreError>(done)
        })
    });
    let done = done
        .await
        .map_err(|error| database_failure("let a day pass", &error))?;
    if done {
        Ok(())
    } else {
        Err(failed("let a day pass"))
    }
}

/// A renewal that was collected at once.
async fn renew(
    tx: &mut Tx,
    event: &Event,
    window_end: Timestamp,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let Some(old) = tx.grant(&event.grant).await? else {
        return Ok(false);
    };
    let (row, stored) = reference(at, ReferenceScope::Renewal);
    let serial = SerialNumber::generate(&SystemEntropy);
    let grant = Grant {
        id: GrantId::generate(at, &SystemEntropy),
        request_id: RequestId::new(at.japan_date(), event.number),
        origin: GrantOrigin::Renewal {
            predecessor: event.serial,
        },
        approved_at: at,
        not_after: at.plus_months(39),
        window_end,
        state: GrantState::Collected { serial, at },
        ..old
    };
    tx.insert_grant(&grant, &row, &stored, b"").await?;
    Ok(true)
}

/// The newer certificate is used.
async fn see(tx: &mut Tx, predecessor: SerialNumber, at: Timestamp) -> Result<bool, StoreError> {
    let successors = tx.successors_of(&predecessor).await?;
    let Some(grant) = successors.into_iter().next() else {
        return Ok(false);
    };
    let Some(serial) = grant.state.serial() else {
        return Ok(false);
    };
    let seen = GrantState::SeenInUse { serial, at };
    tx.move_grant(&grant.id, &grant.state, &seen).await
}

/// Request IDs of successors begin here.
const SUCCESSORS: u64 = 5_000_000;
