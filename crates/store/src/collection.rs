//! Collections, and those that were refused: their times and sources are shown to the holder (K2).

use tegata_domain::id::{AuditId, GrantId};
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

/// A file was handed out, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// The audit event of the same transaction; gives the order.
    pub audit: AuditId,
    /// The grant.
    pub grant: GrantId,
    /// When.
    pub at: Timestamp,
    /// The network address that asked.
    pub source: String,
    /// Why it was refused; `None` where the file was handed out.
    pub refused: Option<String>,
}

impl Connection {
    /// The collections of a grant, the earliest first, at most the newest 1,000.
    pub async fn collections_of(&mut self, grant: &GrantId) -> Result<Vec<Collection>, StoreError> {
        let rows = self
            .fetch_all(
                "select audit_id, grant_id, at, source, refused from collection
                where grant_id = $1 order by audit_id desc limit 1000",
                &[grant.as_str().into()],
            )
            .await?;
        rows.iter()
            .rev()
            .map(|row| row.of("collection"))
            .map(|fields| {
                Ok(Collection {
                    audit: fields.id(0, AuditId::parse)?,
                    grant: fields.id(1, GrantId::parse)?,
                    at: fields.time(2)?,
                    source: fields.text(3)?.to_owned(),
                    refused: fields.opt_text(4)?.map(str::to_owned),
                })
            })
            .collect()
    }
}

impl Tx {
    /// Adds a collection.
    pub async fn insert_collection(&mut self, collection: &Collection) -> Result<(), StoreError> {
        self.execute(
            "insert into collection (audit_id, grant_id, at, source, refused)
            values ($1, $2, $3, $4, $5)",
            &[
                collection.audit.as_str().into(),
                collection.grant.as_str().into(),
                collection.at.into(),
                collection.source.as_str().into(),
                collection.refused.as_deref().into(),
            ],
        )
        .await
        .map(drop)
    }
}
