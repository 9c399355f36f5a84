//! Key algorithms, key generation, SubjectPublicKeyInfo and key identifiers (RFC 8017, RFC 5480,
//! RFC 5958, RFC 5280 §4.1.2.7 and §4.2.1.2).
//!
//! A key that is weak for a known reason is refused by [`PublicKey::check_strength`]; the rules
//! stand in `key/strength.rs`.

use std::{fmt, str::FromStr, sync::Arc};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{self, KeySize},
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, ParsedPublicKey, VerificationAlgorithm,
    },
};
use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use crate::{
    digest::{self, MessageDigest},
    random,
    signer::SignError,
    tlv::{self, Malformed, Reader},
};

mod strength;

pub use strength::WeakKey;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The kinds of keys this product makes and accepts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
}

impl KeyAlgorithm {
    /// True for RSA of any size.
    pub fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// Whether a key of this kind may stand where a profile wants `wanted`: the very curve, or RSA that is not shorter
    /// (K6).
    pub fn satisfies(self, wanted: Self) -> bool {
        match (self, wanted) {
            (Self::P256, Self::P256)
            | (Self::P384, Self::P384)
            | (Self::Rsa4096, Self::Rsa4096 | Self::Rsa3072 | Self::Rsa2048)
            | (Self::Rsa3072, Self::Rsa3072 | Self::Rsa2048)
            | (Self::Rsa2048, Self::Rsa2048) => true,
            (Self::P256 | Self::P384 | Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096, _) => false,
        }
    }

    /// The DER Attribute that asks for a key of this kind: the curve, or the bits of the modulus (RFC 7030 §4.5.2).
    pub(crate) fn wanted_attribute(self) -> Vec<u8> {
        let (kind, value) = match self {
            Self::P256 => (&EC_PUBLIC_KEY, tlv::object_identifier(&SECP256R1)),
            Self::P384 => (&EC_PUBLIC_KEY, tlv::object_identifier(&SECP384R1)),
            Self::Rsa2048 => (&RSA_ENCRYPTION, bits(2048)),
            Self::Rsa3072 => (&RSA_ENCRYPTION, bits(3072)),
            Self::Rsa4096 => (&RSA_ENCRYPTION, bits(4096)),
        };
        tlv::sequence(&[
            &tlv::object_identifier(kind),
            &tlv::wrap(tlv::SET, &[&value]),
        ])
    }

    fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_ASN1,
            Self::P384 => &signature::ECDSA_P384_SHA384_ASN1,
            Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096 => &signature::RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for KeyAlgorithm {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        [
            Self::P256,
            Self::P384,
            Self::Rsa2048,
            Self::Rsa3072,
            Self::Rsa4096,
        ]
        .into_iter()
        .find(|algorithm| algorithm.name() == text)
        .ok_or(KeyError::UnsupportedAlgorithm)
    }
}

/// Why a key cannot be made or used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The provider made no key.
    #[error("the key was not generated")]
    Generation,
    /// The bytes are no key of the form expected.
    #[error("malformed key")]
    Malformed,
    /// An algorithm, curve or size that this product does not use.
    #[error("unsupported key algorithm")]
    UnsupportedAlgorithm,
    /// The public key is weak.
    #[error("weak key: {0}")]
    Weak(#[from] WeakKey),
}

impl From<Malformed> for KeyError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A private key. It has no printable form; the provider wipes it when it is dropped.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

impl PrivateKey {
    /// Makes a new key with the provider's own randomness. RSA takes 50 ms and more.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, KeyError> {
        let pair = match algorithm {
            KeyAlgorithm::P256 => Pair::Ecdsa(generate_ecdsa(&SIGN_P256)?),
            KeyAlgorithm::P384 => Pair::Ecdsa(generate_ecdsa(&SIGN_P384)?),
            KeyAlgorithm::Rsa2048 => Pair::Rsa(generate_rsa(KeySize::Rsa2048)?),
            KeyAlgorithm::Rsa3072 => Pair::Rsa(generate_rsa(KeySize::Rsa3072)?),
            KeyAlgorithm::Rsa4096 => Pair::Rsa(generate_rsa(KeySize::Rsa4096)?),
        };
        Self::from_pair(pair)
    }

    /// Reads an unencrypted PKCS#8 `PrivateKeyInfo` (RFC 5958).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(pair) = rsa::KeyPair::from_pkcs8(der) {
            return Self::from_pair(Pair::Rsa(pair));
        }
        let pair = EcdsaKeyPair::from_pkcs8(&SIGN_P256, der)
            .or_else(|_| EcdsaKeyPair::from_pkcs8(&SIGN_P384, der))
            .map_err(|_| KeyError::Malformed)?;
        Self::from_pair(Pair::Ecdsa(pair))
    }

    /// The unencrypted PKCS#8 `PrivateKeyInfo`; wiped when dropped.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        match &self.pair {
            Pair::Ecdsa(pair) => pair
                .to_pkcs8v1()
                .map(|document| Zeroizing::new(document.as_ref().to_vec()))
                .map_err(|_| KeyError::Malformed),
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Malformed)?;
                Ok(Zeroizing::new(der.as_ref().to_vec()))
            }
        }
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = random::source();
        match &self.pair {
            Pair::Ecdsa(pair) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Refused),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &signature::RSA_PKCS1_SHA256,
                    &random,
                    message,
                    &mut signature,
                )
                .map_err(|_| SignError::Refused)?;
                Ok(signature)
            }
        }
    }

    pub(crate) fn sign_digest(&self, digest: &MessageDigest) -> Result<Vec<u8>, SignError> {
        match &self.pair {
            Pair::Ecdsa(pair) => pair
                .sign_digest(digest.provider())
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Refused),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(
                    &signature::RSA_PKCS1_SHA256,
                    digest.provider(),
                    &mut signature,
                )
                .map_err(|_| SignError::Refused)?;
                Ok(signature)
            }
        }
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let (algorithm, key) = match &pair {
            Pair::Rsa(pair) => (
                tlv::sequence(&[&tlv::object_identifier(&RSA_ENCRYPTION), &tlv::null()]),
                pair.public_key().as_ref(),
            ),
            Pair::Ecdsa(pair) => {
                let curve = if pair.algorithm() == &SIGN_P256 {
                    SECP256R1
                } else {
                    SECP384R1
                };
                (
                    tlv::sequence(&[
                        &tlv::object_identifier(&EC_PUBLIC_KEY),
                        &tlv::object_identifier(&curve),
                    ]),
                    pair.public_key().as_ref(),
                )
            }
        };
        let spki = tlv::sequence(&[&algorithm, &tlv::bit_string(key)]);
        let public = PublicKey::from_spki_der(&spki)?;
        Ok(Self { pair, public })
    }
}

fn bits(number: u16) -> Vec<u8> {
    tlv::unsigned_integer(&number.to_be_bytes())
}

static SIGN_P256: EcdsaSigningAlgorithm = signature::ECDSA_P256_SHA256_ASN1_SIGNING;
static SIGN_P384: EcdsaSigningAlgorithm = signature::ECDSA_P384_SHA384_ASN1_SIGNING;

fn generate_ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Result<EcdsaKeyPair, KeyError> {
    EcdsaKeyPair::generate(algorithm).map_err(|_| KeyError::Generation)
}

fn generate_rsa(size: KeySize) -> Result<rsa::KeyPair, KeyError> {
    rsa::KeyPair::generate(size).map_err(|_| KeyError::Generation)
}

/// A public key: its SubjectPublicKeyInfo, parsed once. Cloning is cheap.
#[derive(Clone)]
pub struct PublicKey {
    inner: Arc<Inner>,
}

struct Inner {
    spki: Vec<u8>,
    algorithm: KeyAlgorithm,
    /// Content of the BIT STRING subjectPublicKey.
    key: Vec<u8>,
    identifier: [u8; 20],
    parsed: ParsedPublicKey,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`. Points must lie on their curve; RSA moduli must have a
    /// size of [`KeyAlgorithm`]. Use [`Self::check_strength`] before certifying a key.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let mut fields = Reader::sequence_in(der)?;
        let mut algorithm = fields.sequence()?;
        let key = fields.bit_string()?;
        fields.finish()?;
        let algorithm = match algorithm.object_identifier()? {
            RSA_ENCRYPTION => {
                if !algorithm.optional_null()? {
                    return Err(KeyError::Malformed);
                }
                algorithm.finish()?;
                rsa_algorithm(key)?
            }
            EC_PUBLIC_KEY => {
                let curve = algorithm.object_identifier()?;
                algorithm.finish()?;
                ecdsa_algorithm(curve, key)?
            }
            _ => return Err(KeyError::UnsupportedAlgorithm),
        };
        let parsed =
            ParsedPublicKey::new(algorithm.verification(), key).map_err(|_| KeyError::Malformed)?;
        let inner = Inner {
            spki: der.to_vec(),
            algorithm,
            key: key.to_vec(),
            identifier: digest::sha1(key),
            parsed,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The DER `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.inner.spki
    }

    /// The kind of key.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.inner.algorithm
    }

    /// SHA-1 of the subjectPublicKey bits (RFC 5280 §4.2.1.2 method 1).
    pub fn key_identifier(&self) -> [u8; 20] {
        self.inner.identifier
    }

    /// SHA-256 of the whole SubjectPublicKeyInfo.
    pub fn spki_sha256(&self) -> [u8; 32] {
        digest::sha256(self.spki_der())
    }

    /// Content of subjectPublicKey: what OCSP hashes (RFC 6960 §4.1.1), an `RSAPublicKey` (RFC 8017 §A.1.1) or a point.
    pub fn key_octets(&self) -> &[u8] {
        &self.inner.key
    }

    /// Checks a signature over `message` with the algorithm that belongs to this kind of key.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.inner.parsed.verify_sig(message, signature).is_ok()
    }

    /// Checks a signature over a message of which only the digest is at hand.
    pub fn verify_digest(&self, digest: &MessageDigest, signature: &[u8]) -> bool {
        self.inner
            .parsed
            .verify_digest_sig(digest.provider(), signature)
            .is_ok()
    }

    /// Refuses keys with a known weakness: bad exponent, small factor, ROCA, factors too close.
    pub fn check_strength(&self) -> Result<(), WeakKey> {
        if self.algorithm().is_rsa() {
            strength::check_rsa(&self.inner.key)
        } else {
            Ok(())
        }
    }

    /// The part of [`Self::check_strength`] that costs nothing: size and exponent.
    pub(crate) fn check_size(&self) -> Result<(), WeakKey> {
        if self.algorithm().is_rsa() {
            strength::check_rsa_size(&self.inner.key).map(|_| ())
        } else {
            Ok(())
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki_der() == other.spki_der()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({}, ", self.algorithm())?;
        for octet in self.key_identifier() {
            write!(formatter, "{octet:02x}")?;
        }
        formatter.write_str(")")
    }
}

fn rsa_algorithm(key: &[u8]) -> Result<KeyAlgorithm, KeyError> {
    let mut numbers = Reader::sequence_in(key)?;
    let modulus = numbers.unsigned_integer()?;
    numbers.unsigned_integer()?;
    numbers.finish()?;
    match strength::bit_length(modulus) {
        bits @ 0..2048 => Err(KeyError::Weak(WeakKey::ModulusTooShort(bits))),
        2048 => Ok(KeyAlgorithm::Rsa2048),
        3072 => Ok(KeyAlgorithm::Rsa3072),
        4096 => Ok(KeyAlgorithm::Rsa4096),
        _ => Err(KeyError::UnsupportedAlgorithm),
    }
}

fn ecdsa_algorithm(curve: ObjectIdentifier, point: &[u8]) -> Result<KeyAlgorithm, KeyError> {
    let (algorithm, length) = match curve {
        SECP256R1 => (KeyAlgorithm::P256, 65),
        SECP384R1 => (KeyAlgorithm::P384, 97),
        _ => return Err(KeyError::UnsupportedAlgorithm),
    };
    if point.first() == Some(&4) && point.len() == length {
        Ok(algorithm)
    } else {
        Err(KeyError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_of_every_kind_sign_and_survive_pkcs8() {
        for algorithm in [
            KeyAlgorithm::P256,
            KeyAlgorithm::P384,
            KeyAlgorithm::Rsa2048,
        ] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let again = PrivateKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(again.public_key().algorithm(), algorithm);
            let signature = again.sign(b"message").unwrap();
            assert!(key.public_key().verify(b"message", &signature));
            assert!(!key.public_key().verify(b"massage", &signature));
            assert_eq!(key.public_key().check_strength(), Ok(()));
        }
    }

    #[test]
    fn names_of_algorithms_read_back() {
        for name in ["p256", "p384", "rsa2048", "rsa3072", "rsa4096"] {
            assert_eq!(name.parse::<KeyAlgorithm>().unwrap().to_string(), name);
        }
        assert_eq!(
            "rsa1024".parse::<KeyAlgorithm>(),
            Err(KeyError::UnsupportedAlgorithm)
        );
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let mut spki = key.public_key().spki_der().to_vec();
        let last = spki.len() - 1;
        spki[last] ^= 1;
        assert_eq!(
            PublicKey::from_spki_der(&spki).unwrap_err(),
            KeyError::Malformed
        );
    }

    #[test]
    fn a_short_modulus_is_weak() {
        let modulus = tlv::unsigned_integer(&[0xc3; 128]);
        let key = tlv::sequence(&[&modulus, &tlv::unsigned_integer(&[1, 0, 1])]);
        let algorithm = tlv::sequence(&[&tlv::object_identifier(&RSA_ENCRYPTION), &tlv::null()]);
        let spki = tlv::sequence(&[&algorithm, &tlv::bit_string(&key)]);
        assert_eq!(
            PublicKey::from_spki_der(&spki).unwrap_err(),
            KeyError::Weak(WeakKey::ModulusTooShort(1024))
        );
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = PublicKey::from_spki_der(&bytes);
            let _ = PublicKey::from_spki_der(&tlv::sequence(&[&bytes]));
            prop_assert!(PrivateKey::from_pkcs8(&bytes).is_err());
        }
    }
}
