//! The daily run: which mails of a certificate's end, and which reminders to collect, become due on a day of Japan
//! (decision F6, P-14, R-030 to R-034).
//!
//! Any number of processes may begin it, end in the middle and begin it again: one of them holds the lease, every write
//! of it compares the lease's epoch, and a mail's key stands in the queue once. What was due while nothing ran is made
//! up for by the next run, the newest notice of each certificate alone.

use std::collections::BTreeMap;

use tegata_domain::audit::Actor;
use tegata_domain::id::SerialNumber;
use tegata_domain::notice::due_at;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::RequestId;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_store::{ClaimedMail, EndingCertificate, Tx};

use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::failpoint::failpoint;

/// The lease of the run.
const LEASE: &str = "notices";
/// Seconds after which the run of a process that ended is taken over; longer than any write of it lasts.
const HELD: i64 = 30;
/// Mails queued in one transaction: others write in between.
const BATCH: u32 = 1_000;

/// Certificates in force by their serial numbers.
pub(crate) struct ToldAbout(BTreeMap<SerialNumber, EndingCertificate>);

/// One run, while this process holds its lease.
struct Run<'a> {
    app: &'a App,
    epoch: i64,
    since: Option<CalendarDate>,
    day: CalendarDate,
    now: Timestamp,
    mails: u64,
}

impl App {
    /// Queues the notices of today once their hour has come; answers how many. Does nothing where they are queued, or
    /// where another process is about it.
    pub async fn run_notices(&self, now: Timestamp) -> Result<u64> {
        let day = now.japan_date();
        if now < due_at(day, &self.policy().notices) || self.is_noticed(day) {
            return Ok(0);
        }
        self.may_sign()?;
        if self.is_queued(day).await? {
            return Ok(0);
        }
        let Some(epoch) = self.take_notices().await? else {
            return Ok(0);
        };
        let mut run = Run {
            app: self,
            epoch,
            since: self.last_notice_run().await?,
            day,
            now,
            mails: 0,
        };
        match run.work().await {
            Ok(()) => {
                self.note_noticed(day);
                Ok(run.mails)
            }
            // Another process took the run over: it does the rest.
            Err(Error::Conflict) => Ok(run.mails),
            Err(error) => Err(error),
        }
    }

    /// Whether a queued notice still says what holds: no newer one is due, and the certificate was not renewed, held or
    /// revoked since; of a reminder, that nothing was collected.
    pub(crate) async fn still_holds(
        &self,
        mail: &OutboxMail,
        about: &ToldAbout,
        now: Timestamp,
    ) -> Result<bool> {
        let value = |name: &str| mail.values.get(name).map(String::as_str);
        let odd = || internal("read a notice", format!("mail {} lacks a value", mail.id));
        if mail.kind == MailKind::NotCollected {
            let request = value("request_id").and_then(RequestId::parse);
            let mut reader = self.store().reader().await?;
            let waiting = reader.waiting_grant(&request.ok_or_else(odd)?).await?;
            return Ok(waiting.is_some_and(|grant| now <= grant.window_end));
        }
        let threshold: Option<i64> = value("threshold").and_then(|text| text.parse().ok());
        let (serial, threshold) = serial_of(mail).zip(threshold).ok_or_else(odd)?;
        let holds = |certificate: &EndingCertificate| {
            self.reached_threshold(certificate.not_after, now) == Some(threshold)
                && self.text_for(certificate, mail.at) == Some(mail.kind)
        };
        if let Some(certificate) = about.0.get(&serial) {
            return Ok(holds(certificate));
        }
        // It is not in force any more, or cannot be read.
        let mut reader = self.store().reader().await?;
        let certificate = reader.ending_certificate(&serial).await?;
        Ok(certificate.as_ref().is_some_and(holds))
    }

    /// The certificates about which claimed mails tell, read together. Without those that are not in force any more or
    /// cannot be read: [`App::still_holds`] asks for them one by one.
    pub(crate) async fn told_about(&self, claimed: &[ClaimedMail]) -> ToldAbout {
        let notices = claimed.iter().filter(|claimed| claimed.mail.kind.is_bulk());
        let serials: Vec<SerialNumber> = notices
            .filter_map(|claimed| serial_of(&claimed.mail))
            .collect();
        let found = match self.store().reader().await {
            Ok(mut reader) => reader.ending_certificates_among(&serials).await,
            Err(error) => Err(error),
        };
        let found = found.unwrap_or_default().into_iter().flatten();
        ToldAbout(
            found
                .map(|certificate| (certificate.serial, certificate))
                .collect(),
        )
    }

    /// Whether the notices of `day` are queued, by whichever process.
    async fn is_queued(&self, day: CalendarDate) -> Result<bool> {
        let since = self.last_notice_run().await?;
        let is_queued = since.is_some_and(|since| since >= day);
        if is_queued {
            self.note_noticed(day);
        }
        Ok(is_queued)
    }

    /// The day of the last run that was finished.
    pub async fn last_notice_run(&self) -> Result<Option<CalendarDate>> {
        Ok(self.store().reader().await?.last_notice_run().await?)
    }

    /// Takes the lease of the run, unless another process holds it.
    async fn take_notices(&self) -> Result<Option<i64>> {
        let stands = self.store().reader().await?.lease(LEASE).await?;
        let left = self.notice_lease().left_behind(stands, self.uptime());
        let now = self.system_now();
        let until = now.plus_seconds(HELD);
        let taken = self
            .store()
            .write(move |tx| Box::pin(async move { tx.take_lease(LEASE, left, now, until).await }));
        Ok(taken.await?)
    }
}

impl Run<'_> {
    async fn work(&mut self) -> Result<()> {
        for span in self.app.spans(self.since, self.day) {
            let mut cursor = Some(span.begin());
            while let Some(after) = cursor {
                let page = self.app.due_page(&span, &after, BATCH, self.now).await?;
                let mails = page
                    .notices
                    .iter()
                    .flat_map(|due| self.app.due_mails(due, &due.key(), self.now))
                    .collect();
                self.queue(mails).await?;
                cursor = page.next;
            }
        }
        self.finish().await
    }

    async fn queue(&mut self, mails: Vec<OutboxMail>) -> Result<()> {
        failpoint!(self.app, "failpoint:notices:before-batch");
        if mails.is_empty() {
            return Ok(());
        }
        let (epoch, until) = (self.epoch, self.app.system_now().plus_seconds(HELD));
        self.mails += self
            .app
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    hold(tx, epoch, until).await?;
                    Ok::<_, Error>(tx.insert_mails(&mails).await?)
                })
            })
            .await?;
        failpoint!(self.app, "failpoint:notices:after-batch");
        Ok(())
    }

    async fn finish(&self) -> Result<()> {
        let now = self.now;
        let (epoch, day, mails) = (self.epoch, self.day, self.mails);
        // A day without a mail stands among the runs alone.
        let event = (mails > 0).then(|| {
            let object = format!("notices:{day}");
            let detail = format!("{mails} mails");
            let actor = Actor::System;
            self.app.event(actor, "notices.run", object, detail, now)
        });
        let ended = self.app.system_now();
        self.app
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    hold(tx, epoch, ended).await?;
                    let mails = i64::try_from(mails).unwrap_or(i64::MAX);
                    if tx.finish_notice_run(day, mails, now).await?
                        && let Some(event) = event
                    {
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}

/// The certificate that a notice is about.
fn serial_of(mail: &OutboxMail) -> Option<SerialNumber> {
    SerialNumber::parse(mail.values.get("serial")?).ok()
}

/// Holds the lease on, or fails with `Conflict` where another process has it.
async fn hold(tx: &mut Tx, epoch: i64, until: Timestamp) -> Result<()> {
    if tx.hold_lease(LEASE, epoch, until).await? {
        Ok(())
    } else {
        Err(Error::Conflict)
    }
}
