//! Handing mails over to a mail server: who has which, and when one is tried again (decisions S5, F6).
//!
//! A mail is claimed before it is sent, so that several processes send each once; whoever ends in between leaves
//! it to the next after a while, with the same Message-ID.

use std::slice;
use std::sync::Arc;

use tegata_domain::bounce::{DeliveryStatus, HandOverRefusal, HandOverVerdict, one_line_of};
use tegata_domain::institution::{MailAddress, mask_addresses};
use tegata_domain::outbox::{OutboxMail, Urgency};
use tegata_domain::time::Timestamp;
use tegata_store::ClaimedMail;

use crate::base::App;
use crate::error::{Error, Result};
use crate::mail_text::MailText;
use crate::measures::MailCounts;
use crate::notices::ToldAbout;

/// Seconds after which a claim of a process that ended is taken over; longer than any hand-over lasts.
const CLAIM: i64 = 300;
/// Seconds to the second try; doubled with each further one.
const FIRST_PAUSE: i64 = 60;
/// Seconds between two tries at the most, while the mail server is not reached.
const LONGEST_PAUSE: i64 = 3_600;
/// The same while it is reached and refuses the mail.
const LONGEST_PAUSE_OF_REFUSED: i64 = 4 * 3_600;
/// Seconds that a claim or a pause lies ahead at the most, and an hour, by which clocks may differ (S7). One that lies
/// further ahead was given by a wrong clock, and does not hold.
const FARTHEST: i64 = LONGEST_PAUSE_OF_REFUSED + 3_600;
/// Refusals after which a mail is over: some five days with these pauses (RFC 5321 §4.5.4.1).
const MOST_REFUSALS: i64 = 38;
/// Tries after which a mail has waited for about a day, and somebody must look.
const LOUD: i64 = 29;
/// Characters of an answer of the mail server that are kept.
const LONGEST_ERROR: usize = 300;

/// A mail to hand over now.
pub struct ReadyMail {
    /// Its Message-ID, with the angle brackets: the same at each try.
    pub message_id: String,
    /// To whom.
    pub to: MailAddress,
    /// When it became due; its Date.
    pub at: Timestamp,
    /// What it says.
    pub text: MailText,
    claimed: Arc<ClaimedMail>,
}

impl App {
    /// Claims up to `limit` mails that are due. One that cannot be written is put off and told in the log, and keeps no
    /// other back; a notice that does not hold any more is given up (F6). While the clock is in doubt notices stay where
    /// they are: by a wrong day they would be given up (S7). A clock that is believed takes back what a wrong one put off.
    pub async fn claim_mails(&self, limit: u32) -> Result<Vec<ReadyMail>> {
        let claimed = self.claim(limit).await?;
        let about = self.told_about(&claimed).await;
        let mut ready = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            match self.text_while_it_holds(&claimed.mail, &about).await {
                Ok(Some(text)) => ready.push(ReadyMail {
                    message_id: self.message_id(&claimed),
                    to: claimed.mail.to.clone(),
                    at: claimed.mail.at,
                    text,
                    claimed: Arc::new(claimed),
                }),
                Ok(None) => self.give_up_mail(&claimed).await?,
                Err(error) => self.put_off(&claimed, &error.to_string()).await?,
            }
        }
        Ok(ready)
    }

    async fn claim(&self, limit: u32) -> Result<Vec<ClaimedMail>> {
        let now = self.system_now();
        let until = now.plus_seconds(CLAIM);
        let (last, farthest) = match self.may_sign() {
            Ok(()) => (Urgency::Bulk, now.plus_seconds(FARTHEST)),
            Err(_) => (Urgency::Plain, Timestamp::from_unix(i64::MAX)),
        };
        let claimed = self.store().write(move |tx| {
            Box::pin(async move {
                tx.recall_mails(now, farthest).await?;
                tx.claim_mails(now, until, farthest, last, limit).await
            })
        });
        Ok(claimed.await?)
    }

    /// What a mail says; `None` of a notice that does not hold any more.
    async fn text_while_it_holds(
        &self,
        mail: &OutboxMail,
        about: &ToldAbout,
    ) -> Result<Option<MailText>> {
        if mail.kind.is_bulk() && !self.still_holds(mail, about, self.clock_now()).await? {
            return Ok(None);
        }
        self.mail_text(mail).map(Some)
    }

    /// The mail server took it. What it carried in secret is forgotten; an address that had a mark because a mail was
    /// refused at the hand-over loses it.
    pub async fn mail_sent(&self, mail: &ReadyMail) -> Result<()> {
        self.mails_sent(slice::from_ref(mail)).await
    }

    /// The mail server took each of these.
    pub async fn mails_sent(&self, mails: &[ReadyMail]) -> Result<()> {
        if mails.is_empty() {
            return Ok(());
        }
        let claimed: Vec<Arc<ClaimedMail>> =
            mails.iter().map(|mail| mail.claimed.clone()).collect();
        let (count, now) = (claimed.len(), self.system_now());
        let to: Vec<MailAddress> = mails.iter().map(|mail| mail.to.clone()).collect();
        let marked = self.store().reader().await?.bounced_among(&to).await?;
        let mut again = Vec::new();
        for tried in claimed
            .iter()
            .filter(|claimed| marked.contains(&claimed.mail.to))
        {
            let taken = tried.as_sent();
            let event = self.taken_event(&taken, self.clock_now()).await?;
            again.push((taken, event));
        }
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.mails_sent(&claimed, now).await?;
                    for (taken, event) in &again {
                        if tx.clear_refused(taken).await? {
                            tx.insert_audit(event).await?;
                        }
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        MailCounts::add_many(&self.mail_counts().sent, count);
        Ok(())
    }

    /// The mail server was not reached, or could not work: the mail is tried again, at least each hour, and never given
    /// up for that.
    pub async fn mail_failed(&self, mail: &ReadyMail, reason: &str) -> Result<()> {
        self.put_off(&mail.claimed, reason).await
    }

    /// The mail server refused it. A mailbox that does not exist ends the mail at once; what else is said of the mail ends
    /// it after some days. Then the address is marked as one whose mails come back (P-23), and the mail's case says so.
    pub async fn mail_refused(&self, mail: &ReadyMail, refusal: &HandOverRefusal) -> Result<()> {
        let claimed = &mail.claimed;
        let said = mask_addresses(&one_line_of(&format!("{} {}", refusal.code, refusal.words)));
        match refusal.verdict() {
            HandOverVerdict::NoMailbox(status) => self.came_back(claimed, status, &said).await,
            HandOverVerdict::NotTaken(status) if claimed.refusals + 1 >= MOST_REFUSALS => {
                self.came_back(claimed, status, &said).await
            }
            HandOverVerdict::NotTaken(_) => {
                let next = pause(claimed.refusals, LONGEST_PAUSE_OF_REFUSED);
                self.put_off_for(claimed, &said, next, true).await
            }
            HandOverVerdict::OfServer => self.put_off(claimed, &said).await,
        }
    }

    /// It cannot be delivered: it is tried no more, and its address is marked.
    async fn came_back(
        &self,
        claimed: &Arc<ClaimedMail>,
        status: DeliveryStatus,
        said: &str,
    ) -> Result<()> {
        let sent = claimed.as_sent();
        let (bounce, event) = self
            .bounce_of(&sent, status, said, self.clock_now())
            .await?;
        let (id, now) = (claimed.mail.id.as_str(), self.system_now());
        tracing::error!(
            mail.id = id,
            reason = said,
            "a mail cannot be delivered and is given up; its address is marked"
        );
        let (claimed, said) = (claimed.clone(), shortened(said));
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.mail_undeliverable(&claimed, now, &said).await?
                        && tx.mark_bounced(&bounce).await?
                    {
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        MailCounts::add(&self.mail_counts().given_up);
        Ok(())
    }

    /// When the oldest mail became due that was not handed over, and why its last try failed.
    pub async fn oldest_waiting_mail(&self) -> Result<Option<(Timestamp, Option<String>)>> {
        let mut reader = self.store().reader().await?;
        Ok(reader.oldest_waiting_mail().await?)
    }

    async fn give_up_mail(&self, claimed: &ClaimedMail) -> Result<()> {
        let (id, now) = (claimed.mail.id.clone(), self.system_now());
        self.store()
            .write(move |tx| Box::pin(async move { tx.drop_mail(&id, now).await }))
            .await?;
        MailCounts::add(&self.mail_counts().given_up);
        Ok(())
    }

    async fn put_off(&self, claimed: &ClaimedMail, reason: &str) -> Result<()> {
        let next = pause(claimed.attempts, LONGEST_PAUSE);
        self.put_off_for(claimed, reason, next, false).await
    }

    async fn put_off_for(
        &self,
        claimed: &ClaimedMail,
        reason: &str,
        seconds: i64,
        is_refused: bool,
    ) -> Result<()> {
        let next = self.system_now().plus_seconds(seconds);
        let reason = shortened(reason);
        let id = claimed.mail.id.as_str();
        if claimed.attempts >= LOUD {
            tracing::error!(mail.id = id, reason, "a mail waits for a day or more");
        } else {
            tracing::warn!(
                mail.id = id,
                reason,
                "a mail was not taken; it is tried again"
            );
        }
        let claimed = claimed.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if is_refused {
                        tx.mail_refused(&claimed, next, &reason).await
                    } else {
                        tx.mail_failed(&claimed, next, &reason).await
                    }
                })
            })
            .await?;
        MailCounts::add(&self.mail_counts().failed);
        Ok(())
    }

    fn message_id(&self, claimed: &ClaimedMail) -> String {
        format!("<{}@{}>", claimed.mail.id, self.mail_domain())
    }

    /// What stands behind the `@` of our Message-IDs.
    pub(crate) fn mail_domain(&self) -> &str {
        let sender = &self.policy().names.sender;
        sender
            .rsplit_once('@')
            .map_or("localhost", |(_, domain)| domain)
    }
}

/// Seconds to the next try after `attempts` earlier ones.
fn pause(attempts: i64, longest: i64) -> i64 {
    (FIRST_PAUSE << attempts.clamp(0, 16)).min(longest)
}

fn shortened(reason: &str) -> String {
    reason.chars().take(LONGEST_ERROR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_a_minute_to_an_hour() {
        let pauses: Vec<i64> = (0..8).map(|tries| pause(tries, LONGEST_PAUSE)).collect();
        assert_eq!(pauses, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert_eq!(pause(i64::MAX, LONGEST_PAUSE), LONGEST_PAUSE);
    }

    #[test]
    fn what_is_refused_is_tried_for_five_days() {
        let tries = 0..MOST_REFUSALS - 1;
        let seconds: i64 = tries
            .map(|refusals| pause(refusals, LONGEST_PAUSE_OF_REFUSED))
            .sum();
        assert_eq!(seconds / 86_400, 5);
    }
}
