//! Days of Japan.

use anyhow::{Context as _, Result};
use tegata_domain::time::{CalendarDate, Timestamp};

/// The day in Japan of this instant.
pub(super) fn date(at: i64) -> String {
    Timestamp::from_unix(at).japan_date().to_string()
}

/// The number of a day in Japan, counted from 1970-01-01.
pub(super) fn number_of(day: &str) -> Result<i64> {
    let day = CalendarDate::parse(day).context("a day")?;
    Ok((day.start().unix() + ZONE).div_euclid(DAY))
}

/// Whether the terminal renews on this day. Certificates of a month that are made on the last days of one may end on
/// the same day of the next, and a client rightly takes none that ends before the one it has.
pub(super) fn renews(at: i64) -> bool {
    let (_, _, day) = Timestamp::from_unix(at).japan_date().ymd();
    day <= 28
}

pub(super) const DAY: i64 = 86_400;

/// Japan is ahead of UTC by so many seconds.
pub(super) const ZONE: i64 = 9 * 3_600;
