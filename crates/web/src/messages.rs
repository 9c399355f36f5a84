//! Every Japanese sentence and word that is chosen by code; what always stands on a page stands in
//! its template. The wording is the manual's.

use tegata_app::FieldProblem;
use tegata_domain::flow::FlowStep;
use tegata_domain::policy::HelpDesk;
use tegata_domain::revocation::{Outcome, StatedReason};
use tegata_domain::time::{CalendarDate, Timestamp};

/// Heading of a page: where it stands, which step, what it is called, and the number the help desk asks
/// for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Screen {
    /// 画面番号.
    pub(crate) number: &'static str,
    /// 手順, or nothing.
    pub(crate) step: &'static str,
    /// 題名.
    pub(crate) title: &'static str,
}

const fn screen(number: &'static str, step: &'static str, title: &'static str) -> Screen {
    Screen {
        number,
        step,
        title,
    }
}

pub(crate) const TOP: Screen = screen("TOP", "", "電子証明書の手続き");
pub(crate) const RCD_1: Screen = screen("RCD-1", "手順 1/3", "証明書の取得");
pub(crate) const RCD_2: Screen = screen("RCD-2", "手順 2/3", "証明書パスワードの設定");
pub(crate) const RCD_4: Screen = screen("RCD-4", "手順 3/3", "鍵の取得");
pub(crate) const RCD_FROZEN: Screen = screen("RCD-E7", "", "電子証明書の取得を停止しました");
pub(crate) const RCD_HELD: Screen = screen("RCD-E5", "", ON_HOLD);
pub(crate) const RCD_DESTROYED: Screen = screen("RCD-E3", "", NO_FILE);
pub(crate) const RCD_WINDOW: Screen = screen("RCD-E4", "", NO_FILE);
pub(crate) const RX_1: Screen = screen("RX-1", "", "証明書失効申請情報の入力画面");
pub(crate) const RX_2: Screen = screen("RX-2", "", "証明書失効申請情報の入力画面");
pub(crate) const RX_3: Screen = screen("RX-3", "", "証明書失効申請情報入力内容の確認画面");
pub(crate) const RX_4: Screen = screen("RX-4", "", "失効申請を受け付けました");
pub(crate) const RX_EXPIRED: Screen = screen("RX-E2", "", "失効申請は不要です");
pub(crate) const RX_REVOKED: Screen = screen("RX-E3", "", "この電子証明書は、失効しています");
pub(crate) const RX_QUEUE: Screen = screen("RX-E4", "", "画面から受け付けることができません");
pub(crate) const RU_0: Screen = screen("RU-0", "", "証明書の更新");
pub(crate) const RU_FOREIGN: Screen =
    screen("RU-E2", "", "選択された電子証明書では、手続きできません");
pub(crate) const RU_MISSING: Screen = screen("RU-E3", "", "電子証明書が選択されていません");
pub(crate) const RU_HELD: Screen = screen("RU-E4", "", ON_HOLD);
pub(crate) const RU_REVOKED: Screen = screen("RU-E5", "", "この電子証明書は、失効しています");
pub(crate) const RU_EXPIRED: Screen =
    screen("RU-E6", "", "この電子証明書は、有効期限が切れています");
pub(crate) const CERT_1: Screen = screen("CERT-1", "", "ルート証明書の取得とインストール");
pub(crate) const CERT_2: Screen = screen("CERT-2", "", "設定できています");
pub(crate) const GUIDE_INSTALL: Screen = screen("GD-1", "", "電子証明書のインストールの手順");
pub(crate) const GUIDE_BACKUP: Screen = screen("GD-2", "", "電子証明書のバックアップの手順");
pub(crate) const GUIDE_DELETE: Screen = screen("GD-3", "", "電子証明書の削除の手順");
pub(crate) const GUIDE_CHOOSE: Screen = screen("GD-4", "", "電子証明書の選択の手順");
pub(crate) const ENDED: Screen = screen("E-03", "", "手続きを終了しました");
pub(crate) const ELSEWHERE: Screen = screen("E-04", "", "この手続きは、別の画面で先に進んでいます");
pub(crate) const UNAVAILABLE: Screen = screen("E-05", "", "ただいま、手続きを行うことができません");
pub(crate) const UNKNOWN: Screen = screen("E-06", "", "ご指定の画面はありません");
pub(crate) const UNREADABLE: Screen = screen("E-07", "", "送信された内容を読み取れません");
pub(crate) const CROSS_SITE: Screen = screen("E-08", "", "この操作は、受け付けられません");
pub(crate) const WRONG_METHOD: Screen = screen("E-09", "", "この操作は、受け付けられません");
pub(crate) const CALL: Screen = screen("E-10", "", "画面からは、手続きを進められません");
pub(crate) const INTERNAL: Screen = screen("E-11", "", "ただいま、手続きを行うことができません");

const ON_HOLD: &str = "この電子証明書は、一時停止中です";
const NO_FILE: &str = "この電子証明書ファイルは、ダウンロードできません";

/// Names of the sites, as the manual calls them.
pub(crate) const SITE_COLLECT: &str = "電子証明書ダウンロードサイト";
pub(crate) const SITE_REVOKE: &str = "電子証明書失効申請サイト";
pub(crate) const SITE_RENEW: &str = "電子証明書更新申請サイト";
pub(crate) const SITE_ROOT: &str = "ルート証明書ダウンロードサイト";
pub(crate) const SITE_ENTRANCE: &str = "電子証明書の手続き";

/// Names of the procedures (E-04).
pub(crate) const PROCEDURE_COLLECT: &str = "電子証明書のダウンロード";
pub(crate) const PROCEDURE_REVOKE: &str = "失効申請";

/// Why a request could not be read (E-07).
pub(crate) const FORM_MALFORMED: &str = "送信された内容の形式に誤りがあります。";
pub(crate) const FORM_TOO_LARGE: &str = "送信された内容が大きすぎます。";
pub(crate) const FORM_TOO_SLOW: &str = "送信が途中で止まりました。";

/// Why an act was refused (E-08, E-09).
pub(crate) const SENT_FROM_ELSEWHERE: &str =
    "ほかのサイトから送信された操作です。安全のため、受け付けていません。";
pub(crate) const METHOD_NOT_OFFERED: &str = "この画面では使えない操作です。";

/// The plain answer to a request under a name that is not the connection's (W2).
pub(crate) const MISDIRECTED: &str = "アドレスのホスト名が、接続先と一致しません。画面を閉じて、アドレスを入力し直してください。\n\
     The host name of this request is not the name of this TLS connection. Close the page and enter \
     the address again.\n";

/// The 状況 of a procedure (E-04).
pub(crate) const fn step_name(step: FlowStep) -> &'static str {
    match step {
        FlowStep::Code => "確認番号の入力",
        FlowStep::Confirm => "入力内容の確認",
        FlowStep::Done => "完了しています",
        FlowStep::Form => "申請情報の入力",
        FlowStep::Password => "証明書パスワードの設定",
        FlowStep::Ready => "鍵の取得",
    }
}

/// 失効の理由 (RX-2).
pub(crate) const fn reason_name(reason: StatedReason) -> &'static str {
    match reason {
        StatedReason::Closed => "廃止",
        StatedReason::Disclosed => "パスワード等が他人に知られた",
        StatedReason::Lost => "端末の盗難・紛失",
        StatedReason::NotStated => "選択しない",
        StatedReason::Other => "その他",
        StatedReason::Unused => "端末を使わなくなった",
    }
}

/// The 状況 of a request to revoke (RX-4).
pub(crate) const fn outcome_name(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "確認中",
        Some(Outcome::Complete) => "失効済み",
        Some(Outcome::Lift) => "取り下げ",
    }
}

/// The sentence for a typed value that cannot be taken.
pub(crate) fn field_problem(problem: &FieldProblem) -> String {
    match problem {
        FieldProblem::MailInvalid => "メールアドレスを正しく入力してください。".to_owned(),
        FieldProblem::MailsDiffer => "2つのメールアドレスが一致しません。".to_owned(),
        FieldProblem::NotConfirmed => {
            "「すぐに使えなくなることを確認しました」を選択してください。".to_owned()
        }
        FieldProblem::PasswordNotAscii => "全角文字は使えません。".to_owned(),
        FieldProblem::PasswordTooLong { max } => {
            format!("証明書パスワードは、半角{max}文字以内で入力してください。")
        }
        FieldProblem::PasswordTooShort { min } => {
            format!("証明書パスワードは、半角{min}文字以上で入力してください。")
        }
        FieldProblem::PasswordsDiffer => "2つの証明書パスワードが一致しません。".to_owned(),
        FieldProblem::ReasonUnknown => "失効の理由を一覧から選択してください。".to_owned(),
    }
}

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

/// Name, telephone and hours of the help desk in one line.
pub(crate) fn help_desk(desk: &HelpDesk) -> String {
    format!("{} 電話 {}({})", desk.name, desk.telephone, desk.hours)
}

/// 2027年3月14日(日)
pub(crate) fn date(at: Timestamp) -> String {
    day(at.japan_date())
}

/// 2027年3月14日(日)17時39分
pub(crate) fn date_and_time(at: Timestamp) -> String {
    format!("{}{}", date(at), time(at))
}

/// 17時39分
pub(crate) fn time(at: Timestamp) -> String {
    let time = at.japan();
    format!("{}時{}分", time.hour, time.minute)
}

/// 有効期限: with the hour once it is at most `days` days away, for it ends in the middle of a working
/// day (D2).
pub(crate) fn end_of_validity(not_after: Timestamp, now: Timestamp, days: i64) -> String {
    if now.japan_date().days_until(not_after.japan_date()) <= days {
        date_and_time(not_after)
    } else {
        date(not_after)
    }
}

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

fn day(date: CalendarDate) -> String {
    const WEEKDAYS: [&str; 7] = ["日", "月", "火", "水", "木", "金", "土"];
    let (year, month, day) = date.ymd();
    let weekday = WEEKDAYS.get(date.weekday()).copied().unwrap_or_default();
    format!("{year}年{month}月{day}日({weekday})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_date_names_the_day_of_the_week_in_japan() {
        assert_eq!(date(at("2027-03-14T17:39:07+09:00")), "2027年3月14日(日)");
        assert_eq!(date(at("2027-03-14T15:00:00Z")), "2027年3月15日(月)");
        assert_eq!(date(at("2027-03-14T14:59:59Z")), "2027年3月14日(日)");
    }

    #[test]
    fn an_instant_in_a_sentence_ends_with_hour_and_minute() {
        let long = date_and_time(at("2027-03-14T17:39:07+09:00"));
        assert_eq!(long, "2027年3月14日(日)17時39分");
        assert_eq!(time(at("2027-03-14T00:00:00+09:00")), "0時0分");
    }

    #[test]
    fn the_hour_of_the_end_is_shown_in_the_last_90_days() {
        let end = at("2027-03-14T17:39:07+09:00");
        let shown = |now: &str| end_of_validity(end, at(now), 90);
        assert_eq!(shown("2026-12-13T23:59:59+09:00"), "2027年3月14日(日)");
        assert_eq!(
            shown("2026-12-14T00:00:00+09:00"),
            "2027年3月14日(日)17時39分"
        );
        assert_eq!(
            shown("2027-04-01T00:00:00+09:00"),
            "2027年3月14日(日)17時39分"
        );
    }

    #[test]
    fn the_last_day_names_the_hour_instead_of_days() {
        let end = at("2027-03-14T17:39:07+09:00");
        assert_eq!(renewable(end, 0), "有効期限は本日17時39分です。");
        assert_eq!(
            renewable(end, 1),
            "更新できます。有効期限まであと1日です。(2027年3月14日(日)17時39分まで)"
        );
    }

    #[test]
    fn each_screen_has_a_number_of_its_own() {
        let screens = [
            TOP,
            RCD_1,
            RCD_2,
            RCD_4,
            RCD_FROZEN,
            RCD_HELD,
            RCD_DESTROYED,
            RCD_WINDOW,
            RX_1,
            RX_2,
            RX_3,
            RX_4,
            RX_EXPIRED,
            RX_REVOKED,
            RX_QUEUE,
            RU_0,
            RU_FOREIGN,
            RU_MISSING,
            RU_HELD,
            RU_REVOKED,
            RU_EXPIRED,
            CERT_1,
            CERT_2,
            GUIDE_INSTALL,
            GUIDE_BACKUP,
            GUIDE_DELETE,
            GUIDE_CHOOSE,
            ENDED,
            ELSEWHERE,
            UNAVAILABLE,
            UNKNOWN,
            UNREADABLE,
            CROSS_SITE,
            WRONG_METHOD,
            CALL,
            INTERNAL,
        ];
        let mut numbers: Vec<_> = screens.iter().map(|screen| screen.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), screens.len());
    }
}
