//! `GET /api/client/v1/certificates`: the certificates of this terminal with their IDs (P-06, R-098).

use serde::{Deserialize, Serialize};
use tegata_domain::id::{Fingerprint, SerialNumber};
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;

use crate::notices::{Renewal, Status};
use crate::text;

/// The answer: what this terminal was given one after another, the oldest first. A certificate that is stopped sees
/// itself alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub version: u32,
    /// The certificates.
    pub certificates: Vec<Certificate>,
}

/// A certificate of the terminal, or a renewal that has none yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// リクエストID. Two certificates have the same where one was given for another key.
    #[serde(with = "text::request_id")]
    pub request_id: RequestId,
    /// What it is to the certificate that asks.
    pub relation: Relation,
    /// 医療機関コード.
    pub institution_code: String,
    /// 端末名称等.
    pub terminal: String,
    /// 証明書ステータス.
    pub request_status: RequestStatus,
    /// 証明書更新申請日時, or when the first one was approved.
    #[serde(with = "text::instant")]
    pub accepted_at: Timestamp,
    /// 有効期限: its last second.
    #[serde(with = "text::instant")]
    pub not_after: Timestamp,
    /// Where it stands on its way to a newer one; null where it is none in force.
    #[serde(default)]
    pub renewal: Option<Renewal>,
    /// The first instant at which it can be renewed.
    #[serde(with = "text::instant")]
    pub renewal_opens: Timestamp,
    /// Whether [`certificate_path`](crate::certificate_path) gives it to the one that asks: a renewal's answer that
    /// was lost is had there. It needs `issued`.
    pub can_be_fetched: bool,
    /// The last second in which a renewal is handed out; null of others.
    #[serde(default, with = "text::maybe_instant")]
    pub retrieve_until: Option<Timestamp>,
    /// The last second in which [`receipt_path`](crate::receipt_path) gives its 更新申請受付票; null where it does not.
    #[serde(default, with = "text::maybe_instant")]
    pub receipt_until: Option<Timestamp>,
    /// The certificate itself; null before it is made.
    #[serde(default)]
    pub issued: Option<Issued>,
}

/// What stands in a certificate, and whether it can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Its serial number.
    #[serde(with = "text::serial")]
    pub serial: SerialNumber,
    /// SHA-256 of its DER.
    #[serde(with = "text::fingerprint")]
    pub fingerprint: Fingerprint,
    /// SHA-256 of its SubjectPublicKeyInfo: whether a key that the terminal keeps is this one's.
    #[serde(with = "text::fingerprint")]
    pub public_key: Fingerprint,
    /// 発行先, for people.
    pub subject: String,
    /// 発行者, for people.
    pub issuer: String,
    /// Its first second.
    #[serde(with = "text::instant")]
    pub not_before: Timestamp,
    /// Its last second.
    #[serde(with = "text::instant")]
    pub not_after: Timestamp,
    /// Whether it can be used.
    pub status: Status,
    /// Since when not, where that was somebody's act.
    #[serde(default, with = "text::maybe_instant")]
    pub since: Option<Timestamp>,
}

/// What a certificate is to the one that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The one that asks, or one before it, continues it.
    Predecessor,
    /// It is the one that asks.
    Presented,
    /// It continues the one that asks, or took its place under the same リクエストID.
    Successor,
    /// A word of a later version.
    #[serde(other)]
    Other,
}

/// 証明書ステータス: how far the making of a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStatus {
    /// It was handed out.
    Collected,
    /// 鍵生成中.
    GeneratingKey,
    /// It was seen in use.
    InUse,
    /// 発行要求中.
    IssueRequested,
    /// 発行済み.
    Issued,
    /// It was given up.
    Void,
    /// A word of a later version.
    #[serde(other)]
    Other,
}

/// The answer of `POST /api/client/v1/in-use`: the presented certificate counts as installed and working (K3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InUse {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub version: u32,
    /// SHA-256 of the certificate.
    #[serde(with = "text::fingerprint")]
    pub certificate: Fingerprint,
    /// リクエストID.
    #[serde(with = "text::request_id")]
    pub request_id: RequestId,
    /// When it was first seen in use; a repeated report changes nothing. Null of one whose request has a newer key.
    #[serde(default, with = "text::maybe_instant")]
    pub seen_at: Option<Timestamp>,
}
