//! 一時停止 and 失効 by the certificate itself (decision F4, T24): the one for two operators to end, the other final.
//!
//! One request of the client is one procedure, named by the client: sent again, it is answered with the first result.

use serde::{Deserialize, Serialize};
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{Flow, FlowKind, FlowStep};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::OutboxMail;
use tegata_domain::reference::RequestId;
use tegata_domain::relying::RelyingStatus;
use tegata_domain::revocation::{RevocationRequest, RevocationState, StatedReason};
use tegata_domain::time::Timestamp;

use crate::base::{App, TRIES};
use crate::decide::HoldEnd;
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::hold::{Asked, Hold};
use crate::revoke::{Continued, addresses, check_not_ended, check_revocable};
use crate::seal::Purpose;
use crate::source::Source;

/// Which stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopKind {
    /// 一時停止: two operators end it.
    Hold,
    /// 失効: final.
    Revocation,
}

impl StopKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Revocation => "revocation",
        }
    }
}

/// A request as the client sent it.
#[derive(Clone, Debug)]
pub struct OwnStop {
    /// Which stop.
    pub kind: StopKind,
    /// The procedure, made by the client.
    pub procedure: FlowId,
    /// 失効の理由.
    pub reason: StatedReason,
    /// Where the answers go beside the registered addresses, as typed.
    pub mail: Option<String>,
    /// Whether the newer certificate is stopped too.
    pub stop_newer: Option<bool>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnStopped {
    /// リクエストID.
    pub request_id: RequestId,
    /// 失効申請番号.
    pub number: String,
    /// 受付日時.
    pub accepted_at: Timestamp,
    /// How the certificate stands now.
    pub status: RelyingStatus,
    /// The newer certificate, and whether it is stopped.
    pub successor: Option<(RequestId, bool)>,
    /// Where the completion is told, masked.
    pub masked_mails: Vec<String>,
}

/// What the procedure keeps: the request that answers it.
#[derive(Serialize, Deserialize)]
struct Kept {
    number: String,
}

/// What one transaction writes.
enum Stop {
    /// Holds, the last one that of the certificate itself.
    Holds(Vec<Hold>),
    /// The hold that the holder asked for before becomes final.
    End {
        newer: Option<Box<Hold>>,
        request: Box<RevocationRequest>,
        mails: Vec<OutboxMail>,
        ended: Box<AuditEvent>,
        end: Box<HoldEnd>,
    },
    /// It is on hold already, and that is what was asked: where it still is.
    Nothing(String, CertificateRecord),
}

impl App {
    /// Stops the presented certificate: it is on hold, or revoked, when this returns.
    pub async fn stop_own(
        &self,
        asked: &OwnStop,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<OwnStopped> {
        let newer = asked
            .stop_newer
            .map_or("", |stop| if stop { "stop" } else { "keep" });
        let parts: [&[u8]; 5] = [
            b"stop",
            asked.kind.as_str().as_bytes(),
            asked.reason.as_str().as_bytes(),
            asked.mail.as_deref().unwrap_or_default().as_bytes(),
            newer.as_bytes(),
        ];
        let digest = self.digests().of(Purpose::FlowCookie, &parts)?;
        for _ in 0..TRIES {
            let begun = self
                .named_flow(&asked.procedure, FlowKind::Revoke, presented)
                .await?;
            if let Some(flow) = begun {
                return if flow.answered == Some(digest) {
                    self.stopped_by(&flow, now).await
                } else {
                    Err(Refusal::FlowElsewhere.into())
                };
            }
            match self
                .try_stop_own(asked, digest, presented, source, now)
                .await
            {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn try_stop_own(
        &self,
        asked: &OwnStop,
        digest: [u8; 32],
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<OwnStopped> {
        let (own, grant) = self.presented(presented).await?;
        check_not_ended(&own)?;
        let mail = read_mail(asked, &grant)?;
        let actor = Actor::Subscriber(source.to_string());
        let record = self.settled_record(&grant, actor.clone(), now).await?;
        // Asked last: a hold that the record shows has its request by now.
        let open = self.open_request(&grant).await?;
        let of_holder = open
            .as_ref()
            .filter(|open| !open.is_queued() && !open.is_by_operator());
        if of_holder.is_none() {
            check_revocable(&grant, record.as_ref(), open.as_ref(), now)?;
        }
        let continued = Continued::of(self, record.as_ref()).await?;
        let is_final = asked.kind == StopKind::Revocation && self.ends_itself(&own, &grant).await?;
        let prepared = match of_holder.cloned() {
            Some(request) if !is_final => Stop::Nothing(request.number, own),
            Some(request) => {
                let newer = self.newer_hold(asked, &grant, (&mail, source), now).await?;
                self.prepare_end_of(request, &grant, newer, &actor, now)
            }
            None => {
                let newer = self.newer_hold(asked, &grant, (&mail, source), now).await?;
                let hold = Asked {
                    mail,
                    reason: asked.reason,
                    source: source.to_string(),
                    actor: actor.clone(),
                    detail: String::new(),
                    rate: None,
                    is_final,
                };
                let hold = self.prepare_hold(&grant, record, open, hold, now);
                Stop::Holds(newer.into_iter().chain([hold]).collect())
            }
        };
        let start = (FlowKind::Revoke, FlowStep::Done);
        let (flow, begun) = self.new_flow(start, &grant, Some(presented), source, now);
        let flow = Flow {
            id: asked.procedure.clone(),
            answered: Some(digest),
            ..flow
        };
        let written = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    let number = prepared.write(tx, now).await?;
                    if !continued.is_so(tx).await? {
                        return Err(Error::Conflict);
                    }
                    let entered = serde_json::to_string(&Kept { number })
                        .map_err(|error| internal("keep a stop", error))?;
                    let flow = Flow { entered, ..flow };
                    tx.insert_flow(&flow).await?;
                    tx.insert_audit(&begun).await?;
                    Ok::<_, Error>(flow)
                })
            })
            .await?;
        self.want_publication();
        self.stopped_by(&written, now).await
    }

    /// The hold of the newer certificate, where it is to be stopped; its end is the operators' to decide. Where there
    /// is a live one, the question must be answered.
    async fn newer_hold(
        &self,
        asked: &OwnStop,
        grant: &Grant,
        (mail, source): (&MailAddress, Source),
        now: Timestamp,
    ) -> Result<Option<Hold>> {
        let Some((newer, record)) = self.live_newer(grant).await? else {
            return Ok(None);
        };
        match asked.stop_newer {
            None => Err(Refusal::Fields(vec![FieldProblem::NewerUnanswered]).into()),
            Some(false) => Ok(None),
            Some(true) => {
                let queued = self.open_request(&newer).await?;
                let asked = Asked {
                    mail: mail.clone(),
                    reason: asked.reason,
                    source: source.to_string(),
                    actor: Actor::Subscriber(source.to_string()),
                    detail: String::new(),
                    rate: None,
                    is_final: false,
                };
                Ok(Some(self.prepare_hold(&newer, record, queued, asked, now)))
            }
        }
    }

    fn prepare_end_of(
        &self,
        request: RevocationRequest,
        grant: &Grant,
        newer: Option<Hold>,
        actor: &Actor,
        now: Timestamp,
    ) -> Stop {
        let ended = RevocationRequest {
            state: RevocationState::EndedByHolder { at: now },
            ..request.clone()
        };
        let mails = self.end_mails(&ended, grant, now);
        let object = format!("grant:{}", grant.id);
        let detail = format!("request {}", request.number);
        let event = self.event(actor.clone(), "revocation.end", object, detail, now);
        Stop::End {
            newer: newer.map(Box::new),
            request: Box::new(request),
            mails,
            ended: Box::new(event),
            end: Box::new(self.end_by_holder(actor)),
        }
    }

    /// How things stand after a stop.
    async fn stopped_by(&self, flow: &Flow, now: Timestamp) -> Result<OwnStopped> {
        let kept: Kept = serde_json::from_str(&flow.entered).map_err(|_| Refusal::FlowEnded)?;
        let mut reader = self.store().reader().await?;
        let request = reader.revocation_by_number(&kept.number).await?;
        let grant = reader.grant(&flow.grant).await?;
        drop(reader);
        let (Some(request), Some(grant)) = (request, grant) else {
            return Err(internal(
                "tell of a stop",
                "its request or its grant is gone",
            ));
        };
        let presented = flow.fingerprint.ok_or(Refusal::FlowEnded)?;
        let (record, _) = self.presented(presented).await?;
        let validity = (record.not_before, record.not_after);
        let status = RelyingStatus::of(&record.state, validity, now);
        let successor = match self.successor_of(&record).await? {
            Some(newer) => {
                let made = self.record_of(&newer).await?;
                let stopped = is_stopped(&newer, made.as_ref());
                Some((newer.request_id, stopped))
            }
            None => None,
        };
        Ok(OwnStopped {
            request_id: grant.request_id.clone(),
            number: request.number.clone(),
            accepted_at: request.submitted_at,
            status: status.ok_or_else(|| internal("tell of a stop", "it was given up"))?,
            successor,
            masked_mails: addresses(&request.mail, &grant)
                .into_iter()
                .map(MailAddress::masked)
                .collect(),
        })
    }
}

impl Stop {
    /// Answers the 失効申請番号.
    async fn write(self, tx: &mut tegata_store::Tx, now: Timestamp) -> Result<String> {
        match self {
            Self::Nothing(number, held) => {
                let (serial, state) = (&held.serial, &held.state);
                if tx.move_certificate(serial, state, state).await? {
                    Ok(number)
                } else {
                    Err(Error::Conflict)
                }
            }
            Self::Holds(holds) => {
                let mut number = String::new();
                for hold in holds {
                    number = hold.write(tx, now).await?.number;
                }
                Ok(number)
            }
            Self::End {
                newer,
                request,
                mails,
                ended,
                end,
            } => {
                if let Some(newer) = newer {
                    newer.write(tx, now).await?;
                }
                let to = request.state.clone().prove(now)?;
                if !tx.move_revocation(&request, &to).await? {
                    return Err(Error::Conflict);
                }
                let request = RevocationRequest {
                    state: to,
                    ..*request
                };
                tx.insert_audit(&ended).await?;
                end.write(tx, &request, now).await?;
                for mail in &mails {
                    tx.insert_mail(mail).await?;
                }
                Ok(request.number)
            }
        }
    }
}

/// The address of the form, or the registered one where there is none.
fn read_mail(asked: &OwnStop, grant: &Grant) -> Result<MailAddress> {
    let Some(typed) = &asked.mail else {
        return Ok(grant.mail.clone());
    };
    let read = MailAddress::from_typed(typed);
    Ok(read.ok_or_else(|| Refusal::Fields(vec![FieldProblem::MailInvalid]))?)
}

fn is_stopped(grant: &Grant, record: Option<&CertificateRecord>) -> bool {
    match record.map(|record| record.state) {
        None => matches!(grant.state, GrantState::Frozen { .. }),
        Some(CertificateState::Issued | CertificateState::Intended) => false,
        Some(_) => true,
    }
}
