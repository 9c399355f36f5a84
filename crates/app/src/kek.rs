//! Key-encryption keys (decision K8): several can open, one seals.
//!
//! A key is exchanged while the program runs: a new one is made known to every process, then it seals, then all
//! that older ones sealed is sealed anew ([`crate::App::rewrap`]), and at last the older ones go.

use std::sync::Arc;

use tegata_domain::secret::Secret;

/// One key-encryption key.
#[derive(Clone)]
pub struct KeyEncryptionKey {
    /// 1 to 255; it stands in each value that the key sealed.
    pub number: u8,
    /// 32 octets of chance.
    pub key: Secret<[u8; 32]>,
    /// It opens and does not seal yet: not every process may know it.
    pub is_next: bool,
}

/// The keys that this process knows. At least one of them seals.
#[derive(Clone)]
pub struct KeyEncryptionKeys {
    keys: Vec<KeyEncryptionKey>,
    sealing: KeyEncryptionKey,
}

impl KeyEncryptionKeys {
    /// Takes keys in rising order of their numbers; the last one that is not `is_next` seals. `None` where the order
    /// is another one, or where none seals.
    pub fn new(keys: Vec<KeyEncryptionKey>) -> Option<Self> {
        let rises = keys
            .iter()
            .zip(keys.iter().skip(1))
            .all(|(one, other)| one.number < other.number);
        let sealing = keys.iter().rfind(|key| !key.is_next)?.clone();
        (rises && keys.first()?.number > 0).then_some(Self { keys, sealing })
    }

    /// The only key of a new installation; its number is 1.
    pub fn first(key: [u8; 32]) -> Self {
        let sealing = KeyEncryptionKey {
            number: 1,
            key: Secret::new(key),
            is_next: false,
        };
        Self {
            keys: vec![sealing.clone()],
            sealing,
        }
    }

    /// The key that seals.
    pub fn sealing(&self) -> &KeyEncryptionKey {
        &self.sealing
    }

    /// The key of this number.
    pub fn get(&self, number: u8) -> Option<&KeyEncryptionKey> {
        self.keys.iter().find(|key| key.number == number)
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> &[KeyEncryptionKey] {
        &self.keys
    }
}

/// Where the keys come from. It is asked at each use, so that a running process learns of a new key at once.
pub trait KeySource: Send + Sync {
    /// The keys as they are now.
    fn keys(&self) -> Arc<KeyEncryptionKeys>;
}

/// Keys that never change while the process runs.
pub struct FixedKeys(Arc<KeyEncryptionKeys>);

impl FixedKeys {
    /// One key, numbered 1.
    pub fn first(key: [u8; 32]) -> Self {
        Self(Arc::new(KeyEncryptionKeys::first(key)))
    }
}

impl From<KeyEncryptionKeys> for FixedKeys {
    fn from(keys: KeyEncryptionKeys) -> Self {
        Self(Arc::new(keys))
    }
}

impl KeySource for FixedKeys {
    fn keys(&self) -> Arc<KeyEncryptionKeys> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8, is_next: bool) -> KeyEncryptionKey {
        KeyEncryptionKey {
            number,
            key: Secret::new([number; 32]),
            is_next,
        }
    }

    #[test]
    fn the_newest_key_seals_unless_it_waits_for_the_other_processes() {
        let sealing = |keys| KeyEncryptionKeys::new(keys).map(|keys| keys.sealing().number);
        assert_eq!(sealing(vec![key(1, false)]), Some(1));
        assert_eq!(sealing(vec![key(1, false), key(2, true)]), Some(1));
        assert_eq!(sealing(vec![key(1, false), key(2, false)]), Some(2));
    }

    #[test]
    fn keys_in_another_order_or_none_that_seals_are_refused() {
        for wrong in [
            vec![],
            vec![key(1, true)],
            vec![key(0, false)],
            vec![key(2, false), key(1, false)],
            vec![key(1, false), key(1, false)],
        ] {
            assert!(KeyEncryptionKeys::new(wrong).is_none());
        }
    }
}
