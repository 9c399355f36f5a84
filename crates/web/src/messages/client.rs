//! What a terminal shows that the server refused (S4, 23xx): a title of one line, and sentences that say what to do.

use tegata_domain::time::Timestamp;

use super::{
    ELSEWHERE, ON_HOLD, RCD_FROZEN, RU_EXPIRED, RU_REVOKED, UNAVAILABLE, date_and_time, held, time,
};

pub(crate) const CHECK_CERTIFICATE: &str = "電子証明書の状態を確認する";
pub(crate) const APPLY_ANEW: &str = "新しい電子証明書の発行を申請する";
pub(crate) const CLIENT_INPUT: &str = "入力された内容をご確認ください";

/// A refusal in words.
pub(crate) struct Said {
    pub(crate) title: &'static str,
    pub(crate) text: String,
    /// Whether a new application is what helps; else the page of the certificate's state.
    pub(crate) leads_to_application: bool,
}

impl Said {
    pub(crate) fn new(title: &'static str, text: impl Into<String>) -> Self {
        Self {
            title,
            text: text.into(),
            leads_to_application: false,
        }
    }

    fn apply_anew(title: &'static str, text: impl Into<String>) -> Self {
        Self {
            leads_to_application: true,
            ..Self::new(title, text)
        }
    }
}

/// Which certificate the terminal needs.
pub(crate) fn choose_ours(ca_cn: &str) -> String {
    format!(
        "発行者が「{ca_cn}」の電子証明書を選択してください。一覧にないときは、この端末に電子証明書が登録されていません。"
    )
}

pub(crate) fn client_call(help_desk: &str) -> Said {
    Said::new(
        "この端末からは、手続きを進められません",
        format!("お手数ですが、下記へお電話ください。\n{help_desk}"),
    )
}

pub(crate) fn client_elsewhere() -> Said {
    Said::new(
        ELSEWHERE.title,
        "この手続きは、別の内容で受け付けられたか、先に進んでいます。状況を確認し、はじめからやり直してください。",
    )
}

pub(crate) fn client_expired() -> Said {
    Said::apply_anew(
        RU_EXPIRED.title,
        "有効期限が切れた電子証明書では、この手続きはできません。新しい電子証明書があるときは、それを選択してください。\
         ないときは、発行申請を行ってください。",
    )
}

pub(crate) fn client_fault(incident: &str, help_desk: &str) -> Said {
    Said::new(
        UNAVAILABLE.title,
        format!("お手数ですが、番号 {incident} を下記へお知らせください。\n{help_desk}"),
    )
}

pub(crate) fn client_frozen(at: Timestamp, help_desk: &str) -> Said {
    Said::new(
        RCD_FROZEN.title,
        format!(
            "{}に、お申し出により、電子証明書の取得を停止しました。すぐに下記へお電話ください。\n{help_desk}",
            date_and_time(at)
        ),
    )
}

pub(crate) fn client_held(
    at: Timestamp,
    by_operator: bool,
    ca_short: &str,
    help_desk: &str,
) -> Said {
    let first = held(at, by_operator, ca_short);
    let who = if by_operator {
        ""
    } else {
        "申請した覚えがない場合は、"
    };
    Said::new(
        ON_HOLD,
        format!("{first}{who}すぐに下記へお電話ください。\n{help_desk}"),
    )
}

pub(crate) fn client_not_found() -> Said {
    Said::new(
        "この端末には、該当する電子証明書や手続きがありません",
        "ほかの電子証明書のもの、または終了した手続きです。電子証明書の一覧を表示し、はじめからやり直してください。",
    )
}

pub(crate) fn client_not_made() -> Said {
    Said::new(
        "新しい電子証明書を発行しています",
        "1分ほどたってから、もう一度取得してください。",
    )
}

pub(crate) fn client_not_understood() -> Said {
    Said::new(
        "送信された内容を読み取れません",
        "クライアントのバージョンが古いことがあります。新しいバージョンをインストールし、もう一度お試しください。",
    )
}

pub(crate) fn client_replaced() -> Said {
    Said::new(
        "新しい電子証明書を選択してください",
        "この電子証明書は、新しい電子証明書に切り替わったため、使えません。",
    )
}

pub(crate) fn client_revoked(at: Timestamp) -> Said {
    Said::apply_anew(
        RU_REVOKED.title,
        format!(
            "{}に失効しました。使用と更新はできません。新しい電子証明書の発行申請を行ってください。",
            date_and_time(at)
        ),
    )
}

pub(crate) fn client_shown_no_more() -> Said {
    Said::new(
        "このリファレンスIDは、もう表示できません",
        "リファレンスIDは、発行してから24時間だけ表示できます。新しいリファレンスIDを発行してください。",
    )
}

pub(crate) fn client_throttled(seconds: u64) -> Said {
    Said::new(
        CLIENT_INPUT,
        format!("続けて入力の誤りがありました。{seconds}秒たってから、もう一度入力してください。"),
    )
}

pub(crate) fn client_too_soon(at: Timestamp) -> Said {
    Said::new(
        "続けて受け付けることはできません",
        format!("{}を過ぎてから、もう一度お試しください。", time(at)),
    )
}

pub(crate) fn client_unavailable() -> Said {
    Said::new(
        UNAVAILABLE.title,
        "1分ほどたってから、もう一度お試しください。同じ内容をもう一度送信しても、二重に受け付けられることはありません。",
    )
}

pub(crate) fn client_window_ended() -> Said {
    Said::new(
        "新しい電子証明書を取得できる期間を過ぎています",
        "今の電子証明書が使える間は、もう一度「証明書更新」を行ってください。できないときは、発行申請を行ってください。",
    )
}
