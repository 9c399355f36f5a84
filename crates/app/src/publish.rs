//! Revocation lists: made on change and hourly, one for each shard and one complete for each CA key (W4).

use tegata_domain::id::CaKeyId;
use tegata_domain::revocation::ReasonCode as DomainReason;
use tegata_domain::time::Timestamp;
use tegata_pki::crl::{CrlWriter, ReasonCode};
use tegata_store::{DuePublication, FinishedList};

use crate::authority::Authority;
use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::failpoint::failpoint;

/// Lists made at the most in one run, so that other jobs get their turn.
const LISTS_IN_A_RUN: u32 = 256;

impl App {
    /// Makes every list that is due, also where one of them fails. Returns how many were made. Several processes may do so
    /// at once: of two lists with the same number the first is stored, and no list is followed by an older one (0010).
    pub async fn publish_due(&self, now: Timestamp) -> Result<usize> {
        self.may_sign()?;
        let due = self
            .store()
            .reader()
            .await?
            .due_publications(now, LISTS_IN_A_RUN)
            .await?;
        let mut made = 0;
        let mut failed = None;
        for row in due {
            match self.publish_list(&row, now).await {
                Ok(done) => made += usize::from(done),
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(made), Err)
    }

    /// Makes one list. `false`: another process was faster, or the key is offline.
    async fn publish_list(&self, row: &DuePublication, now: Timestamp) -> Result<bool> {
        let Some(authority) = self
            .authorities()
            .find(&row.ca_key)
            .filter(|key| key.is_online())
        else {
            return Ok(false);
        };
        let policy = &self.policy().crl;
        let number = row.number.saturating_add(1).max(now.unix());
        let next_update = now.plus_seconds(policy.next_update_hours * 3_600);
        let der = self
            .write_list(&authority, row, number, now, next_update)
            .await?;
        failpoint!(self, "failpoint:publish:after-sign");
        let finished = FinishedList {
            ca_key: row.ca_key.clone(),
            list: row.list.clone(),
            wanted: row.wanted,
            number,
            this_update: now,
            next_update,
            due_at: now.plus_seconds(policy.interval_minutes * 60),
            der,
        };
        self.store()
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.finish_publication(finished).await?) })
            })
            .await
    }

    async fn write_list(
        &self,
        authority: &Authority,
        row: &DuePublication,
        number: i64,
        now: Timestamp,
        next_update: Timestamp,
    ) -> Result<Vec<u8>> {
        let shard = row.list.parse::<i64>().ok();
        let uri = shard.map(|shard| self.list_uri(&authority.id, Some(shard)));
        let mut writer = CrlWriter::new(
            authority.certificate.subject(),
            authority.certificate.public_key(),
            number.unsigned_abs(),
            now.unix(),
            next_update.unix(),
            uri.as_deref(),
        )
        .map_err(|error| internal("begin a revocation list", error))?;
        // A list that was made while the clock was ahead says nothing of who ended since.
        let cutoff = row.this_update.min(now);
        let mut failed = None;
        let mut reader = self.store().reader().await?;
        reader
            .listed(&authority.id, shard, cutoff, |entry| {
                let reason = entry.reason.map(reason_code);
                if let Err(error) = writer.push(entry.serial.octets(), entry.at.unix(), reason) {
                    failed.get_or_insert(error);
                }
            })
            .await?;
        if let Some(error) = failed {
            return Err(internal("write a revocation list", error));
        }
        let signer = authority.signer()?;
        tokio::task::spawn_blocking(move || writer.finish(signer.as_ref()))
            .await
            .map_err(|error| internal("sign a revocation list", error))?
            .map_err(|error| internal("sign a revocation list", error))
    }

    /// The address of a list, as it stands in certificates and in the list itself.
    pub(crate) fn list_uri(&self, ca_key: &CaKeyId, shard: Option<i64>) -> String {
        format!(
            "{}/crl/{ca_key}/{}.crl",
            self.addresses().plain,
            list_name(shard)
        )
    }
}

/// The name of a list: the shard's number, or `all`.
pub(crate) fn list_name(shard: Option<i64>) -> String {
    shard.map_or_else(|| "all".to_owned(), |shard| shard.to_string())
}

/// The reason in the words of `pki`.
pub(crate) fn reason_code(reason: DomainReason) -> ReasonCode {
    match reason {
        DomainReason::KeyCompromise => ReasonCode::KeyCompromise,
        DomainReason::AffiliationChanged => ReasonCode::AffiliationChanged,
        DomainReason::Superseded => ReasonCode::Superseded,
        DomainReason::CessationOfOperation => ReasonCode::CessationOfOperation,
        DomainReason::CertificateHold => ReasonCode::CertificateHold,
        DomainReason::PrivilegeWithdrawn => ReasonCode::PrivilegeWithdrawn,
    }
}
