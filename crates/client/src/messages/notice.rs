//! Notifications: at most 63 characters of title and 255 of text, since Windows has room for no more.

use tegata_domain::id::Fingerprint;
use tegata_domain::time::Timestamp;
use tegata_protocol::release::Version;
use tegata_protocol::{Message, MessageCode};

use super::{PROGRAM, date};
use crate::failure::Failure;
use crate::ports::Notification;

const LONGEST_TITLE: usize = 63;
const LONGEST_TEXT: usize = 255;

/// 1001, decided by the terminal itself: days left, negative after the end. `subject` tells two certificates on one
/// terminal apart.
pub fn expiry(
    certificate: Fingerprint,
    subject: &str,
    not_after: Timestamp,
    days_left: i64,
    now: Timestamp,
) -> Notification {
    let end = date::minute(not_after);
    let (title, text) = if now > not_after {
        (
            "電子証明書の有効期限が切れています".to_owned(),
            format!(
                "電子証明書(発行先 {subject})は、{end}に有効期限が切れました。\
                 更新がお済みの方は、更新申請受付票のIDで新しい証明書を取得できます。\
                 お済みでない方は、発行申請を行ってください。"
            ),
        )
    } else if days_left == 0 {
        (
            "電子証明書の有効期限は本日です".to_owned(),
            format!(
                "電子証明書(発行先 {subject})は、本日{}に使えなくなります。今すぐ更新してください。",
                hour(not_after)
            ),
        )
    } else {
        (
            format!("電子証明書の有効期限まで、あと{days_left}日です"),
            format!(
                "電子証明書(発行先 {subject})の有効期限は、{end}です。\
                 この通知をクリックし、「証明書更新」を行ってください。"
            ),
        )
    };
    notification(MessageCode::EXPIRY, &title, &text, Some(certificate))
}

/// What the server has to say.
pub fn from_server(certificate: Fingerprint, message: &Message) -> Notification {
    notification(
        message.code,
        &message.title,
        &message.text,
        Some(certificate),
    )
}

/// 1004 or 1008, while nobody was there; the backup waits.
pub fn renewed_unattended(certificate: Fingerprint, waits_for_backup: Option<i64>) -> Notification {
    let text = match waits_for_backup {
        Some(days) => format!(
            "新しい証明書は、すでに使えます。バックアップファイルを{days}日以内に作成してください。\
             この通知をクリックすると始まります。"
        ),
        None => "新しい証明書は、すでに使えます。".to_owned(),
    };
    notification(
        MessageCode(1004),
        "証明書の更新が完了しました",
        &text,
        Some(certificate),
    )
}

/// The key of a backup that was never made is erased.
pub fn backup_given_up(certificate: Fingerprint) -> Notification {
    let text = "バックアップファイルが作成されないまま期間が過ぎたため、控えの鍵を消去しました。\
                証明書は、これまでどおり使えます。";
    notification(
        MessageCode(1009),
        "証明書のバックアップはありません",
        text,
        Some(certificate),
    )
}

/// A renewal that nobody watched did not work.
pub fn renewal_failed(certificate: Option<Fingerprint>, failure: &Failure) -> Notification {
    let code = failure.code();
    let text = format!(
        "証明書の更新を続けられませんでした({code})。これまでの証明書は、そのまま使えます。\
         この通知をクリックし、表示される案内をご覧ください。"
    );
    notification(code, "証明書の更新が終わっていません", &text, certificate)
}

/// 1013: a newer version of the program is announced.
pub fn newer(version: Version) -> Notification {
    let text = format!(
        "バージョン {version} をインストールできます。{PROGRAM}の「その他の操作」の「新しいバージョンを確認する」をクリックしてください。"
    );
    notification(
        MessageCode(1013),
        &format!("{PROGRAM}の新しいバージョンがあります"),
        &text,
        None,
    )
}

/// 2007: this terminal's clock is off.
pub fn clock_off() -> Notification {
    notification(
        MessageCode(2007),
        "この端末の日付と時刻がずれています",
        "電子証明書の有効期限を正しくお知らせできません。Windowsの「日付と時刻」で、時刻を合わせてください。",
        None,
    )
}

fn hour(at: Timestamp) -> String {
    let japan = at.japan();
    format!("{}時{:02}分", japan.hour, japan.minute)
}

fn notification(
    code: MessageCode,
    title: &str,
    text: &str,
    certificate: Option<Fingerprint>,
) -> Notification {
    Notification {
        code,
        title: cut(title, LONGEST_TITLE),
        text: cut(text, LONGEST_TEXT),
        certificate,
    }
}

/// UTF-16 units count, as they do in Windows.
fn cut(text: &str, longest: usize) -> String {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= longest
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_for_windows_is_cut_and_never_inside_a_character() {
        assert_eq!(cut(&"𠮷".repeat(40), LONGEST_TITLE).chars().count(), 31);
        assert_eq!(cut("短い", LONGEST_TITLE), "短い");
    }

    #[test]
    fn every_own_notification_fits() {
        let print = Fingerprint([7; 32]);
        let end = Timestamp::parse_rfc3339("2027-03-14T17:39:07+09:00").unwrap();
        for (left, now) in [(90, -90), (1, -1), (0, 0), (-1, 1)] {
            let now = end.plus_days(now);
            let one = expiry(print, &"9".repeat(40), end, left, now);
            assert!(
                one.title.encode_utf16().count() < LONGEST_TITLE,
                "{}",
                one.title
            );
            assert!(
                one.text.encode_utf16().count() < LONGEST_TEXT,
                "{}",
                one.text
            );
            assert!(one.text.ends_with('。'));
        }
    }
}
