//! The CA keys that this process signs with, and the OCSP responders that speak for them.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, RwLock};

use tegata_domain::id::CaKeyId;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::KeyAlgorithm;
use tegata_pki::ocsp::IssuerIds;
use tegata_pki::signer::Signer;
use tegata_pki::soft::SoftSigner;
use tegata_store::{CaKeyPurpose, CaKeyRow, Store};

use crate::ca_key_file::open_ca_key_file;
use crate::error::{Result, internal};
use crate::seal::Keyring;

/// One CA key.
pub(crate) struct Authority {
    pub(crate) id: CaKeyId,
    pub(crate) purpose: CaKeyPurpose,
    pub(crate) certificate: Certificate,
    /// Certificates between this one and its root, itself excluded, DER.
    pub(crate) superior: Option<Vec<u8>>,
    pub(crate) shards: i64,
    pub(crate) not_after: Timestamp,
    /// What OCSP requests call this issuer.
    pub(crate) issuer_ids: IssuerIds,
    signer: Option<Arc<dyn Signer>>,
}

impl Authority {
    /// The signing key; an offline root has none here.
    pub(crate) fn signer(&self) -> Result<Arc<dyn Signer>> {
        self.signer
            .clone()
            .ok_or_else(|| internal("sign", format!("CA key {} is offline", self.id)))
    }

    /// Whether this process can sign with the key.
    pub(crate) fn is_online(&self) -> bool {
        self.signer.is_some()
    }
}

/// A delegated OCSP responder (RFC 6960 §4.2.2.2).
pub(crate) struct Responder {
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) certificate: Certificate,
}

/// Every CA key of ours, and the responders in use.
pub(crate) struct Authorities {
    keys: Vec<Arc<Authority>>,
    responders: RwLock<HashMap<CaKeyId, Arc<Responder>>>,
}

impl Authorities {
    /// Reads the rows and opens the key files of the keys that are online.
    pub(crate) async fn load(store: &Store, keyring: &Keyring, folder: &Path) -> Result<Self> {
        let rows = store.reader().await?.list_ca_keys().await?;
        let keys = rows
            .into_iter()
            .map(|row| open_authority(row, keyring, folder).map(Arc::new))
            .collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Err(internal(
                "load the CA keys",
                "there is none; run `tegata init`",
            ));
        }
        Ok(Self {
            keys,
            responders: RwLock::default(),
        })
    }

    pub(crate) fn all(&self) -> &[Arc<Authority>] {
        &self.keys
    }

    /// The key that signs new certificates of this hierarchy.
    pub(crate) fn issuing(&self, purpose: CaKeyPurpose) -> Result<Arc<Authority>> {
        self.keys
            .iter()
            .rev()
            .find(|key| key.purpose == purpose && key.is_online())
            .cloned()
            .ok_or_else(|| internal("find a CA key", format!("none is online for {purpose:?}")))
    }

    pub(crate) fn find(&self, id: &CaKeyId) -> Option<Arc<Authority>> {
        self.keys.iter().find(|key| key.id == *id).cloned()
    }

    pub(crate) fn responder(&self, id: &CaKeyId) -> Option<Arc<Responder>> {
        match self.responders.read() {
            Ok(responders) => responders.get(id).cloned(),
            Err(poisoned) => poisoned.into_inner().get(id).cloned(),
        }
    }

    pub(crate) fn set_responder(&self, id: &CaKeyId, responder: Responder) {
        let mut responders = match self.responders.write() {
            Ok(responders) => responders,
            Err(poisoned) => poisoned.into_inner(),
        };
        responders.insert(id.clone(), Arc::new(responder));
    }
}

/// The algorithm that a policy names.
pub(crate) fn key_algorithm(name: &str) -> Result<KeyAlgorithm> {
    KeyAlgorithm::from_str(name).map_err(|error| internal("read a key algorithm", error))
}

fn open_authority(row: CaKeyRow, keyring: &Keyring, folder: &Path) -> Result<Authority> {
    let certificate = Certificate::from_der(&row.certificate)
        .map_err(|error| internal("read a CA certificate", error))?;
    let signer = match &row.key_file {
        Some(file) => Some(open_signer(&row.id, folder, file, keyring)?),
        None => None,
    };
    if let Some(signer) = &signer
        && signer.public_key().spki_der() != certificate.public_key().spki_der()
    {
        return Err(internal(
            "open a CA key",
            format!("the file of {} holds another key", row.id),
        ));
    }
    let issuer_ids = IssuerIds::of(certificate.subject(), certificate.public_key());
    Ok(Authority {
        id: row.id,
        purpose: row.purpose,
        certificate,
        superior: row.chain,
        shards: row.shards,
        not_after: row.not_after,
        issuer_ids,
        signer,
    })
}

fn open_signer(
    id: &CaKeyId,
    folder: &Path,
    file: &str,
    keyring: &Keyring,
) -> Result<Arc<dyn Signer>> {
    let (key, _) = open_ca_key_file(folder, file, id, keyring)?;
    Ok(Arc::new(SoftSigner::from_private_key(key)))
}
