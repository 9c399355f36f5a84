//! A procedure that was begun: the journal by which it goes on after a crash at any step (T73, R-098).
//!
//! One file for each procedure, written before the step that it allows:
//!
//! | step | what is on the disk | what comes next |
//! | --- | --- | --- |
//! | `requested` | the key, sealed; the IDs of a first enrolment, sealed | send; the server gives the same key the same certificate |
//! | `received` | and the certificate | install |
//! | `installed` | the same; the IDs are gone | one real mTLS request, which also reports "in use" |
//! | `in_use` | and リクエストID | 1004, backup |
//! | `backed_up` | the same | 1005, erase the key |
//! | `key_erased` | certificate and リクエストID; no key | 1006, delete the old one, 1007 |
//!
//! A hardware key is named instead of sealed, and goes from `in_use` to `key_erased`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tegata_domain::id::Fingerprint;
use tegata_domain::reference::{ReferenceId, RequestId};
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::{KeyAlgorithm, PrivateKey};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::ports::{CertificateStore, Files, Ports, Secrets, TerminalKey};
use crate::settings::KeyPolicy;
use crate::software_key::SoftwareKey;
use crate::state;

const PREFIX: &str = "pending-";
const SUFFIX: &str = ".json";
const KEY_PURPOSE: &str = "tegata-client pending key";
const REFERENCE_PURPOSE: &str = "tegata-client reference ID";
const VERSION: u32 = 1;

/// A procedure.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    version: u32,
    /// The name of its file, without its ends; also that of a hardware key.
    pub name: String,
    /// What it is for.
    pub purpose: Purpose,
    /// When it began.
    pub started_at: Timestamp,
    /// Where it stands.
    pub step: Step,
}

/// What a procedure is for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A first certificate, by the IDs of a letter.
    Enrolment {
        /// リクエストID as it was typed.
        request_id: String,
    },
    /// A newer certificate for this one.
    Renewal {
        /// The old one.
        #[serde(with = "state::fingerprint")]
        old: Fingerprint,
    },
}

/// Where a procedure stands.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at")]
pub enum Step {
    /// The key is kept; the request may have left.
    Requested {
        /// The key.
        key: KeptKey,
        /// The IDs, where they are what proves the right to it.
        ids: Option<KeptIds>,
    },
    /// The certificate is here.
    Received {
        /// The key.
        key: KeptKey,
        /// The certificate.
        #[serde(with = "state::certificate")]
        certificate: Certificate,
    },
    /// It is in the store.
    Installed {
        /// The key.
        key: KeptKey,
        /// The certificate.
        #[serde(with = "state::certificate")]
        certificate: Certificate,
    },
    /// The server saw it.
    InUse {
        /// The key.
        key: KeptKey,
        /// The certificate.
        #[serde(with = "state::certificate")]
        certificate: Certificate,
        /// リクエストID.
        request_id: String,
        /// Since when; the key is kept a few days from here.
        since: Timestamp,
    },
    /// The file is written.
    BackedUp {
        /// The key.
        key: KeptKey,
        /// The certificate.
        #[serde(with = "state::certificate")]
        certificate: Certificate,
        /// リクエストID.
        request_id: String,
    },
    /// Only what to do about the old certificate is open.
    KeyErased {
        /// The certificate.
        #[serde(with = "state::certificate")]
        certificate: Certificate,
        /// リクエストID.
        request_id: String,
    },
}

/// A key that is kept for a procedure.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptKey {
    /// In the module, under the name of the procedure.
    Hardware,
    /// PKCS#8, sealed.
    Software(Sealed),
}

/// The two IDs of a letter or of a 更新申請受付票.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptIds {
    request_id: String,
    /// リファレンスID, sealed.
    reference: Sealed,
}

/// Octets that [`Secrets`] sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Sealed(#[serde(with = "state::octets")] Vec<u8>);

impl Pending {
    /// Makes the key and keeps it: nothing has left yet. Of a key in the module no more than its name is kept.
    pub fn begin(
        ports: &Ports<'_>,
        purpose: Purpose,
        ids: Option<KeptIds>,
        wish: (KeyPolicy, KeyAlgorithm),
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let octets = tegata_domain::entropy::octets::<8>(ports.entropy);
        let name = hex::encode(octets);
        let (policy, algorithm) = wish;
        let key = if policy == KeyPolicy::Tpm && ports.store.has_hardware() {
            ports.store.make_hardware_key(&name, algorithm)?;
            KeptKey::Hardware
        } else {
            let key =
                PrivateKey::generate(algorithm).map_err(|error| Failure::Key(error.to_string()))?;
            KeptKey::Software(seal_key(&key, ports.secrets)?)
        };
        let pending = Self {
            version: VERSION,
            name,
            purpose,
            started_at: now,
            step: Step::Requested { key, ids },
        };
        pending.save(ports.files)?;
        Ok(pending)
    }

    /// All procedures, the oldest first. One file that cannot be read stops them all: it may hold the only key of a
    /// certificate.
    pub fn load_all(files: &dyn Files) -> Result<Vec<Self>, Failure> {
        let mut found = Vec::new();
        for file in files.list()? {
            if !(file.starts_with(PREFIX) && file.ends_with(SUFFIX)) {
                continue;
            }
            if let Some(pending) = state::load::<Self>(files, &file)? {
                if pending.version != VERSION {
                    let problem = format!("{file}: made by another version of this program");
                    return Err(Failure::Settings(problem));
                }
                found.push(pending);
            }
        }
        found.sort_by(|a, b| (a.started_at, &a.name).cmp(&(b.started_at, &b.name)));
        Ok(found)
    }

    /// Goes on to the next step, once that is on the disk.
    pub fn advance(&mut self, step: Step, files: &dyn Files) -> Result<(), Failure> {
        let next = Self {
            step,
            ..self.clone()
        };
        next.save(files)?;
        *self = next;
        Ok(())
    }

    /// Ends the procedure: its file is gone, and a key in the module that no certificate uses.
    pub fn close(self, ports: &Ports<'_>) -> Result<(), Failure> {
        if let Step::Requested {
            key: KeptKey::Hardware,
            ..
        } = self.step
        {
            ports.store.delete_hardware_key(&self.name)?;
        }
        Ok(ports.files.remove(&self.file())?)
    }

    /// The certificate, once it is here.
    pub fn certificate(&self) -> Option<&Certificate> {
        match &self.step {
            Step::Requested { .. } => None,
            Step::Received { certificate, .. }
            | Step::Installed { certificate, .. }
            | Step::InUse { certificate, .. }
            | Step::BackedUp { certificate, .. }
            | Step::KeyErased { certificate, .. } => Some(certificate),
        }
    }

    /// Whether the new certificate works and only the person's part is left: backup, and the old certificate.
    pub fn is_in_use(&self) -> bool {
        matches!(
            self.step,
            Step::InUse { .. } | Step::BackedUp { .. } | Step::KeyErased { .. }
        )
    }

    /// The old certificate of a renewal.
    pub fn old(&self) -> Option<Fingerprint> {
        match self.purpose {
            Purpose::Enrolment { .. } => None,
            Purpose::Renewal { old } => Some(old),
        }
    }

    /// The key of the request, to sign with.
    pub fn signing_key(
        &self,
        key: &KeptKey,
        ports: &Ports<'_>,
    ) -> Result<Arc<dyn TerminalKey>, Failure> {
        match key {
            KeptKey::Hardware => self.hardware_key(ports.store),
            KeptKey::Software(sealed) => {
                let key = open_key(sealed, ports.secrets)?;
                Ok(Arc::new(SoftwareKey::new(key)?))
            }
        }
    }

    fn hardware_key(&self, store: &dyn CertificateStore) -> Result<Arc<dyn TerminalKey>, Failure> {
        let missing = || crate::ports::StoreError::NotThere(format!("the key {}", self.name));
        Ok(store.hardware_key(&self.name)?.ok_or_else(missing)?)
    }

    fn save(&self, files: &dyn Files) -> Result<(), Failure> {
        state::save(files, &self.file(), self)
    }

    fn file(&self) -> String {
        format!("{PREFIX}{}{SUFFIX}", self.name)
    }
}

impl KeptIds {
    /// Seals what was typed.
    pub fn seal(
        request: &RequestId,
        reference: &ReferenceId,
        secrets: &dyn Secrets,
    ) -> Result<Self, Failure> {
        let sealed = secrets.seal(REFERENCE_PURPOSE, reference.expose().as_bytes())?;
        Ok(Self {
            request_id: request.to_string(),
            reference: Sealed(sealed),
        })
    }

    /// What was typed.
    pub fn open(&self, secrets: &dyn Secrets) -> Result<(RequestId, ReferenceId), Failure> {
        let opened = secrets.open(REFERENCE_PURPOSE, &self.reference.0)?;
        let text = std::str::from_utf8(&opened).map_err(|_| Failure::Ids)?;
        let request = RequestId::parse(&self.request_id).ok_or(Failure::Ids)?;
        Ok((request, ReferenceId::parse(text).ok_or(Failure::Ids)?))
    }
}

/// The key itself, to be installed or backed up.
pub fn open_key(sealed: &Sealed, secrets: &dyn Secrets) -> Result<PrivateKey, Failure> {
    let pkcs8: Zeroizing<Vec<u8>> = secrets.open(KEY_PURPOSE, &sealed.0)?;
    PrivateKey::from_pkcs8(&pkcs8).map_err(|error| Failure::Key(error.to_string()))
}

fn seal_key(key: &PrivateKey, secrets: &dyn Secrets) -> Result<Sealed, Failure> {
    let pkcs8 = key
        .to_pkcs8()
        .map_err(|error| Failure::Key(error.to_string()))?;
    Ok(Sealed(secrets.seal(KEY_PURPOSE, &pkcs8)?))
}
