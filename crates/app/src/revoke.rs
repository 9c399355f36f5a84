//! 失効 (`/p/rx`, manual 4): the request by the letter's two IDs stops the certificate at once, and two operators
//! end it; the request by the certificate itself is final at once, for that certificate alone (decision F4).

use serde::{Deserialize, Serialize};
use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{Fingerprint, FlowId, GrantId, SerialNumber};
use tegata_domain::institution::MailAddress;
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState, StatedReason};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::{App, TRIES};
use crate::cookie::FlowSecret;
use crate::download::CertificateBox;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::flow::Opened;
use crate::guessing::Source;
use crate::hold::{Asked, Hold};
use crate::reference::TypedIds;
use crate::renew::is_live;
use crate::seal::Purpose;
use crate::visit::Visit;

/// What a procedure has entered that begins at its end.
const NOTHING: &str = "{}";

/// What RX-2 to RX-4 show.
#[derive(Clone, Debug)]
pub struct RevocationPage {
    /// Whose certificate.
    pub certificate: CertificateBox,
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// Which page is next: `Form`, `Confirm` or `Done`.
    pub step: FlowStep,
    /// The last two characters of the reference ID.
    pub last_two: String,
    /// Where the certificate stands.
    pub status: HolderStatus,
    /// The newer certificate, about which RX-2 asks.
    pub newer: Option<NewerCertificate>,
    /// Whether the certificate itself asks: then there is no reference ID.
    pub by_certificate: bool,
    /// Whether the end waits for two operators although the certificate itself asks: others of its grant are stopped
    /// with it (F4).
    pub with_others: bool,
    /// What was entered on RX-2.
    pub entered: Option<EnteredRevocation>,
    /// The request, once it is accepted.
    pub accepted: Option<AcceptedRevocation>,
}

/// 現在の状態 on RX-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderStatus {
    /// 使用中.
    InUse,
    /// 未取得.
    NotCollected,
}

/// A live renewal of the certificate that is to be stopped (F4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewerCertificate {
    /// Its last second.
    pub not_after: Timestamp,
    /// Whether it was seen in use.
    pub is_in_use: bool,
}

/// RX-2 as it was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnteredRevocation {
    /// メールアドレス.
    pub mail: String,
    /// 失効の理由.
    pub reason: StatedReason,
    /// Whether the newer certificate is stopped too; `None` where there is none.
    pub stop_newer: Option<bool>,
}

/// RX-4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedRevocation {
    /// 失効申請番号.
    pub number: String,
    /// 受付日時.
    pub at: Timestamp,
    /// The address of the form.
    pub mail: String,
    /// The registered address, masked.
    pub masked_registered_mail: String,
    /// How it ended, once it has.
    pub outcome: Option<Outcome>,
    /// Whether the certificate itself ended it.
    pub is_by_holder: bool,
}

/// RX-2 as sent.
#[derive(Clone, Debug)]
pub struct RevocationForm {
    /// The version that the page carried.
    pub version: i64,
    /// メールアドレス.
    pub mail: String,
    /// メールアドレス(確認用).
    pub confirmation: String,
    /// 失効の理由.
    pub reason: String,
    /// 「新しい電子証明書も止めますか。」: `yes`, `no` or nothing.
    pub newer: String,
}

/// What is kept of RX-2 between its pages; no secret.
#[derive(Serialize, Deserialize)]
struct Entered {
    mail: String,
    reason: String,
    #[serde(default)]
    stop_newer: Option<bool>,
}

impl App {
    /// RX-1: checks the two IDs and begins a procedure; where a request is open or was completed, it begins at
    /// RX-4.
    pub async fn open_revocation(
        &self,
        ids: TypedIds,
        source: Source,
        now: Timestamp,
    ) -> Result<Opened> {
        let proven = self.prove_ids(ids, source).await?;
        let flow = self
            .begin_revocation(&proven.grant, None, source, now)
            .await?;
        let secret = FlowSecret {
            // A revocation opens no key, so its cookie carries none.
            wrap_key: Secret::new([0; 32]),
            last_two: proven.reference.last_two(),
            password: None,
        };
        let cookie = self.seal_cookie(&flow, &secret)?;
        Ok(Opened { flow, cookie })
    }

    /// RX-1 「通知書がないとき」: begins a procedure by the certificate that stands behind the connection.
    pub async fn open_own_revocation(
        &self,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<FlowId> {
        let (own, grant) = self.presented(presented).await?;
        check_not_ended(&own)?;
        self.begin_revocation(&grant, Some(presented), source, now)
            .await
    }

    /// RX-1B: whether a request by this certificate waits for two operators, since others of its grant are stopped
    /// with it.
    pub async fn own_revocation_waits(&self, presented: Fingerprint) -> Result<bool> {
        let (own, grant) = self.presented(presented).await?;
        Ok(!self.ends_itself(&own, &grant).await?)
    }

    /// Whether this certificate ends by its own request alone (F4): for itself, and for nothing else. One whose place
    /// a newer key of the same grant took, or beside which another one of it lives, stops them all at once; two
    /// operators end that. So an old terminal that was stolen destroys no newer certificate, and whoever lost the
    /// newer one stops it with the old one (T22, T24).
    pub(crate) async fn ends_itself(&self, own: &CertificateRecord, grant: &Grant) -> Result<bool> {
        if grant.state.serial() != Some(own.serial) {
            return Ok(false);
        }
        let mut reader = self.store().reader().await?;
        Ok(reader.set_aside_of(&grant.id).await?.is_empty())
    }

    async fn begin_revocation(
        &self,
        grant: &Grant,
        presented: Option<Fingerprint>,
        source: Source,
        now: Timestamp,
    ) -> Result<FlowId> {
        let record = self.record_of(grant).await?;
        let step = if self.is_requested(grant).await? {
            FlowStep::Done
        } else {
            let open = self.open_request(grant).await?;
            check_revocable(grant, record.as_ref(), open.as_ref(), now)?;
            FlowStep::Form
        };
        self.begin_flow((FlowKind::Revoke, step), grant, presented, source, now)
            .await
    }

    /// A procedure to revoke, by the two IDs or by the certificate that began it, with the last two characters
    /// of the reference ID.
    async fn load_revocation(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
    ) -> Result<(Flow, Grant, String)> {
        if let Some(presented) = visit.presented {
            let kind = FlowKind::Revoke;
            let (flow, grant) = self.load_holder_flow(flow, kind, presented).await?;
            return Ok((flow, grant, String::new()));
        }
        let secret = self.open_cookie(flow, visit.cookie)?;
        let (flow, grant) = self.load_flow(flow, FlowKind::Revoke).await?;
        if flow.fingerprint.is_some() {
            return Err(Refusal::FlowEnded.into());
        }
        Ok((flow, grant, secret.last_two))
    }

    /// RX-2 to RX-4, by where the procedure stands.
    pub async fn revocation_page(&self, flow: &FlowId, visit: Visit<'_>) -> Result<RevocationPage> {
        let (row, grant, last_two) = self.load_revocation(flow, visit).await?;
        let latest = self
            .store()
            .reader()
            .await?
            .latest_revocation_of(&grant.id)
            .await?;
        let latest = latest.filter(|_| row.step == FlowStep::Done);
        if latest.as_ref().is_some_and(RevocationRequest::is_queued) {
            return Err(Refusal::HoldsQueue.into());
        }
        // Its number and its address are the operators' and nobody else's.
        if let Some(stopped) = latest.as_ref().filter(|latest| latest.is_by_operator()) {
            let at = stopped.held_at.unwrap_or(stopped.submitted_at);
            let by_operator = true;
            return Err(Refusal::OnHold { at, by_operator }.into());
        }
        let with_others = match visit.presented {
            Some(presented) if latest.is_none() => self.own_revocation_waits(presented).await?,
            _ => false,
        };
        let accepted = latest.map(|request| AcceptedRevocation {
            is_by_holder: matches!(request.state, RevocationState::EndedByHolder { .. }),
            number: request.number,
            at: request.submitted_at,
            mail: if row.entered == NOTHING {
                // Opened again: whoever has the letter need not learn who asked.
                request.mail.masked()
            } else {
                request.mail.as_str().to_owned()
            },
            masked_registered_mail: grant.mail.masked(),
            outcome: request.state.outcome(),
        });
        let status = if grant.state.serial().is_some() {
            HolderStatus::InUse
        } else {
            HolderStatus::NotCollected
        };
        Ok(RevocationPage {
            certificate: CertificateBox::of(&grant, grant.not_after),
            version: row.version,
            step: row.step,
            last_two,
            newer: self.newer(&grant).await?,
            by_certificate: row.fingerprint.is_some(),
            with_others,
            status,
            entered: read_entered(&row.entered),
            accepted,
        })
    }

    /// RX-2 → RX-3.
    pub async fn enter_revocation(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        form: RevocationForm,
    ) -> Result<()> {
        let (row, grant, _) = self.load_revocation(flow, visit).await?;
        let typed: [&[u8]; 5] = [
            b"form",
            form.mail.as_bytes(),
            form.confirmation.as_bytes(),
            form.reason.as_bytes(),
            form.newer.as_bytes(),
        ];
        let digest = self.digests().of(Purpose::FlowCookie, &typed)?;
        if self.take_turn(&row, form.version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if row.step != FlowStep::Form {
            return Err(Refusal::FlowElsewhere.into());
        }
        let entered = check_form(&form, self.newer(&grant).await?.is_some())?;
        let entered =
            serde_json::to_string(&entered).map_err(|error| internal("keep a form", error))?;
        self.move_flow(&row, FlowStep::Confirm, &entered, digest)
            .await
    }

    /// RX-3 → RX-2 (戻る); what was entered stays.
    pub async fn correct_revocation(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
    ) -> Result<()> {
        let (row, _, _) = self.load_revocation(flow, visit).await?;
        let digest = self.digests().of(Purpose::FlowCookie, &[b"correct"])?;
        if self.take_turn(&row, version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if row.step != FlowStep::Confirm {
            return Err(Refusal::FlowElsewhere.into());
        }
        let entered = row.entered.clone();
        self.move_flow(&row, FlowStep::Form, &entered, digest).await
    }

    /// RX-3 → RX-4: the certificate is on hold (an uncollected grant frozen) when this returns. Where another
    /// procedure was first with the same certificate, its request is the answer.
    pub async fn submit_revocation(
        &self,
        flow: &FlowId,
        visit: Visit<'_>,
        version: i64,
        confirmed: bool,
        now: Timestamp,
    ) -> Result<()> {
        let turn = Submission {
            version,
            confirmed,
            digest: self.digests().of(Purpose::FlowCookie, &[b"submit"])?,
        };
        for _ in 0..TRIES {
            match self.try_submit(flow, &turn, visit, now).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    /// Submits by what is read now; `Conflict` where any of it moved meanwhile, and nothing is stored then.
    async fn try_submit(
        &self,
        flow: &FlowId,
        turn: &Submission,
        visit: Visit<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let (row, grant, _) = self.load_revocation(flow, visit).await?;
        if self.take_turn(&row, turn.version, &turn.digest)? == Turn::Repeated {
            return Ok(());
        }
        let (FlowStep::Confirm, Some(entered)) = (row.step, read_entered(&row.entered)) else {
            return Err(Refusal::FlowElsewhere.into());
        };
        if !turn.confirmed {
            return Err(Refusal::Fields(vec![FieldProblem::NotConfirmed]).into());
        }
        let actor = Actor::Subscriber(visit.source.to_string());
        let record = self.settled_record(&grant, actor.clone(), now).await?;
        // Asked last: a hold that the record shows has its request by now.
        let open = self.open_request(&grant).await?;
        if open.as_ref().is_some_and(|open| !open.is_queued()) {
            return self
                .move_flow(&row, FlowStep::Done, &row.entered, turn.digest)
                .await;
        }
        let is_final = match row.fingerprint {
            Some(presented) => {
                let (own, _) = self.presented(presented).await?;
                check_not_ended(&own)?;
                self.ends_itself(&own, &grant).await?
            }
            None => false,
        };
        check_revocable(&grant, record.as_ref(), open.as_ref(), now)?;
        let continued = Continued::of(self, record.as_ref()).await?;
        let newer = self.live_newer(&grant).await?;
        if newer.is_some() && entered.stop_newer.is_none() {
            // It came into being after RX-2, which did not ask about it.
            return Err(Refusal::Fields(vec![FieldProblem::NewerUnanswered]).into());
        }
        let mut holds = Vec::new();
        // The newer one is not the certificate that asks: its hold is the operators' to end.
        if entered.stop_newer == Some(true)
            && let Some((newer, record)) = newer
        {
            let asked = self.asked(&entered, visit, &actor, false)?;
            let queued = self.open_request(&newer).await?;
            holds.push(self.prepare_hold(&newer, record, queued, asked, now));
        }
        let asked = self.asked(&entered, visit, &actor, is_final)?;
        holds.push(self.prepare_hold(&grant, record, open, asked, now));
        self.write_holds(row, (holds, continued), turn.digest, now)
            .await
    }

    fn asked(
        &self,
        entered: &EnteredRevocation,
        visit: Visit<'_>,
        actor: &Actor,
        is_final: bool,
    ) -> Result<Asked> {
        let mail = MailAddress::from_typed(&entered.mail)
            .ok_or_else(|| internal("hold", "a kept mail address has a wrong form"))?;
        let proven = visit.presented.is_some();
        Ok(Asked {
            mail,
            reason: entered.reason,
            source: visit.source.to_string(),
            actor: actor.clone(),
            detail: String::new(),
            rate: (!proven).then_some(self.policy().hold.rate_per_hour),
            is_final,
        })
    }

    /// The renewal of the grant's certificate that RX-2 asks about.
    async fn newer(&self, grant: &Grant) -> Result<Option<NewerCertificate>> {
        let newer = self.live_newer(grant).await?;
        Ok(newer.map(|(newer, _)| NewerCertificate {
            not_after: newer.not_after,
            is_in_use: matches!(newer.state, GrantState::SeenInUse { .. }),
        }))
    }

    /// The renewal of the grant's certificate, with its certificate, where it can still be stopped.
    pub(crate) async fn live_newer(
        &self,
        grant: &Grant,
    ) -> Result<Option<(Grant, Option<CertificateRecord>)>> {
        let Some(record) = self.record_of(grant).await? else {
            return Ok(None);
        };
        let Some(newer) = self.successor_of(&record).await? else {
            return Ok(None);
        };
        let made = self.record_of(&newer).await?;
        let live = match (&newer.state, made.as_ref().map(|made| made.state)) {
            (GrantState::Frozen { .. }, None) => false,
            (_, None | Some(CertificateState::Issued | CertificateState::Intended)) => true,
            (_, Some(_)) => false,
        };
        Ok(live.then_some((newer, made)))
    }

    /// Whether the newest request is open or was completed; after a lift, a new one is possible.
    async fn is_requested(&self, grant: &Grant) -> Result<bool> {
        let mut reader = self.store().reader().await?;
        let latest = reader.latest_revocation_of(&grant.id).await?;
        let of_holder = latest.filter(|request| !request.is_by_operator());
        Ok(of_holder.is_some_and(|request| match &request.state {
            // What waits above the rate may be asked for again: then it is held as soon as it can be.
            RevocationState::Submitted | RevocationState::Proposed { .. } => !request.is_queued(),
            RevocationState::Ended { outcome, .. } => *outcome == Outcome::Complete,
            RevocationState::EndedByHolder { .. } => true,
        }))
    }

    /// The request of this grant that is not ended.
    pub(crate) async fn open_request(&self, grant: &Grant) -> Result<Option<RevocationRequest>> {
        let mut reader = self.store().reader().await?;
        Ok(reader.open_revocation_of(&grant.id).await?)
    }

    /// Whether an operator stopped the grant's certificate without a request of its holder.
    pub(crate) async fn is_held_by_operator(&self, grant: &Grant) -> Result<bool> {
        let open = self.open_request(grant).await?;
        Ok(open.is_some_and(|open| open.is_by_operator()))
    }

    async fn write_holds(
        &self,
        flow: Flow,
        (holds, continued): (Vec<Hold>, Continued),
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<()> {
        let expires = self.flow_end();
        let done = FlowStep::Done;
        #[cfg(debug_assertions)]
        let app = self.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let (id, version) = (&flow.id, flow.version);
                    let moved = tx
                        .move_flow(id, version, done, &flow.entered, &digest, expires)
                        .await?;
                    if !moved {
                        return Err(Error::Conflict);
                    }
                    for hold in holds {
                        hold.write(tx, now).await?;
                    }
                    // The certificate is stopped from here on, so this is the last renewal of it.
                    if !continued.is_so(tx).await? {
                        return Err(Error::Conflict);
                    }
                    failpoint!(app, "failpoint:hold:inside");
                    Ok::<_, Error>(())
                })
            })
            .await?;
        self.want_publication();
        failpoint!(self, "failpoint:hold:after");
        Ok(())
    }
}

/// RX-3 as sent.
struct Submission {
    version: i64,
    confirmed: bool,
    digest: [u8; 32],
}

/// Which renewal continues the certificate that is to be stopped: the one that its holder was asked about.
pub(crate) struct Continued {
    serial: Option<SerialNumber>,
    by: Option<GrantId>,
}

impl Continued {
    pub(crate) async fn of(app: &App, record: Option<&CertificateRecord>) -> Result<Self> {
        let by = match record {
            Some(record) => app.successor_of(record).await?.map(|grant| grant.id),
            None => None,
        };
        let serial = record.map(|record| record.serial);
        Ok(Self { serial, by })
    }

    /// Whether it is still that one.
    pub(crate) async fn is_so(&self, tx: &mut Tx) -> Result<bool> {
        let Some(serial) = &self.serial else {
            return Ok(true);
        };
        let successors = tx.successors_of(serial).await?;
        let by = successors.into_iter().rfind(is_live).map(|grant| grant.id);
        Ok(by == self.by)
    }
}

/// A certificate that was ended asks for nothing any more.
pub(crate) fn check_not_ended(own: &CertificateRecord) -> Result<()> {
    match own.state {
        CertificateState::Revoked { at, .. }
        | CertificateState::Superseded { at }
        | CertificateState::Void { at } => Err(Refusal::Revoked { at }.into()),
        CertificateState::Intended | CertificateState::Issued | CertificateState::OnHold { .. } => {
            Ok(())
        }
    }
}

pub(crate) fn check_revocable(
    grant: &Grant,
    record: Option<&CertificateRecord>,
    open: Option<&RevocationRequest>,
    now: Timestamp,
) -> Result<()> {
    let by_operator = open.is_some_and(RevocationRequest::is_by_operator);
    if let (true, GrantState::Frozen { at, .. }) = (by_operator, &grant.state) {
        let at = *at;
        return Err(Refusal::OnHold { at, by_operator }.into());
    }
    if let GrantState::Voided { at } = &grant.state {
        return Err(Refusal::Revoked { at: *at }.into());
    }
    if let Some(record) = record {
        match record.state {
            CertificateState::Revoked { at, .. }
            | CertificateState::Superseded { at }
            | CertificateState::Void { at } => return Err(Refusal::Revoked { at }.into()),
            CertificateState::OnHold { at } => {
                return Err(Refusal::OnHold { at, by_operator }.into());
            }
            CertificateState::Intended | CertificateState::Issued => {}
        }
    }
    if now > grant.not_after {
        return Err(Refusal::Expired {
            not_after: grant.not_after,
        }
        .into());
    }
    Ok(())
}

fn check_form(form: &RevocationForm, has_newer: bool) -> Result<Entered> {
    let mut problems = Vec::new();
    let mail = MailAddress::from_typed(&form.mail);
    if mail.is_none() {
        problems.push(FieldProblem::MailInvalid);
    } else if mail != MailAddress::from_typed(&form.confirmation) {
        problems.push(FieldProblem::MailsDiffer);
    }
    let reason = StatedReason::parse(&form.reason);
    if reason.is_none() {
        problems.push(FieldProblem::ReasonUnknown);
    }
    let stop_newer = match form.newer.as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    if has_newer && stop_newer.is_none() {
        problems.push(FieldProblem::NewerUnanswered);
    }
    match (mail, reason) {
        (Some(mail), Some(reason)) if problems.is_empty() => Ok(Entered {
            mail: mail.as_str().to_owned(),
            reason: reason.as_str().to_owned(),
            stop_newer: stop_newer.filter(|_| has_newer),
        }),
        _ => Err(Refusal::Fields(problems).into()),
    }
}

fn read_entered(text: &str) -> Option<EnteredRevocation> {
    let entered: Entered = serde_json::from_str(text).ok()?;
    let reason = StatedReason::parse(&entered.reason)?;
    Some(EnteredRevocation {
        mail: entered.mail,
        reason,
        stop_newer: entered.stop_newer,
    })
}

/// The form's and the registered addresses, each once.
pub(crate) fn addresses<'a>(form: &'a MailAddress, grant: &'a Grant) -> Vec<&'a MailAddress> {
    let registered = grant.addresses().filter(|address| *address != form);
    std::iter::once(form).chain(registered).collect()
}
