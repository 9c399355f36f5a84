//! `simplereenroll` (RFC 7030 §4.2.2; decisions F3, W5): the holder of a certificate renews it with a key that the
//! terminal made itself. The certificate that stands behind the connection decides alone.
//!
//! Acceptance, the new grant and the intended certificate are one transaction, so that there is never a renewal whose
//! key somebody else could make. The same key gets the same certificate, however often an answer is lost. Another key
//! gets another certificate as long as none was seen in use; the older one ends once the newer is.

use tegata_domain::audit::Actor;
use tegata_domain::certificate::{CertificateRecord, CertificateState};
use tegata_domain::grant::{Grant, GrantState};
use tegata_domain::id::Fingerprint;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::time::Timestamp;
use tegata_pki::key::PublicKey;

use crate::base::{App, TRIES};
use crate::download::values_of;
use crate::enrolment::{EnrolmentRefusal, Issuance, envelope};
use crate::error::{Error, Refusal, Result};
use crate::failpoint::failpoint;
use crate::issue::{Intent, write_intent};
use crate::renew::{KeyMaker, keep_in_force};
use crate::source::Source;
use crate::terminal::Certified;

/// Certificates of one renewal that may wait for their first use. A terminal that loses its key again and again, or
/// somebody who plays with a stolen one, ends here (F3).
const MOST_KEYS: usize = 8;

/// A certificate on its way to the terminal.
struct HandingOut {
    grant: Grant,
    certified: Certified,
    /// What tells the holder, where the acceptance has not told it already.
    mails: Option<MailKind>,
}

impl App {
    /// Renews the presented certificate for the key of `request` (PKCS#10, DER).
    pub async fn reenroll(
        &self,
        presented: Fingerprint,
        request: &[u8],
        source: Source,
        now: Timestamp,
    ) -> Result<Issuance> {
        let (record, old) = self.presented(presented).await?;
        self.check_may_act(&record, &old, now).await?;
        let key = self.requested_key(request, &old)?;
        if record.spki_sha256 == key.spki_sha256() {
            return Err(EnrolmentRefusal::KeyKnown.into());
        }
        for _ in 0..TRIES {
            match self.try_reenroll(presented, &key, source, now).await {
                Err(Error::Conflict) => {}
                done => return done,
            }
        }
        Err(Error::Conflict)
    }

    async fn try_reenroll(
        &self,
        presented: Fingerprint,
        key: &PublicKey,
        source: Source,
        now: Timestamp,
    ) -> Result<Issuance> {
        let (record, old) = self.presented(presented).await?;
        self.check_may_act(&record, &old, now).await?;
        let handing_out = match self.successor_of(&record).await? {
            None => {
                self.check_standing(&record, None, now)?;
                self.accept_with_key(record, &old, key, source, now).await?
            }
            Some(next) => {
                if let Some(der) = self.of_earlier_key(&next, key).await? {
                    return Ok(Issuance::Issued(envelope(&der)?));
                }
                self.go_on(&record, next, key, source, now).await?
            }
        };
        let HandingOut {
            grant,
            certified,
            mails,
        } = handing_out;
        let Certified::Issued(record, der) = certified else {
            return Ok(Issuance::Pending);
        };
        let mails = mails.map_or_else(Vec::new, |kind| {
            self.terminal_mails(kind, &grant, &record, source, now)
        });
        self.record_collection(&grant, *record, mails, source, now)
            .await?;
        Ok(Issuance::Issued(envelope(&der)?))
    }

    /// Accepts the renewal and makes its certificate.
    async fn accept_with_key(
        &self,
        record: CertificateRecord,
        old: &Grant,
        key: &PublicKey,
        source: Source,
        now: Timestamp,
    ) -> Result<HandingOut> {
        self.may_sign()?;
        let accepted = self
            .prepare_renewal(record, old, KeyMaker::Terminal, source, now)
            .await?;
        let grant = accepted.grant.clone();
        let intent = self.intend_for_grant(&grant, key, now)?;
        let actor = Actor::Subscriber(source.to_string());
        let event = self.intended_event(&grant, intent.record.serial, actor, now);
        let rate = self.policy().renewal.rate_per_hour;
        let (row, kept) = (grant.clone(), intent.clone());
        failpoint!(self, "failpoint:issue:before-intent");
        #[cfg(debug_assertions)]
        let app = self.clone();
        let stored = self
            .store()
            .write(move |tx| {
                Box::pin(async move {
                    accepted.write(tx, rate, now).await?;
                    write_intent(tx, &row, &kept, &event, now).await?;
                    failpoint!(app, "failpoint:issue:inside-intent");
                    Ok(())
                })
            })
            .await;
        stored.map_err(look_again)?;
        self.sign_for(grant, intent, None, source, now).await
    }

    /// A renewal that was accepted before: the same key gets the same certificate, another one another.
    async fn go_on(
        &self,
        record: &CertificateRecord,
        next: Grant,
        key: &PublicKey,
        source: Source,
        now: Timestamp,
    ) -> Result<HandingOut> {
        let made = self.record_of(&next).await?;
        self.check_open(&next, made.as_ref(), now).await?;
        let actor = Actor::Subscriber(source.to_string());
        let is_same = |made: &CertificateRecord| made.spki_sha256 == key.spki_sha256();
        if let Some(made) = made.clone().filter(is_same) {
            return Ok(HandingOut {
                certified: self.certified_before(made, actor, now).await?,
                grant: next,
                mails: Some(MailKind::Collected),
            });
        }
        if let (Err(told), GrantState::SeenInUse { .. }) = (self.check_unused(&next), &next.state) {
            let refusal = Refusal::RenewedBefore;
            self.record_refused_collection(&next, source, &refusal, now)
                .await?;
            return Err(told);
        }
        self.may_sign()?;
        // An intent is finished before another key takes its place, so that a hold meets a certificate.
        if let Some(made) = made.filter(|made| made.state == CertificateState::Intended) {
            self.finish_intent(made.serial, actor, now).await?;
            return Err(Error::Conflict);
        }
        let intent = self.intend_for_grant(&next, key, now)?;
        let mails = self.rekey_mails(record, &next, &intent, source, now);
        // A renewal that a browser accepted a moment ago has no key yet: nothing is replaced.
        let told = mails.is_empty().then_some(MailKind::Collected);
        self.store_rekey(record, &next, intent.clone(), mails, source, now)
            .await?;
        self.sign_for(next, intent, told, source, now).await
    }

    async fn store_rekey(
        &self,
        record: &CertificateRecord,
        next: &Grant,
        intent: Intent,
        mails: Vec<OutboxMail>,
        source: Source,
        now: Timestamp,
    ) -> Result<()> {
        let actor = Actor::Subscriber(source.to_string());
        let event = self.intended_event(next, intent.record.serial, actor, now);
        let (presented, row) = (record.serial, next.clone());
        failpoint!(self, "failpoint:issue:before-intent");
        #[cfg(debug_assertions)]
        let app = self.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    keep_in_force(tx, &presented, now).await?;
                    if tx.set_aside_of(&row.id).await?.len() >= MOST_KEYS {
                        let most = MOST_KEYS;
                        return Err(EnrolmentRefusal::TooManyKeys { most }.into());
                    }
                    write_intent(tx, &row, &intent, &event, now).await?;
                    tx.insert_mails(&mails).await?;
                    failpoint!(app, "failpoint:issue:inside-intent");
                    Ok(())
                })
            })
            .await
    }

    async fn sign_for(
        &self,
        grant: Grant,
        intent: Intent,
        mails: Option<MailKind>,
        source: Source,
        now: Timestamp,
    ) -> Result<HandingOut> {
        failpoint!(self, "failpoint:issue:after-intent");
        let actor = Actor::Subscriber(source.to_string());
        Ok(HandingOut {
            certified: self.sign_and_store(intent, actor, now).await?,
            grant,
            mails,
        })
    }

    /// The certificate that this key got before another one took its place; still in force.
    async fn of_earlier_key(&self, next: &Grant, key: &PublicKey) -> Result<Option<Vec<u8>>> {
        let mut reader = self.store().reader().await?;
        let aside = reader.set_aside_of(&next.id).await?;
        let same = aside
            .into_iter()
            .find(|record| record.spki_sha256 == key.spki_sha256());
        match same {
            Some(record) => Ok(reader.certificate_der(&record.serial).await?),
            None => Ok(None),
        }
    }

    /// 再作成のお知らせ, where a certificate is there whose place another one takes.
    fn rekey_mails(
        &self,
        record: &CertificateRecord,
        next: &Grant,
        intent: &Intent,
        source: Source,
        now: Timestamp,
    ) -> Vec<OutboxMail> {
        if next.state.serial().is_none() {
            return Vec::new();
        }
        let kind = MailKind::RenewedAgain;
        let key = format!("{}:{}", kind.as_str(), intent.record.serial);
        let mut values = values_of(next);
        values.push(("old_not_after", record.not_after.to_string()));
        values.push(("at", now.to_string()));
        values.push(("source", source.to_string()));
        self.holder_mails(kind, next, &key, &values, now)
    }
}

/// Another request accepted the renewal in this very moment: its result is looked at.
fn look_again(error: Error) -> Error {
    match error {
        Error::Refused(Refusal::RenewedBefore) => Error::Conflict,
        other => other,
    }
}
