//! Mails that come back (RFC 3464, P-23): a report marks the address that it is about, and a proof that mails are read
//! there takes the mark away. So does a mailbox that is refused when its mail is handed over, until that mail is taken.
//!
//! Anybody can send us a report. One does something only where it names a mail which we handed over to that very
//! address: a Message-ID is no more to be guessed than any other id of ours.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::bounce::{
    BouncedAddress, DeliveryFate, DeliveryReport, DeliveryStatus, RecipientReport,
};
use tegata_domain::grant::Grant;
use tegata_domain::id::OutboxId;
use tegata_domain::institution::MailAddress;
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;
use tegata_store::{SentMail, Tx};

use crate::base::App;
use crate::error::{Error, Result};

/// Message-IDs of one report that are looked up.
const MOST_IDS: usize = 8;

/// What a report changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportTaken {
    /// An address lost its mark.
    Cleared(MailAddress),
    /// It names no mail that we handed over to one of its recipients; nothing was changed.
    Foreign,
    /// An address is marked now; whether it was not before.
    Marked {
        /// The address.
        address: MailAddress,
        /// Whether this report did it.
        is_new: bool,
    },
    /// It is about a mail of ours, and says nothing that counts.
    Underway,
}

impl App {
    /// Takes a report. However often it comes, it does the same.
    pub async fn take_report(
        &self,
        report: &DeliveryReport,
        now: Timestamp,
    ) -> Result<ReportTaken> {
        for mail in self.mails_of(report).await? {
            let said = report.recipients.iter().find(|recipient| {
                recipient
                    .addresses
                    .iter()
                    .any(|named| is_same(named, &mail.to))
            });
            if let Some(said) = said {
                return self.take(mail, said, now).await;
            }
        }
        Ok(ReportTaken::Foreign)
    }

    /// Why mails to a grant's addresses come back, for those of them that do.
    pub async fn bounced_addresses(&self, grant: &Grant) -> Result<Vec<BouncedAddress>> {
        let mut reader = self.store().reader().await?;
        let mut bounced = Vec::new();
        for address in grant.addresses() {
            bounced.extend(reader.bounced_address(address).await?);
        }
        Ok(bounced)
    }

    /// The event of an address whose mails are known to be read, where it has a mark.
    pub(crate) fn reached_event(
        &self,
        grant: &Grant,
        address: &MailAddress,
        actor: Actor,
        now: Timestamp,
    ) -> AuditEvent {
        let object = format!("grant:{}", grant.id);
        self.event(actor, "address.reached", object, address.masked(), now)
    }

    /// Our mails that a report names.
    async fn mails_of(&self, report: &DeliveryReport) -> Result<Vec<SentMail>> {
        let domain = self.mail_domain();
        let ours = report.message_ids.iter().filter_map(|id| {
            let (id, at) = id.rsplit_once('@')?;
            let is_ours = at.eq_ignore_ascii_case(domain);
            is_ours.then(|| OutboxId::parse(id).ok()).flatten()
        });
        let mut reader = self.store().reader().await?;
        let mut mails = Vec::new();
        for id in ours.take(MOST_IDS) {
            mails.extend(reader.sent_mail(&id).await?);
        }
        Ok(mails)
    }

    async fn take(
        &self,
        mail: SentMail,
        said: &RecipientReport,
        now: Timestamp,
    ) -> Result<ReportTaken> {
        let status = match &said.fate {
            DeliveryFate::Delivered => return self.clear(mail, now).await,
            DeliveryFate::Failed(status) => status.clone(),
            DeliveryFate::Underway => return Ok(ReportTaken::Underway),
        };
        let (bounce, event) = self.bounce_of(&mail, status, &said.said, now).await?;
        let is_new = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    let is_new = tx.mark_bounced(&bounce).await?;
                    if is_new {
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(is_new)
                })
            })
            .await?;
        let address = mail.to;
        Ok(ReportTaken::Marked { address, is_new })
    }

    /// The mark of the address to which a mail did not come, and the event that tells of it where it is new.
    pub(crate) async fn bounce_of(
        &self,
        mail: &SentMail,
        status: DeliveryStatus,
        said: &str,
        now: Timestamp,
    ) -> Result<(BouncedAddress, AuditEvent)> {
        let detail = format!("{} {status} {said}", mail.to.masked());
        let object = self.object_of(mail).await?;
        let event = self.event(Actor::System, "address.bounce", object, detail, now);
        let bounce = BouncedAddress {
            address: mail.to.clone(),
            since: now,
            mail: mail.id.clone(),
            status,
            said: said.to_owned(),
        };
        Ok((bounce, event))
    }

    /// The event of an address that a mail was taken for after all.
    pub(crate) async fn taken_event(&self, mail: &SentMail, now: Timestamp) -> Result<AuditEvent> {
        let object = self.object_of(mail).await?;
        let detail = mail.to.masked();
        Ok(self.event(Actor::System, "address.reached", object, detail, now))
    }

    async fn clear(&self, mail: SentMail, now: Timestamp) -> Result<ReportTaken> {
        let event = self.taken_event(&mail, now).await?;
        let (address, id) = (mail.to.clone(), mail.id);
        let cleared = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    let cleared = tx.clear_bounced(&address, Some(&id)).await?;
                    if cleared {
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(cleared)
                })
            })
            .await?;
        Ok(if cleared {
            ReportTaken::Cleared(mail.to)
        } else {
            ReportTaken::Underway
        })
    }

    /// What a mail is about, as the audit trail names it.
    async fn object_of(&self, mail: &SentMail) -> Result<String> {
        let mut reader = self.store().reader().await?;
        if let Some(request) = RequestId::parse(&mail.about)
            && let Some((grant, _)) = reader.grant_by_request(&request).await?
        {
            return Ok(format!("grant:{}", grant.id));
        }
        Ok(format!("mail:{}", mail.id))
    }
}

/// A code that was typed proves that the mails of its address are read.
pub(crate) async fn note_reached(
    tx: &mut Tx,
    address: &MailAddress,
    event: &AuditEvent,
) -> Result<()> {
    if tx.clear_bounced(address, None).await? {
        tx.insert_audit(event).await?;
    }
    Ok(())
}

/// Mail servers may write an address in other letters than we did; to us they are the same mailbox.
fn is_same(a: &MailAddress, b: &MailAddress) -> bool {
    a.as_str().eq_ignore_ascii_case(b.as_str())
}
