//! Sentences and words of the pages about notices (`/console/notices`).

use tegata_app::Occasion;
use tegata_domain::time::{CalendarDate, Timestamp};

use super::{Screen, age, day, moment, screen};

pub(crate) const C_NOTICES: Screen = screen("C-18", "", "お知らせの送信状況");

pub(crate) const C_DUE: Screen = screen("C-19", "", "この日に送るもの");

pub(crate) const MENU_NOTICES: &str = "お知らせメール";
pub(crate) const W_COMMA: &str = "、";
pub(crate) const NOTICES_LATE: &str =
    "お知らせを作成する毎日の処理が止まっています。システムの管理者に連絡してください。";
pub(crate) const NO_ANSWER_YET: &str = "まだ送信していません";

/// 12,345.
pub(crate) fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Mails, as a number in a sentence.
pub(crate) fn mails(number: i64) -> String {
    format!("{}通", thousands(number))
}

/// Addresses, as a number in a sentence.
pub(crate) fn addresses(number: i64) -> String {
    format!("{}件", thousands(number))
}

/// Certificates, as a number in a sentence.
pub(crate) fn certificates(number: i64) -> String {
    format!("{}枚", thousands(number))
}

/// 2027年.
pub(crate) fn year(year: i32) -> String {
    format!("{year}年")
}

/// 3月.
pub(crate) fn month(month: u8) -> String {
    format!("{month}月")
}

/// What a bar of the picture says when it is pointed at.
pub(crate) fn bar(from: CalendarDate, number: i64, renewed: i64) -> String {
    let (year, month, _) = from.ymd();
    let all = certificates(number);
    format!(
        "{year}年{month}月 {all}(うち更新申請済み {})",
        certificates(renewed)
    )
}

/// What the darker part of the bars means.
pub(crate) fn wave_renewed(total: i64) -> String {
    format!("濃い部分は、更新申請がお済みのもの {}", certificates(total))
}

/// The heading of the picture.
pub(crate) fn wave_title(total: i64) -> String {
    format!(
        "これから24か月に有効期限を迎える電子証明書 {}",
        certificates(total)
    )
}

/// What makes a notice due.
pub(crate) fn occasion(occasion: Occasion) -> String {
    match occasion {
        Occasion::End(..0) => "期限の翌日".to_owned(),
        Occasion::End(0) => "期限の当日".to_owned(),
        Occasion::End(days) => format!("期限の{days}日前"),
        Occasion::NotCollected(days) => format!("承認の{days}日後"),
    }
}

/// Days left, as a cell.
pub(crate) fn days_left(days: i64) -> String {
    match days {
        ..0 => format!("{}日経過", -days),
        days => format!("{days}日"),
    }
}

/// The heading of a day.
pub(crate) fn due_title(on: CalendarDate) -> String {
    format!("{}に送るもの", day(on))
}

/// How long the oldest mail waits, and since when.
pub(crate) fn waits_since(since: Timestamp, now: Timestamp) -> String {
    format!("{}前から({})", age(since, now), moment(since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, told) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(number), told);
        }
    }
}
