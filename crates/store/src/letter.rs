//! Letters between approval and the post: which wait to be printed or posted, who released them (F8, I2).

use tegata_domain::grant::Grant;
use tegata_domain::id::{GrantId, ProposalId, ReferenceRowId};
use tegata_domain::reference::StoredReference;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::grant::{grant, reference};
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;

/// A grant with its live reference ID, whose letter is not out yet.
#[derive(Clone, Debug)]
pub struct LetterRow {
    /// The grant.
    pub grant: Grant,
    /// The row of its reference ID: the key of the listing.
    pub id: ReferenceRowId,
    /// The reference ID as it is stored.
    pub reference: StoredReference,
}

impl Connection {
    /// Letters that nobody released for printing yet, the oldest first, from the one after `after`.
    pub async fn letters_to_print(
        &mut self,
        after: Option<&ReferenceRowId>,
        limit: u32,
    ) -> Result<Vec<LetterRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select g.id, g.request_id, g.application_id, g.institution_id,
                    g.institution_name, g.class, g.code, g.prefecture, g.terminal, g.mail,
                    g.approved_at, g.not_after, g.window_end,
                    g.entered_by, g.examined_by, g.approved_by,
                    g.state, g.serial, g.state_at, g.frozen_from, g.frozen_at, g.kind, g.predecessor,
                    g.second_mail,
                    r.id, r.hmac, r.pepper, r.salt, r.scope, r.created_at, r.posted_at, r.release_id
                from reference_id r join issue_grant g on g.id = r.grant_id
                where r.ended_at is null and r.posted_at is null and r.release_id is null
                    and g.state not in ('frozen', 'voided') and r.id > $1
                order by r.id limit $2",
                &[
                    after.map_or("", ReferenceRowId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(letter).collect()
    }

    /// Letters that are released and not posted yet, the oldest first, from the one after `after`.
    pub async fn letters_to_post(
        &mut self,
        after: Option<&ReferenceRowId>,
        limit: u32,
    ) -> Result<Vec<LetterRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select g.id, g.request_id, g.application_id, g.institution_id,
                    g.institution_name, g.class, g.code, g.prefecture, g.terminal, g.mail,
                    g.approved_at, g.not_after, g.window_end,
                    g.entered_by, g.examined_by, g.approved_by,
                    g.state, g.serial, g.state_at, g.frozen_from, g.frozen_at, g.kind, g.predecessor,
                    g.second_mail,
                    r.id, r.hmac, r.pepper, r.salt, r.scope, r.created_at, r.posted_at, r.release_id
                from reference_id r join issue_grant g on g.id = r.grant_id
                where r.ended_at is null and r.posted_at is null and r.release_id is not null
                    and g.state not in ('frozen', 'voided') and r.id > $1
                order by r.id limit $2",
                &[
                    after.map_or("", ReferenceRowId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(letter).collect()
    }

    /// The letters that a proposal released and that are not posted yet, the oldest first.
    pub async fn letters_released_by(
        &mut self,
        proposal: &ProposalId,
    ) -> Result<Vec<LetterRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select g.id, g.request_id, g.application_id, g.institution_id,
                    g.institution_name, g.class, g.code, g.prefecture, g.terminal, g.mail,
                    g.approved_at, g.not_after, g.window_end,
                    g.entered_by, g.examined_by, g.approved_by,
                    g.state, g.serial, g.state_at, g.frozen_from, g.frozen_at, g.kind, g.predecessor,
                    g.second_mail,
                    r.id, r.hmac, r.pepper, r.salt, r.scope, r.created_at, r.posted_at, r.release_id
                from reference_id r join issue_grant g on g.id = r.grant_id
                where r.release_id = $1 and r.ended_at is null and r.posted_at is null
                    and g.state not in ('frozen', 'voided')
                order by r.id",
                &[proposal.as_str().into()],
            )
            .await?;
        rows.iter().map(letter).collect()
    }

    /// How many reference IDs of the grant were out in a letter before the live one.
    pub async fn earlier_letters_of(&mut self, grant: &GrantId) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(count(*) as bigint) from reference_id
                where grant_id = $1 and posted_at is not null and ended_at is not null
                    and release_id is not null",
                &[grant.as_str().into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("reference_id").int(0))
    }
}

impl Tx {
    /// Records by which proposal the grant's letter was released; `false` where no letter waits.
    pub async fn release_letter(
        &mut self,
        grant: &GrantId,
        proposal: &ProposalId,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update reference_id set release_id = $2
            where grant_id = $1 and ended_at is null and posted_at is null",
            &[grant.as_str().into(), proposal.as_str().into()],
        )
        .await
    }

    /// Records that the grant's released letter is out; `false` where none waits for that.
    pub async fn post_reference(
        &mut self,
        grant: &GrantId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update reference_id set posted_at = $2
            where grant_id = $1 and ended_at is null and posted_at is null
                and release_id is not null",
            &[grant.as_str().into(), at.into()],
        )
        .await
    }
}

fn letter(row: &Row) -> Result<LetterRow, StoreError> {
    let Some((id, reference)) = reference(row)? else {
        return Err(row.of("reference_id").corrupt(0));
    };
    Ok(LetterRow {
        grant: grant(row)?,
        id,
        reference,
    })
}
