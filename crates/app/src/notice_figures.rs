//! How the notices go out, and what comes: the figures of C-18 and of `tegata notice runs` (F6).
//!
//! What is read row by row is small. What is counted over many rows is kept for a while in this process: the months to
//! come for five minutes (24 ranges of an index that holds what is counted and nothing else: of 600,000 certificates
//! about 370,000 entries; for those of the months whose renewal is open, two looks at other indexes), the mails of a day for one minute while some of them wait (a busy day has about 60,000 mails),
//! and for good once none does; what is due on a day for one minute (`due_day.rs`). No table is kept beside the mails that could differ from them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tegata_domain::grant::renewal_opens;
use tegata_domain::notice::is_run_late;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_store::{NoticeRun, NoticeTally, Reader};

use crate::base::App;
use crate::due_day::DueGroup;
use crate::error::Result;

/// Runs that are listed.
const RUNS: u32 = 14;
/// Days whose mails are counted, today included.
const DAYS: i64 = 7;
/// Months whose ends are counted, this one included.
const MONTHS: u32 = 24;
/// Seconds for which the months are kept.
const MONTHS_KEPT: i64 = 300;
/// Seconds for which a day is kept while one of its mails waits.
const DAY_KEPT: i64 = 60;
/// Days kept at the most.
const MOST_DAYS: usize = 100;

/// How the notices go out, and what comes.
#[derive(Clone, Debug)]
pub struct NoticeFigures {
    /// The last runs that were finished, the newest first.
    pub runs: Vec<NoticeRun>,
    /// Whether a run is missing.
    pub is_late: bool,
    /// What came of the notices of the last days, the newest first; days without one are left out.
    pub days: Vec<DayTally>,
    /// How many notices wait, whenever they became due.
    pub waiting: i64,
    /// When the oldest of them became due, and the mail server's last words about it.
    pub oldest: Option<(Timestamp, Option<String>)>,
    /// Addresses whose mails come back (P-23).
    pub bounced: i64,
    /// The certificates that come to their end, month by month from this one on.
    pub months: Vec<EndingMonth>,
    /// The mails that are due tomorrow, as things stand.
    pub tomorrow: i64,
    /// The clock of certificates.
    pub clock: Timestamp,
}

/// The notices of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayTally {
    /// The day on which they became due.
    pub day: CalendarDate,
    /// By kind.
    pub kinds: Vec<NoticeTally>,
}

/// The certificates in force that end in a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndingMonth {
    /// The first day of the month; of the present month, today.
    pub from: CalendarDate,
    /// How many.
    pub certificates: i64,
    /// How many of them were renewed.
    pub renewed: i64,
}

/// What was counted a while ago.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    months: Mutex<Option<(Timestamp, Vec<EndingMonth>)>>,
    days: Mutex<HashMap<CalendarDate, KeptDay>>,
    due: Mutex<HashMap<Asked, (Timestamp, Vec<DueGroup>)>>,
}

/// A day, with that of the run before it.
type Asked = (Option<CalendarDate>, CalendarDate);

#[derive(Clone, Debug)]
struct KeptDay {
    kinds: Vec<NoticeTally>,
    counted_at: Timestamp,
    /// Nothing more can come of its mails.
    is_over: bool,
}

impl App {
    /// How the notices go out, and what comes.
    pub async fn notice_figures(&self) -> Result<NoticeFigures> {
        let clock = self.clock_now();
        let today = clock.japan_date();
        let tomorrow = self.due_on(today.plus_days(1)).await?.mails();
        let tallies = self.notice_tallies(DAYS).await?;
        let mut reader = self.store().reader().await?;
        let runs = reader.notice_runs(RUNS).await?;
        let days = &self.policy().notices;
        Ok(NoticeFigures {
            is_late: runs
                .first()
                .is_some_and(|run| is_run_late(run.day, clock, days)),
            runs,
            days: tallies,
            waiting: reader.count_waiting_mails().await?.1,
            oldest: reader.oldest_waiting_notice().await?,
            bounced: reader.count_bounced_addresses().await?,
            months: self.ending_months(&mut reader, clock).await?,
            tomorrow,
            clock,
        })
    }

    /// What came of the notices of the last `days` days, today included, the newest first; days without one are left
    /// out. Of days long over the numbers are there, though the mails are not.
    pub async fn notice_tallies(&self, days: i64) -> Result<Vec<DayTally>> {
        let today = self.clock_now().japan_date();
        let mut reader = self.store().reader().await?;
        let mut tallies = Vec::new();
        for back in 0..days {
            let day = today.plus_days(-back);
            let kinds = self.tally_of(&mut reader, day, today).await?;
            if !kinds.is_empty() {
                tallies.push(DayTally { day, kinds });
            }
        }
        Ok(tallies)
    }

    async fn tally_of(
        &self,
        reader: &mut Reader,
        day: CalendarDate,
        today: CalendarDate,
    ) -> Result<Vec<NoticeTally>> {
        let now = self.system_now();
        if let Some(kinds) = self.counted().day(day, now) {
            return Ok(kinds);
        }
        let mut kinds = reader.tally_notices(day.start(), day.end()).await?;
        for forgotten in reader.forgotten_notices(day).await? {
            match kinds.iter_mut().find(|kind| kind.kind == forgotten.kind) {
                Some(kind) => {
                    kind.sent += forgotten.sent;
                    kind.dropped += forgotten.dropped;
                }
                None => kinds.push(forgotten),
            }
        }
        let kept = KeptDay {
            is_over: day < today && kinds.iter().all(|kind| kind.waiting == 0),
            kinds: kinds.clone(),
            counted_at: now,
        };
        self.counted().keep_day(day, kept);
        Ok(kinds)
    }

    async fn ending_months(
        &self,
        reader: &mut Reader,
        clock: Timestamp,
    ) -> Result<Vec<EndingMonth>> {
        let (now, today) = (self.system_now(), clock.japan_date());
        if let Some(months) = self.counted().months(today, now) {
            return Ok(months);
        }
        let mut months = Vec::new();
        for (from, to) in months_from(today) {
            let certificates = reader.count_ending(from.start(), to.end()).await?;
            // Before its renewal opens no certificate has one: most months need no look.
            let opens = renewal_opens(from.start(), &self.policy().periods);
            let renewed = if certificates > 0 && opens <= clock {
                reader.count_ending_renewed(from.start(), to.end()).await?
            } else {
                0
            };
            months.push(EndingMonth {
                from,
                certificates,
                renewed,
            });
        }
        self.counted().keep_months(now, months.clone());
        Ok(months)
    }
}

impl Counted {
    fn months(&self, today: CalendarDate, now: Timestamp) -> Option<Vec<EndingMonth>> {
        let kept = self.months.lock().unwrap_or_else(PoisonError::into_inner);
        let (counted_at, months) = kept.as_ref()?;
        let is_fresh = is_kept(*counted_at, now, MONTHS_KEPT)
            && months.first().is_some_and(|first| first.from == today);
        is_fresh.then(|| months.clone())
    }

    fn keep_months(&self, now: Timestamp, months: Vec<EndingMonth>) {
        let mut kept = self.months.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((now, months));
    }

    fn day(&self, day: CalendarDate, now: Timestamp) -> Option<Vec<NoticeTally>> {
        let kept = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = kept.get(&day)?;
        let is_fresh = tally.is_over || is_kept(tally.counted_at, now, DAY_KEPT);
        is_fresh.then(|| tally.kinds.clone())
    }

    fn keep_day(&self, day: CalendarDate, tally: KeptDay) {
        let mut kept = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_DAYS {
            kept.clear();
        }
        kept.insert(day, tally);
    }

    /// What is due on a day, where it was counted a moment ago.
    pub(crate) fn due(&self, asked: Asked, now: Timestamp) -> Option<Vec<DueGroup>> {
        let kept = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let (counted_at, groups) = kept.get(&asked)?;
        is_kept(*counted_at, now, DAY_KEPT).then(|| groups.clone())
    }

    /// What is due on a day.
    pub(crate) fn keep_due(&self, asked: Asked, now: Timestamp, groups: Vec<DueGroup>) {
        let mut kept = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_DAYS {
            kept.clear();
        }
        kept.insert(asked, (now, groups));
    }
}

/// Whether `counted_at` is less than `seconds` ago; a clock that went back makes it old.
fn is_kept(counted_at: Timestamp, now: Timestamp, seconds: i64) -> bool {
    (0..seconds).contains(&now.seconds_since(counted_at))
}

/// The months from `today` on, each as its first and last day.
fn months_from(today: CalendarDate) -> Vec<(CalendarDate, CalendarDate)> {
    let (_, _, day) = today.ymd();
    let first = today.plus_days(1 - i64::from(day));
    (0..MONTHS)
        .map(|month| {
            let from = first.plus_months(month).max(today);
            (from, first.plus_months(month + 1).plus_days(-1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_without_a_gap_from_today_on() {
        let today = CalendarDate::from_ymd(2027, 12, 31).unwrap();
        let months = months_from(today);
        assert_eq!(months.len(), 24);
        assert_eq!(months[0], (today, today));
        for pair in months.windows(2) {
            assert_eq!(pair[0].1.plus_days(1), pair[1].0);
        }
        let last = months[23].1;
        assert_eq!(last, CalendarDate::from_ymd(2029, 11, 30).unwrap());
    }
}
