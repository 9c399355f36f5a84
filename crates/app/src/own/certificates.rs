//! 「自分の電子証明書」: what this terminal was given one after another, with the IDs (P-06, R-098).

use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantOrigin, GrantState, renewal_opens};
use tegata_domain::id::{Fingerprint, SerialNumber};
use tegata_domain::institution::{InstitutionCode, TerminalName};
use tegata_domain::issuance::RequestStatus;
use tegata_domain::reference::RequestId;
use tegata_domain::relying::RelyingStatus;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::time::Timestamp;
use tegata_pki::certificate::Certificate;

use crate::base::App;
use crate::error::{Refusal, Result, internal};
use crate::paper::RenewalReceipt;
use crate::renew::status_of;

/// A certificate of the terminal, or a renewal that has none yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnCertificate {
    /// リクエストID.
    pub request_id: RequestId,
    /// What it is to the certificate that asks.
    pub relation: OwnRelation,
    /// 医療機関コード.
    pub code: InstitutionCode,
    /// 端末名称等.
    pub terminal: TerminalName,
    /// 証明書ステータス.
    pub status: RequestStatus,
    /// When the renewal was accepted, or the first one approved.
    pub accepted_at: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
    /// Where it stands on its way to a newer one; `None` where it is none in force.
    pub renewal: Option<RenewalStanding>,
    /// The first instant at which it can be renewed.
    pub renewal_opens: Timestamp,
    /// Whether [`own_certificate`](App::own_certificate) gives it.
    pub can_be_fetched: bool,
    /// The last second in which a renewal is handed out.
    pub retrieve_until: Option<Timestamp>,
    /// The last second in which [`own_receipt`](App::own_receipt) gives its 更新申請受付票.
    pub receipt_until: Option<Timestamp>,
    /// The certificate itself, once it is made.
    pub issued: Option<OwnIssued>,
}

/// What a certificate is to the one that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnRelation {
    /// The one that asks, or one before it, continues it.
    Predecessor,
    /// It is the one that asks.
    Presented,
    /// It continues the one that asks, or has its place under the same リクエストID.
    Successor,
}

/// What stands in a certificate, and whether it can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnIssued {
    /// Its serial number.
    pub serial: SerialNumber,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub public_key: Fingerprint,
    /// 発行先.
    pub subject: String,
    /// 発行者.
    pub issuer: String,
    /// Its first second.
    pub not_before: Timestamp,
    /// Its last second.
    pub not_after: Timestamp,
    /// Whether it can be used.
    pub status: RelyingStatus,
}

/// What of the certificates may be had by the one that asks.
#[derive(Clone, Copy)]
enum Reach {
    /// It is in force.
    Everything,
    /// It has expired: it sees where its renewal stands.
    Look,
}

impl App {
    /// Every certificate of the terminal, the oldest first. One that was stopped sees itself alone.
    pub async fn own_certificates(
        &self,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<Vec<OwnCertificate>> {
        let (record, grant) = self.presented(presented).await?;
        let reach = match record.state {
            CertificateState::Issued if now <= record.not_after => Reach::Everything,
            CertificateState::Issued => Reach::Look,
            CertificateState::Intended
            | CertificateState::OnHold { .. }
            | CertificateState::Revoked { .. }
            | CertificateState::Superseded { .. }
            | CertificateState::Void { .. } => {
                let relation = OwnRelation::Presented;
                let own = self.described(&grant, Some(record), relation, now).await?;
                return Ok(vec![own]);
            }
        };
        let grants = {
            let mut reader = self.store().reader().await?;
            reader.grants_of_application(&grant.application).await?
        };
        let next = self.successor_of(&record).await?;
        let mut own = Vec::new();
        let mut relation = OwnRelation::Predecessor;
        for other in grants {
            if matches!(other.state, GrantState::Voided { .. }) {
                continue;
            }
            let is_own = other.id == grant.id;
            if is_own {
                relation = OwnRelation::Successor;
                let presented = Some(record.clone());
                let mut shown = self
                    .described(&other, presented, OwnRelation::Presented, now)
                    .await?;
                shown.can_be_fetched = matches!(reach, Reach::Everything);
                shown.receipt_until = self.receipt_until(&other, reach, now).await?;
                own.push(shown);
                if other.state.serial() == Some(record.serial) {
                    continue;
                }
            }
            let made = self.record_of(&other).await?;
            let is_next = is_own || next.as_ref().is_some_and(|next| next.id == other.id);
            let can_be_fetched = match reach {
                Reach::Everything if is_next => can_be_had(&other, made.as_ref(), now).is_ok(),
                Reach::Everything | Reach::Look => false,
            };
            let mut shown = self.described(&other, made, relation, now).await?;
            shown.can_be_fetched = can_be_fetched;
            if is_next {
                shown.receipt_until = self.receipt_until(&other, reach, now).await?;
            }
            own.push(shown);
        }
        Ok(own)
    }

    /// The certificate of this request: its own, or that of the renewal that continues it, whose answer may have been
    /// lost. It is in force, and whoever holds no key to it can do nothing with it.
    pub async fn own_certificate(
        &self,
        request: &RequestId,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        let (record, grant) = self.usable(presented, now).await?;
        let wanted = self.own_or_next((&record, &grant), request).await?;
        let made = self.record_of(&wanted).await?;
        let serial = match (&made, wanted.id == grant.id) {
            (Some(made), true) => made.serial,
            _ => {
                if let Some(made) = &made {
                    self.check_not_held(made, &wanted).await?;
                }
                can_be_had(&wanted, made.as_ref(), now)?
            }
        };
        let der = self
            .store()
            .reader()
            .await?
            .certificate_der(&serial)
            .await?;
        Ok(der.ok_or(Refusal::NotMade)?)
    }

    /// The same as one PEM block.
    pub async fn own_certificate_pem(
        &self,
        request: &RequestId,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<String> {
        let der = self.own_certificate(request, presented, now).await?;
        let read = Certificate::from_der(&der);
        Ok(read
            .map_err(|error| internal("read a certificate", error))?
            .pem())
    }

    /// 更新申請受付票 (PDF) of the renewal that continues this certificate, or of this one where it is a renewal itself,
    /// while its リファレンスID is shown (I2).
    pub async fn own_receipt(
        &self,
        request: &RequestId,
        presented: Fingerprint,
        now: Timestamp,
    ) -> Result<Vec<u8>> {
        let (record, grant) = self.usable(presented, now).await?;
        let renewal = self.own_or_next((&record, &grant), request).await?;
        let GrantOrigin::Renewal { predecessor } = renewal.origin else {
            return Err(Refusal::NotFound.into());
        };
        let shown = self.shown_reference(&renewal, now).await?;
        let shown = shown.ok_or(Refusal::ShownNoMore)?;
        let old = {
            let mut reader = self.store().reader().await?;
            reader.certificate(&predecessor).await?
        };
        let old = old.ok_or_else(|| internal("print a receipt", "the older one is gone"))?;
        let receipt = RenewalReceipt {
            request_id: renewal.request_id,
            reference_id: shown.reference_id,
            institution_name: renewal.institution_name,
            code: renewal.code,
            terminal: renewal.terminal,
            accepted_at: renewal.approved_at,
            old_not_after: old.not_after,
            new_not_after: renewal.not_after,
            retrieve_until: renewal.window_end,
        };
        self.receipt_pdf(&receipt).await
    }

    async fn receipt_until(
        &self,
        grant: &Grant,
        reach: Reach,
        now: Timestamp,
    ) -> Result<Option<Timestamp>> {
        match (reach, grant.origin) {
            (Reach::Everything, GrantOrigin::Renewal { .. }) => {
                let shown = self.shown_reference(grant, now).await?;
                Ok(shown.map(|shown| shown.shown_until))
            }
            _ => Ok(None),
        }
    }

    /// An entry with nothing that could be had of it.
    async fn described(
        &self,
        grant: &Grant,
        record: Option<CertificateRecord>,
        relation: OwnRelation,
        now: Timestamp,
    ) -> Result<OwnCertificate> {
        let periods = &self.policy().periods;
        let not_after = record
            .as_ref()
            .map_or(grant.not_after, |made| made.not_after);
        let in_force = record
            .as_ref()
            .filter(|made| made.state == CertificateState::Issued && now <= made.not_after);
        let renewal = match in_force {
            Some(made) => {
                let next = self.successor_of(made).await?;
                let state = next.as_ref().map(|next| &next.state);
                Some(RenewalStanding::of(made.not_after, state, periods, now))
            }
            None => None,
        };
        Ok(OwnCertificate {
            request_id: grant.request_id.clone(),
            relation,
            code: grant.code.clone(),
            terminal: grant.terminal.clone(),
            status: status_of(&grant.state, record.as_ref()),
            accepted_at: grant.approved_at,
            not_after,
            renewal,
            renewal_opens: renewal_opens(not_after, periods),
            can_be_fetched: false,
            retrieve_until: grant.origin.predecessor().map(|_| grant.window_end),
            receipt_until: None,
            issued: match record {
                Some(record) => self.issued(record, now).await?,
                None => None,
            },
        })
    }

    /// What stands in a certificate; `None` of one that is not made yet.
    async fn issued(&self, record: CertificateRecord, now: Timestamp) -> Result<Option<OwnIssued>> {
        let validity = (record.not_before, record.not_after);
        let status = RelyingStatus::of(&record.state, validity, now);
        let (Some(status), Some(fingerprint)) = (status, record.fingerprint) else {
            return Ok(None);
        };
        let der = {
            let mut reader = self.store().reader().await?;
            reader.certificate_der(&record.serial).await?
        };
        let der = der.ok_or_else(|| internal("list certificates", "a DER is gone"))?;
        let read = Certificate::from_der(&der);
        let read = read.map_err(|error| internal("list certificates", error))?;
        Ok(Some(OwnIssued {
            serial: record.serial,
            fingerprint,
            public_key: Fingerprint(record.spki_sha256),
            subject: read.subject().to_string(),
            issuer: read.issuer().to_string(),
            not_before: record.not_before,
            not_after: record.not_after,
            status,
        }))
    }
}

/// The certificate of a renewal, where its holder may have it by the older one (F3).
fn can_be_had(
    grant: &Grant,
    record: Option<&CertificateRecord>,
    now: Timestamp,
) -> Result<SerialNumber> {
    if let GrantState::Frozen { at, .. } = grant.state {
        return Err(Refusal::Frozen { at }.into());
    }
    let Some(record) = record else {
        return Err(Refusal::NotMade.into());
    };
    match record.state {
        CertificateState::Issued => {}
        CertificateState::Intended => return Err(Refusal::NotMade.into()),
        CertificateState::OnHold { at } => {
            let by_operator = false;
            return Err(Refusal::OnHold { at, by_operator }.into());
        }
        CertificateState::Revoked { at, .. }
        | CertificateState::Superseded { at }
        | CertificateState::Void { at } => return Err(Refusal::Revoked { at }.into()),
    }
    let is_renewal = grant.origin.predecessor().is_some();
    if is_renewal && now > grant.window_end {
        return Err(Refusal::WindowEnded {
            window_end: grant.window_end,
            collected: true,
            request: grant.request_id.clone(),
        }
        .into());
    }
    Ok(record.serial)
}
