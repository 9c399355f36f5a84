//! pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292 appendix C): the encryption of the old form.
//!
//! Windows before Server 2019 reads no other that is worth having. Nothing else may use it.

use std::num::NonZeroU32;

use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use const_oid::ObjectIdentifier;
use des::TdesEde3;
use zeroize::Zeroizing;

use super::kdf::{self, Digest, Purpose};
use crate::{
    pbes2::{self, DecryptError, EncryptError, Encrypted},
    random,
    tlv::{self, Reader},
};

pub(super) const PBE_WITH_SHA1_AND_3_KEY_TRIPLE_DES: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");

/// Encrypts with a fresh 16-octet salt.
pub(super) fn encrypt(
    plaintext: &[u8],
    password: &str,
    iterations: NonZeroU32,
) -> Result<Encrypted, EncryptError> {
    let salt: [u8; 16] = random::octets()?;
    let secrets = Secrets::derive(password, &salt, iterations);
    let cipher =
        cbc::Encryptor::<TdesEde3>::new_from_slices(secrets.key.as_slice(), &*secrets.vector)
            .map_err(|_| EncryptError::Cipher)?;
    // Room for the padding, so that no second copy of the plaintext is made.
    let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + BLOCK));
    buffer.extend_from_slice(plaintext);
    buffer.resize(plaintext.len() + BLOCK - plaintext.len() % BLOCK, 0);
    cipher
        .encrypt_padded::<Pkcs7>(&mut buffer, plaintext.len())
        .map_err(|_| EncryptError::Cipher)?;
    Ok(Encrypted {
        algorithm: tlv::sequence(&[
            &tlv::object_identifier(&PBE_WITH_SHA1_AND_3_KEY_TRIPLE_DES),
            &tlv::sequence(&[
                &tlv::octet_string(&salt),
                &tlv::unsigned_integer(&iterations.get().to_be_bytes()),
            ]),
        ]),
        ciphertext: std::mem::take(&mut *buffer),
    })
}

/// Decrypts what [`encrypt`] or another implementation wrote with the same algorithm.
pub(super) fn decrypt(
    algorithm: &[u8],
    ciphertext: &[u8],
    password: &str,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut algorithm = Reader::sequence_in(algorithm)?;
    if algorithm.object_identifier()? != PBE_WITH_SHA1_AND_3_KEY_TRIPLE_DES {
        return Err(DecryptError::Parameters);
    }
    let mut parameters = algorithm.sequence()?;
    algorithm.finish()?;
    let salt = parameters.expect(tlv::OCTET_STRING)?;
    let iterations = pbes2::iteration_count(parameters.unsigned_integer()?)?;
    parameters.finish()?;

    let secrets = Secrets::derive(password, salt, iterations);
    let cipher =
        cbc::Decryptor::<TdesEde3>::new_from_slices(secrets.key.as_slice(), &*secrets.vector)
            .map_err(|_| DecryptError::Parameters)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = cipher
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| DecryptError::Password)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

struct Secrets {
    key: Zeroizing<[u8; 24]>,
    vector: Zeroizing<[u8; BLOCK]>,
}

impl Secrets {
    fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let digest = Digest::Sha1;
        Self {
            key: kdf::derive(digest, Purpose::EncryptionKey, password, salt, iterations),
            vector: kdf::derive(
                digest,
                Purpose::InitialisationVector,
                password,
                salt,
                iterations,
            ),
        }
    }
}

const BLOCK: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back_with_the_password() {
        let once = NonZeroU32::MIN;
        for length in 0..=2 * BLOCK {
            let text = vec![0x5a; length];
            let sealed = encrypt(&text, "1234", once).unwrap();
            assert_eq!(sealed.ciphertext.len(), (length / BLOCK + 1) * BLOCK);
            let opened = decrypt(&sealed.algorithm, &sealed.ciphertext, "1234").unwrap();
            assert_eq!(*opened, text);
            // A wrong key can leave valid padding once in 256 tries, never the same text.
            let wrong = decrypt(&sealed.algorithm, &sealed.ciphertext, "1235");
            assert!(wrong.is_err() || *wrong.unwrap() != text);
        }
    }

    #[test]
    fn ciphertext_of_broken_blocks_is_refused() {
        let sealed = encrypt(b"secret", "1234", NonZeroU32::MIN).unwrap();
        for broken in [&[][..], &sealed.ciphertext[..7], &[0; 9]] {
            let opened = decrypt(&sealed.algorithm, broken, "1234");
            assert_eq!(opened.unwrap_err(), DecryptError::Password);
        }
    }
}
