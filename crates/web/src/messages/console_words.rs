//! Words and short sentences that the console's code puts into its pages.

use tegata_domain::bounce::Told;
use tegata_domain::time::Timestamp;

use super::{age, moment};

pub(crate) const ACT_AGAIN: &str = "お知らせメールをもう一度送る";
pub(crate) const ACT_EXTEND: &str = "ダウンロード可能期間を延ばす";
pub(crate) const ACT_HOLD: &str = "すぐに一時停止する";
pub(crate) const ACT_MAIL: &str = "登録メールアドレスを変える";
pub(crate) const ACT_REISSUE: &str = "通知書を再発行する(新しいリファレンスID)";
pub(crate) const ACT_REOPEN: &str = "別の鍵での再取得を許可する";
pub(crate) const ACT_UNFREEZE: &str = "取得の停止を解除する";
pub(crate) const ASK_MAIL: &str = "新しいメールアドレス";
pub(crate) const ASK_UNTIL: &str = "延長後の最終日(例 2026-09-30)";
pub(crate) const DONE_AGAIN: &str = "お知らせメールを送信待ちに入れました。経過に表示されます。";
pub(crate) const DONE_APPROVE: &str = "前の申請の発行を承認しました。";
pub(crate) const DONE_EXAMINE: &str = "前の申請を審査OKにしました。";
pub(crate) const DONE_REJECT: &str = "前の申請を却下しました。";
pub(crate) const DONE_RETURN: &str = "前の申請を差し戻しました。";
pub(crate) const HEALTH_CLOCK: &str = "時計";
pub(crate) const HEALTH_LISTS: &str = "失効リスト(CRL)の作成";
pub(crate) const HEALTH_MAIL: &str = "送信を待つメールのうち最も古いもの";
pub(crate) const MENU_ANNOUNCEMENTS: &str = "お知らせ";
pub(crate) const MENU_APPROVE: &str = "承認待ち";
pub(crate) const MENU_AUDIT: &str = "監査記録";
pub(crate) const MENU_EXAMINE: &str = "審査待ち";
pub(crate) const MENU_LETTERS: &str = "通知書";
pub(crate) const MENU_PROPOSALS: &str = "二人目の確認";
pub(crate) const MENU_REVOCATIONS: &str = "失効申請";
pub(crate) const MENU_START: &str = "スタート";
pub(crate) const NEWS_AHEAD: &str = "掲載前";
pub(crate) const NEWS_OVER: &str = "掲載終了";
pub(crate) const NEWS_SHOWN: &str = "掲載中";
pub(crate) const NEWS_WITHDRAWN: &str = "取り下げ";
pub(crate) const NO_SUCH_REQUEST: &str = "このリクエストIDはありません。";
pub(crate) const OTHER_WAS_FIRST: &str = "ほかの担当者が先に操作しました。";
pub(crate) const QUEUE_APPROVE: &str = "承認待ちの申請";
pub(crate) const QUEUE_EXAMINE: &str = "審査待ちの申請";
pub(crate) const QUEUE_POST: &str = "発送を待つ通知書";
pub(crate) const QUEUE_PRINT: &str = "印刷を待つ通知書";
pub(crate) const QUEUE_PROPOSALS: &str = "二人目の確認を待つもの";
pub(crate) const QUEUE_REVOCATIONS: &str = "処理を待つ失効申請";
pub(crate) const QUEUE_UNREACHABLE: &str = "メールが届かず、電話か手紙を待つ方";
pub(crate) const REASON_PRINT: &str = "通知書の印刷";
pub(crate) const TOLD_MISSING: &str = "結果を選択してください。";
pub(crate) const TOLD_NOTE: &str = "メモを、500文字以内で入力してください。";
pub(crate) const W_ADDRESS: &str = "所在地";
pub(crate) const W_APPLICANT: &str = "申請者";
pub(crate) const W_APPLICANT_WEB: &str = "申請者(Web)";
pub(crate) const W_CLASS: &str = "区分";
pub(crate) const W_CODE: &str = "医療機関コード";
pub(crate) const W_CONFIRMED: &str = "確認済み";
pub(crate) const W_CONFIRMER: &str = "確認した人";
pub(crate) const W_DOT: &str = "・";
pub(crate) const W_DUE: &str = "期限";
pub(crate) const W_MAIL: &str = "メール";
pub(crate) const W_MAIL_ADDRESS: &str = "メールアドレス";
pub(crate) const W_KANA: &str = "カナ";
pub(crate) const W_NAME: &str = "名称";
pub(crate) const W_NONE: &str = "ありません";
pub(crate) const W_NOTE: &str = "メモ";
pub(crate) const W_NOT_HELD: &str = "まだ停止していません";
pub(crate) const W_NOT_MADE: &str = "作成していません";
pub(crate) const W_NOT_SENT: &str = "送信待ち";
pub(crate) const W_NO_TRACKING: &str = "引受番号なし";
pub(crate) const W_OPERATOR: &str = "担当者";
pub(crate) const W_POSTAL_CODE: &str = "郵便番号";
pub(crate) const W_PROPOSER: &str = "提案した人";
pub(crate) const W_REASON: &str = "理由";
pub(crate) const W_REFUSED: &str = "認めませんでした";
pub(crate) const W_REGISTER: &str = "台帳";
pub(crate) const W_REQUEST_ID: &str = "リクエストID";
pub(crate) const W_SYSTEM: &str = "システム";
pub(crate) const W_TELEPHONE: &str = "電話番号";
pub(crate) const W_DEPARTMENT: &str = "担当部署名";
pub(crate) const W_PERSON: &str = "担当者名";
pub(crate) const W_SECOND_MAIL: &str = "予備のメールアドレス";
pub(crate) const W_TERMINAL: &str = "端末名称等";
pub(crate) const W_TEXT: &str = "本文";
pub(crate) const W_TITLE: &str = "題名";
pub(crate) const W_TO_CONFIRM: &str = "二人目の確認待ち";
pub(crate) const W_TRACKING: &str = "引受番号";
pub(crate) const W_UNTIL: &str = "延長後の最終日";
pub(crate) const W_WITHDRAWN: &str = "取り下げ";

/// Letters were recorded as posted.
pub(crate) fn posted_letters(number: u32) -> String {
    format!("{number}件を発送済みにしました。")
}

/// Letters were recorded as come back.
pub(crate) fn returned_letters(number: u32) -> String {
    format!("{number}件の返送を記録しました。")
}

/// Some lines of a list were taken, others not.
pub(crate) fn partly_done(number: usize) -> String {
    format!("{number}件を記録しました。残りを確認してください。")
}

/// 3件, or 1000件以上.
pub(crate) fn number_of(number: usize, more: bool) -> String {
    let more = if more { "以上" } else { "" };
    format!("{number}件{more}")
}

/// A subscriber, by network address.
pub(crate) fn subscriber_at(source: &str) -> String {
    format!("利用者({source})")
}

/// A relying system, by the name that the configuration gives it.
pub(crate) fn relying_system(name: &str) -> String {
    format!("利用システム({name})")
}

/// An applicant, by network address.
pub(crate) fn applicant_at(source: &str) -> String {
    format!("申請者({source})")
}

/// When a mail was sent.
pub(crate) fn sent_at(at: Timestamp) -> String {
    format!("送信 {}", moment(at))
}

/// When a mail was given up that nobody needs any more.
pub(crate) fn dropped_at(at: Timestamp) -> String {
    format!("送らずに終了 {}", moment(at))
}

/// When a mail was given up because it cannot be delivered.
pub(crate) fn undeliverable_at(at: Timestamp) -> String {
    format!("届けられず終了 {}", moment(at))
}

/// 20分前, or 1分以内.
pub(crate) fn ago(since: Timestamp, now: Timestamp) -> String {
    match now.seconds_since(since) {
        ..60 => "1分以内".to_owned(),
        _ => format!("{}前", age(since, now)),
    }
}

/// A refusal that has only the program's own sentence.
pub(crate) fn not_in_this_state(told: &str) -> String {
    format!("今の状態では、この操作はできません。({told})")
}

/// How many days are left.
pub(crate) fn days_to_the_end(days: i64) -> String {
    if days == 0 {
        "本日まで".to_owned()
    } else {
        format!("あと{days}日")
    }
}

/// Why mails to an address come back.
pub(crate) fn bounced(address: &str, since: &str, status: &str, said: &str) -> String {
    format!("{address}({since}から。{status} {said})")
}

/// How a holder was told, in a list.
pub(crate) const fn told_name(told: Told) -> &'static str {
    match told {
        Told::Letter => "手紙",
        Told::MailWorks => "メールが届く",
        Told::NoAnswer => "応答なし",
        Told::Telephone => "電話",
    }
}

/// The same as a choice of the form.
pub(crate) const fn told_choice(told: Told) -> &'static str {
    match told {
        Told::Letter => "手紙を送った",
        Told::MailWorks => "メールが届くようになったと聞いた(届かない印を消す)",
        Told::NoAnswer => "電話に出なかった(一覧に残る)",
        Told::Telephone => "電話で伝えた",
    }
}
