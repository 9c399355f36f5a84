//! Which passwords a proxy has refused. A domain locks an account after a handful of wrong ones, and a
//! program that wakes every hour would lock a whole clinic out.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ports::{Credentials, Proxy};

/// The refusals of the last hours. It keeps keyed hashes, no passwords.
pub(crate) struct Refused {
    key: RandomState,
    refusals: Mutex<HashMap<u64, Instant>>,
    hold: Duration,
}

impl Refused {
    /// Nothing was refused yet.
    pub(crate) fn new() -> Self {
        Self {
            key: RandomState::new(),
            refusals: Mutex::default(),
            hold: HOLD,
        }
    }

    /// Whether this proxy refused exactly these a short while ago.
    pub(super) fn holds(&self, proxy: &Proxy, credentials: &Credentials) -> bool {
        let mut refusals = self.refusals();
        refusals.retain(|_, since| since.elapsed() < self.hold);
        refusals.contains_key(&self.hash(proxy, credentials))
    }

    /// Keeps in mind that they were refused.
    pub(super) fn remember(&self, proxy: &Proxy, credentials: &Credentials) {
        let hash = self.hash(proxy, credentials);
        self.refusals().insert(hash, Instant::now());
    }

    /// A person wants another try.
    pub(crate) fn forget(&self) {
        self.refusals().clear();
    }

    fn hash(&self, proxy: &Proxy, credentials: &Credentials) -> u64 {
        let Credentials {
            user,
            domain,
            password,
        } = credentials;
        self.key.hash_one((proxy, user, domain, password.expose()))
    }

    fn refusals(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Longer than the windows in which domains count wrong passwords.
const HOLD: Duration = Duration::from_secs(12 * 60 * 60);
