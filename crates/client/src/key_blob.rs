//! Private keys in the forms that Windows imports: CAPI's `PRIVATEKEYBLOB` and CNG's `RSAFULLPRIVATEBLOB` and
//! `ECCPRIVATEBLOB`, made from PKCS#8 (RFC 5958) with PKCS#1 (RFC 8017 A.1.2) or SEC 1 (RFC 5915) inside.
//!
//! Pure arithmetic on octets, so that it is tested on any machine. What is returned is wiped when dropped.

use der::asn1::{AnyRef, ContextSpecific, OctetStringRef, UintRef};
use der::{Decode, Reader, Sequence};
use zeroize::Zeroizing;

const CAPI_PRIVATE_KEY: u8 = 7;
const CAPI_VERSION: u8 = 2;
const CALG_RSA_KEYX: u32 = 0xa400;
const CAPI_RSA_PRIVATE: &[u8; 4] = b"RSA2";
const CNG_RSA_FULL_PRIVATE: &[u8; 4] = b"RSA3";
const CNG_ECDSA_PRIVATE_P256: &[u8; 4] = b"ECS2";
const CNG_ECDSA_PRIVATE_P384: &[u8; 4] = b"ECS4";
/// Octets before the numbers of a `RSAPUBLICBLOB` and of a `ECCPUBLICBLOB`.
const RSA_HEADER: usize = 24;
const EC_HEADER: usize = 8;
/// `AlgorithmIdentifier` of RSA (RFC 8017) and of the two curves (RFC 5480), whole.
const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
const EC_P256: &[u8] =
    b"\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const EC_P384: &[u8] = b"\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";

/// The key is no PKCS#8 of a kind that Windows takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private key has a form that the system does not take")]
pub(crate) struct NotImportable;

impl From<der::Error> for NotImportable {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// An RSA key as `PRIVATEKEYBLOB` (little-endian numbers), for key exchange and signatures.
pub(crate) fn capi_rsa(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotImportable> {
    let info = PrivateKeyInfo::from_der(pkcs8)?;
    let key = RsaPrivateKey::from_der(info.private_key.as_bytes())?;
    let octets = key.modulus.as_bytes().len();
    let exponent = key.exponent()?;
    let mut blob = Blob::with_capacity(20 + 5 * octets);
    blob.octets(&[CAPI_PRIVATE_KEY, CAPI_VERSION, 0, 0]);
    blob.number(CALG_RSA_KEYX);
    blob.octets(CAPI_RSA_PRIVATE);
    blob.number(size(octets * 8)?);
    blob.number(exponent);
    blob.little_endian(&key.modulus, octets)?;
    for half in [
        &key.prime1,
        &key.prime2,
        &key.exponent1,
        &key.exponent2,
        &key.coefficient,
    ] {
        blob.little_endian(half, octets / 2)?;
    }
    blob.little_endian(&key.private_exponent, octets)?;
    Ok(blob.0)
}

/// An RSA key as `RSAFULLPRIVATEBLOB` (big-endian numbers).
pub(crate) fn cng_rsa(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotImportable> {
    let info = PrivateKeyInfo::from_der(pkcs8)?;
    let key = RsaPrivateKey::from_der(info.private_key.as_bytes())?;
    let octets = key.modulus.as_bytes().len();
    let exponent = key.public_exponent.as_bytes();
    let mut blob = Blob::with_capacity(24 + exponent.len() + 5 * octets);
    blob.octets(CNG_RSA_FULL_PRIVATE);
    for length in [octets * 8, exponent.len(), octets, octets / 2, octets / 2] {
        blob.number(size(length)?);
    }
    blob.octets(exponent);
    blob.big_endian(&key.modulus, octets)?;
    for half in [
        &key.prime1,
        &key.prime2,
        &key.exponent1,
        &key.exponent2,
        &key.coefficient,
    ] {
        blob.big_endian(half, octets / 2)?;
    }
    blob.big_endian(&key.private_exponent, octets)?;
    Ok(blob.0)
}

/// A key on P-256 or P-384 as `ECCPRIVATEBLOB`. `spki` is the public half, whose last octets are the point.
pub(crate) fn cng_ec(pkcs8: &[u8], spki: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotImportable> {
    let info = PrivateKeyInfo::from_der(pkcs8)?;
    let key = EcPrivateKey::from_der(info.private_key.as_bytes())?;
    let scalar = key.private_key.as_bytes();
    let magic = match scalar.len() {
        32 => CNG_ECDSA_PRIVATE_P256,
        48 => CNG_ECDSA_PRIVATE_P384,
        _ => return Err(NotImportable),
    };
    let point = spki
        .len()
        .checked_sub(2 * scalar.len())
        .and_then(|from| spki.get(from..));
    let mut blob = Blob::with_capacity(8 + 3 * scalar.len());
    blob.octets(magic);
    blob.number(size(scalar.len())?);
    blob.octets(point.ok_or(NotImportable)?);
    blob.octets(scalar);
    Ok(blob.0)
}

/// `r` and `s` side by side, as Windows signs, in the DER of RFC 3279 §2.2.3.
pub(crate) fn ecdsa_der(signature: &[u8]) -> Result<Vec<u8>, NotImportable> {
    let (r, s) = signature
        .split_at_checked(signature.len() / 2)
        .ok_or(NotImportable)?;
    let pair = EcdsaSignature {
        r: UintRef::new(r)?,
        s: UintRef::new(s)?,
    };
    Ok(der::Encode::to_der(&pair)?)
}

/// `SubjectPublicKeyInfo` of a `RSAPUBLICBLOB`.
pub(crate) fn spki_of_rsa(blob: &[u8]) -> Result<Vec<u8>, NotImportable> {
    let length = |at: usize| -> Result<usize, NotImportable> {
        let octets = blob.get(at..).and_then(<[u8]>::first_chunk::<4>);
        let number = u32::from_le_bytes(*octets.ok_or(NotImportable)?);
        usize::try_from(number).map_err(|_| NotImportable)
    };
    let (exponent, modulus) = (length(8)?, length(12)?);
    let rest = blob.get(RSA_HEADER..).ok_or(NotImportable)?;
    let (exponent, rest) = rest.split_at_checked(exponent).ok_or(NotImportable)?;
    let key = RsaPublicKey {
        modulus: UintRef::new(rest.get(..modulus).ok_or(NotImportable)?)?,
        public_exponent: UintRef::new(exponent)?,
    };
    let key = der::Encode::to_der(&key)?;
    Ok(spki(RSA_ENCRYPTION, &key))
}

/// `SubjectPublicKeyInfo` of a `ECCPUBLICBLOB` on P-256 or P-384.
pub(crate) fn spki_of_ec(blob: &[u8]) -> Result<Vec<u8>, NotImportable> {
    let point = blob.get(EC_HEADER..).ok_or(NotImportable)?;
    let algorithm = match point.len() {
        64 => EC_P256,
        96 => EC_P384,
        _ => return Err(NotImportable),
    };
    Ok(spki(algorithm, &[&[4], point].concat()))
}

/// Joins an `AlgorithmIdentifier` and the octets of a key.
fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = element(0x03, &[&[0], key].concat());
    element(0x30, &[algorithm, &bits].concat())
}

/// Tag, length (below 65536) and value.
fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let [_, _, _, _, _, _, high, low] = (value.len() as u64).to_be_bytes();
    let mut der = vec![tag];
    match value.len() {
        0..=127 => der.push(low),
        128..=255 => der.extend([0x81, low]),
        _ => der.extend([0x82, high, low]),
    }
    der.extend(value);
    der
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

#[derive(Sequence)]
struct PrivateKeyInfo<'a> {
    version: u8,
    algorithm: AnyRef<'a>,
    private_key: &'a OctetStringRef,
}

#[derive(Sequence)]
struct RsaPrivateKey<'a> {
    version: u8,
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
    private_exponent: UintRef<'a>,
    prime1: UintRef<'a>,
    prime2: UintRef<'a>,
    exponent1: UintRef<'a>,
    exponent2: UintRef<'a>,
    coefficient: UintRef<'a>,
}

impl RsaPrivateKey<'_> {
    fn exponent(&self) -> Result<u32, NotImportable> {
        let octets = self.public_exponent.as_bytes();
        if octets.len() > 4 {
            return Err(NotImportable);
        }
        Ok(octets
            .iter()
            .fold(0, |sum, &octet| (sum << 8) | u32::from(octet)))
    }
}

struct EcPrivateKey<'a> {
    private_key: &'a OctetStringRef,
}

impl<'a> Decode<'a> for EcPrivateKey<'a> {
    type Error = der::Error;

    fn decode<R: Reader<'a>>(reader: &mut R) -> der::Result<Self> {
        reader.sequence(|inner: &mut R| {
            let _version: u8 = inner.decode()?;
            let private_key = inner.decode()?;
            let _curve: Option<ContextSpecific<AnyRef<'_>>> =
                ContextSpecific::decode_explicit(inner, der::TagNumber(0))?;
            let _public: Option<ContextSpecific<AnyRef<'_>>> =
                ContextSpecific::decode_explicit(inner, der::TagNumber(1))?;
            Ok(Self { private_key })
        })
    }
}

#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// A buffer that never moves its secrets: its capacity is known at the start.
struct Blob(Zeroizing<Vec<u8>>);

impl Blob {
    fn with_capacity(octets: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(octets)))
    }

    fn octets(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    fn number(&mut self, number: u32) {
        self.octets(&number.to_le_bytes());
    }

    fn big_endian(&mut self, number: &UintRef<'_>, width: usize) -> Result<(), NotImportable> {
        let octets = number.as_bytes();
        let zeros = width.checked_sub(octets.len()).ok_or(NotImportable)?;
        self.0.extend(std::iter::repeat_n(0, zeros));
        self.octets(octets);
        Ok(())
    }

    fn little_endian(&mut self, number: &UintRef<'_>, width: usize) -> Result<(), NotImportable> {
        let octets = number.as_bytes();
        let zeros = width.checked_sub(octets.len()).ok_or(NotImportable)?;
        self.0.extend(octets.iter().rev());
        self.0.extend(std::iter::repeat_n(0, zeros));
        Ok(())
    }
}

fn size(octets: usize) -> Result<u32, NotImportable> {
    u32::try_from(octets).map_err(|_| NotImportable)
}

#[cfg(test)]
mod tests {
    use tegata_pki::key::{KeyAlgorithm, PrivateKey};

    use super::*;

    #[test]
    fn both_rsa_forms_hold_the_same_numbers_in_either_order() {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let pkcs8 = key.to_pkcs8().unwrap();
        let (capi, cng) = (capi_rsa(&pkcs8).unwrap(), cng_rsa(&pkcs8).unwrap());
        assert_eq!(capi.len(), 20 + 256 * 2 + 128 * 5);
        assert_eq!(cng.len(), 24 + 3 + 256 * 2 + 128 * 5);
        assert_eq!(capi[16..20], [1, 0, 1, 0]);
        assert_eq!(cng[24..27], [1, 0, 1]);
        let mut at = (20, 27);
        for width in [256, 128, 128, 128, 128, 128, 256] {
            let little: Vec<u8> = capi[at.0..at.0 + width].iter().rev().copied().collect();
            assert_eq!(little, cng[at.1..at.1 + width]);
            at = (at.0 + width, at.1 + width);
        }
        let modulus = key.public_key().spki_der();
        assert!(
            modulus
                .windows(256)
                .any(|window| window == &cng[27..27 + 256])
        );
    }

    #[test]
    fn an_elliptic_key_is_its_point_and_then_its_number() {
        for (algorithm, width, magic) in [
            (KeyAlgorithm::P256, 32, b"ECS2"),
            (KeyAlgorithm::P384, 48, b"ECS4"),
        ] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let spki = key.public_key().spki_der();
            let blob = cng_ec(&key.to_pkcs8().unwrap(), spki).unwrap();
            assert_eq!(&blob[..4], magic);
            assert_eq!(blob.len(), 8 + 3 * width);
            assert!(spki.ends_with(&blob[8..8 + 2 * width]));
        }
    }

    #[test]
    fn a_key_of_the_other_kind_is_refused() {
        let rsa = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let ec = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        assert!(cng_ec(&rsa.to_pkcs8().unwrap(), rsa.public_key().spki_der()).is_err());
        assert!(capi_rsa(&ec.to_pkcs8().unwrap()).is_err());
        assert!(cng_rsa(b"no key").is_err());
    }

    #[test]
    fn the_public_half_that_the_system_shows_becomes_the_key_that_was_imported() {
        let key = PrivateKey::generate(KeyAlgorithm::Rsa2048).unwrap();
        let mut blob = cng_rsa(&key.to_pkcs8().unwrap()).unwrap().to_vec();
        blob.truncate(24 + 3 + 256);
        assert_eq!(spki_of_rsa(&blob).unwrap(), key.public_key().spki_der());
        for (algorithm, octets) in [(KeyAlgorithm::P256, 64), (KeyAlgorithm::P384, 96)] {
            let key = PrivateKey::generate(algorithm).unwrap();
            let spki = key.public_key().spki_der();
            let mut blob = cng_ec(&key.to_pkcs8().unwrap(), spki).unwrap().to_vec();
            blob.truncate(8 + octets);
            assert_eq!(spki_of_ec(&blob).unwrap(), spki);
        }
    }

    #[test]
    fn a_raw_signature_becomes_two_numbers() {
        let mut raw = [0_u8; 64];
        raw[31] = 5;
        raw[32] = 0x80;
        let der = ecdsa_der(&raw).unwrap();
        assert_eq!(der[..7], [0x30, 38, 2, 1, 5, 2, 33]);
        assert_eq!(der[7..9], [0, 0x80]);
    }
}
