//! Whether a process is dying, and how time passes meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

/// Whether a process is dying or starting, and how often that was so: odd meanwhile.
#[derive(Default)]
pub(super) struct Deaths(AtomicUsize);

impl Deaths {
    pub(super) fn turn(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Nobody dies on this day.
    pub(super) fn spare(&self) {
        self.0.store(2, Ordering::SeqCst);
    }

    /// Whether the death of this day is over.
    pub(super) fn is_over(&self) -> bool {
        self.seen() >= 2
    }

    pub(super) fn seen(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Nothing but time passes.
pub(super) fn pause(milliseconds: u64) {
    let (_nobody, bell) = channel::<()>();
    let _ = bell.recv_timeout(Duration::from_millis(milliseconds));
}
