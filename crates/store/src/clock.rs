//! What was recorded while the clock was ahead, once it is set right (decision S7).

use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::store::Tx;

impl Tx {
    /// Takes back what would wait for, or count from, an instant after `now`: lists of then are due at once, notices are
    /// judged from the last day that has come, and sessions of then are over. What was signed stays.
    pub async fn forget_what_is_to_come(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "update publication set due_at = $1 where this_update > $1",
            &[now.into()],
        )
        .await?;
        self.execute(
            "delete from notice_run where day > $1",
            &[now.japan_date().to_string().into()],
        )
        .await?;
        self.execute("delete from session where created_at > $1", &[now.into()])
            .await?;
        Ok(())
    }
}
