//! Single facts about the installation, and running numbers.

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// The value of a fact, such as the profile that `init` chose.
    pub async fn fact(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        let row = self
            .fetch_optional(
                "select name, value from fact where name = $1",
                &[name.into()],
            )
            .await?;
        row.map(|row| row.of("fact").text(1).map(str::to_owned))
            .transpose()
    }
}

impl Tx {
    /// Writes a fact, or another value for it.
    pub async fn set_fact(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.execute(
            "insert into fact (name, value) values ($1, $2)
            on conflict (name) do update set value = excluded.value",
            &[name.into(), value.into()],
        )
        .await
        .map(drop)
    }

    /// The next number of a counter, from 1. A number of a write that is rolled back is given
    /// again, so there are no gaps; writers of the same counter wait for each other.
    pub async fn next_number(&mut self, counter: &str) -> Result<u64, StoreError> {
        let row = self
            .fetch_optional(
                "insert into counter (name, value) values ($1, 1)
                on conflict (name) do update set value = counter.value + 1
                returning name, value",
                &[counter.into()],
            )
            .await?;
        let gone = || StoreError::Unavailable("the counter gave no number".to_owned());
        let row = row.ok_or_else(gone)?;
        let fields = row.of("counter");
        u64::try_from(fields.int(1)?).map_err(|_| fields.corrupt(1))
    }

    /// Waits for other writers of a counter, as who takes a number does, and takes none.
    pub async fn wait_for_counter(&mut self, counter: &str) -> Result<(), StoreError> {
        self.execute(
            "update counter set value = value where name = $1",
            &[counter.into()],
        )
        .await
        .map(drop)
    }
}
