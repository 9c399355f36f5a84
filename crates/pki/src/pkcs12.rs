//! PKCS#12 files (RFC 7292): a private key with its certificate chain under a password.
//!
//! Windows shows the friendlyName of the certificate's bag, Java that of the key's bag, so both
//! bags carry it. The key's bag also names the provider that Windows keeps the key with.
//! `pkcs12/read.rs` opens such files again. `pkcs12/kdf.rs` turns the password into keys,
//! `pkcs12/triple_des.rs` is the encryption of the old form.

use std::num::NonZeroU32;

use aws_lc_rs::hmac;
use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use crate::{
    digest,
    key::{KeyError, PrivateKey},
    pbes2::{self, EncryptError, Encrypted},
    random::{self, RandomFailed},
    tlv::{self, Malformed},
};

mod kdf;
mod read;
mod triple_des;

use kdf::{Digest, Purpose};
pub use read::{Opened, open};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const SHROUDED_KEY_BAG: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERT_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
const FRIENDLY_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");
const PROVIDER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.17.1");

const VERSION_3: u8 = 3;

/// Which algorithms the file uses; older systems read fewer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pkcs12Form {
    /// Triple-DES and HMAC-SHA-1 in every layer, for Windows 8.1, Server 2016 and older.
    Legacy,
    /// AES-256-CBC and HMAC-SHA-256 in every layer.
    Modern,
}

impl Pkcs12Form {
    /// The provider that Windows is to keep the key with.
    fn provider_name(self) -> &'static str {
        match self {
            Self::Legacy => "Microsoft Enhanced RSA and AES Cryptographic Provider",
            Self::Modern => "Microsoft Software Key Storage Provider",
        }
    }

    /// The digest under the MAC.
    fn mac_digest(self) -> Digest {
        match self {
            Self::Legacy => Digest::Sha1,
            Self::Modern => Digest::Sha256,
        }
    }

    fn encrypt(
        self,
        plaintext: &[u8],
        password: &str,
        iterations: NonZeroU32,
    ) -> Result<Encrypted, EncryptError> {
        match self {
            Self::Legacy => triple_des::encrypt(plaintext, password, iterations),
            Self::Modern => pbes2::encrypt(plaintext, password.as_bytes(), iterations),
        }
    }
}

/// Why a file cannot be written or opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Pkcs12Error {
    /// The cipher gave an error.
    #[error("the file was not encrypted")]
    Cipher,
    /// There is no certificate to go with the key.
    #[error("the chain is empty")]
    EmptyChain,
    /// The iteration count is zero.
    #[error("the iteration count is zero")]
    Iterations,
    /// The key cannot be encoded or decoded.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The bytes are no file of the form that this product writes.
    #[error("malformed or unsupported PKCS#12 file")]
    Malformed,
    /// The password is wrong, or the file is damaged.
    #[error("wrong password, or a damaged file")]
    Password,
    /// No salt could be drawn.
    #[error(transparent)]
    Random(#[from] RandomFailed),
}

impl From<Malformed> for Pkcs12Error {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<EncryptError> for Pkcs12Error {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::Cipher => Self::Cipher,
            EncryptError::Random(failed) => Self::Random(failed),
        }
    }
}

/// Writes a file: the key, and the DER certificates of `chain`, the key's own certificate first.
///
/// `iterations` counts for each of the three layers (key, certificates, MAC). The salts have 16
/// octets each. The password is taken as it is; rules about it belong to the caller.
pub fn write(
    key: &PrivateKey,
    chain: &[&[u8]],
    friendly_name: &str,
    password: &str,
    form: Pkcs12Form,
    iterations: u32,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let pkcs8 = key.to_pkcs8()?;
    write_pkcs8(&pkcs8, chain, friendly_name, password, form, iterations)
}

/// [`write()`] for a key as [`PrivateKey::to_pkcs8`] gave it. It is not looked into: to read a key
/// costs a tenth of what the whole file does.
pub fn write_pkcs8(
    pkcs8: &[u8],
    chain: &[&[u8]],
    friendly_name: &str,
    password: &str,
    form: Pkcs12Form,
    iterations: u32,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let iterations = NonZeroU32::new(iterations).ok_or(Pkcs12Error::Iterations)?;
    let leaf = chain.first().ok_or(Pkcs12Error::EmptyChain)?;
    let shared = [
        attribute(&FRIENDLY_NAME, &bmp_string(friendly_name)),
        attribute(&LOCAL_KEY_ID, &tlv::octet_string(&digest::sha1(leaf))),
    ];

    let certificates = cert_bags(chain, &shared);
    let encrypted = form.encrypt(&certificates, password, iterations)?;
    let certificates = content_info(&ENCRYPTED_DATA, &encrypted_data(&encrypted));

    let encrypted = form.encrypt(pkcs8, password, iterations)?;
    let info = tlv::sequence(&[
        &encrypted.algorithm,
        &tlv::octet_string(&encrypted.ciphertext),
    ]);
    let provider = attribute(&PROVIDER_NAME, &bmp_string(form.provider_name()));
    let key_bag = safe_bag(
        &SHROUDED_KEY_BAG,
        &info,
        &[&shared[..], &[provider]].concat(),
    );
    let keys = content_info(&DATA, &tlv::octet_string(&tlv::sequence(&[&key_bag])));

    let safe = tlv::sequence(&[&certificates, &keys]);
    let salt: [u8; 16] = random::octets()?;
    let digest = form.mac_digest();
    let tag = hmac::sign(&mac_key(digest, password, &salt, iterations), &safe);
    Ok(Zeroizing::new(tlv::sequence(&[
        &tlv::unsigned_integer(&[VERSION_3]),
        &content_info(&DATA, &tlv::octet_string(&safe)),
        &mac_data(digest, tag.as_ref(), &salt, iterations),
    ])))
}

/// SafeContents with one CertBag per certificate; the first one carries the attributes.
fn cert_bags(chain: &[&[u8]], attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bags = Vec::new();
    for (index, certificate) in chain.iter().enumerate() {
        let value = tlv::wrap(tlv::context(0), &[&tlv::octet_string(certificate)]);
        let bag = tlv::sequence(&[&tlv::object_identifier(&X509_CERTIFICATE), &value]);
        bags.extend(safe_bag(
            &CERT_BAG,
            &bag,
            if index == 0 { attributes } else { &[] },
        ));
    }
    tlv::sequence(&[&bags])
}

fn safe_bag(kind: &ObjectIdentifier, value: &[u8], attributes: &[Vec<u8>]) -> Vec<u8> {
    // DER orders a SET OF by its encoded elements (ITU-T X.690 §11.6).
    let mut sorted: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
    sorted.sort_unstable();
    let set = if sorted.is_empty() {
        Vec::new()
    } else {
        tlv::wrap(tlv::SET, &sorted)
    };
    let value = tlv::wrap(tlv::context(0), &[value]);
    tlv::sequence(&[&tlv::object_identifier(kind), &value, &set])
}

fn attribute(kind: &ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    tlv::sequence(&[
        &tlv::object_identifier(kind),
        &tlv::wrap(tlv::SET, &[value]),
    ])
}

fn bmp_string(text: &str) -> Vec<u8> {
    let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    tlv::wrap(tlv::BMP_STRING, &[&octets])
}

fn content_info(kind: &ObjectIdentifier, content: &[u8]) -> Vec<u8> {
    tlv::sequence(&[
        &tlv::object_identifier(kind),
        &tlv::wrap(tlv::context(0), &[content]),
    ])
}

/// EncryptedData of version 0 (RFC 2315 §13).
fn encrypted_data(encrypted: &Encrypted) -> Vec<u8> {
    let content = tlv::sequence(&[
        &tlv::object_identifier(&DATA),
        &encrypted.algorithm,
        &tlv::wrap(tlv::context_primitive(0), &[&encrypted.ciphertext]),
    ]);
    tlv::sequence(&[&tlv::unsigned_integer(&[0]), &content])
}

fn mac_data(digest: Digest, tag: &[u8], salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
    let algorithm = tlv::sequence(&[&tlv::object_identifier(&digest.oid()), &tlv::null()]);
    tlv::sequence(&[
        &tlv::sequence(&[&algorithm, &tlv::octet_string(tag)]),
        &tlv::octet_string(salt),
        &tlv::unsigned_integer(&iterations.get().to_be_bytes()),
    ])
}

/// The HMAC key for the AuthenticatedSafe, as long as the digest (RFC 7292 §5.1, appendix B.4).
fn mac_key(digest: Digest, password: &str, salt: &[u8], iterations: NonZeroU32) -> hmac::Key {
    match digest {
        Digest::Sha1 => {
            let key = kdf::derive::<20>(digest, Purpose::Mac, password, salt, iterations);
            hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_slice())
        }
        Digest::Sha256 => {
            let key = kdf::derive::<32>(digest, Purpose::Mac, password, salt, iterations);
            hmac::Key::new(hmac::HMAC_SHA256, key.as_slice())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_basic_plane_become_surrogates() {
        assert_eq!(
            bmp_string("a𠮷"),
            [0x1e, 6, 0, 0x61, 0xd8, 0x42, 0xdf, 0xb7]
        );
    }
}
