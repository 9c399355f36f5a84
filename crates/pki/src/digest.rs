//! Message digests: SHA-256 and SHA-384 for signatures, SHA-1 only where a standard names it as an
//! identifier (RFC 5280 §4.2.1.2, RFC 6960 §4.1.1, certificate thumbprints) or where old systems
//! read nothing else (the old form of [`crate::pkcs12`]).

use aws_lc_rs::digest as provider;

/// A digest algorithm that a signature may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DigestAlgorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
}

/// A digest in the making; feed it piece by piece.
#[derive(Clone)]
pub struct Hasher(provider::Context);

impl Hasher {
    /// An empty digest.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(provider::Context::new(match algorithm {
            DigestAlgorithm::Sha256 => &provider::SHA256,
            DigestAlgorithm::Sha384 => &provider::SHA384,
        }))
    }

    /// Appends a piece of the message.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Closes the message.
    pub fn finish(self) -> MessageDigest {
        MessageDigest(self.0.finish())
    }
}

/// The finished digest of a whole message, ready to be signed.
#[derive(Clone)]
pub struct MessageDigest(provider::Digest);

impl MessageDigest {
    /// The provider's own form.
    pub(crate) fn provider(&self) -> &provider::Digest {
        &self.0
    }
}

impl AsRef<[u8]> for MessageDigest {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// SHA-256 of `message`.
pub fn sha256(message: &[u8]) -> [u8; 32] {
    fixed(&provider::digest(&provider::SHA256, message))
}

/// SHA-1 of `message`: an identifier or a step of an old key derivation, never a proof.
pub fn sha1(message: &[u8]) -> [u8; 20] {
    fixed(&provider::digest(
        &provider::SHA1_FOR_LEGACY_USE_ONLY,
        message,
    ))
}

fn fixed<const N: usize>(digest: &provider::Digest) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_abc_are_those_of_fips_180() {
        assert_eq!(sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(sha1(b"abc")[..4], [0xa9, 0x99, 0x3e, 0x36]);
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish().as_ref(), sha256(b"abc"));
    }
}
