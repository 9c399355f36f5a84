//! Ed25519 (RFC 8032): signatures over releases of the client, made off line. Certificates never carry such keys.

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use zeroize::Zeroizing;

use crate::key::KeyError;
use crate::soft::{self, KeyFileError};

/// A private key. It has no printable form.
pub struct SigningKey(Ed25519KeyPair);

/// A public key: 32 octets (RFC 8032 §5.1.5).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct VerifyingKey([u8; 32]);

impl SigningKey {
    /// Makes a new key with the provider's own randomness.
    pub fn generate() -> Result<Self, KeyError> {
        Ed25519KeyPair::generate()
            .map(Self)
            .map_err(|_| KeyError::Generation)
    }

    /// Encrypts it as a file: `EncryptedPrivateKeyInfo` in PEM, as [`soft::encrypt_key_file`] writes.
    pub fn to_file(&self, passphrase: &[u8]) -> Result<String, KeyFileError> {
        let document = self.0.to_pkcs8v1().map_err(|_| KeyError::Malformed)?;
        let der = Zeroizing::new(document.as_ref().to_vec());
        soft::encrypt_pkcs8(&der, passphrase, soft::KEY_FILE_ITERATIONS)
    }

    /// Opens a file of that form.
    pub fn from_file(text: &str, passphrase: &[u8]) -> Result<Self, KeyFileError> {
        let der = soft::decrypt_pkcs8(text, passphrase)?;
        Ed25519KeyPair::from_pkcs8(&der)
            .map(Self)
            .map_err(|_| KeyFileError::Passphrase)
    }

    /// The public key.
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut octets = [0; 32];
        for (to, from) in octets.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        VerifyingKey(octets)
    }

    /// Signs a message: 64 octets.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

impl VerifyingKey {
    /// Takes 32 octets that are a point of the curve.
    pub fn from_octets(octets: [u8; 32]) -> Result<Self, KeyError> {
        ParsedPublicKey::new(&signature::ED25519, octets)
            .map(|_| Self(octets))
            .map_err(|_| KeyError::Malformed)
    }

    /// Its octets.
    pub fn as_octets(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` over `message` was made with its private key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = signature::UnparsedPublicKey::new(&signature::ED25519, self.0);
        key.verify(message, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, test 2.
    #[test]
    fn the_vector_of_rfc_8032_verifies() {
        let octets = |text: &str| -> Vec<u8> {
            let digits: Vec<char> = text.chars().collect();
            let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
            pairs
                .map(|pair| u8::from_str_radix(&pair, 16).unwrap())
                .collect()
        };
        let public = octets("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = octets(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        let key = VerifyingKey::from_octets(public.try_into().unwrap()).unwrap();
        assert!(key.verify(&[0x72], &signature));
        assert!(!key.verify(&[0x73], &signature));
    }

    #[test]
    fn a_key_file_opens_with_its_passphrase_only_and_signs_as_before() {
        let key = SigningKey::generate().unwrap();
        let text = key.to_file(b"correct").unwrap();
        let opened = SigningKey::from_file(&text, b"correct").unwrap();
        assert_eq!(opened.verifying_key(), key.verifying_key());
        assert!(
            key.verifying_key()
                .verify(b"message", &opened.sign(b"message"))
        );
        assert_eq!(
            SigningKey::from_file(&text, b"wrong").err(),
            Some(KeyFileError::Passphrase)
        );
    }
}
