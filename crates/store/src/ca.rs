//! Keys of the certification authority (K6, K7).

use tegata_domain::id::CaKeyId;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;

/// What a CA key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaKeyPurpose {
    /// The subscriber CA's certificate, offline.
    Root,
    /// Terminals' certificates and their status.
    Subscriber,
    /// Certificates of our TLS servers.
    Tls,
}

impl CaKeyPurpose {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Subscriber => "subscriber",
            Self::Tls => "tls",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Root, Self::Subscriber, Self::Tls]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
    }
}

/// Where a CA key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaKeyState {
    /// It signs; one for each purpose.
    Active,
    /// It exists no more.
    Destroyed,
    /// It signs status only.
    Retired,
}

impl CaKeyState {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Destroyed => "destroyed",
            Self::Retired => "retired",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Destroyed, Self::Retired]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// A CA key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaKeyRow {
    /// Its id.
    pub id: CaKeyId,
    /// What it signs.
    pub purpose: CaKeyPurpose,
    /// Where it stands.
    pub state: CaKeyState,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificates above it, in the form that `app` chose; none for a single tier.
    pub chain: Option<Vec<u8>>,
    /// The file with the encrypted key, relative to the data folder; none for a key held elsewhere.
    pub key_file: Option<String>,
    /// Shards of its revocation list.
    pub shards: i64,
    /// Last second of its certificate.
    pub not_after: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Connection {
    /// The key that signs for this purpose now.
    pub async fn active_ca_key(
        &mut self,
        purpose: CaKeyPurpose,
    ) -> Result<Option<CaKeyRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, purpose, state, certificate, chain, key_file, shards, not_after,
                    created_at
                from ca_key where purpose = $1 and state = 'active'",
                &[purpose.as_str().into()],
            )
            .await?;
        row.as_ref().map(ca_key).transpose()
    }

    /// The key with this id.
    pub async fn ca_key(&mut self, id: &CaKeyId) -> Result<Option<CaKeyRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, purpose, state, certificate, chain, key_file, shards, not_after,
                    created_at
                from ca_key where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.as_ref().map(ca_key).transpose()
    }

    /// Every key, the oldest first. There are few.
    pub async fn list_ca_keys(&mut self) -> Result<Vec<CaKeyRow>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, purpose, state, certificate, chain, key_file, shards, not_after,
                    created_at
                from ca_key order by created_at, id",
                &[],
            )
            .await?;
        rows.iter().map(ca_key).collect()
    }
}

impl Tx {
    /// Adds a key; `Conflict` on `ca_key_active` where another one is active for the purpose.
    pub async fn insert_ca_key(&mut self, key: &CaKeyRow) -> Result<(), StoreError> {
        self.execute(
            "insert into ca_key (id, purpose, state, certificate, chain, key_file, shards,
                not_after, created_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                key.id.as_str().into(),
                key.purpose.as_str().into(),
                key.state.as_str().into(),
                key.certificate.as_slice().into(),
                key.chain.as_deref().into(),
                key.key_file.as_deref().into(),
                key.shards.into(),
                key.not_after.into(),
                key.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Names another file of a key; `false` where it is not in the file `from`.
    pub async fn move_ca_key_file(
        &mut self,
        id: &CaKeyId,
        from: &str,
        to: &str,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update ca_key set key_file = $3 where id = $1 and key_file = $2",
            &[id.as_str().into(), from.into(), to.into()],
        )
        .await
    }

    /// Moves a key from one state to another; `false` where it is not in `from`.
    pub async fn move_ca_key(
        &mut self,
        id: &CaKeyId,
        from: CaKeyState,
        to: CaKeyState,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update ca_key set state = $3 where id = $1 and state = $2",
            &[id.as_str().into(), from.as_str().into(), to.as_str().into()],
        )
        .await
    }
}

fn ca_key(row: &Row) -> Result<CaKeyRow, StoreError> {
    let fields = row.of("ca_key");
    Ok(CaKeyRow {
        id: fields.id(0, CaKeyId::parse)?,
        purpose: fields.word(1, CaKeyPurpose::parse)?,
        state: fields.word(2, CaKeyState::parse)?,
        certificate: fields.bytes(3)?,
        chain: fields.opt_bytes(4)?,
        key_file: fields.opt_text(5)?.map(str::to_owned),
        shards: fields.int(6)?,
        not_after: fields.time(7)?,
        created_at: fields.time(8)?,
    })
}
