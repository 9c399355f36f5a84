//! Acts of two persons: one operator proposes with a reason, another confirms, and then it is done (decision F8).
//!
//! The end of a request to revoke has its own two steps (`decide.rs`). What an act may do is checked twice: when
//! it is proposed, so that nobody confirms the impossible, and again when it is done.

use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::id::{OperatorId, ProposalId};
use tegata_domain::operator::{Act, Operator};
use tegata_domain::proposal::{
    MOST_REQUESTS, Proposal, ProposalRefusal, ProposalState, ProposedAct,
};
use tegata_domain::reference::RequestId;
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;
use tegata_store::StoreError;

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::error::{Error, Refusal, Result};
use crate::work::Work;

/// Most characters of a reason.
const LONGEST_REASON: usize = 500;

/// A proposal that was just confirmed and done.
pub struct Confirmed {
    /// The proposal.
    pub proposal: Proposal,
    /// The new secret of one-time codes, base32, where the act made one. It is shown this once, to the person
    /// who confirms, with the operator concerned beside him; without that operator's password it opens nothing.
    pub totp_secret: Option<Secret<String>>,
}

impl App {
    /// The first person: proposes an act with a reason.
    pub async fn propose(
        &self,
        act: ProposedAct,
        reason: &str,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Proposal> {
        self.require(by, act.act(), now).await?;
        let proposal = Proposal {
            id: ProposalId::generate(now, self.entropy()),
            act,
            reason: read_reason(reason)?,
            proposed_by: by.id.clone(),
            proposed_at: now,
            state: ProposalState::Proposed,
        };
        let work = self.prepare(&proposal, now).await?;
        let events = self.events_of(&proposal, &work.objects, by, "proposal.propose", now);
        let row = proposal.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let inserted = tx.insert_proposal(&row, &work.objects).await;
                    inserted.map_err(|error| match error {
                        StoreError::Conflict { rule } if rule == "proposal_object_open" => {
                            Error::from(ActRefusal::AlreadyProposed)
                        }
                        other => other.into(),
                    })?;
                    for event in &events {
                        tx.insert_audit(event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(proposal)
    }

    /// The second person: confirms, and the act is done. Where it cannot be done any more it is refused, and
    /// the proposal stays open.
    pub async fn confirm_proposal(
        &self,
        id: &ProposalId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Confirmed> {
        let proposal = self.proposal(id).await?;
        self.require_second(by, proposal.act.act(), now).await?;
        let confirmed = proposal.confirm(by.id.clone(), now);
        let confirmed = self.audited_proposal(id, by, confirmed, now).await?;
        self.expect_proposer(&confirmed.proposed_by, confirmed.act.act())
            .await?;
        let mut work = self.prepare(&confirmed, now).await?;
        let totp_secret = work.totp_secret.take();
        let events = work.events(self, &by.id, id, now);
        let row = confirmed.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.end_proposal(&row).await? {
                        return Err(Error::Conflict);
                    }
                    for step in work.steps {
                        step.write(tx, now).await?;
                    }
                    for event in &events {
                        tx.insert_audit(event).await?;
                    }
                    for mail in &work.mails {
                        tx.insert_mail(mail).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.want_publication();
        Ok(Confirmed {
            proposal: confirmed,
            totp_secret,
        })
    }

    /// The second person says no.
    pub async fn refuse_proposal(
        &self,
        id: &ProposalId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Proposal> {
        let proposal = self.proposal(id).await?;
        self.require_second(by, proposal.act.act(), now).await?;
        let refused = proposal.refuse(by.id.clone(), now);
        let refused = self.audited_proposal(id, by, refused, now).await?;
        self.end_proposal(refused, by, "proposal.refuse", now).await
    }

    /// The first person takes it back.
    pub async fn withdraw_proposal(
        &self,
        id: &ProposalId,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Proposal> {
        let proposal = self.proposal(id).await?;
        self.require(by, proposal.act.act(), now).await?;
        let withdrawn = proposal.withdraw(&by.id, now);
        let withdrawn = self.audited_proposal(id, by, withdrawn, now).await?;
        self.end_proposal(withdrawn, by, "proposal.withdraw", now)
            .await
    }

    /// The proposal with this id.
    pub async fn proposal(&self, id: &ProposalId) -> Result<Proposal> {
        let proposal = self.store().reader().await?.proposal(id).await?;
        Ok(proposal.ok_or(Refusal::NotFound)?)
    }

    /// Proposals that wait for a second person, the oldest first, after `after`.
    pub async fn list_proposals(
        &self,
        after: Option<&ProposalId>,
        limit: u32,
    ) -> Result<Vec<Proposal>> {
        let mut reader = self.store().reader().await?;
        Ok(reader.list_open_proposals(after, limit).await?)
    }

    /// The newest proposals about one case, ended ones too, the newest first.
    pub async fn proposals_of(&self, request: &RequestId, limit: u32) -> Result<Vec<Proposal>> {
        let grant = self.grant_by(request).await?;
        let object = format!("grant:{}", grant.id);
        let mut reader = self.store().reader().await?;
        Ok(reader.proposals_of(&object, limit).await?)
    }

    /// Whoever proposed it must still be somebody who may (T41).
    pub(crate) async fn expect_proposer(&self, first: &OperatorId, act: Act) -> Result<()> {
        if self.still_may(first, act).await? {
            return Ok(());
        }
        Err(ActRefusal::ProposerLeft.into())
    }

    /// What a proposal would change now, or why it cannot be done.
    async fn prepare(&self, proposal: &Proposal, now: Timestamp) -> Result<Work> {
        if proposal.act.operator().is_none() {
            let requests = proposal.act.requests();
            if !(1..=MOST_REQUESTS).contains(&requests.len()) {
                let most = MOST_REQUESTS;
                return Err(ActRefusal::Count { most }.into());
            }
        }
        match &proposal.act {
            ProposedAct::ChangeMail { request, mail } => {
                self.prepare_mail(proposal, request, mail, now).await
            }
            ProposedAct::DisableOperator { operator } => self.prepare_disabling(operator).await,
            ProposedAct::ExtendWindow { requests, until } => {
                self.prepare_extension(proposal, requests, *until, now)
                    .await
            }
            ProposedAct::GiveRoles { operator, roles } => self.prepare_roles(operator, roles).await,
            ProposedAct::NewReference { request } => self.prepare_reissue(request, now).await,
            ProposedAct::ReleaseLetters { requests } => {
                self.prepare_release(proposal, requests).await
            }
            ProposedAct::Reopen { request } => self.prepare_reopening(request, now).await,
            ProposedAct::ResetAuthenticator { operator } => self.prepare_reset(operator).await,
            ProposedAct::Unfreeze { request } => {
                self.prepare_unfreezing(proposal, request, now).await
            }
        }
    }

    /// Hands the proposal on, or records the refusal (T40).
    async fn audited_proposal(
        &self,
        id: &ProposalId,
        by: &Operator,
        moved: std::result::Result<Proposal, ProposalRefusal>,
        now: Timestamp,
    ) -> Result<Proposal> {
        match moved {
            Ok(proposal) => Ok(proposal),
            Err(refusal) => {
                let actor = Actor::Operator(by.id.clone());
                self.record_refusal(actor, format!("proposal {id}: {refusal}"), now)
                    .await?;
                Err(refusal.into())
            }
        }
    }

    /// Stores an end at which nothing is done.
    async fn end_proposal(
        &self,
        ended: Proposal,
        by: &Operator,
        action: &'static str,
        now: Timestamp,
    ) -> Result<Proposal> {
        let objects = self.objects_of(&ended.act).await?;
        let events = self.events_of(&ended, &objects, by, action, now);
        let row = ended.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.end_proposal(&row).await? {
                        return Err(Error::Conflict);
                    }
                    for event in &events {
                        tx.insert_audit(event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(ended)
    }

    async fn objects_of(&self, act: &ProposedAct) -> Result<Vec<String>> {
        let mut objects: Vec<String> = act
            .operator()
            .map(|operator| format!("operator:{operator}"))
            .into_iter()
            .collect();
        for request in act.requests() {
            let grant = self.grant_by(request).await?;
            objects.push(format!("grant:{}", grant.id));
        }
        Ok(objects)
    }

    fn events_of(
        &self,
        proposal: &Proposal,
        objects: &[String],
        by: &Operator,
        action: &'static str,
        now: Timestamp,
    ) -> Vec<AuditEvent> {
        let word = proposal.act.as_str();
        let detail = format!("{word}, proposal {}: {}", proposal.id, proposal.reason);
        let event = |object: &String| {
            let actor = Actor::Operator(by.id.clone());
            self.event(actor, action, object.clone(), detail.clone(), now)
        };
        objects.iter().map(event).collect()
    }
}

/// A reason as it is kept and, of some acts, mailed: 1 to 500 characters, line breaks but no other control
/// characters.
pub(crate) fn read_reason(typed: &str) -> Result<String> {
    let reason = typed.replace("\r\n", "\n").trim().to_owned();
    if reason.is_empty() {
        return Err(ActRefusal::ReasonMissing.into());
    }
    if reason.chars().count() > LONGEST_REASON {
        let most = LONGEST_REASON;
        return Err(ActRefusal::ReasonTooLong { most }.into());
    }
    if reason.chars().any(|c| c.is_control() && c != '\n') {
        return Err(ActRefusal::ReasonControl.into());
    }
    Ok(reason)
}
