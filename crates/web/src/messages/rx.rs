//! Sentences of 電子証明書失効申請サイト (`/p/rx`).

use tegata_domain::revocation::{Outcome, StatedReason};

use super::{Screen, screen};

/// Its name, as the manual calls it.
pub(crate) const SITE_REVOKE: &str = "電子証明書失効申請サイト";
/// Its procedure (E-04).
pub(crate) const PROCEDURE_REVOKE: &str = "失効申請";

pub(crate) const RX_1: Screen = screen("RX-1", "", "証明書失効申請情報の入力画面");
pub(crate) const RX_1B: Screen = screen("RX-1B", "", "失効する電子証明書の確認");
pub(crate) const RX_2: Screen = screen("RX-2", "", "証明書失効申請情報の入力画面");
pub(crate) const RX_3: Screen = screen("RX-3", "", "証明書失効申請情報入力内容の確認画面");
pub(crate) const RX_4: Screen = screen("RX-4", "", "失効申請を受け付けました");
pub(crate) const RX_EXPIRED: Screen = screen("RX-E2", "", "失効申請は不要です");
pub(crate) const RX_REVOKED: Screen = screen("RX-E3", "", "この電子証明書は、失効しています");
pub(crate) const RX_QUEUE: Screen = screen("RX-E4", "", "電子証明書は、まだ止まっていません");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[
    RX_1, RX_1B, RX_2, RX_3, RX_4, RX_EXPIRED, RX_REVOKED, RX_QUEUE,
];

/// 失効の理由 (RX-2).
pub(crate) const fn reason_name(reason: StatedReason) -> &'static str {
    match reason {
        StatedReason::Closed => "廃止",
        StatedReason::Disclosed => "パスワード等が他人に知られた",
        StatedReason::Lost => "端末の盗難・紛失",
        StatedReason::NotStated => "選択しない",
        StatedReason::Other => "その他",
        StatedReason::Unused => "端末を使わなくなった",
    }
}

/// The 状況 of a request to revoke (RX-4).
pub(crate) const fn outcome_name(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "確認中",
        Some(Outcome::Complete) => "失効済み",
        Some(Outcome::Lift) => "取り下げ",
    }
}
