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
use crate::kek::{KeyEncryptionKey, KeySource};

/// What a sub-key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Passwords of CA key files.
    CaKeyFile,
    /// The secret of digests.
    Digest,
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
    pub(crate) const fn info(self) -> &'static str {
        match self {
            Self::CaKeyFile => "tegata/ca-key-file",
            Self::Digest => "tegata/digest",
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

const NONCE: usize = 12;

/// The key-encryption keys and what is derived from them.
#[derive(Clone)]
pub(crate) struct Keyring {
    source: Arc<dyn KeySource>,
    entropy: Arc<dyn Entropy>,
}

impl Keyring {
    pub(crate) fn new(source: Arc<dyn KeySource>, entropy: Arc<dyn Entropy>) -> Self {
        Self { source, entropy }
    }

    /// Seals `plain` for one place, such as `letter_secret/<grant>/sealed`.
    pub(crate) fn seal(&self, purpose: Purpose, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE] = entropy::octets(self.entropy.as_ref());
        let keys = self.source.keys();
        let key = keys.sealing();
        let mut sealed = vec![key.number];
        sealed.extend(encrypt(&sub_key(key, purpose)?, nonce, place, plain)?);
        Ok(sealed)
    }

    /// Opens what [`Keyring::seal`] made for the same purpose and place, under whichever key that is still known.
    pub(crate) fn open(
        &self,
        purpose: Purpose,
        place: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let keys = self.source.keys();
        let (number, rest) = sealed
            .split_first()
            .ok_or_else(|| internal("open a sealed value", "it is empty"))?;
        let key = keys.get(*number).ok_or_else(|| {
            let unknown = format!("key-encryption key {number} is not known here");
            internal("open a sealed value", unknown)
        })?;
        decrypt(&sub_key(key, purpose)?, place, rest)
    }

    /// The same value under the key that seals now; `None` where it is that one already.
    pub(crate) fn reseal(
        &self,
        purpose: Purpose,
        place: &str,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        if sealed.first() == Some(&self.sealing_number()) {
            return Ok(None);
        }
        let plain = self.open(purpose, place, sealed)?;
        self.seal(purpose, place, &plain).map(Some)
    }

    /// The number of the key that seals now.
    pub(crate) fn sealing_number(&self) -> u8 {
        self.source.keys().sealing().number
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

    /// What the encrypted file of a CA key is written with.
    pub(crate) fn passphrase(&self, of: &str) -> Result<Passphrase> {
        passphrase(self.source.keys().sealing(), of)
    }

    /// What the encrypted file of a CA key may open with, the likeliest first.
    pub(crate) fn passphrases(&self, of: &str) -> Result<Vec<Passphrase>> {
        let keys = self.source.keys();
        let all = keys.all().iter().rev();
        all.map(|key| passphrase(key, of)).collect()
    }
}

/// The passphrase of a CA key file, and the key-encryption key that it comes from.
pub(crate) struct Passphrase {
    pub(crate) number: u8,
    pub(crate) text: Zeroizing<String>,
}

fn passphrase(key: &KeyEncryptionKey, of: &str) -> Result<Passphrase> {
    let derived = derive(key.key.expose(), of.as_bytes(), Purpose::CaKeyFile.info())?;
    Ok(Passphrase {
        number: key.number,
        text: Zeroizing::new(data_encoding::BASE64.encode(derived.expose())),
    })
}

fn sub_key(key: &KeyEncryptionKey, purpose: Purpose) -> Result<Secret<[u8; 32]>> {
    derive(key.key.expose(), b"", purpose.info())
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
