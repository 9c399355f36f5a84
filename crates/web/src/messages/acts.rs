//! Why an operator's act is not done, and what to do instead (`/console`).

use tegata_app::ActRefusal;

use super::{date, date_and_time};

/// The sentence for an operator.
pub(crate) fn act_refusal(refusal: &ActRefusal) -> String {
    let sentence = match refusal {
        ActRefusal::AccountClosed => "この担当者のアカウントは、停止されています。",
        ActRefusal::AdministratorsRemain => {
            "管理の担当者が2人未満になるため、この操作はできません。先に別の担当者を管理にしてください。"
        }
        ActRefusal::AlreadyProposed => {
            "同じ内容が、すでに確認待ちです。その内容を確認するか、取り下げてください。"
        }
        ActRefusal::CertificateState { state } => certificate_state(state),
        ActRefusal::ClearTextGone { request } => {
            return format!(
                "リクエストID {request}のリファレンスIDは、もう印刷できません。通知書を再発行してください。"
            );
        }
        ActRefusal::Count { most } => {
            return format!("リクエストIDは、1件以上{most}件以内で指定してください。");
        }
        ActRefusal::DayBeyond { first, latest } => {
            return format!("{first}から{latest}までの日付を入力してください。");
        }
        ActRefusal::DueOver => "修正の期限は、今日以降の日付にしてください。",
        ActRefusal::ExaminerLeft => {
            "審査した担当者は、現在審査をする役割がありません。この申請を審査待ちに戻しました。もう一度審査を受けてから承認してください。"
        }
        ActRefusal::InstitutionClosed => {
            "この医療機関等は、台帳で閉鎖されています。承認できません。申請を却下してください。"
        }
        ActRefusal::LettersPosted => "この通知書は、発送済みです。リファレンスIDは残っていません。",
        ActRefusal::NoLetterWaits { request } => {
            return format!("リクエストID {request}には、印刷を待つ通知書がありません。");
        }
        ActRefusal::NewerInUse => {
            "利用者は、更新した新しい電子証明書を使っています。お知らせは必要ありません。"
        }
        ActRefusal::NoNoticeDue => {
            "今お知らせする内容がありません。お知らせは、有効期限の近い電子証明書に、期限の1週間後まで送ります。"
        }
        ActRefusal::NoticeWaits => {
            "前のお知らせが、まだ送信されていません。送信されてから、もう一度操作してください。"
        }
        ActRefusal::NotQueued => "この失効申請は、すでに一時停止されたか、終了しています。",
        ActRefusal::NotReleased => {
            "通知書は、2人の担当者が印刷を認めてから発送します。先に印刷の手続きを行ってください。"
        }
        ActRefusal::NothingCollected => "まだ取得されていません。今の通知書のIDで取得できます。",
        ActRefusal::OpenRequest { number } => {
            return format!(
                "失効申請 {number}により停止しています。その申請の手続きを終えてください。"
            );
        }
        ActRefusal::ProposerLeft => {
            "提案した担当者は、現在この操作をする役割がありません。提案を取り消し(認めない、または取り下げる)、改めて提案してください。"
        }
        ActRefusal::ReasonControl => "理由に、使えない文字が含まれています。",
        ActRefusal::ReasonMissing => "理由を入力してください。",
        ActRefusal::ReasonTooLong { most } => {
            return format!("理由は、{most}文字以内で入力してください。");
        }
        ActRefusal::RegisterChanged => {
            "審査のあとで台帳の内容が変わったため、この申請を審査待ちに戻しました。もう一度審査を受けてから承認してください。"
        }
        ActRefusal::Renewal => {
            "更新で発行された電子証明書には、通知書がありません。利用者に、更新の手続きをもう一度行うようご案内ください。"
        }
        ActRefusal::SameAddress => "現在登録されているメールアドレスと同じです。",
        ActRefusal::SameRoles => "現在の役割と同じです。",
        ActRefusal::Stopped { request, state } => {
            let how = if *state == "frozen" {
                "停止中です。先に停止を解除してください。"
            } else {
                "取りやめになっています。"
            };
            return format!("リクエストID {request}は、{how}");
        }
        ActRefusal::TrackingMalformed => "引受番号は、数字とハイフンで入力してください。",
        ActRefusal::WindowOver => {
            "ダウンロード可能期間が終わっています。先に期間を延長してください。"
        }
        ActRefusal::WindowTooEarly {
            request,
            window_end,
        } => {
            let end = date_and_time(*window_end);
            return format!(
                "リクエストID {request}のダウンロード可能期間は、{end}までです。それより後の日付を指定してください。"
            );
        }
        ActRefusal::WindowTooLate { request, latest } => {
            let latest = date(latest.end());
            return format!("リクエストID {request}の期間は、{latest}まで延長できます。");
        }
    };
    sentence.to_owned()
}

/// Why nothing more can be done with a certificate, by the word of its state.
fn certificate_state(word: &str) -> &'static str {
    match word {
        "on_hold" => "電子証明書は、一時停止中です。先に失効申請の手続きを終えてください。",
        "intended" => "電子証明書を作成しています。しばらくしてから、もう一度操作してください。",
        _ => "電子証明書は、失効しています。新しい発行申請が必要です。",
    }
}

#[cfg(test)]
mod tests {
    use tegata_domain::reference::RequestId;
    use tegata_domain::time::Timestamp;

    use super::*;

    #[test]
    fn a_sentence_names_what_it_is_about_and_says_what_to_do() {
        let request = RequestId::parse("202611200000001").unwrap();
        let at = Timestamp::parse_rfc3339("2026-11-20T10:00:00+09:00").unwrap();
        let late = ActRefusal::WindowTooLate {
            request: request.clone(),
            latest: at.japan_date(),
        };
        assert_eq!(
            act_refusal(&late),
            "リクエストID 202611200000001の期間は、2026年11月20日(金)まで延長できます。"
        );
        let state = "frozen";
        let frozen = ActRefusal::Stopped { request, state };
        assert!(act_refusal(&frozen).ends_with("先に停止を解除してください。"));
        let held = ActRefusal::CertificateState { state: "on_hold" };
        assert!(act_refusal(&held).contains("一時停止中"));
    }
}
