//! A new リファレンスID under mTLS (decisions I2, I7; P-06): 「show again」 never shows the old one.
//!
//! Of a renewal it does what the renewal's own did: retrieve, and stop. Of a letter's certificate it only stops. The
//! earlier one ends, and with it a kept key that nothing else opened.

use serde::{Deserialize, Serialize};
use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{Flow, FlowKind, FlowStep};
use tegata_domain::grant::{Grant, GrantOrigin, GrantState};
use tegata_domain::id::{Fingerprint, FlowId, ReferenceRowId};
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::{ReferenceId, ReferenceScope, RequestId, StoredReference};
use tegata_domain::time::Timestamp;

use crate::base::{App, TRIES};
use crate::download::{CertificateBox, values_of};
use crate::error::{Error, KeyDestroyed, Refusal, Result, internal};
use crate::jobs::SHOWN_SECRET_DAYS;
use crate::letter::letter_place;
use crate::seal::Purpose;
use crate::source::Source;

/// Seconds after which another one is made: each is mailed.
const AGAIN: i64 = 600;

/// A リファレンスID as its certificate is shown it.
pub struct ShownReference {
    /// リクエストID.
    pub request_id: RequestId,
    /// リファレンスID, in clear.
    pub reference_id: ReferenceId,
    /// What the two do.
    pub scope: ReferenceScope,
    /// The last second in which it is shown again.
    pub shown_until: Timestamp,
    /// The row that it is stored in.
    row: ReferenceRowId,
}

/// What a page about a new リファレンスID shows.
pub struct ReferencePage {
    /// The certificate that it is for.
    pub certificate: CertificateBox,
    /// What the new one does.
    pub scope: ReferenceScope,
    /// What the procedure made, once it has.
    pub shown: Option<ShownReference>,
}

/// What the procedure keeps: which reference ID it made.
#[derive(Serialize, Deserialize)]
struct Made {
    reference: String,
}

impl App {
    /// Makes a new リファレンスID of the presented certificate, or of the renewal that continues it, and shows it. The
    /// same procedure again shows the same one, for a day.
    pub async fn show_new_reference(
        &self,
        procedure: &FlowId,
        request: &RequestId,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<ShownReference> {
        for _ in 0..TRIES {
            let begun = self
                .named_flow(procedure, FlowKind::Reference, presented)
                .await?;
            let (record, grant) = self.usable(presented, now).await?;
            let wanted = self.own_or_next((&record, &grant), request).await?;
            if let Some(flow) = begun {
                return self.shown_by(&flow, &wanted, now).await;
            }
            let made = self.stoppable_record(&wanted, now).await?;
            // One that another key took the place of speaks for that key no more.
            if wanted.id == grant.id && wanted.state.serial() != Some(record.serial) {
                return Err(Refusal::NotFound.into());
            }
            if let Err(too_soon) = self.check_pace(&wanted, now).await {
                // The same request, sent twice, may have made it in this very moment.
                let kind = FlowKind::Reference;
                if self.named_flow(procedure, kind, presented).await?.is_some() {
                    continue;
                }
                return Err(too_soon);
            }
            let shown = self.new_shown_reference(&wanted, now);
            let stored = self
                .store_shown_reference(
                    procedure, presented, &record, &wanted, made, &shown, source, now,
                )
                .await;
            match stored {
                Err(Error::Conflict) => {}
                done => return done.map(|()| shown.0),
            }
        }
        Err(Error::Conflict)
    }

    /// A procedure that a page names before it is begun; nothing is kept of it until a new リファレンスID is asked for.
    pub fn new_procedure(&self) -> FlowId {
        FlowId::generate(self.entropy())
    }

    /// RU-7: what a new リファレンスID would be for, and the one that this procedure made. Reading changes nothing.
    pub async fn reference_page(
        &self,
        procedure: &FlowId,
        request: &RequestId,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<ReferencePage> {
        let begun = self
            .named_flow(procedure, FlowKind::Reference, presented)
            .await?;
        let (record, grant) = self.usable(presented, now).await?;
        let wanted = self.own_or_next((&record, &grant), request).await?;
        let shown = match begun {
            Some(flow) => Some(self.shown_by(&flow, &wanted, now).await?),
            None => None,
        };
        Ok(ReferencePage {
            certificate: CertificateBox::of(&wanted, wanted.not_after),
            scope: new_scope(&wanted),
            shown,
        })
    }

    /// Whether another one may be made; the one that came with a renewal or a letter counts for nothing.
    async fn check_pace(&self, grant: &Grant, now: Timestamp) -> Result<()> {
        let mut reader = self.store().reader().await?;
        let found = reader.grant_by_request(&grant.request_id).await?;
        let Some((_, Some((_, stored)))) = found else {
            return Ok(());
        };
        let came_with_it = match grant.origin {
            GrantOrigin::Letter => stored.release.is_some(),
            GrantOrigin::Renewal { .. } => stored.created_at == grant.approved_at,
        };
        let was_shown = stored.posted_at.is_some() && !came_with_it;
        let at = stored.created_at.plus_seconds(AGAIN);
        if was_shown && now < at {
            return Err(Refusal::TooSoon { at }.into());
        }
        Ok(())
    }

    /// The リファレンスID of a grant whose certificate is shown it still, with its last second for that; `None` where
    /// it came by a letter, or its day is over.
    pub(super) async fn shown_reference(
        &self,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<Option<ShownReference>> {
        let mut reader = self.store().reader().await?;
        let found = reader.grant_by_request(&grant.request_id).await?;
        let sealed = reader.letter_secret(&grant.id).await?;
        drop(reader);
        let Some((_, Some((row, stored)))) = found else {
            return Ok(None);
        };
        let shown_until = stored.created_at.plus_days(SHOWN_SECRET_DAYS);
        let is_shown = stored.posted_at.is_some() && now <= shown_until;
        let Some(sealed) = sealed.filter(|_| is_shown) else {
            return Ok(None);
        };
        let clear = self
            .keyring()
            .open(Purpose::Letter, &letter_place(&grant.id), &sealed)?;
        let clear = std::str::from_utf8(&clear).ok();
        let reference_id = clear.and_then(ReferenceId::parse);
        Ok(Some(ShownReference {
            request_id: grant.request_id.clone(),
            reference_id: reference_id
                .ok_or_else(|| internal("show a reference ID", "the sealed one is malformed"))?,
            scope: stored.scope,
            shown_until,
            row,
        }))
    }

    /// The result of a procedure that was begun before.
    async fn shown_by(
        &self,
        flow: &Flow,
        wanted: &Grant,
        now: Timestamp,
    ) -> Result<ShownReference> {
        if flow.grant != wanted.id {
            return Err(Refusal::FlowElsewhere.into());
        }
        let made: Made = serde_json::from_str(&flow.entered)
            .map_err(|error| internal("show a reference ID again", error))?;
        let shown = self.shown_reference(wanted, now).await?;
        let same = shown.filter(|shown| shown.row.as_str() == made.reference);
        Ok(same.ok_or(Refusal::ShownNoMore)?)
    }

    /// The certificate of a grant that can be stopped by its two IDs; `None` before it is made.
    async fn stoppable_record(
        &self,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<Option<CertificateRecord>> {
        if let GrantState::Frozen { at, .. } = grant.state {
            return Err(Refusal::Frozen { at }.into());
        }
        let record = self.record_of(grant).await?;
        if let Some(record) = &record {
            self.check_not_held(record, grant).await?;
            if let CertificateState::Revoked { at, .. }
            | CertificateState::Superseded { at }
            | CertificateState::Void { at } = record.state
            {
                return Err(Refusal::Revoked { at }.into());
            }
        }
        if now > grant.not_after {
            let not_after = grant.not_after;
            return Err(Refusal::Expired { not_after }.into());
        }
        Ok(record)
    }

    fn new_shown_reference(
        &self,
        grant: &Grant,
        now: Timestamp,
    ) -> (ShownReference, StoredReference) {
        let scope = new_scope(grant);
        let (reference_id, stored) = self.new_reference(&grant.request_id, scope, now);
        let shown = ShownReference {
            request_id: grant.request_id.clone(),
            reference_id,
            scope,
            shown_until: now.plus_days(SHOWN_SECRET_DAYS),
            row: ReferenceRowId::generate(now, self.entropy()),
        };
        // No letter carries it: it is out as soon as it is shown.
        let posted_at = Some(now);
        (
            shown,
            StoredReference {
                posted_at,
                ..stored
            },
        )
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what was read, what was made, and who asked; a struct would name them once more"
    )]
    async fn store_shown_reference(
        &self,
        procedure: &FlowId,
        presented: Fingerprint,
        record: &CertificateRecord,
        wanted: &Grant,
        made: Option<CertificateRecord>,
        (shown, stored): &(ShownReference, StoredReference),
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let clear = shown.reference_id.expose().as_bytes();
        let place = letter_place(&wanted.id);
        let sealed = self.keyring().seal(Purpose::Letter, &place, clear)?;
        let entered = Made {
            reference: shown.row.as_str().to_owned(),
        };
        let entered = serde_json::to_string(&entered)
            .map_err(|error| internal("show a reference ID", error))?;
        let start = (FlowKind::Reference, FlowStep::Done);
        let (flow, begun) = self.new_flow(start, wanted, Some(presented), source, now);
        let flow = Flow {
            id: procedure.clone(),
            entered,
            expires_at: self.system_now().plus_days(SHOWN_SECRET_DAYS),
            ..flow
        };
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", wanted.id);
        let detail = format!("scope {}", shown.scope.as_str());
        let event = self.event(actor.clone(), "grant.reference", object, detail, now);
        let mut values = values_of(wanted);
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        if shown.scope == ReferenceScope::RevocationOnly {
            values.push(("collected", "yes".to_owned()));
        }
        let key = format!("reference_replaced:{}", shown.row);
        let mails = self.holder_mails(MailKind::ReferenceReplaced, wanted, &key, &values, now);
        // The letter's ID alone opened this key (K3).
        let kept = made.filter(|_| wanted.origin == GrantOrigin::Letter);
        let kept = kept.map(|made| {
            let object = format!("certificate:{}", made.serial);
            let detail = "the reference ID that opened it has ended".to_owned();
            let event = self.event(actor, "key.destroy", object, detail, now);
            (made.serial, event)
        });
        let (row, stored) = (shown.row.clone(), stored.clone());
        let (record, wanted) = (record.clone(), wanted.clone());
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    // As they were read, or everything is looked at again.
                    let (serial, state) = (&record.serial, &record.state);
                    if !tx.move_certificate(serial, state, state).await?
                        || !tx
                            .move_grant(&wanted.id, &wanted.state, &wanted.state)
                            .await?
                    {
                        return Err(Error::Conflict);
                    }
                    tx.insert_flow(&flow).await?;
                    tx.insert_audit(&begun).await?;
                    tx.delete_id_flows_of(&wanted.id).await?;
                    tx.replace_reference(&wanted.id, &row, &stored).await?;
                    tx.keep_letter_secret(&wanted.id, &sealed, now).await?;
                    tx.insert_audit(&event).await?;
                    tx.insert_mails(&mails).await?;
                    if let Some((serial, destroyed)) = kept
                        && tx.destroy_key(&serial, KeyDestroyed::Request, now).await?
                    {
                        tx.insert_audit(&destroyed).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// What a new リファレンスID under mTLS does (I7).
const fn new_scope(grant: &Grant) -> ReferenceScope {
    match grant.origin {
        GrantOrigin::Letter => ReferenceScope::RevocationOnly,
        GrantOrigin::Renewal { .. } => ReferenceScope::Renewal,
    }
}
