//! 証明書更新申請 (`/p/ru`, manual 3.2.1): the holder of a certificate gets a newer one for the same terminal
//! (decisions F3, D1, D2, T30).
//!
//! Accepted at once by the old certificate alone: a grant that continues it, with IDs of its own and a new key.
//! The old certificate stays in force to its end.

mod acceptance;
mod standing;
mod successor;
mod unfinished;

use serde::{Deserialize, Serialize};
use tegata_domain::audit::Actor;
use tegata_domain::certificate::CertificateRecord;
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, not_after};
use tegata_domain::id::{Fingerprint, FlowId, GrantId};
use tegata_domain::reference::ReferenceId;
use tegata_domain::time::Timestamp;

pub(crate) use self::acceptance::KeyMaker;
pub(crate) use self::standing::{check_in_force, keep_in_force};
pub use self::successor::Successor;
pub(crate) use self::successor::{is_live, status_of};

use crate::base::{App, TRIES};
use crate::download::CertificateBox;
use crate::error::{Error, Refusal, Result, internal};
use crate::letter::letter_place;
use crate::paper::RenewalReceipt;
use crate::seal::Purpose;
use crate::source::Source;

/// What RU-1 and RU-2 show.
pub struct RenewalPage {
    /// The certificate that is renewed.
    pub certificate: CertificateBox,
    /// The procedure's version; goes into each form.
    pub version: i64,
    /// `Confirm` (RU-1) or `Done` (RU-2).
    pub step: FlowStep,
    /// Class, as in the subject.
    pub class_unit: String,
    /// Prefecture, as in the subject.
    pub prefecture_unit: String,
    /// Where notices go.
    pub mail: String,
    /// 予備のメールアドレス.
    pub second_mail: Option<String>,
    /// The newer one's end, as planned before the acceptance.
    pub new_not_after: Timestamp,
    /// RU-2: what was accepted.
    pub accepted: Option<AcceptedRenewal>,
}

/// RU-2: a renewal that was accepted in this procedure.
pub struct AcceptedRenewal {
    /// The renewal.
    pub renewal: Successor,
    /// リファレンスID, for the day in which it is kept (I2).
    pub reference_id: Option<ReferenceId>,
}

/// What a renewal keeps between its pages.
#[derive(Serialize, Deserialize)]
struct Entered {
    /// The grant that was made.
    grant: String,
}

impl App {
    /// RU-0 → RU-1: begins a renewal by the certificate that stands behind the connection.
    pub async fn open_renewal(
        &self,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<FlowId> {
        let (record, grant) = self.presented(presented).await?;
        self.check_renewable(&record, &grant, now).await?;
        let kind = (FlowKind::Renew, FlowStep::Confirm);
        self.begin_flow(kind, &grant, Some(presented), source, now)
            .await
    }

    /// RU-1 and RU-2, by where the procedure stands.
    pub async fn renewal_page(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<RenewalPage> {
        let (flow, grant) = self
            .load_holder_flow(flow, FlowKind::Renew, presented)
            .await?;
        let (record, _) = self.presented(presented).await?;
        let accepted = match accepted_grant(&flow) {
            Some(id) => Some(self.accepted_renewal(&id).await?),
            None => None,
        };
        let periods = &self.policy().periods;
        Ok(RenewalPage {
            certificate: CertificateBox::of(&grant, record.not_after),
            version: flow.version,
            step: flow.step,
            class_unit: self.class_unit(&grant),
            prefecture_unit: grant.prefecture.romaji().to_owned(),
            mail: grant.mail.as_str().to_owned(),
            second_mail: grant.second_mail.as_ref().map(ToString::to_string),
            new_not_after: match &accepted {
                Some(accepted) => accepted.renewal.not_after,
                None => not_after(now, periods),
            },
            accepted,
        })
    }

    /// 更新申請受付票 (PDF) of a renewal that was accepted in this procedure, while its reference ID is kept;
    /// `None` afterwards.
    pub async fn renewal_receipt(
        &self,
        flow: &FlowId,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>> {
        let (_, grant) = self
            .load_holder_flow(flow, FlowKind::Renew, presented)
            .await?;
        let page = self.renewal_page(flow, presented, now).await?;
        let Some(accepted) = page.accepted else {
            return Err(Refusal::FlowElsewhere.into());
        };
        let Some(reference_id) = accepted.reference_id else {
            return Ok(None);
        };
        let renewal = accepted.renewal;
        let receipt = RenewalReceipt {
            request_id: renewal.request_id,
            reference_id,
            institution_name: grant.institution_name,
            code: grant.code,
            terminal: grant.terminal,
            accepted_at: renewal.accepted_at,
            old_not_after: page.certificate.not_after,
            new_not_after: renewal.not_after,
            retrieve_until: renewal.window_end,
        };
        Ok(Some(self.receipt_pdf(&receipt).await?))
    }

    /// RU-1 → RU-2: accepts the renewal and makes its key and certificate. What a crash or a resting signer
    /// leaves undone, the timer finishes.
    pub async fn accept_renewal(
        &self,
        flow: &FlowId,
        version: i64,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let digest = self.digests().of(Purpose::FlowCookie, &[b"renew"])?;
        let mut accepted = None;
        for _ in 0..TRIES {
            let (row, old) = self
                .load_holder_flow(flow, FlowKind::Renew, presented)
                .await?;
            if self.take_turn(&row, version, &digest)? == Turn::Repeated {
                return Ok(());
            }
            let (record, _) = self.presented(presented).await?;
            self.check_renewable(&record, &old, now).await?;
            match self
                .store_renewal(row, digest, record, old, source, now)
                .await
            {
                Err(Error::Conflict) => {}
                done => {
                    accepted = Some(done?);
                    break;
                }
            }
        }
        let grant = accepted.ok_or(Error::Conflict)?;
        let actor = Actor::Subscriber(source.to_string());
        if let Err(error) = self.ensure_certificate(&grant, None, &actor, now).await {
            let request = grant.request_id.as_str();
            tracing::warn!(%error, request.id = request, "an accepted renewal waits for its key");
        }
        Ok(())
    }

    async fn store_renewal(
        &self,
        flow: Flow,
        digest: [u8; 32],
        record: CertificateRecord,
        old: Grant,
        source: Source,
        now: Timestamp,
    ) -> Result<Grant> {
        let accepted = self
            .prepare_renewal(record, &old, KeyMaker::Authority, source, now)
            .await?;
        let grant = accepted.grant.clone();
        let entered = Entered {
            grant: grant.id.as_str().to_owned(),
        };
        let entered =
            serde_json::to_string(&entered).map_err(|error| internal("keep a renewal", error))?;
        let done = self.next_step(&flow, FlowStep::Done, &entered, digest);
        let rate = self.policy().renewal.rate_per_hour;
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    done.take(tx).await?;
                    accepted.write(tx, rate, now).await
                })
            })
            .await?;
        Ok(grant)
    }

    async fn accepted_renewal(&self, id: &GrantId) -> Result<AcceptedRenewal> {
        let mut reader = self.store().reader().await?;
        let grant = reader.grant(id).await?;
        let sealed = reader.letter_secret(id).await?;
        drop(reader);
        let grant = grant.ok_or_else(|| internal("show a renewal", "its grant is gone"))?;
        let reference_id = match sealed {
            Some(sealed) => {
                let clear = self
                    .keyring()
                    .open(Purpose::Letter, &letter_place(id), &sealed)?;
                std::str::from_utf8(&clear)
                    .ok()
                    .and_then(ReferenceId::parse)
            }
            None => None,
        };
        Ok(AcceptedRenewal {
            renewal: self.successor(&grant, true).await?,
            reference_id,
        })
    }

    fn class_unit(&self, grant: &Grant) -> String {
        let rule = self.policy().class(&grant.class);
        rule.map_or_else(String::new, |rule| rule.ou.clone())
    }
}

fn accepted_grant(flow: &Flow) -> Option<GrantId> {
    let entered: Entered = serde_json::from_str(&flow.entered).ok()?;
    GrantId::parse(&entered.grant).ok()
}
