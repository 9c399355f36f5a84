//! The numbers under which messages are known to the help desk (decision S4).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A message's number. A reader shows one that it does not know with the words that came along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageCode(pub u16);

impl MessageCode {
    /// 期限通知: the end comes near, or is over.
    pub const EXPIRY: Self = Self(1001);
    /// 更新期間前: it cannot be renewed yet.
    pub const BEFORE_RENEWAL: Self = Self(1002);
    /// サーバーの拒否: no certificate was presented.
    pub const CERTIFICATE_MISSING: Self = Self(2301);
    /// サーバーの拒否: the certificate is none of this authority's terminals.
    pub const CERTIFICATE_UNKNOWN: Self = Self(2302);
    /// 停止: 一時停止.
    pub const ON_HOLD: Self = Self(2303);
    /// 停止: 失効.
    pub const REVOKED: Self = Self(2304);
    /// 停止: a newer certificate took its place.
    pub const REPLACED: Self = Self(2305);
}

impl fmt::Display for MessageCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}
