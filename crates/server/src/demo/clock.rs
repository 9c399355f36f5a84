//! The demo's clock: the machine's clock, moved by an offset that the folder keeps.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use tegata_domain::time::{Clock, Timestamp};

use crate::failure::{Failure, Outcome};
use crate::system::SystemClock;

/// Name of the file in the data folder: the offset in seconds.
const FILE: &str = "clock";

/// A clock that only moves forward, faster than the machine's when it is told to.
#[derive(Debug)]
pub(crate) struct DemoClock {
    offset: AtomicI64,
    file: PathBuf,
}

impl DemoClock {
    /// Sets the clock of a fresh folder: to `begin`, or to the machine's time.
    pub(crate) fn create(data_dir: &Path, begin: Option<Timestamp>) -> Outcome<()> {
        let offset = begin.map_or(0, |begin| begin.seconds_since(SystemClock.now()));
        keep(&data_dir.join(FILE), offset)
    }

    /// The clock of an existing folder.
    pub(crate) fn open(data_dir: &Path) -> Outcome<Self> {
        let file = data_dir.join(FILE);
        let remedy = "begin anew with another --data folder";
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Failure::machine("read the demo's clock", error, remedy))?;
        let offset = text
            .trim()
            .parse()
            .map_err(|error| Failure::machine("read the demo's clock", error, remedy))?;
        Ok(Self {
            offset: AtomicI64::new(offset),
            file,
        })
    }

    /// Moves the clock forward by `seconds`, for good.
    pub(crate) fn advance(&self, seconds: u32) -> Outcome<()> {
        let offset = self
            .offset
            .load(Ordering::SeqCst)
            .saturating_add(i64::from(seconds));
        keep(&self.file, offset)?;
        self.offset.store(offset, Ordering::SeqCst);
        Ok(())
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        SystemClock
            .now()
            .plus_seconds(self.offset.load(Ordering::SeqCst))
    }
}

/// Writes the offset beside the old one and renames: a crash leaves one of the two.
fn keep(file: &Path, offset: i64) -> Outcome<()> {
    let beside = file.with_extension("new");
    std::fs::write(&beside, format!("{offset}\n"))
        .and_then(|()| std::fs::rename(&beside, file))
        .map_err(|error| {
            Failure::machine(
                "keep the demo's clock",
                error,
                "make room in the demo's folder",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_stays_moved_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        DemoClock::create(folder.path(), None).unwrap();
        let clock = DemoClock::open(folder.path()).unwrap();
        clock.advance(86_400 * 1_000).unwrap();
        let again = DemoClock::open(folder.path()).unwrap();
        let ahead = again.now().seconds_since(SystemClock.now());
        assert!(
            (86_400 * 1_000 - 5..=86_400 * 1_000).contains(&ahead),
            "{ahead}"
        );
    }

    #[test]
    fn a_fresh_clock_begins_where_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let begin = Timestamp::from_unix(1_900_000_000);
        DemoClock::create(folder.path(), Some(begin)).unwrap();
        let shown = DemoClock::open(folder.path())
            .unwrap()
            .now()
            .seconds_since(begin);
        assert!((0..=5).contains(&shown), "{shown}");
    }
}
