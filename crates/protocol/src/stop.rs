//! `POST /api/client/v1/hold` and `POST /api/client/v1/revocation`: the certificate stops itself (F4).

use serde::{Deserialize, Serialize};
use tegata_domain::id::FlowId;
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;

use crate::notices::Status;
use crate::text;

/// The request, to the one address for 一時停止 and to the other for 失効, which is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// Made by the client, [`FlowId::generate`]: the same request again is answered with the result of the first.
    #[serde(with = "text::procedure")]
    pub procedure: FlowId,
    /// 失効の理由.
    pub reason: Reason,
    /// Where the completion is told, beside the registered addresses; null: there alone.
    #[serde(default)]
    pub mail: Option<String>,
    /// Whether the newer certificate is stopped too. No default: null is refused where there is a live one.
    #[serde(default)]
    pub successor: Option<SuccessorChoice>,
}

/// 失効の理由.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// 廃止.
    Closed,
    /// パスワード等が他人に知られた.
    Disclosed,
    /// 端末の盗難・紛失.
    Lost,
    /// 選択しない.
    NotStated,
    /// その他.
    Other,
    /// 端末を使わなくなった.
    Unused,
}

/// 「新しい電子証明書も止めますか。」
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuccessorChoice {
    /// The old one only.
    Keep,
    /// Both: theft, loss. The newer one goes on hold, whose end is the operators' to decide.
    Stop,
}

/// The answer: relying systems see it when this arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub version: u32,
    /// リクエストID.
    #[serde(with = "text::request_id")]
    pub request_id: RequestId,
    /// 失効申請番号.
    pub number: String,
    /// 受付日時.
    #[serde(with = "text::instant")]
    pub accepted_at: Timestamp,
    /// How the certificate stands now: on hold or revoked; for a repeated request, what became of it since.
    pub status: Status,
    /// Since when it is stopped.
    #[serde(default, with = "text::maybe_instant")]
    pub since: Option<Timestamp>,
    /// The newer certificate and how it stands now; null where there is none.
    #[serde(default)]
    pub successor: Option<StoppedSuccessor>,
    /// Where the completion is told, most of each address hidden.
    pub mails: Vec<String>,
}

/// How the newer certificate stands after a stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedSuccessor {
    /// リクエストID.
    #[serde(with = "text::request_id")]
    pub request_id: RequestId,
    /// Whether it is stopped.
    pub is_stopped: bool,
}
