//! Statuses that were read a moment ago, so that an OCSP answer costs little more than its signature (W4).
//!
//! A change made by this process forgets them before its caller is answered. A change made by another process
//! is found by [`App::refresh_statuses`], which a timer calls; where that timer stands still for two seconds,
//! every status is read from the database again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use tegata_domain::certificate::CertificateState;
use tegata_domain::id::SerialNumber;
use tegata_domain::time::Timestamp;
use tegata_store::StatusRow;

use crate::base::App;
use crate::error::Result;

/// Statuses kept at the most: about 10 MB.
const MOST: usize = 50_000;
/// Seconds for which statuses are believed without a look at what other processes changed.
const BELIEVED: i64 = 2;

/// What was read, and what it rests on.
#[derive(Debug, Default)]
pub(crate) struct Statuses {
    rows: Mutex<HashMap<SerialNumber, StatusRow>>,
    /// Rises whenever statuses are forgotten: a row read before that is not kept.
    version: AtomicU64,
    /// Changes of status in the database, when they were last counted.
    changes: AtomicI64,
    believed_until: AtomicI64,
}

impl Statuses {
    fn get(&self, serial: &SerialNumber, now: Timestamp) -> Option<StatusRow> {
        if now.unix() > self.believed_until.load(Ordering::Acquire) {
            return None;
        }
        self.lock().get(serial).cloned()
    }

    fn keep(&self, serial: SerialNumber, row: &StatusRow, version: u64) {
        let mut rows = self.lock();
        if self.version.load(Ordering::Acquire) != version {
            return;
        }
        if rows.len() >= MOST {
            rows.clear();
        }
        rows.insert(serial, row.clone());
    }

    /// Forgets everything; called after each change of status, before anybody is told of it.
    pub(crate) fn forget(&self) {
        let mut rows = self.lock();
        self.version.fetch_add(1, Ordering::AcqRel);
        rows.clear();
    }

    fn confirm(&self, changes: i64, now: Timestamp) {
        if self.changes.swap(changes, Ordering::AcqRel) != changes {
            self.forget();
        }
        self.believed_until
            .store(now.unix().saturating_add(BELIEVED), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SerialNumber, StatusRow>> {
        match self.rows.lock() {
            Ok(rows) => rows,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

impl App {
    /// Looks whether another process changed a status; to be called twice a second.
    pub async fn refresh_statuses(&self) -> Result<()> {
        let now = self.system_now();
        let changes = self.store().reader().await?.status_changes().await?;
        self.statuses().confirm(changes, now);
        Ok(())
    }

    /// A certificate's status, read now or a moment ago. An intent is always read again.
    pub(crate) async fn status_of(&self, serial: &SerialNumber) -> Result<Option<StatusRow>> {
        if let Some(row) = self.statuses().get(serial, self.system_now()) {
            return Ok(Some(row));
        }
        let version = self.statuses().version.load(Ordering::Acquire);
        let row = self.store().reader().await?.status(serial).await?;
        if let Some(row) = row
            .as_ref()
            .filter(|row| row.state != CertificateState::Intended)
        {
            self.statuses().keep(*serial, row, version);
        }
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use tegata_domain::entropy::SeededEntropy;
    use tegata_domain::id::CaKeyId;

    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_000);

    fn row() -> (SerialNumber, StatusRow) {
        let entropy = SeededEntropy::new(1);
        let row = StatusRow {
            ca_key: CaKeyId::generate(NOW, &entropy),
            state: CertificateState::Issued,
            not_after: NOW,
        };
        (SerialNumber::generate(&entropy), row)
    }

    #[test]
    fn a_status_is_believed_only_while_other_processes_are_watched() {
        let (serial, row) = row();
        let statuses = Statuses::default();
        statuses.keep(serial, &row, 0);
        assert!(statuses.get(&serial, NOW).is_none());
        statuses.confirm(0, NOW);
        assert!(statuses.get(&serial, NOW.plus_seconds(2)).is_some());
        assert!(statuses.get(&serial, NOW.plus_seconds(3)).is_none());
    }

    #[test]
    fn a_change_here_or_elsewhere_forgets_every_status() {
        let (serial, row) = row();
        let statuses = Statuses::default();
        statuses.confirm(0, NOW);
        statuses.keep(serial, &row, 0);
        statuses.forget();
        assert!(statuses.get(&serial, NOW).is_none());
        statuses.keep(serial, &row, 1);
        statuses.confirm(1, NOW);
        assert!(statuses.get(&serial, NOW).is_none());
    }

    #[test]
    fn a_row_read_before_a_change_is_not_kept_after_it() {
        let (serial, row) = row();
        let statuses = Statuses::default();
        statuses.confirm(0, NOW);
        let version = statuses.version.load(Ordering::Acquire);
        statuses.forget();
        statuses.keep(serial, &row, version);
        assert!(statuses.get(&serial, NOW).is_none());
    }
}
