//! A certificate for a key that the terminal made itself, by the two IDs of a letter (decision K1: the MPKI client and
//! EST, RFC 7030 §4.2.1).
//!
//! The same checks, the same order and the same fixed key as a collection by the browser (T30): only the key
//! comes from outside, and nothing of it is kept here. A lost answer is given again to the same key.

use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::FlowKind;
use tegata_domain::grant::Grant;
use tegata_domain::id::SerialNumber;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::policy::SecondFactor;
use tegata_domain::reference::RequestId;
use tegata_domain::time::Timestamp;
use tegata_pki::key::PublicKey;

use crate::base::{App, TRIES};
use crate::download::values_of;
use crate::enrolment::{CodeAnswer, EnrolmentRefusal, Issuance, check_strong, envelope};
use crate::error::{Error, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::issue::{Intent, Stored};
use crate::reference::{Proven, TypedIds};
use crate::source::Source;

/// An issued certificate, or an intent that waits for the signer.
pub(crate) enum Certified {
    /// Its row and its DER.
    Issued(Box<CertificateRecord>, Vec<u8>),
    /// The signer does not answer; the timer goes on with it.
    Pending,
}

impl App {
    /// `simpleenroll`: the IDs of a letter, or of a renewal, open the grant (I7), and the key of `request` (PKCS#10,
    /// DER) becomes the grant's (K2). Whoever asks with another key afterwards is refused, and the holder is told.
    pub async fn enroll(
        &self,
        ids: TypedIds,
        request: &[u8],
        code: Option<CodeAnswer>,
        source: Source,
        now: Timestamp,
    ) -> Result<Issuance> {
        let proven = self.prove_collection(ids, source, now).await?;
        let key = self.requested_key(request, &proven.grant)?;
        self.check_second_factor(&proven, code, source, now).await?;
        let actor = Actor::Subscriber(source.to_string());
        for _ in 0..TRIES {
            let grant = self.grant_by(&proven.grant.request_id).await?;
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
            let certified = self.certify(&grant, record, &key, actor.clone(), now).await;
            let handed_out = match certified {
                Ok(Certified::Issued(record, der)) => {
                    let told =
                        self.terminal_mails(MailKind::Collected, &grant, &record, source, now);
                    self.record_collection(&grant, *record, told, source, now)
                        .await
                        .map(|()| der)
                }
                Ok(Certified::Pending) => return Ok(Issuance::Pending),
                Err(Error::Refused(refusal @ Refusal::Enrolment(EnrolmentRefusal::KeyFixed))) => {
                    self.record_refused_collection(&grant, source, &refusal, now)
                        .await?;
                    return Err(refusal.into());
                }
                Err(error) => Err(error),
            };
            match handed_out {
                Err(Error::Conflict) => {}
                done => return Ok(Issuance::Issued(envelope(&done?)?)),
            }
        }
        Err(Error::Conflict)
    }

    /// Makes the certificate of a posted grant for this public key and returns its DER. The same key again gets
    /// the same certificate; another key is refused, since the first collection fixed the grant's key (K2).
    ///
    /// The caller has proved who asks (the two IDs, or two operators) and that the key's holder signed the request. Any
    /// strong key is taken; what a profile certifies is said by whoever reads requests ([`App::enroll`]).
    pub async fn issue_for_terminal_key(
        &self,
        request: &RequestId,
        key: &PublicKey,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        check_strong(key)?;
        for _ in 0..TRIES {
            let grant = self.grant_by(request).await?;
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
            match self.certify(&grant, record, key, Actor::System, now).await {
                Ok(Certified::Issued(_, der)) => return Ok(der),
                Ok(Certified::Pending) => return Err(Error::Unavailable),
                Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    /// The certificate of a grant that may be collected, for this key.
    async fn certify(
        &self,
        grant: &Grant,
        record: Option<CertificateRecord>,
        key: &PublicKey,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Certified> {
        match record {
            Some(record) if record.spki_sha256 == key.spki_sha256() => {
                self.certified_before(record, actor, now).await
            }
            Some(_) => Err(EnrolmentRefusal::KeyFixed.into()),
            None => {
                self.may_sign()?;
                let intent = self.intend_for_grant(grant, key, now)?;
                failpoint!(self, "failpoint:issue:before-intent");
                self.store_intent(grant, intent.clone(), None, actor.clone(), now)
                    .await?;
                failpoint!(self, "failpoint:issue:after-intent");
                self.sign_and_store(intent, actor, now).await
            }
        }
    }

    /// The certificate that a key has; one whose intent was left half done is finished first.
    pub(crate) async fn certified_before(
        &self,
        record: CertificateRecord,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Certified> {
        if record.state == CertificateState::Intended {
            match self.finish_intent(record.serial, actor, now).await {
                Err(Error::Full | Error::Unavailable) => return self.pending(),
                done => done?,
            }
        }
        self.stored(&record.serial).await
    }

    /// Signs a stored intent.
    pub(crate) async fn sign_and_store(
        &self,
        intent: Intent,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Certified> {
        let der = match self.sign_intent(&intent) {
            Err(Error::Full | Error::Unavailable) => return self.pending(),
            signed => signed?,
        };
        let serial = intent.record.serial;
        let issued = der.clone();
        match self.store_issued(serial, issued, None, actor, now).await? {
            Stored::Here { .. } => Ok(Certified::Issued(Box::new(intent.issued(&der)), der)),
            Stored::Elsewhere => self.stored(&serial).await,
        }
    }

    /// The certificate as it is stored; `Conflict` where its intent was given up meanwhile.
    pub(crate) async fn stored(&self, serial: &SerialNumber) -> Result<Certified> {
        let mut reader = self.store().reader().await?;
        let record = reader.certificate(serial).await?;
        let der = reader.certificate_der(serial).await?;
        match (record, der) {
            (Some(record), Some(der)) => Ok(Certified::Issued(Box::new(record), der)),
            _ => Err(Error::Conflict),
        }
    }

    /// The signer rests; where it is the clock that is doubted, nobody can say for how long (S7).
    fn pending(&self) -> Result<Certified> {
        self.may_sign().map(|()| Certified::Pending)
    }

    /// What the holder is told of a certificate that went to a terminal; once a minute, however often an answer is
    /// lost.
    pub(crate) fn terminal_mails(
        &self,
        kind: MailKind,
        grant: &Grant,
        record: &CertificateRecord,
        source: Source,
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        let minute = now.unix().div_euclid(60);
        let key = format!("{}:{}:{minute}", kind.as_str(), record.serial);
        let mut values = values_of(grant);
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        values.push(("terminal_key", "yes".to_owned()));
        self.holder_mails(kind, grant, &key, &values, now)
    }

    /// The second factor of the policy, which no channel goes round (K2): without a code, one is mailed and the
    /// answer names the procedure that takes it.
    async fn check_second_factor(
        &self,
        proven: &Proven,
        answer: Option<CodeAnswer>,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        match (self.policy().collect.second_factor, answer) {
            (SecondFactor::None, _) => Ok(()),
            (SecondFactor::MailCode, Some(answer)) => {
                self.confirm_terminal_code(proven, &answer, source, now)
                    .await
            }
            (SecondFactor::MailCode, None) => {
                let flow = self.begin_with_code(&proven.grant, source, now).await?;
                let (row, grant) = self.load_flow(&flow, FlowKind::Collect).await?;
                match self.code_standing(&row, &grant.mail).await? {
                    (Some((_, expires_at)), _) => Err(EnrolmentRefusal::CodeNeeded {
                        flow,
                        masked_mail: grant.mail.masked(),
                        expires_at,
                    }
                    .into()),
                    (None, Some(at)) => Err(Refusal::TooSoon { at }.into()),
                    (None, None) => Err(internal("mail a code", "none was sent")),
                }
            }
        }
    }
}
