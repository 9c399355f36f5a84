//! Password-based encryption PBES2 (RFC 8018 §6.2): PBKDF2 with HMAC-SHA-256 and AES-256-CBC.
//!
//! Both the key file ([`crate::soft`]) and PKCS#12 use it. Other parameters are not read.

use std::num::NonZeroU32;

use aws_lc_rs::{
    cipher::{
        AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
        PaddedBlockEncryptingKey, UnboundCipherKey,
    },
    iv::FixedLength,
    pbkdf2,
};
use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use crate::{
    random::{self, RandomFailed},
    tlv::{self, Malformed, Reader},
};

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");

/// More iterations than this are not computed for a file from outside (CVE-2026-63572).
const MOST_ITERATIONS: u32 = 10_000_000;
const BLOCK: usize = 16;

/// Encrypted bytes with the DER `AlgorithmIdentifier` that says how.
pub(crate) struct Encrypted {
    pub(crate) algorithm: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

/// Nothing was encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum EncryptError {
    #[error("the cipher refused")]
    Cipher,
    #[error(transparent)]
    Random(#[from] RandomFailed),
}

/// Nothing was decrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum DecryptError {
    #[error("malformed or unsupported encryption parameters")]
    Parameters,
    #[error("wrong password or damaged data")]
    Password,
}

impl From<Malformed> for DecryptError {
    fn from(_: Malformed) -> Self {
        Self::Parameters
    }
}

/// Encrypts with a fresh 16-octet salt and a fresh initialisation vector.
pub(crate) fn encrypt(
    plaintext: &[u8],
    password: &[u8],
    iterations: NonZeroU32,
) -> Result<Encrypted, EncryptError> {
    let salt: [u8; 16] = random::octets()?;
    let vector: [u8; BLOCK] = random::octets()?;
    let key = derive(password, &salt, iterations);
    let cipher = UnboundCipherKey::new(&AES_256, key.as_slice())
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .map_err(|_| EncryptError::Cipher)?;
    // Room for the padding, so that no second copy of the plaintext is made.
    let mut buffer = Vec::with_capacity(plaintext.len() + BLOCK);
    buffer.extend_from_slice(plaintext);
    cipher
        .less_safe_encrypt(
            &mut buffer,
            EncryptionContext::Iv128(FixedLength::from(vector)),
        )
        .map_err(|_| EncryptError::Cipher)?;
    Ok(Encrypted {
        algorithm: parameters(&salt, iterations, &vector),
        ciphertext: buffer,
    })
}

/// Decrypts what [`encrypt`] or another implementation wrote with the same algorithms.
pub(crate) fn decrypt(
    algorithm: &[u8],
    ciphertext: &[u8],
    password: &[u8],
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let (salt, iterations, vector) = read_parameters(algorithm)?;
    let key = derive(password, salt, iterations);
    let cipher = UnboundCipherKey::new(&AES_256, key.as_slice())
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .map_err(|_| DecryptError::Parameters)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = cipher
        .decrypt(
            &mut buffer,
            DecryptionContext::Iv128(FixedLength::from(vector)),
        )
        .map_err(|_| DecryptError::Password)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

fn derive(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        iterations,
        salt,
        password,
        key.as_mut_slice(),
    );
    key
}

fn parameters(salt: &[u8], iterations: NonZeroU32, vector: &[u8]) -> Vec<u8> {
    let function = tlv::sequence(&[
        &tlv::object_identifier(&PBKDF2),
        &tlv::sequence(&[
            &tlv::octet_string(salt),
            &tlv::unsigned_integer(&iterations.get().to_be_bytes()),
            &tlv::sequence(&[&tlv::object_identifier(&HMAC_SHA256), &tlv::null()]),
        ]),
    ]);
    let scheme = tlv::sequence(&[
        &tlv::object_identifier(&AES_256_CBC),
        &tlv::octet_string(vector),
    ]);
    tlv::sequence(&[
        &tlv::object_identifier(&PBES2),
        &tlv::sequence(&[&function, &scheme]),
    ])
}

fn read_parameters(algorithm: &[u8]) -> Result<(&[u8], NonZeroU32, [u8; BLOCK]), DecryptError> {
    let mut outer = Reader::sequence_in(algorithm)?;
    require(outer.object_identifier()? == PBES2)?;
    let mut pair = outer.sequence()?;
    outer.finish()?;
    let mut function = pair.sequence()?;
    let mut scheme = pair.sequence()?;
    pair.finish()?;

    require(function.object_identifier()? == PBKDF2)?;
    let mut values = function.sequence()?;
    function.finish()?;
    let salt = values.expect(tlv::OCTET_STRING)?;
    let iterations = iteration_count(values.unsigned_integer()?)?;
    if let Some(length) = values.optional(tlv::INTEGER)? {
        require(length == [32])?;
    }
    require(values.sequence()?.object_identifier()? == HMAC_SHA256)?;
    values.finish()?;

    require(scheme.object_identifier()? == AES_256_CBC)?;
    let vector = scheme.expect(tlv::OCTET_STRING)?;
    scheme.finish()?;
    let vector = vector.try_into().map_err(|_| DecryptError::Parameters)?;
    Ok((salt, iterations, vector))
}

/// An iteration count from a file: at least one, at most ten million.
pub(crate) fn iteration_count(magnitude: &[u8]) -> Result<NonZeroU32, Malformed> {
    if magnitude.len() > 4 {
        return Err(Malformed);
    }
    let count = magnitude
        .iter()
        .fold(0_u32, |count, octet| count << 8 | u32::from(*octet));
    NonZeroU32::new(count)
        .filter(|count| count.get() <= MOST_ITERATIONS)
        .ok_or(Malformed)
}

fn require(condition: bool) -> Result<(), DecryptError> {
    if condition {
        Ok(())
    } else {
        Err(DecryptError::Parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_decrypts() {
        let sealed = encrypt(b"secret", b"1234", NonZeroU32::new(100).unwrap()).unwrap();
        let opened = decrypt(&sealed.algorithm, &sealed.ciphertext, b"1234").unwrap();
        assert_eq!(opened.as_slice(), b"secret");
        // A wrong key can leave valid padding once in 256 tries, never the same text.
        let wrong = decrypt(&sealed.algorithm, &sealed.ciphertext, b"1235");
        assert!(wrong.is_err() || wrong.unwrap().as_slice() != b"secret");
    }

    #[test]
    fn hostile_iteration_counts_are_refused() {
        assert_eq!(iteration_count(&[]), Err(Malformed));
        assert_eq!(iteration_count(&[1, 0, 0, 0, 0]), Err(Malformed));
        assert_eq!(
            iteration_count(&10_000_001_u32.to_be_bytes()),
            Err(Malformed)
        );
        assert_eq!(iteration_count(&[0x27, 0x10]).unwrap().get(), 10_000);
    }
}
