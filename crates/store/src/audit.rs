//! Audit events, written in the transaction of the change (S5).

use tegata_domain::audit::AuditEvent;
use tegata_domain::id::AuditId;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;

/// An event as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Timestamp,
    /// Who acted: `operator:…`, `relying:…`, `subscriber:…` or `system`.
    pub actor: String,
    /// What was done, such as `certificate.hold`.
    pub action: String,
    /// What it was done to, such as `grant:0123…`.
    pub object: String,
    /// Further facts.
    pub detail: String,
}

/// Which events are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFilter<'a> {
    /// All.
    Everything,
    /// Of an actor: `operator:…`, `relying:…`, `subscriber:…` or `system`.
    Actor(&'a str),
    /// About an object, such as `grant:0123…`.
    Object(&'a str),
}

impl Connection {
    /// Events about one object, the earliest id first, from the one after `after`.
    pub async fn audit_of(
        &mut self,
        object: &str,
        after: Option<&AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, actor, action, object, detail from audit
                where object = $1 and id > $2 order by id limit $3",
                &[
                    object.into(),
                    after.map_or("", AuditId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(event).collect()
    }

    /// The newest events about one object, the newest id first.
    pub async fn newest_audit_of(
        &mut self,
        object: &str,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, actor, action, object, detail from audit
                where object = $1 order by id desc limit $2",
                &[object.into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(event).collect()
    }

    /// Events of everybody, or of one actor, or about one object: the newest id first, from the one before
    /// `before`.
    pub async fn audit_before(
        &mut self,
        of: AuditFilter<'_>,
        before: Option<&AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let (sql, filter) = match of {
            AuditFilter::Everything => (
                "select id, at, actor, action, object, detail from audit
                where id < $1 and '' = $3 order by id desc limit $2",
                "",
            ),
            AuditFilter::Actor(actor) => (
                "select id, at, actor, action, object, detail from audit
                where id < $1 and actor = $3 order by id desc limit $2",
                actor,
            ),
            AuditFilter::Object(object) => (
                "select id, at, actor, action, object, detail from audit
                where id < $1 and object = $3 order by id desc limit $2",
                object,
            ),
        };
        let before = before.map_or(crate::console::LAST, AuditId::as_str);
        let rows = self
            .fetch_all(
                sql,
                &[before.into(), i64::from(limit).into(), filter.into()],
            )
            .await?;
        rows.iter().map(event).collect()
    }

    /// Every event, the earliest id first, from the one after `after`.
    pub async fn list_audit(
        &mut self,
        after: Option<&AuditId>,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, actor, action, object, detail from audit
                where id > $1 order by id limit $2",
                &[
                    after.map_or("", AuditId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(event).collect()
    }
}

impl Tx {
    /// Adds an event.
    pub async fn insert_audit(&mut self, event: &AuditEvent) -> Result<(), StoreError> {
        self.execute(
            "insert into audit (id, at, actor, action, object, detail)
            values ($1, $2, $3, $4, $5, $6)",
            &[
                event.id.as_str().into(),
                event.at.into(),
                event.actor.as_text().into(),
                event.action.into(),
                event.object.as_str().into(),
                event.detail.as_str().into(),
            ],
        )
        .await
        .map(drop)
    }
}

fn event(row: &Row) -> Result<AuditRow, StoreError> {
    let fields = row.of("audit");
    Ok(AuditRow {
        id: fields.id(0, AuditId::parse)?,
        at: fields.time(1)?,
        actor: fields.text(2)?.to_owned(),
        action: fields.text(3)?.to_owned(),
        object: fields.text(4)?.to_owned(),
        detail: fields.text(5)?.to_owned(),
    })
}
