//! Procedures in progress: each step is compare-and-set on the version (F1).

use tegata_domain::flow::{Flow, FlowKind, FlowStep};
use tegata_domain::id::{Fingerprint, FlowId, GrantId};
use tegata_domain::time::Timestamp;

use crate::certificate::digest;
use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// The procedure with this id, expired or not.
    pub async fn flow(&mut self, id: &FlowId) -> Result<Option<Flow>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, kind, grant_id, step, version, answered, entered, created_at,
                    expires_at, fingerprint
                from flow where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("flow");
            let answered = match fields.opt_bytes(5)? {
                Some(octets) => Some(digest(octets).ok_or_else(|| fields.corrupt(5))?),
                None => None,
            };
            Ok(Flow {
                id: fields.id(0, FlowId::parse)?,
                kind: fields.word(1, FlowKind::parse)?,
                grant: fields.id(2, GrantId::parse)?,
                fingerprint: match fields.opt_bytes(9)? {
                    Some(octets) => Some(Fingerprint(
                        digest(octets).ok_or_else(|| fields.corrupt(9))?,
                    )),
                    None => None,
                },
                step: fields.word(3, FlowStep::parse)?,
                version: fields.int(4)?,
                answered,
                entered: fields.text(6)?.to_owned(),
                created_at: fields.time(7)?,
                expires_at: fields.time(8)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Adds a procedure.
    pub async fn insert_flow(&mut self, flow: &Flow) -> Result<(), StoreError> {
        self.execute(
            "insert into flow (id, kind, grant_id, step, version, answered, entered, created_at,
                expires_at, fingerprint)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            &[
                flow.id.as_str().into(),
                flow.kind.as_str().into(),
                flow.grant.as_str().into(),
                flow.step.as_str().into(),
                flow.version.into(),
                flow.answered.as_ref().map(<[u8; 32]>::as_slice).into(),
                flow.entered.as_str().into(),
                flow.created_at.into(),
                flow.expires_at.into(),
                flow.fingerprint.as_ref().map(|f| f.0.as_slice()).into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Takes the next step where the procedure still stands at `from_version`; its version becomes
    /// one more. `false` where another POST was first.
    ///
    /// `answered` is the digest of the POST that leads on, `entered` all that was entered so far.
    pub async fn move_flow(
        &mut self,
        id: &FlowId,
        from_version: i64,
        step: FlowStep,
        entered: &str,
        answered: &[u8; 32],
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update flow set step = $3, version = version + 1, entered = $4, answered = $5,
                expires_at = $6
            where id = $1 and version = $2",
            &[
                id.as_str().into(),
                from_version.into(),
                step.as_str().into(),
                entered.into(),
                answered.as_slice().into(),
                expires_at.into(),
            ],
        )
        .await
    }

    /// Deletes procedures that ended before `before`; returns how many.
    pub async fn delete_flows_before(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.execute("delete from flow where expires_at < $1", &[before.into()])
            .await
    }

    /// Ends every procedure of a grant that was begun with its two IDs; those of its certificate go on.
    pub async fn delete_id_flows_of(&mut self, grant: &GrantId) -> Result<u64, StoreError> {
        self.execute(
            "delete from flow where grant_id = $1 and fingerprint is null",
            &[grant.as_str().into()],
        )
        .await
    }

    /// Ends every procedure of a grant: whoever began one with an ID that died goes no further (I2).
    pub async fn delete_flows_of(&mut self, grant: &GrantId) -> Result<u64, StoreError> {
        self.execute(
            "delete from flow where grant_id = $1",
            &[grant.as_str().into()],
        )
        .await
    }
}
