//! もう一度送る: an operator has one notice sent again, with a reason (F6, F8). Which text goes out is decided as of now,
//! where the run decides it too, so that it never says what does not hold any more.
//!
//! It follows the newest notice about the certificate that the operator saw: a second click finds its mail queued, and
//! whoever looked at an older one is told so.

use tegata_domain::audit::Actor;
use tegata_domain::id::OutboxId;
use tegata_domain::operator::{Act, Operator};
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;
use tegata_store::MailFate;

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::due::{Due, due_reminder};
use crate::error::{Error, Refusal, Result};
use crate::proposal::read_reason;

/// A notice that was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SentAgain {
    /// Which text.
    pub kind: MailKind,
    /// How many addresses get it; 0 where this was asked for before.
    pub mails: u64,
}

impl App {
    /// The newest notice about a certificate; none where there was none yet. Whoever sends one again names it.
    pub async fn newest_notice_of(&self, request: &RequestId) -> Result<Option<OutboxId>> {
        let mut reader = self.store().reader().await?;
        let newest = reader.newest_notice_about(request.as_str()).await?;
        Ok(newest.map(|(id, _)| id))
    }

    /// Sends the notice about a certificate again, after the newest one that the operator saw.
    pub async fn send_notice_again(
        &self,
        request: &RequestId,
        seen: Option<&OutboxId>,
        reason: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<SentAgain> {
        self.require(by, Act::SendAgain, now).await?;
        let reason = read_reason(reason)?;
        let grant = self.grant_by(request).await?;
        let due = self.due_again(request, now).await?;
        let kind = due.kind();
        let after = seen.map_or("first", OutboxId::as_str);
        let mails = self.due_mails(&due, &format!("again:{request}:{after}"), now);
        let event = self.event(
            Actor::Operator(by.id.clone()),
            "notice.again",
            format!("grant:{}", grant.id),
            format!("{}; {reason}", kind.as_str()),
            now,
        );
        let (about, seen) = (request.clone(), seen.cloned());
        let mails = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    let newest = tx.newest_notice_about(about.as_str()).await?;
                    let mut queued = 0;
                    for mail in &mails {
                        queued += u64::from(tx.insert_mail(mail).await?);
                    }
                    if queued == 0 {
                        return Ok(0);
                    }
                    let (newest, fate) = newest.unzip();
                    if newest != seen {
                        return Err(Error::Conflict);
                    }
                    if fate == Some(MailFate::Waiting) {
                        return Err(ActRefusal::NoticeWaits.into());
                    }
                    tx.insert_audit(&event).await?;
                    Ok(queued)
                })
            })
            .await?;
        Ok(SentAgain { kind, mails })
    }

    /// What can be told about a certificate now; refused where nothing that is true.
    pub(crate) async fn due_again(&self, request: &RequestId, now: Timestamp) -> Result<Due> {
        let mut reader = self.store().reader().await?;
        if let Some(grant) = reader.waiting_grant(request).await? {
            let days = grant.approved_at.japan_date().days_until(now.japan_date());
            let due = due_reminder(grant, days, now);
            return due.ok_or_else(|| ActRefusal::WindowOver.into());
        }
        let found = reader.grant_by_request(request).await?;
        let (grant, _) = found.ok_or(Refusal::NotFound)?;
        if let "frozen" | "voided" = grant.state.as_str() {
            let state = grant.state.as_str();
            let request = request.clone();
            return Err(ActRefusal::Stopped { request, state }.into());
        }
        let Some(record) = reader.latest_certificate_of_grant(&grant.id).await? else {
            return Err(ActRefusal::NoNoticeDue.into());
        };
        let Some(certificate) = reader.ending_certificate(&record.serial).await? else {
            let state = record.state.as_str();
            return Err(ActRefusal::CertificateState { state }.into());
        };
        let threshold = self.reached_threshold(certificate.not_after, now);
        let threshold = threshold.ok_or(ActRefusal::NoNoticeDue)?;
        let due = self.due_end(certificate, threshold, now);
        due.ok_or_else(|| ActRefusal::NewerInUse.into())
    }
}
