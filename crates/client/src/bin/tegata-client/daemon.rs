//! `renew --daemon`: asleep from one due thing to the next.

use std::time::Duration;

use anyhow::Result;
use tegata_client::controller::{Controller, Event, Wake};
use tegata_client::ports::Clock as _;
use tegata_client::system::SystemClock;

/// The longest sleep, seconds: a machine that slept has another time when it wakes.
const LONGEST: u64 = 3_600;

/// Does what is due, and sleeps until the next. Before each event it takes the state folder by `lock`, and reads what
/// other commands changed; where `is_current` says that the settings are other ones now, it returns.
pub(crate) fn stay<L>(
    controller: &mut Controller<'_>,
    lock: impl Fn() -> Result<L>,
    is_current: impl Fn() -> Result<bool>,
) -> Result<()> {
    let mut event = Event::Started;
    loop {
        let locked = lock()?;
        if !is_current()? {
            return Ok(());
        }
        controller.reload()?;
        let Wake(next) = controller.on(event);
        drop(locked);
        let now = SystemClock.now();
        let wait = next.map_or(LONGEST, |at| at.seconds_since(now).max(1).unsigned_abs());
        std::thread::park_timeout(Duration::from_secs(wait.min(LONGEST)));
        event = Event::Timer;
    }
}
