//! What relying systems show about a certificate (R-031, R-032, `screens.md` text 1, 10 and 11): heading, text, and
//! where the link leads.

use tegata_domain::grant::retrieval_end;
use tegata_domain::policy::Policy;
use tegata_domain::relying::{RelyingMessage, RelyingStanding};
use tegata_domain::renewal::KeyPlace;
use tegata_domain::time::Timestamp;

use super::{date_and_time, help_desk, time};

/// The heading of everything that is said of a certificate on hold (text 1).
pub const ON_HOLD: &str = "この電子証明書は、一時停止中です";

/// The first sentence of text 1.
pub fn held(at: Timestamp, by_operator: bool, ca_short: &str) -> String {
    let at = date_and_time(at);
    if by_operator {
        format!("{ca_short}の判断により、{at}から使えなくなっています。")
    } else {
        format!("失効申請を受け付けたため、{at}から使えなくなっています。")
    }
}

/// Where a message leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeadsTo {
    Application,
    Collection,
    List,
    Renewal,
}

/// A message in words.
pub(crate) struct Worded {
    pub(crate) heading: String,
    pub(crate) text: String,
    pub(crate) link: LeadsTo,
    pub(crate) link_text: &'static str,
}

/// The words for what is to be shown.
pub(crate) fn worded(
    message: RelyingMessage,
    standing: &RelyingStanding,
    not_after: Timestamp,
    by_operator: bool,
    policy: &Policy,
) -> Worded {
    let names = &policy.names;
    let (end, systems) = (date_and_time(not_after), &names.relying_systems);
    let since = standing.status.since().unwrap_or(not_after);
    let desk = help_desk(&names.help_desk);
    let until = date_and_time(retrieval_end(not_after, &policy.periods));
    let terminal = standing.key == Some(KeyPlace::Terminal);
    match message {
        RelyingMessage::Collect if terminal => Worded {
            heading: unused(standing.days_left, not_after),
            text: format!(
                "更新申請は受け付けていますが、新しい電子証明書がまだ端末に渡されていません。このままでは、{end}を過ぎると、\
                 {systems}が使えなくなります。更新を申請したプログラム(MPKIクライアントなど)を開き、受け取りを済ませてください。"
            ),
            link: LeadsTo::Renewal,
            link_text: STATE,
        },
        RelyingMessage::InstallAfterEnd if terminal => Worded {
            heading: ENDED.to_owned(),
            text: format!(
                "{end}に有効期限が切れました。新しい電子証明書は端末に渡してあります。更新を申請したプログラム(MPKIクライアントなど)を開き、\
                 インストールされているかご確認ください。見つからないときは、新しい電子証明書の発行申請を行ってください。"
            ),
            link: LeadsTo::Application,
            link_text: APPLY,
        },
        RelyingMessage::Renew => Worded {
            heading: match standing.days_left {
                0 => format!("電子証明書の有効期限は、本日{}です", time(not_after)),
                left => format!("電子証明書の有効期限まで、あと{left}日です"),
            },
            text: format!(
                "{end}を過ぎると、{systems}が使えなくなります。更新の手続きを行ってください。"
            ),
            link: LeadsTo::Renewal,
            link_text: "電子証明書を更新する",
        },
        RelyingMessage::Collect => Worded {
            heading: unused(standing.days_left, not_after),
            text: format!(
                "更新申請は受け付けていますが、新しい電子証明書がまだ取得されていません。このままでは、{end}を過ぎると、\
                 {systems}が使えなくなります。新しい電子証明書を取得し、この端末にインストールしてください。"
            ),
            link: LeadsTo::List,
            link_text: "新しい電子証明書を取得する",
        },
        RelyingMessage::Install => Worded {
            heading: unused(standing.days_left, not_after),
            text: format!(
                "新しい電子証明書は取得されていますが、使われていることを確認できていません。このままでは、{end}を過ぎると、\
                 {systems}が使えなくなります。新しい電子証明書をこの端末にインストールし、次の画面を一度開いて選択してください。"
            ),
            link: LeadsTo::Renewal,
            link_text: "新しい電子証明書を確認する",
        },
        RelyingMessage::CollectAfterEnd => Worded {
            heading: ENDED.to_owned(),
            text: format!(
                "{end}に有効期限が切れました。更新の申請はお済みです。新しい電子証明書は、{until}まで取得できます。\
                 お手元に「更新申請受付票」をご用意ください。"
            ),
            link: LeadsTo::Collection,
            link_text: "新しい電子証明書を取得する",
        },
        RelyingMessage::InstallAfterEnd => Worded {
            heading: ENDED.to_owned(),
            text: format!(
                "{end}に有効期限が切れました。新しい電子証明書は取得済みです。ダウンロードしたファイルをお持ちのときは、そのファイルと\
                 証明書パスワードで、この端末にインストールしてください。お持ちでないときは、新しい電子証明書の発行申請を行ってください。"
            ),
            link: LeadsTo::Application,
            link_text: APPLY,
        },
        RelyingMessage::Ended => Worded {
            heading: ENDED.to_owned(),
            text: format!(
                "{end}に有効期限が切れたため、更新はできません。新しい電子証明書の発行申請を行ってください。\
                 通知書がお手元に届くまで、{}ほどかかります。",
                names.letter_days
            ),
            link: LeadsTo::Application,
            link_text: APPLY,
        },
        RelyingMessage::OnHold => Worded {
            heading: ON_HOLD.to_owned(),
            text: {
                let first = held(since, by_operator, &names.ca_short);
                let who = if by_operator {
                    ""
                } else {
                    "申請した覚えがない場合は、"
                };
                format!("{first}{who}すぐに下記へお電話ください。\n{desk}")
            },
            link: LeadsTo::Renewal,
            link_text: STATE,
        },
        RelyingMessage::Revoked => Worded {
            heading: "この電子証明書は、失効しています".to_owned(),
            text: format!(
                "{}に失効しました。使用と更新はできません。新しい電子証明書の発行申請を行ってください。",
                date_and_time(since)
            ),
            link: LeadsTo::Application,
            link_text: APPLY,
        },
        RelyingMessage::UseNewer => Worded {
            heading: "新しい電子証明書を選択してください".to_owned(),
            text: "この電子証明書は、新しい電子証明書に切り替わったため、使えません。ブラウザーを開き直し、新しい電子証明書を選択してください。"
                .to_owned(),
            link: LeadsTo::Renewal,
            link_text: "新しい電子証明書を確認する",
        },
    }
}

const ENDED: &str = "この電子証明書は、有効期限が切れています";
const STATE: &str = "電子証明書の状態を確認する";
const APPLY: &str = "新しい電子証明書の発行を申請する";

/// The heading for a renewal that is not in use (text 10).
fn unused(days_left: i64, not_after: Timestamp) -> String {
    match days_left {
        0 => format!(
            "新しい電子証明書が使われていません(有効期限は本日{}です)",
            time(not_after)
        ),
        left => format!("新しい電子証明書が使われていません(有効期限まであと{left}日)"),
    }
}
