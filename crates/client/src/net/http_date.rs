//! Dates in HTTP headers (RFC 9110 §5.6.7). Of the three forms only the one that is still sent is read.

use tegata_domain::time::Timestamp;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const IMF_FIXDATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// The instant that a header names.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let instant = PrimitiveDateTime::parse(text, IMF_FIXDATE).ok()?;
    Some(Timestamp::from_unix(instant.assume_utc().unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_rfc_9110_writes_it() {
        let date = parse("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date, Timestamp::parse_rfc3339("1994-11-06T08:49:37Z").ok());
        assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT"), None);
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 JST"), None);
    }
}
