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
    /// サーバーの拒否: the presented certificate has expired, and this is not done by an expired one.
    pub const EXPIRED: Self = Self(2306);
    /// サーバーの拒否: a value of the form cannot be taken; the text says which.
    pub const INPUT: Self = Self(2307);
    /// サーバーの拒否: whether the newer certificate is stopped too was not answered.
    pub const SUCCESSOR_UNANSWERED: Self = Self(2308);
    /// サーバーの拒否: the 確認番号 is wrong, or not taken any more.
    pub const CODE_WRONG: Self = Self(2309);
    /// サーバーの拒否: another 確認番号, or another リファレンスID, may not be had yet.
    pub const TOO_SOON: Self = Self(2310);
    /// サーバーの拒否: too many wrong attempts from this network.
    pub const THROTTLED: Self = Self(2311);
    /// サーバーの拒否: this terminal has no such certificate or procedure, whoever else may have one.
    pub const NOT_FOUND: Self = Self(2312);
    /// サーバーの拒否: the procedure is over, or moved on elsewhere.
    pub const PROCEDURE_ENDED: Self = Self(2313);
    /// サーバーの拒否: collecting was stopped by its holder.
    pub const FROZEN: Self = Self(2314);
    /// サーバーの拒否: the リファレンスID is not shown any more; ask for a new one.
    pub const SHOWN_NO_MORE: Self = Self(2315);
    /// サーバーの拒否: the newer certificate is not made yet, or its time is over.
    pub const NOT_TO_FETCH: Self = Self(2316);
    /// サーバーの拒否: no such pair of リクエストID and リファレンスID.
    pub const IDS_WRONG: Self = Self(2320);
    /// サーバーの拒否: a 確認番号 was mailed and is asked for.
    pub const CODE_NEEDED: Self = Self(2321);
    /// サーバーの拒否: the letter's certificate was collected with another key.
    pub const KEY_FIXED: Self = Self(2322);
    /// サーバーの拒否: the terminal's key or request cannot be taken.
    pub const KEY_REFUSED: Self = Self(2323);
    /// サーバーの拒否: the certificate was renewed before, and the newer one is in use.
    pub const RENEWED_BEFORE: Self = Self(2324);
    /// サーバーの拒否: it cannot go on from the terminal; call the help desk.
    pub const CALL: Self = Self(2325);
    /// サーバーの拒否: the service is not available now.
    pub const UNAVAILABLE: Self = Self(2390);
    /// サーバーの拒否: something is wrong at the server; `incident` names it.
    pub const FAULT: Self = Self(2391);
    /// サーバーの拒否: the server does not understand the request; this client may be too old.
    pub const NOT_UNDERSTOOD: Self = Self(2392);
}

impl fmt::Display for MessageCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}
