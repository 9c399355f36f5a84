//! What one operator proposes and another confirms (F8).

use tegata_domain::id::{OperatorId, ProposalId};
use tegata_domain::proposal::{Proposal, ProposalState, ProposedAct};

use crate::arg::Arg;
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;

const TABLE: &str = "proposal";

impl Connection {
    /// The proposal with this id.
    pub async fn proposal(&mut self, id: &ProposalId) -> Result<Option<Proposal>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, act, detail, reason, proposed_by, proposed_at, state, ended_by, ended_at
                from proposal where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.as_ref().map(proposal).transpose()
    }

    /// Proposals that wait for a second person, the oldest first, from the one after `after`.
    pub async fn list_open_proposals(
        &mut self,
        after: Option<&ProposalId>,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, act, detail, reason, proposed_by, proposed_at, state, ended_by, ended_at
                from proposal where state = 'proposed' and id > $1 order by id limit $2",
                &[
                    after.map_or("", ProposalId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(proposal).collect()
    }

    /// Every proposal, the oldest first, from the one after `after`.
    pub async fn list_proposals(
        &mut self,
        after: Option<&ProposalId>,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, act, detail, reason, proposed_by, proposed_at, state, ended_by, ended_at
                from proposal where id > $1 order by id limit $2",
                &[
                    after.map_or("", ProposalId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(proposal).collect()
    }

    /// The newest proposals about an object, such as `grant:0123…`, the newest first.
    pub async fn proposals_of(
        &mut self,
        object: &str,
        limit: u32,
    ) -> Result<Vec<Proposal>, StoreError> {
        let rows = self
            .fetch_all(
                "select p.id, p.act, p.detail, p.reason, p.proposed_by, p.proposed_at, p.state,
                    p.ended_by, p.ended_at
                from proposal_object o join proposal p on p.id = o.proposal_id
                where o.object = $1 order by o.proposal_id desc limit $2",
                &[object.into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(proposal).collect()
    }
}

impl Tx {
    /// Adds a proposal about these objects. `Conflict` on `proposal_object_open` where the same act
    /// is proposed for one of them.
    pub async fn insert_proposal(
        &mut self,
        proposal: &Proposal,
        objects: &[String],
    ) -> Result<(), StoreError> {
        let detail = serde_json::to_string(&proposal.act.values())
            .map_err(|e| StoreError::Unavailable(format!("write a proposal's values: {e}")))?;
        let [state, ended_by, ended_at] = state_columns(proposal);
        self.execute(
            "insert into proposal (id, act, detail, reason, proposed_by, proposed_at, state,
                ended_by, ended_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                proposal.id.as_str().into(),
                proposal.act.as_str().into(),
                detail.into(),
                proposal.reason.as_str().into(),
                proposal.proposed_by.as_str().into(),
                proposal.proposed_at.into(),
                state,
                ended_by,
                ended_at,
            ],
        )
        .await?;
        for object in objects {
            self.execute(
                "insert into proposal_object (proposal_id, object, act) values ($1, $2, $3)",
                &[
                    proposal.id.as_str().into(),
                    object.as_str().into(),
                    proposal.act.as_str().into(),
                ],
            )
            .await?;
        }
        Ok(())
    }

    /// Writes how a proposal ended where it still waits; `false` where somebody was first.
    ///
    /// `Conflict` on `proposal_two_persons` where one person proposes and confirms (T40).
    pub async fn end_proposal(&mut self, ended: &Proposal) -> Result<bool, StoreError> {
        let [state, ended_by, ended_at] = state_columns(ended);
        let done = self
            .changes(
                "update proposal set state = $2, ended_by = $3, ended_at = $4
                where id = $1 and state = 'proposed'",
                &[ended.id.as_str().into(), state, ended_by, ended_at],
            )
            .await?;
        if done {
            let [_, _, ended_at] = state_columns(ended);
            self.execute(
                "update proposal_object set ended_at = $2 where proposal_id = $1",
                &[ended.id.as_str().into(), ended_at],
            )
            .await?;
        }
        Ok(done)
    }
}

/// The columns `state, ended_by, ended_at` of a proposal.
fn state_columns(proposal: &Proposal) -> [Arg<'_>; 3] {
    let (by, at) = match &proposal.state {
        ProposalState::Confirmed { by, at } | ProposalState::Refused { by, at } => {
            (Some(by), Some(*at))
        }
        ProposalState::Proposed => (None, None),
        ProposalState::Withdrawn { at } => (Some(&proposal.proposed_by), Some(*at)),
    };
    [
        proposal.state.as_str().into(),
        by.map(OperatorId::as_str).into(),
        at.into(),
    ]
}

fn proposal(row: &Row) -> Result<Proposal, StoreError> {
    let fields = row.of(TABLE);
    let values = fields.id(2, |text| serde_json::from_str(text))?;
    let act = ProposedAct::parse(fields.text(1)?, &values);
    let by = || fields.id(7, OperatorId::parse);
    let at = || fields.time(8);
    Ok(Proposal {
        id: fields.id(0, ProposalId::parse)?,
        act: act.ok_or_else(|| fields.corrupt(2))?,
        reason: fields.text(3)?.to_owned(),
        proposed_by: fields.id(4, OperatorId::parse)?,
        proposed_at: fields.time(5)?,
        state: match fields.text(6)? {
            "confirmed" => ProposalState::Confirmed {
                by: by()?,
                at: at()?,
            },
            "proposed" => ProposalState::Proposed,
            "refused" => ProposalState::Refused {
                by: by()?,
                at: at()?,
            },
            "withdrawn" => ProposalState::Withdrawn { at: at()? },
            _ => return Err(fields.corrupt(6)),
        },
    })
}
