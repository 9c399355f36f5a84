//! RX-3 → RX-4: the request and the hold are stored in one transaction.

use tegata_domain::audit::Actor;
use tegata_domain::flow::{Flow, FlowStep, Turn};
use tegata_domain::id::FlowId;
use tegata_domain::institution::MailAddress;
use tegata_domain::time::Timestamp;

use super::form::{EnteredRevocation, read_entered};
use super::newer::Continued;
use super::standing::{check_not_ended, check_revocable};
use crate::base::{App, TRIES};
use crate::error::{Error, FieldProblem, Refusal, Result, internal};
use crate::failpoint::failpoint;
use crate::hold::{Asked, Hold};
use crate::seal::Purpose;
use crate::visit::Visit;

impl App {
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
            let done = self.next_step(&row, FlowStep::Done, &row.entered, turn.digest);
            return self.move_flow(done).await;
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

    async fn write_holds(
        &self,
        flow: Flow,
        (holds, continued): (Vec<Hold>, Continued),
        digest: [u8; 32],
        now: Timestamp,
    ) -> Result<()> {
        let done = self.next_step(&flow, FlowStep::Done, &flow.entered, digest);
        #[cfg(debug_assertions)]
        let app = self.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    done.take(tx).await?;
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
