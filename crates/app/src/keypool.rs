//! Keys made in advance for subscribers, in memory only (decision K3): a burst never waits for RSA.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use tegata_pki::key::{KeyAlgorithm, PrivateKey};

use crate::error::{Result, internal};

/// Private keys that nobody has used yet. Each is handed out once and never stored here again.
#[derive(Clone)]
pub(crate) struct KeyPool {
    algorithm: KeyAlgorithm,
    size: usize,
    keys: Arc<Mutex<VecDeque<PrivateKey>>>,
}

impl KeyPool {
    pub(crate) fn new(algorithm: KeyAlgorithm, size: usize) -> Self {
        Self {
            algorithm,
            size,
            keys: Arc::default(),
        }
    }

    /// A key of the pool, or one made now; the pool is filled up in the background.
    pub(crate) async fn take(&self) -> Result<PrivateKey> {
        let ready = self.lock().pop_front();
        let key = match ready {
            Some(key) => key,
            None => self.make().await?,
        };
        let pool = self.clone();
        tokio::spawn(async move { pool.fill_one().await });
        Ok(key)
    }

    /// How many keys are ready.
    pub(crate) fn ready(&self) -> usize {
        self.lock().len()
    }

    /// Makes one key more, where there is room.
    pub(crate) async fn fill_one(&self) {
        if self.lock().len() < self.size
            && let Ok(key) = self.make().await
        {
            let mut keys = self.lock();
            if keys.len() < self.size {
                keys.push_back(key);
            }
        }
    }

    async fn make(&self) -> Result<PrivateKey> {
        let algorithm = self.algorithm;
        tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm))
            .await
            .map_err(|error| internal("make a key", error))?
            .map_err(|error| internal("make a key", error))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<PrivateKey>> {
        match self.keys.lock() {
            Ok(keys) => keys,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}
