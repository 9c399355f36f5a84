//! Addresses whose mails come back, and the grants none of whose addresses gets mails (P-23).
//!
//! Which grants those are is settled in the transaction that marks an address, frees it, or changes a grant's addresses:
//! the worklist is one range of an index, however many certificates there are.

use tegata_domain::bounce::{BouncedAddress, DeliveryStatus};
use tegata_domain::id::{ApplicationId, OutboxId};
use tegata_domain::institution::MailAddress;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::many::{MANY, padded};
use crate::row::Fields;
use crate::sql::Connection;
use crate::store::Tx;

/// A mail that a report may be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    /// Its id.
    pub id: OutboxId,
    /// To whom it went.
    pub to: MailAddress,
    /// The request ID or 申請番号 that it tells about, or nothing.
    pub about: String,
}

impl Connection {
    /// A mail that was handed over.
    pub async fn sent_mail(&mut self, id: &OutboxId) -> Result<Option<SentMail>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, recipient, about from outbox where id = $1 and sent_at is not null",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("outbox");
            Ok(SentMail {
                id: fields.id(0, OutboxId::parse)?,
                to: fields.word(1, MailAddress::parse)?,
                about: fields.text(2)?.to_owned(),
            })
        })
        .transpose()
    }

    /// How many addresses there are whose mails come back.
    pub async fn count_bounced_addresses(&mut self) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional("select cast(count(*) as bigint) from bounced_address", &[])
            .await?;
        row.map_or(Ok(0), |row| row.of("bounced_address").int(0))
    }

    /// Why mails to an address come back; `None` where they do not.
    pub async fn bounced_address(
        &mut self,
        address: &MailAddress,
    ) -> Result<Option<BouncedAddress>, StoreError> {
        let row = self
            .fetch_optional(
                "select address, since, mail_id, status, said from bounced_address
                where address = $1",
                &[address.as_str().into()],
            )
            .await?;
        row.map(|row| bounced(row.of("bounced_address")))
            .transpose()
    }
}

impl Connection {
    /// Those of some addresses whose mails come back.
    pub async fn bounced_among(
        &mut self,
        addresses: &[MailAddress],
    ) -> Result<Vec<MailAddress>, StoreError> {
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let mut bounced = Vec::new();
        for texts in texts.chunks(MANY) {
            let args: Vec<Arg<'_>> = padded(texts).collect();
            let rows = self
                .fetch_all(
                    "select address from bounced_address where address in (
                        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                        $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
                    &args,
                )
                .await?;
            for row in &rows {
                bounced.push(row.of("bounced_address").word(0, MailAddress::parse)?);
            }
        }
        Ok(bounced)
    }
}

impl Tx {
    /// Marks an address, or writes the newer words of one that is marked; `true` where it was not.
    pub async fn mark_bounced(&mut self, bounce: &BouncedAddress) -> Result<bool, StoreError> {
        let is_new = self
            .changes(
                "insert into bounced_address (address, since, mail_id, status, said)
                values ($1, $2, $3, $4, $5) on conflict (address) do nothing",
                &[
                    bounce.address.as_str().into(),
                    bounce.since.into(),
                    bounce.mail.as_str().into(),
                    bounce.status.as_str().into(),
                    bounce.said.as_str().into(),
                ],
            )
            .await?;
        if is_new {
            self.settle_grants_with(&bounce.address).await?;
            return Ok(true);
        }
        self.execute(
            "update bounced_address set mail_id = $2, status = $3, said = $4
            where address = $1 and mail_id < $2",
            &[
                bounce.address.as_str().into(),
                bounce.mail.as_str().into(),
                bounce.status.as_str().into(),
                bounce.said.as_str().into(),
            ],
        )
        .await?;
        Ok(false)
    }

    /// Takes the mark from an address; `false` where there was none. `by` is a mail that arrived: one that is older than
    /// the newest that came back proves nothing.
    pub async fn clear_bounced(
        &mut self,
        address: &MailAddress,
        by: Option<&OutboxId>,
    ) -> Result<bool, StoreError> {
        let cleared = self
            .changes(
                "delete from bounced_address
                where address = $1 and (mail_id < $2 or cast($2 as text) is null)",
                &[address.as_str().into(), by.map(OutboxId::as_str).into()],
            )
            .await?;
        if cleared {
            self.settle_grants_with(address).await?;
        }
        Ok(cleared)
    }

    /// Takes the mark from an address that it has because a mail was refused when it was handed over, this one or an
    /// earlier one; `false` where it has none for that.
    pub async fn clear_refused(&mut self, mail: &SentMail) -> Result<bool, StoreError> {
        let cleared = self
            .changes(
                "delete from bounced_address where address = $1 and mail_id <= $2
                    and exists (select 1 from outbox o
                        where o.id = bounced_address.mail_id and o.sent_at is null)",
                &[mail.to.as_str().into(), mail.id.as_str().into()],
            )
            .await?;
        if cleared {
            self.settle_grants_with(&mail.to).await?;
        }
        Ok(cleared)
    }

    /// Settles for every grant with this address whether any of its addresses gets mails.
    async fn settle_grants_with(&mut self, address: &MailAddress) -> Result<(), StoreError> {
        self.execute(
            "delete from unreachable_grant where grant_id in (
                select g.id from issue_grant g
                where (g.mail = $1 or g.second_mail = $1)
                    and (not exists (select 1 from bounced_address b where b.address = g.mail)
                        or (g.second_mail is not null and not exists (
                            select 1 from bounced_address b where b.address = g.second_mail))))",
            &[address.as_str().into()],
        )
        .await?;
        self.execute(
            "insert into unreachable_grant (grant_id, not_after, since, tries)
            select g.id, g.not_after, b.since, 0
            from issue_grant g join bounced_address b on b.address = g.mail
            where (g.mail = $1 or g.second_mail = $1)
                and (g.second_mail is null or exists (
                    select 1 from bounced_address s where s.address = g.second_mail))
            on conflict (grant_id) do nothing",
            &[address.as_str().into()],
        )
        .await
        .map(drop)
    }

    /// The same for every grant of an application, whose addresses are new.
    pub(crate) async fn settle_grants_of(
        &mut self,
        application: &ApplicationId,
    ) -> Result<(), StoreError> {
        self.execute(
            "delete from unreachable_grant where grant_id in (
                select g.id from issue_grant g
                where g.application_id = $1
                    and (not exists (select 1 from bounced_address b where b.address = g.mail)
                        or (g.second_mail is not null and not exists (
                            select 1 from bounced_address b where b.address = g.second_mail))))",
            &[application.as_str().into()],
        )
        .await?;
        self.execute(
            "insert into unreachable_grant (grant_id, not_after, since, tries)
            select g.id, g.not_after, b.since, 0
            from issue_grant g join bounced_address b on b.address = g.mail
            where g.application_id = $1
                and (g.second_mail is null or exists (
                    select 1 from bounced_address s where s.address = g.second_mail))
            on conflict (grant_id) do nothing",
            &[application.as_str().into()],
        )
        .await
        .map(drop)
    }
}

fn bounced(fields: Fields<'_>) -> Result<BouncedAddress, StoreError> {
    Ok(BouncedAddress {
        address: fields.word(0, MailAddress::parse)?,
        since: fields.time(1)?,
        mail: fields.id(2, OutboxId::parse)?,
        status: fields.word(3, DeliveryStatus::parse)?,
        said: fields.text(4)?.to_owned(),
    })
}
