//! Mails that wait to be sent, written in the transaction that makes them due (S5, F6).

use std::collections::BTreeMap;
use std::slice;
use std::sync::{Arc, LazyLock};

use tegata_domain::id::OutboxId;
use tegata_domain::institution::MailAddress;
use tegata_domain::outbox::{MailKind, OutboxMail, Urgency, sealed_name};
use tegata_domain::time::Timestamp;

use crate::arg::Arg;
use crate::bounce::SentMail;
use crate::error::StoreError;
use crate::many::{Insert, MANY, padded};
use crate::row::{Fields, Row};
use crate::sql::Connection;
use crate::store::Tx;

static WAITING: LazyLock<Insert> = LazyLock::new(|| {
    Insert::new(
        "outbox (id, at, kind, urgency, recipient, key, fields, about,
            attempts, next_try_at, epoch)",
        "(?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)",
        "on conflict (key) do nothing",
    )
});

impl Connection {
    /// Mails that wait to be sent, the oldest first.
    pub async fn waiting_mails(&mut self, limit: u32) -> Result<Vec<OutboxMail>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, kind, recipient, key, fields from outbox
                where sent_at is null and dropped_at is null order by at, id limit $1",
                &[i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(|row| mail(row.of("outbox"))).collect()
    }

    /// Mails that wait to be sent, the oldest first, from the one after `after`.
    pub async fn waiting_mails_after(
        &mut self,
        after: Option<&OutboxMail>,
        limit: u32,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, kind, recipient, key, fields from outbox
                where sent_at is null and dropped_at is null
                    and (at > $1 or (at = $1 and id > $2))
                order by at, id limit $3",
                &[
                    after.map_or(i64::MIN, |mail| mail.at.unix()).into(),
                    after.map_or("", |mail| mail.id.as_str()).into(),
                    i64::from(limit).into(),
                ],
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
    /// The oldest mail that was not handed over, and why its last try failed.
    pub async fn oldest_waiting_mail(
        &mut self,
    ) -> Result<Option<(Timestamp, Option<String>)>, StoreError> {
        let row = self
            .fetch_optional(
                "select at, last_error from outbox
                where sent_at is null and dropped_at is null order by at, id limit 1",
                &[],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("outbox");
            Ok((fields.time(0)?, fields.opt_text(1)?.map(str::to_owned)))
        })
        .transpose()
    }

    /// Mails about a case, by its request ID or 申請番号: the earliest first, each with what came of it.
    pub async fn mails_about(
        &mut self,
        about: &str,
        limit: u32,
    ) -> Result<Vec<(OutboxMail, MailFate)>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, at, kind, recipient, key, fields, sent_at, dropped_at, last_error
                from outbox where about = $1 order by id limit $2",
                &[about.into(), i64::from(limit).into()],
            )
            .await?;
        let read = |row: &Row| {
            let fields = row.of("outbox");
            Ok((mail(fields)?, fate(fields, 6)?))
        };
        rows.iter().map(read).collect()
    }
}

impl Tx {
    /// How many 電子証明書 申請情報受付通知 became due for `to` after `since`, in whatever letter case.
    pub async fn count_received_mails(
        &mut self,
        to: &MailAddress,
        since: Timestamp,
    ) -> Result<i64, StoreError> {
        let row = self
            .fetch_optional(
                "select cast(count(*) as bigint) from outbox
                where lower(recipient) = lower($1) and at > $2 and kind = 'application_received'",
                &[to.as_str().into(), since.into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.of("outbox").int(0))
    }

    /// Queues mails and answers how many: those whose key was queued before are not.
    pub async fn insert_mails(&mut self, mails: &[OutboxMail]) -> Result<u64, StoreError> {
        self.insert_all(&WAITING, mails, waiting).await
    }

    /// Queues a mail; `false` where one with the same key was queued before.
    pub async fn insert_mail(&mut self, mail: &OutboxMail) -> Result<bool, StoreError> {
        Ok(self.insert_mails(slice::from_ref(mail)).await? > 0)
    }
}

impl Tx {
    /// Takes up to `limit` mails that are due at `now`, until `until`: nobody else gets them before. The urgent ones
    /// are taken first, and those after `last` not at all. A claim that ends after `farthest` is over: a clock
    /// that was wrong gave it.
    pub async fn claim_mails(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        farthest: Timestamp,
        last: Urgency,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        let rows = self
            .fetch_all(
                "update outbox set epoch = epoch + 1, claimed_until = $4
                where sent_at is null and dropped_at is null
                    and (claimed_until is null or claimed_until < $1 or claimed_until > $5)
                    and id in (
                        select id from outbox
                        where sent_at is null and dropped_at is null
                            and urgency in (0, 1, $2) and next_try_at <= $1
                            and (claimed_until is null or claimed_until < $1 or claimed_until > $5)
                        order by urgency, next_try_at, id limit $3)
                returning id, at, kind, recipient, key, fields, attempts, epoch,
                    urgency, next_try_at, coalesce(refusals, 0)",
                &[
                    now.into(),
                    last.number().into(),
                    i64::from(limit).into(),
                    until.into(),
                    farthest.into(),
                ],
            )
            .await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let fields = row.of("outbox");
            let order = (fields.int(8)?, fields.int(9)?);
            let taken = ClaimedMail {
                mail: mail(fields)?,
                attempts: fields.int(6)?,
                refusals: fields.int(10)?,
                epoch: fields.int(7)?,
            };
            claimed.push((order, taken));
        }
        // What an update returns has no order.
        claimed.sort_by(|(a, one), (b, other)| (a, &one.mail.id).cmp(&(b, &other.mail.id)));
        Ok(claimed.into_iter().map(|(_, taken)| taken).collect())
    }

    /// Makes mails due at `now` that a clock that was wrong put off beyond `farthest`, and answers how many.
    pub async fn recall_mails(
        &mut self,
        now: Timestamp,
        farthest: Timestamp,
    ) -> Result<u64, StoreError> {
        self.execute(
            "update outbox set next_try_at = $1
            where sent_at is null and dropped_at is null
                and urgency in (0, 1, 2) and next_try_at > $2",
            &[now.into(), farthest.into()],
        )
        .await
    }

    /// Records that claimed mails were handed over, and answers of how many: others have the rest by now. What they
    /// carried in secret is not kept.
    pub async fn mails_sent(
        &mut self,
        claimed: &[Arc<ClaimedMail>],
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut recorded = 0;
        let mut plain: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for claimed in claimed {
            if claimed.mail.kind.secret().is_some() {
                recorded += u64::from(self.secret_mail_sent(claimed, at).await?);
            } else {
                let same_epoch = plain.entry(claimed.epoch).or_default();
                same_epoch.push(claimed.mail.id.as_str().to_owned());
            }
        }
        for (epoch, ids) in plain {
            for ids in ids.chunks(MANY) {
                let mut args = vec![at.into(), epoch.into()];
                args.extend(padded(ids));
                recorded += self
                    .execute(
                        "update outbox set sent_at = $1, attempts = attempts + 1,
                            claimed_until = null, last_error = null
                        where epoch = $2 and sent_at is null and id in (
                            $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                            $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
                        &args,
                    )
                    .await?;
            }
        }
        Ok(recorded)
    }

    async fn secret_mail_sent(
        &mut self,
        claimed: &ClaimedMail,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = self.without_secret(&claimed.mail)?;
        self.changes(
            "update outbox set sent_at = $3, fields = $4, attempts = attempts + 1,
                claimed_until = null, last_error = null
            where id = $1 and epoch = $2 and sent_at is null",
            &[
                claimed.mail.id.as_str().into(),
                claimed.epoch.into(),
                at.into(),
                values.into(),
            ],
        )
        .await
    }

    /// Records that a claimed mail was not taken, and when it is tried again.
    pub async fn mail_failed(
        &mut self,
        claimed: &ClaimedMail,
        next_try_at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.mail_put_off(claimed, 0, next_try_at, error).await
    }

    /// The same for a mail that the server refused.
    pub async fn mail_refused(
        &mut self,
        claimed: &ClaimedMail,
        next_try_at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.mail_put_off(claimed, 1, next_try_at, error).await
    }

    async fn mail_put_off(
        &mut self,
        claimed: &ClaimedMail,
        refusals: i64,
        next_try_at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update outbox set attempts = attempts + 1, next_try_at = $3, last_error = $4,
                refusals = coalesce(refusals, 0) + $5, claimed_until = null
            where id = $1 and epoch = $2 and sent_at is null",
            &[
                claimed.mail.id.as_str().into(),
                claimed.epoch.into(),
                next_try_at.into(),
                error.into(),
                refusals.into(),
            ],
        )
        .await
    }

    /// Records that a claimed mail cannot be delivered: it is tried no more, and the secret that it carries is gone.
    pub async fn mail_undeliverable(
        &mut self,
        claimed: &ClaimedMail,
        at: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        let values = self.without_secret(&claimed.mail)?;
        self.changes(
            "update outbox set attempts = attempts + 1, refusals = coalesce(refusals, 0) + 1,
                dropped_at = $3, last_error = $4, fields = $5, claimed_until = null
            where id = $1 and epoch = $2 and sent_at is null and dropped_at is null",
            &[
                claimed.mail.id.as_str().into(),
                claimed.epoch.into(),
                at.into(),
                error.into(),
                values.into(),
            ],
        )
        .await
    }
}

impl Tx {
    /// Gives a mail up that became useless before it was handed over, with the secret that it carries. `false` where
    /// it does not wait any more.
    pub async fn drop_mail(&mut self, id: &OutboxId, at: Timestamp) -> Result<bool, StoreError> {
        let row = self
            .fetch_optional(
                "select id, at, kind, recipient, key, fields from outbox
                where id = $1 and sent_at is null and dropped_at is null",
                &[id.as_str().into()],
            )
            .await?;
        let Some(row) = row else {
            return Ok(false);
        };
        let values = self.without_secret(&mail(row.of("outbox"))?)?;
        self.changes(
            "update outbox set dropped_at = $2, fields = $3, last_error = null
            where id = $1 and sent_at is null and dropped_at is null",
            &[id.as_str().into(), at.into(), values.into()],
        )
        .await
    }

    /// Gives a mail that waits other values. `false` where it waits no more, or has others by now.
    pub async fn replace_mail_values(
        &mut self,
        mail: &OutboxMail,
        values: &BTreeMap<String, String>,
    ) -> Result<bool, StoreError> {
        self.owe_scrub();
        self.changes(
            "update outbox set fields = $3
            where id = $1 and fields = $2 and sent_at is null and dropped_at is null",
            &[
                mail.id.as_str().into(),
                values_of(mail)?.into(),
                json_of(values)?.into(),
            ],
        )
        .await
    }

    /// What is kept of a mail's values once it waits no more.
    fn without_secret(&mut self, mail: &OutboxMail) -> Result<String, StoreError> {
        let mut kept = mail.values.clone();
        if let Some(secret) = mail.kind.secret().map(sealed_name)
            && kept.remove(&secret).is_some()
        {
            self.owe_scrub();
        }
        json_of(&kept)
    }
}

/// What came of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFate {
    /// It was given up at this instant, before it was handed over.
    Dropped(Timestamp),
    /// It was handed over at this instant.
    Sent(Timestamp),
    /// It could not be delivered, and was given up at this instant.
    Undeliverable(Timestamp),
    /// It waits.
    Waiting,
}

/// A mail that one process has to itself for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The mail.
    pub mail: OutboxMail,
    /// How often it was tried before.
    pub attempts: i64,
    /// How often the mail server refused this very mail.
    pub refusals: i64,
    /// The number of this claim.
    pub epoch: i64,
}

impl ClaimedMail {
    /// What a report, or a refusal, may be about.
    pub fn as_sent(&self) -> SentMail {
        SentMail {
            id: self.mail.id.clone(),
            to: self.mail.to.clone(),
            about: about(&self.mail).to_owned(),
        }
    }
}

/// What came of a mail, by `sent_at`, `dropped_at` and `last_error` from the column `first` on.
pub(crate) fn fate(fields: Fields<'_>, first: usize) -> Result<MailFate, StoreError> {
    Ok(
        match (fields.opt_time(first)?, fields.opt_time(first + 1)?) {
            (Some(at), _) => MailFate::Sent(at),
            (None, Some(at)) if fields.opt_text(first + 2)?.is_some() => {
                MailFate::Undeliverable(at)
            }
            (None, Some(at)) => MailFate::Dropped(at),
            (None, None) => MailFate::Waiting,
        },
    )
}

/// The case that a mail tells about.
pub(crate) fn about(mail: &OutboxMail) -> &str {
    let value = |name: &str| mail.values.get(name).map(String::as_str);
    value("request_id")
        .or(value("application_no"))
        .unwrap_or_default()
}

fn waiting(mail: &OutboxMail) -> Result<[Arg<'_>; 8], StoreError> {
    debug_assert_eq!(mail.missing_value(), None, "{:?} lacks a value", mail.kind);
    Ok([
        mail.id.as_str().into(),
        mail.at.into(),
        mail.kind.as_str().into(),
        mail.kind.urgency().number().into(),
        mail.to.as_str().into(),
        mail.key.as_str().into(),
        values_of(mail)?.into(),
        about(mail).into(),
    ])
}

pub(crate) fn values_of(mail: &OutboxMail) -> Result<String, StoreError> {
    json_of(&mail.values)
}

fn json_of(values: &BTreeMap<String, String>) -> Result<String, StoreError> {
    serde_json::to_string(values)
        .map_err(|e| StoreError::Unavailable(format!("write a mail's values: {e}")))
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
