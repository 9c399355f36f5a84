//! Values sealed under a key-encryption key, for the exchange of that key (K8). Sealed values in mails are in `outbox`.

use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;

/// A column that holds sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    /// `sealing_secret.sealed`; a row is named `PURPOSE/NUMBER`.
    AuthoritySecret,
    /// `letter_secret.sealed`; a row is named by its grant.
    LetterSecret,
    /// `operator.totp_sealed`; a row is named by its operator.
    OneTimeCode,
    /// `service_certificate.sealed_key`; a row is named by its id.
    ServiceKey,
    /// `sealed_key.sealed`; a row is named by its serial number.
    SubscriberKey,
}

impl SealedColumn {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::AuthoritySecret,
        Self::LetterSecret,
        Self::OneTimeCode,
        Self::ServiceKey,
        Self::SubscriberKey,
    ];
}

/// A sealed value and the row that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedValue {
    /// What names the row; see [`SealedColumn`].
    pub row: String,
    /// The octets as they stand there.
    pub sealed: Vec<u8>,
}

impl Connection {
    /// The values of a column in the order of their rows, from the row after `after`; destroyed ones are left out.
    pub async fn sealed_values(
        &mut self,
        column: SealedColumn,
        after: &str,
        limit: u32,
    ) -> Result<Vec<SealedValue>, StoreError> {
        let sql = match column {
            // There are few: one for each pepper.
            SealedColumn::AuthoritySecret => {
                "select row, sealed from (
                    select purpose || '/' || number as row, sealed from sealing_secret) named
                where row > $1 order by row limit $2"
            }
            SealedColumn::LetterSecret => {
                "select grant_id, sealed from letter_secret
                where grant_id > $1 order by grant_id limit $2"
            }
            SealedColumn::OneTimeCode => {
                "select id, totp_sealed from operator where id > $1 order by id limit $2"
            }
            SealedColumn::ServiceKey => {
                "select id, sealed_key from service_certificate
                where id > $1 order by id limit $2"
            }
            SealedColumn::SubscriberKey => {
                "select serial, sealed from sealed_key
                where serial > $1 and sealed is not null order by serial limit $2"
            }
        };
        let rows = self
            .fetch_all(sql, &[after.into(), i64::from(limit).into()])
            .await?;
        rows.iter().map(sealed_value).collect()
    }
}

impl Tx {
    /// Puts a value sealed anew in the place of the one that was read. `false` where that one is there no more: it was
    /// replaced or destroyed meanwhile, and what is destroyed must not come back.
    pub async fn replace_sealed(
        &mut self,
        column: SealedColumn,
        old: &SealedValue,
        new: &[u8],
    ) -> Result<bool, StoreError> {
        let sql = match column {
            SealedColumn::AuthoritySecret => {
                "update sealing_secret set sealed = $3
                where purpose || '/' || number = $1 and sealed = $2"
            }
            SealedColumn::LetterSecret => {
                "update letter_secret set sealed = $3 where grant_id = $1 and sealed = $2"
            }
            SealedColumn::OneTimeCode => {
                "update operator set totp_sealed = $3 where id = $1 and totp_sealed = $2"
            }
            SealedColumn::ServiceKey => {
                "update service_certificate set sealed_key = $3
                where id = $1 and sealed_key = $2"
            }
            SealedColumn::SubscriberKey => {
                "update sealed_key set sealed = $3 where serial = $1 and sealed = $2"
            }
        };
        self.owe_scrub();
        self.changes(
            sql,
            &[
                old.row.as_str().into(),
                old.sealed.as_slice().into(),
                new.into(),
            ],
        )
        .await
    }
}

fn sealed_value(row: &Row) -> Result<SealedValue, StoreError> {
    let fields = row.of("sealed values");
    Ok(SealedValue {
        row: fields.text(0)?.to_owned(),
        sealed: fields.bytes(1)?,
    })
}
