//! Sessions of the console: who is logged in (F8, T41). Roles are read anew with each look.

use tegata_domain::id::OperatorId;
use tegata_domain::operator::Operator;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::operator::operators;
use crate::sql::Connection;
use crate::store::Tx;

/// A session with its operator as he is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Who.
    pub operator: Operator,
    /// When he logged in.
    pub created_at: Timestamp,
    /// When a request of his was last noted.
    pub seen_at: Timestamp,
    /// When he last typed a one-time code.
    pub stepped_up_at: Timestamp,
}

impl Connection {
    /// The session with this digest, with the operator's roles of now.
    pub async fn session(&mut self, digest: &[u8]) -> Result<Option<SessionRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select o.id, o.name, o.disabled_at, r.role,
                    s.created_at, s.seen_at, s.stepped_up_at
                from session s join operator o on o.id = s.operator_id
                left join operator_role r on r.operator_id = o.id
                where s.digest = $1",
                &[digest.into()],
            )
            .await?;
        let (Some(operator), Some(row)) = (operators(&rows)?.pop(), rows.first()) else {
            return Ok(None);
        };
        let fields = row.of("session");
        Ok(Some(SessionRow {
            operator,
            created_at: fields.time(4)?,
            seen_at: fields.time(5)?,
            stepped_up_at: fields.time(6)?,
        }))
    }
}

impl Tx {
    /// Begins a session.
    pub async fn insert_session(
        &mut self,
        digest: &[u8],
        operator: &OperatorId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into session (digest, operator_id, created_at, seen_at, stepped_up_at)
            values ($1, $2, $3, $3, $3)",
            &[digest.into(), operator.as_str().into(), at.into()],
        )
        .await
        .map(drop)
    }

    /// Notes that a request came; never an earlier instant than is noted.
    pub async fn touch_session(
        &mut self,
        digest: &[u8],
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update session set seen_at = $2 where digest = $1 and seen_at < $2",
            &[digest.into(), at.into()],
        )
        .await
    }

    /// Notes that a fresh one-time code was typed; `false` where the session is over.
    pub async fn step_up_session(
        &mut self,
        digest: &[u8],
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update session set stepped_up_at = $2 where digest = $1",
            &[digest.into(), at.into()],
        )
        .await
    }

    /// Ends a session; `false` where there is none.
    pub async fn delete_session(&mut self, digest: &[u8]) -> Result<bool, StoreError> {
        self.changes("delete from session where digest = $1", &[digest.into()])
            .await
    }

    /// Ends every session of an operator.
    pub async fn delete_sessions_of(&mut self, operator: &OperatorId) -> Result<u64, StoreError> {
        self.execute(
            "delete from session where operator_id = $1",
            &[operator.as_str().into()],
        )
        .await
    }

    /// Forgets sessions that began before `before`.
    pub async fn delete_sessions_before(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.execute(
            "delete from session where created_at < $1",
            &[before.into()],
        )
        .await
    }
}
