//! The `.p12` and the sealed key that it is made from (decisions K3 to K5).
//!
//! A key is sealed under the reference ID and the key-encryption key; neither opens it alone.

use tegata_domain::certificate::CertificateRecord;
use tegata_domain::entropy;
use tegata_domain::grant::Grant;
use tegata_domain::id::SerialNumber;
use tegata_domain::password::{LONGEST_PASSWORD, PasswordFault, password_faults};
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PrivateKey;
use tegata_pki::pkcs12::{self, Pkcs12Form};
use tegata_store::KeyWrap;
use zeroize::Zeroizing;

use crate::base::App;
use crate::collection::made_by_terminal;
use crate::cookie::FlowSecret;
use crate::download::PasswordForm;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::seal::{Keyring, Purpose, unwrap_with};

/// The two forms of the file (K5): which one a system reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFileForm {
    /// PBES2 with AES-256 and HMAC-SHA-256: Windows 10 and 11.
    Modern,
    /// 3DES and SHA-1: the generation of Windows 8.1 and Server 2016.
    Old,
}

impl KeyFileForm {
    /// The word in forms and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Old => "old",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Modern, Self::Old]
            .into_iter()
            .find(|form| form.as_str() == text)
    }

    /// The form for what a browser says of its system: `Windows NT 6.x` reads the old one only, and a
    /// Windows 10 says nothing more than that (K5).
    pub fn for_user_agent(text: &str) -> Self {
        if text.contains("Windows NT 6.") {
            Self::Old
        } else {
            Self::Modern
        }
    }

    /// The other one (RCD-5).
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Modern => Self::Old,
            Self::Old => Self::Modern,
        }
    }

    const fn pkcs12(self) -> Pkcs12Form {
        match self {
            Self::Modern => Pkcs12Form::Modern,
            Self::Old => Pkcs12Form::Legacy,
        }
    }
}

/// Small letters and digits without `0 o 1 l i`.
const SUGGESTED: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A file to hand out.
pub struct KeyFile {
    /// `<リクエストID>.p12`.
    pub name: String,
    /// The PFX (RFC 7292).
    pub der: Zeroizing<Vec<u8>>,
}

impl App {
    /// A password for people who would rather not invent one: three groups of four characters without
    /// look-alikes, 59 bits; the hyphens belong to it (text 6).
    pub fn suggest_password(&self) -> Secret<String> {
        let text = entropy::text(self.entropy(), SUGGESTED, 12);
        let groups: Vec<&str> = [0..4, 4..8, 8..12]
            .into_iter()
            .filter_map(|range| text.get(range))
            .collect();
        Secret::new(groups.join("-"))
    }

    /// The key under a data key; the data key, where there is a letter, under the reference ID's key, and then
    /// under the key-encryption key (K3).
    pub(crate) fn seal_key(
        &self,
        serial: &SerialNumber,
        key: &PrivateKey,
        wrap: KeyWrap,
        secret: Option<&FlowSecret>,
    ) -> Result<Vec<u8>> {
        let pkcs8 = key
            .to_pkcs8()
            .map_err(|error| internal("encode a private key", error))?;
        let place = key_place(serial);
        let data_key = Secret::new(tegata_domain::entropy::octets::<32>(self.entropy()));
        let wrapped = match (wrap, secret) {
            (KeyWrap::Authority, _) => Zeroizing::new(data_key.expose().to_vec()),
            (KeyWrap::Reference, Some(secret)) => {
                let wrapped = self
                    .keyring()
                    .wrap(&secret.wrap_key, &place, data_key.expose())?;
                Zeroizing::new(wrapped)
            }
            (KeyWrap::Reference, None) => {
                return Err(internal("seal a key", "there is no reference ID"));
            }
        };
        let outer = self.keyring().seal(Purpose::SealedKey, &place, &wrapped)?;
        let body = self.keyring().wrap(&data_key, &place, &pkcs8)?;
        join_kept_key(&outer, &body)
    }

    /// The key that is kept for a certificate, as PKCS#8.
    pub(crate) async fn open_key(
        &self,
        serial: &SerialNumber,
        secret: &FlowSecret,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let row = self.store().reader().await?.sealed_key(serial).await?;
        let row = row.ok_or_else(made_by_terminal)?;
        // Destroyed since it was looked at: the next look says why.
        let sealed = row.sealed.ok_or(Error::Conflict)?;
        let malformed = || internal("open a sealed key", "its form is wrong");
        let (outer, body) = split_kept_key(&sealed).ok_or_else(malformed)?;
        let place = key_place(serial);
        let wrapped = self.keyring().open(Purpose::SealedKey, &place, outer)?;
        let data_key = match row.wrap {
            KeyWrap::Authority => wrapped,
            KeyWrap::Reference => unwrap_with(&secret.wrap_key, &place, &wrapped)?,
        };
        let data_key = data_key.as_slice().try_into().map_err(|_| malformed())?;
        unwrap_with(&Secret::new(data_key), &place, body)
    }

    /// The file for a certificate whose key is `pkcs8`.
    pub(crate) async fn write_key_file(
        &self,
        record: &CertificateRecord,
        pkcs8: Zeroizing<Vec<u8>>,
        password: &Secret<String>,
        form: KeyFileForm,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let der = self
            .store()
            .reader()
            .await?
            .certificate_der(&record.serial)
            .await?;
        let leaf = der.ok_or_else(|| internal("write a .p12", "the certificate is not stored"))?;
        let subject = Certificate::from_der(&leaf)
            .map_err(|error| internal("read a certificate", error))?
            .subject()
            .friendly_name();
        let authority = self
            .authorities()
            .find(&record.ca_key)
            .ok_or_else(|| internal("write a .p12", "the CA key is unknown"))?;
        let mut chain = vec![leaf, authority.certificate.der().to_vec()];
        chain.extend(authority.superior.clone());
        let iterations = self.policy().p12.iterations;
        let password = password.clone();
        tokio::task::spawn_blocking(move || {
            let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
            pkcs12::write_pkcs8(
                &pkcs8,
                &chain,
                &subject,
                password.expose(),
                form.pkcs12(),
                iterations,
            )
        })
        .await
        .map_err(|error| internal("write a .p12", error))?
        .map_err(|error| internal("write a .p12", error))
    }
}

pub(crate) fn check_password(form: &PasswordForm, min: usize) -> Result<()> {
    let password = form.password.expose();
    let told = |fault| match fault {
        PasswordFault::NotAscii => FieldProblem::PasswordNotAscii,
        PasswordFault::TooLong => FieldProblem::PasswordTooLong {
            max: LONGEST_PASSWORD,
        },
        PasswordFault::TooShort => FieldProblem::PasswordTooShort { min },
    };
    let mut problems: Vec<_> = password_faults(password, min).map(told).collect();
    if password != form.confirmation.expose() {
        problems.push(FieldProblem::PasswordsDiffer);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Fields(problems).into())
    }
}

/// Whether the password is the manual's 半角数字4桁, which a file does not resist with (K4, text 6).
pub(crate) fn is_weak(password: &str) -> bool {
    password.len() <= 4 && password.bytes().all(|b| b.is_ascii_digit())
}

/// Whether it is among the first that anybody tries (text 6).
pub(crate) fn is_guessable(password: &str) -> bool {
    let mut octets = password.bytes();
    let first = octets.next();
    password == "1234" || first.is_some_and(|first| octets.all(|octet| octet == first))
}

pub(crate) fn file_name(grant: &Grant) -> String {
    format!("{}.p12", grant.request_id)
}

fn key_place(serial: &SerialNumber) -> String {
    key_place_of(&serial.to_string())
}

fn key_place_of(serial: &str) -> String {
    format!("sealed_key/{serial}/sealed")
}

/// A kept key is two values: the sealed data key with its length before it, and what that opens.
fn split_kept_key(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = sealed.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

fn join_kept_key(data_key: &[u8], body: &[u8]) -> Result<Vec<u8>> {
    let length = u16::try_from(data_key.len()).map_err(|error| internal("seal a key", error))?;
    Ok([&length.to_be_bytes()[..], data_key, body].concat())
}

/// The number of the key-encryption key that a kept key is sealed with.
pub(crate) fn number_of_kept_key(sealed: &[u8]) -> Option<u8> {
    split_kept_key(sealed)?.0.first().copied()
}

/// A kept key with its data key under the key-encryption key that seals now; `None` where it is that one already.
pub(crate) fn reseal_kept_key(
    keyring: &Keyring,
    serial: &str,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>> {
    let (outer, body) =
        split_kept_key(sealed).ok_or_else(|| internal("open a sealed key", "its form is wrong"))?;
    let resealed = keyring.reseal(Purpose::SealedKey, &key_place_of(serial), outer)?;
    resealed
        .map(|outer| join_kept_key(&outer, body))
        .transpose()
}
