//! What the acceptance of a renewal stores, by whichever way it was asked for: the grant that continues another one,
//! its reference ID, the audit event and the mails (decisions D2, I2, F9).

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::CertificateRecord;
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, not_after, retrieval_end};
use tegata_domain::id::{GrantId, ReferenceRowId};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::{ReferenceScope, RequestId, StoredReference};
use tegata_domain::time::Timestamp;
use tegata_store::{StoreError, Tx};

use super::standing::keep_in_force;
use super::successor::is_live;
use crate::base::App;
use crate::download::values_of;
use crate::error::{Error, Refusal, Result};
use crate::issue::check_institution;
use crate::letter::letter_place;
use crate::seal::Purpose;
use crate::source::Source;

/// Who makes the key of a renewal (K1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyMaker {
    /// We do; a browser fetches it.
    Authority,
    /// The terminal did; its request came along.
    Terminal,
}

/// Everything that the acceptance of a renewal writes.
#[derive(Clone)]
pub(crate) struct PreparedRenewal {
    pub(crate) grant: Grant,
    /// The certificate that it continues, and the grant of that one.
    record: CertificateRecord,
    old: Grant,
    reference_row: ReferenceRowId,
    stored: StoredReference,
    sealed: Vec<u8>,
    event: AuditEvent,
    mails: Vec<OutboxMail>,
}

impl App {
    /// A renewal of `old`, ready to be stored. Its end follows from the clock, which must be believed (S7).
    pub(crate) async fn prepare_renewal(
        &self,
        record: CertificateRecord,
        old: &Grant,
        key: KeyMaker,
        source: Source,
        now: Timestamp,
    ) -> Result<PreparedRenewal> {
        self.may_sign()?;
        let number = self.next_request_number().await?;
        let grant = self.renewal_of(&record, old, number, now);
        let (stored, sealed) = self.renewal_reference(&grant, now)?;
        let reference_row = ReferenceRowId::generate(now, self.entropy());
        let object = format!("grant:{}", grant.id);
        let detail = format!("request {} continues {}", grant.request_id, record.serial);
        let actor = Actor::Subscriber(source.to_string());
        let event = self.event(actor, "renewal.accept", object, detail, now);
        let mut values = values_of(&grant);
        values.push(("old_not_after", record.not_after.to_string()));
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        if key == KeyMaker::Terminal {
            values.push(("terminal_key", "yes".to_owned()));
        }
        let kind = MailKind::RenewalAccepted;
        let key = format!("renewal_accepted:{}", grant.id);
        let mails = self.holder_mails(kind, &grant, &key, &values, now);
        Ok(PreparedRenewal {
            grant,
            record,
            old: old.clone(),
            reference_row,
            stored,
            sealed,
            event,
            mails,
        })
    }

    /// The grant that continues `old`: the same subject and terminal, counted from the acceptance (D2).
    fn renewal_of(
        &self,
        record: &CertificateRecord,
        old: &Grant,
        number: u64,
        now: Timestamp,
    ) -> Grant {
        let periods = &self.policy().periods;
        Grant {
            id: GrantId::generate(now, self.entropy()),
            request_id: RequestId::new(now.japan_date(), number),
            origin: GrantOrigin::Renewal {
                predecessor: record.serial,
            },
            approved_at: now,
            not_after: not_after(now, periods),
            window_end: retrieval_end(record.not_after, periods),
            state: GrantState::Posted,
            ..old.clone()
        }
    }

    /// Its reference ID as stored, and sealed for RU-2 and the receipt (I2).
    fn renewal_reference(
        &self,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(StoredReference, Vec<u8>)> {
        let (reference, stored) =
            self.new_reference(&grant.request_id, ReferenceScope::Renewal, now);
        let sealed = self.keyring().seal(
            Purpose::Letter,
            &letter_place(&grant.id),
            reference.expose().as_bytes(),
        )?;
        Ok((stored, sealed))
    }
}

impl PreparedRenewal {
    /// Inside a transaction: the presented certificate is judged once more, so that no renewal is stored after a
    /// revocation was (T20, T23). Of two certificates of one grant one alone is renewed (T22).
    pub(crate) async fn write(self, tx: &mut Tx, rate: i64, now: Timestamp) -> Result<()> {
        check_rate(tx, rate, now).await?;
        keep_in_force(tx, &self.record.serial, now).await?;
        let (old, state) = (&self.old.id, &self.old.state);
        if !tx.move_grant(old, state, state).await? {
            return Err(Error::Conflict);
        }
        let successors = tx.successors_of(&self.record.serial).await?;
        if successors.iter().any(is_live) {
            return Err(Refusal::RenewedBefore.into());
        }
        check_institution(tx, &self.grant).await?;
        let inserted = tx
            .insert_grant(&self.grant, &self.reference_row, &self.stored, &self.sealed)
            .await;
        inserted.map_err(|error| match error {
            StoreError::Conflict { rule } if rule == "issue_grant_successor" => {
                Refusal::RenewedBefore.into()
            }
            other => Error::from(other),
        })?;
        tx.insert_audit(&self.event).await?;
        tx.insert_mails(&self.mails).await?;
        Ok(())
    }
}

/// No signature of the old key stands behind a renewal in the browser: somebody who took this server over could
/// make them up, so there is a most of them (F9).
async fn check_rate(tx: &mut Tx, rate: i64, now: Timestamp) -> Result<()> {
    if tx.count_renewals_since(now.plus_seconds(-HOUR)).await? < rate {
        return Ok(());
    }
    tracing::error!(
        rate,
        "more renewals in this hour than policy.renewal.rate_per_hour: further ones are asked to come back; \
         see in the audit trail (renewal.accept) whether they are real"
    );
    Err(Refusal::RenewalsPaused.into())
}

/// Seconds in which renewals are counted.
const HOUR: i64 = 3_600;
