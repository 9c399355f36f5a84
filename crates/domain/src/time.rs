//! Instants, Japanese calendar days and the two conversions between them (decisions D1 to D3).
//!
//! An instant is a whole second of UTC: what X.509 can say and what both databases keep. Days are
//! Japan's calendar days (UTC+9, no daylight saving time), months calendar months.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use ::time::format_description::well_known::Rfc3339;
use ::time::{Date, Month, OffsetDateTime, UtcOffset};
use serde::{Deserialize, Serialize};

/// Seconds that Japan is ahead of UTC.
const JAPAN_OFFSET: i64 = 9 * 3600;
const DAY: i64 = 86_400;

/// An instant: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `seconds` after the Unix epoch.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Reads an RFC 3339 date and time such as `2027-03-14T17:39:00+09:00`; fractions are cut off. What lies before
    /// the year 0 or after 9999 in UTC is refused, because it could not be printed.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTime> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|t| t.unix_timestamp())
            .ok()
            .filter(|seconds| PRINTABLE.contains(seconds))
            .map(Self)
            .ok_or(InvalidTime)
    }

    /// Seconds since the Unix epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This instant moved by `seconds` (negative: earlier).
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// This instant moved by whole days of 86,400 seconds.
    pub const fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(DAY))
    }

    /// Seconds from `earlier` to this instant; negative when `earlier` is later.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The calendar day in Japan.
    pub fn japan_date(self) -> CalendarDate {
        CalendarDate(self.0.saturating_add(JAPAN_OFFSET).div_euclid(DAY))
    }

    /// The date and the time of day in Japan.
    pub fn japan(self) -> JapanTime {
        let second = self.0.saturating_add(JAPAN_OFFSET).rem_euclid(DAY);
        JapanTime {
            date: self.japan_date(),
            hour: second / 3600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }

    /// This instant `months` calendar months later: in one step, in Japan, clamped to the end of
    /// the month, keeping the time of day (D3).
    pub fn plus_months(self, months: u32) -> Self {
        let moved = self.japan_date().plus_months(months);
        let second_of_day = self.0.saturating_add(JAPAN_OFFSET).rem_euclid(DAY);
        moved.start().plus_seconds(second_of_day)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, for machines and English readers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp(self.0)
            .ok()
            .and_then(|t| t.to_offset(UtcOffset::UTC).format(&Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("out-of-range"))
    }
}

/// A date and a time of day in Japan, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JapanTime {
    /// The calendar day.
    pub date: CalendarDate,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
}

/// A calendar day in Japan, counted in days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalendarDate(i64);

impl CalendarDate {
    /// The day `year`-`month`-`day` of the Gregorian calendar.
    pub fn from_ymd(year: i32, month: u8, day: u8) -> Result<Self, InvalidTime> {
        let month = Month::try_from(month).map_err(|_| InvalidTime)?;
        let date = Date::from_calendar_date(year, month, day).map_err(|_| InvalidTime)?;
        Ok(Self(i64::from(date.to_julian_day()) - UNIX_JULIAN_DAY))
    }

    /// Reads `2027-03-14`.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let mut parts = text.splitn(3, '-');
        let mut next = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits);
            part.filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
                .ok_or(InvalidTime)
        };
        let (year, month, day) = (next(4)?, next(2)?, next(2)?);
        let number = |text: &str| text.parse().map_err(|_| InvalidTime);
        let year = year.parse().map_err(|_| InvalidTime)?;
        Self::from_ymd(year, number(month)?, number(day)?)
    }

    /// Year, month (1 to 12) and day of the month (1 to 31).
    pub fn ymd(self) -> (i32, u8, u8) {
        let date = self.date();
        (date.year(), u8::from(date.month()), date.day())
    }

    /// Day of the week: 0 for Sunday to 6 for Saturday.
    pub fn weekday(self) -> usize {
        usize::from(self.date().weekday().number_days_from_sunday())
    }

    /// The first second of the day (00:00:00 in Japan).
    pub const fn start(self) -> Timestamp {
        Timestamp(self.0.saturating_mul(DAY).saturating_sub(JAPAN_OFFSET))
    }

    /// The last second of the day (23:59:59 in Japan).
    pub const fn end(self) -> Timestamp {
        self.start().plus_seconds(DAY - 1)
    }

    /// The day `days` later (negative: earlier).
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Days from this day to `later`; negative when `later` is earlier.
    pub const fn days_until(self, later: Self) -> i64 {
        later.0.saturating_sub(self.0)
    }

    /// The same day of the month `months` later, or the last day of that month where there is none.
    pub fn plus_months(self, months: u32) -> Self {
        let (year, month, day) = self.ymd();
        let count = i64::from(year) * 12 + i64::from(month) - 1 + i64::from(months);
        let year = i32::try_from(count.div_euclid(12)).unwrap_or(9999);
        let month = u8::try_from(count.rem_euclid(12) + 1).unwrap_or(12);
        let length = Month::try_from(month).map_or(28, |m| m.length(year));
        Self::from_ymd(year, month, day.min(length)).unwrap_or(self)
    }

    fn date(self) -> Date {
        let beyond = if self.0 < 0 { Date::MIN } else { Date::MAX };
        i32::try_from(self.0.saturating_add(UNIX_JULIAN_DAY))
            .ok()
            .and_then(|day| Date::from_julian_day(day).ok())
            .unwrap_or(beyond)
    }
}

impl fmt::Display for CalendarDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// The first second of the year 0 and the last of 9999, in UTC.
const PRINTABLE: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// The Julian day of 1970-01-01.
const UNIX_JULIAN_DAY: i64 = 2_440_588;

/// Text or numbers that name no instant or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid date or time (write 2027-03-14T17:39:00+09:00)")]
pub struct InvalidTime;

/// Where `now` comes from; read once per request, job or command and handed down.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Seconds since a moment that does not change while the machine runs, whatever the clock is set to meanwhile. Of a
    /// clock that nobody sets it is the clock itself.
    fn uptime(&self) -> i64 {
        self.now().unix()
    }
}

/// A clock that stands still until it is moved: for tests and for the demo's time machine.
#[derive(Debug)]
pub struct ManualClock {
    now: AtomicI64,
    uptime: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self {
            now: AtomicI64::new(now.unix()),
            uptime: AtomicI64::new(0),
        }
    }

    /// Lets so many seconds pass, as the clock shows them.
    pub fn advance(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
        self.uptime.fetch_add(seconds.max(0), Ordering::SeqCst);
    }

    /// Lets so many seconds pass that the clock does not show.
    pub fn stand_still(&self, seconds: i64) {
        self.uptime.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the clock; no time passes.
    pub fn set(&self, now: Timestamp) {
        self.now.store(now.unix(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> i64 {
        self.uptime.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_back_as_it_is_written() {
        for text in ["2027-03-14", "1970-01-01", "2028-02-29"] {
            assert_eq!(CalendarDate::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "2027",
            "2027-3-14",
            "2027-03-14T",
            "2027-02-29",
            "2027-13-01",
            "2027/03/14",
            "+027-03-14",
            "２０２７-03-14",
        ] {
            assert_eq!(CalendarDate::parse(text), Err(InvalidTime), "{text}");
        }
    }

    fn day(year: i32, month: u8, day: u8) -> CalendarDate {
        CalendarDate::from_ymd(year, month, day).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn the_day_changes_at_midnight_in_japan() {
        let midnight = at("2027-03-14T15:00:00Z");
        let days = [-1, 0, 1].map(|seconds| midnight.plus_seconds(seconds).japan_date());
        assert_eq!(days, [day(2027, 3, 14), day(2027, 3, 15), day(2027, 3, 15)]);
        assert_eq!(day(2027, 3, 15).start(), midnight);
        assert_eq!(day(2027, 3, 14).end(), midnight.plus_seconds(-1));
    }

    #[test]
    fn the_time_of_day_is_that_of_japan() {
        let cases = [
            ("2027-03-14T14:59:59Z", day(2027, 3, 14), (23, 59, 59)),
            ("2027-03-14T15:00:00Z", day(2027, 3, 15), (0, 0, 0)),
            ("2027-03-14T17:39:07+09:00", day(2027, 3, 14), (17, 39, 7)),
            ("1969-12-31T23:59:59Z", day(1970, 1, 1), (8, 59, 59)),
            ("1969-12-31T14:59:59Z", day(1969, 12, 31), (23, 59, 59)),
            ("1899-12-31T15:00:00Z", day(1900, 1, 1), (0, 0, 0)),
        ];
        for (text, date, (hour, minute, second)) in cases {
            let expected = JapanTime {
                date,
                hour,
                minute,
                second,
            };
            assert_eq!(at(text).japan(), expected, "{text}");
        }
    }

    #[test]
    fn one_instant_is_read_from_every_offset_and_printed_in_utc() {
        for text in [
            "2027-03-14T17:39:00+09:00",
            "2027-03-14T08:39:00Z",
            "2027-03-14T08:39:00.999Z",
            "2027-03-14T00:39:00-08:00",
        ] {
            assert_eq!(at(text).to_string(), "2027-03-14T08:39:00Z");
        }
        assert_eq!(at("1970-01-01T00:00:00Z").unix(), 0);
    }

    #[test]
    fn text_that_names_no_instant_is_refused() {
        for text in [
            "",
            "2027-03-14",
            "2027-03-14T17:39:00",
            "2027-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-03-14T24:00:00Z",
            "2027/03/14 17:39:00",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text), Err(InvalidTime), "{text}");
        }
    }

    #[test]
    fn only_leap_years_have_a_29th_of_february() {
        for year in [2000, 2020, 2024, 2048, 2400] {
            assert_eq!(day(year, 2, 29).plus_days(1), day(year, 3, 1));
        }
        for year in [1900, 2023, 2050, 2100] {
            assert_eq!(CalendarDate::from_ymd(year, 2, 29), Err(InvalidTime));
            assert_eq!(day(year, 2, 28).plus_days(1), day(year, 3, 1));
        }
    }

    #[test]
    fn numbers_that_name_no_day_are_refused() {
        for (year, month, day) in [(2027, 0, 1), (2027, 13, 1), (2027, 4, 31), (2027, 1, 0)] {
            let refused = CalendarDate::from_ymd(year, month, day);
            assert_eq!(refused, Err(InvalidTime), "{year} {month} {day}");
        }
    }

    #[test]
    fn months_end_where_the_calendar_ends_them() {
        let cases = [
            (day(2023, 1, 31), 1, day(2023, 2, 28)),
            (day(2024, 1, 31), 1, day(2024, 2, 29)),
            (day(2024, 2, 29), 12, day(2025, 2, 28)),
            (day(2024, 2, 29), 48, day(2028, 2, 29)),
            (day(2023, 12, 31), 2, day(2024, 2, 29)),
            (day(2049, 10, 31), 4, day(2050, 2, 28)),
            (day(2049, 12, 31), 1, day(2050, 1, 31)),
            (day(1969, 11, 30), 3, day(1970, 2, 28)),
            (day(2027, 3, 14), 0, day(2027, 3, 14)),
        ];
        for (date, months, expected) in cases {
            assert_eq!(date.plus_months(months), expected, "{date} + {months}");
        }
    }

    #[test]
    fn a_month_later_is_the_same_second_of_the_day_in_japan() {
        // In UTC this is the 30th of January, 15:00: counted there, the day would be another.
        let midnight = at("2027-01-31T00:00:00+09:00");
        assert_eq!(midnight.plus_months(1), at("2027-02-28T00:00:00+09:00"));
        let last = at("2027-01-31T23:59:59+09:00");
        assert_eq!(last.plus_months(1), at("2027-02-28T23:59:59+09:00"));
    }

    #[test]
    fn days_and_seconds_are_counted_with_their_sign() {
        let (a, b) = (day(2049, 12, 30), day(2050, 1, 2));
        assert_eq!((a.days_until(b), b.days_until(a)), (3, -3));
        assert_eq!(b.start().seconds_since(a.start()), 3 * 86_400);
        assert_eq!(a.start().seconds_since(b.start()), -3 * 86_400);
        assert_eq!(b.start().plus_days(-3), a.start());
    }

    #[test]
    fn weekdays_begin_with_sunday() {
        let names: Vec<_> = (14..=20).map(|d| day(2027, 3, d).weekday()).collect();
        assert_eq!(names, [0, 1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn instants_outside_the_calendar_stay_at_its_ends() {
        let ends = [i64::MIN, i64::MAX].map(|seconds| Timestamp::from_unix(seconds).japan_date());
        assert_eq!(ends.map(|date| date.ymd().0), [-9999, 9999]);
        assert!(ends[0].start() < Timestamp::from_unix(0));
        assert_eq!(Timestamp::from_unix(i64::MAX).to_string(), "out-of-range");
    }

    #[test]
    fn an_instant_that_cannot_be_printed_is_not_read() {
        for text in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(at(text).to_string(), text);
        }
        for text in ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"] {
            assert_eq!(Timestamp::parse_rfc3339(text), Err(InvalidTime), "{text}");
        }
    }

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let clock = ManualClock::new(Timestamp::from_unix(10));
        assert_eq!([clock.now(), clock.now()].map(Timestamp::unix), [10, 10]);
        clock.advance(5);
        assert_eq!(clock.now().unix(), 15);
        clock.advance(-20);
        assert_eq!(clock.now().unix(), -5);
        clock.set(Timestamp::from_unix(7));
        assert_eq!(clock.now().unix(), 7);
        // What passed is not what it was set to.
        clock.stand_still(3);
        assert_eq!((clock.now().unix(), clock.uptime()), (7, 8));
    }
}
