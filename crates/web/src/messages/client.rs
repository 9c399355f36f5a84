//! What a terminal shows that has no certificate of ours.

pub(crate) const CHECK_CERTIFICATE: &str = "電子証明書の状態を確認する";

/// Which certificate the terminal needs.
pub(crate) fn choose_ours(ca_cn: &str) -> String {
    format!(
        "発行者が「{ca_cn}」の電子証明書を選択してください。一覧にないときは、この端末に電子証明書が登録されていません。"
    )
}
