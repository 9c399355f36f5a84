//! Sentences of 電子証明書ダウンロードサイト (`/p/rcd`).

use tegata_domain::time::Timestamp;

use super::{NO_FILE, ON_HOLD, Screen, screen, time};

/// Its name, as the manual calls it.
pub(crate) const SITE_COLLECT: &str = "電子証明書ダウンロードサイト";
/// Its procedure (E-04).
pub(crate) const PROCEDURE_COLLECT: &str = "電子証明書のダウンロード";

pub(crate) const RCD_1: Screen = screen("RCD-1", "手順 1/3", "証明書の取得");
pub(crate) const RCD_1B: Screen = screen("RCD-1B", "手順 1/3", "確認番号の入力");
pub(crate) const RCD_2: Screen = screen("RCD-2", "手順 2/3", "証明書パスワードの設定");
pub(crate) const RCD_4: Screen = screen("RCD-4", "手順 3/3", "鍵の取得");
pub(crate) const RCD_FROZEN: Screen = screen("RCD-E7", "", "電子証明書の取得を停止しました");
pub(crate) const RCD_HELD: Screen = screen("RCD-E5", "", ON_HOLD);
pub(crate) const RCD_DESTROYED: Screen = screen("RCD-E3", "", NO_FILE);
pub(crate) const RCD_WINDOW: Screen = screen("RCD-E4", "", NO_FILE);

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[
    RCD_1,
    RCD_1B,
    RCD_2,
    RCD_4,
    RCD_FROZEN,
    RCD_HELD,
    RCD_DESTROYED,
    RCD_WINDOW,
];

/// The hint under 証明書パスワード.
pub(crate) fn password_hint(min: usize) -> String {
    if min <= 4 {
        "半角の英数字と記号、4文字以上。数字4桁でも設定できます。".to_owned()
    } else {
        format!(
            "証明書パスワードは、半角{min}文字以上で入力してください。\
             (以前の手引きの「半角数字4桁」は使えません。)"
        )
    }
}

/// Too many wrong 確認番号 from one source (E-02).
pub(crate) fn code_throttled(seconds: u64) -> String {
    format!("続けて入力の誤りがありました。{seconds}秒たってから、もう一度入力してください。")
}

/// 「もう一度送る」 before its time.
pub(crate) fn code_too_soon(at: Timestamp) -> String {
    format!(
        "確認番号は、まだ送ることができません。{}から、もう一度送ることができます。",
        from_minute(at)
    )
}

/// The first full minute that is not before an instant: what is told in minutes is never too early.
pub(crate) fn from_minute(at: Timestamp) -> String {
    time(at.plus_seconds((-at.unix()).rem_euclid(60)))
}
