//! The key derivation of PKCS#12 (RFC 7292 appendix B.2), with SHA-1 and SHA-256.
//!
//! RFC 7292 keeps it for the MAC and for the old encryption only; PBES2 has its own.

use std::num::NonZeroU32;

use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use crate::digest;

/// The digest that the derivation repeats.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
}

impl Digest {
    pub(super) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        [Self::Sha1, Self::Sha256]
            .into_iter()
            .find(|digest| digest.oid() == oid)
    }

    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => SHA1,
            Self::Sha256 => SHA256,
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn repeat(self, input: &[u8], iterations: NonZeroU32) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Sha1 => repeat(digest::sha1, input, iterations),
            Self::Sha256 => repeat(digest::sha256, input, iterations),
        }
    }
}

/// What the derived octets are for (RFC 7292 appendix B.3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    EncryptionKey = 1,
    InitialisationVector = 2,
    Mac = 3,
}

/// `N` octets from a password. The password counts as a BMPString that ends with a NULL.
pub(super) fn derive<const N: usize>(
    digest: Digest,
    purpose: Purpose,
    password: &str,
    salt: &[u8],
    iterations: NonZeroU32,
) -> Zeroizing<[u8; N]> {
    let password: Zeroizing<Vec<u8>> = Zeroizing::new(
        password
            .encode_utf16()
            .chain(std::iter::once(0))
            .flat_map(u16::to_be_bytes)
            .collect(),
    );
    let diversifier = [purpose as u8; BLOCK];
    let mut input = Zeroizing::new([&diversifier[..], &filled(salt), &filled(&password)].concat());
    let mut out = Zeroizing::new([0; N]);
    for piece in out.chunks_mut(digest.length()) {
        let value = digest.repeat(&input, iterations);
        for (to, from) in piece.iter_mut().zip(value.iter()) {
            *to = *from;
        }
        for block in input.chunks_mut(BLOCK).skip(1) {
            add_with_one(block, &value);
        }
    }
    out
}

/// Repeats `octets` until whole blocks are full.
fn filled(octets: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = octets.len().div_ceil(BLOCK) * BLOCK;
    Zeroizing::new(octets.iter().copied().cycle().take(length).collect())
}

fn repeat<const L: usize>(
    hash: fn(&[u8]) -> [u8; L],
    input: &[u8],
    iterations: NonZeroU32,
) -> Zeroizing<Vec<u8>> {
    let mut value = Zeroizing::new(hash(input));
    for _ in 1..iterations.get() {
        *value = hash(value.as_slice());
    }
    Zeroizing::new(value.to_vec())
}

/// Adds `value`, repeated to the length of a block, and one to a big-endian number; what runs over
/// its end is dropped (step 6C).
fn add_with_one(block: &mut [u8], value: &[u8]) {
    let addend: Zeroizing<Vec<u8>> =
        Zeroizing::new(value.iter().copied().cycle().take(block.len()).collect());
    let mut carry = true;
    for (to, from) in block.iter_mut().zip(addend.iter()).rev() {
        (*to, carry) = to.carrying_add(*from, carry);
    }
}

/// Both digests work on blocks of this many octets.
const BLOCK: usize = 64;
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

#[cfg(test)]
mod tests {
    use super::*;

    fn sha1<const N: usize>(purpose: Purpose, password: &str, salt: u64, count: u32) -> [u8; N] {
        let count = NonZeroU32::new(count).unwrap();
        *derive(Digest::Sha1, purpose, password, &salt.to_be_bytes(), count)
    }

    #[test]
    fn derived_octets_are_those_of_openssl() {
        // `openssl kdf … PKCS12KDF` of OpenSSL 3.0.19 gives these octets.
        use Purpose::{EncryptionKey, InitialisationVector, Mac};
        assert_eq!(
            sha1(EncryptionKey, "smeg", 0x0a58_cf64_530d_823f, 1),
            [
                0x8a, 0xaa, 0xe6, 0x29, 0x7b, 0x6c, 0xb0, 0x46, 0x42, 0xab, 0x5b, 0x07, 0x78, 0x51,
                0x28, 0x4e, 0xb7, 0x12, 0x8f, 0x1a, 0x2a, 0x7f, 0xbc, 0xa3
            ]
        );
        assert_eq!(
            sha1(EncryptionKey, "queeg", 0x05de_c959_acff_72f7, 1000),
            [
                0xed, 0x20, 0x34, 0xe3, 0x63, 0x28, 0x83, 0x0f, 0xf0, 0x9d, 0xf1, 0xe1, 0xa0, 0x7d,
                0xd3, 0x57, 0x18, 0x5d, 0xac, 0x0d, 0x4f, 0x9e, 0xb3, 0xd4
            ]
        );
        assert_eq!(
            sha1(InitialisationVector, "queeg", 0x05de_c959_acff_72f7, 1000),
            [0x11, 0xde, 0xda, 0xd7, 0x75, 0x8d, 0x48, 0x60]
        );
        assert_eq!(
            sha1(Mac, "queeg", 0x2632_16fc_c2fa_b31c, 1000),
            [
                0x5e, 0xc4, 0xc7, 0xa8, 0x0d, 0xf6, 0x52, 0x29, 0x4c, 0x39, 0x25, 0xb6, 0x48, 0x9a,
                0x7a, 0xb8, 0x57, 0xc8, 0x34, 0x76
            ]
        );
    }

    #[test]
    fn a_carry_runs_through_a_block_and_over_its_end() {
        let mut block = [0xff; 4];
        add_with_one(&mut block, &[0x00]);
        assert_eq!(block, [0; 4]);
        let mut block = [0x00, 0x01, 0xff, 0xfe];
        add_with_one(&mut block, &[0x01, 0x02, 0x03]);
        assert_eq!(block, [0x01, 0x04, 0x03, 0x00]);
    }
}
