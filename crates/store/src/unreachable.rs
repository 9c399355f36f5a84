//! The worklist of holders none of whose addresses gets mails (P-23): `unreachable_grant`, which `bounce.rs` settles.

use tegata_domain::bounce::{Attempt, Told};
use tegata_domain::id::{GrantId, OperatorId};
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::Fields;
use crate::sql::Connection;
use crate::store::Tx;

/// A grant none of whose addresses gets mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreachableRow {
    /// The grant.
    pub grant: GrantId,
    /// Its certificate's end.
    pub not_after: Timestamp,
    /// Since when the first address is marked.
    pub since: Timestamp,
    /// How often telling the holder was tried.
    pub tries: i64,
    /// The last time that it was.
    pub last: Option<Attempt>,
    /// When the holder was told.
    pub handled_at: Option<Timestamp>,
}

impl Connection {
    /// Those whose certificate ends from `now` to `until` and whose holders were not told yet, the earliest end first.
    /// Left out are certificates that are not in force, that nobody collected, and that were renewed.
    pub async fn unreachable_grants(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<UnreachableRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select u.grant_id, u.not_after, u.since, u.tries, u.tried_at, u.tried_by,
                    u.tried_how, u.note, u.handled_at
                from unreachable_grant u
                join certificate c on c.grant_id = u.grant_id and c.set_aside_at is null
                    and (c.state = 'intended' or c.state = 'issued' or c.state = 'on_hold')
                join issue_grant g on g.id = u.grant_id
                where u.handled_at is null and u.not_after >= $1 and u.not_after <= $2
                    and c.state = 'issued' and g.state in ('collected', 'seen_in_use')
                    and not exists (
                        select 1 from issue_grant n
                        where n.state <> 'voided' and n.predecessor in (
                            select s.serial from certificate s where s.grant_id = u.grant_id))
                order by u.not_after, u.grant_id limit $3",
                &[now.into(), until.into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter()
            .map(|row| unreachable(row.of("unreachable_grant")))
            .collect()
    }

    /// Where one of them stands; `None` where an address of the grant gets mails.
    pub async fn unreachable_grant(
        &mut self,
        grant: &GrantId,
    ) -> Result<Option<UnreachableRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select grant_id, not_after, since, tries, tried_at, tried_by, tried_how, note,
                    handled_at
                from unreachable_grant where grant_id = $1",
                &[grant.as_str().into()],
            )
            .await?;
        row.map(|row| unreachable(row.of("unreachable_grant")))
            .transpose()
    }
}

impl Tx {
    /// Records an attempt where `tries` came before it; `false` where another one was first.
    pub async fn record_attempt(
        &mut self,
        grant: &GrantId,
        tries: i64,
        attempt: &Attempt,
    ) -> Result<bool, StoreError> {
        let handled_at = (attempt.how != Told::NoAnswer).then_some(attempt.at);
        self.changes(
            "update unreachable_grant set tries = tries + 1, tried_at = $3, tried_by = $4,
                tried_how = $5, note = $6, handled_at = $7
            where grant_id = $1 and tries = $2",
            &[
                grant.as_str().into(),
                tries.into(),
                attempt.at.into(),
                attempt.by.as_str().into(),
                attempt.how.as_str().into(),
                attempt.note.as_str().into(),
                handled_at.into(),
            ],
        )
        .await
    }
}

fn unreachable(fields: Fields<'_>) -> Result<UnreachableRow, StoreError> {
    let last = match fields.opt_time(4)? {
        Some(at) => Some(Attempt {
            at,
            by: fields.id(5, OperatorId::parse)?,
            how: fields.word(6, Told::parse)?,
            note: fields.text(7)?.to_owned(),
        }),
        None => None,
    };
    Ok(UnreachableRow {
        grant: fields.id(0, GrantId::parse)?,
        not_after: fields.time(1)?,
        since: fields.time(2)?,
        tries: fields.int(3)?,
        last,
        handled_at: fields.opt_time(8)?,
    })
}
