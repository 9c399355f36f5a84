//! What only a terminal says about its certificate (S4, `screens.md` text 2).

use tegata_domain::time::Timestamp;

use super::date;
use super::relying::{LeadsTo, Worded};

/// 1002 更新期間前.
pub(crate) fn before_renewal(opens: Timestamp) -> Worded {
    let opens = date(opens);
    Worded {
        heading: format!("更新の手続きは、{opens}から行えます"),
        text: format!("電子証明書の更新は、{opens}から行えます。"),
        link: LeadsTo::Renewal,
        link_text: "電子証明書の状態を確認する",
    }
}
