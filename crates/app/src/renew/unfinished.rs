//! Renewals that were accepted and have no key yet: what a crash or a resting signer left, the timer finishes.

use tegata_domain::audit::Actor;
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::time::Timestamp;
use tegata_store::CaKeyPurpose;

use crate::base::App;
use crate::error::{Error, Refusal, Result};

impl App {
    /// Finishes renewals that a crash or a resting signer left without a key. One that can never be issued is
    /// given up, so that its holder can apply again (RU-E9). One that something of ours is wrong with keeps no other
    /// waiting; where a try cost a serial number it is tried again after a day, or when its holder asks. While no CA key
    /// is there to issue with, none is tried.
    pub(crate) async fn finish_renewals(
        &self,
        before: Timestamp,
        at_once: u32,
        now: Timestamp,
    ) -> Result<usize> {
        if self
            .authorities()
            .issuing(CaKeyPurpose::Subscriber)
            .is_err()
        {
            return Ok(0);
        }
        let tried = now.plus_days(-1);
        let mut finished = 0;
        let mut last = None;
        loop {
            let mut reader = self.store().reader().await?;
            let waiting = reader
                .renewals_without_key(before, tried, last.as_ref(), at_once)
                .await?;
            drop(reader);
            let Some(newest) = waiting.last() else {
                return Ok(finished);
            };
            last = Some(newest.clone());
            finished += self.finish_each(waiting, now).await?;
        }
    }

    async fn finish_each(&self, waiting: Vec<Grant>, now: Timestamp) -> Result<usize> {
        let mut finished = 0;
        for grant in waiting {
            match self
                .ensure_certificate(&grant, None, &Actor::System, now)
                .await
            {
                Ok(_) => finished += 1,
                Err(Error::Refused(reason)) => self.give_up(grant, &reason, now).await?,
                // Somebody else goes on with it.
                Err(Error::Conflict) => {}
                Err(Error::Internal(reason)) => {
                    let request_id = grant.request_id.as_str();
                    tracing::error!(
                        reason,
                        request.id = request_id,
                        "a renewal cannot be issued"
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(finished)
    }

    async fn give_up(&self, grant: Grant, reason: &Refusal, now: Timestamp) -> Result<()> {
        let void = GrantState::Voided { at: now };
        let object = format!("grant:{}", grant.id);
        let event = self.event(
            Actor::System,
            "renewal.void",
            object,
            reason.to_string(),
            now,
        );
        let because = "the renewal was given up".to_owned();
        let forgotten = self.forgotten_event(&grant.id, Actor::System, because, now);
        tracing::error!(%reason, request.id = grant.request_id.as_str(), "a renewal is given up");
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.move_grant(&grant.id, &grant.state, &void).await? {
                        tx.insert_audit(&event).await?;
                        if tx.drop_letter_secret(&grant.id).await? {
                            tx.insert_audit(&forgotten).await?;
                        }
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}
