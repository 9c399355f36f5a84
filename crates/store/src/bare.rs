//! What the database can do at best, for `tegata bench`: rows that are finished, with nothing around them.

use tegata_domain::outbox::OutboxMail;

use crate::error::StoreError;
use crate::outbox::about;
use crate::store::Tx;

/// A mail's row, ready to be bound.
#[derive(Clone, Debug)]
pub struct BareMail {
    mail: OutboxMail,
    about: String,
    values: String,
}

impl BareMail {
    /// Does what is done in Rust before a row is inserted.
    pub fn of(mail: OutboxMail) -> Result<Self, StoreError> {
        let values = serde_json::to_string(&mail.values)
            .map_err(|e| StoreError::Unavailable(format!("write a mail's values: {e}")))?;
        let about = about(&mail).to_owned();
        Ok(Self {
            mail,
            about,
            values,
        })
    }
}

impl Tx {
    /// Inserts the row and nothing else.
    pub async fn insert_bare_mail(&mut self, row: &BareMail) -> Result<(), StoreError> {
        self.execute(
            "insert into outbox (id, at, kind, bulk, recipient, key, fields, about,
                attempts, next_try_at, epoch)
            values ($1, $2, $3, 1, $4, $5, $6, $7, 0, 0, 0)",
            &[
                row.mail.id.as_str().into(),
                row.mail.at.into(),
                row.mail.kind.as_str().into(),
                row.mail.to.as_str().into(),
                row.mail.key.as_str().into(),
                row.values.as_str().into(),
                row.about.as_str().into(),
            ],
        )
        .await
        .map(drop)
    }
}
