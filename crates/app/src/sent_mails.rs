//! Mails that are over do not stay for ever: 600,000 certificates bring 2.6 million of them a year. Their rows go after
//! `policy.notices.keep_sent_days`, their numbers by day stay.
//!
//! A row's key keeps its mail from being queued twice (F6). It matters as long as a run may come back to its day, so no
//! row goes before its day's run is finished; and the policy keeps rows longer than notices about one certificate are
//! apart, so that whatever a run does, the notices it could repeat are still there.

use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Error, Result};

/// Mails that one transaction deletes.
const STEP: u32 = 500;
/// Transactions of one minute at the most: enough for a day's mails in half an hour.
const STEPS: u32 = 4;

impl App {
    /// Deletes some of the mails that are over for long enough; answers how many. While the clock is in doubt none (S7).
    pub(crate) async fn forget_sent_mails(&self, now: Timestamp) -> Result<u64> {
        if self.may_sign().is_err() {
            return Ok(0);
        }
        let Some(last_run) = self.store().reader().await?.last_notice_run().await? else {
            return Ok(0);
        };
        let days = self.policy().notices.keep_sent_days;
        let due_before = now.plus_days(-days).min(last_run.start());
        let over_before = self.system_now().plus_days(-days);
        let mut gone = 0;
        for _ in 0..STEPS {
            let step = self
                .store()
                .write(move |tx| {
                    Box::pin(async move {
                        let gone = tx.forget_mails(due_before, over_before, STEP).await?;
                        Ok::<_, Error>(gone)
                    })
                })
                .await?;
            gone += step;
            if step < u64::from(STEP) {
                break;
            }
        }
        Ok(gone)
    }
}
