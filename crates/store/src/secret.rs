//! Secrets of the authority itself, such as peppers, sealed under the key-encryption key (I2, K8).

use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

/// A sealed secret and its number among those of the same purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Rises with each new secret; rows that depend on a secret carry its number.
    pub number: i64,
    /// Sealed octets; only the key-encryption key opens them.
    pub sealed: Vec<u8>,
}

impl Connection {
    /// Every secret of a purpose, the oldest first.
    pub async fn sealing_secrets(
        &mut self,
        purpose: &str,
    ) -> Result<Vec<SealedSecret>, StoreError> {
        let rows = self
            .fetch_all(
                "select purpose, number, sealed from sealing_secret where purpose = $1
                order by number",
                &[purpose.into()],
            )
            .await?;
        rows.iter()
            .map(|row| row.of("sealing_secret"))
            .map(|fields| {
                Ok(SealedSecret {
                    number: fields.int(1)?,
                    sealed: fields.bytes(2)?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Adds a secret; `Conflict` where the number is taken.
    pub async fn insert_sealing_secret(
        &mut self,
        purpose: &str,
        secret: &SealedSecret,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "insert into sealing_secret (purpose, number, sealed, created_at)
            values ($1, $2, $3, $4)",
            &[
                purpose.into(),
                secret.number.into(),
                secret.sealed.as_slice().into(),
                at.into(),
            ],
        )
        .await
        .map(drop)
    }
}
