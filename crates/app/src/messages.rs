//! Japanese that pages and mails share: dates and the help desk as sentences have them (`screens.md` A.3), and the
//! heads of the register's columns.

mod relying;
mod terminal;

use tegata_domain::policy::HelpDesk;
use tegata_domain::register::RegisterField;
use tegata_domain::time::{CalendarDate, Timestamp};

pub(crate) use self::relying::{LeadsTo, Worded, worded};
pub use self::relying::{ON_HOLD, held};
pub(crate) use self::terminal::before_renewal;

/// 2027年3月14日(日)
pub fn date(at: Timestamp) -> String {
    day(at.japan_date())
}

/// 2027年3月14日(日)17時39分
pub fn date_and_time(at: Timestamp) -> String {
    format!("{}{}", date(at), time(at))
}

/// 17時39分
pub fn time(at: Timestamp) -> String {
    let time = at.japan();
    format!("{}時{:02}分", time.hour, time.minute)
}

/// The same for a day without an hour.
pub fn day(date: CalendarDate) -> String {
    const WEEKDAYS: [&str; 7] = ["日", "月", "火", "水", "木", "金", "土"];
    let (year, month, day) = date.ymd();
    let weekday = WEEKDAYS.get(date.weekday()).copied().unwrap_or_default();
    format!("{year}年{month}月{day}日({weekday})")
}

/// Name, telephone and hours of the help desk in one line.
pub fn help_desk(desk: &HelpDesk) -> String {
    format!("{} 電話 {}({})", desk.name, desk.telephone, desk.hours)
}

/// What a text of a mail is tried out with.
pub(crate) fn sample_value(name: &str) -> &'static str {
    match name {
        "institution" => "見本医院",
        "contact" => "見本 花子",
        "terminal" => "受付1号機",
        "ca_name" => "見本共通認証局",
        "ca_short" => "共通認証局",
        "relying_systems" => "オンライン請求システム",
        "letter_days" => "2週間",
        "help_desk" => "見本ヘルプデスク 電話 000-000-0000(平日 9時から17時まで)",
        "public" => "https://ca.example",
        "subscriber" => "https://my.ca.example",
        "check" => "https://my2.ca.example",
        "days_left" => "30",
        "file" => "202702010000001",
        "request_id" => "202701010000001",
        "application_no" => "S27-0000001",
        "inquiry_no" => "AbCdEfGh23",
        "code" => "12345678",
        "number" => "R27-0000001",
        "tracking" => "000-00-00000-0",
        "source" => "192.0.2.1",
        "form_mail" => "desk@clinic.example",
        "registered_mail" => "c*****@clinic.example",
        "old_mail" | "old_second_mail" => "c****@clinic.example",
        "new_mail" | "new_second_mail" => "d****@clinic.example",
        "reason" => "お電話で確認しました。",
        "collected" | "terminal_key" => "yes",
        "due" => "2027-03-31",
        _ => "2027-03-14T17:39:07+09:00",
    }
}

/// The columns of the register with the heads under which a file may have them.
pub(crate) const REGISTER_HEADS: [(RegisterField, &[&str]); 8] = [
    (RegisterField::Code, &["code", "医療機関コード", "コード"]),
    (RegisterField::Name, &["name", "名称", "医療機関名"]),
    (RegisterField::Kana, &["kana", "カナ", "フリガナ"]),
    (RegisterField::PostalCode, &["postal_code", "郵便番号"]),
    (RegisterField::Address, &["address", "所在地", "住所"]),
    (RegisterField::Class, &["class", "区分"]),
    (RegisterField::Telephone, &["telephone", "電話番号"]),
    (RegisterField::Prefecture, &["prefecture", "都道府県"]),
];
