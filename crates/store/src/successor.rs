//! The renewal that continues a certificate, as one column of whatever row is read with it.
//!
//! A column costs the driver more than its octets do, and a day's run reads this for every certificate that ends
//! (PERF11). So the database joins what is said of the renewal into one text. All of it is words and numbers of ours,
//! none with a space.

use tegata_domain::reference::RequestId;
use tegata_domain::renewal::Continuation;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::grant::StateColumns;
use crate::key;
use crate::row::Fields;

/// A renewal as notices and relying systems show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessorRow {
    /// リクエストID.
    pub request_id: RequestId,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The last second in which it can be retrieved.
    pub window_end: Timestamp,
    /// Where it stands, and whether it can be had from us.
    pub continuation: Continuation,
}

/// The column `successor`: of the renewal `s` and its key `k` the request ID, the approval, the end of the window, the
/// state's five columns and the key's place, with `-` for what is not there. Null without a renewal.
macro_rules! successor_column {
    () => {
        "s.request_id || ' ' || s.approved_at || ' ' || s.window_end || ' ' || s.state
            || ' ' || coalesce(s.serial, '-') || ' ' || coalesce(cast(s.state_at as text), '-')
            || ' ' || coalesce(s.frozen_from, '-')
            || ' ' || coalesce(cast(s.frozen_at as text), '-')
            || ' ' || coalesce(k.destroyed_because,
                case when k.serial is null then '-' else 'kept' end) as successor"
    };
}
pub(crate) use successor_column;

/// Joins the renewal `s` that continues the certificate `c`, unless it was given up, and its key `k`.
macro_rules! joined_successor {
    () => {
        " left join issue_grant s on s.id = (
                select max(n.id) from certificate o
                join issue_grant n on n.predecessor = o.serial and n.state <> 'voided'
                where o.grant_id = c.grant_id)
            left join sealed_key k on k.serial = s.serial "
    };
}
pub(crate) use joined_successor;

/// The renewal in column `index`, if there is one.
pub(crate) fn successor(
    fields: Fields<'_>,
    index: usize,
) -> Result<Option<SuccessorRow>, StoreError> {
    fields
        .opt_text(index)?
        .map(|joined| read(joined).ok_or_else(|| fields.corrupt(index)))
        .transpose()
}

/// Takes the joined text apart; `None` where it does not fit.
fn read(joined: &str) -> Option<SuccessorRow> {
    let mut words = joined.split(' ');
    let request_id = RequestId::parse(words.next()?)?;
    let accepted_at = instant(words.next()?)?;
    let window_end = instant(words.next()?)?;
    let word = words.next()?;
    let mut there = || words.next().map(|word| (word != "-").then_some(word));
    let columns = StateColumns {
        word,
        serial: there()?,
        at: opt_instant(there()?)?,
        frozen_from: there()?,
        frozen_at: opt_instant(there()?)?,
    };
    let is_fixed = columns.serial.is_some();
    let continuation = Continuation {
        state: columns.state().ok()?,
        key: key::place(is_fixed, there()?)?,
    };
    Some(SuccessorRow {
        request_id,
        accepted_at,
        window_end,
        continuation,
    })
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().map(Timestamp::from_unix)
}

/// `None` where the text is there and no instant.
fn opt_instant(text: Option<&str>) -> Option<Option<Timestamp>> {
    match text {
        None => Some(None),
        Some(text) => instant(text).map(Some),
    }
}
