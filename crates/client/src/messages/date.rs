//! Days and hours in Japan, as the screens write them (screens A.3).

use tegata_domain::time::{CalendarDate, Timestamp};

const WEEKDAYS: [&str; 7] = ["日", "月", "火", "水", "木", "金", "土"];

/// 「2027年3月14日(日)」.
pub fn day(day: CalendarDate) -> String {
    let (year, month, date) = day.ymd();
    let weekday = WEEKDAYS.get(day.weekday()).copied().unwrap_or_default();
    format!("{year}年{month}月{date}日({weekday})")
}

/// 「2027年3月14日(日)17時39分」.
pub fn minute(at: Timestamp) -> String {
    let japan = at.japan();
    format!(
        "{}{}時{:02}分",
        day(at.japan_date()),
        japan.hour,
        japan.minute
    )
}

/// 「2023/05/26 13:01:39」, as in the list of the manual.
pub fn second(at: Timestamp) -> String {
    let (year, month, date) = at.japan_date().ymd();
    let japan = at.japan();
    format!(
        "{year:04}/{month:02}/{date:02} {:02}:{:02}:{:02}",
        japan.hour, japan.minute, japan.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_hours_are_those_of_japan() {
        let at = Timestamp::parse_rfc3339("2027-03-14T08:39:07Z").unwrap();
        assert_eq!(day(at.japan_date()), "2027年3月14日(日)");
        assert_eq!(minute(at), "2027年3月14日(日)17時39分");
        assert_eq!(second(at), "2027/03/14 17:39:07");
    }
}
