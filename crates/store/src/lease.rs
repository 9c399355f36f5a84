//! Leases: work that one process does at a time (decision S1).

use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

/// A lease as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which taking of it this is.
    pub epoch: i64,
    /// Until when, by the clock of whoever took it or wrote under it last.
    pub held_until: Timestamp,
}

impl Connection {
    /// How the lease `name` stands; `None` where nobody took it yet.
    pub async fn lease(&mut self, name: &str) -> Result<Option<Lease>, StoreError> {
        let sql = "select epoch, held_until from lease where name = $1";
        let row = self.fetch_optional(sql, &[name.into()]).await?;
        row.map(|row| {
            let fields = row.of("lease");
            Ok(Lease {
                epoch: fields.int(0)?,
                held_until: fields.time(1)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Takes the lease `name` until `until`; answers its epoch, or `None` where another one holds it at `now`. One that
    /// still stands exactly as in `left` is taken whatever its end: whoever held it is gone.
    pub async fn take_lease(
        &mut self,
        name: &str,
        left: Option<Lease>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<i64>, StoreError> {
        // No lease has the epoch 0.
        let (epoch, end) = left.map_or((0, now), |left| (left.epoch, left.held_until));
        let row = self
            .fetch_optional(
                "insert into lease (name, epoch, held_until) values ($1, 1, $3)
                on conflict (name) do update
                    set epoch = lease.epoch + 1, held_until = excluded.held_until
                    where lease.held_until <= $2
                        or (lease.epoch = $4 and lease.held_until = $5)
                returning name, epoch",
                &[
                    name.into(),
                    now.into(),
                    until.into(),
                    epoch.into(),
                    end.into(),
                ],
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
