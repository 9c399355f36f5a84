//! 証明書更新申請 (`/p/ru`, manual 3.2.1): the holder of a certificate gets a newer one for the same terminal
//! (decisions F3, D1, D2, T30).
//!
//! Accepted at once by the old certificate alone: a grant that continues it, with IDs of its own and a new key.
//! The old certificate stays in force to its end.

use serde::{Deserialize, Serialize};
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::flow::{Flow, FlowKind, FlowStep, Turn};
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, not_after, retrieval_end};
use tegata_domain::id::{Fingerprint, FlowId, GrantId, ReferenceRowId, SerialNumber};
use tegata_domain::issuance::RequestStatus;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reference::{ReferenceId, ReferenceScope, RequestId, StoredReference};
use tegata_domain::renewal::{KeyPlace, RenewalStanding};
use tegata_domain::time::Timestamp;
use tegata_store::{StoreError, Tx};

use crate::base::{App, TRIES};
use crate::cookie::FlowSecret;
use crate::download::{CertificateBox, values_of};
use crate::error::{Error, Refusal, Result, internal};
use crate::flow::Opened;
use crate::guessing::Source;
use crate::issue::check_institution;
use crate::letter::letter_place;
use crate::paper::RenewalReceipt;
use crate::seal::Purpose;

/// Seconds in which renewals are counted.
const HOUR: i64 = 3_600;

/// A renewal as the list and the state line show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Successor {
    /// リクエストID.
    pub request_id: RequestId,
    /// 証明書更新申請日時.
    pub accepted_at: Timestamp,
    /// 有効期限 of the newer certificate.
    pub not_after: Timestamp,
    /// The last second in which it can be retrieved.
    pub window_end: Timestamp,
    /// Where its key is: the authority hands out what it has alone.
    pub key: KeyPlace,
    /// 証明書ステータス.
    pub status: RequestStatus,
    /// Whether it continues the certificate that asks.
    pub is_next: bool,
}

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

    /// RU-5 → RU-3: begins the retrieval of an accepted renewal.
    pub async fn open_retrieval(
        &self,
        request: &RequestId,
        presented: Fingerprint,
        source: Source,
        now: Timestamp,
    ) -> Result<Opened> {
        let (record, _) = self.presented(presented).await?;
        let mut reader = self.store().reader().await?;
        let successors = reader.successors_of(&record.serial).await?;
        drop(reader);
        let grant = successors
            .into_iter()
            .find(|grant| grant.request_id == *request)
            .ok_or(Refusal::NotFound)?;
        let made = self.record_of(&grant).await?;
        self.check_collectable(&grant, made.as_ref(), now).await?;
        self.check_unused(&grant)?;
        self.check_made_here(&grant).await?;
        let kind = (FlowKind::Retrieve, FlowStep::Password);
        let flow = self
            .begin_flow(kind, &grant, Some(presented), source, now)
            .await?;
        let secret = FlowSecret {
            // It opens nothing: without a letter the key stands under the key-encryption key alone (K3). It
            // keeps the digest of a short password from telling anything.
            wrap_key: tegata_domain::secret::Secret::new(tegata_domain::entropy::octets::<32>(
                self.entropy(),
            )),
            last_two: String::new(),
            password: None,
        };
        let cookie = self.seal_cookie(&flow, &secret)?;
        Ok(Opened { flow, cookie })
    }

    /// RU-5: every renewal on the presented certificate's application, the newest first, and the Common Name
    /// that all of them have.
    pub async fn list_renewals(&self, presented: Fingerprint) -> Result<(Vec<Successor>, String)> {
        let (record, grant) = self.presented(presented).await?;
        let mut reader = self.store().reader().await?;
        let grants = reader.grants_of_application(&grant.application).await?;
        let next = reader.successors_of(&record.serial).await?;
        drop(reader);
        let mut renewals = Vec::new();
        for other in grants.into_iter().rev() {
            if other.origin.predecessor().is_some() {
                let is_next = next.iter().any(|next| next.id == other.id);
                renewals.push(self.successor(&other, is_next).await?);
            }
        }
        Ok((renewals, grant.code.as_str().to_owned()))
    }

    /// The renewal that continues a certificate, unless it was given up.
    pub(crate) async fn successor_of(&self, record: &CertificateRecord) -> Result<Option<Grant>> {
        let mut reader = self.store().reader().await?;
        let successors = reader.successors_of(&record.serial).await?;
        Ok(successors.into_iter().rfind(is_live))
    }

    pub(crate) async fn successor(&self, grant: &Grant, is_next: bool) -> Result<Successor> {
        let record = self.record_of(grant).await?;
        Ok(Successor {
            request_id: grant.request_id.clone(),
            accepted_at: grant.approved_at,
            not_after: grant.not_after,
            window_end: grant.window_end,
            key: self.key_place(grant).await?,
            status: status_of(&grant.state, record.as_ref()),
            is_next,
        })
    }

    /// Finishes renewals that a crash or a resting signer left without a key. One that can never be issued is
    /// given up, so that its holder can apply again (RU-E9).
    pub(crate) async fn finish_renewals(
        &self,
        before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<usize> {
        let mut reader = self.store().reader().await?;
        let waiting = reader.renewals_without_key(before, limit).await?;
        drop(reader);
        let mut finished = 0;
        for grant in waiting {
            match self
                .ensure_certificate(&grant, None, &Actor::System, now)
                .await
            {
                Ok(()) => finished += 1,
                Err(Error::Refused(reason)) => self.give_up(grant, &reason, now).await?,
                Err(error) => return Err(error),
            }
        }
        Ok(finished)
    }

    /// The certificate behind a connection, which `identify` found to be ours, with its grant.
    pub(crate) async fn presented(
        &self,
        presented: Fingerprint,
    ) -> Result<(CertificateRecord, Grant)> {
        let mut reader = self.store().reader().await?;
        let record = reader.certificate_by_fingerprint(&presented).await?;
        let record = record.ok_or(Refusal::OtherCertificate)?;
        let grant = match &record.grant {
            Some(id) => reader.grant(id).await?,
            None => None,
        };
        Ok((record, grant.ok_or(Refusal::OtherCertificate)?))
    }

    /// Whether this certificate can be renewed now (D1, F3).
    async fn check_renewable(
        &self,
        record: &CertificateRecord,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<()> {
        self.check_may_act(record, grant, now).await?;
        let successor = self.successor_of(record).await?;
        self.check_standing(record, successor.as_ref(), now)
    }

    /// Whether the certificate that is presented is in force, and nobody stopped it or its grant.
    pub(crate) async fn check_may_act(
        &self,
        record: &CertificateRecord,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<()> {
        self.check_not_held(record, grant).await?;
        check_in_force(record, now)?;
        match grant.state {
            GrantState::Frozen { at, .. } => Err(Refusal::Frozen { at }.into()),
            _ => Ok(()),
        }
    }

    /// Whether the window is open and no renewal continues the certificate yet (D1).
    pub(crate) fn check_standing(
        &self,
        record: &CertificateRecord,
        successor: Option<&Grant>,
        now: Timestamp,
    ) -> Result<()> {
        let state = successor.map(|grant| &grant.state);
        match RenewalStanding::of(record.not_after, state, &self.policy().periods, now) {
            RenewalStanding::Open => Ok(()),
            RenewalStanding::Early { opens } => Err(Refusal::RenewalNotOpen { opens }.into()),
            RenewalStanding::Accepted | RenewalStanding::Collected | RenewalStanding::Replaced => {
                Err(Refusal::RenewedBefore.into())
            }
        }
    }

    /// A certificate on hold does nothing, and its page says who stopped it (text 1).
    pub(crate) async fn check_not_held(
        &self,
        record: &CertificateRecord,
        grant: &Grant,
    ) -> Result<()> {
        let CertificateState::OnHold { at } = record.state else {
            return Ok(());
        };
        let by_operator = self.is_held_by_operator(grant).await?;
        Err(Refusal::OnHold { at, by_operator }.into())
    }

    /// A renewal whose certificate is in use gives no other key: two holders would be two too many (F3).
    pub(crate) fn check_unused(&self, grant: &Grant) -> Result<()> {
        if !matches!(grant.state, GrantState::SeenInUse { .. }) {
            return Ok(());
        }
        let request = grant.request_id.as_str();
        tracing::error!(
            request.id = request,
            "another key was asked for a renewal that is in use: two hold the older certificate's key; call the holder"
        );
        Err(Refusal::RenewedBefore.into())
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
        let expires = self.flow_end();
        let rate = self.policy().renewal.rate_per_hour;
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    let moved = tx
                        .move_flow(
                            &flow.id,
                            flow.version,
                            FlowStep::Done,
                            &entered,
                            &digest,
                            expires,
                        )
                        .await?;
                    if !moved {
                        return Err(Error::Conflict);
                    }
                    accepted.write(tx, rate, now).await
                })
            })
            .await?;
        Ok(grant)
    }

    /// A renewal of `old`, ready to be stored. Its end follows from the clock, which must be believed (S7).
    pub(crate) async fn prepare_renewal(
        &self,
        record: CertificateRecord,
        old: &Grant,
        key: KeyMaker,
        source: Source,
        now: Timestamp,
    ) -> Result<PreparedRenewal> {
        self.may_sign()?;
        let number = self.next_request_number().await?;
        let grant = self.renewal_of(&record, old, number, now);
        let (stored, sealed) = self.renewal_reference(&grant, now)?;
        let reference_row = ReferenceRowId::generate(now, self.entropy());
        let object = format!("grant:{}", grant.id);
        let detail = format!("request {} continues {}", grant.request_id, record.serial);
        let actor = Actor::Subscriber(source.to_string());
        let event = self.event(actor, "renewal.accept", object, detail, now);
        let mut values = values_of(&grant);
        values.push(("old_not_after", record.not_after.to_string()));
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        if key == KeyMaker::Terminal {
            values.push(("terminal_key", "yes".to_owned()));
        }
        let kind = MailKind::RenewalAccepted;
        let key = format!("renewal_accepted:{}", grant.id);
        let mails = self.holder_mails(kind, &grant, &key, &values, now);
        Ok(PreparedRenewal {
            grant,
            record,
            old: old.clone(),
            reference_row,
            stored,
            sealed,
            event,
            mails,
        })
    }

    /// The grant that continues `old`: the same subject and terminal, counted from the acceptance (D2).
    fn renewal_of(
        &self,
        record: &CertificateRecord,
        old: &Grant,
        number: u64,
        now: Timestamp,
    ) -> Grant {
        let periods = &self.policy().periods;
        Grant {
            id: GrantId::generate(now, self.entropy()),
            request_id: RequestId::new(now.japan_date(), number),
            origin: GrantOrigin::Renewal {
                predecessor: record.serial,
            },
            approved_at: now,
            not_after: not_after(now, periods),
            window_end: retrieval_end(record.not_after, periods),
            state: GrantState::Posted,
            ..old.clone()
        }
    }

    /// Its reference ID as stored, and sealed for RU-2 and the receipt (I2).
    fn renewal_reference(
        &self,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(StoredReference, Vec<u8>)> {
        let (reference, stored) =
            self.new_reference(&grant.request_id, ReferenceScope::Renewal, now);
        let sealed = self.keyring().seal(
            Purpose::Letter,
            &letter_place(&grant.id),
            reference.expose().as_bytes(),
        )?;
        Ok((stored, sealed))
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

    async fn give_up(&self, grant: Grant, reason: &Refusal, now: Timestamp) -> Result<()> {
        let void = GrantState::Voided { at: now };
        let object = format!("grant:{}", grant.id);
        let event = self.event(
            Actor::System,
            "renewal.void",
            object,
            reason.to_string(),
            now,
        );
        tracing::error!(%reason, request.id = grant.request_id.as_str(), "a renewal is given up");
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if tx.move_grant(&grant.id, &grant.state, &void).await? {
                        tx.drop_letter_secret(&grant.id).await?;
                        tx.insert_audit(&event).await?;
                    }
                    Ok::<_, Error>(())
                })
            })
            .await
    }

    fn class_unit(&self, grant: &Grant) -> String {
        let rule = self.policy().class(&grant.class);
        rule.map_or_else(String::new, |rule| rule.ou.clone())
    }
}

/// Who makes the key of a renewal (K1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyMaker {
    /// We do; a browser fetches it.
    Authority,
    /// The terminal did; its request came along.
    Terminal,
}

/// Everything that the acceptance of a renewal writes.
#[derive(Clone)]
pub(crate) struct PreparedRenewal {
    pub(crate) grant: Grant,
    /// The certificate that it continues, and the grant of that one.
    record: CertificateRecord,
    old: Grant,
    reference_row: ReferenceRowId,
    stored: StoredReference,
    sealed: Vec<u8>,
    event: AuditEvent,
    mails: Vec<OutboxMail>,
}

impl PreparedRenewal {
    /// Inside a transaction: the presented certificate is judged once more, so that no renewal is stored after a
    /// revocation was (T20, T23). Of two certificates of one grant one alone is renewed (T22).
    pub(crate) async fn write(self, tx: &mut Tx, rate: i64, now: Timestamp) -> Result<()> {
        check_rate(tx, rate, now).await?;
        keep_in_force(tx, &self.record.serial, now).await?;
        let (old, state) = (&self.old.id, &self.old.state);
        if !tx.move_grant(old, state, state).await? {
            return Err(Error::Conflict);
        }
        let successors = tx.successors_of(&self.record.serial).await?;
        if successors.iter().any(is_live) {
            return Err(Refusal::RenewedBefore.into());
        }
        check_institution(tx, &self.grant).await?;
        let inserted = tx
            .insert_grant(&self.grant, &self.reference_row, &self.stored, &self.sealed)
            .await;
        inserted.map_err(|error| match error {
            StoreError::Conflict { rule } if rule == "issue_grant_successor" => {
                Refusal::RenewedBefore.into()
            }
            other => Error::from(other),
        })?;
        tx.insert_audit(&self.event).await?;
        tx.insert_mails(&self.mails).await?;
        Ok(())
    }
}

/// No signature of the old key stands behind a renewal in the browser: somebody who took this server over could
/// make them up, so there is a most of them (F9).
async fn check_rate(tx: &mut Tx, rate: i64, now: Timestamp) -> Result<()> {
    if tx.count_renewals_since(now.plus_seconds(-HOUR)).await? < rate {
        return Ok(());
    }
    tracing::error!(
        rate,
        "more renewals in this hour than policy.renewal.rate_per_hour: further ones are asked to come back; \
         see in the audit trail (renewal.accept) whether they are real"
    );
    Err(Refusal::RenewalsPaused.into())
}

/// Inside a transaction: the presented certificate is in force, and stays so until the commit (T20, T23).
pub(crate) async fn keep_in_force(
    tx: &mut Tx,
    serial: &SerialNumber,
    now: Timestamp,
) -> Result<()> {
    tx.hold_still(serial).await?;
    let fresh = tx.certificate(serial).await?;
    check_in_force(&fresh.ok_or(Error::Conflict)?, now)
}

/// A certificate on hold, stopped, replaced or past its end never renews (F3).
pub(crate) fn check_in_force(record: &CertificateRecord, now: Timestamp) -> Result<()> {
    match record.state {
        CertificateState::Issued if now > record.not_after => Err(Refusal::Expired {
            not_after: record.not_after,
        }
        .into()),
        CertificateState::Issued => Ok(()),
        CertificateState::Revoked { at, .. }
        | CertificateState::Superseded { at }
        | CertificateState::Void { at } => Err(Refusal::Revoked { at }.into()),
        // A hold that came in this moment: the next look says who made it.
        CertificateState::Intended | CertificateState::OnHold { .. } => Err(Error::Conflict),
    }
}

/// A renewal that was given up is none.
pub(crate) fn is_live(renewal: &Grant) -> bool {
    !matches!(renewal.state, GrantState::Voided { .. })
}

fn accepted_grant(flow: &Flow) -> Option<GrantId> {
    let entered: Entered = serde_json::from_str(&flow.entered).ok()?;
    GrantId::parse(&entered.grant).ok()
}

/// 証明書ステータス of a renewal, from where its grant and its certificate stand.
pub(crate) fn status_of(state: &GrantState, record: Option<&CertificateRecord>) -> RequestStatus {
    match (state, record.map(|record| record.state)) {
        (GrantState::Frozen { from, .. }, _) => status_of(from, record),
        (GrantState::Voided { at }, _) => RequestStatus::Void { at: *at },
        (GrantState::SeenInUse { .. }, _) => RequestStatus::SeenInUse,
        (GrantState::Collected { .. }, _) => RequestStatus::Collected,
        (_, Some(CertificateState::Intended)) => RequestStatus::IssueRequested,
        (_, Some(_)) => RequestStatus::Issued,
        (_, None) => RequestStatus::GeneratingKey,
    }
}
