//! The `.p12` and the sealed key that it is made from (decisions K3 to K5).
//!
//! A key is sealed under the reference ID and the key-encryption key; neither opens it alone.

use tegata_domain::certificate::CertificateRecord;
use tegata_domain::grant::Grant;
use tegata_domain::id::SerialNumber;
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PrivateKey;
use tegata_pki::pkcs12::{self, Pkcs12Form};
use zeroize::Zeroizing;

use crate::base::App;
use crate::collection::made_by_terminal;
use crate::cookie::FlowSecret;
use crate::download::PasswordForm;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::seal::{Purpose, unwrap_with};

/// Most characters of a `.p12` password: old Windows dialogs refuse more (K4).
const LONGEST_PASSWORD: usize = 31;

/// A file to hand out.
pub struct KeyFile {
    /// `<リクエストID>.p12`.
    pub name: String,
    /// The PFX (RFC 7292).
    pub der: Zeroizing<Vec<u8>>,
}

impl App {
    /// The key under a data key, the data key under the reference ID's key, all under the key-encryption key.
    pub(crate) fn seal_key(
        &self,
        serial: &SerialNumber,
        key: &PrivateKey,
        secret: &FlowSecret,
    ) -> Result<Vec<u8>> {
        let pkcs8 = key
            .to_pkcs8()
            .map_err(|error| internal("encode a private key", error))?;
        let place = key_place(serial);
        let data_key = Secret::new(tegata_domain::entropy::octets::<32>(self.entropy()));
        let wrapped = self
            .keyring()
            .wrap(&secret.wrap_key, &place, data_key.expose())?;
        let outer = self.keyring().seal(Purpose::SealedKey, &place, &wrapped)?;
        let body = self.keyring().wrap(&data_key, &place, &pkcs8)?;
        let length = u16::try_from(outer.len()).map_err(|error| internal("seal a key", error))?;
        Ok([&length.to_be_bytes()[..], &outer, &body].concat())
    }

    pub(crate) async fn open_key(
        &self,
        serial: &SerialNumber,
        secret: &FlowSecret,
    ) -> Result<PrivateKey> {
        let row = self.store().reader().await?.sealed_key(serial).await?;
        let row = row.ok_or_else(made_by_terminal)?;
        // Destroyed since it was looked at: the next look says why.
        let sealed = row.sealed.ok_or(Error::Conflict)?;
        let malformed = || internal("open a sealed key", "its form is wrong");
        let (length, rest) = sealed.split_first_chunk::<2>().ok_or_else(malformed)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (outer, body) = rest.split_at_checked(length).ok_or_else(malformed)?;
        let place = key_place(serial);
        let wrapped = self.keyring().open(Purpose::SealedKey, &place, outer)?;
        let data_key = unwrap_with(&secret.wrap_key, &place, &wrapped)?;
        let data_key = data_key.as_slice().try_into().map_err(|_| malformed())?;
        let pkcs8 = unwrap_with(&Secret::new(data_key), &place, body)?;
        PrivateKey::from_pkcs8(&pkcs8).map_err(|error| internal("read a sealed key", error))
    }

    pub(crate) async fn write_key_file(
        &self,
        record: &CertificateRecord,
        key: PrivateKey,
        password: &Secret<String>,
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
            let form = Pkcs12Form::Modern;
            let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
            pkcs12::write(&key, &chain, &subject, password.expose(), form, iterations)
        })
        .await
        .map_err(|error| internal("write a .p12", error))?
        .map_err(|error| internal("write a .p12", error))
    }
}

pub(crate) fn check_password(form: &PasswordForm, min: usize) -> Result<()> {
    let password = form.password.expose();
    let length = password.chars().count();
    let mut problems = Vec::new();
    if !password.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        problems.push(FieldProblem::PasswordNotAscii);
    }
    if length < min {
        problems.push(FieldProblem::PasswordTooShort { min });
    }
    if length > LONGEST_PASSWORD {
        problems.push(FieldProblem::PasswordTooLong {
            max: LONGEST_PASSWORD,
        });
    }
    if password != form.confirmation.expose() {
        problems.push(FieldProblem::PasswordsDiffer);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Fields(problems).into())
    }
}

pub(crate) fn file_name(grant: &Grant) -> String {
    format!("{}.p12", grant.request_id)
}

fn key_place(serial: &SerialNumber) -> String {
    format!("sealed_key/{serial}/sealed")
}
