//! The daily run: which mails of a certificate's end, and which reminders to collect, become due on a day of Japan
//! (decision F6, P-14, R-030 to R-034).
//!
//! Any number of processes may begin it, end in the middle and begin it again: one of them holds the lease, every write
//! of it compares the lease's epoch, and a mail's key stands in the queue once. What was due while nothing ran is made
//! up for by the next run, the newest notice of each certificate alone.

use tegata_domain::audit::Actor;
use tegata_domain::grant::GrantState;
use tegata_domain::id::SerialNumber;
use tegata_domain::notice::{NoticeChannel, due_at, ends_between, newest_notice};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::RequestId;
use tegata_domain::reminder::approved_between;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_store::{EndingCertificate, Holder, NoticeCursor, StoreError, Tx, WaitingGrant};

use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::failpoint::failpoint;

/// The lease of the run.
const LEASE: &str = "notices";
/// Seconds after which the run of a process that ended is taken over; longer than any write of it lasts.
const HELD: i64 = 30;
/// Mails queued in one transaction: others write in between.
const BATCH: u32 = 500;

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
        let epoch = self.take_notices().await?;
        let since = self.store().reader().await?.last_notice_run().await?;
        if since.is_some_and(|since| since >= day) {
            self.note_noticed(day);
            return Ok(0);
        }
        let Some(epoch) = epoch else {
            return Ok(0);
        };
        let mut run = Run {
            app: self,
            epoch,
            since,
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
    pub(crate) async fn still_holds(&self, mail: &OutboxMail, now: Timestamp) -> Result<bool> {
        let value = |name: &str| mail.values.get(name).map(String::as_str);
        let odd = || internal("read a notice", format!("mail {} lacks a value", mail.id));
        let mut reader = self.store().reader().await?;
        if mail.kind == MailKind::NotCollected {
            let request = value("request_id").and_then(RequestId::parse);
            let waiting = reader.waiting_grant(&request.ok_or_else(odd)?).await?;
            return Ok(waiting.is_some_and(|grant| now <= grant.window_end));
        }
        let serial = value("serial").and_then(|text| SerialNumber::parse(text).ok());
        let threshold: Option<i64> = value("threshold").and_then(|text| text.parse().ok());
        let (serial, threshold) = serial.zip(threshold).ok_or_else(odd)?;
        let Some(certificate) = reader.ending_certificate(&serial).await? else {
            return Ok(false);
        };
        let days = &self.policy().notices;
        let today = now.japan_date();
        let reached = if now < due_at(today, days) {
            today.plus_days(-1)
        } else {
            today
        };
        let newest = newest_notice(NoticeChannel::Mail, certificate.not_after, reached, days);
        Ok(newest.is_some_and(|newest| newest.threshold == threshold)
            && self.text_for(&certificate, mail.at) == Some(mail.kind))
    }

    /// Which text the holder of a certificate in force gets; `None` where there is nothing to say.
    fn text_for(&self, certificate: &EndingCertificate, now: Timestamp) -> Option<MailKind> {
        if !matches!(
            certificate.state,
            GrantState::Collected { .. } | GrantState::SeenInUse { .. }
        ) {
            // Nobody has it, or its grant is frozen.
            return None;
        }
        let successor = certificate.successor.as_ref().map(|grant| &grant.state);
        let end = certificate.not_after;
        let standing = RenewalStanding::of(end, successor, &self.policy().periods, now);
        match standing {
            RenewalStanding::Replaced => None,
            _ if end < now => Some(MailKind::CertificateExpired),
            RenewalStanding::Accepted | RenewalStanding::Collected => {
                Some(MailKind::SuccessorUnused)
            }
            RenewalStanding::Early { .. } | RenewalStanding::Open => {
                Some(MailKind::CertificateExpiring)
            }
        }
    }

    fn notice_mails(
        &self,
        certificate: &EndingCertificate,
        threshold: i64,
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        let Some(kind) = self.text_for(certificate, now) else {
            return Vec::new();
        };
        let mut values = values_of(&certificate.holder);
        values.push(("serial", certificate.serial.to_string()));
        values.push(("threshold", threshold.to_string()));
        values.push(("not_after", certificate.not_after.to_string()));
        match (kind, &certificate.successor) {
            (MailKind::CertificateExpired, Some(successor)) => {
                values.push(("grace_until", successor.window_end.to_string()));
            }
            (MailKind::SuccessorUnused, Some(successor)) => {
                values.push(("renewed_at", successor.accepted_at.to_string()));
                values.push(("file", successor.request_id.as_str().to_owned()));
                if matches!(successor.state, GrantState::Collected { .. }) {
                    values.push(("collected", successor.accepted_at.to_string()));
                }
            }
            _ => {}
        }
        let key = format!("notice:mail:{threshold}:{}", certificate.serial);
        self.mails_to(kind, certificate.holder.addresses(), &key, &values, now)
    }

    fn reminder_mails(&self, grant: &WaitingGrant, after: i64, now: Timestamp) -> Vec<OutboxMail> {
        let mut values = values_of(&grant.holder);
        values.push(("posted_at", grant.posted_at.to_string()));
        values.push(("window_end", grant.window_end.to_string()));
        let key = format!("reminder:{after}:{}", grant.id);
        let kind = MailKind::NotCollected;
        self.mails_to(kind, grant.holder.addresses(), &key, &values, now)
    }

    /// Takes the lease of the run, unless another process holds it.
    async fn take_notices(&self) -> Result<Option<i64>> {
        let now = self.system_now();
        let taken = self.store().write(move |tx| {
            Box::pin(async move { tx.take_lease(LEASE, now, now.plus_seconds(HELD)).await })
        });
        Ok(taken.await?)
    }
}

impl Run<'_> {
    async fn work(&mut self) -> Result<()> {
        let days = &self.app.policy().notices;
        for threshold in NoticeChannel::Mail.thresholds(days) {
            self.notices(threshold).await?;
        }
        for after in &days.not_collected {
            self.reminders(*after).await?;
        }
        self.finish().await
    }

    /// The notices of one threshold.
    async fn notices(&mut self, threshold: i64) -> Result<()> {
        let days = &self.app.policy().notices;
        let span = ends_between(NoticeChannel::Mail, threshold, self.since, self.day, days);
        let Some((first, last)) = span else {
            return Ok(());
        };
        let mut cursor = Some(before(first));
        while let Some(after) = cursor {
            let mut reader = self.app.store().reader().await?;
            let page = reader.ending_certificates(&after, last, BATCH).await?;
            drop(reader);
            let mails = readable(page.rows)
                .flat_map(|row| self.app.notice_mails(&row, threshold, self.now))
                .collect();
            self.queue(mails).await?;
            cursor = page.next;
        }
        Ok(())
    }

    /// The reminders of one day after the approval.
    async fn reminders(&mut self, after: i64) -> Result<()> {
        let days = &self.app.policy().notices.not_collected;
        let Some((first, last)) = approved_between(after, self.since, self.day, days) else {
            return Ok(());
        };
        let mut cursor = Some(before(first));
        while let Some(from) = cursor {
            let mut reader = self.app.store().reader().await?;
            let page = reader.waiting_grants(&from, last, BATCH).await?;
            drop(reader);
            let mails = readable(page.rows)
                .filter(|grant| self.now <= grant.window_end)
                .flat_map(|grant| self.app.reminder_mails(&grant, after, self.now))
                .collect();
            self.queue(mails).await?;
            cursor = page.next;
        }
        Ok(())
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
                    let mut queued = 0;
                    for mail in &mails {
                        queued += u64::from(tx.insert_mail(mail).await?);
                    }
                    Ok::<_, Error>(queued)
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

/// Holds the lease on, or fails with `Conflict` where another process has it.
async fn hold(tx: &mut Tx, epoch: i64, until: Timestamp) -> Result<()> {
    if tx.hold_lease(LEASE, epoch, until).await? {
        Ok(())
    } else {
        Err(Error::Conflict)
    }
}

/// The place before every row of this instant.
fn before(at: Timestamp) -> NoticeCursor {
    NoticeCursor {
        at,
        id: String::new(),
    }
}

/// The rows that can be read; one that cannot keeps nobody else's notice back.
fn readable<T>(rows: Vec<std::result::Result<T, StoreError>>) -> impl Iterator<Item = T> {
    rows.into_iter().filter_map(|row| {
        row.inspect_err(|error| tracing::error!(%error, "nobody is told of this one's end"))
            .ok()
    })
}

fn values_of(holder: &Holder) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("institution", holder.institution_name.clone()),
        ("terminal", holder.terminal.as_str().to_owned()),
        ("request_id", holder.request_id.as_str().to_owned()),
    ];
    values.extend(holder.contact.clone().map(|person| ("contact", person)));
    values
}
