//! Holders whose mails come back, as their certificate's end comes near (P-23): they are called, or a letter is written,
//! and what came of it is recorded.

use tegata_domain::applicant::Contact;
use tegata_domain::audit::Actor;
use tegata_domain::bounce::{Attempt, BouncedAddress, Told};
use tegata_domain::grant::{Grant, days_left};
use tegata_domain::institution::Institution;
use tegata_domain::operator::{Act, Operator};
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;
use tegata_store::{Reader, UnreachableRow};

use crate::base::App;
use crate::casework::institution_of;
use crate::error::{Error, Refusal, Result, internal};

/// A holder who gets no mails.
#[derive(Clone, Debug)]
pub struct UnreachableHolder {
    /// The grant.
    pub grant: Grant,
    /// The institution, as the register has it now.
    pub institution: Institution,
    /// Whom to talk to; `None` where the application came on paper.
    pub contact: Option<Contact>,
    /// Japanese calendar days to the certificate's last day.
    pub days_left: i64,
    /// Since when the first address is marked.
    pub since: Timestamp,
    /// Why mails come back, by address.
    pub bounced: Vec<BouncedAddress>,
    /// How often telling the holder was tried: goes into the form.
    pub tries: i64,
    /// The last time that it was.
    pub last: Option<Attempt>,
    /// When the holder was told.
    pub handled_at: Option<Timestamp>,
}

impl App {
    /// Whom to call or to write to, the earliest end first: at most so many days before it as the policy says.
    pub async fn unreachable_holders(
        &self,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<UnreachableHolder>> {
        let mut reader = self.store().reader().await?;
        let rows = reader
            .unreachable_grants(now, self.unreachable_until(now), limit)
            .await?;
        let mut holders = Vec::with_capacity(rows.len());
        for row in rows {
            holders.push(holder(&mut reader, row, now).await?);
        }
        Ok(holders)
    }

    /// One of them, told or not; `NotFound` where an address of the grant gets mails.
    pub async fn unreachable_holder(
        &self,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<UnreachableHolder> {
        let grant = self.grant_by(request).await?;
        let mut reader = self.store().reader().await?;
        let row = reader.unreachable_grant(&grant.id).await?;
        holder(&mut reader, row.ok_or(Refusal::NotFound)?, now).await
    }

    /// Records that the holder was told, or that it was tried. `tries` is what the page showed: of two clicks the second
    /// has the result of the first, and of two operators the second is told that he was.
    pub async fn record_told(
        &self,
        request: &RequestId,
        tries: i64,
        (how, note): (Told, &str),
        by: &Operator,
        now: Timestamp,
    ) -> Result<()> {
        self.require(by, Act::ReachHolder, now).await?;
        let grant = self.grant_by(request).await?;
        let note = note.trim().to_owned();
        let detail = format!("{} {note}", how.as_str());
        let actor = Actor::Operator(by.id.clone());
        let object = format!("grant:{}", grant.id);
        let event = self.event(actor, "holder.told", object, detail, now);
        let by = by.id.clone();
        let attempt = Attempt {
            at: now,
            by,
            how,
            note,
        };
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let Some(row) = tx.unreachable_grant(&grant.id).await? else {
                        // Another click said that mails arrive, or somebody changed the address.
                        return Err(Refusal::NotFound.into());
                    };
                    if row.tries == tries + 1 && is_repeated(row.last.as_ref(), &attempt) {
                        return Ok(());
                    }
                    if row.tries != tries {
                        return Err(Error::Conflict);
                    }
                    if attempt.how == Told::MailWorks {
                        for address in grant.addresses() {
                            tx.clear_bounced(address, None).await?;
                        }
                    } else {
                        tx.record_attempt(&grant.id, tries, &attempt).await?;
                    }
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }

    /// The last end that is near enough at `now`.
    pub(crate) fn unreachable_until(&self, now: Timestamp) -> Timestamp {
        let days = self.policy().notices.unreachable;
        now.japan_date().plus_days(days).end()
    }
}

async fn holder(
    reader: &mut Reader,
    row: UnreachableRow,
    now: Timestamp,
) -> Result<UnreachableHolder> {
    let grant = reader.grant(&row.grant).await?;
    let grant = grant.ok_or_else(|| internal("show a holder", "the grant is gone"))?;
    let applicant = reader.applicant(&grant.application).await?;
    let mut bounced = Vec::new();
    for address in grant.addresses() {
        bounced.extend(reader.bounced_address(address).await?);
    }
    Ok(UnreachableHolder {
        institution: institution_of(reader, &grant.institution).await?,
        contact: applicant.map(|applicant| applicant.contact),
        days_left: days_left(row.not_after, now),
        since: row.since,
        bounced,
        tries: row.tries,
        last: row.last,
        handled_at: row.handled_at,
        grant,
    })
}

fn is_repeated(last: Option<&Attempt>, again: &Attempt) -> bool {
    last.is_some_and(|last| (&last.by, last.how, &last.note) == (&again.by, again.how, &again.note))
}
