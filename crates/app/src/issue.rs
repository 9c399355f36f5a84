//! Making a certificate in an order that survives any crash (decision F5, T36).
//!
//! Allocate the serial number and store the intended TBSCertificate (one transaction) → lint → sign → verify
//! the signature → store the certificate and mark it issued (one transaction). After a crash the intent is finished with the
//! same TBSCertificate, or voided and listed as revoked. Nothing signed is ever unknown.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{
    CertificateKind, CertificateMove, CertificateRecord, CertificateState,
};
use tegata_domain::grant::{Grant, GrantMove, GrantOrigin, not_before};
use tegata_domain::id::{CaKeyId, Fingerprint, GrantId, SerialNumber};
use tegata_domain::institution::InstitutionCode;
use tegata_domain::policy::Policy;
use tegata_domain::time::Timestamp;
use tegata_pki::ObjectIdentifier;
use tegata_pki::digest::sha256;
use tegata_pki::key::PublicKey;
use tegata_pki::lint::lint_tbs;
use tegata_pki::name::DistinguishedName;
use tegata_pki::profile::{CertificatePolicy, CertificateProfile, Subscriber};
use tegata_pki::signer::SignatureAlgorithm;
use tegata_pki::tbs::{TbsParameters, assemble, build_tbs, sign_tbs, verify_signature};
use tegata_store::{CaKeyPurpose, KeyWrap, StoreError, Tx};

use crate::authority::Authority;
use crate::base::App;
use crate::enrolment::EnrolmentRefusal;
use crate::error::{Error, KeyDestroyed, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::flow::NextStep;
use crate::publish::list_name;

/// What will be signed: the row and the octets.
#[derive(Clone)]
pub(crate) struct Intent {
    pub(crate) record: CertificateRecord,
    pub(crate) tbs: Vec<u8>,
}

impl Intent {
    /// The row once this certificate, which fits the intent, was stored.
    pub(crate) fn issued(self, der: &[u8]) -> CertificateRecord {
        CertificateRecord {
            fingerprint: Some(Fingerprint(sha256(der))),
            state: CertificateState::Issued,
            ..self.record
        }
    }
}

/// A key that we made, sealed, for the row beside its intent.
#[derive(Clone)]
pub(crate) struct KeptKey {
    pub(crate) wrap: KeyWrap,
    pub(crate) sealed: Vec<u8>,
    /// When it is destroyed, where that is before the end of the grant's window.
    pub(crate) until: Option<Timestamp>,
}

/// Where the certificate of an intent was stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// In this request.
    Here {
        /// Whether a step of a procedure was taken with it.
        is_step_taken: bool,
    },
    /// Another process was first, or gave the intent up.
    Elsewhere,
}

/// What an intended certificate says, apart from what follows from its issuer.
pub(crate) struct Wanted<'a> {
    pub(crate) kind: CertificateKind,
    pub(crate) subject: &'a DistinguishedName,
    pub(crate) subject_key: &'a PublicKey,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) profile: &'a CertificateProfile,
    pub(crate) grant: Option<GrantId>,
    pub(crate) shard: i64,
}

impl App {
    /// Allocates a serial number and builds the TBSCertificate under `authority`. Its dates follow from the clock, so there is
    /// none while the clock cannot be believed (S7).
    pub(crate) fn intend(
        &self,
        authority: &Authority,
        wanted: &Wanted<'_>,
        serial: SerialNumber,
        now: Timestamp,
    ) -> Result<Intent> {
        self.may_sign()?;
        if wanted.not_after > authority.not_after {
            let told = "the CA's own certificate ends before this one would; a new CA key is due";
            return Err(Refusal::State(told.to_owned()).into());
        }
        let issuer_key = authority.certificate.public_key();
        let tbs = build_tbs(&TbsParameters {
            serial: *serial.octets(),
            issuer: authority.certificate.subject(),
            issuer_key,
            signature_algorithm: SignatureAlgorithm::of(issuer_key.algorithm()),
            subject: wanted.subject,
            subject_key: wanted.subject_key,
            not_before: wanted.not_before.unix(),
            not_after: wanted.not_after.unix(),
            profile: wanted.profile,
        })
        .map_err(|error| internal("build a TBSCertificate", error))?;
        let record = CertificateRecord {
            serial,
            kind: wanted.kind,
            ca_key: authority.id.clone(),
            shard: wanted.shard,
            grant: wanted.grant.clone(),
            fingerprint: None,
            spki_sha256: wanted.subject_key.spki_sha256(),
            not_before: wanted.not_before,
            not_after: wanted.not_after,
            created_at: now,
            state: CertificateState::Intended,
        };
        Ok(Intent { record, tbs })
    }

    /// The intent of a subscriber's first certificate, by what approval printed (T31).
    pub(crate) fn intend_for_grant(
        &self,
        grant: &Grant,
        subject_key: &PublicKey,
        now: Timestamp,
    ) -> Result<Intent> {
        let authority = self.authorities().issuing(CaKeyPurpose::Subscriber)?;
        let serial = SerialNumber::generate(self.entropy());
        let shard = shard_of(&serial, authority.shards);
        let subject = subject_name(self.policy(), grant)?;
        let profile = subscriber_profile(self, &authority.id, shard)?;
        let wanted = Wanted {
            kind: CertificateKind::Subscriber,
            subject: &subject,
            subject_key,
            not_before: not_before(grant.approved_at, now, &self.policy().periods),
            not_after: grant.not_after,
            profile: &profile,
            grant: Some(grant.id.clone()),
            shard,
        };
        self.intend(&authority, &wanted, serial, now)
    }

    /// Serial number, TBSCertificate, the grant's fixed key and, where we made it, the sealed key: one
    /// transaction (F5). A renewal that has a certificate already gets another key beside it: the older
    /// certificate is set aside until the newer one is seen in use (F3, K3).
    pub(crate) async fn store_intent(
        &self,
        grant: &Grant,
        intent: Intent,
        kept: Option<KeptKey>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<()> {
        let serial = intent.record.serial;
        let event = self.intended_event(grant, serial, actor, now);
        let grant = grant.clone();
        #[cfg(debug_assertions)]
        let app = self.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    write_intent(tx, &grant, &intent, &event, now).await?;
                    if let Some(kept) = &kept {
                        let sealed = (kept.wrap, kept.sealed.as_slice());
                        tx.insert_sealed_key(&serial, &grant.id, sealed, kept.until, now)
                            .await?;
                    }
                    failpoint!(app, "failpoint:issue:inside-intent");
                    Ok(())
                })
            })
            .await
    }

    /// Lint → sign → verify: the finished certificate's DER. Nothing is stored.
    pub(crate) fn sign_intent(&self, intent: &Intent) -> Result<Vec<u8>> {
        self.may_sign()?;
        #[cfg(debug_assertions)]
        if self.failpoint().is_armed("failpoint:signer:rests") {
            return Err(Error::Unavailable);
        }
        let authority = self
            .authorities()
            .find(&intent.record.ca_key)
            .ok_or_else(|| internal("sign an intent", "its CA key is unknown"))?;
        if let Some(finding) = lint_tbs(&intent.tbs).first() {
            let told = format!("{} ({}): {}", finding.rule, finding.clause, finding.message);
            return Err(internal("lint a TBSCertificate", told));
        }
        failpoint!(self, "failpoint:issue:after-lint");
        let signer = authority.signer()?;
        let signature = sign_tbs(&intent.tbs, signer.as_ref()).map_err(|error| {
            tracing::error!(%error, serial = %intent.record.serial, "the CA key does not sign");
            Error::Unavailable
        })?;
        failpoint!(self, "failpoint:issue:after-sign");
        let der = assemble(&intent.tbs, signer.signature_algorithm(), &signature);
        if !verify_signature(&der, authority.certificate.public_key()) {
            return Err(internal(
                "verify a new signature",
                "it does not fit the CA's key (T37)",
            ));
        }
        failpoint!(self, "failpoint:issue:after-verify");
        Ok(der)
    }

    /// Stores the certificate of an intent, and takes the step of a procedure that it leads to. The certificate stays where
    /// another request of the procedure was first.
    pub(crate) async fn store_issued(
        &self,
        serial: SerialNumber,
        der: Vec<u8>,
        next: Option<NextStep>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Stored> {
        let event = self.issued_event(serial, actor, now);
        #[cfg(debug_assertions)]
        let app = self.clone();
        let stored = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    if !store_certificate(tx, serial, &der, &event).await? {
                        return Ok(Stored::Elsewhere);
                    }
                    let is_step_taken = match &next {
                        Some(next) => next.try_take(tx).await?,
                        None => false,
                    };
                    failpoint!(app, "failpoint:issue:inside-store");
                    Ok::<_, Error>(Stored::Here { is_step_taken })
                })
            })
            .await?;
        failpoint!(self, "failpoint:issue:after-store");
        Ok(stored)
    }

    pub(crate) fn intended_event(
        &self,
        grant: &Grant,
        serial: SerialNumber,
        actor: Actor,
        now: Timestamp,
    ) -> AuditEvent {
        let object = format!("certificate:{serial}");
        let detail = format!("for grant {}", grant.id);
        self.event(actor, "certificate.intend", object, detail, now)
    }

    pub(crate) fn issued_event(
        &self,
        serial: SerialNumber,
        actor: Actor,
        now: Timestamp,
    ) -> AuditEvent {
        let object = format!("certificate:{serial}");
        self.event(actor, "certificate.issue", object, String::new(), now)
    }

    /// Finishes an intent that was stored and perhaps signed before.
    pub(crate) async fn finish_intent(
        &self,
        serial: SerialNumber,
        actor: Actor,
        now: Timestamp,
    ) -> Result<()> {
        let (record, tbs) = {
            let mut reader = self.store().reader().await?;
            (
                reader.certificate(&serial).await?,
                reader.intent_tbs(&serial).await?,
            )
        };
        let (Some(record), Some(tbs)) = (record, tbs) else {
            return Err(internal(
                "finish an intent",
                format!("{serial} is not there"),
            ));
        };
        if record.state != CertificateState::Intended {
            return Ok(());
        }
        let der = self.sign_intent(&Intent { record, tbs })?;
        self.store_issued(serial, der, None, actor, now).await?;
        Ok(())
    }

    /// Gives an intent up: its serial number is listed as revoked, and the grant's key is free again.
    pub(crate) async fn void_intent(
        &self,
        record: CertificateRecord,
        now: Timestamp,
    ) -> Result<()> {
        let serial = record.serial;
        let object = format!("certificate:{serial}");
        let event = self.event(
            Actor::System,
            "certificate.void",
            object,
            String::new(),
            now,
        );
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let void = record.state.apply(CertificateMove::Void, now)?;
                    if !tx.move_certificate(&serial, &record.state, &void).await? {
                        return Ok(());
                    }
                    tx.destroy_key(&serial, KeyDestroyed::Revocation, now)
                        .await?;
                    free_key(tx, &record, now).await?;
                    want_lists(tx, &record.ca_key, record.shard, now).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.want_publication();
        Ok(())
    }
}

/// Inside a transaction: the intent, the grant's fixed key, and the audit event.
pub(crate) async fn write_intent(
    tx: &mut Tx,
    grant: &Grant,
    intent: &Intent,
    event: &AuditEvent,
    now: Timestamp,
) -> Result<()> {
    check_institution(tx, grant).await?;
    let serial = intent.record.serial;
    let step = match (grant.origin, grant.state.serial()) {
        (GrantOrigin::Renewal { .. }, Some(older)) => {
            // Whoever stopped the older one meanwhile stopped the renewal: no other key for it (T23).
            if !tx.hold_still(&older).await? || !tx.set_aside(&older, now).await? {
                return Err(Error::Conflict);
            }
            GrantMove::Rekey(serial)
        }
        _ => GrantMove::FixKey(serial),
    };
    let fixed = grant.state.clone().apply(step, now)?;
    if !tx.move_grant(&grant.id, &grant.state, &fixed).await? {
        return Err(Error::Conflict);
    }
    let stored = tx.insert_intent(&intent.record, &intent.tbs).await;
    stored.map_err(refuse_known_key)?;
    tx.insert_audit(event).await?;
    Ok(())
}

/// The institution must still be there and be what the letter says: class and code stand in the subject (D4).
pub(crate) async fn check_institution(tx: &mut Tx, grant: &Grant) -> Result<()> {
    let institution = tx.institution(&grant.institution).await?;
    let same = institution.is_some_and(|now| {
        now.closed_at.is_none() && now.class == grant.class && now.code == grant.code
    });
    if same {
        return Ok(());
    }
    let told = "the institution was closed, or its class or code changed, since approval; \
                call the help desk";
    Err(Refusal::State(told.to_owned()).into())
}

/// Marks an intent as issued and stores its DER.
pub(crate) async fn store_certificate(
    tx: &mut Tx,
    serial: SerialNumber,
    der: &[u8],
    event: &AuditEvent,
) -> Result<bool> {
    let stored = tx
        .issue_certificate(&serial, &Fingerprint(sha256(der)), der)
        .await?;
    if stored {
        tx.insert_audit(event).await?;
    }
    Ok(stored)
}

/// The lists that name a certificate must be made again: its shard's and the complete one.
pub(crate) async fn want_lists(
    tx: &mut Tx,
    ca_key: &CaKeyId,
    shard: i64,
    now: Timestamp,
) -> Result<()> {
    tx.want_publication(ca_key, &list_name(Some(shard)), now)
        .await?;
    tx.want_publication(ca_key, &list_name(None), now).await?;
    Ok(())
}

/// A key that was certified before is refused for good (T35); any other conflict is a matter of who was first.
fn refuse_known_key(error: StoreError) -> Error {
    match error {
        StoreError::Conflict { rule } if rule == "certificate_key" => {
            EnrolmentRefusal::KeyKnown.into()
        }
        other => other.into(),
    }
}

async fn free_key(tx: &mut Tx, record: &CertificateRecord, now: Timestamp) -> Result<()> {
    let Some(id) = &record.grant else {
        return Ok(());
    };
    let Some(grant) = tx.grant(id).await? else {
        return Ok(());
    };
    // A frozen grant is freed under the ice.
    let free = grant.state.clone().apply(GrantMove::FreeKey, now);
    let (Ok(mut free), true) = (free, grant.state.serial() == Some(record.serial)) else {
        return Ok(());
    };
    // Where the intent was another key, the certificate that was set aside for it stands again.
    if let Some(older) = tx.set_aside_of(id).await?.pop()
        && tx.take_back(&older.serial).await?
        && let Ok(fixed) = free.clone().apply(GrantMove::FixKey(older.serial), now)
    {
        free = fixed;
    }
    if !tx.move_grant(id, &grant.state, &free).await? {
        return Err(Error::Conflict);
    }
    Ok(())
}

/// DN in DER order C, O, OU=<prefecture>, OU=<class>, CN (N2).
pub(crate) fn subject_name(policy: &Policy, grant: &Grant) -> Result<DistinguishedName> {
    let rule = policy.class(&grant.class).ok_or_else(|| {
        internal(
            "name a subject",
            format!("no class {}", grant.class.as_str()),
        )
    })?;
    DistinguishedName::builder()
        .country(&policy.subject.country)
        .organization(&policy.subject.organization)
        .organizational_unit(grant.prefecture.romaji())
        .organizational_unit(&rule.ou)
        .common_name(InstitutionCode::as_str(&grant.code))
        .build()
        .map_err(|error| internal("name a subject", error))
}

fn subscriber_profile(app: &App, ca: &CaKeyId, shard: i64) -> Result<CertificateProfile> {
    let layout = &app.policy().subject;
    let identifier = ObjectIdentifier::new(&layout.policy_oid)
        .map_err(|error| internal("read policy.subject.policy_oid", error))?;
    Ok(CertificateProfile::Subscriber(Subscriber {
        policy: CertificatePolicy {
            identifier,
            cps_uri: layout.cps_uri.clone(),
        },
        crl_uri: app.list_uri(ca, Some(shard)),
        ocsp_uri: Some(format!("{}/ocsp", app.addresses().plain)),
        ca_issuers_uri: Some(format!("{}/ca/{ca}.cer", app.addresses().plain)),
    }))
}

/// The shard of a serial number: its last octets, spread evenly.
fn shard_of(serial: &SerialNumber, shards: i64) -> i64 {
    let [.., a, b, c, d] = *serial.octets();
    i64::from(u32::from_be_bytes([a, b, c, d])).rem_euclid(shards.max(1))
}
