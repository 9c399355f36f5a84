//! 取得のお願い: reminders while a certificate that was approved is not collected (P-14).
//!
//! A reminder is named by its day: how many days of Japan lie between the approval and it.

use crate::time::{CalendarDate, Timestamp};

/// The grants to which the reminder of day `after` goes on `day`, on its own day or late: those approved between these
/// two, both included; `None` where there can be none. `days` rise; together their spans cover no grant twice. What was
/// due by `since`, the day of the last run, went out then.
pub fn approved_between(
    after: i64,
    since: Option<CalendarDate>,
    day: CalendarDate,
    days: &[i64],
) -> Option<(Timestamp, Timestamp)> {
    let last = day.plus_days(-after);
    let next = days.iter().copied().filter(|other| *other > after).min();
    // After the last one of all, a pause of a week is made up for.
    let next = next.unwrap_or(after + 7);
    let earliest = day.plus_days(1 - next);
    let first = since.map_or(earliest, |since| earliest.max(since.plus_days(1 - after)));
    (days.contains(&after) && first <= last).then(|| (first.start(), last.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: [i64; 5] = [30, 60, 120, 150, 170];

    fn approval() -> Timestamp {
        Timestamp::parse_rfc3339("2027-01-31T23:59:59+09:00").unwrap()
    }

    fn due(on: i64, since: Option<i64>) -> Vec<i64> {
        let day = |after| approval().japan_date().plus_days(after);
        let is_due = |after: &i64| {
            approved_between(*after, since.map(day), day(on), &DAYS)
                .is_some_and(|(first, last)| (first..=last).contains(&approval()))
        };
        DAYS.into_iter().filter(is_due).collect()
    }

    #[test]
    fn daily_runs_remind_on_the_days_and_on_no_others() {
        for on in 0..400 {
            let wanted: Vec<i64> = DAYS.into_iter().filter(|after| *after == on).collect();
            assert_eq!(due(on, Some(on - 1)), wanted, "day {on}");
        }
    }

    #[test]
    fn after_a_pause_only_the_newest_is_left() {
        assert_eq!(due(29, None), []);
        assert_eq!(due(59, Some(20)), [30]);
        assert_eq!(due(119, Some(20)), [60]);
        assert_eq!(due(160, Some(20)), [150]);
        assert_eq!(due(176, Some(20)), [170]);
        assert_eq!(due(177, Some(20)), []);
        assert_eq!(due(59, Some(30)), []);
    }
}
