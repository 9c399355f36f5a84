//! Renewals: grants that continue a certificate, and certificates of a grant that were set aside for
//! a newer key (F3, K3).

use tegata_domain::certificate::CertificateRecord;
use tegata_domain::grant::Grant;
use tegata_domain::id::{ApplicationId, GrantId, SerialNumber};
use tegata_domain::institution::MailAddress;
use tegata_domain::search;
use tegata_domain::time::Timestamp;

use crate::certificate::certificate;
use crate::error::StoreError;
use crate::grant::grant;
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// The renewals of a certificate, or of another one of the same grant, the oldest first; those
    /// that were given up too.
    pub async fn successors_of(&mut self, serial: &SerialNumber) -> Result<Vec<Grant>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, request_id, application_id, institution_id, institution_name, class,
                    code, prefecture, terminal, mail, approved_at, not_after, window_end,
                    entered_by, examined_by, approved_by,
                    state, serial, state_at, frozen_from, frozen_at, kind, predecessor,
                    second_mail
                from issue_grant where predecessor in (
                    select serial from certificate where grant_id = (
                        select grant_id from certificate where serial = $1))
                order by id",
                &[serial.to_string().into()],
            )
            .await?;
        rows.iter().map(grant).collect()
    }

    /// Every grant of one application, the oldest first: the letter's, then its renewals.
    pub async fn grants_of_application(
        &mut self,
        application: &ApplicationId,
    ) -> Result<Vec<Grant>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, request_id, application_id, institution_id, institution_name, class,
                    code, prefecture, terminal, mail, approved_at, not_after, window_end,
                    entered_by, examined_by, approved_by,
                    state, serial, state_at, frozen_from, frozen_at, kind, predecessor,
                    second_mail
                from issue_grant where application_id = $1 order by id",
                &[application.as_str().into()],
            )
            .await?;
        rows.iter().map(grant).collect()
    }

    /// Renewals accepted before `before` that have no key yet and whose certificate was not given up since `tried`, the
    /// oldest first, from the one after `after`.
    pub async fn renewals_without_key(
        &mut self,
        before: Timestamp,
        tried: Timestamp,
        after: Option<&Grant>,
        limit: u32,
    ) -> Result<Vec<Grant>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, request_id, application_id, institution_id, institution_name, class,
                    code, prefecture, terminal, mail, approved_at, not_after, window_end,
                    entered_by, examined_by, approved_by,
                    state, serial, state_at, frozen_from, frozen_at, kind, predecessor,
                    second_mail
                from issue_grant g
                where kind = 'renewal' and state = 'posted' and approved_at < $1
                    and not exists (select 1 from certificate c
                        where c.grant_id = g.id and c.state = 'void' and c.state_at >= $2)
                    and (approved_at > $3 or (approved_at = $3 and id > $4))
                order by approved_at, id limit $5",
                &[
                    before.into(),
                    tried.into(),
                    after
                        .map_or(i64::MIN, |last| last.approved_at.unix())
                        .into(),
                    after.map_or("", |last| last.id.as_str()).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(grant).collect()
    }

    /// How many renewals were accepted since `since`.
    pub async fn count_renewals_since(&mut self, since: Timestamp) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(count(*) as bigint) from issue_grant where kind = 'renewal' and approved_at >= $1",
                &[since.into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("issue_grant").int(0))
    }

    /// The grant's certificates that were set aside and are still in force or on hold.
    pub async fn set_aside_of(
        &mut self,
        grant: &GrantId,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        let rows = self
            .fetch_all(
                "select serial, kind, ca_key_id, shard, grant_id, fingerprint, spki_sha256,
                    not_before, not_after, created_at, state, state_at, reason
                from certificate
                where grant_id = $1 and set_aside_at is not null
                    and state in ('issued', 'on_hold')
                order by created_at, serial",
                &[grant.as_str().into()],
            )
            .await?;
        rows.iter().map(certificate).collect()
    }
}

impl Tx {
    /// Keeps a certificate that is in force as it is until this transaction ends; `false` where it is not in force. On
    /// PostgreSQL a revocation of this very moment waits, or is waited for: a renewal is never stored after it (T23).
    pub async fn hold_still(&mut self, serial: &SerialNumber) -> Result<bool, StoreError> {
        self.changes(
            "update certificate set state = 'issued' where serial = $1 and state = 'issued'",
            &[serial.to_string().into()],
        )
        .await
    }

    /// Sets a certificate aside, so that the grant can have a newer one beside it; `false` where it
    /// was set aside before.
    pub async fn set_aside(
        &mut self,
        serial: &SerialNumber,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update certificate set set_aside_at = $2 where serial = $1 and set_aside_at is null",
            &[serial.to_string().into(), at.into()],
        )
        .await
    }

    /// Makes a certificate that was set aside the grant's again. `Conflict` on `certificate_live`
    /// where another one stands in its place.
    pub async fn take_back(&mut self, serial: &SerialNumber) -> Result<bool, StoreError> {
        self.changes(
            "update certificate set set_aside_at = null
            where serial = $1 and set_aside_at is not null",
            &[serial.to_string().into()],
        )
        .await
    }

    /// Changes the registered mail addresses of every grant of an application; returns how many. The case is found
    /// by the new ones too.
    pub async fn change_addresses(
        &mut self,
        application: &ApplicationId,
        mail: &MailAddress,
        second: Option<&MailAddress>,
    ) -> Result<u64, StoreError> {
        let object = format!("application:{application}");
        for address in std::iter::once(mail).chain(second) {
            self.add_search_words(&object, search::mail_words(address.as_str()))
                .await?;
        }
        let changed = self
            .execute(
                "update issue_grant set mail = $2, second_mail = $3
            where application_id = $1
                and (mail <> $2 or second_mail is distinct from $3)",
                &[
                    application.as_str().into(),
                    mail.as_str().into(),
                    second.map(MailAddress::as_str).into(),
                ],
            )
            .await?;
        self.settle_grants_of(application).await?;
        Ok(changed)
    }

    /// Drops the clear text of reference IDs that are out although no letter carried them (a renewal's, and those that
    /// were shown to a certificate), made before `before`; answers whose (I2).
    pub async fn drop_shown_secrets_older_than(
        &mut self,
        before: Timestamp,
    ) -> Result<Vec<GrantId>, StoreError> {
        let rows = self
            .fetch_all(
                "delete from letter_secret where created_at < $1 and exists (
                    select 1 from reference_id r
                    where r.grant_id = letter_secret.grant_id and r.ended_at is null
                        and r.posted_at is not null)
                returning grant_id",
                &[before.into()],
            )
            .await?;
        self.dropped_secrets(&rows)
    }
}
