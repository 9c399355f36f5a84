//! A lease that another process holds, as this one sees it (decision S1).
//!
//! The end of a lease is judged by the clock, and a clock can be set back, or stand still: then the lease of a process
//! that ended would be held for long, or for ever. Whoever holds one moves it with each write, though. One that nobody
//! moved while so much time really passed, whatever the clock showed, has no holder any more.

use std::sync::{Mutex, PoisonError};

use tegata_store::Lease;

/// Seconds without a move after which a lease has no holder: twice as long as it is held for.
const STILL: i64 = 60;

/// What was seen last, and since when it stands so.
#[derive(Default)]
pub(crate) struct WatchedLease(Mutex<Option<(Lease, i64)>>);

impl WatchedLease {
    /// Looks at the lease as it stands at this uptime; answers it where nobody holds it any more.
    pub(crate) fn left_behind(&self, stands: Option<Lease>, uptime: i64) -> Option<Lease> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (*seen, stands) {
            (Some((before, since)), Some(stands)) if before == stands => {
                (uptime - since >= STILL).then_some(stands)
            }
            _ => {
                *seen = stands.map(|stands| (stands, uptime));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tegata_domain::time::Timestamp;

    use super::*;

    #[test]
    fn only_a_lease_that_nobody_moves_is_left_behind() {
        let lease = |epoch, end| {
            Some(Lease {
                epoch,
                held_until: Timestamp::from_unix(end),
            })
        };
        let watched = WatchedLease::default();
        assert_eq!(watched.left_behind(None, 0), None);
        assert_eq!(watched.left_behind(lease(1, 90), 100), None);
        assert_eq!(watched.left_behind(lease(1, 90), 159), None);
        // Its holder wrote.
        assert_eq!(watched.left_behind(lease(1, 91), 160), None);
        assert_eq!(watched.left_behind(lease(1, 91), 219), None);
        assert_eq!(watched.left_behind(lease(1, 91), 220), lease(1, 91));
        // Another one took it.
        assert_eq!(watched.left_behind(lease(2, 91), 221), None);
        assert_eq!(watched.left_behind(lease(2, 91), 280), None);
    }
}
