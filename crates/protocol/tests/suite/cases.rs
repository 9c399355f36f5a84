//! The values that the files of `golden` say: a certificate of the manual's terminal, on the days of its life.

use tegata_domain::id::Fingerprint;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_protocol::{Message, MessageCode, Notices, Renewal, Schedule, Status, VERSION};

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

fn words(code: MessageCode, notify: bool, title: &str, text: &str, place: &str) -> Option<Message> {
    Some(Message {
        code,
        notify,
        title: title.to_owned(),
        text: text.to_owned(),
        link: format!("https://my.ca.example{place}"),
        link_text: "電子証明書を更新する".to_owned(),
    })
}

/// In force, on a day without a word.
fn quiet(day: &str, days_left: i64) -> Notices {
    Notices {
        version: VERSION,
        certificate: Fingerprint([0x0f; 32]),
        day: CalendarDate::parse(day).unwrap(),
        status: Status::Good,
        since: None,
        not_after: at("2027-03-14T08:38:59Z"),
        days_left,
        level: None,
        renewal: Some(Renewal::Open),
        renewal_opens: at("2026-12-13T15:00:00Z"),
        message: None,
        next_request_at: None,
        next_request_until: None,
        schedule: Schedule {
            days: vec![90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0],
            days_after: 30,
            first_hour: 9,
            last_hour: 17,
            busy_first_day: 1,
            busy_last_day: 10,
        },
    }
}

/// Asked again on this day, at the second of this fingerprint.
fn then(day: &str, notices: Notices) -> Notices {
    Notices {
        next_request_at: Some(at(&format!("{day}T00:28:14Z"))),
        next_request_until: Some(at(&format!("{day}T07:59:59Z"))),
        ..notices
    }
}

const END: &str = "2027年3月14日(日)17時38分を過ぎると、オンライン請求システムが使えなくなります。";

/// Every case by the name of its file.
pub(crate) fn all() -> Vec<(&'static str, Notices)> {
    let expiry = MessageCode::EXPIRY;
    let left = |left: i64| format!("電子証明書の有効期限まで、あと{left}日です");
    let renew = format!("{END}更新の手続きを行ってください。");
    let stopped_at = Some(at("2026-11-20T01:00:00Z"));
    let ended = "この電子証明書は、有効期限が切れています";
    vec![
        (
            "before_the_window",
            then(
                "2026-12-14",
                Notices {
                    renewal: Some(Renewal::Early),
                    message: words(
                        MessageCode::BEFORE_RENEWAL,
                        false,
                        "更新の手続きは、2026年12月14日(月)から行えます",
                        "電子証明書の更新は、2026年12月14日(月)から行えます。",
                        "/p/ru",
                    ),
                    ..quiet("2026-12-13", 91)
                },
            ),
        ),
        (
            "day_90",
            then(
                "2026-12-15",
                Notices {
                    level: Some(90),
                    message: words(expiry, true, &left(90), &renew, "/p/ru"),
                    ..quiet("2026-12-14", 90)
                },
            ),
        ),
        (
            "day_89",
            then(
                "2026-12-16",
                Notices {
                    message: words(expiry, false, &left(89), &renew, "/p/ru"),
                    ..quiet("2026-12-15", 89)
                },
            ),
        ),
        (
            "last_day",
            then(
                "2027-03-15",
                Notices {
                    level: Some(0),
                    message: words(
                        expiry,
                        true,
                        "電子証明書の有効期限は、本日17時38分です",
                        &renew,
                        "/p/ru",
                    ),
                    ..quiet("2027-03-14", 0)
                },
            ),
        ),
        (
            "after_the_end",
            then(
                "2027-03-16",
                Notices {
                    status: Status::Expired,
                    level: Some(-1),
                    renewal: None,
                    message: words(
                        expiry,
                        true,
                        ended,
                        "有効期限が切れたため、更新はできません。新しい電子証明書の発行申請を行ってください。",
                        "/p/rcr",
                    ),
                    ..quiet("2027-03-15", -1)
                },
            ),
        ),
        (
            "renewed_not_seen_in_use",
            then(
                "2027-02-13",
                Notices {
                    level: Some(30),
                    renewal: Some(Renewal::Collected),
                    message: words(
                        expiry,
                        true,
                        "新しい電子証明書が使われていません(有効期限まであと30日)",
                        "新しい電子証明書をこの端末にインストールしてください。",
                        "/p/ru",
                    ),
                    ..quiet("2027-02-12", 30)
                },
            ),
        ),
        (
            "renewed_and_in_use",
            Notices {
                renewal: Some(Renewal::InUse),
                ..quiet("2027-02-12", 30)
            },
        ),
        (
            "on_hold",
            then(
                "2026-11-21",
                Notices {
                    status: Status::OnHold,
                    since: stopped_at,
                    renewal: None,
                    message: words(
                        MessageCode::ON_HOLD,
                        true,
                        "この電子証明書は、一時停止中です",
                        "申請した覚えがない場合は、すぐに下記へお電話ください。\n見本ヘルプデスク 電話 0000-00-0000(平日 8時から18時まで)",
                        "/p/ru",
                    ),
                    ..quiet("2026-11-20", 114)
                },
            ),
        ),
        (
            "revoked",
            Notices {
                status: Status::Revoked,
                since: stopped_at,
                renewal: None,
                message: words(
                    MessageCode::REVOKED,
                    true,
                    "この電子証明書は、失効しています",
                    "新しい電子証明書の発行申請を行ってください。",
                    "/p/rcr",
                ),
                ..quiet("2026-11-21", 113)
            },
        ),
        (
            "superseded",
            Notices {
                status: Status::Superseded,
                since: stopped_at,
                renewal: None,
                message: words(
                    MessageCode::REPLACED,
                    true,
                    "新しい電子証明書を選択してください",
                    "この電子証明書は、新しい電子証明書に切り替わったため、使えません。",
                    "/p/ru",
                ),
                ..quiet("2026-11-21", 113)
            },
        ),
    ]
}
