//! Dates in HTTP headers (RFC 9110 §5.6.7, IMF-fixdate).

use tegata_domain::time::Timestamp;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const IMF_FIXDATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// `at` as a header says it; `None` beyond the year 9999.
pub(crate) fn http_date(at: Timestamp) -> Option<String> {
    let instant = OffsetDateTime::from_unix_timestamp(at.unix()).ok()?;
    instant.format(IMF_FIXDATE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_the_form_of_rfc_9110() {
        let at = Timestamp::parse_rfc3339("1994-11-06T08:49:37Z").unwrap();
        assert_eq!(http_date(at).unwrap(), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
