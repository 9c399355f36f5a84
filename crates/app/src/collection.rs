//! Whether a grant's certificate can be collected, the first collection that makes it, and the record that each
//! collection leaves (decision K2).

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::Flow;
use tegata_domain::grant::{Grant, GrantMove, GrantOrigin, GrantState};
use tegata_domain::id::SerialNumber;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::ReferenceScope;
use tegata_domain::renewal::KeyPlace;
use tegata_domain::time::Timestamp;
use tegata_store::{Collection, KeyDestroyed, KeyWrap};

use crate::base::{App, TRIES};
use crate::cookie::FlowSecret;
use crate::download::values_of;
use crate::error::{Error, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::flow::NextStep;
use crate::issue::{KeptKey, Stored};
use crate::reference::{Proven, TypedIds};
use crate::source::Source;

/// Days that the key of a renewal in the browser is kept at the most (K3).
const RENEWAL_KEY_DAYS: i64 = 7;

impl App {
    /// Who has the two IDs of a grant that can be collected now: the one door of the browser and of EST (T30). A right
    /// pair that is refused is written down and mailed (K2).
    pub(crate) async fn prove_collection(
        &self,
        ids: TypedIds,
        source: Source,
        now: Timestamp,
    ) -> Result<Proven> {
        let proven = self.prove_ids(ids, source).await?;
        if proven.stored.scope == ReferenceScope::RevocationOnly {
            return Err(self.wrong_ids(source).await);
        }
        let record = self.record_of(&proven.grant).await?;
        let checked = self
            .check_collectable(&proven.grant, record.as_ref(), now)
            .await;
        if let Err(Error::Refused(refusal)) = &checked {
            self.record_refused_collection(&proven.grant, source, refusal, now)
                .await?;
        }
        checked?;
        Ok(proven)
    }

    /// Whether the grant's certificate can be collected now.
    pub(crate) async fn check_collectable(
        &self,
        grant: &Grant,
        record: Option<&CertificateRecord>,
        now: Timestamp,
    ) -> Result<()> {
        self.check_open(grant, record, now).await?;
        if let Some(serial) = grant.state.serial() {
            let kept = self.store().reader().await?.sealed_key(&serial).await?;
            match kept.and_then(|key| key.destroyed) {
                Some((_, KeyDestroyed::WindowEnd)) if may_have_another_key(grant) => {}
                Some((at, because)) => {
                    let request = grant.request_id.clone();
                    return Err(Refusal::KeyDestroyed {
                        because,
                        at,
                        request,
                    }
                    .into());
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Whether nobody stopped the grant or its certificate, and the window is open.
    pub(crate) async fn check_open(
        &self,
        grant: &Grant,
        record: Option<&CertificateRecord>,
        now: Timestamp,
    ) -> Result<()> {
        match &grant.state {
            GrantState::Frozen { at, .. } => return Err(Refusal::Frozen { at: *at }.into()),
            GrantState::Voided { at } => return Err(Refusal::Revoked { at: *at }.into()),
            _ => {}
        }
        match record.map(|record| record.state) {
            Some(CertificateState::OnHold { at }) => {
                let by_operator = self.is_held_by_operator(grant).await?;
                return Err(Refusal::OnHold { at, by_operator }.into());
            }
            Some(
                CertificateState::Revoked { at, .. }
                | CertificateState::Superseded { at }
                | CertificateState::Void { at },
            ) => return Err(Refusal::Revoked { at }.into()),
            Some(CertificateState::Intended | CertificateState::Issued) | None => {}
        }
        if now > grant.window_end {
            let collected = record.is_some();
            let window_end = grant.window_end;
            return Err(Refusal::WindowEnded {
                window_end,
                collected,
                request: grant.request_id.clone(),
            }
            .into());
        }
        Ok(())
    }

    /// A key that the terminal made itself is not here to be downloaded (K1).
    pub(crate) async fn check_made_here(&self, grant: &Grant) -> Result<()> {
        let Some(serial) = grant.state.serial() else {
            return Ok(());
        };
        match self.store().reader().await?.sealed_key(&serial).await? {
            Some(_) => Ok(()),
            None => Err(made_by_terminal()),
        }
    }

    /// The grant's certificate, once its key is fixed.
    pub(crate) async fn record_of(&self, grant: &Grant) -> Result<Option<CertificateRecord>> {
        match grant.state.serial() {
            Some(serial) => Ok(self.store().reader().await?.certificate(&serial).await?),
            None => Ok(None),
        }
    }

    /// Makes key and certificate, or finishes what another request or a crash left half done. Returns once the
    /// grant's certificate is issued, whoever made it; where that was in a procedure, whether its next step was taken
    /// with it.
    pub(crate) async fn ensure_certificate(
        &self,
        grant: &Grant,
        procedure: Option<(&FlowSecret, &NextStep)>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<bool> {
        let mut grant = grant.clone();
        for _ in 0..TRIES {
            let record = self.record_of(&grant).await?;
            self.check_collectable(&grant, record.as_ref(), now).await?;
            match record.map(|record| (record.serial, record.state)) {
                Some((serial, CertificateState::Intended)) => {
                    self.finish_intent(serial, actor.clone(), now).await?;
                }
                Some((serial, _)) if self.has_key(&serial).await? => return Ok(false),
                Some(_) | None => match self
                    .make_certificate(&grant, procedure, actor.clone(), now)
                    .await
                {
                    Ok(Stored::Here { is_step_taken }) => return Ok(is_step_taken),
                    Ok(Stored::Elsewhere) | Err(Error::Conflict) => {}
                    Err(error) => return Err(error),
                },
            }
            let fresh = self.store().reader().await?.grant(&grant.id).await?;
            grant = fresh.ok_or_else(|| internal("collect", "the grant is gone"))?;
        }
        Err(Error::Conflict)
    }

    /// Where a renewal's key is: here where none is fixed yet, or it is kept, or another may take its place.
    pub(crate) async fn key_place(&self, grant: &Grant) -> Result<KeyPlace> {
        let Some(serial) = grant.state.serial() else {
            return Ok(KeyPlace::Authority);
        };
        let kept = self.store().reader().await?.sealed_key(&serial).await?;
        Ok(match kept.map(|key| key.destroyed) {
            None => KeyPlace::Terminal,
            Some(None | Some((_, KeyDestroyed::WindowEnd))) => KeyPlace::Authority,
            Some(Some(_)) => KeyPlace::Holder,
        })
    }

    /// Whether the sealed key of a certificate is kept still; one that the terminal made was never here.
    async fn has_key(&self, serial: &SerialNumber) -> Result<bool> {
        let row = self.store().reader().await?.sealed_key(serial).await?;
        Ok(row.is_none_or(|key| key.sealed.is_some()))
    }

    /// Makes key and certificate; `Elsewhere` where another process ended the intent meanwhile, one way or the other.
    async fn make_certificate(
        &self,
        grant: &Grant,
        procedure: Option<(&FlowSecret, &NextStep)>,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Stored> {
        let (secret, next) = procedure.unzip();
        let key = self.keypool().take().await?;
        let intent = self.intend_for_grant(grant, key.public_key(), now)?;
        let (wrap, until) = match grant.origin {
            GrantOrigin::Letter => (KeyWrap::Reference, None),
            GrantOrigin::Renewal { .. } => {
                (KeyWrap::Authority, Some(now.plus_days(RENEWAL_KEY_DAYS)))
            }
        };
        let sealed = self.seal_key(&intent.record.serial, &key, wrap, secret)?;
        let kept = KeptKey {
            wrap,
            sealed,
            until,
        };
        failpoint!(self, "failpoint:issue:before-intent");
        self.store_intent(grant, intent.clone(), Some(kept), actor.clone(), now)
            .await?;
        failpoint!(self, "failpoint:issue:after-intent");
        let der = self.sign_intent(&intent)?;
        self.store_issued(intent.record.serial, der, next.cloned(), actor, now)
            .await
    }

    /// What the holder is told of a file that was handed out; once for each password of a procedure.
    pub(crate) fn file_mails(
        &self,
        flow: &Flow,
        grant: &Grant,
        source: Source,
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        let key = format!("collected:{}:{}", flow.id.as_str(), flow.version);
        let mut values = values_of(grant);
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        self.holder_mails(MailKind::Collected, grant, &key, &values, now)
    }

    /// The collection, its mails and its audit event. Where its mails were queued before, it was written down before.
    pub(crate) async fn record_collection(
        &self,
        grant: &Grant,
        record: CertificateRecord,
        mails: Vec<OutboxMail>,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let object = format!("certificate:{}", record.serial);
        let actor = Actor::Subscriber(source.to_string());
        let event = self.event(actor, "certificate.collect", object, String::new(), now);
        let id = grant.id.clone();
        let collection = collection(&event, grant, source, None);
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    // Whoever stops it at this moment waits, or is waited for: nothing is handed out after it.
                    if !tx.hold_still(&record.serial).await? {
                        return Err(Error::Conflict);
                    }
                    let grant = tx.grant(&id).await?.ok_or(Error::Conflict)?;
                    // Frozen or ended since it was looked at: the next look says why not.
                    let collected = grant.state.clone().apply(GrantMove::Collect, now);
                    let collected = collected.map_err(|_| Error::Conflict)?;
                    if !tx.move_grant(&id, &grant.state, &collected).await? {
                        return Err(Error::Conflict);
                    }
                    if mails.is_empty() || tx.insert_mails(&mails).await? > 0 {
                        tx.insert_collection(&collection).await?;
                        tx.insert_audit(&event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// A right pair that was refused is mailed too, at most once a minute (K2).
    pub(crate) async fn record_refused_collection(
        &self,
        grant: &Grant,
        source: Source,
        refusal: &Refusal,
        now: Timestamp,
    ) -> Result<()> {
        let why = refusal.to_string();
        let minute = now.unix().div_euclid(60);
        let key = format!("collection_refused:{}:{minute}", grant.id);
        let mut values = values_of(grant);
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        let mails = self.holder_mails(MailKind::CollectionRefused, grant, &key, &values, now);
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", grant.id);
        let event = self.event(
            actor,
            "certificate.collect.refused",
            object,
            why.clone(),
            now,
        );
        let collection = collection(&event, grant, source, Some(why));
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.insert_mails(&mails).await? > 0 {
                        tx.insert_collection(&collection).await?;
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }
}

/// A renewal whose key is not kept any more gets another one, as long as nobody uses the first (K3).
fn may_have_another_key(grant: &Grant) -> bool {
    let renewal = matches!(grant.origin, GrantOrigin::Renewal { .. });
    let unused = matches!(
        grant.state,
        GrantState::KeyFixed { .. } | GrantState::Collected { .. }
    );
    renewal && unused
}

/// The answer in the browser where the terminal has the key.
pub(crate) fn made_by_terminal() -> Error {
    let told = "the terminal made this key itself, and only it has the key";
    Refusal::State(told.to_owned()).into()
}

fn collection(
    event: &AuditEvent,
    grant: &Grant,
    source: Source,
    refused: Option<String>,
) -> Collection {
    Collection {
        audit: event.id.clone(),
        grant: grant.id.clone(),
        at: event.at,
        source: source.to_string(),
        refused,
    }
}
