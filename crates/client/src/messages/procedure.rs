//! 1001 to 1015: what is asked and told on the way (manual 3.1.2, S4).

use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_protocol::release::Version;
use tegata_protocol::{MessageCode, Status, Stopped};

use super::{PROGRAM, Words, date};
use crate::ports::{Buttons, Progress, UserMessage};

/// 1002 更新期間前.
pub fn before_renewal(opens: Timestamp) -> UserMessage {
    let text = format!(
        "電子証明書の更新は、{}から行えます。",
        date::day(opens.japan_date())
    );
    told(MessageCode::BEFORE_RENEWAL, &text, &[])
}

/// 1003, in the manual's words. `is_protected`: Windows will ask for a password (R-082, P-33).
pub fn confirm_renewal(is_protected: bool) -> UserMessage {
    let next: &[&str] = if is_protected {
        &[
            "この後、「Windows セキュリティ」の画面でパスワードの入力を求められます。",
            "電子証明書をインストールしたときに設定したパスワードを入力し、「許可」をクリックしてください。",
        ]
    } else {
        &[]
    };
    UserMessage {
        buttons: Buttons::YesNo,
        ..told(
            MessageCode(1003),
            "選択した証明書を更新します。よろしいですか?",
            next,
        )
    }
}

/// 1004, in the manual's words. `has_backup`: what comes next.
pub fn renewed(has_backup: bool) -> UserMessage {
    let next: &[&str] = if has_backup { &[] } else { &NO_BACKUP };
    told(MessageCode(1004), "証明書の更新が完了しました。", next)
}

/// 1005 バックアップ完了.
pub fn backed_up(place: &str) -> UserMessage {
    let kept = [
        "バックアップファイルと証明書パスワードは、別々の場所に、厳重に保管してください。",
        "パソコンが故障したときに、ほかのパソコンへのインストールに使います。",
    ];
    let text = format!("証明書のバックアップファイルを保存しました。\n{place}");
    told(MessageCode(1005), &text, &kept)
}

/// 1006, in the manual's words.
pub fn confirm_removal_of_old() -> UserMessage {
    UserMessage {
        buttons: Buttons::YesNo,
        ..told(MessageCode(1006), "更新前の証明書を削除しますか?", &[])
    }
}

/// 1007 削除完了.
pub fn removed() -> UserMessage {
    told(MessageCode(1007), "証明書を削除しました。", &[])
}

/// 1008: a first enrolment is done.
pub fn enrolled(has_backup: bool) -> UserMessage {
    let next: &[&str] = if has_backup { &[] } else { &NO_BACKUP };
    told(MessageCode(1008), "証明書の登録が完了しました。", next)
}

/// 1009: no backup was made; it cannot be made later.
pub fn confirm_no_backup(keep_days: i64) -> UserMessage {
    let later = format!(
        "「いいえ」を選ぶと、あとで作成できます({keep_days}日の間)。この画面をもう一度開いてください。"
    );
    UserMessage {
        next: vec![
            "「はい」を選ぶと、この証明書のバックアップは作成できなくなります。".to_owned(),
            later,
        ],
        buttons: Buttons::YesNo,
        ..told(
            MessageCode(1009),
            "バックアップファイルを作成せずに終了しますか?",
            &[],
        )
    }
}

/// 1010: whether one chosen certificate goes.
pub fn confirm_removal(certificate: &Certificate, is_last: bool) -> UserMessage {
    let text = format!(
        "選択した証明書を削除しますか?\n発行先 {}\n有効期限 {}",
        certificate.subject().common_name().unwrap_or_default(),
        date::second(Timestamp::from_unix(certificate.not_after()))
    );
    let mut next = vec!["削除した証明書は、元に戻せません。"];
    if is_last {
        next.push("この端末で使える証明書は、ほかにありません。削除すると、システムに接続できなくなります。");
    }
    UserMessage {
        buttons: Buttons::YesNo,
        ..told(MessageCode(1010), &text, &next)
    }
}

/// 1011 一時停止, 1012 失効.
pub fn stopped(answer: &Stopped, words: Words<'_>) -> UserMessage {
    let (code, what) = match answer.status {
        Status::OnHold => (
            1011,
            "一時停止を受け付けました。この証明書は、使えなくなりました。",
        ),
        _ => (
            1012,
            "失効を受け付けました。この証明書は、使えなくなりました。",
        ),
    };
    let text = format!("{what}\n受付番号 {}", answer.number);
    let mut next = Vec::new();
    if !answer.mails.is_empty() {
        next.push(format!(
            "完了のお知らせを、{}へお送りします。",
            answer.mails.join("、")
        ));
    }
    UserMessage {
        next,
        help_desk: words.help_desk.to_vec(),
        ..told(MessageCode(code), &text, &[])
    }
}

/// 1013: whether a newer version is installed.
pub fn confirm_update(version: Version, changes: &[String]) -> UserMessage {
    let text = format!("{PROGRAM}の新しいバージョン({version})があります。インストールしますか?");
    let mut next: Vec<String> = changes.iter().map(|change| format!("・{change}")).collect();
    next.push("インストールが終わると、新しいバージョンが自動で始まります。電子証明書は、そのまま残ります。".to_owned());
    UserMessage {
        next,
        buttons: Buttons::YesNo,
        ..told(MessageCode(1013), &text, &[])
    }
}

/// 1014: nothing newer is announced.
pub fn is_newest(version: Version) -> UserMessage {
    let text = format!("お使いの{PROGRAM}(バージョン {version})は、最新です。");
    told(MessageCode(1014), &text, &[])
}

/// 1015: this program is replaced by somebody else.
pub fn no_updates() -> UserMessage {
    told(
        MessageCode(1015),
        "新しいバージョンは、この端末の管理者またはヘルプデスクがお知らせします。",
        &[],
    )
}

/// What is being done.
pub fn progress(step: Doing) -> Progress {
    let (step, text) = match step {
        Doing::MeetServer => (1, "サーバーを確認しています。"),
        Doing::MakeKey => (2, "この端末で鍵を作成しています。"),
        Doing::Request => (3, "証明書の発行を申請しています。"),
        Doing::Install => (4, "証明書を登録しています。"),
        Doing::Verify => (5, "新しい証明書で接続を確認しています。"),
    };
    Progress {
        step,
        of: 5,
        text: text.to_owned(),
    }
}

/// The steps of an enrolment or a renewal that take time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// The certificate goes into the store.
    Install,
    /// A key is made.
    MakeKey,
    /// The server is asked for its CAs.
    MeetServer,
    /// The certificate is asked for.
    Request,
    /// One request with the new certificate.
    Verify,
}

const NO_BACKUP: [&str; 2] = [
    "この証明書の鍵は、この端末のセキュリティチップ(TPM)の中だけにあります。バックアップファイルは作成できません。",
    "パソコンを替えるときは、ヘルプデスクへお電話ください。再発行の手続きをご案内します。",
];

pub(super) fn told(code: MessageCode, text: &str, next: &[&str]) -> UserMessage {
    UserMessage {
        code,
        text: text.to_owned(),
        cause: None,
        next: next.iter().map(|line| (*line).to_owned()).collect(),
        help_desk: Vec::new(),
        buttons: Buttons::Ok,
    }
}
