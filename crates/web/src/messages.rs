//! Every Japanese sentence and word that is chosen by code; what always stands on a page stands in
//! its template. The wording is the manual's. Each site's own stand in a file of its name.

pub(crate) mod acts;
mod c;
mod cert;
mod client;
mod console;
mod console_notices;
mod console_words;
mod est;
mod guide;
mod keyfile;
mod rcd;
mod rcr;
mod ru;
mod rx;
mod top;

use tegata_app::FieldProblem;
use tegata_domain::flow::FlowStep;
use tegata_domain::time::Timestamp;

pub(crate) use tegata_app::messages::{ON_HOLD, date, date_and_time, day, held, help_desk, time};

pub(crate) use self::c::*;
pub(crate) use self::cert::*;
pub(crate) use self::client::*;
pub(crate) use self::console::*;
pub(crate) use self::console_notices::*;
pub(crate) use self::console_words::*;
pub(crate) use self::est::*;
pub(crate) use self::guide::*;
pub(crate) use self::keyfile::*;
pub(crate) use self::rcd::*;
pub(crate) use self::rcr::*;
pub(crate) use self::ru::*;
pub(crate) use self::rx::*;
pub(crate) use self::top::*;

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

pub(crate) const ENDED: Screen = screen("E-03", "", "手続きを終了しました");
pub(crate) const ELSEWHERE: Screen = screen("E-04", "", "この手続きは、別の画面で先に進んでいます");
pub(crate) const UNAVAILABLE: Screen = screen("E-05", "", "ただいま、手続きを行うことができません");
pub(crate) const UNKNOWN: Screen = screen("E-06", "", "ご指定の画面はありません");
pub(crate) const UNREADABLE: Screen = screen("E-07", "", "送信された内容を読み取れません");
pub(crate) const CROSS_SITE: Screen = screen("E-08", "", "この操作は、受け付けられません");
pub(crate) const WRONG_METHOD: Screen = screen("E-09", "", "この操作は、受け付けられません");
pub(crate) const CALL: Screen = screen("E-10", "", "画面からは、手続きを進められません");
pub(crate) const INTERNAL: Screen = screen("E-11", "", "ただいま、手続きを行うことができません");

#[cfg(test)]
const SCREENS: &[Screen] = &[
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

const NO_FILE: &str = "この電子証明書ファイルは、ダウンロードできません";

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

/// The sentence for a typed value that cannot be taken.
pub(crate) fn field_problem(problem: &FieldProblem) -> String {
    match problem {
        FieldProblem::ClassUnknown => "区分を選択してください。".to_owned(),
        FieldProblem::CodeCheckDigit => {
            "医療機関コードに誤りがあります。もう一度ご確認ください。(検証番号が一致しません)"
                .to_owned()
        }
        FieldProblem::CodeForm => {
            "医療機関コードは、半角数字10桁または下7桁で入力してください。".to_owned()
        }
        FieldProblem::CodePrefecture => {
            "選択された都道府県と、医療機関コードの先頭2桁が一致しません。".to_owned()
        }
        FieldProblem::DuplicateUnanswered => {
            "同じ端末名称の申請を受け付けています。別の端末の申請かどうかを選択してください。"
                .to_owned()
        }
        FieldProblem::NotRegistered => {
            "この医療機関コードは、台帳に登録されていません。区分と都道府県をご確認のうえ、\
             正しいときは下記へお電話ください。"
                .to_owned()
        }
        FieldProblem::PersonMissing => "担当者名を入力してください。".to_owned(),
        FieldProblem::PrefectureUnknown => "都道府県を選択してください。".to_owned(),
        FieldProblem::TelephoneInvalid => {
            "電話番号を、市外局番から入力してください。例 03-0000-0000".to_owned()
        }
        FieldProblem::TerminalName => {
            "端末名称等を、1文字から64文字までで入力してください。".to_owned()
        }
        FieldProblem::TooLong { max } => format!("{max}文字以内で入力してください。"),
        FieldProblem::Unprintable(found) => {
            format!("「{found}」は通知書に印刷できない文字です。別の文字で入力してください。")
        }
        FieldProblem::MailCodeForm { digits } => {
            format!("確認番号は、数字{digits}桁で入力してください。")
        }
        FieldProblem::MailCodeWrong => {
            "確認番号が正しくないか、使える時間を過ぎています。いちばん新しいメールの番号を入力してください。\
             それでも進めないときは、「もう一度送る」をクリックしてください。"
                .to_owned()
        }
        FieldProblem::MailInvalid => {
            "メールアドレスを、半角の「名前@所属先」の形で入力してください。".to_owned()
        }
        FieldProblem::MailTwice => {
            "予備のメールアドレスには、もう1つとは別のメールアドレスを入力してください。".to_owned()
        }
        FieldProblem::MailUnchanged => {
            "現在の宛先と同じです。変更するメールアドレスを入力してください。".to_owned()
        }
        FieldProblem::MailsDiffer => "2つのメールアドレスが一致しません。".to_owned(),
        FieldProblem::NewerUnanswered => {
            "新しい電子証明書も止めるかどうかを、選択してください。".to_owned()
        }
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

/// 有効期限: with the hour once it is at most `days` days away, for it ends in the middle of a working
/// day (D2).
pub(crate) fn end_of_validity(not_after: Timestamp, now: Timestamp, days: i64) -> String {
    if now.japan_date().days_until(not_after.japan_date()) <= days {
        date_and_time(not_after)
    } else {
        date(not_after)
    }
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
        assert_eq!(time(at("2027-03-14T00:00:00+09:00")), "0時00分");
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
    fn each_screen_has_a_number_of_its_own() {
        let screens: Vec<Screen> = [
            c::SCREENS,
            cert::SCREENS,
            console::SCREENS,
            guide::SCREENS,
            rcd::SCREENS,
            rcr::SCREENS,
            ru::SCREENS,
            rx::SCREENS,
            top::SCREENS,
            SCREENS,
        ]
        .concat()
        .into_iter()
        .chain(keyfile::screens())
        .collect();
        let mut numbers: Vec<_> = screens.iter().map(|screen| screen.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), screens.len());
    }
}
