//! How a certificate of this terminal stands, as its list shows it.

use tegata_domain::time::Timestamp;
use tegata_protocol::{Renewal, Status};

use crate::known::Remembered;
use crate::settings::NoticeSettings;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In force; renewal opens at this instant.
    Early {
        /// 00:00 in Japan of the first day.
        opens: Timestamp,
    },
    /// Its last second is over.
    Expired,
    /// 一時停止, as the server last said.
    OnHold,
    /// It can be renewed.
    Open {
        /// Days of Japan to its last day.
        days_left: i64,
    },
    /// Its renewal was begun at this terminal.
    Pending,
    /// A newer one took its place.
    Replaced,
    /// 失効, as the server last said.
    Revoked,
    /// It is new and works, and its backup waits.
    WaitsForBackup,
}

impl Standing {
    /// From what is remembered and the dates alone; procedures are looked at elsewhere.
    pub(crate) fn of(
        not_after: Timestamp,
        remembered: &Remembered,
        rules: &NoticeSettings,
        now: Timestamp,
    ) -> Self {
        match remembered.status {
            Some(Status::Revoked) => return Self::Revoked,
            Some(Status::Superseded) => return Self::Replaced,
            Some(Status::OnHold) => return Self::OnHold,
            Some(Status::Expired | Status::Good | Status::Other) | None => {}
        }
        if is_replaced(remembered) {
            return Self::Replaced;
        }
        if now > not_after {
            return Self::Expired;
        }
        let opens = opens(not_after, rules);
        if now < opens {
            Self::Early { opens }
        } else {
            Self::Open {
                days_left: now.japan_date().days_until(not_after.japan_date()),
            }
        }
    }

    /// Whether 「証明書更新」 does something with it.
    pub(crate) const fn can_renew(self) -> bool {
        matches!(
            self,
            Self::Open { .. } | Self::Pending | Self::WaitsForBackup
        )
    }
}

/// The first instant at which it can be renewed (D1).
pub(crate) fn opens(not_after: Timestamp, rules: &NoticeSettings) -> Timestamp {
    not_after
        .japan_date()
        .plus_days(-rules.renewal_days)
        .start()
}

/// Whether a newer one is in use, here or as the server said.
pub(crate) fn is_replaced(remembered: &Remembered) -> bool {
    remembered.replaced_by.is_some() || remembered.renewal == Some(Renewal::InUse)
}
