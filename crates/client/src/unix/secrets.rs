//! Seals with AES-256-GCM under a key in a file of the user (0600).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use tegata_domain::entropy::{self, Entropy};
use zeroize::Zeroizing;

use super::files::UnixFiles;
use crate::ports::{Files as _, SecretError, Secrets};

const KEY_FILE: &str = "seal.key";
const KEY_OCTETS: usize = 32;

/// The key, as the crypto library holds it.
pub struct FileSecrets<'a> {
    key: LessSafeKey,
    entropy: &'a dyn Entropy,
}

impl<'a> FileSecrets<'a> {
    /// Reads the key file, or makes it.
    pub fn open(files: &UnixFiles, entropy: &'a dyn Entropy) -> Result<Self, SecretError> {
        let broken = |error: &dyn std::fmt::Display| SecretError(format!("{KEY_FILE}: {error}"));
        let octets = match files.read(KEY_FILE).map_err(|error| broken(&error))? {
            Some(octets) => Zeroizing::new(octets),
            None => {
                let octets = Zeroizing::new(entropy::octets::<KEY_OCTETS>(entropy).to_vec());
                files
                    .write(KEY_FILE, &octets)
                    .map_err(|error| broken(&error))?;
                octets
            }
        };
        let key = UnboundKey::new(&AES_256_GCM, &octets);
        let key = key.map_err(|_| broken(&"it has not 32 octets"))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            entropy,
        })
    }
}

impl Secrets for FileSecrets<'_> {
    /// Nonce, then ciphertext and tag.
    fn seal(&self, purpose: &str, clear: &[u8]) -> Result<Vec<u8>, SecretError> {
        let nonce = entropy::octets::<NONCE_LEN>(self.entropy);
        let mut sealed = clear.to_vec();
        let bound = Aad::from(purpose.as_bytes());
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
            .map_err(|_| SecretError("not sealed".to_owned()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let wrong = || SecretError("sealed by another user or machine, or damaged".to_owned());
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
        let mut clear = Zeroizing::new(body.to_vec());
        let bound = Aad::from(purpose.as_bytes());
        let length = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), bound, &mut clear)
            .map_err(|_| wrong())?
            .len();
        clear.truncate(length);
        Ok(clear)
    }
}

#[cfg(test)]
mod tests {
    use tegata_domain::entropy::SeededEntropy;

    use super::*;

    #[test]
    fn what_is_sealed_opens_for_the_same_purpose_and_key_only() {
        let folder = tempfile::tempdir().unwrap();
        let files = UnixFiles::open(folder.path().to_owned()).unwrap();
        let entropy = SeededEntropy::new(1);
        let secrets = FileSecrets::open(&files, &entropy).unwrap();
        let sealed = secrets.seal("a", b"secret").unwrap();
        let again = FileSecrets::open(&files, &entropy).unwrap();
        assert_eq!(again.open("a", &sealed).unwrap().as_slice(), b"secret");
        assert!(again.open("b", &sealed).is_err());
        files.remove(KEY_FILE).unwrap();
        let other = FileSecrets::open(&files, &entropy).unwrap();
        assert!(other.open("a", &sealed).is_err());
    }
}
