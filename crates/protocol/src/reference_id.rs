//! `POST /api/client/v1/reference-id`: a new リファレンスID, shown once more to the certificate (I2, I7, P-06).

use serde::{Deserialize, Serialize};
use tegata_domain::id::FlowId;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::time::Timestamp;

use crate::text;

/// The request. The earlier リファレンスID ends; a copy of the key that only it opened is destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceIdRequest {
    /// Made by the client, [`FlowId::generate`]: the same request again is answered with the result of the first.
    #[serde(with = "text::procedure")]
    pub procedure: FlowId,
    /// Of which certificate: the presented one, or its live successor.
    #[serde(with = "text::request_id")]
    pub request_id: RequestId,
}

/// The answer, the only one with a secret in it: it is shown and not kept.
#[derive(Clone, Serialize, Deserialize)]
pub struct ShownReferenceId {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub version: u32,
    /// リクエストID.
    #[serde(with = "text::request_id")]
    pub request_id: RequestId,
    /// リファレンスID.
    #[serde(with = "text::reference_id")]
    pub reference_id: ReferenceId,
    /// What the two IDs do.
    pub scope: Scope,
    /// The last second in which the same request, and the 更新申請受付票 of a renewal, show it again.
    #[serde(with = "text::instant")]
    pub shown_until: Timestamp,
}

/// What a pair of IDs does (I7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Retrieve the renewal, and stop it.
    Renewal,
    /// Stop the certificate.
    RevocationOnly,
    /// A word of a later version.
    #[serde(other)]
    Other,
}
