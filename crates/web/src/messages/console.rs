//! Sentences and words of the console (`/console`).

use tegata_domain::application::ApplicationState;
use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::operator::Role;
use tegata_domain::outbox::MailKind;
use tegata_domain::revocation::{Outcome, RevocationState};
use tegata_domain::time::Timestamp;

use super::{Screen, screen};

/// Its name.
pub(crate) const SITE_CONSOLE: &str = "管理画面";

pub(crate) const C_LOGIN: Screen = screen("C-1", "", "ログイン");
pub(crate) const C_START: Screen = screen("C-2", "", "スタート");
pub(crate) const C_QUEUE: Screen = screen("C-3", "", "申請の一覧");
pub(crate) const C_CASE: Screen = screen("C-4", "", "申請の内容と経過");
pub(crate) const C_GRANT: Screen = screen("C-5", "", "電子証明書の手続き");
pub(crate) const C_LETTERS: Screen = screen("C-6", "", "通知書");
pub(crate) const C_REVOCATIONS: Screen = screen("C-7", "", "失効申請");
pub(crate) const C_PROPOSALS: Screen = screen("C-8", "", "二人目の確認");
pub(crate) const C_SEARCH: Screen = screen("C-9", "", "検索");
pub(crate) const C_INSTITUTIONS: Screen = screen("C-10", "", "医療機関等の台帳");
pub(crate) const C_INSTITUTION: Screen = screen("C-11", "", "医療機関等");
pub(crate) const C_ANNOUNCEMENTS: Screen = screen("C-12", "", "お知らせ");
pub(crate) const C_OPERATORS: Screen = screen("C-13", "", "担当者");
pub(crate) const C_AUDIT: Screen = screen("C-14", "", "監査記録");
pub(crate) const C_PROPOSAL: Screen = screen("C-15", "", "二人目の確認");
pub(crate) const C_ANNOUNCEMENT: Screen = screen("C-17", "", "お知らせの掲載");
pub(crate) const C_UNREACHABLE: Screen = screen("C-20", "", "メールが届かない方への連絡");
pub(crate) const C_WINDOWS: Screen = screen("C-21", "", "ダウンロード可能期間の延長");
pub(crate) const C_SECRET: Screen = screen("C-16", "", "新しいワンタイムコードの鍵");

pub(crate) const C_ENDED: Screen = screen("CE-1", "", "ログインの有効時間が終わりました");
pub(crate) const C_DENIED: Screen = screen("CE-2", "", "この操作をする役割がありません");
pub(crate) const C_FORGED: Screen = screen("CE-3", "", "この操作は、受け付けられません");
pub(crate) const C_SAME_PERSON: Screen = screen("CE-4", "", "別の担当者の操作が必要です");
pub(crate) const C_MOVED: Screen = screen("CE-5", "", "ほかの担当者が先に操作しました");
pub(crate) const C_STATE: Screen = screen("CE-6", "", "今の状態では、この操作はできません");
pub(crate) const C_UNKNOWN: Screen = screen("CE-7", "", "ご指定の画面はありません");
pub(crate) const C_FAULT: Screen = screen("CE-8", "", "ただいま、操作を行うことができません");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[
    C_LOGIN,
    C_START,
    C_QUEUE,
    C_CASE,
    C_GRANT,
    C_LETTERS,
    C_REVOCATIONS,
    C_PROPOSALS,
    C_SEARCH,
    C_INSTITUTIONS,
    C_INSTITUTION,
    C_ANNOUNCEMENTS,
    C_OPERATORS,
    C_AUDIT,
    C_PROPOSAL,
    C_SECRET,
    C_ANNOUNCEMENT,
    super::C_NOTICES,
    super::C_DUE,
    C_UNREACHABLE,
    C_WINDOWS,
    C_ENDED,
    C_DENIED,
    C_FORGED,
    C_SAME_PERSON,
    C_MOVED,
    C_STATE,
    C_UNKNOWN,
    C_FAULT,
];

pub(crate) const LOGIN_WRONG: &str =
    "名前、パスワード、ワンタイムコードのいずれかが正しくありません。";
pub(crate) const CODE_WRONG: &str =
    "ワンタイムコードが正しくないか、使用済みです。次の6桁が表示されてから入力してください。";
pub(crate) const CODE_MISSING: &str = "ワンタイムコードを入力してください。";
pub(crate) const REASON_MISSING: &str = "理由を入力してください(500文字以内)。";
pub(crate) const DATE_WRONG: &str = "日付を「2026-02-02」のように入力してください。";
pub(crate) const DATE_PAST: &str = "今日より後の日付を入力してください。";
pub(crate) const OUTCOME_MISSING: &str =
    "「失効を完了する」か「一時停止を解除する」を選択してください。";
pub(crate) const REQUESTS_WRONG: &str = "リクエストIDを1行に1件、1,000件以内で入力してください。";
pub(crate) const MAIL_WRONG: &str = "メールアドレスを正しく入力してください。";

/// Too many wrong logins.
pub(crate) fn login_throttled(seconds: u64) -> String {
    format!("間違いが続いたため、{seconds}秒間受け付けません。")
}

/// 役割.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Administrator => "管理",
        Role::Approver => "承認",
        Role::Auditor => "監査",
        Role::Dispatcher => "発送",
        Role::Examiner => "審査",
        Role::HelpDesk => "照会",
        Role::Intake => "受付",
    }
}

/// 状況 of an application.
pub(crate) const fn application_state(state: &ApplicationState) -> &'static str {
    match state {
        ApplicationState::Approved { .. } => "発行承認",
        ApplicationState::Cancelled { .. } => "取消",
        ApplicationState::Examined { .. } => "承認待ち",
        ApplicationState::Rejected { .. } => "却下",
        ApplicationState::Returned { .. } => "差戻し",
        ApplicationState::Submitted => "審査待ち",
    }
}

/// The heading of a queue, by the word of its state.
pub(crate) fn queue_name(state: &str) -> &'static str {
    match state {
        "examined" => "承認待ち",
        "returned" => "差戻し中",
        _ => "審査待ち",
    }
}

/// 状況 of a grant.
pub(crate) const fn grant_state(state: &GrantState) -> &'static str {
    match state {
        GrantState::Approved => "通知書の準備中",
        GrantState::Collected { .. } => "取得済み",
        GrantState::Frozen { .. } => "停止中(取得できません)",
        GrantState::KeyFixed { .. } => "取得の途中",
        GrantState::LetterReturned { .. } => "通知書が戻っています",
        GrantState::Posted => "発送済み(未取得)",
        GrantState::SeenInUse { .. } => "使用中",
        GrantState::Voided { .. } => "取りやめ",
    }
}

/// 状況 of a certificate.
pub(crate) const fn certificate_state(state: CertificateState) -> &'static str {
    match state {
        CertificateState::Intended => "作成中",
        CertificateState::Issued => "有効",
        CertificateState::OnHold { .. } => "一時停止中",
        CertificateState::Revoked { .. } => "失効",
        CertificateState::Superseded { .. } => "失効(新しい電子証明書に交代)",
        CertificateState::Void { .. } => "無効(発行せず)",
    }
}

/// 状況 of a request to revoke.
pub(crate) const fn revocation_state(state: &RevocationState) -> &'static str {
    match state {
        RevocationState::Ended {
            outcome: Outcome::Complete,
            ..
        } => "失効済み",
        RevocationState::Ended {
            outcome: Outcome::Lift,
            ..
        } => "解除済み",
        RevocationState::EndedByHolder { .. } => "失効済み(電子証明書による申請)",
        RevocationState::Proposed {
            outcome: Outcome::Complete,
            ..
        } => "失効の完了:二人目の確認待ち",
        RevocationState::Proposed {
            outcome: Outcome::Lift,
            ..
        } => "一時停止の解除:二人目の確認待ち",
        RevocationState::Submitted => "確認待ち",
    }
}

/// The name of a proposed act, by its word.
pub(crate) fn act_name(word: &str) -> &'static str {
    match word {
        "change_mail" => "登録メールアドレスの変更",
        "disable_operator" => "担当者の停止",
        "extend_window" => "ダウンロード可能期間の延長",
        "give_roles" => "役割の変更",
        "new_reference" => "新しいリファレンスID(通知書の再発行)",
        "release_letters" => "通知書の印刷",
        "reopen" => "別の鍵での再取得を許可",
        "reset_authenticator" => "ワンタイムコードの鍵の再設定",
        "unfreeze" => "取得停止の解除",
        _ => "そのほかの操作",
    }
}

/// What happened, by the word of the audit trail; words without a sentence here stand as they are.
pub(crate) fn action_name(action: &str) -> &str {
    match action {
        "announcement.change" => "お知らせを変更しました",
        "announcement.publish" => "お知らせを掲載しました",
        "address.bounce" => "宛先のメールが戻ってきました",
        "address.reached" => "宛先のメールが届くことを確認しました",
        "address.code.send" => "宛先の変更の確認番号を送りました",
        "address.code.wrong" => "宛先の変更の確認番号が違いました",
        "announcement.withdraw" => "お知らせを取り下げました",
        "application.cancel" => "申請者が取り消しました",
        "application.correct" | "application.resubmit" => "申請者が修正しました",
        "application.enter" | "application.submit" => "申請を受け付けました",
        "application.examine" => "審査OKにしました",
        "application.examine_again" => "もう一度審査が必要なため、審査待ちに戻しました",
        "application.reject" => "却下しました",
        "application.return" => "差し戻しました",
        "certificate.collect" => "取得されました",
        "certificate.hold" => "一時停止しました",
        "certificate.intend" => "電子証明書の作成を始めました",
        "certificate.issue" => "電子証明書を発行しました",
        "certificate.lift" => "一時停止を解除しました",
        "certificate.revoke" => "失効しました",
        "certificate.seen" => "使用を確認しました",
        "certificate.supersede" => "新しい電子証明書が使われたため、失効しました",
        "certificate.void" => "作成を取りやめました",
        "collection.code" => "確認番号が入力されました",
        "collection.code.send" => "確認番号を送りました",
        "collection.code.wrong" => "確認番号が違いました",
        "grant.approve" => "発行を承認しました",
        "grant.extend" => "ダウンロード可能期間を延長しました",
        "grant.freeze" => "取得を停止しました(心当たりがない)",
        "grant.mail" => "登録メールアドレスを変更しました",
        "grant.reissue" => "新しいリファレンスIDを作りました",
        "grant.renew" => "更新申請を受け付けました",
        "grant.reopen" => "別の鍵での再取得を許可しました",
        "grant.unfreeze" => "取得の停止を解除しました",
        "holder.told" => "電話や手紙での連絡を記録しました",
        "institution.add" => "台帳に加えました",
        "institution.change" => "台帳の内容を変更しました",
        "institution.close" => "台帳で閉鎖しました",
        "institution.import" => "台帳を取り込みました",
        "key.destroy" => "保管していた鍵を消去しました",
        "letter.forget" => "リファレンスIDの控えを消去しました",
        "letter.post" => "通知書を発送しました",
        "letter.print" => "通知書を印刷しました",
        "letter.release" => "通知書の印刷を許可しました",
        "letter.return" => "通知書が戻りました",
        "notice.again" => "お知らせをもう一度送りました",
        "operator.add" => "担当者を加えました",
        "operator.authenticator" => "ワンタイムコードの鍵を作り直しました",
        "operator.disable" => "担当者を停止しました",
        "operator.roles" => "役割を変更しました",
        "proposal.propose" => "提案しました(二人目の確認待ち)",
        "proposal.refuse" => "提案を認めませんでした",
        "proposal.withdraw" => "提案を取り下げました",
        "refused" => "操作を拒否しました",
        "revocation.end" => "失効申請の処理を終えました",
        "revocation.propose" => "失効申請の処理を提案しました",
        "revocation.withdraw" => "失効申請の処理の提案を取り下げました",
        "session.begin" => "ログインしました",
        "session.end" => "ログアウトしました",
        other => other,
    }
}

/// 件名のあらまし of a mail.
pub(crate) fn mail_name(kind: MailKind) -> &'static str {
    match kind.as_str() {
        "address_changed" => "宛先の変更の通知",
        "address_code" => "宛先の変更の確認番号",
        "application_cancelled" => "申請の取消の通知",
        "application_received" => "申請情報受付通知",
        "application_rejected" => "却下の通知",
        "application_returned" => "差戻しの通知",
        "certificate_expired" => "有効期限切れの通知",
        "certificate_expiring" => "更新のお願い",
        "collected" => "取得の通知",
        "collection_code" => "確認番号",
        "collection_refused" => "取得が拒否された通知",
        "grant_frozen" => "取得停止の通知",
        "hold_lifted" => "停止解除の通知",
        "letter_posted" => "通知書発送の通知",
        "letter_reissued" => "通知書再発行の通知",
        "not_collected" => "取得のお願い",
        "reference_replaced" => "リファレンスID変更の通知",
        "renewal_accepted" | "renewed_again" => "更新の通知",
        "revocation_accepted" => "失効申請受付(一時停止)の通知",
        "revocation_completed" => "失効完了の通知",
        "revocation_refused" => "失効申請を認めなかった通知",
        "successor_unused" => "新しい電子証明書が未使用の通知",
        "window_extended" => "期間延長の通知",
        _ => "お知らせメール",
    }
}

/// 3日、5時間、12分: how long something waits.
pub(crate) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.seconds_since(since).max(0);
    match seconds {
        86_400.. => format!("{}日", seconds / 86_400),
        3_600.. => format!("{}時間", seconds / 3_600),
        60.. => format!("{}分", seconds / 60),
        _ => "1分未満".to_owned(),
    }
}

/// 2026-01-19 10:00: a moment in a table.
pub(crate) fn moment(at: Timestamp) -> String {
    let time = at.japan();
    let (hour, minute) = (time.hour, time.minute);
    format!("{} {hour:02}:{minute:02}", at.japan_date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_one_unit() {
        let since = Timestamp::from_unix(0);
        for (seconds, told) in [
            (-5, "1分未満"),
            (59, "1分未満"),
            (60, "1分"),
            (7_199, "1時間"),
            (86_400 * 3 + 5, "3日"),
        ] {
            assert_eq!(age(since, since.plus_seconds(seconds)), told);
        }
    }

    #[test]
    fn each_act_of_two_persons_has_a_name() {
        for word in tegata_domain::proposal::ProposedAct::WORDS {
            assert_ne!(act_name(word), "そのほかの操作", "{word}");
        }
    }
}
