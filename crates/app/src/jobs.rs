//! What a timer does: publish, finish intents, renew our own certificates, destroy keys, end procedures, queue notices.
//! Each job may run twice, and on several processes at once; running it twice changes nothing. What keeps each of them so
//! is said where it is begun. The run of notices alone needs a lease (S1).

use tegata_domain::audit::Actor;
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Error, KeyDestroyed, Result};

/// Seconds after which an intent counts as left behind.
const LEFT_BEHIND: i64 = 30;
/// Later than every intent, also after the clock was set back.
const END_OF_TIME: Timestamp = Timestamp::from_unix(i64::MAX);
/// Days that the clear text of a reference ID is kept which its certificate was shown (I2).
pub(crate) const SHOWN_SECRET_DAYS: i64 = 1;
/// Days for which wrong IDs are counted by source.
const WRONG_ID_DAYS: i64 = 30;
/// Rows that one run takes at the most.
const BATCH: u32 = 200;

/// Procedures of 発行申請 that one sweep deletes at the most: anybody can begin one.
const FLOWS: u32 = 5_000;

/// What one run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobReport {
    /// Revocation lists made.
    pub lists: usize,
    /// Intents finished or voided.
    pub intents: usize,
    /// Kept keys destroyed.
    pub keys: usize,
    /// Mails of notices that were queued.
    pub notices: u64,
    /// Renewals that got their certificate.
    pub renewals: usize,
}

impl App {
    /// Finishes or voids every intent that an earlier process left behind; called once at the start of the
    /// only process (SQLite), before the first request.
    pub async fn recover(&self, now: Timestamp) -> Result<usize> {
        let mut done = 0;
        loop {
            let batch = self.settle_intents(END_OF_TIME, now).await?;
            done += batch;
            if batch == 0 {
                return Ok(done);
            }
        }
    }

    /// Runs every job that is due, lists too. One that fails keeps no other from running; the first failure is returned,
    /// further ones are logged.
    pub async fn run_due_jobs(&self, now: Timestamp) -> Result<JobReport> {
        let mut failed = None;
        let mut report = note(self.run_jobs_beside_lists(now).await, &mut failed);
        report.lists = note(self.publish_due(now).await, &mut failed);
        failed.map_or(Ok(report), Err)
    }

    /// Runs every job that is due but the making of lists, which may not wait for one that takes long (T28).
    pub async fn run_jobs_beside_lists(&self, now: Timestamp) -> Result<JobReport> {
        let mut failed = None;
        let mut report = JobReport::default();
        // Two processes that make a certificate of ours at once have two good ones; the newest is used (S1).
        note(self.refresh_responders(now).await, &mut failed);
        // An intent is finished or voided by a move from its state: the first process makes it.
        let left_behind = now.plus_seconds(-LEFT_BEHIND);
        report.intents = note(self.settle_intents(left_behind, now).await, &mut failed);
        // A grant's key is fixed by a move from its state, and each certificate has a grant of its own (certificate_live).
        let renewals = self.finish_renewals(left_behind, BATCH, now).await;
        report.renewals = note(renewals, &mut failed);
        // A key is destroyed once, and told by whoever destroyed it.
        report.keys = note(self.destroy_keys_after_window(now).await, &mut failed);
        // What is over is deleted; a second time there is nothing. Each process adds what it counted itself.
        note(self.sweep(now).await, &mut failed);
        // One process at a time, by a lease with an epoch; each mail's key stands in the queue once (F6).
        report.notices = note(self.run_notices(now).await, &mut failed);
        // Keys of this process alone.
        self.keypool().fill_one().await;
        failed.map_or(Ok(report), Err)
    }

    /// Intents stored before `before`: finished where the grant still waits for them, else voided (F5).
    async fn settle_intents(&self, before: Timestamp, now: Timestamp) -> Result<usize> {
        let left = self
            .store()
            .reader()
            .await?
            .intents_before(before, BATCH)
            .await?;
        let mut settled = 0;
        for record in left {
            let waited_for = match &record.grant {
                Some(id) => {
                    let grant = self.store().reader().await?.grant(id).await?;
                    grant.is_some_and(|grant| waits_for(&grant, record.serial))
                }
                None => false,
            };
            if waited_for {
                let finished = self.finish_intent(record.serial, Actor::System, now).await;
                match finished {
                    // What cannot be signed today cannot be signed tomorrow.
                    Err(Error::Internal(reason)) => {
                        tracing::error!(reason, serial = %record.serial, "an intent is given up");
                        self.void_intent(record, now).await?;
                    }
                    done => done?,
                }
            } else {
                self.void_intent(record, now).await?;
            }
            settled += 1;
        }
        Ok(settled)
    }

    /// Keys whose collection window is over are destroyed (K3).
    async fn destroy_keys_after_window(&self, now: Timestamp) -> Result<usize> {
        let due = self
            .store()
            .reader()
            .await?
            .grants_with_kept_key_after_window(now, BATCH)
            .await?;
        let mut destroyed = 0;
        for (grant, serial) in due {
            let object = format!("certificate:{serial}");
            let detail = format!("window of grant {grant} ended");
            let event = self.event(Actor::System, "key.destroy", object, detail, now);
            let done = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        let done = tx
                            .destroy_key(&serial, KeyDestroyed::WindowEnd, now)
                            .await?;
                        if done {
                            tx.insert_audit(&event).await?;
                        }
                        Ok::<_, Error>(done)
                    })
                })
                .await?;
            destroyed += usize::from(done);
        }
        Ok(destroyed)
    }

    /// Once a minute: mails that are over for long, ended procedures and codes, letters that were never posted, counted
    /// wrong pairs.
    async fn sweep(&self, now: Timestamp) -> Result<()> {
        if !self.is_new_minute() {
            return Ok(());
        }
        let system_now = self.system_now();
        let wrong = self.guessing().take();
        let to_store = wrong.clone();
        let wrong_ids = system_now.plus_days(-WRONG_ID_DAYS);
        // Wrong logins stand in the audit trail one by one.
        drop(self.logins().take());
        let sessions = self.sessions_before();
        let letters = now.plus_days(-self.policy().periods.letter_days);
        let shown = now.plus_days(-SHOWN_SECRET_DAYS);
        let app = self.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.delete_flows_before(system_now.plus_days(-1)).await?;
                    tx.delete_application_flows_before(system_now.plus_days(-1), FLOWS)
                        .await?;
                    tx.end_codes_before(system_now, BATCH).await?;
                    tx.delete_codes_before(system_now.plus_days(-1)).await?;
                    let mut forgotten = tx.drop_letter_secrets_older_than(letters).await?;
                    tx.delete_sessions_before(sessions).await?;
                    forgotten.extend(tx.drop_shown_secrets_older_than(shown).await?);
                    for grant in forgotten {
                        let detail = "its time was over".to_owned();
                        let event = app.forgotten_event(&grant, Actor::System, detail, now);
                        tx.insert_audit(&event).await?;
                    }
                    tx.delete_wrong_ids_before(wrong_ids).await?;
                    for wrong in to_store {
                        let minute = Timestamp::from_unix(wrong.minute * 60);
                        tx.add_wrong_ids(&wrong.network, minute, wrong.count)
                            .await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
            .inspect_err(|_| self.guessing().give_back(wrong))?;
        self.forget_sent_mails(now).await.map(drop)
    }
}

/// The value of a job that went well; the error of one that did not is kept, or logged after the first.
fn note<T: Default>(ended: Result<T>, failed: &mut Option<Error>) -> T {
    match ended {
        Ok(value) => return value,
        Err(error) if failed.is_none() => *failed = Some(error),
        Err(error) => tracing::error!(%error, "a further job failed; it will be tried again"),
    }
    T::default()
}

fn waits_for(grant: &Grant, serial: tegata_domain::id::SerialNumber) -> bool {
    matches!(&grant.state, GrantState::KeyFixed { serial: fixed } if *fixed == serial)
}
