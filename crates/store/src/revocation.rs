//! Requests to revoke and how two operators end them (F4).

use tegata_domain::id::{GrantId, OperatorId, RevocationId, SerialNumber};
use tegata_domain::institution::MailAddress;
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState, StatedReason};
use tegata_domain::time::Timestamp;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::row::{Fields, Row};
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// The request that waits for its end, if the grant has one.
    pub async fn open_revocation_of(
        &mut self,
        grant: &GrantId,
    ) -> Result<Option<RevocationRequest>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, number, grant_id, serial, mail, reason, submitted_at, source,
                    state, outcome, proposed_by, proposed_at, confirmed_by, ended_at, note, held_at
                from revocation_request
                where grant_id = $1 and state in ('submitted', 'proposed')",
                &[grant.as_str().into()],
            )
            .await?;
        row.as_ref().map(revocation).transpose()
    }

    /// The grant's newest request, ended or not.
    pub async fn latest_revocation_of(
        &mut self,
        grant: &GrantId,
    ) -> Result<Option<RevocationRequest>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, number, grant_id, serial, mail, reason, submitted_at, source,
                    state, outcome, proposed_by, proposed_at, confirmed_by, ended_at, note, held_at
                from revocation_request where grant_id = $1
                order by case when state = 'ended' then 1 else 0 end, submitted_at desc, id desc
                limit 1",
                &[grant.as_str().into()],
            )
            .await?;
        row.as_ref().map(revocation).transpose()
    }

    /// The request with this 失効申請番号.
    pub async fn revocation_by_number(
        &mut self,
        number: &str,
    ) -> Result<Option<RevocationRequest>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, number, grant_id, serial, mail, reason, submitted_at, source,
                    state, outcome, proposed_by, proposed_at, confirmed_by, ended_at, note, held_at
                from revocation_request where number = $1",
                &[number.into()],
            )
            .await?;
        row.as_ref().map(revocation).transpose()
    }

    /// Requests that wait for their end, the oldest id first, from the one after `after`.
    pub async fn list_open_revocations(
        &mut self,
        after: Option<&RevocationId>,
        limit: u32,
    ) -> Result<Vec<RevocationRequest>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, number, grant_id, serial, mail, reason, submitted_at, source,
                    state, outcome, proposed_by, proposed_at, confirmed_by, ended_at, note, held_at
                from revocation_request where state in ('submitted', 'proposed') and id > $1
                order by id limit $2",
                &[
                    after.map_or("", RevocationId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(revocation).collect()
    }

    /// How many requests of holders stopped something at `since` or later (F4).
    pub async fn count_holds_since(&mut self, since: Timestamp) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(count(*) as bigint) from revocation_request
                where held_at >= $1 and source <> 'operator'",
                &[since.into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("revocation_request").int(0))
    }
}

impl Tx {
    /// Adds a request; `Conflict` on `revocation_request_open` where the grant has an open one.
    pub async fn insert_revocation_request(
        &mut self,
        request: &RevocationRequest,
    ) -> Result<(), StoreError> {
        let [
            state,
            outcome,
            proposed_by,
            proposed_at,
            confirmed_by,
            ended_at,
            note,
        ] = state_columns(None, &request.state);
        self.execute(
            "insert into revocation_request (id, number, grant_id, serial, mail, reason,
                submitted_at, source,
                state, outcome, proposed_by, proposed_at, confirmed_by, ended_at, note, held_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            &[
                request.id.as_str().into(),
                request.number.as_str().into(),
                request.grant.as_str().into(),
                request.serial.map(|serial| serial.to_string()).into(),
                request.mail.as_str().into(),
                request.reason.as_str().into(),
                request.submitted_at.into(),
                request.source.as_str().into(),
                state,
                outcome,
                proposed_by,
                proposed_at,
                confirmed_by,
                ended_at,
                note,
                request.held_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Records the hold of a request that waited for it; `false` where it does not wait any more.
    pub async fn hold_queued_request(
        &mut self,
        id: &RevocationId,
        serial: Option<&SerialNumber>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update revocation_request set held_at = $2, serial = $3
            where id = $1 and held_at is null and state in ('submitted', 'proposed')",
            &[
                id.as_str().into(),
                at.into(),
                serial.map(ToString::to_string).into(),
            ],
        )
        .await
    }

    /// Writes the state `to` where the request still stands exactly as it was read, its hold included; `false` where it
    /// does not.
    ///
    /// `Conflict` on `revocation_request_two_persons` where one person proposes and confirms.
    pub async fn move_revocation(
        &mut self,
        read: &RevocationRequest,
        to: &RevocationState,
    ) -> Result<bool, StoreError> {
        let [
            state,
            outcome,
            proposed_by,
            proposed_at,
            confirmed_by,
            ended_at,
            note,
        ] = state_columns(Some(&read.state), to);
        let [was, was_outcome, was_proposed_by, ..] = state_columns(None, &read.state);
        self.changes(
            "update revocation_request set state = $2, outcome = $3, proposed_by = $4,
                proposed_at = $5, confirmed_by = $6, ended_at = $7, note = $8
            where id = $1 and state = $9 and outcome is not distinct from $10
                and proposed_by is not distinct from $11
                and held_at is not distinct from $12 and serial is not distinct from $13",
            &[
                read.id.as_str().into(),
                state,
                outcome,
                proposed_by,
                proposed_at,
                confirmed_by,
                ended_at,
                note,
                was,
                was_outcome,
                was_proposed_by,
                read.held_at.into(),
                read.serial.map(|serial| serial.to_string()).into(),
            ],
        )
        .await
    }
}

/// The columns `state, outcome, proposed_by, proposed_at, confirmed_by, ended_at, note` of a state;
/// when it was proposed stays known after the end.
fn state_columns<'a>(
    before: Option<&'a RevocationState>,
    state: &'a RevocationState,
) -> [Arg<'a>; 7] {
    let (outcome, proposed_by, proposed_at, confirmed_by, ended_at, note) = match state {
        RevocationState::Ended {
            outcome,
            proposed_by,
            confirmed_by,
            at,
            note,
        } => {
            let proposed_at = match before {
                Some(RevocationState::Proposed { at, .. }) => Some(*at),
                _ => None,
            };
            let ended = (Some(confirmed_by), Some(*at));
            let note = Some(note.as_str());
            (
                Some(outcome),
                Some(proposed_by),
                proposed_at,
                ended.0,
                ended.1,
                note,
            )
        }
        RevocationState::Proposed {
            outcome,
            by,
            at,
            note,
        } => {
            let note = Some(note.as_str());
            (Some(outcome), Some(by), Some(*at), None, None, note)
        }
        RevocationState::EndedByHolder { at } => {
            (Some(&Outcome::Complete), None, None, None, Some(*at), None)
        }
        RevocationState::Submitted => (None, None, None, None, None, None),
    };
    [
        state.as_str().into(),
        outcome.map(|outcome| outcome.as_str()).into(),
        proposed_by.map(OperatorId::as_str).into(),
        proposed_at.into(),
        confirmed_by.map(OperatorId::as_str).into(),
        ended_at.into(),
        note.into(),
    ]
}

fn revocation(row: &Row) -> Result<RevocationRequest, StoreError> {
    let fields = row.of("revocation_request");
    Ok(RevocationRequest {
        id: fields.id(0, RevocationId::parse)?,
        number: fields.text(1)?.to_owned(),
        grant: fields.id(2, GrantId::parse)?,
        serial: fields.opt_id(3, SerialNumber::parse)?,
        mail: fields.word(4, MailAddress::parse)?,
        reason: fields.word(5, StatedReason::parse)?,
        submitted_at: fields.time(6)?,
        held_at: fields.opt_time(15)?,
        source: fields.text(7)?.to_owned(),
        state: state(fields)?,
    })
}

fn state(fields: Fields<'_>) -> Result<RevocationState, StoreError> {
    Ok(match fields.text(8)? {
        "ended" => RevocationState::Ended {
            outcome: fields.word(9, Outcome::parse)?,
            proposed_by: fields.id(10, OperatorId::parse)?,
            confirmed_by: fields.id(12, OperatorId::parse)?,
            at: fields.time(13)?,
            note: fields.text(14)?.to_owned(),
        },
        "proposed" => RevocationState::Proposed {
            outcome: fields.word(9, Outcome::parse)?,
            by: fields.id(10, OperatorId::parse)?,
            at: fields.time(11)?,
            note: fields.text(14)?.to_owned(),
        },
        "ended_by_holder" => RevocationState::EndedByHolder {
            at: fields.time(13)?,
        },
        "submitted" => RevocationState::Submitted,
        _ => return Err(fields.corrupt(8)),
    })
}
