//! What a source may do at the application site in an hour (`policy.application`): begin procedures of 発行申請 and
//! 申請状況照会, of which each is a row, and send applications in. Whoever reaches the page can do both.
//!
//! There is no budget of an institution or of a mail address: who knows one could use it up for its owner.

use std::sync::{Mutex, PoisonError};

use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Refusal, Result};
use crate::source::{OTHERS, Source, SourceCounts};

/// Seconds of the period.
const HOUR: i64 = 3_600;

/// What sources did in the present hour.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<SourceCounts>);

/// What one more of a source comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It is within the budget; so many there are from all sources in this hour.
    Within(u32),
    /// The budget is used up for so many seconds.
    UsedUp(u64),
}

impl Budget {
    /// Counts one more of `source`, which may have `most` in an hour. Where so many networks came that further ones are counted
    /// together, those are not refused: one with many addresses would close the site to everybody.
    fn take(&self, source: Source, most: u32, now: Timestamp) -> Taken {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.unix().div_euclid(HOUR);
        counts.begin(hour);
        if counts.of(source, hour) >= most && counts.counted_as(source) != OTHERS {
            let passed = now.unix().rem_euclid(HOUR);
            return Taken::UsedUp(u64::try_from(HOUR - passed).unwrap_or(1));
        }
        counts.add(source);
        Taken::Within(counts.all())
    }
}

impl App {
    /// Counts one more procedure of the application site that `source` begins.
    ///
    /// # Errors
    ///
    /// [`Refusal::Crowded`] where it began its number of this hour.
    pub(crate) fn count_begun(&self, source: Source) -> Result<()> {
        let most = self.policy().application.begun_per_hour;
        self.count(&self.budgets().begun, source, most).map(drop)
    }

    /// Counts one more submission of `source`; the log has an error where they are many from all sources.
    ///
    /// # Errors
    ///
    /// [`Refusal::Crowded`] where it sent its number of this hour.
    pub(crate) fn count_sent(&self, source: Source) -> Result<()> {
        let policy = &self.policy().application;
        let all = self.count(&self.budgets().sent, source, policy.sent_per_hour)?;
        if all == policy.alarm_per_hour {
            tracing::error!(
                "{all} submissions of applications in this hour: look at `tegata application list`, and \
                 whether somebody sends them by a program"
            );
        }
        Ok(())
    }

    /// Behind a configured proxy that does not say for whom it asks stand many: they count for the alarm alone.
    fn count(&self, budget: &Budget, source: Source, most: u32) -> Result<u32> {
        let most = if self.is_proxy(source.0) {
            u32::MAX
        } else {
            most
        };
        match budget.take(source, most, self.system_now()) {
            Taken::Within(all) => Ok(all),
            Taken::UsedUp(seconds) => Err(Refusal::Crowded { seconds }.into()),
        }
    }
}

/// The budgets of one process.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    /// Procedures that were begun.
    begun: Budget,
    /// Submissions.
    sent: Budget,
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::source::MOST_NETWORKS;

    fn v4(last: u8) -> Source {
        Source(IpAddr::from([127, 0, 0, last]))
    }

    #[test]
    fn a_source_that_used_its_hour_up_waits_for_the_next_and_keeps_no_other() {
        let budget = Budget::default();
        let now = Timestamp::from_unix(36_000 + 60);
        assert_eq!(budget.take(v4(1), 2, now), Taken::Within(1));
        assert_eq!(budget.take(v4(1), 2, now), Taken::Within(2));
        assert_eq!(budget.take(v4(1), 2, now), Taken::UsedUp(3_540));
        assert_eq!(budget.take(v4(2), 2, now), Taken::Within(3));
        let next = now.plus_seconds(3_540);
        assert_eq!(budget.take(v4(1), 2, next), Taken::Within(1));
    }

    #[test]
    fn whoever_has_many_addresses_closes_the_site_to_nobody() {
        let budget = Budget::default();
        let now = Timestamp::from_unix(36_000);
        for n in 0..u32::try_from(MOST_NETWORKS).unwrap() + 9 {
            budget.take(Source(IpAddr::from(n.to_be_bytes())), 2, now);
        }
        let taken = budget.take(Source(IpAddr::from([192, 0, 2, 1])), 2, now);
        assert!(matches!(taken, Taken::Within(_)), "{taken:?}");
    }
}
