//! The fixed windows: 証明書一覧, first enrolment, backup, settings.

use tegata_pki::pkcs12::Pkcs12Form;

use super::date;
use crate::backup::{LONGEST_PASSWORD, PasswordProblem};
use crate::ports::{BackupForm, BackupPrompt, EnrolmentPrompt, KeyPlace, LinePrompt, UserMessage};
use crate::settings::{KeyPolicy, ProxyMode};
use crate::standing::Standing;

/// The sentence above the list.
pub const LIST_GUIDE: &str = "「証明書一覧」から更新対象の証明書を選択し、「証明書更新」ボタンをクリックしてください。更新された証明書は、自動でインストールされます。";

/// What is said where there is no certificate.
pub fn empty_list(is_unproven: bool) -> String {
    let how = "通知書が届いた方は、「はじめての取得」をクリックし、通知書のIDを入力してください。";
    if is_unproven {
        format!(
            "表示できる証明書がありません。{how}\n\
             すでに証明書をお使いの方は、「接続の確認」をクリックし、接続確認コードを入力してください。"
        )
    } else {
        format!("表示できる証明書がありません。{how}")
    }
}

/// What is said where a procedure waits for the person.
pub const WAITING: &str = "終わっていない手続きがあります。対象の証明書を選択し、「証明書更新」をクリックすると、続きから始まります。";

/// The same where there is no certificate yet.
pub const WAITING_FIRST: &str = "証明書の発行を待っています。発行されると、自動で登録されます。この画面を閉じてもかまいません。";

/// How a certificate stands, in a few words.
pub fn standing(standing: &Standing) -> String {
    match standing {
        Standing::Early { opens } => format!("有効(更新は{}から)", date::day(opens.japan_date())),
        Standing::Expired => "有効期限切れ".to_owned(),
        Standing::OnHold => "一時停止中".to_owned(),
        Standing::Open { days_left: 0 } => "更新してください(本日まで)".to_owned(),
        Standing::Open { days_left } => format!("更新できます(あと{days_left}日)"),
        Standing::Pending => "更新の手続き中".to_owned(),
        Standing::Replaced => "更新済み".to_owned(),
        Standing::Revoked => "失効".to_owned(),
        Standing::WaitsForBackup => "有効(バックアップを作成してください)".to_owned(),
    }
}

/// Where the key lies, and what that means for a backup.
pub fn key(place: KeyPlace, is_backed_up: bool) -> String {
    match (place, is_backed_up) {
        (KeyPlace::Hardware, _) => "この端末のセキュリティチップの中(バックアップなし)",
        (KeyPlace::Software, true) => "この端末(バックアップ済み)",
        (KeyPlace::Software, false) => "この端末",
        (KeyPlace::SoftwareProtected, _) => "この端末(パスワードで保護)",
    }
    .to_owned()
}

/// The window of a first enrolment.
pub fn enrolment(
    asks_code: bool,
    policy: KeyPolicy,
    typed: (String, String),
    problem: Option<UserMessage>,
) -> EnrolmentPrompt {
    let mut lines = vec![
        "電子証明書発行通知書の「電子証明書取得に関する情報」をご覧になり、2つのIDを入力してください。".to_owned(),
        "リクエストID(数字15桁)とリファレンスID(英数字、大文字と小文字を区別します)です。".to_owned(),
    ];
    if asks_code {
        lines.push(
            "「接続確認コード」(英数字16文字)も入力してください。接続先が正しいことを確かめるまで、何も送信しません。"
                .to_owned(),
        );
    }
    lines.push(
        match policy {
            KeyPolicy::Software => "鍵は、この端末の中で作成します。登録の後に、バックアップファイルを作成できます。",
            KeyPolicy::Tpm => "鍵は、この端末のセキュリティチップ(TPM)がある場合はその中で作成します。その場合、バックアップファイルは作成できません。",
        }
        .to_owned(),
    );
    EnrolmentPrompt {
        lines,
        asks_code,
        problem,
        typed,
    }
}

/// The 接続確認コード alone.
pub fn connection_code(problem: Option<String>) -> LinePrompt {
    LinePrompt {
        lines: vec![
            "接続先が正しいことを確認します。通知書の「接続確認コード」(英数字16文字)を入力してください。".to_owned(),
            "確認できるまで、何も送信しません。".to_owned(),
        ],
        label: "接続確認コード".to_owned(),
        problem,
    }
}

/// The 確認番号 of the second factor.
pub fn mail_code(was_wrong: bool) -> LinePrompt {
    LinePrompt {
        lines: vec!["登録されているメールアドレスに、8桁の確認番号をお送りしました。".to_owned()],
        label: "確認番号".to_owned(),
        problem: was_wrong.then(|| {
            "確認番号が正しくありません。最後に届いたメールの番号を入力してください。".to_owned()
        }),
    }
}

/// The window of R-079.
pub fn backup(
    min_length: usize,
    suggestion: String,
    reads_modern: bool,
    problem: Option<PasswordProblem>,
) -> BackupPrompt {
    let modern = BackupForm {
        form: Pkcs12Form::Modern,
        label: "新しい形式(Windows 10、Windows 11 用)".to_owned(),
    };
    let old = BackupForm {
        form: Pkcs12Form::Legacy,
        label: "古い形式(Windows 8.1 など用)".to_owned(),
    };
    BackupPrompt {
        heading: "証明書のバックアップファイルを作成します。".to_owned(),
        hint: password_hint(min_length),
        weak_hint: "数字4桁のパスワードは、ファイルが他人の手に渡ると数秒で破られます。ファイルを保存した媒体は、鍵のかかる場所に保管してください。"
            .to_owned(),
        min_length,
        max_length: LONGEST_PASSWORD,
        suggestion,
        forms: if reads_modern {
            vec![modern, old]
        } else {
            vec![old, modern]
        },
        problem: problem.map(|problem| password_problem(problem, min_length)),
    }
}

/// The manual's sentence where its rule holds, else the rule.
fn password_hint(min: usize) -> String {
    if min <= 4 {
        "証明書パスワードは、任意の4桁の半角数字を入力してください。半角の英数字と記号、4文字以上でも設定できます。"
            .to_owned()
    } else {
        format!(
            "証明書パスワードは、半角{min}文字以上で入力してください。(以前の手引きの「半角数字4桁」は使えません。)"
        )
    }
}

fn password_problem(problem: PasswordProblem, min: usize) -> String {
    match problem {
        PasswordProblem::Differ => {
            "2つの欄のパスワードが一致していません。もう一度入力してください。".to_owned()
        }
        PasswordProblem::NotAscii => "半角の英数字と記号で入力してください。".to_owned(),
        PasswordProblem::TooLong => format!("{LONGEST_PASSWORD}文字以内で入力してください。"),
        PasswordProblem::TooShort => format!("{min}文字以上で入力してください。"),
    }
}

/// 接続先の確認 in the settings window.
pub const fn trust(by_pack: bool, is_unproven: bool) -> &'static str {
    match (by_pack, is_unproven) {
        (true, _) => "確認済み(インストーラーに含まれています)",
        (false, false) => "確認済み(接続確認コード)",
        (false, true) => "未確認",
    }
}

/// 鍵 in the settings window.
pub const fn key_policy(policy: KeyPolicy, has_hardware: bool) -> &'static str {
    match (policy, has_hardware) {
        (KeyPolicy::Software, _) => "この端末の中(バックアップファイルを作成できます)",
        (KeyPolicy::Tpm, true) => {
            "この端末のセキュリティチップ(TPM)の中(バックアップファイルは作成できません)"
        }
        (KeyPolicy::Tpm, false) => {
            "この端末の中(セキュリティチップがないため。バックアップファイルを作成できます)"
        }
    }
}

/// The choices of プロキシ.
pub const fn proxy_mode(mode: ProxyMode) -> &'static str {
    match mode {
        ProxyMode::Direct => "プロキシを使わない",
        ProxyMode::Manual => "次のプロキシを使う",
        ProxyMode::Pac => "自動構成スクリプト(PAC)を使う",
        ProxyMode::System => "Windowsの設定に合わせる",
    }
}

/// 自動更新 in the settings window.
pub fn unattended(allowed: Option<(i64, i64, i64, i64)>) -> String {
    match allowed {
        None => "自動では更新しません。".to_owned(),
        Some((from, until, first, last)) => format!(
            "有効期限の{from}日前から{until}日前の間に、{first}時から{last}時の間で自動的に更新します。"
        ),
    }
}
