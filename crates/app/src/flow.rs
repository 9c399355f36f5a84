//! 手続き: beginning, loading and moving on a procedure of one person (decision F1, T01, T05).
//!
//! Each step is compare-and-set on the version; a repeated step is answered with the result of the first.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::Grant;
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::time::Timestamp;
use tegata_store::Tx;

use crate::base::App;
use crate::error::{Error, Refusal, Result, internal};
use crate::source::Source;

/// A procedure that has begun.
#[derive(Clone)]
pub struct Opened {
    /// Its id, part of its pages' address.
    pub flow: FlowId,
    /// The value of its cookie.
    pub cookie: String,
}

/// A step of a procedure, ready to be stored.
#[derive(Clone)]
pub(crate) struct NextStep {
    flow: FlowId,
    kind: FlowKind,
    /// Where the procedure stands before it.
    version: i64,
    step: FlowStep,
    entered: String,
    digest: [u8; 32],
    expires: Timestamp,
}

impl NextStep {
    /// Inside a transaction: takes the step, or says `Conflict` where another request was first.
    pub(crate) async fn take(&self, tx: &mut Tx) -> Result<()> {
        if self.try_take(tx).await? {
            return Ok(());
        }
        Err(Error::Conflict)
    }

    /// Inside a transaction: takes the step; `false` where another request was first.
    pub(crate) async fn try_take(&self, tx: &mut Tx) -> Result<bool> {
        let (version, step) = (self.version, self.step);
        let moved = tx
            .move_flow(
                &self.flow,
                version,
                step,
                &self.entered,
                &self.digest,
                self.expires,
            )
            .await?;
        Ok(moved)
    }
}

impl App {
    /// Stores a new procedure; `presented` is the certificate that begins it.
    pub(crate) async fn begin_flow(
        &self,
        start: (FlowKind, FlowStep),
        grant: &Grant,
        presented: Option<Fingerprint>,
        source: Source,
        now: Timestamp,
    ) -> Result<FlowId> {
        let (flow, event) = self.new_flow(start, grant, presented, source, now);
        let id = flow.id.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_flow(&flow).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(id)
    }

    /// A new procedure and its audit event, not stored yet.
    pub(crate) fn new_flow(
        &self,
        (kind, step): (FlowKind, FlowStep),
        grant: &Grant,
        presented: Option<Fingerprint>,
        source: Source,
        now: Timestamp,
    ) -> (Flow, AuditEvent) {
        let flow = Flow {
            id: FlowId::generate(self.entropy()),
            kind,
            grant: grant.id.clone(),
            fingerprint: presented,
            step,
            version: 1,
            answered: None,
            entered: "{}".to_owned(),
            created_at: self.system_now(),
            expires_at: self.flow_end(),
        };
        let action = match kind {
            FlowKind::Address => "flow.address",
            FlowKind::Collect => "flow.collect",
            FlowKind::Reference => "flow.reference",
            FlowKind::Renew => "flow.renew",
            FlowKind::Retrieve => "flow.retrieve",
            FlowKind::Revoke => "flow.revoke",
        };
        let actor = Actor::Subscriber(source.to_string());
        let object = format!("grant:{}", grant.id);
        let event = self.event(actor, action, object, String::new(), now);
        (flow, event)
    }

    /// A procedure of this kind with its grant; anything else has ended (E-03).
    pub(crate) async fn load_flow(&self, id: &FlowId, kind: FlowKind) -> Result<(Flow, Grant)> {
        let mut reader = self.store().reader().await?;
        let flow = reader.flow(id).await?.filter(|flow| flow.kind == kind);
        let flow = flow.ok_or(Refusal::FlowEnded)?;
        if self.system_now() > flow.expires_at {
            return Err(Refusal::FlowEnded.into());
        }
        let grant = reader.grant(&flow.grant).await?;
        Ok((
            flow,
            grant.ok_or_else(|| internal("load a procedure", "its grant is gone"))?,
        ))
    }

    /// `Next` or `Repeated`; the other turns are refusals.
    pub(crate) fn take_turn(&self, flow: &Flow, version: i64, digest: &[u8; 32]) -> Result<Turn> {
        match flow.turn(version, digest, self.system_now()) {
            turn @ (Turn::Next | Turn::Repeated) => Ok(turn),
            Turn::Elsewhere => Err(Refusal::FlowElsewhere.into()),
            Turn::Expired => Err(Refusal::FlowEnded.into()),
        }
    }

    /// The step that leads a procedure on from where it stands.
    pub(crate) fn next_step(
        &self,
        flow: &Flow,
        step: FlowStep,
        entered: &str,
        digest: [u8; 32],
    ) -> NextStep {
        NextStep {
            flow: flow.id.clone(),
            kind: flow.kind,
            version: flow.version,
            step,
            entered: entered.to_owned(),
            digest,
            expires: self.flow_end(),
        }
    }

    /// Moves a procedure on. Where another request was first with the same content, that one's result stands.
    pub(crate) async fn move_flow(&self, next: NextStep) -> Result<()> {
        let taken = next.clone();
        let moved = self
            .store()
            .write(move |tx| Box::pin(async move { taken.try_take(tx).await }))
            .await?;
        if moved {
            return Ok(());
        }
        let (fresh, _) = self.load_flow(&next.flow, next.kind).await?;
        self.take_turn(&fresh, next.version, &next.digest)
            .and_then(|turn| match turn {
                Turn::Repeated => Ok(()),
                _ => Err(Error::Conflict),
            })
    }

    /// When a procedure ends that takes a step now.
    pub(crate) fn flow_end(&self) -> Timestamp {
        self.system_now()
            .plus_seconds(self.policy().periods.flow_hours * 3_600)
    }
}
