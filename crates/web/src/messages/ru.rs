//! Sentences of 電子証明書更新申請サイト (`/p/ru`).

use tegata_domain::issuance::RequestStatus;
use tegata_domain::time::Timestamp;

use super::{NO_FILE, ON_HOLD, Screen, date, date_and_time, screen, time};

/// Its name, as the manual calls it.
pub(crate) const SITE_RENEW: &str = "電子証明書更新申請サイト";
/// Its procedures (E-04).
pub(crate) const PROCEDURE_ADDRESS: &str = "通知用メールアドレスの変更";
pub(crate) const PROCEDURE_RENEW: &str = "証明書更新申請";
pub(crate) const PROCEDURE_RETRIEVE: &str = "更新後証明書の取得";

pub(crate) const RU_0: Screen = screen("RU-0", "", "証明書の更新");
pub(crate) const RU_1: Screen = screen("RU-1", "", "証明書更新申請情報の確認");
pub(crate) const RU_2: Screen = screen("RU-2", "", "送信完了");
pub(crate) const RU_5: Screen = screen("RU-5", "", "更新申請情報の一覧");
pub(crate) const RU_6: Screen = screen("RU-6", "手順 1/2", PROCEDURE_ADDRESS);
pub(crate) const RU_6B: Screen = screen("RU-6B", "手順 2/2", "確認番号の入力");
pub(crate) const RU_6C: Screen = screen("RU-6C", "", "通知用メールアドレスを変更しました");
pub(crate) const RU_7: Screen = screen("RU-7", "", "新しいリファレンスIDの発行");
pub(crate) const RU_7B: Screen = screen("RU-7B", "", "新しいリファレンスIDを発行しました");
pub(crate) const RU_OTHER: Screen = screen("RU-E7", "", "途中で、別の電子証明書が選択されました");
pub(crate) const RU_FOREIGN: Screen =
    screen("RU-E2", "", "選択された電子証明書では、手続きできません");
pub(crate) const RU_MISSING: Screen = screen("RU-E3", "", "電子証明書が選択されていません");
pub(crate) const RU_HELD: Screen = screen("RU-E4", "", ON_HOLD);
pub(crate) const RU_REVOKED: Screen = screen("RU-E5", "", "この電子証明書は、失効しています");
pub(crate) const RU_EXPIRED: Screen =
    screen("RU-E6", "", "この電子証明書は、有効期限が切れています");
pub(crate) const RU_DESTROYED: Screen = screen("RU-E8", "", NO_FILE);
pub(crate) const RU_PAUSED: Screen = screen(
    "RU-E10",
    "",
    "ただいま、更新申請を受け付けることができません",
);

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[
    RU_0,
    RU_1,
    RU_2,
    RU_5,
    RU_6,
    RU_6B,
    RU_6C,
    RU_7,
    RU_7B,
    RU_OTHER,
    RU_FOREIGN,
    RU_MISSING,
    RU_HELD,
    RU_REVOKED,
    RU_EXPIRED,
    RU_DESTROYED,
    RU_PAUSED,
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

/// 証明書ステータス (RU-2, RU-5).
pub(crate) const fn status_name(status: &RequestStatus) -> &'static str {
    match status {
        RequestStatus::Collected => "取得済み",
        RequestStatus::GeneratingKey | RequestStatus::Granted => "鍵生成中",
        RequestStatus::IssueRequested => "発行要求中",
        RequestStatus::Issued => "発行済み",
        RequestStatus::SeenInUse => "利用確認済み",
        RequestStatus::Void { .. } => "発行できませんでした",
    }
}

/// 2024.03.14 17:39:07, as in the list of renewals.
pub(crate) fn listed_time(at: Timestamp) -> String {
    let (year, month, day) = at.japan_date().ymd();
    let time = at.japan();
    format!(
        "{year}.{month:02}.{day:02} {:02}:{:02}:{:02}",
        time.hour, time.minute, time.second
    )
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
