//! 失効 (`/p/rx`, manual 4): the request by the letter's two IDs stops the certificate at once, and two operators
//! end it; the request by the certificate itself is final at once, for that certificate alone (decision F4).

mod form;
mod newer;
mod standing;
mod submission;

use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::Grant;
use tegata_domain::id::{Fingerprint, FlowId};
use tegata_domain::institution::MailAddress;
use tegata_domain::revocation::{Outcome, RevocationRequest, RevocationState};
use tegata_domain::secret::Secret;
use tegata_domain::time::Timestamp;

pub use self::form::{EnteredRevocation, RevocationForm};
pub(crate) use self::newer::Continued;
pub use self::newer::NewerCertificate;
pub(crate) use self::standing::{check_not_ended, check_revocable};

use self::form::{check_form, read_entered};
use crate::base::App;
use crate::cookie::FlowSecret;
use crate::download::CertificateBox;
use crate::error::{Refusal, Result, internal};
use crate::flow::Opened;
use crate::reference::TypedIds;
use crate::seal::Purpose;
use crate::source::Source;
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
        let next = self.next_step(&row, FlowStep::Confirm, &entered, digest);
        self.move_flow(next).await
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
        let next = self.next_step(&row, FlowStep::Form, &row.entered, digest);
        self.move_flow(next).await
    }
}

/// The form's and the registered addresses, each once.
pub(crate) fn addresses<'a>(form: &'a MailAddress, grant: &'a Grant) -> Vec<&'a MailAddress> {
    let registered = grant.addresses().filter(|address| *address != form);
    std::iter::once(form).chain(registered).collect()
}
