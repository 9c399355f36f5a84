//! Sentences of 電子証明書の発行申請サイト (`/p/rcr`) and of 申請状況照会.

use tegata_app::ApplicationStatus;

use super::{Screen, date, date_and_time, screen};

/// Its name, as the manual calls it.
pub(crate) const SITE_APPLY: &str = "電子証明書の発行申請サイト";
/// Its procedures (E-04).
pub(crate) const PROCEDURE_APPLY: &str = "発行申請";
pub(crate) const PROCEDURE_INQUIRE: &str = "申請状況照会";

pub(crate) const RCR_1: Screen = screen("RCR-1", "", "電子証明書の発行申請");
pub(crate) const RCR_2: Screen = screen("RCR-2", "手順 1/3", "医療機関等の入力");
pub(crate) const RCR_3: Screen = screen("RCR-3", "手順 2/3", "端末とご担当者の入力");
pub(crate) const RCR_4: Screen = screen("RCR-4", "手順 3/3", "申請内容の確認");
pub(crate) const RCR_5: Screen = screen("RCR-5", "", "発行申請を受け付けました");
pub(crate) const RCS_1: Screen = screen("RCS-1", "", "申請状況照会");
pub(crate) const RCS_2: Screen = screen("RCS-2", "", "申請の状況");
pub(crate) const RCS_3: Screen = screen("RCS-3", "", "申請の取消");
pub(crate) const RCS_4: Screen = screen("RCS-4", "", "申請を取り消しました");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[
    RCR_1, RCR_2, RCR_3, RCR_4, RCR_5, RCS_1, RCS_2, RCS_3, RCS_4,
];

/// What an application goes through (RCS-2).
pub(crate) const APPLICATION_STORY: [&str; 5] = ["受付", "審査", "発行承認", "通知書発送", "取得"];

/// 現在の状況 (RCS-2).
pub(crate) const fn application_status(status: &ApplicationStatus) -> &'static str {
    match status {
        ApplicationStatus::Approved => "発行承認",
        ApplicationStatus::Cancelled { .. } => "取消済み",
        ApplicationStatus::Collected { .. } => "取得済み",
        ApplicationStatus::Examined => "審査中",
        ApplicationStatus::LetterReturned => "通知書返送",
        ApplicationStatus::Posted { .. } => "通知書発送",
        ApplicationStatus::Rejected { .. } => "却下",
        ApplicationStatus::Returned { .. } => "差戻し",
        ApplicationStatus::Submitted => "受付",
        ApplicationStatus::WindowEnded => "期間終了",
    }
}

/// The sentence below it.
pub(crate) fn application_sentence(status: &ApplicationStatus) -> String {
    match status {
        ApplicationStatus::Approved => {
            "発行が決まりました。通知書を準備しています。ここからの取消は、下記へお電話ください。"
                .to_owned()
        }
        ApplicationStatus::Cancelled { at } => {
            format!("{}に申請が取り消されました。", date_and_time(*at))
        }
        ApplicationStatus::Collected { at } => {
            format!("{}に電子証明書が取得されました。", date_and_time(*at))
        }
        ApplicationStatus::Examined => "申請の内容を確認しています。".to_owned(),
        ApplicationStatus::LetterReturned => {
            "通知書が配達されずに戻ってきました。下記へお電話ください。".to_owned()
        }
        ApplicationStatus::Posted {
            on,
            tracking,
            window_end,
        } => {
            let number = tracking
                .as_ref()
                .map_or_else(String::new, |number| format!("引受番号 {number}。"));
            format!(
                "{}に通知書を簡易書留で発送しました。{number}届きましたら、{}までに電子証明書を取得してください。",
                date(*on),
                date(*window_end)
            )
        }
        ApplicationStatus::Rejected { reason } => {
            format!("今回の申請では発行できませんでした。{reason}")
        }
        ApplicationStatus::Returned { reason, due } => {
            let until = due.map_or_else(String::new, |due| {
                format!("{}までに", tegata_app::messages::day(due))
            });
            format!(
                "ご確認いただきたい点があります。{reason} {until}「入力内容を直す」から修正してください。"
            )
        }
        ApplicationStatus::Submitted => "申請を受け付けました。審査をお待ちください。".to_owned(),
        ApplicationStatus::WindowEnded => {
            "取得されないまま、ダウンロード可能期間が終了しました。下記へお電話ください。"
                .to_owned()
        }
    }
}
