//! What two operators may change in a case after its approval: a new reference ID for a lost letter, a longer
//! window, another key, an end of a freeze, another mail address (decisions D4, F8, I2, K2).

use std::collections::BTreeSet;

use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantMove, GrantOrigin, GrantState};
use tegata_domain::id::ReferenceRowId;
use tegata_domain::institution::MailAddress;
use tegata_domain::operator::Act;
use tegata_domain::outbox::MailKind;
use tegata_domain::policy::Periods;
use tegata_domain::proposal::Proposal;
use tegata_domain::reference::{ReferenceScope, RequestId};
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::download::values_of;
use crate::error::{Error, Refusal, Result};
use crate::letter::letter_place;
use crate::new_addresses::NewAddresses;
use crate::seal::Purpose;
use crate::work::{Step, Work};

impl App {
    /// Lost letter (I2): the old reference ID dies at once. Before the collection the new one does what the old one
    /// did; after it, it stops the certificate and nothing else, and the kept key, which only the old one
    /// opened, is destroyed.
    pub(crate) async fn prepare_reissue(
        &self,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Work> {
        let (grant, record) = self.check_reissue(request, now).await?;
        let scope = match record {
            Some(_) => ReferenceScope::RevocationOnly,
            None => ReferenceScope::Letter,
        };
        let (reference, stored) = self.new_reference(request, scope, now);
        let place = letter_place(&grant.id);
        let clear = reference.expose().as_bytes();
        let sealed = self.keyring().seal(Purpose::Letter, &place, clear)?;
        let row = ReferenceRowId::generate(now, self.entropy());
        let mut work = Work::default();
        let object = format!("grant:{}", grant.id);
        work.about(object, "grant.reissue", format!("scope {}", scope.as_str()));
        // Whoever collects at this moment makes the scope a wrong one: then look again. Whoever proved the old ID
        // before it finds the grant in another state.
        let reissued = grant.state.clone().apply(GrantMove::Reissue, now)?;
        work.steps
            .push(Step::MoveGrant(grant.id.clone(), grant.state, reissued));
        let id = grant.id.clone();
        work.steps
            .push(Step::ReplaceReference(id, row, stored, sealed));
        work.steps.push(Step::EndFlows(grant.id));
        if let Some(record) = record {
            work.steps.push(Step::DestroyKey(record.serial));
        }
        Ok(work)
    }

    /// D4: longer, and never beyond P + 365 days or the certificate's end.
    pub(crate) async fn prepare_extension(
        &self,
        proposal: &Proposal,
        requests: &BTreeSet<RequestId>,
        until: CalendarDate,
        now: Timestamp,
    ) -> Result<Work> {
        let mut work = Work::default();
        let to = until.end();
        for request in requests {
            let grant = self.grant_by(request).await?;
            expect_in_force(self.record_of(&grant).await?.as_ref())?;
            let latest = latest_window(&grant, &self.policy().periods)?;
            if until > latest {
                let request = request.clone();
                return Err(ActRefusal::WindowTooLate { request, latest }.into());
            }
            if to <= grant.window_end || to < now {
                let (request, window_end) = (request.clone(), grant.window_end);
                return Err(ActRefusal::WindowTooEarly {
                    request,
                    window_end,
                }
                .into());
            }
            let detail = format!("from {} to {to}", grant.window_end);
            work.about(format!("grant:{}", grant.id), "grant.extend", detail);
            let (id, from) = (grant.id.clone(), grant.window_end);
            work.steps.push(Step::ExtendWindow(id, from, to));
            let extended = Grant {
                window_end: to,
                ..grant
            };
            let mut values = values_of(&extended);
            values.push(("reason", proposal.reason.clone()));
            let key = format!("window_extended:{}:{}", proposal.id, extended.id);
            let kind = MailKind::WindowExtended;
            work.mails
                .extend(self.holder_mails(kind, &extended, &key, &values, now));
        }
        Ok(work)
    }

    /// K2: the grant's next collection makes another key. The certificate of the old key stays in force until the
    /// new one is seen in use, as at a renewal (F3); its kept key is destroyed.
    pub(crate) async fn prepare_reopening(
        &self,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Work> {
        let (grant, record) = self.check_reopening(request, now).await?;
        let open = grant.state.clone().apply(GrantMove::Reopen, now)?;
        let mut work = Work::default();
        let detail = format!("certificate {} set aside", record.serial);
        work.about(format!("grant:{}", grant.id), "grant.reopen", detail);
        let (id, serial) = (grant.id.clone(), record.serial);
        // In the order of a hold, certificate before grant, so that the two never wait for each other.
        work.steps = vec![
            Step::ExpectCertificate(serial, record.state),
            Step::SetAside(serial),
            Step::MoveGrant(id.clone(), grant.state, open),
            Step::DestroyKey(serial),
            Step::EndFlows(id),
        ];
        Ok(work)
    }

    /// K2: a grant that its holder froze goes on. A freeze by a request to revoke ends with that request.
    pub(crate) async fn prepare_unfreezing(
        &self,
        proposal: &Proposal,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<Work> {
        let (grant, thawed) = self.check_unfreezing(request, now).await?;
        let mut work = Work::default();
        let detail = format!("to {}", thawed.as_str());
        work.about(format!("grant:{}", grant.id), "grant.unfreeze", detail);
        let mut values = values_of(&grant);
        values.push(("lifted_at", now.to_string()));
        values.push(("reason", proposal.reason.clone()));
        let key = format!("hold_lifted:{}:{}", proposal.id, grant.id);
        let kind = MailKind::HoldLifted;
        work.mails
            .extend(self.holder_mails(kind, &grant, &key, &values, now));
        // A hold that comes meanwhile finds the grant moved, and one that came before is seen then.
        work.steps = vec![
            Step::MoveGrant(grant.id.clone(), grant.state, thawed),
            Step::ExpectNoOpenRequest(grant.id),
        ];
        Ok(work)
    }

    /// F8: the address to which everything about this certificate goes, its renewals included.
    pub(crate) async fn prepare_mail(
        &self,
        proposal: &Proposal,
        request: &RequestId,
        mail: &MailAddress,
        now: Timestamp,
    ) -> Result<Work> {
        let grant = self.grant_by(request).await?;
        if grant.mail == *mail {
            return Err(ActRefusal::SameAddress.into());
        }
        let second = grant.second_mail.as_ref();
        let new = NewAddresses {
            mail: mail.clone(),
            second_mail: second.filter(|second| *second != mail).cloned(),
            is_first_proven: false,
        };
        let mut work = Work::default();
        let detail = new.detail(&grant);
        work.about(format!("grant:{}", grant.id), "grant.mail", detail);
        let told = (proposal.id.as_str(), None);
        work.mails = self.address_notes(&grant, &new, told, now);
        let application = grant.application.clone();
        work.steps = vec![
            Step::ExpectAddresses(Box::new(grant)),
            Step::ChangeAddresses(application, new),
        ];
        Ok(work)
    }
}

impl App {
    /// Whether there is anything to be gained by this act on a certificate as it stands: what the act itself would be
    /// refused for is not offered.
    pub async fn is_possible(&self, act: Act, request: &RequestId, now: Timestamp) -> Result<bool> {
        let checked = match act {
            Act::ExtendWindow => self.check_extension(request, now).await,
            Act::Hold => self.check_holdable(request, now).await,
            Act::NewReference => self.check_reissue(request, now).await.map(drop),
            Act::Reopen => self.check_reopening(request, now).await.map(drop),
            Act::SendAgain => self.due_again(request, now).await.map(drop),
            Act::Unfreeze => self.check_unfreezing(request, now).await.map(drop),
            _ => Ok(()),
        };
        match checked {
            Ok(()) => Ok(true),
            Err(Error::Refused(_) | Error::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn check_reissue(
        &self,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<(Grant, Option<CertificateRecord>)> {
        let grant = self.grant_by(request).await?;
        expect_letter(&grant)?;
        expect_live(&grant, now)?;
        let record = self.record_of(&grant).await?;
        expect_in_force(record.as_ref())?;
        grant.state.clone().apply(GrantMove::Reissue, now)?;
        Ok((grant, record))
    }

    async fn check_reopening(
        &self,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<(Grant, CertificateRecord)> {
        let grant = self.grant_by(request).await?;
        expect_letter(&grant)?;
        expect_live(&grant, now)?;
        let record = self.record_of(&grant).await?;
        let record = record.ok_or(ActRefusal::NothingCollected)?;
        if record.state != CertificateState::Issued {
            let state = record.state.as_str();
            return Err(ActRefusal::CertificateState { state }.into());
        }
        if now > grant.window_end {
            return Err(ActRefusal::WindowOver.into());
        }
        grant.state.clone().apply(GrantMove::Reopen, now)?;
        Ok((grant, record))
    }

    /// The grant, and the state to which it goes back.
    async fn check_unfreezing(
        &self,
        request: &RequestId,
        now: Timestamp,
    ) -> Result<(Grant, GrantState)> {
        let grant = self.grant_by(request).await?;
        let mut reader = self.store().reader().await?;
        let open = reader.open_revocation_of(&grant.id).await?;
        drop(reader);
        if let Some(open) = open {
            let number = open.number;
            return Err(ActRefusal::OpenRequest { number }.into());
        }
        let thawed = grant.state.clone().apply(GrantMove::Unfreeze, now)?;
        Ok((grant, thawed))
    }

    /// Whether there is a later day, and anything to collect until then.
    async fn check_extension(&self, request: &RequestId, now: Timestamp) -> Result<()> {
        let grant = self.grant_by(request).await?;
        expect_in_force(self.record_of(&grant).await?.as_ref())?;
        let latest = latest_window(&grant, &self.policy().periods)?;
        if latest.end() <= grant.window_end || latest.end() < now {
            let request = request.clone();
            return Err(ActRefusal::WindowTooLate { request, latest }.into());
        }
        Ok(())
    }
}

/// The last day to which a window can be extended: P + 365 days by policy, and within the certificate's validity (D4).
fn latest_window(grant: &Grant, periods: &Periods) -> Result<CalendarDate> {
    if matches!(grant.state, GrantState::Voided { .. }) {
        let (request, state) = (grant.request_id.clone(), grant.state.as_str());
        return Err(ActRefusal::Stopped { request, state }.into());
    }
    let longest = grant
        .approved_at
        .japan_date()
        .plus_days(periods.collection_limit_days);
    let last_day = grant.not_after.japan_date();
    let within = if last_day.end() > grant.not_after {
        last_day.plus_days(-1)
    } else {
        last_day
    };
    Ok(longest.min(within))
}

/// A renewal has no letter: its holder asks for its IDs again himself (I2).
fn expect_letter(grant: &Grant) -> Result<()> {
    match grant.origin {
        GrantOrigin::Letter => Ok(()),
        GrantOrigin::Renewal { .. } => Err(ActRefusal::Renewal.into()),
    }
}

fn expect_live(grant: &Grant, now: Timestamp) -> Result<()> {
    if let GrantState::Frozen { at, .. } = grant.state {
        return Err(Refusal::Frozen { at }.into());
    }
    if let GrantState::Voided { at } = grant.state {
        return Err(Refusal::Revoked { at }.into());
    }
    if now > grant.not_after {
        let not_after = grant.not_after;
        return Err(Refusal::Expired { not_after }.into());
    }
    Ok(())
}

fn expect_in_force(record: Option<&CertificateRecord>) -> Result<()> {
    match record.map(|record| record.state) {
        Some(
            CertificateState::Revoked { at, .. }
            | CertificateState::Superseded { at }
            | CertificateState::Void { at },
        ) => Err(Refusal::Revoked { at }.into()),
        _ => Ok(()),
    }
}
