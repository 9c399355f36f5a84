//! Secrets of the authority itself, sealed in the database: peppers (I2), and the secret of digests.

use tegata_domain::entropy::{self, Entropy};
use tegata_domain::secret::Secret;
use tegata_store::{SealedSecret, Store};

use crate::error::{Result, internal};
use crate::seal::{self, Keyring, Purpose};

/// What a secret is for. Each has rows of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthoritySecret {
    /// Digests of forms and of cookies. They outlive a key-encryption key, so the secret is not derived from it.
    Digest,
    /// Stored reference IDs.
    Pepper,
}

impl AuthoritySecret {
    pub(crate) const ALL: [Self; 2] = [Self::Digest, Self::Pepper];

    /// The word in its row.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Pepper => "pepper",
        }
    }

    /// The purpose of the key that seals it.
    pub(crate) const fn purpose(self) -> Purpose {
        match self {
            Self::Digest => Purpose::Digest,
            Self::Pepper => Purpose::Pepper,
        }
    }

    /// What the sealed value of a number is bound to.
    pub(crate) fn place(self, number: i64) -> String {
        format!("sealing_secret/{}/{number}", self.word())
    }

    /// All of them by their numbers, the oldest first; at least one.
    pub(crate) async fn load(
        self,
        store: &Store,
        keyring: &Keyring,
    ) -> Result<Vec<(i64, Secret<Vec<u8>>)>> {
        let word = self.word();
        let mut secrets = Vec::new();
        for row in store.reader().await?.sealing_secrets(word).await? {
            let opened = keyring
                .open(self.purpose(), &self.place(row.number), &row.sealed)
                .map_err(|_| {
                    internal(
                        "open the secrets of the authority",
                        "the key-encryption key is not the one that this database was initialised with",
                    )
                })?;
            secrets.push((row.number, Secret::new(opened.to_vec())));
        }
        if secrets.is_empty() {
            let missing = format!("there is no {word}; run `tegata init`");
            return Err(internal("load the secrets of the authority", missing));
        }
        Ok(secrets)
    }

    /// The first one, sealed for its row.
    pub(crate) fn first(
        self,
        keyring: &Keyring,
        entropy: &dyn Entropy,
    ) -> Result<(&'static str, SealedSecret)> {
        let secret = Secret::new(entropy::octets::<32>(entropy));
        let sealed = keyring.seal(self.purpose(), &self.place(1), secret.expose())?;
        Ok((self.word(), SealedSecret { number: 1, sealed }))
    }
}

/// HMAC-SHA-256 of what a form or a cookie holds. A form may hold a password, so a plain hash would not do (F1).
pub(crate) struct Digests(Secret<Vec<u8>>);

impl Digests {
    pub(crate) async fn load(store: &Store, keyring: &Keyring) -> Result<Self> {
        let mut secrets = AuthoritySecret::Digest.load(store, keyring).await?;
        let newest = secrets.pop().map(|(_, secret)| secret);
        newest
            .map(Self)
            .ok_or_else(|| internal("load the secrets of the authority", "there is none"))
    }

    /// The digest of these parts, under a key of this purpose.
    pub(crate) fn of(&self, purpose: Purpose, parts: &[&[u8]]) -> Result<[u8; 32]> {
        let key = seal::derive(self.0.expose(), b"", purpose.info())?;
        Ok(seal::mac(key.expose(), parts))
    }
}
