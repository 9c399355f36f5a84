//! Mails that wait to be sent, written in the transaction that makes them due (S5, F6).

use tegata_domain::id::OutboxId;
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::{Connection, Fields, Row};
use crate::store::Tx;

impl Connection {
    /// Mails that were not sent yet, the oldest first.
    pub async fn waiting_mails(&mut self, limit: u32) -> Result<Vec<OutboxMail>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, kind, recipient, key, fields from outbox
                where sent_at is null order by at, id limit $1",
                &[i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(|row| mail(row.of("outbox"))).collect()
    }

    /// Mails, sent or not, in the order of their ids, from the one after `after`.
    pub async fn list_mails(
        &mut self,
        after: Option<&OutboxId>,
        limit: u32,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, kind, recipient, key, fields from outbox
                where id > $1 order by id limit $2",
                &[
                    after.map_or("", OutboxId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(|row| mail(row.of("outbox"))).collect()
    }
}

impl Connection {
    /// Mails about a case, by its request ID or 申請番号: the earliest first, each with the instant at which it
    /// was sent.
    pub async fn mails_about(
        &mut self,
        about: &str,
        limit: u32,
    ) -> Result<Vec<(OutboxMail, Option<Timestamp>)>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, kind, recipient, key, fields, sent_at from outbox
                where about = $1 order by id limit $2",
                &[about.into(), i64::from(limit).into()],
            )
            .await?;
        let read = |row: &Row| {
            let fields = row.of("outbox");
            Ok((mail(fields)?, fields.opt_time(6)?))
        };
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// Queues a mail; `false` where one with the same key was queued before.
    pub async fn insert_mail(&mut self, mail: &OutboxMail) -> Result<bool, StoreError> {
        debug_assert_eq!(mail.missing_value(), None, "{:?} lacks a value", mail.kind);
        let values = serde_json::to_string(&mail.values)
            .map_err(|e| StoreError::Unavailable(format!("write a mail's values: {e}")))?;
        self.changes(
            "insert into outbox (id, at, kind, recipient, key, fields, about)
            values ($1, $2, $3, $4, $5, $6, $7) on conflict (key) do nothing",
            &[
                mail.id.as_str().into(),
                mail.at.into(),
                mail.kind.as_str().into(),
                mail.to.as_str().into(),
                mail.key.as_str().into(),
                values.into(),
                about(mail).into(),
            ],
        )
        .await
    }
}

/// The case that a mail tells about.
fn about(mail: &OutboxMail) -> &str {
    let value = |name: &str| mail.values.get(name).map(String::as_str);
    value("request_id")
        .or(value("application_no"))
        .unwrap_or_default()
}

fn mail(fields: Fields<'_>) -> Result<OutboxMail, StoreError> {
    Ok(OutboxMail {
        id: fields.id(0, OutboxId::parse)?,
        at: fields.time(1)?,
        kind: fields.word(2, MailKind::parse)?,
        to: fields.word(3, MailAddress::parse)?,
        key: fields.text(4)?.to_owned(),
        values: fields.id(5, |text| serde_json::from_str(text))?,
    })
}
