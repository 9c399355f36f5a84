//! What a terminal asks about its own certificate: addresses, 更新申請受付票, a new リファレンスID (P-06, P-23).

use tegata_domain::reference::RequestId;
use tegata_domain::secret::Secret;
use tegata_protocol::{Addresses, MessageCode, Scope, ShownReferenceId};

use super::procedure::told;
use crate::ports::{AddressPrompt, Buttons, LinePrompt, ShownIds, UserMessage};

/// The window for the addresses. `typed`: what was typed the last time.
pub fn addresses(
    registered: &Addresses,
    typed: (String, String),
    problem: Option<String>,
) -> AddressPrompt {
    let second = registered.second_mail.as_deref();
    AddressPrompt {
        lines: vec![
            "有効期限のお知らせなどをお送りするメールアドレスを変更します。".to_owned(),
            format!("登録されているメールアドレス: {}", registered.mail),
            format!(
                "登録されている予備のメールアドレス: {}",
                second.unwrap_or("なし")
            ),
            "新しいメールアドレスに確認番号をお送りします。確認番号を入力するまで、登録は変わりません。"
                .to_owned(),
        ],
        problem,
        typed,
    }
}

/// The 確認番号 that went to the new address.
pub fn address_code(mail: &str, problem: Option<String>) -> LinePrompt {
    LinePrompt {
        lines: vec![
            format!("新しいメールアドレス({mail})に、8桁の確認番号をお送りしました。"),
            "届かないときは「キャンセル」をクリックし、メールアドレスを確かめてからやり直してください。"
                .to_owned(),
        ],
        label: "確認番号".to_owned(),
        problem,
    }
}

/// 1016 メールアドレスの変更完了.
pub fn address_changed(mail: &str) -> UserMessage {
    let text = format!("メールアドレスを変更しました。\n新しいメールアドレス {mail}");
    let next = "これからのお知らせは、新しいメールアドレスへお送りします。";
    told(MessageCode(1016), &text, &[next])
}

/// The name that is offered for the 更新申請受付票.
pub fn receipt_name(request: &RequestId) -> String {
    format!("更新申請受付票_{request}.pdf")
}

/// 1017: the 更新申請受付票 is saved.
pub fn receipt_saved(place: &str) -> UserMessage {
    let text = format!("更新申請受付票を保存しました。\n{place}");
    let next = "リファレンスIDが印字されています。印刷したもの、ファイルとも、他人の目に触れないように保管してください。";
    told(MessageCode(1017), &text, &[next])
}

/// 1018: there is no 更新申請受付票, or its time is over.
pub fn no_receipt() -> UserMessage {
    let next = [
        "更新申請受付票は、更新の申請からしばらくの間だけ、保存できます。",
        "リファレンスIDが必要なときは、「新しいリファレンスIDを表示する」をお使いください。",
    ];
    told(
        MessageCode(1018),
        "保存できる更新申請受付票はありません。",
        &next,
    )
}

/// 1019: whether the earlier リファレンスID may end.
pub fn confirm_reference_id() -> UserMessage {
    let next =
        ["通知書または更新申請受付票に書かれている、これまでのリファレンスIDは使えなくなります。"];
    UserMessage {
        buttons: Buttons::YesNo,
        ..told(
            MessageCode(1019),
            "新しいリファレンスIDを表示します。よろしいですか?",
            &next,
        )
    }
}

/// The window with both IDs.
pub fn ids(shown: &ShownReferenceId) -> ShownIds {
    let use_of = match shown.scope {
        Scope::Renewal => "更新した証明書の取得と、証明書の失効に使います。",
        Scope::RevocationOnly | Scope::Other => "証明書を失効するときに使います。",
    };
    ShownIds {
        lines: vec![
            use_of.to_owned(),
            "この画面を閉じると、リファレンスIDは二度と表示されません。書き写すか、印刷して、保管してください。"
                .to_owned(),
        ],
        request_id: shown.request_id.to_string(),
        reference_id: Secret::from(shown.reference_id.expose()),
    }
}
