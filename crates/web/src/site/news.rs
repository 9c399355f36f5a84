//! お知らせ as everybody reads them, on the entrance page and in the console's preview.

use tegata_domain::announcement::Notice;

use crate::messages;

/// An announcement on a page.
pub(crate) struct Piece {
    pub(crate) kind: &'static str,
    pub(crate) title: String,
    pub(crate) body: String,
    /// The first day on which it stands there.
    pub(crate) day: String,
    /// When the service is not as usual.
    pub(crate) affects: Option<String>,
}

/// A notice as it stands on a page.
pub(crate) fn piece(notice: &Notice) -> Piece {
    Piece {
        kind: messages::announcement_kind(notice.kind),
        title: notice.title.clone(),
        body: notice.body.clone(),
        day: messages::day(notice.shown.from),
        affects: notice.affects.map(messages::days),
    }
}
