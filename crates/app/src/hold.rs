//! 一時停止: a certificate is stopped at once, an uncollected grant frozen (decision F4). On a request of the holder,
//! by an operator without one, or, above the hourly rate, by an operator who looked at the queue.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{CertificateMove, CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantMove};
use tegata_domain::id::RevocationId;
use tegata_domain::institution::MailAddress;
use tegata_domain::operator::{Act, Operator};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::RequestId;
use tegata_domain::revocation::{
    BY_OPERATOR, Outcome, RevocationRequest, RevocationState, StatedReason,
};
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::act_refusal::ActRefusal;
use crate::base::{App, TRIES};
use crate::decide::HoldEnd;
use crate::download::values_of;
use crate::error::{Error, Refusal, Result, internal};
use crate::issue::want_lists;
use crate::proposal::read_reason;
use crate::revoke::{addresses, check_revocable};

/// Counter of 失効申請番号.
const COUNTER: &str = "revocation";
/// Seconds over which holds are counted.
const HOUR: i64 = 3_600;

/// Who asks for a hold, and why.
pub(crate) struct Asked {
    /// Where the answers go, beside the registered address.
    pub(crate) mail: MailAddress,
    pub(crate) reason: StatedReason,
    pub(crate) source: String,
    pub(crate) actor: Actor,
    /// Further facts for the audit trail.
    pub(crate) detail: String,
    /// Holds in an hour above which it queues; none for an operator, nor for the certificate itself.
    pub(crate) rate: Option<i64>,
    /// The certificate itself asks for its own end: final at once, and told by text 12c (F4).
    pub(crate) is_final: bool,
}

/// Everything that one hold writes.
pub(crate) struct Hold {
    grant: Grant,
    record: Option<CertificateRecord>,
    request: RevocationRequest,
    /// Whether the request waits in the queue already.
    is_stored: bool,
    mails: Vec<OutboxMail>,
    event: AuditEvent,
    rate: Option<i64>,
    /// What the end of a final one tells and writes down.
    end: Option<End>,
}

/// The end of a request that the certificate itself made.
struct End {
    mails: Vec<OutboxMail>,
    hold: HoldEnd,
}

impl App {
    /// F4: an operator stops a certificate without a request of its holder; the holder is mailed at once, and two
    /// operators end it as any other hold.
    pub async fn hold_by_operator(
        &self,
        request: &RequestId,
        reason: StatedReason,
        note: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        self.require(by, Act::Hold, now).await?;
        let note = read_reason(note)?;
        for _ in 0..TRIES {
            let grant = self.grant_by(request).await?;
            let asked = Asked {
                mail: grant.mail.clone(),
                reason,
                source: BY_OPERATOR.to_owned(),
                actor: Actor::Operator(by.id.clone()),
                detail: note.clone(),
                rate: None,
                is_final: false,
            };
            match self.hold_now(grant, asked, now).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// F4: an operator stops what waits above the hourly rate.
    pub async fn hold_queued(
        &self,
        number: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        self.require(by, Act::Hold, now).await?;
        self.stop_queued(number, by, now).await
    }

    /// Stops what a queued request is about by now, which may be another certificate than when it was made.
    pub(crate) async fn stop_queued(
        &self,
        number: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        for _ in 0..TRIES {
            let mut reader = self.store().reader().await?;
            let request = reader.revocation_by_number(number).await?;
            let request = request.ok_or(Refusal::NotFound)?;
            if !request.is_queued() {
                return Err(ActRefusal::NotQueued.into());
            }
            let grant = reader.grant(&request.grant).await?;
            drop(reader);
            let grant = grant.ok_or_else(|| internal("hold", "the grant is gone"))?;
            let asked = Asked {
                mail: request.mail,
                reason: request.reason,
                source: request.source,
                actor: Actor::Operator(by.id.clone()),
                detail: String::new(),
                rate: None,
                is_final: false,
            };
            match self.hold_now(grant, asked, now).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// Whether an operator can stop this certificate now.
    pub(crate) async fn check_holdable(&self, request: &RequestId, now: Timestamp) -> Result<()> {
        let grant = self.grant_by(request).await?;
        let record = self.record_of(&grant).await?;
        let open = self.open_request(&grant).await?;
        if let Some(open) = open.filter(|open| !open.is_queued()) {
            let number = open.number;
            return Err(ActRefusal::OpenRequest { number }.into());
        }
        check_revocable(&grant, record.as_ref(), None, now)
    }

    async fn hold_now(
        &self,
        grant: Grant,
        asked: Asked,
        now: Timestamp,
    ) -> Result<RevocationRequest> {
        let record = self
            .settled_record(&grant, asked.actor.clone(), now)
            .await?;
        let open = self.open_request(&grant).await?;
        if let Some(open) = open.as_ref().filter(|open| !open.is_queued()) {
            let number = open.number.clone();
            return Err(ActRefusal::OpenRequest { number }.into());
        }
        check_revocable(&grant, record.as_ref(), None, now)?;
        let hold = self.prepare_hold(&grant, record, open, asked, now);
        let held = self
            .store()
            .write(move |tx| Box::pin(hold.write(tx, now)))
            .await?;
        self.want_publication();
        Ok(held)
    }

    /// The grant's certificate; an intent is finished first, so that a hold meets a certificate.
    pub(crate) async fn settled_record(
        &self,
        grant: &Grant,
        actor: Actor,
        now: Timestamp,
    ) -> Result<Option<CertificateRecord>> {
        let record = self.record_of(grant).await?;
        let record = match record {
            Some(record) if record.state == CertificateState::Intended => {
                self.finish_intent(record.serial, actor, now).await?;
                self.record_of(grant).await?
            }
            other => other,
        };
        match record.as_ref().map(|record| record.state) {
            // The intent was given up meanwhile, and the grant knows it no more.
            Some(CertificateState::Void { .. }) => Err(Error::Conflict),
            _ => Ok(record),
        }
    }

    /// A hold, or the request that waits for one where the rate is exceeded. `queued` is what waits already: it
    /// keeps its number.
    pub(crate) fn prepare_hold(
        &self,
        grant: &Grant,
        record: Option<CertificateRecord>,
        queued: Option<RevocationRequest>,
        asked: Asked,
        now: Timestamp,
    ) -> Hold {
        let is_stored = queued.is_some();
        let request = queued.unwrap_or_else(|| RevocationRequest {
            id: RevocationId::generate(now, self.entropy()),
            number: String::new(),
            grant: grant.id.clone(),
            serial: None,
            mail: asked.mail,
            reason: asked.reason,
            submitted_at: now,
            held_at: None,
            source: asked.source,
            state: RevocationState::Submitted,
        });
        let mut values = values_of(grant);
        values.push(("accepted_at", now.to_string()));
        values.push(("form_mail", request.mail.as_str().to_owned()));
        values.push(("registered_mail", grant.mail.masked()));
        let mails = addresses(&request.mail, grant)
            .into_iter()
            .enumerate()
            .map(|(n, to)| {
                let key = format!("revocation_accepted:{}:{n}", request.id);
                self.mail(MailKind::RevocationAccepted, to, key, &values, now)
            })
            .collect();
        let request = RevocationRequest {
            serial: record.as_ref().map(|record| record.serial),
            ..request
        };
        let end = asked
            .is_final
            .then(|| self.prepare_end(&request, grant, &asked.actor, now));
        let object = format!("grant:{}", grant.id);
        let event = self.event(asked.actor, "certificate.hold", object, asked.detail, now);
        Hold {
            grant: grant.clone(),
            request,
            end,
            record,
            is_stored,
            mails,
            event,
            rate: asked.rate,
        }
    }

    fn prepare_end(
        &self,
        request: &RevocationRequest,
        grant: &Grant,
        actor: &Actor,
        now: Timestamp,
    ) -> End {
        let ended = RevocationRequest {
            held_at: Some(now),
            state: RevocationState::EndedByHolder { at: now },
            ..request.clone()
        };
        End {
            mails: self.end_mails(&ended, grant, now),
            hold: self.end_by_holder(actor),
        }
    }
}

impl App {
    /// Its holder ends a certificate by the certificate itself.
    pub(crate) fn end_by_holder(&self, actor: &Actor) -> HoldEnd {
        HoldEnd {
            app: self.clone(),
            outcome: Outcome::Complete,
            actor: actor.clone(),
            because: "its holder ended the certificate".to_owned(),
        }
    }
}

impl Hold {
    /// Stops the certificate, or stores the request in the queue; answers the request as it stands then.
    pub(crate) async fn write(mut self, tx: &mut Tx, now: Timestamp) -> Result<RevocationRequest> {
        if !self.is_stored {
            let number = tx.next_number(COUNTER).await?;
            let (year, ..) = now.japan_date().ymd();
            self.request.number = format!("R{:02}-{number:07}", year.rem_euclid(100));
        }
        if let Some(rate) = self.rate
            && tx.count_holds_since(now.plus_seconds(-HOUR)).await? >= rate
        {
            return self.queue(tx).await;
        }
        self.stop(tx, now).await?;
        self.request.held_at = Some(now);
        if self.is_stored {
            let (id, serial) = (&self.request.id, self.request.serial.as_ref());
            if !tx.hold_queued_request(id, serial, now).await? {
                return Err(Error::Conflict);
            }
        } else {
            tx.insert_revocation_request(&self.request).await?;
        }
        let end = self.end.take();
        let mails = match &end {
            Some(end) => &end.mails,
            None => &self.mails,
        };
        for mail in mails {
            let mut mail = mail.clone();
            mail.values
                .insert("number".to_owned(), self.request.number.clone());
            tx.insert_mail(&mail).await?;
        }
        self.tell(tx, "certificate.hold").await?;
        if let Some(end) = end {
            self.finish(tx, &end.hold, now).await?;
        }
        Ok(self.request)
    }

    /// The certificate itself asked: the hold becomes its revocation in the same transaction (F4).
    async fn finish(&mut self, tx: &mut Tx, end: &HoldEnd, now: Timestamp) -> Result<()> {
        let ended = self.request.state.clone().prove(now)?;
        if !tx.move_revocation(&self.request, &ended).await? {
            return Err(Error::Conflict);
        }
        self.request.state = ended;
        end.write(tx, &self.request, now).await
    }

    /// Above the rate: nothing is stopped, and the operators are rung.
    async fn queue(mut self, tx: &mut Tx) -> Result<RevocationRequest> {
        tracing::error!(
            number = self.request.number,
            "more requests to revoke in this hour than policy.hold.rate_per_hour: this one waits \
             for an operator; look at `tegata revocation list` now"
        );
        if !self.is_stored {
            tx.insert_revocation_request(&self.request).await?;
            self.tell(tx, "revocation.queue").await?;
        }
        Ok(self.request)
    }

    async fn tell(&mut self, tx: &mut Tx, action: &'static str) -> Result<()> {
        self.event.action = action;
        let told = format!("request {} {}", self.request.number, self.event.detail);
        self.event.detail = told.trim_end().to_owned();
        Ok(tx.insert_audit(&self.event).await?)
    }

    /// The certificate goes on hold and those that were set aside for it with it; without one the grant is frozen.
    /// `Conflict` where another key took its place since it was read: that one is to be stopped too (T23).
    async fn stop(&self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        let aside = tx.set_aside_of(&self.grant.id).await?;
        if self.end.is_some() && !aside.is_empty() {
            return Err(Error::Conflict);
        }
        let in_force = aside
            .iter()
            .filter(|record| record.state == CertificateState::Issued)
            .filter(|record| Some(record.serial) != self.request.serial);
        // The older ones first, as at the end of a hold and at the sight of a newer one: none waits for another.
        let stopped: Vec<_> = in_force.chain(&self.record).collect();
        for record in &stopped {
            let held = record.state.apply(CertificateMove::Hold, now)?;
            let serial = &record.serial;
            if !tx.move_certificate(serial, &record.state, &held).await? {
                return Err(Error::Conflict);
            }
        }
        for record in stopped {
            want_lists(tx, &record.ca_key, record.shard, now).await?;
        }
        let state = &self.grant.state;
        let stopped = match &self.record {
            Some(_) => state.clone(),
            None => state.clone().apply(GrantMove::Freeze, now)?,
        };
        if !tx.move_grant(&self.grant.id, state, &stopped).await? {
            return Err(Error::Conflict);
        }
        Ok(())
    }
}
