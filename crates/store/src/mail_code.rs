//! 確認番号: which one a procedure takes, how often it was typed, and when others were sent (decision K2).

use tegata_domain::id::{FlowId, GrantId, OutboxId};
use tegata_domain::institution::MailAddress;
use tegata_domain::mail_code::SentCode;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::Fields;
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// The code that a procedure takes, expired or not.
    pub async fn live_code(&mut self, flow: &FlowId) -> Result<Option<SentCode>, StoreError> {
        let row = self
            .fetch_optional(
                "select mail_id, flow_id, grant_id, number, recipient, hmac, pepper, sent_at,
                    expires_at
                from mail_code where flow_id = $1 and hmac is not null",
                &[flow.as_str().into()],
            )
            .await?;
        row.map(|row| code(row.of("mail_code"))).transpose()
    }

    /// When the last code of a procedure was sent.
    pub async fn last_code_of_flow(
        &mut self,
        flow: &FlowId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let row = self
            .fetch_optional(
                "select sent_at from mail_code where flow_id = $1 order by number desc limit 1",
                &[flow.as_str().into()],
            )
            .await?;
        row.map(|row| row.of("mail_code").time(0)).transpose()
    }

    /// The newest codes of a grant, the newest first: number and instant.
    pub async fn newest_codes_of(
        &mut self,
        grant: &GrantId,
        limit: u32,
    ) -> Result<Vec<(i64, Timestamp)>, StoreError> {
        let rows = self
            .fetch_all(
                "select number, sent_at from mail_code
                where grant_id = $1 order by number desc limit $2",
                &[grant.as_str().into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter()
            .map(|row| row.of("mail_code"))
            .map(|fields| Ok((fields.int(0)?, fields.time(1)?)))
            .collect()
    }
}

impl Tx {
    /// Adds a code. Its number is refused where another code of the grant has it (`Conflict`).
    pub async fn insert_code(&mut self, code: &SentCode) -> Result<(), StoreError> {
        self.execute(
            "insert into mail_code (mail_id, flow_id, grant_id, number, recipient, hmac, pepper,
                tries, sent_at, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)",
            &[
                code.mail.as_str().into(),
                code.flow.as_str().into(),
                code.grant.as_str().into(),
                code.number.into(),
                code.to.as_str().into(),
                code.hmac.as_slice().into(),
                code.pepper.into(),
                code.sent_at.into(),
                code.expires_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Counts a try at a live code, before it is said whether it was right; `None` where the code is not live any
    /// more or was tried `most` times. Answers how many tries there were with this one.
    pub async fn try_code(
        &mut self,
        mail: &OutboxId,
        most: i64,
    ) -> Result<Option<i64>, StoreError> {
        let counted = self
            .changes(
                "update mail_code set tries = tries + 1
                where mail_id = $1 and hmac is not null and tries < $2",
                &[mail.as_str().into(), most.into()],
            )
            .await?;
        if !counted {
            return Ok(None);
        }
        let row = self
            .fetch_optional(
                "select tries from mail_code where mail_id = $1",
                &[mail.as_str().into()],
            )
            .await?;
        row.map(|row| row.of("mail_code").int(0)).transpose()
    }

    /// Ends a code: nobody can use it any more, and a mail that still waits is given up. `false` where it had ended.
    pub async fn end_code(&mut self, mail: &OutboxId, at: Timestamp) -> Result<bool, StoreError> {
        let ended = self
            .changes(
                "update mail_code set hmac = null where mail_id = $1 and hmac is not null",
                &[mail.as_str().into()],
            )
            .await?;
        if ended {
            self.drop_mail(mail, at).await?;
        }
        Ok(ended)
    }

    /// Ends up to `limit` codes whose time is over at `now`; answers how many.
    pub async fn end_codes_before(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<usize, StoreError> {
        let rows = self
            .fetch_all(
                "select mail_id from mail_code where hmac is not null and expires_at < $1
                order by expires_at limit $2",
                &[now.into(), i64::from(limit).into()],
            )
            .await?;
        for row in &rows {
            let mail = row.of("mail_code").id(0, OutboxId::parse)?;
            self.end_code(&mail, now).await?;
        }
        Ok(rows.len())
    }

    /// Deletes codes that were sent before `before` and have ended; returns how many.
    pub async fn delete_codes_before(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.execute(
            "delete from mail_code where sent_at < $1 and hmac is null",
            &[before.into()],
        )
        .await
    }
}

fn code(fields: Fields<'_>) -> Result<SentCode, StoreError> {
    Ok(SentCode {
        mail: fields.id(0, OutboxId::parse)?,
        flow: fields.id(1, FlowId::parse)?,
        grant: fields.id(2, GrantId::parse)?,
        number: fields.int(3)?,
        to: fields.word(4, MailAddress::parse)?,
        hmac: fields.bytes(5)?,
        pepper: fields.int(6)?,
        sent_at: fields.time(7)?,
        expires_at: fields.time(8)?,
    })
}
