//! Leases: work that one process does at a time (decision S1).

use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::store::Tx;

impl Tx {
    /// Takes the lease `name` until `until`; answers its epoch, or `None` where another one holds it at `now`.
    pub async fn take_lease(
        &mut self,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        let row = self
            .fetch_optional(
                "insert into lease (name, epoch, held_until) values ($1, 1, $3)
                on conflict (name) do update
                    set epoch = lease.epoch + 1, held_until = excluded.held_until
                    where lease.held_until <= $2
                returning name, epoch",
                &[name.into(), now.into(), until.into()],
            )
            .await?;
        row.map(|row| row.of("lease").int(1)).transpose()
    }

    /// Holds the lease on until `until`; `false` where another one took it since. Every write of the holder begins
    /// with it: nobody else can take the lease before that write is over.
    pub async fn hold_lease(
        &mut self,
        name: &str,
        epoch: i64,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update lease set held_until = $3 where name = $1 and epoch = $2",
            &[name.into(), epoch.into(), until.into()],
        )
        .await
    }
}
