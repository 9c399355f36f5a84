//! What a monitoring system asks: how mails and notices go out, what waits, whether the clock is believed (T39, F6).
//! Numbers alone: they name nobody.

use std::sync::atomic::{AtomicU64, Ordering};

use tegata_domain::notice::is_run_late;
use tegata_domain::time::Timestamp;
use tegata_store::NoticeRun;

use crate::base::App;
use crate::casework::Overview;
use crate::error::Result;

/// Days ahead within which ends are counted.
const ENDS_WITHIN: i64 = 90;

/// The figures of a moment.
#[derive(Clone, Debug)]
pub struct Measures {
    /// Mails that this process handed over since it started.
    pub mails_sent: u64,
    /// Tries of this process that a mail server did not take, or whose text could not be written.
    pub mails_failed: u64,
    /// Notices that this process gave up, because they did not hold any more.
    pub mails_given_up: u64,
    /// Mails that wait, notices among them.
    pub mails_waiting: i64,
    /// Seconds for which the oldest of them waits.
    pub oldest_mail: i64,
    /// Notices that wait.
    pub notices_waiting: i64,
    /// Seconds for which the oldest of them waits.
    pub oldest_notice: i64,
    /// Addresses whose mails come back.
    pub bounced_addresses: i64,
    /// The last daily run that was finished.
    pub last_run: Option<NoticeRun>,
    /// Whether a daily run is missing.
    pub is_run_late: bool,
    /// Whether this process makes nothing any more until an operator confirms the clock (S7).
    pub is_clock_in_doubt: bool,
    /// Certificates in force that end within 90 days.
    pub ending: i64,
    /// Keys made in advance.
    pub keys_ready: usize,
    /// What waits for operators, counted up to 1,000 each.
    pub overview: Overview,
}

/// What this process did with mails since it started.
#[derive(Debug, Default)]
pub(crate) struct MailCounts {
    pub(crate) sent: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) given_up: AtomicU64,
}

impl MailCounts {
    /// One more.
    pub(crate) fn add(count: &AtomicU64) {
        Self::add_many(count, 1);
    }

    /// So many more.
    pub(crate) fn add_many(count: &AtomicU64, more: usize) {
        count.fetch_add(more as u64, Ordering::Relaxed);
    }
}

impl App {
    /// The figures of this moment.
    pub async fn measures(&self) -> Result<Measures> {
        let overview = self.overview().await?;
        let now = self.clock_now();
        let counts = self.mail_counts();
        let mut reader = self.store().reader().await?;
        let last_run = reader.notice_runs(1).await?.first().copied();
        let (mails_waiting, notices_waiting) = reader.count_waiting_mails().await?;
        let waits = |oldest: Option<(Timestamp, Option<String>)>| {
            oldest.map_or(0, |(since, _)| now.seconds_since(since).max(0))
        };
        Ok(Measures {
            mails_sent: counts.sent.load(Ordering::Relaxed),
            mails_failed: counts.failed.load(Ordering::Relaxed),
            mails_given_up: counts.given_up.load(Ordering::Relaxed),
            mails_waiting,
            oldest_mail: waits(reader.oldest_waiting_mail().await?),
            notices_waiting,
            oldest_notice: waits(reader.oldest_waiting_notice().await?),
            bounced_addresses: reader.count_bounced_addresses().await?,
            is_run_late: last_run
                .is_some_and(|run| is_run_late(run.day, now, &self.policy().notices)),
            last_run,
            is_clock_in_doubt: self.may_sign().is_err(),
            ending: reader.count_ending(now, now.plus_days(ENDS_WITHIN)).await?,
            keys_ready: self.keypool().ready(),
            overview,
        })
    }
}
