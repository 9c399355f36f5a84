//! What the person at a terminal reads when EST says no, where the client's other refusals have no words for it.

use tegata_domain::time::Timestamp;

use super::{RU_FOREIGN, RU_MISSING, Said, choose_ours, date, date_and_time};

const NOT_ISSUED: &str = "電子証明書を発行できません";
const NOT_RENEWED: &str = "電子証明書を更新できません";

pub(crate) fn est_ids_wrong() -> Said {
    Said::new(
        NOT_ISSUED,
        "リクエストIDまたはリファレンスIDに誤りがあります。電子証明書発行通知書をご確認のうえ、もう一度入力してください。",
    )
}

pub(crate) fn est_certificate_missing(ca_cn: &str) -> Said {
    Said::new(RU_MISSING.title, choose_ours(ca_cn))
}

pub(crate) fn est_certificate_unknown(ca_cn: &str) -> Said {
    Said::new(RU_FOREIGN.title, choose_ours(ca_cn))
}

pub(crate) fn est_window_ended(window_end: Timestamp, help_desk: &str) -> Said {
    Said::new(
        NOT_ISSUED,
        format!(
            "ダウンロード可能期間は、{}に終わりました。下記へお電話ください。\n{help_desk}",
            date(window_end)
        ),
    )
}

pub(crate) fn est_key_destroyed(help_desk: &str) -> Said {
    Said::new(
        NOT_ISSUED,
        format!("この電子証明書の鍵は、残っていません。下記へお電話ください。\n{help_desk}"),
    )
}

pub(crate) fn est_early(opens: Timestamp) -> Said {
    Said::new(
        NOT_RENEWED,
        format!("更新の手続きは、{}から行えます。", date(opens)),
    )
}

pub(crate) fn est_renewed_before(help_desk: &str) -> Said {
    Said::new(
        NOT_RENEWED,
        format!(
            "この電子証明書は更新済みで、新しい電子証明書が使われています。新しい方を選択してください。\
             心当たりがない場合は、すぐに下記へお電話ください。\n{help_desk}"
        ),
    )
}

pub(crate) fn est_key_fixed(help_desk: &str) -> Said {
    Said::new(
        NOT_ISSUED,
        format!(
            "この通知書の電子証明書は、別の鍵で取得済みです。心当たりがない場合、または作り直す場合は、\
             下記へお電話ください。\n{help_desk}"
        ),
    )
}

pub(crate) fn est_key_refused() -> Said {
    Said::new(
        NOT_ISSUED,
        "端末が作った鍵または申請の内容を受け付けられません。はじめからやり直してください。\
         続くときは、ヘルプデスクへお電話ください。",
    )
}

pub(crate) fn est_code_needed(masked_mail: &str, expires_at: Timestamp) -> Said {
    Said::new(
        "確認番号を入力してください",
        format!(
            "{masked_mail} に確認番号を送りました。{}まで使えます。",
            date_and_time(expires_at)
        ),
    )
}

pub(crate) fn est_code_wrong() -> Said {
    Said::new(
        "確認番号を確認できません",
        "確認番号が正しくないか、使える時間を過ぎています。いちばん新しいメールの番号を入力するか、\
         もう一度送ってください。",
    )
}
