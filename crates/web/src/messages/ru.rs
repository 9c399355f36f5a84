//! Sentences of 電子証明書更新申請サイト (`/p/ru`).

use tegata_domain::time::Timestamp;

use super::{ON_HOLD, Screen, date, date_and_time, screen, time};

/// Its name, as the manual calls it.
pub(crate) const SITE_RENEW: &str = "電子証明書更新申請サイト";

pub(crate) const RU_0: Screen = screen("RU-0", "", "証明書の更新");
pub(crate) const RU_FOREIGN: Screen =
    screen("RU-E2", "", "選択された電子証明書では、手続きできません");
pub(crate) const RU_MISSING: Screen = screen("RU-E3", "", "電子証明書が選択されていません");
pub(crate) const RU_HELD: Screen = screen("RU-E4", "", ON_HOLD);
pub(crate) const RU_REVOKED: Screen = screen("RU-E5", "", "この電子証明書は、失効しています");
pub(crate) const RU_EXPIRED: Screen =
    screen("RU-E6", "", "この電子証明書は、有効期限が切れています");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[
    RU_0, RU_FOREIGN, RU_MISSING, RU_HELD, RU_REVOKED, RU_EXPIRED,
];

/// The state line of RU-0 for a certificate that can be renewed.
pub(crate) fn renewable(not_after: Timestamp, days_left: i64) -> String {
    if days_left == 0 {
        format!("有効期限は本日{}です。", time(not_after))
    } else {
        let end = date_and_time(not_after);
        format!("更新できます。有効期限まであと{days_left}日です。({end}まで)")
    }
}

/// The title of text 2 (RU-E1).
pub(crate) fn renewal_opens_on(opens: Timestamp) -> String {
    format!("更新の手続きは、{}から行えます", date(opens))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_names_the_hour_instead_of_days() {
        let end = Timestamp::parse_rfc3339("2027-03-14T17:39:07+09:00").unwrap();
        assert_eq!(renewable(end, 0), "有効期限は本日17時39分です。");
        assert_eq!(
            renewable(end, 1),
            "更新できます。有効期限まであと1日です。(2027年3月14日(日)17時39分まで)"
        );
    }
}
