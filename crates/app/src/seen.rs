//! Seen in use: a certificate was presented to us, or to a relying system that asks (decision K3). What was set aside for it is superseded then, and
//! not before (K2, F3): a holder whose new key does not work yet is not left without one.

use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateMove, CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantMove};
use tegata_domain::id::GrantId;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::App;
use crate::error::{Error, KeyDestroyed, Result};
use crate::issue::want_lists;

impl App {
    /// Records that a certificate in force was presented, once. One that was set aside says nothing about the
    /// grant's newer key.
    pub(crate) async fn see_in_use(
        &self,
        grant: &Grant,
        record: &CertificateRecord,
        actor: Actor,
        now: Timestamp,
    ) -> Result<()> {
        if grant.state.serial() != Some(record.serial) {
            return Ok(());
        }
        let state = grant.state.clone();
        let Ok(seen) = state.clone().apply(GrantMove::See, now) else {
            return Ok(());
        };
        if seen == state {
            return Ok(());
        }
        let object = format!("grant:{}", grant.id);
        let mut event = self.event(actor, "certificate.seen", object, String::new(), now);
        let id = grant.id.clone();
        let serial = record.serial;
        let is_renewal = grant.origin.predecessor().is_some();
        let superseded = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_grant(&id, &state, &seen).await? {
                        return Ok(0);
                    }
                    if is_renewal {
                        // Its file is installed, and without a letter nothing but our key guards the copy.
                        tx.destroy_key(&serial, KeyDestroyed::SeenInUse, now)
                            .await?;
                    }
                    let superseded = supersede_set_aside(tx, &id, now).await?;
                    if superseded > 0 {
                        event.detail = format!("{superseded} older superseded");
                    }
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(superseded)
                })
            })
            .await?;
        if superseded > 0 {
            self.want_publication();
        }
        Ok(())
    }
}

/// Every certificate that was set aside for a newer key ends; one on hold stays, since only persons end a hold.
/// Answers how many.
async fn supersede_set_aside(tx: &mut Tx, grant: &GrantId, now: Timestamp) -> Result<usize> {
    let mut superseded = 0;
    for record in tx.set_aside_of(grant).await? {
        if record.state != CertificateState::Issued {
            continue;
        }
        let ended = record.state.apply(CertificateMove::Supersede, now)?;
        let serial = &record.serial;
        if !tx.move_certificate(serial, &record.state, &ended).await? {
            return Err(Error::Conflict);
        }
        tx.destroy_key(serial, KeyDestroyed::SeenInUse, now).await?;
        want_lists(tx, &record.ca_key, record.shard, now).await?;
        superseded += 1;
    }
    Ok(superseded)
}
