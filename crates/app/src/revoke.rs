//! 失効 (`/p/rx`, manual 4): the request by the letter's two IDs stops the certificate at once; two operators
//! end it (decision F4).

use serde::{Deserialize, Serialize};
use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::FlowId;
use tegata_domain::institution::MailAddress;
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState, StatedReason};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

use crate::base::{App, TRIES};
use crate::cookie::FlowSecret;
use crate::download::CertificateBox;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::flow::Opened;
use crate::guessing::Source;
use crate::hold::{Asked, Hold};
use crate::reference::TypedIds;
use crate::seal::Purpose;

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

/// RX-2 as it was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnteredRevocation {
    /// メールアドレス.
    pub mail: String,
    /// 失効の理由.
    pub reason: StatedReason,
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
}

/// What is kept of RX-2 between its pages; no secret.
#[derive(Serialize, Deserialize)]
struct Entered {
    mail: String,
    reason: String,
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
        let grant = &proven.grant;
        let record = self.record_of(grant).await?;
        let step = if self.is_requested(grant).await? {
            FlowStep::Done
        } else {
            let open = self.open_request(grant).await?;
            check_revocable(grant, record.as_ref(), open.as_ref(), now)?;
            FlowStep::Form
        };
        let flow = self
            .begin_flow((FlowKind::Revoke, step), grant, None, source, now)
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

    /// RX-2 to RX-4, by where the procedure stands.
    pub async fn revocation_page(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
    ) -> Result<RevocationPage> {
        let secret = self.open_cookie(flow, cookie)?;
        let (row, grant) = self.load_flow(flow, FlowKind::Revoke).await?;
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
        let accepted = latest.map(|request| AcceptedRevocation {
            number: request.number,
            at: request.submitted_at,
            mail: request.mail.as_str().to_owned(),
            masked_registered_mail: grant.mail.masked(),
            outcome: match request.state {
                RevocationState::Ended { outcome, .. } => Some(outcome),
                RevocationState::Proposed { .. } | RevocationState::Submitted => None,
            },
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
            last_two: secret.last_two,
            status,
            entered: read_entered(&row.entered),
            accepted,
        })
    }

    /// RX-2 → RX-3.
    pub async fn enter_revocation(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        form: RevocationForm,
    ) -> Result<()> {
        self.open_cookie(flow, cookie)?;
        let (row, _) = self.load_flow(flow, FlowKind::Revoke).await?;
        let typed: [&[u8]; 4] = [
            b"form",
            form.mail.as_bytes(),
            form.confirmation.as_bytes(),
            form.reason.as_bytes(),
        ];
        let digest = self.keyring().digest(Purpose::FlowCookie, &typed)?;
        if self.take_turn(&row, form.version, &digest)? == Turn::Repeated {
            return Ok(());
        }
        if row.step != FlowStep::Form {
            return Err(Refusal::FlowElsewhere.into());
        }
        let entered = check_form(&form)?;
        let entered =
            serde_json::to_string(&entered).map_err(|error| internal("keep a form", error))?;
        self.move_flow(&row, FlowStep::Confirm, &entered, digest)
            .await
    }

    /// RX-3 → RX-2 (戻る); what was entered stays.
    pub async fn correct_revocation(
        &self,
        flow: &FlowId,
        cookie: Option<&str>,
        version: i64,
    ) -> Result<()> {
        self.open_cookie(flow, cookie)?;
        let (row, _) = self.load_flow(flow, FlowKind::Revoke).await?;
        let digest = self.keyring().digest(Purpose::FlowCookie, &[b"correct"])?;
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
        cookie: Option<&str>,
        version: i64,
        confirmed: bool,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        self.open_cookie(flow, cookie)?;
        let turn = Submission {
            version,
            confirmed,
            digest: self.keyring().digest(Purpose::FlowCookie, &[b"submit"])?,
        };
        for _ in 0..TRIES {
            match self.try_submit(flow, &turn, source, now).await {
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
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let (row, grant) = self.load_flow(flow, FlowKind::Revoke).await?;
        if self.take_turn(&row, turn.version, &turn.digest)? == Turn::Repeated {
            return Ok(());
        }
        let (FlowStep::Confirm, Some(entered)) = (row.step, read_entered(&row.entered)) else {
            return Err(Refusal::FlowElsewhere.into());
        };
        if !turn.confirmed {
            return Err(Refusal::Fields(vec![FieldProblem::NotConfirmed]).into());
        }
        let actor = Actor::Subscriber(source.to_string());
        let record = self.settled_record(&grant, actor.clone(), now).await?;
        // Asked last: a hold that the record shows has its request by now.
        let open = self.open_request(&grant).await?;
        if open.as_ref().is_some_and(|open| !open.is_queued()) {
            return self
                .move_flow(&row, FlowStep::Done, &row.entered, turn.digest)
                .await;
        }
        check_revocable(&grant, record.as_ref(), open.as_ref(), now)?;
        let mail = MailAddress::parse(&entered.mail)
            .ok_or_else(|| internal("hold", "a kept mail address has a wrong form"))?;
        let asked = Asked {
            mail,
            reason: entered.reason,
            source: source.to_string(),
            actor,
            detail: String::new(),
            rate: Some(self.policy().hold.rate_per_hour),
        };
        let hold = self.prepare_hold(&grant, record, open, asked, now);
        self.write_hold(row, hold, turn.digest, now).await
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

    async fn write_hold(
        &self,
        flow: Flow,
        hold: Hold,
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
                    hold.write(tx, now).await?;
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

fn check_form(form: &RevocationForm) -> Result<Entered> {
    let mut problems = Vec::new();
    let mail = MailAddress::parse(&form.mail);
    if mail.is_none() {
        problems.push(FieldProblem::MailInvalid);
    } else if form.mail.trim() != form.confirmation.trim() {
        problems.push(FieldProblem::MailsDiffer);
    }
    let reason = StatedReason::parse(&form.reason);
    if reason.is_none() {
        problems.push(FieldProblem::ReasonUnknown);
    }
    match (mail, reason) {
        (Some(mail), Some(reason)) if problems.is_empty() => Ok(Entered {
            mail: mail.as_str().to_owned(),
            reason: reason.as_str().to_owned(),
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
    })
}

/// The form's and the registered address, each once.
pub(crate) fn addresses<'a>(
    form: &'a MailAddress,
    registered: &'a MailAddress,
) -> Vec<&'a MailAddress> {
    if form == registered {
        vec![form]
    } else {
        vec![form, registered]
    }
}
