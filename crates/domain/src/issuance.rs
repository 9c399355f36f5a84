//! 証明書ステータス: how far the making of one certificate is (manual 3.2.1, decision F5).

use crate::time::Timestamp;

/// Where a request for a certificate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestStatus {
    /// The file was handed out.
    Collected,
    /// 鍵生成中.
    GeneratingKey,
    /// Approved or accepted; nothing was made yet.
    Granted,
    /// 発行要求中: the serial number is allocated and the intended TBSCertificate stored.
    IssueRequested,
    /// 発行済み.
    Issued,
    /// The certificate was seen in use.
    SeenInUse,
    /// The intent was given up; its serial number is listed as revoked.
    Void {
        /// When.
        at: Timestamp,
    },
}

/// A step of making a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestMove {
    /// The file was handed out.
    Collect,
    /// The certificate is stored.
    Issue,
    /// The key is being made.
    MakeKey,
    /// The intent is stored.
    RequestIssue,
    /// The certificate was seen.
    See,
    /// Give the intent up.
    Void,
}

/// The status does not have this move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request in this status cannot make this move")]
pub struct RequestRefusal;

impl RequestStatus {
    /// The status after `step`, or a refusal.
    ///
    /// `MakeKey` may be repeated: until the intent is stored nothing of a key outlives a crash
    /// (F5).
    pub fn apply(self, step: RequestMove, at: Timestamp) -> Result<Self, RequestRefusal> {
        use RequestMove as M;
        match (self, step) {
            (Self::Granted | Self::GeneratingKey, M::MakeKey) => Ok(Self::GeneratingKey),
            (Self::Granted | Self::GeneratingKey, M::RequestIssue) => Ok(Self::IssueRequested),
            (Self::IssueRequested, M::Issue) => Ok(Self::Issued),
            (Self::IssueRequested, M::Void) => Ok(Self::Void { at }),
            (Self::Issued | Self::Collected, M::Collect) => Ok(Self::Collected),
            (Self::Issued | Self::Collected | Self::SeenInUse, M::See) => Ok(Self::SeenInUse),
            (Self::SeenInUse, M::Collect) => Ok(Self::SeenInUse),
            _ => Err(RequestRefusal),
        }
    }
}
