//! Sealing with the key-encryption key (decisions K3, K8, I2).
//!
//! One sub-key per purpose by HKDF-SHA-256; AES-256-GCM; the associated data is `table/row/column`, so that
//! a sealed value cannot be moved to another row. Form: key number (1 octet) ‖ nonce (12) ‖ ciphertext ‖ tag.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use tegata_domain::entropy::{self, Entropy};
use tegata_domain::secret::Secret;
use zeroize::Zeroizing;

use crate::error::{Error, Result, internal};

/// What a sub-key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Passwords of CA key files.
    CaKeyFile,
    /// What a procedure's cookie carries between its pages.
    FlowCookie,
    /// The clear text of a letter's reference ID until it is posted.
    Letter,
    /// Secrets that a mail carries, until it is sent.
    Mail,
    /// Peppers of stored reference IDs.
    Pepper,
    /// Private keys that the CA made for subscribers.
    SealedKey,
    /// Private keys of our own TLS servers and OCSP responders.
    ServiceKey,
    /// Digests of the console's cookies, and what its forms carry.
    Session,
    /// Secrets of one-time codes.
    Totp,
}

impl Purpose {
    const fn info(self) -> &'static str {
        match self {
            Self::CaKeyFile => "tegata/ca-key-file",
            Self::FlowCookie => "tegata/flow-cookie",
            Self::Letter => "tegata/letter",
            Self::Mail => "tegata/mail",
            Self::Pepper => "tegata/pepper",
            Self::SealedKey => "tegata/sealed-key",
            Self::ServiceKey => "tegata/service-key",
            Self::Session => "tegata/session",
            Self::Totp => "tegata/totp",
        }
    }
}

/// The number of the key-encryption key that seals now; it stands in each sealed value.
const KEY_NUMBER: u8 = 1;
const NONCE: usize = 12;

/// The key-encryption key and what is derived from it.
#[derive(Clone)]
pub(crate) struct Keyring {
    kek: Arc<Secret<[u8; 32]>>,
    entropy: Arc<dyn Entropy>,
}

impl Keyring {
    pub(crate) fn new(kek: Secret<[u8; 32]>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            kek: Arc::new(kek),
            entropy,
        }
    }

    /// Seals `plain` for one place, such as `letter_secret/<grant>/sealed`.
    pub(crate) fn seal(&self, purpose: Purpose, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE] = entropy::octets(self.entropy.as_ref());
        let mut sealed = vec![KEY_NUMBER];
        sealed.extend(encrypt(&self.sub_key(purpose)?, nonce, place, plain)?);
        Ok(sealed)
    }

    /// Opens what [`Keyring::seal`] made for the same purpose and place.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        place: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        match sealed.split_first() {
            Some((&KEY_NUMBER, rest)) => decrypt(&self.sub_key(purpose)?, place, rest),
            _ => Err(internal("open a sealed value", "unknown key number")),
        }
    }

    /// Wraps `plain` under a key that is not ours alone (K3: the one derived from a reference ID).
    pub(crate) fn wrap(
        &self,
        key: &Secret<[u8; 32]>,
        place: &str,
        plain: &[u8],
    ) -> Result<Vec<u8>> {
        encrypt(key, entropy::octets(self.entropy.as_ref()), place, plain)
    }

    /// A sub-key as text, for the encrypted CA key file.
    pub(crate) fn passphrase(&self, purpose: Purpose, of: &str) -> Result<Zeroizing<String>> {
        let key = derive(self.kek.expose(), of.as_bytes(), purpose.info())?;
        Ok(Zeroizing::new(data_encoding::BASE64.encode(key.expose())))
    }

    /// HMAC-SHA-256 under a sub-key: the digest of a form, which may hold a password (F1).
    pub(crate) fn digest(&self, purpose: Purpose, parts: &[&[u8]]) -> Result<[u8; 32]> {
        Ok(mac(self.sub_key(purpose)?.expose(), parts))
    }

    fn sub_key(&self, purpose: Purpose) -> Result<Secret<[u8; 32]>> {
        derive(self.kek.expose(), b"", purpose.info())
    }
}

/// Opens what [`Keyring::wrap`] made.
pub(crate) fn unwrap_with(
    key: &Secret<[u8; 32]>,
    place: &str,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    decrypt(key, place, wrapped)
}

/// HKDF-SHA-256 with 32 octets of output (RFC 5869).
pub(crate) fn derive(secret: &[u8], salt: &[u8], info: &str) -> Result<Secret<[u8; 32]>> {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info.as_bytes()], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| internal("derive a key", "HKDF failed"))?;
    Ok(Secret::new(key))
}

/// HMAC-SHA-256 over parts, each with its length before it.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    out
}

fn encrypt(
    key: &Secret<[u8; 32]>,
    nonce: [u8; NONCE],
    place: &str,
    plain: &[u8],
) -> Result<Vec<u8>> {
    let mut body = plain.to_vec();
    cipher(key)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(place.as_bytes()),
            &mut body,
        )
        .map_err(|_| internal("seal a value", "AES-GCM failed"))?;
    let mut sealed = nonce.to_vec();
    sealed.extend(body);
    Ok(sealed)
}

fn decrypt(key: &Secret<[u8; 32]>, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let wrong = || internal("open a sealed value", "it was not sealed for this place");
    let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or_else(wrong)?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = cipher(key)?
        .open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(place.as_bytes()),
            &mut body,
        )
        .map_err(|_| wrong())?
        .len();
    body.truncate(length);
    Ok(body)
}

fn cipher(key: &Secret<[u8; 32]>) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.expose())
        .map(LessSafeKey::new)
        .map_err(|_| Error::Internal("AES-256 key has a wrong length".to_owned()))
}
