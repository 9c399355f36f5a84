//! Which revocation lists are to be made, and the last one of each (W4).
//!
//! A list is called `all`, or by the number of its shard.

use tegata_domain::id::CaKeyId;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

/// A list that is to be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePublication {
    /// The key that signs it.
    pub ca_key: CaKeyId,
    /// `all`, or the shard's number.
    pub list: String,
    /// Changes asked for so far; goes back into [`FinishedList::wanted`].
    pub wanted: i64,
    /// Changes that the last list contains.
    pub made: i64,
    /// cRLNumber of the last list; 0 before the first.
    pub number: i64,
    /// thisUpdate of the last list; 0 before the first.
    pub this_update: Timestamp,
}

/// A list that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedList {
    /// The key that signed it.
    pub ca_key: CaKeyId,
    /// `all`, or the shard's number.
    pub list: String,
    /// [`DuePublication::wanted`] as it stood before the entries were read.
    pub wanted: i64,
    /// cRLNumber.
    pub number: i64,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
    /// When the list is to be made again without a change.
    pub due_at: Timestamp,
    /// The signed list, DER.
    pub der: Vec<u8>,
}

/// The last list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// cRLNumber.
    pub number: i64,
    /// thisUpdate.
    pub this_update: Timestamp,
    /// nextUpdate.
    pub next_update: Timestamp,
    /// The signed list, DER.
    pub der: Vec<u8>,
}

impl Connection {
    /// Lists whose time has come, the longest overdue first.
    pub async fn due_publications(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<DuePublication>, StoreError> {
        let rows = self
            .fetch_all(
                "select ca_key_id, list, wanted, made, number, this_update
                from publication where due_at <= $1 order by due_at, ca_key_id, list limit $2",
                &[now.into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter()
            .map(|row| row.of("publication"))
            .map(|fields| {
                Ok(DuePublication {
                    ca_key: fields.id(0, CaKeyId::parse)?,
                    list: fields.text(1)?.to_owned(),
                    wanted: fields.int(2)?,
                    made: fields.int(3)?,
                    number: fields.int(4)?,
                    this_update: fields.time(5)?,
                })
            })
            .collect()
    }

    /// How many changes of status were committed so far, by any process: a number that only rises.
    pub async fn status_changes(&mut self) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(coalesce(sum(wanted), 0) as bigint) from publication
                where list = $1",
                &["all".into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("publication").int(0))
    }

    /// The cRLNumber of the last list that was made, without reading the list.
    pub async fn revocation_list_number(
        &mut self,
        ca_key: &CaKeyId,
        list: &str,
    ) -> Result<Option<i64>, StoreError> {
        let row = self
            .fetch_optional(
                "select number from revocation_list where ca_key_id = $1 and list = $2",
                &[ca_key.as_str().into(), list.into()],
            )
            .await?;
        row.map(|row| row.of("revocation_list").int(0)).transpose()
    }

    /// The last list that was made.
    pub async fn revocation_list(
        &mut self,
        ca_key: &CaKeyId,
        list: &str,
    ) -> Result<Option<RevocationList>, StoreError> {
        let row = self
            .fetch_optional(
                "select l.ca_key_id, l.number, p.this_update, p.next_update, l.der
                from revocation_list l
                join publication p on p.ca_key_id = l.ca_key_id and p.list = l.list
                where l.ca_key_id = $1 and l.list = $2",
                &[ca_key.as_str().into(), list.into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("revocation_list");
            Ok(RevocationList {
                number: fields.int(1)?,
                this_update: fields.time(2)?,
                next_update: fields.time(3)?,
                der: fields.bytes(4)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Makes sure that the list is published, from `now` on; does nothing where it is.
    pub async fn ensure_publication(
        &mut self,
        ca_key: &CaKeyId,
        list: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into publication (ca_key_id, list, wanted, made, number, this_update,
                next_update, due_at)
            values ($1, $2, 1, 0, 0, 0, 0, $3)
            on conflict (ca_key_id, list) do nothing",
            &[ca_key.as_str().into(), list.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Asks for a new list because an entry changed; `false` where the list is not published.
    pub async fn want_publication(
        &mut self,
        ca_key: &CaKeyId,
        list: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update publication set wanted = wanted + 1,
                due_at = case when due_at < $3 then due_at else $3 end
            where ca_key_id = $1 and list = $2",
            &[ca_key.as_str().into(), list.into(), now.into()],
        )
        .await
    }

    /// Stores a list; `false`, and nothing is stored, where a list with this number or a higher
    /// one, or with more changes, was stored before. A change that came meanwhile keeps the list
    /// due.
    pub async fn finish_publication(&mut self, done: FinishedList) -> Result<bool, StoreError> {
        let finished = self
            .changes(
                "update publication set made = $3, number = $4, this_update = $5,
                    next_update = $6, due_at = case when wanted = $3 then $7 else due_at end
                where ca_key_id = $1 and list = $2
                    and number < $4 and made <= $3 and wanted >= $3",
                &[
                    done.ca_key.as_str().into(),
                    done.list.as_str().into(),
                    done.wanted.into(),
                    done.number.into(),
                    done.this_update.into(),
                    done.next_update.into(),
                    done.due_at.into(),
                ],
            )
            .await?;
        if finished {
            self.execute(
                "insert into revocation_list (ca_key_id, list, number, der)
                values ($1, $2, $3, $4)
                on conflict (ca_key_id, list) do update
                    set number = excluded.number, der = excluded.der",
                &[
                    done.ca_key.as_str().into(),
                    done.list.as_str().into(),
                    done.number.into(),
                    done.der.as_slice().into(),
                ],
            )
            .await?;
        }
        Ok(finished)
    }
}
