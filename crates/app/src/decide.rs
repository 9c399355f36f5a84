//! The end of a request to revoke: one operator proposes it, another confirms it (decision F4, manual 4).
//!
//! Complete: revoked with the hold's date, the kept key destroyed. Lift: as before the request.

use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateMove, CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantMove, GrantState};
use tegata_domain::id::SerialNumber;
use tegata_domain::operator::{Act, Operator};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::revocation::{Outcome, RevocationRefusal, RevocationRequest, RevocationState};
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::App;
use crate::download::values_of;
use crate::error::{Error, KeyDestroyed, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::issue::want_lists;
use crate::proposal::read_reason;
use crate::revoke::addresses;

impl App {
    /// One operator proposes how a request ends, another confirms; the second call carries it out. The mails tell
    /// the note of the proposal, which both have seen.
    pub async fn decide_revocation(
        &self,
        number: &str,
        outcome: Outcome,
        note: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        let request = self.request_to_finish(number, by, now).await?;
        // Whoever asked for it is told why a hold is lifted: that stands in the proposal.
        let needs_note =
            outcome == Outcome::Lift && matches!(request.state, RevocationState::Submitted);
        let note = match note.trim() {
            "" if !needs_note => String::new(),
            typed => read_reason(typed)?,
        };
        let detail = format!("{} {note}", outcome.as_str());
        let decided = request
            .state
            .clone()
            .decide(outcome, by.id.clone(), now, note);
        let state = self.audited(number, by, decided, now).await?;
        let is_end = matches!(state, RevocationState::Ended { .. });
        if let (true, RevocationState::Proposed { by: first, .. }) = (is_end, &request.state) {
            self.expect_proposer(first, Act::FinishRevocation).await?;
        }
        let request = if is_end && outcome == Outcome::Complete && request.is_queued() {
            self.stop_before_end(request, by, now).await?
        } else {
            request
        };
        let action = match state {
            RevocationState::Ended { .. } | RevocationState::EndedByHolder { .. } => {
                "revocation.end"
            }
            RevocationState::Proposed { .. } | RevocationState::Submitted => "revocation.propose",
        };
        self.move_request(request, state, (action, detail), by, now)
            .await
    }

    /// What it is about may be another certificate by now than when it was made: that one is stopped. One that ended by
    /// itself meanwhile needs no stop.
    async fn stop_before_end(
        &self,
        request: RevocationRequest,
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        match self.stop_queued(&request.number, by, now).await {
            Err(Error::Refused(Refusal::Expired { .. })) => Ok(request),
            stopped => stopped,
        }
    }

    /// Takes a proposal back, so that another outcome can be proposed.
    pub async fn withdraw_decision(
        &self,
        number: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        let request = self.request_to_finish(number, by, now).await?;
        let withdrawn = request.state.clone().withdraw();
        let state = self.audited(number, by, withdrawn, now).await?;
        if state == request.state {
            return Ok(request);
        }
        let told = ("revocation.withdraw", String::new());
        self.move_request(request, state, told, by, now).await
    }

    async fn request_to_finish(
        &self,
        number: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        self.require(by, Act::FinishRevocation, now).await?;
        let mut reader = self.store().reader().await?;
        Ok(reader
            .revocation_by_number(number)
            .await?
            .ok_or(Refusal::NotFound)?)
    }

    /// Hands the state on, or records the refusal (T40).
    async fn audited(
        &self,
        number: &str,
        by: &Operator,
        decided: std::result::Result<RevocationState, RevocationRefusal>,
        now: Timestamp,
    ) -> Result<RevocationState> {
        match decided {
            Ok(state) => Ok(state),
            Err(refusal) => {
                let actor = Actor::Operator(by.id.clone());
                self.record_refusal(actor, format!("{number}: {refusal}"), now)
                    .await?;
                Err(refusal.into())
            }
        }
    }

    async fn move_request(
        &self,
        request: RevocationRequest,
        state: RevocationState,
        (action, detail): (&'static str, String),
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        let grant = self.store().reader().await?.grant(&request.grant).await?;
        let grant = grant.ok_or_else(|| internal("end a request", "its grant is gone"))?;
        let actor = Actor::Operator(by.id.clone());
        let object = format!("grant:{}", grant.id);
        let event = self.event(actor.clone(), action, object, detail, now);
        let because = format!("request {} was completed", request.number);
        let ended = RevocationRequest {
            state,
            ..request.clone()
        };
        let mails = self.end_mails(&ended, &grant, now);
        let after = ended.clone();
        let app = self.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.move_revocation(&request, &ended.state).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_audit(&event).await?;
                    if let RevocationState::Ended { outcome, .. } = &ended.state {
                        let end = HoldEnd {
                            app: app.clone(),
                            outcome: *outcome,
                            actor,
                            because,
                        };
                        end.write(tx, &ended, now).await?;
                    }
                    for mail in &mails {
                        tx.insert_mail(mail).await?;
                    }
                    failpoint!(app, "failpoint:revocation:inside");
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.want_publication();
        failpoint!(self, "failpoint:revocation:after");
        Ok(after)
    }

    /// The mails of a request that has ended; none before.
    pub(crate) fn end_mails(
        &self,
        request: &RevocationRequest,
        grant: &Grant,
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        let (outcome, note) = match &request.state {
            RevocationState::Ended { outcome, note, .. } => (*outcome, note.as_str()),
            RevocationState::EndedByHolder { .. } => (Outcome::Complete, ""),
            RevocationState::Proposed { .. } | RevocationState::Submitted => return Vec::new(),
        };
        let mut values = values_of(grant);
        values.push(("number", request.number.clone()));
        let kind = match outcome {
            Outcome::Complete => {
                let revoked_at = request.held_at.unwrap_or(now);
                values.push(("revoked_at", revoked_at.to_string()));
                MailKind::RevocationCompleted
            }
            Outcome::Lift => {
                values.push(("lifted_at", now.to_string()));
                values.push(("reason", note.to_owned()));
                // Nobody asked for it, so nothing was refused (text 1).
                if request.is_by_operator() {
                    MailKind::HoldLifted
                } else {
                    MailKind::RevocationRefused
                }
            }
        };
        addresses(&request.mail, grant)
            .into_iter()
            .enumerate()
            .map(|(n, to)| {
                let key = format!("{}:{}:{n}", kind.as_str(), request.id);
                self.mail(kind, to, key, &values, now)
            })
            .collect()
    }
}

/// How a hold ends, and who is recorded for it.
pub(crate) struct HoldEnd {
    pub(crate) app: App,
    pub(crate) outcome: Outcome,
    pub(crate) actor: Actor,
    /// What the trail says of a key that is destroyed.
    pub(crate) because: String,
}

impl HoldEnd {
    /// Revokes with the hold's date and destroys the kept keys, or lifts the hold. Certificates that were set aside for
    /// a newer key go the same way, each with its event.
    pub(crate) async fn write(
        &self,
        tx: &mut Tx,
        request: &RevocationRequest,
        now: Timestamp,
    ) -> Result<()> {
        let outcome = self.outcome;
        let aside = tx.set_aside_of(&request.grant).await?;
        let is_on_hold =
            |record: &CertificateRecord| matches!(record.state, CertificateState::OnHold { .. });
        for record in &aside {
            if outcome == Outcome::Lift && !is_on_hold(record) {
                continue;
            }
            if self.end_one(tx, request, record, now).await?
                && Some(record.serial) != request.serial
            {
                let action = match outcome {
                    Outcome::Complete => "certificate.revoke",
                    Outcome::Lift => "certificate.lift",
                };
                let detail = format!("set aside; request {}", request.number);
                self.tell(tx, record.serial, action, detail, now).await?;
            }
        }
        if let Some(serial) = &request.serial {
            if aside.iter().any(|record| record.serial == *serial) {
                return Ok(());
            }
            let record = tx.certificate(serial).await?;
            let record = record.ok_or_else(|| internal("end a hold", "the certificate is gone"))?;
            self.end_one(tx, request, &record, now).await?;
            return Ok(());
        }
        let grant = tx.grant(&request.grant).await?;
        let grant = grant.ok_or_else(|| internal("end a hold", "the grant is gone"))?;
        let step = match (outcome, request.held_at) {
            (Outcome::Complete, _) => GrantMove::Void,
            // Nothing was stopped yet.
            (Outcome::Lift, None) => return Ok(()),
            // A freeze older than the request is the holder's own, and stays.
            (Outcome::Lift, Some(at)) if was_frozen_before(&grant.state, at) => return Ok(()),
            (Outcome::Lift, Some(_)) => GrantMove::Unfreeze,
        };
        let moved = grant.state.clone().apply(step, now)?;
        if !tx.move_grant(&grant.id, &grant.state, &moved).await? {
            return Err(Error::Conflict);
        }
        if outcome == Outcome::Complete && tx.drop_letter_secret(&grant.id).await? {
            let (actor, because) = (self.actor.clone(), self.because.clone());
            let event = self.app.forgotten_event(&grant.id, actor, because, now);
            tx.insert_audit(&event).await?;
        }
        Ok(())
    }

    /// Ends the hold of one certificate; `false` where it was not held.
    async fn end_one(
        &self,
        tx: &mut Tx,
        request: &RevocationRequest,
        record: &CertificateRecord,
        now: Timestamp,
    ) -> Result<bool> {
        let step = match self.outcome {
            Outcome::Complete => CertificateMove::Revoke(request.reason.reason_code()),
            Outcome::Lift if request.held_at.is_none() => return Ok(false),
            Outcome::Lift => CertificateMove::Lift,
        };
        let moved = record.state.apply(step, now)?;
        let serial = &record.serial;
        if !tx.move_certificate(serial, &record.state, &moved).await? {
            return Err(Error::Conflict);
        }
        want_lists(tx, &record.ca_key, record.shard, now).await?;
        if self.outcome == Outcome::Complete
            && tx
                .destroy_key(serial, KeyDestroyed::Revocation, now)
                .await?
        {
            self.tell(tx, *serial, "key.destroy", self.because.clone(), now)
                .await?;
        }
        Ok(true)
    }

    async fn tell(
        &self,
        tx: &mut Tx,
        serial: SerialNumber,
        action: &'static str,
        detail: String,
        now: Timestamp,
    ) -> Result<()> {
        let object = format!("certificate:{serial}");
        let event = self
            .app
            .event(self.actor.clone(), action, object, detail, now);
        Ok(tx.insert_audit(&event).await?)
    }
}

fn was_frozen_before(state: &GrantState, held_at: Timestamp) -> bool {
    matches!(state, GrantState::Frozen { at, .. } if *at < held_at)
}
