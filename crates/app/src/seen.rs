//! Seen in use: a certificate was presented to us, or to a relying system that asks (decision K3). What was set aside for it is superseded then, and
//! not before (K2, F3): a holder whose new key does not work yet is not left without one.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{CertificateMove, CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantMove, GrantOrigin};
use tegata_domain::id::{GrantId, SerialNumber};
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::App;
use crate::error::{Error, KeyDestroyed, Result};
use crate::issue::want_lists;

impl App {
    /// Records that a certificate in force was presented, once. One that was set aside for a newer key counts as well
    /// (F3): it takes its place again, and whatever is older than it ends.
    pub(crate) async fn see_in_use(
        &self,
        grant: &Grant,
        record: &CertificateRecord,
        actor: Actor,
        now: Timestamp,
    ) -> Result<()> {
        let superseded = if grant.state.serial() == Some(record.serial) {
            self.see_newest(grant, record.serial, actor, now).await?
        } else {
            self.see_other(grant, record, actor, now).await?
        };
        if superseded > 0 {
            self.want_publication();
        }
        Ok(())
    }

    /// The grant's newest certificate is presented. Answers how many older ones ended.
    async fn see_newest(
        &self,
        grant: &Grant,
        serial: SerialNumber,
        actor: Actor,
        now: Timestamp,
    ) -> Result<usize> {
        let state = grant.state.clone();
        let Ok(seen) = state.clone().apply(GrantMove::See, now) else {
            return Ok(0);
        };
        if seen == state {
            return Ok(0);
        }
        let mut event = self.seen_event(grant, &actor, now);
        let app = self.clone();
        let id = grant.id.clone();
        let is_renewal = grant.origin.predecessor().is_some();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    // In the order of a hold, certificates before their grant.
                    for older in tx.set_aside_of(&id).await? {
                        tx.hold_still(&older.serial).await?;
                    }
                    if !tx.move_grant(&id, &state, &seen).await? {
                        return Ok(0);
                    }
                    if is_renewal {
                        // Its file is installed, and without a letter nothing but our key guards the copy.
                        app.destroy_seen_key(tx, serial, &actor, now).await?;
                    }
                    let superseded = app.supersede_set_aside(tx, &id, None, &actor, now).await?;
                    if superseded > 0 {
                        event.detail = format!("{superseded} older superseded");
                    }
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(superseded)
                })
            })
            .await
    }

    /// The certificate that is presented is not the grant's newest: it was made for another key of the same renewal. (The
    /// older certificate of a letter that two operators opened again goes on until the newer one is used: K2.)
    /// From now on it is the one in use, and no further key is certified. Certificates made before it end; newer ones
    /// wait, and end it in their turn once one of them is seen: two hold a key of this renewal then. Answers how many ended.
    async fn see_other(
        &self,
        grant: &Grant,
        record: &CertificateRecord,
        actor: Actor,
        now: Timestamp,
    ) -> Result<usize> {
        let (GrantOrigin::Renewal { .. }, Some(newest)) = (grant.origin, grant.state.serial())
        else {
            return Ok(0);
        };
        let state = grant.state.clone();
        let Ok(seen) = state.clone().apply(GrantMove::SeeOther(record.serial), now) else {
            return Ok(0);
        };
        let request = grant.request_id.as_str();
        tracing::error!(
            request.id = request,
            serial = %record.serial,
            "two certificates of one renewal are there, and the one that is presented is not the last one asked for: \
             two may hold its keys; call the holder"
        );
        let mut event = self.seen_event(grant, &actor, now);
        let app = self.clone();
        let (id, serial, made_at) = (grant.id.clone(), record.serial, record.created_at);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_grant(&id, &state, &seen).await? {
                        return Ok(0);
                    }
                    tx.set_aside(&newest, now).await?;
                    if !tx.take_back(&serial).await? {
                        return Err(Error::Conflict);
                    }
                    app.destroy_seen_key(tx, serial, &actor, now).await?;
                    let superseded = app
                        .supersede_set_aside(tx, &id, Some(made_at), &actor, now)
                        .await?;
                    event.detail = format!("{serial}, not {newest}; {superseded} older superseded");
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(superseded)
                })
            })
            .await
    }

    fn seen_event(&self, grant: &Grant, actor: &Actor, now: Timestamp) -> AuditEvent {
        let object = format!("grant:{}", grant.id);
        self.event(
            actor.clone(),
            "certificate.seen",
            object,
            String::new(),
            now,
        )
    }

    /// Every certificate that was set aside, of those made before `made_before` where that is said, ends; one on hold
    /// stays, since only persons end a hold. Answers how many.
    async fn supersede_set_aside(
        &self,
        tx: &mut Tx,
        grant: &GrantId,
        made_before: Option<Timestamp>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<usize> {
        let mut superseded = 0;
        for record in tx.set_aside_of(grant).await? {
            let is_newer = made_before.is_some_and(|made| record.created_at >= made);
            if is_newer || record.state != CertificateState::Issued {
                continue;
            }
            let ended = record.state.apply(CertificateMove::Supersede, now)?;
            let serial = &record.serial;
            if !tx.move_certificate(serial, &record.state, &ended).await? {
                return Err(Error::Conflict);
            }
            let object = format!("certificate:{serial}");
            let detail = format!("another one of grant {grant} is in use");
            let event = self.event(actor.clone(), "certificate.supersede", object, detail, now);
            tx.insert_audit(&event).await?;
            self.destroy_seen_key(tx, *serial, actor, now).await?;
            want_lists(tx, &record.ca_key, record.shard, now).await?;
            superseded += 1;
        }
        Ok(superseded)
    }

    /// A key that is not needed here any more: its file is in use, or another one is.
    async fn destroy_seen_key(
        &self,
        tx: &mut Tx,
        serial: SerialNumber,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<()> {
        if tx
            .destroy_key(&serial, KeyDestroyed::SeenInUse, now)
            .await?
        {
            let object = format!("certificate:{serial}");
            let detail = "a certificate of its grant was seen in use".to_owned();
            let event = self.event(actor.clone(), "key.destroy", object, detail, now);
            tx.insert_audit(&event).await?;
        }
        Ok(())
    }
}
