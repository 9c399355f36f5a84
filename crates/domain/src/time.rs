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

    /// Reads an RFC 3339 date and time such as `2027-03-14T17:39:00+09:00`; fractions are cut off.
    pub fn parse_rfc3339(text: &str) -> Result<Self, InvalidTime> {
        OffsetDateTime::parse(text, &Rfc3339)
            .map(|t| Self(t.unix_timestamp()))
            .map_err(|_| InvalidTime)
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

    /// This instant `months` calendar months later: in one step, in Japan, clamped to the end of the
    /// month, keeping the time of day (D3).
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
}

/// A clock that stands still until it is moved: for tests and for the demo's time machine.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.unix()))
    }

    /// Moves the clock by `seconds`.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
