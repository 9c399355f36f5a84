//! Wrong IDs, counted by source and minute instead of being audited one by one (I3, S5).

use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// Wrong IDs from all sources in the minutes that begin at `since` or later.
    pub async fn wrong_ids_since(&mut self, since: Timestamp) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(coalesce(sum(count), 0) as bigint) from wrong_id where minute >= $1",
                &[since.into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("wrong_id").int(0))
    }
}

impl Tx {
    /// Adds `count` wrong IDs of a source to a minute, which is named by its first second.
    pub async fn add_wrong_ids(
        &mut self,
        source: &str,
        minute: Timestamp,
        count: u32,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into wrong_id (source, minute, count) values ($1, $2, $3)
            on conflict (minute, source) do update
                set count = wrong_id.count + excluded.count",
            &[source.into(), minute.into(), i64::from(count).into()],
        )
        .await
        .map(drop)
    }

    /// Forgets wrong IDs of minutes before `before`, so that nobody fills the disk with them (T52).
    pub async fn delete_wrong_ids_before(&mut self, before: Timestamp) -> Result<(), StoreError> {
        self.execute("delete from wrong_id where minute < $1", &[before.into()])
            .await
            .map(drop)
    }
}
