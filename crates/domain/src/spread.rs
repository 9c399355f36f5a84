//! When a terminal asks for its notice: never together with 600,000 others, and never while there is nothing to learn
//! (R-030, P-11, PERF17).
//!
//! Every certificate has its own second of the working day, which follows from its fingerprint: nobody deals it out
//! and nobody keeps it. The server names the next time in each answer; a terminal that cannot reach it asks here, with
//! the plan that it was given last, and comes to the same second. That is why this is not the server's own.

use crate::id::Fingerprint;
use crate::notice::AFTER_EXPIRY;
use crate::policy::Policy;
use crate::time::{CalendarDate, Timestamp};

/// Days that are looked through for the next one. No month is busy to its end, so one is found long before.
const FARTHEST: i64 = 62;

/// On which days and in which hours terminals ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPlan {
    /// Days left on which there is a notice.
    pub days: Vec<i64>,
    /// Days after the last one on which there is still something to learn.
    pub days_after: i64,
    /// The hour in Japan from which on terminals ask.
    pub first_hour: i64,
    /// The hour in Japan before which they ask.
    pub last_hour: i64,
    /// The first day of the month that belongs to the claims: who has no notice on it waits.
    pub busy_first_day: i64,
    /// The last one; smaller than the first where there is none.
    pub busy_last_day: i64,
}

/// How long a terminal has something to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// From the day after: what was stopped for the time being may be free again.
    FromNowOn,
    /// From the first notice on.
    NearTheEnd,
    /// Nothing will change any more.
    Never,
}

/// When a terminal asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestTime {
    /// Its own second.
    pub at: Timestamp,
    /// The last second for it where the terminal was off; it asks as soon as it is on.
    pub until: Timestamp,
}

impl RequestPlan {
    /// The plan that a policy gives.
    pub fn of(policy: &Policy) -> Self {
        let terminal = &policy.terminal;
        Self {
            days: policy.notices.terminal.clone(),
            days_after: policy.periods.retrieval_days.max(1),
            first_hour: terminal.first_hour,
            last_hour: terminal.last_hour,
            busy_first_day: terminal.busy_first_day,
            busy_last_day: terminal.busy_last_day,
        }
    }

    /// When the terminal that has this certificate asks next, after it asked at `now`. Once a day is enough: whoever
    /// asks on the day of a notice has it, at whatever hour.
    pub fn next(
        &self,
        fingerprint: &Fingerprint,
        not_after: Timestamp,
        asking: Asking,
        now: Timestamp,
    ) -> Option<RequestTime> {
        let tomorrow = now.japan_date().plus_days(1);
        let last = not_after.japan_date();
        let first = match asking {
            Asking::FromNowOn => tomorrow,
            Asking::NearTheEnd => {
                tomorrow.max(last.plus_days(self.first_notice().saturating_neg()))
            }
            Asking::Never => return None,
        };
        (0..FARTHEST)
            .map(|days| first.plus_days(days))
            .take_while(|day| *day <= last.plus_days(self.days_after))
            .find(|day| self.has_notice(day.days_until(last)) || !self.is_busy(*day))
            .map(|day| self.time_on(day, fingerprint, not_after))
    }

    /// The threshold of the first notice; that of the day after where there is none before.
    fn first_notice(&self) -> i64 {
        self.days.iter().copied().max().unwrap_or(AFTER_EXPIRY)
    }

    fn has_notice(&self, days_left: i64) -> bool {
        days_left < 0 || self.days.contains(&days_left)
    }

    fn is_busy(&self, day: CalendarDate) -> bool {
        let (_, _, day) = day.ymd();
        (self.busy_first_day..=self.busy_last_day).contains(&i64::from(day))
    }

    /// The second of a day. On the last day it lies before the end of the certificate, if the hours begin before
    /// that: who asks is to read that it ends today, not that it is over.
    fn time_on(
        &self,
        day: CalendarDate,
        fingerprint: &Fingerprint,
        not_after: Timestamp,
    ) -> RequestTime {
        let hour = |hour: i64| day.start().plus_seconds(hour.clamp(0, 24) * 3_600);
        let opens = hour(self.first_hour);
        let closes = hour(self.last_hour).plus_seconds(-1).max(opens);
        let until = if opens <= not_after {
            closes.min(not_after)
        } else {
            closes
        };
        let seconds = until.seconds_since(opens) + 1;
        RequestTime {
            at: opens.plus_seconds(share(fingerprint, seconds)),
            until,
        }
    }
}

/// The part of `seconds` that belongs to a certificate: 0 to `seconds` - 1, each for as many. A digest is as even as
/// chance, so its first octets will do.
fn share(fingerprint: &Fingerprint, seconds: i64) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = fingerprint.0;
    let place = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    let seconds = u128::try_from(seconds).unwrap_or_default();
    i64::try_from((u128::from(place) * seconds) >> 64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::{SeededEntropy, octets};
    use crate::policy::OBN;

    const TERMINALS: usize = 600_000;

    fn plan() -> RequestPlan {
        RequestPlan::of(&toml::from_str(OBN).unwrap())
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn terminals() -> impl Iterator<Item = Fingerprint> {
        let chance = SeededEntropy::new(20);
        (0..TERMINALS).map(move |_| Fingerprint(octets(&chance)))
    }

    /// Minute of the day in Japan.
    fn minute(at: Timestamp) -> i64 {
        at.japan().hour * 60 + at.japan().minute
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "says how many came together")]
    fn perf17_600_000_terminals_never_arrive_together_and_none_outside_the_hours() {
        let (plan, end) = (plan(), at("2027-03-14T17:38:59+09:00"));
        let before = at("2026-12-13T10:00:00+09:00");
        let mut minutes = vec![0_u32; 24 * 60];
        for terminal in terminals() {
            let next = plan.next(&terminal, end, Asking::NearTheEnd, before);
            let next = next.unwrap();
            assert_eq!(next.at.japan_date().to_string(), "2026-12-14");
            minutes[usize::try_from(minute(next.at)).unwrap()] += 1;
        }
        let (mut inside, mut outside) = (Vec::new(), 0);
        for (minute, count) in minutes.into_iter().enumerate() {
            if (9 * 60..17 * 60).contains(&minute) {
                inside.push(count);
            } else {
                outside += count;
            }
        }
        let mean = f64::from(inside.iter().sum::<u32>()) / 480.0;
        let busiest = f64::from(*inside.iter().max().unwrap());
        assert_eq!((outside, mean), (0, 1_250.0));
        println!("{busiest} terminals in the busiest minute, {mean} in the mean");
        assert!(
            busiest <= 1.3 * mean,
            "{busiest} in a minute, {mean} in the mean"
        );
        assert!(inside.iter().all(|count| *count > 0));
    }

    #[test]
    fn a_plan_of_any_numbers_gives_a_time_or_none() {
        let ends = [i64::MIN, -1, 0, 1, i64::MAX];
        for (days, hour) in ends.iter().flat_map(|a| ends.map(|b| (*a, b))) {
            let plan = RequestPlan {
                days: vec![days],
                days_after: hour,
                first_hour: hour,
                last_hour: days,
                busy_first_day: days,
                busy_last_day: hour,
            };
            let (end, now) = (at("2027-03-14T17:38:59+09:00"), at("2027-01-01T00:00:00Z"));
            let next = plan.next(&Fingerprint([9; 32]), end, Asking::NearTheEnd, now);
            assert!(next.is_none_or(|next| next.at <= next.until), "{plan:?}");
        }
    }

    #[test]
    fn perf17_a_terminal_with_more_days_left_asks_first_on_the_day_of_its_first_notice() {
        let (plan, end) = (plan(), at("2027-03-14T17:38:59+09:00"));
        for terminal in terminals().take(50) {
            for now in ["2023-12-14T17:39:00+09:00", "2026-12-13T23:59:59+09:00"] {
                let next = plan.next(&terminal, end, Asking::NearTheEnd, at(now));
                let left = next.unwrap().at.japan_date();
                assert_eq!(left.days_until(end.japan_date()), 90);
            }
        }
    }

    /// Every day on which a terminal asks that was made three years before.
    fn asked(plan: &RequestPlan, terminal: &Fingerprint, end: Timestamp) -> Vec<Timestamp> {
        let mut now = end.plus_days(-1_187);
        let mut asked = Vec::new();
        while let Some(next) = plan.next(terminal, end, Asking::NearTheEnd, now) {
            assert!(next.at > now && next.at <= next.until);
            asked.push(next.at);
            now = next.at;
        }
        asked
    }

    #[test]
    fn each_notice_day_is_hit_once_and_the_claims_peak_is_left_to_the_claims() {
        let plan = plan();
        let first = at("2027-01-01T10:00:00+09:00");
        for (number, terminal) in terminals().take(400).enumerate() {
            let end = first.plus_seconds(i64::try_from(number).unwrap() * 86_413);
            let last = end.japan_date();
            let days: Vec<CalendarDate> = asked(&plan, &terminal, end)
                .into_iter()
                .map(Timestamp::japan_date)
                .collect();
            let wanted = (-plan.days_after..=90).rev().filter_map(|left| {
                let day = last.plus_days(-left);
                let (_, _, of_month) = day.ymd();
                (left < 0 || plan.days.contains(&left) || of_month > 10).then_some(day)
            });
            assert_eq!(days, wanted.collect::<Vec<_>>(), "{terminal}, {end}");
        }
    }

    #[test]
    fn the_last_day_is_told_before_the_end_where_the_hours_begin_before_it() {
        let plan = plan();
        for terminal in terminals().take(500) {
            let on_last_day = |end: Timestamp| {
                let now = end.plus_days(-1);
                plan.next(&terminal, end, Asking::NearTheEnd, now).unwrap()
            };
            let soon = at("2027-03-14T09:01:59+09:00");
            assert!(on_last_day(soon).at <= soon);
            assert_eq!(on_last_day(soon).until, soon);
            let opens = at("2027-03-14T09:00:00+09:00");
            assert_eq!(on_last_day(opens).at, opens);
            for over in ["2027-03-14T00:00:00+09:00", "2027-03-14T23:59:59+09:00"] {
                let next = on_last_day(at(over));
                assert!((9 * 60..17 * 60).contains(&minute(next.at)));
                assert_eq!(next.until, at("2027-03-14T16:59:59+09:00"));
            }
        }
    }

    #[test]
    fn what_is_on_hold_is_asked_about_daily_but_in_the_claims_peak() {
        let (plan, end) = (plan(), at("2029-03-14T12:00:00+09:00"));
        let terminal = Fingerprint([0x80; 32]);
        let next = |now: &str| {
            let next = plan.next(&terminal, end, Asking::FromNowOn, at(now));
            next.unwrap().at
        };
        let wanted = at("2027-01-30T13:00:56+09:00");
        assert_eq!(next("2027-01-29T09:00:00+09:00"), wanted);
        let after_peak = at("2027-02-11T13:00:56+09:00");
        assert_eq!(next("2027-01-31T13:00:56+09:00"), after_peak);
        assert_eq!(next("2027-02-04T08:00:00+09:00"), after_peak);
    }

    #[test]
    fn who_has_nothing_to_learn_never_asks_again() {
        let (plan, end) = (plan(), at("2027-03-14T12:00:00+09:00"));
        let terminal = Fingerprint([1; 32]);
        let now = at("2027-01-20T12:00:00+09:00");
        assert_eq!(plan.next(&terminal, end, Asking::Never, now), None);
        let over = at("2027-04-13T12:00:00+09:00");
        for asking in [Asking::FromNowOn, Asking::NearTheEnd] {
            assert!(
                plan.next(&terminal, end, asking, over.plus_days(-1))
                    .is_some()
            );
            assert_eq!(plan.next(&terminal, end, asking, over), None);
        }
    }

    #[test]
    fn a_channel_without_days_is_asked_about_after_the_end() {
        let mut plan = plan();
        plan.days.clear();
        let (terminal, end) = (Fingerprint([1; 32]), at("2027-03-14T12:00:00+09:00"));
        let first = plan.next(&terminal, end, Asking::NearTheEnd, end.plus_days(-400));
        assert_eq!(first.unwrap().at.japan_date().to_string(), "2027-03-15");
    }

    #[test]
    fn a_plan_that_nobody_can_mean_ends_too() {
        let wild = RequestPlan {
            days: vec![i64::MAX, i64::MIN],
            days_after: i64::MAX,
            first_hour: i64::MAX,
            last_hour: i64::MIN,
            busy_first_day: i64::MIN,
            busy_last_day: i64::MAX,
        };
        let (terminal, end) = (Fingerprint([255; 32]), at("2027-03-14T12:00:00+09:00"));
        for asking in [Asking::FromNowOn, Asking::NearTheEnd] {
            for now in [end.plus_days(-100), end, end.plus_days(100)] {
                if let Some(next) = wild.next(&terminal, end, asking, now) {
                    assert!(next.at <= next.until);
                }
            }
        }
    }
}
