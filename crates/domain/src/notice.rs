//! 有効期限のお知らせ: which notice of a certificate is due on a day in Japan (R-030 to R-034, decisions D2, F6, F7). The
//! daily run, the relying systems and the terminals ask here and nowhere else.
//!
//! A notice is named by its threshold: the days left to the last day of validity, both counted as days of Japan;
//! [`AFTER_EXPIRY`] is the one of the day after.

use crate::policy::NoticeDays;
use crate::time::{CalendarDate, Timestamp};

/// The threshold of the notice on the day after expiry.
pub const AFTER_EXPIRY: i64 = -1;
/// Days after expiry until which the notice of the day after may come late.
const LATEST: i64 = 7;
/// Seconds after which a daily run is missing: a day, and two hours in which a large run or a restart may last.
const LATE_RUN: i64 = 26 * 3_600;

/// Where a notice is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeChannel {
    /// The message in the claims system: daily (オンライン請求).
    ClaimsMessage,
    /// The message in the eligibility system (オンライン資格確認).
    EligibilityMessage,
    /// A mail to the registered address.
    Mail,
    /// The notification on the terminal, by the client.
    Terminal,
}

impl NoticeChannel {
    /// Every channel.
    pub const ALL: [Self; 4] = [
        Self::ClaimsMessage,
        Self::EligibilityMessage,
        Self::Mail,
        Self::Terminal,
    ];

    /// The word that stands in the database and in interfaces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClaimsMessage => "claims_message",
            Self::EligibilityMessage => "eligibility_message",
            Self::Mail => "mail",
            Self::Terminal => "terminal",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    /// The thresholds, the greatest first and each once.
    pub fn thresholds(self, days: &NoticeDays) -> Vec<i64> {
        let mut thresholds: Vec<i64> = match self {
            Self::ClaimsMessage => (0..=days.message_daily_from).collect(),
            Self::EligibilityMessage => days.message.clone(),
            Self::Mail => days.mail.iter().copied().chain([AFTER_EXPIRY]).collect(),
            Self::Terminal => days.terminal.clone(),
        };
        thresholds.sort_unstable_by(|a, b| b.cmp(a));
        thresholds.dedup();
        thresholds
    }

    fn has_threshold(self, days_left: i64, days: &NoticeDays) -> bool {
        match self {
            Self::ClaimsMessage => (0..=days.message_daily_from).contains(&days_left),
            Self::EligibilityMessage => days.message.contains(&days_left),
            Self::Mail => days_left == AFTER_EXPIRY || days.mail.contains(&days_left),
            Self::Terminal => days.terminal.contains(&days_left),
        }
    }
}

/// A notice that may go out on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueNotice {
    /// Its threshold.
    pub threshold: i64,
    /// Days left on the day that was asked about: less than the threshold where the notice comes late.
    pub days_left: i64,
}

/// The notice whose own day is `day`; none on the days between. A terminal is told on every day after expiry.
pub fn notice_on(
    channel: NoticeChannel,
    not_after: Timestamp,
    day: CalendarDate,
    days: &NoticeDays,
) -> Option<DueNotice> {
    let days_left = day.days_until(not_after.japan_date());
    if channel == NoticeChannel::Terminal && days_left < 0 {
        return Some(DueNotice {
            threshold: AFTER_EXPIRY,
            days_left,
        });
    }
    channel.has_threshold(days_left, days).then_some(DueNotice {
        threshold: days_left,
        days_left,
    })
}

/// The newest notice whose day has come by `day`: after a time in which none went out, only this one does (F6).
pub fn newest_notice(
    channel: NoticeChannel,
    not_after: Timestamp,
    day: CalendarDate,
    days: &NoticeDays,
) -> Option<DueNotice> {
    let days_left = day.days_until(not_after.japan_date());
    if days_left < -LATEST {
        return None;
    }
    let reached = |threshold: &i64| *threshold >= days_left;
    let threshold = channel.thresholds(days).into_iter().filter(reached).min()?;
    // What was to be read before the end says nothing after it.
    (threshold == AFTER_EXPIRY || days_left >= 0).then_some(DueNotice {
        threshold,
        days_left,
    })
}

/// The certificates to which the notice of `threshold` goes on `day`, on its own day or late: those whose last second
/// lies between these two, both included; `None` where there can be none. Together the spans of a channel cover no
/// certificate twice. What was due by `since`, the day of the last run, went out then.
pub fn ends_between(
    channel: NoticeChannel,
    threshold: i64,
    since: Option<CalendarDate>,
    day: CalendarDate,
    days: &NoticeDays,
) -> Option<(Timestamp, Timestamp)> {
    let thresholds = channel.thresholds(days);
    let place = thresholds.iter().position(|one| *one == threshold)?;
    let least = match thresholds.get(place + 1) {
        Some(next) => next + 1,
        None if threshold == AFTER_EXPIRY => -LATEST,
        None => 0,
    };
    let earliest = day.plus_days(least);
    let first = since.map_or(earliest, |since| {
        earliest.max(since.plus_days(threshold + 1))
    });
    let last = day.plus_days(threshold);
    (first <= last).then(|| (first.start(), last.end()))
}

/// When the notices of a day are due: the configured hour in Japan.
pub fn due_at(day: CalendarDate, days: &NoticeDays) -> Timestamp {
    day.start().plus_seconds(days.hour * 3_600)
}

/// Whether the daily run is missing: more than 26 hours have passed since the notices of the last one's day were due.
pub fn is_run_late(last: CalendarDate, now: Timestamp, days: &NoticeDays) -> bool {
    now.seconds_since(due_at(last, days)) > LATE_RUN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, ProfileName};

    const CHANNELS: [NoticeChannel; 4] = NoticeChannel::ALL;

    fn days() -> NoticeDays {
        let policy: Policy = toml::from_str(ProfileName::Obn.source()).unwrap();
        policy.notices
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn on(left: i64, channel: NoticeChannel) -> Option<i64> {
        let end = at("2027-03-14T17:38:59+09:00");
        let day = end.japan_date().plus_days(-left);
        notice_on(channel, end, day, &days()).map(|due| due.threshold)
    }

    #[test]
    fn each_channel_has_its_days_and_no_others() {
        let told = |channel| -> Vec<i64> {
            let all = (-10..=100).rev();
            all.filter(|left| on(*left, channel).is_some()).collect()
        };
        let week = [7, 6, 5, 4, 3, 2, 1, 0];
        assert_eq!(
            told(NoticeChannel::Mail),
            [&[75, 60, 45, 30, 15][..], &week, &[-1]].concat()
        );
        let message = [&[90, 60, 30, 15][..], &week].concat();
        assert_eq!(told(NoticeChannel::EligibilityMessage), message);
        let daily: Vec<i64> = (0..=90).rev().collect();
        assert_eq!(told(NoticeChannel::ClaimsMessage), daily);
        let after: Vec<i64> = (-10..0).rev().collect();
        assert_eq!(told(NoticeChannel::Terminal), [message, after].concat());
    }

    #[test]
    fn after_a_pause_only_the_newest_is_left() {
        let end = at("2027-03-14T00:00:00+09:00");
        let newest = |left: i64| {
            let day = end.japan_date().plus_days(-left);
            newest_notice(NoticeChannel::Mail, end, day, &days()).map(|due| due.threshold)
        };
        let cases = [
            (76, None),
            (75, Some(75)),
            (61, Some(75)),
            (60, Some(60)),
            (14, Some(15)),
            (8, Some(15)),
            (7, Some(7)),
            (0, Some(0)),
            (-1, Some(AFTER_EXPIRY)),
            (-7, Some(AFTER_EXPIRY)),
            (-8, None),
        ];
        for (left, wanted) in cases {
            assert_eq!(newest(left), wanted, "{left} days left");
        }
        let day = end.japan_date().plus_days(1);
        let claims = newest_notice(NoticeChannel::ClaimsMessage, end, day, &days());
        assert_eq!(
            claims, None,
            "a message about the end says nothing after it"
        );
    }

    #[test]
    fn every_certificate_is_in_the_span_of_its_newest_notice_and_in_no_other() {
        let (days, day) = (days(), at("2027-03-14T09:00:00+09:00").japan_date());
        for channel in CHANNELS {
            for left in -20..=120 {
                let ends = day.plus_days(left);
                for end in [ends.start(), ends.end()] {
                    let wanted = newest_notice(channel, end, day, &days);
                    let spans = channel.thresholds(&days).into_iter().filter(|threshold| {
                        let span = ends_between(channel, *threshold, None, day, &days).unwrap();
                        (span.0..=span.1).contains(&end)
                    });
                    let spans: Vec<i64> = spans.collect();
                    let wanted: Vec<i64> = wanted.iter().map(|due| due.threshold).collect();
                    assert_eq!(spans, wanted, "{channel:?}, {left} days left");
                }
            }
        }
    }

    #[test]
    fn runs_on_any_days_reach_each_notice_once_and_only_the_newest() {
        let (days, end) = (days(), at("2027-03-14T12:00:00+09:00"));
        let channel = NoticeChannel::Mail;
        for pause in 1..=20 {
            let mut since = None;
            let mut told: Vec<i64> = Vec::new();
            for left in (-20..=120).rev().step_by(pause) {
                let day = end.japan_date().plus_days(-left);
                let new = channel.thresholds(&days).into_iter().filter(|threshold| {
                    ends_between(channel, *threshold, since, day, &days)
                        .is_some_and(|(first, last)| (first..=last).contains(&end))
                });
                let new: Vec<i64> = new.collect();
                let wanted = newest_notice(channel, end, day, &days)
                    .map(|due| due.threshold)
                    .filter(|threshold| !told.contains(threshold));
                let wanted: Vec<i64> = wanted.into_iter().collect();
                assert_eq!(new, wanted, "{left} days left, every {pause} days");
                told.extend(new);
                since = Some(day);
            }
        }
    }

    #[test]
    fn a_run_is_missing_two_hours_after_its_hour() {
        let last = at("2027-03-14T09:00:00+09:00").japan_date();
        let is_late = |text| is_run_late(last, at(text), &days());
        assert!(!is_late("2027-03-14T09:05:00+09:00"));
        assert!(!is_late("2027-03-15T11:00:00+09:00"));
        assert!(is_late("2027-03-15T11:00:01+09:00"));
    }

    #[test]
    fn a_channel_is_read_back_from_its_word() {
        for channel in CHANNELS {
            assert_eq!(NoticeChannel::parse(channel.as_str()), Some(channel));
        }
        assert_eq!(NoticeChannel::parse("fax"), None);
    }
}
