//! A signer whose key lies in an encrypted file: PKCS#8 `EncryptedPrivateKeyInfo` in PEM
//! (RFC 5958 §3, RFC 7468 §11), encrypted with PBES2.

use std::num::NonZeroU32;

use zeroize::Zeroizing;

use crate::{
    digest::MessageDigest,
    key::{KeyError, PrivateKey, PublicKey},
    pbes2::{self, DecryptError, EncryptError},
    pem::{self, PemError},
    random::RandomFailed,
    signer::{SignError, Signer},
    tlv::{self, Malformed, Reader},
};

/// PBKDF2 iterations of a CA key file, about 0.2 s of one core.
pub const KEY_FILE_ITERATIONS: NonZeroU32 = match NonZeroU32::new(600_000) {
    Some(iterations) => iterations,
    None => NonZeroU32::MIN,
};

const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// Signs with a private key in this process's memory.
pub struct SoftSigner {
    key: PrivateKey,
}

impl SoftSigner {
    /// Takes the key over.
    pub fn from_private_key(key: PrivateKey) -> Self {
        Self { key }
    }
}

impl Signer for SoftSigner {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.key.sign(message)
    }

    fn sign_digest(&self, digest: &MessageDigest) -> Result<Vec<u8>, SignError> {
        self.key.sign_digest(digest)
    }
}

/// Why a key file cannot be written or opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyFileError {
    /// The cipher gave an error.
    #[error("the key was not encrypted")]
    Cipher,
    /// The decrypted bytes are no key of ours.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Not an EncryptedPrivateKeyInfo, or encrypted with other algorithms.
    #[error("not an encrypted private key of the supported form")]
    Malformed,
    /// The passphrase is wrong, or the file is damaged.
    #[error("wrong passphrase, or a damaged key file")]
    Passphrase,
    /// The text is no PEM block of this kind.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// No salt could be drawn.
    #[error(transparent)]
    Random(#[from] RandomFailed),
}

impl From<Malformed> for KeyFileError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Encrypts a key with [`KEY_FILE_ITERATIONS`]; returns the PEM text.
pub fn encrypt_key_file(key: &PrivateKey, passphrase: &[u8]) -> Result<String, KeyFileError> {
    encrypt_key_file_with(key, passphrase, KEY_FILE_ITERATIONS)
}

/// Encrypts a key with a chosen number of PBKDF2 iterations; returns the PEM text.
pub fn encrypt_key_file_with(
    key: &PrivateKey,
    passphrase: &[u8],
    iterations: NonZeroU32,
) -> Result<String, KeyFileError> {
    encrypt_pkcs8(&key.to_pkcs8()?, passphrase, iterations)
}

/// The PEM text of a PKCS#8 key of any algorithm, encrypted.
pub(crate) fn encrypt_pkcs8(
    pkcs8: &[u8],
    passphrase: &[u8],
    iterations: NonZeroU32,
) -> Result<String, KeyFileError> {
    let encrypted = pbes2::encrypt(pkcs8, passphrase, iterations).map_err(|error| match error {
        EncryptError::Cipher => KeyFileError::Cipher,
        EncryptError::Random(failed) => KeyFileError::Random(failed),
    })?;
    let der = tlv::sequence(&[
        &encrypted.algorithm,
        &tlv::octet_string(&encrypted.ciphertext),
    ]);
    Ok(pem::encode(LABEL, &der)?)
}

/// Opens a PEM text that [`encrypt_key_file`] or another tool wrote with the same algorithms.
pub fn open_key_file(text: &str, passphrase: &[u8]) -> Result<PrivateKey, KeyFileError> {
    let plain = decrypt_pkcs8(text, passphrase)?;
    // A wrong key that happens to leave valid padding gives bytes that are no key.
    PrivateKey::from_pkcs8(&plain).map_err(|_| KeyFileError::Passphrase)
}

/// The PKCS#8 key in such a text.
pub(crate) fn decrypt_pkcs8(
    text: &str,
    passphrase: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let der = pem::decode(LABEL, text)?;
    let mut fields = Reader::sequence_in(&der)?;
    let algorithm = fields.any()?.raw;
    let ciphertext = fields.expect(tlv::OCTET_STRING)?;
    fields.finish()?;
    pbes2::decrypt(algorithm, ciphertext, passphrase).map_err(|error| match error {
        DecryptError::Parameters => KeyFileError::Malformed,
        DecryptError::Password => KeyFileError::Passphrase,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyAlgorithm;

    #[test]
    fn a_key_file_opens_with_its_passphrase_only() {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let few = NonZeroU32::new(1000).unwrap();
        let text = encrypt_key_file_with(&key, b"correct", few).unwrap();
        let opened = open_key_file(&text, b"correct").unwrap();
        assert_eq!(opened.public_key(), key.public_key());
        let refused = open_key_file(&text, b"wrong").err().unwrap();
        assert_eq!(refused, KeyFileError::Passphrase);
    }

    #[test]
    fn a_digest_signature_verifies_as_a_message_signature() {
        for algorithm in [
            KeyAlgorithm::P256,
            KeyAlgorithm::P384,
            KeyAlgorithm::Rsa2048,
        ] {
            let signer = SoftSigner::from_private_key(PrivateKey::generate(algorithm).unwrap());
            let mut hasher = crate::digest::Hasher::new(signer.signature_algorithm().digest());
            hasher.update(b"mes");
            hasher.update(b"sage");
            let digest = hasher.finish();
            let signature = signer.sign_digest(&digest).unwrap();
            assert!(signer.public_key().verify(b"message", &signature));
            assert!(signer.public_key().verify_digest(&digest, &signature));
        }
    }
}
