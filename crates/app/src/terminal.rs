//! A certificate for a key that the terminal made itself (decision K1: the MPKI client and EST).
//!
//! The same checks, the same order and the same fixed key as a collection by the browser (T30): only the key
//! comes from outside, and nothing of it is kept here.

use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::grant::Grant;
use tegata_domain::id::SerialNumber;
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;
use tegata_pki::key::PublicKey;

use crate::base::{App, TRIES};
use crate::error::{Error, Refusal, Result};

impl App {
    /// Makes the certificate of a posted grant for this public key and returns its DER. The same key again gets
    /// the same certificate; another key is refused, since the first collection fixed the grant's key (K2).
    ///
    /// The caller has proved who asks (the two IDs, or two operators) and that the key's holder signed the request.
    pub async fn issue_for_terminal_key(
        &self,
        request: &RequestId,
        key: &PublicKey,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        key.check_strength().map_err(|error| {
            Refusal::State(format!("this key is too weak: {error}; make another one"))
        })?;
        for _ in 0..TRIES {
            let grant = self.grant_by(request).await?;
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
            let issued = match record {
                Some(record) => self.deliver_again(record, key, now).await,
                None => self.issue_first(&grant, key, now).await,
            };
            match issued {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn issue_first(&self, grant: &Grant, key: &PublicKey, now: Timestamp) -> Result<Vec<u8>> {
        let intent = self.intend_for_grant(grant, key, now)?;
        let serial = intent.record.serial;
        self.store_intent(grant, intent.clone(), None, Actor::System, now)
            .await?;
        let der = self.sign_intent(&intent)?;
        if self
            .store_issued(serial, der.clone(), Actor::System, now)
            .await?
        {
            return Ok(der);
        }
        self.stored(&serial).await
    }

    async fn deliver_again(
        &self,
        record: CertificateRecord,
        key: &PublicKey,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        if record.spki_sha256 != key.spki_sha256() {
            let told =
                "this grant's key is fixed; another key needs two operators to open it again";
            return Err(Refusal::State(told.to_owned()).into());
        }
        if record.state == CertificateState::Intended {
            self.finish_intent(record.serial, Actor::System, now)
                .await?;
        }
        self.stored(&record.serial).await
    }

    /// The certificate as it is stored; `Conflict` where its intent was given up meanwhile.
    async fn stored(&self, serial: &SerialNumber) -> Result<Vec<u8>> {
        let der = self.store().reader().await?.certificate_der(serial).await?;
        der.ok_or(Error::Conflict)
    }
}
