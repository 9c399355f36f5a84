//! Procedures of applicants: beginning, loading, moving on (decision F1). There is no grant yet, and the way to
//! what is shown once travels in the procedure's cookie.

use tegata_domain::entropy;
use tegata_domain::flow::{ApplicationFlow, ApplicationStep, Turn};
use tegata_domain::id::{ApplicationId, FlowId};
use tegata_domain::secret::Secret;

use crate::base::App;
use crate::cookie::FlowSecret;
use crate::error::{Error, Refusal, Result};
use crate::flow::Opened;

impl App {
    /// Stores a new procedure and seals its cookie.
    pub(crate) async fn begin_applicant_flow(
        &self,
        step: ApplicationStep,
        application: Option<ApplicationId>,
        entered: String,
    ) -> Result<Opened> {
        let flow = ApplicationFlow {
            id: FlowId::generate(self.entropy()),
            application,
            step,
            version: 1,
            answered: None,
            entered,
            created_at: self.system_now(),
            expires_at: self.flow_end(),
        };
        let secret = FlowSecret {
            wrap_key: Secret::new(entropy::octets::<32>(self.entropy())),
            last_two: String::new(),
            password: None,
        };
        let cookie = self.seal_cookie(&flow.id, &secret)?;
        let id = flow.id.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.insert_application_flow(&flow).await?) })
            })
            .await?;
        Ok(Opened { flow: id, cookie })
    }

    /// A procedure of this browser; anything else has ended (E-03).
    pub(crate) async fn load_applicant_flow(
        &self,
        id: &FlowId,
        cookie: Option<&str>,
    ) -> Result<(ApplicationFlow, FlowSecret)> {
        let secret = self.open_cookie(id, cookie)?;
        let flow = self.store().reader().await?.application_flow(id).await?;
        let flow = flow.ok_or(Refusal::FlowEnded)?;
        if self.system_now() > flow.expires_at {
            return Err(Refusal::FlowEnded.into());
        }
        Ok((flow, secret))
    }

    /// `Next` or `Repeated`; the other turns are refusals.
    pub(crate) fn take_applicant_turn(
        &self,
        flow: &ApplicationFlow,
        version: i64,
        digest: &[u8; 32],
    ) -> Result<Turn> {
        match flow.turn(version, digest, self.system_now()) {
            turn @ (Turn::Next | Turn::Repeated) => Ok(turn),
            Turn::Elsewhere => Err(Refusal::FlowElsewhere.into()),
            Turn::Expired => Err(Refusal::FlowEnded.into()),
        }
    }

    /// Moves a procedure on. Where another request was first: see [`App::after_another`].
    pub(crate) async fn move_applicant_flow(
        &self,
        flow: &ApplicationFlow,
        step: ApplicationStep,
        entered: String,
        digest: [u8; 32],
    ) -> Result<()> {
        let (id, version, expires) = (flow.id.clone(), flow.version, self.flow_end());
        let moved = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    let moved = tx
                        .move_application_flow(&id, version, step, &entered, &digest, expires)
                        .await?;
                    Ok::<_, Error>(moved)
                })
            })
            .await?;
        if moved {
            return Ok(());
        }
        self.after_another(flow, &digest).await
    }

    /// What a form gets whose procedure another request moved while this one was at work: the result of the first where
    /// that was the same form, as of two clicks at once (F1); else the other tab's refusal.
    pub(crate) async fn after_another(
        &self,
        before: &ApplicationFlow,
        digest: &[u8; 32],
    ) -> Result<()> {
        let mut reader = self.store().reader().await?;
        let flow = reader.application_flow(&before.id).await?;
        let flow = flow.ok_or(Refusal::FlowEnded)?;
        match self.take_applicant_turn(&flow, before.version, digest)? {
            Turn::Repeated => Ok(()),
            _ => Err(Error::Conflict),
        }
    }
}
