//! Private keys that the authority made, sealed, until they are destroyed (K3).

use tegata_domain::id::{GrantId, SerialNumber};
use tegata_domain::renewal::KeyPlace;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::Connection;
use crate::store::Tx;

/// The row of a key that the authority made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// The grant whose reference ID opens it.
    pub grant: GrantId,
    /// What opens it beside the key-encryption key.
    pub wrap: KeyWrap,
    /// The sealed key; gone once it is destroyed.
    pub sealed: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When and why it was destroyed.
    pub destroyed: Option<(Timestamp, KeyDestroyed)>,
}

/// What opens a sealed key beside the key-encryption key (K3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWrap {
    /// Nothing: a renewal in the browser has no letter.
    Authority,
    /// The reference ID of its grant.
    Reference,
}

impl KeyWrap {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Reference => "reference",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Authority, Self::Reference]
            .into_iter()
            .find(|wrap| wrap.as_str() == text)
    }
}

/// Why a sealed key was destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDestroyed {
    /// The holder asked for it.
    Request,
    /// The certificate was revoked.
    Revocation,
    /// The certificate of a renewal was seen in use: its file was installed.
    SeenInUse,
    /// The collection window ended, or the days for which a renewal's key is kept.
    WindowEnd,
}

impl KeyDestroyed {
    /// The word that stands in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Revocation => "revocation",
            Self::SeenInUse => "seen_in_use",
            Self::WindowEnd => "window_end",
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Request,
            Self::Revocation,
            Self::SeenInUse,
            Self::WindowEnd,
        ]
        .into_iter()
        .find(|why| why.as_str() == text)
    }
}

impl Connection {
    /// The sealed key of a certificate; `None` where the terminal made the key itself.
    pub async fn sealed_key(
        &mut self,
        serial: &SerialNumber,
    ) -> Result<Option<SealedKey>, StoreError> {
        let row = self
            .fetch_optional(
                "select serial, grant_id, sealed, created_at, destroyed_at, destroyed_because, wrap
                from sealed_key where serial = $1",
                &[serial.to_string().into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("sealed_key");
            let destroyed = match fields.opt_time(4)? {
                Some(at) => Some((at, fields.word(5, KeyDestroyed::parse)?)),
                None => None,
            };
            Ok(SealedKey {
                grant: fields.id(1, GrantId::parse)?,
                wrap: fields.word(6, KeyWrap::parse)?,
                sealed: fields.opt_bytes(2)?,
                created_at: fields.time(3)?,
                destroyed,
            })
        })
        .transpose()
    }

    /// Keys that are still kept although the collection window of their grant ended before `now`.
    pub async fn grants_with_kept_key_after_window(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(GrantId, SerialNumber)>, StoreError> {
        let rows = self
            .fetch_all(
                "select serial, grant_id from sealed_key
                where sealed is not null and keep_until < $1
                order by keep_until, serial limit $2",
                &[now.into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter()
            .map(|row| row.of("sealed_key"))
            .map(|fields| {
                let grant = fields.id(1, GrantId::parse)?;
                Ok((grant, fields.id(0, SerialNumber::parse)?))
            })
            .collect()
    }
}

impl Tx {
    /// Stores a sealed key until the end of its grant's collection window, and at most until
    /// `keep_until`.
    ///
    /// `Conflict` on `foreign_key` where the intent or the grant is not there.
    pub async fn insert_sealed_key(
        &mut self,
        serial: &SerialNumber,
        grant: &GrantId,
        (wrap, sealed): (KeyWrap, &[u8]),
        keep_until: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let stored = self
            .changes(
                "insert into sealed_key (serial, grant_id, wrap, sealed, created_at, keep_until)
                select $1, id, $3, $4, $5, case when $6 < window_end then $6 else window_end end
                from issue_grant where id = $2",
                &[
                    serial.to_string().into(),
                    grant.as_str().into(),
                    wrap.as_str().into(),
                    sealed.into(),
                    at.into(),
                    keep_until.into(),
                ],
            )
            .await?;
        if !stored {
            let rule = "foreign_key".to_owned();
            return Err(StoreError::Conflict { rule });
        }
        Ok(())
    }

    /// Destroys the sealed key and keeps the fact; `false` where there is none any more.
    pub async fn destroy_key(
        &mut self,
        serial: &SerialNumber,
        why: KeyDestroyed,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.owe_scrub();
        self.changes(
            "update sealed_key set sealed = null, destroyed_at = $2, destroyed_because = $3
            where serial = $1 and sealed is not null",
            &[serial.to_string().into(), at.into(), why.as_str().into()],
        )
        .await
    }
}

/// Where a renewal's key is: here where it is not fixed yet, or is kept, or was kept for its days and may be replaced
/// (K3). `word` is why the key that is fixed was destroyed, `kept` where it was not, and nothing where it never was here;
/// `None` for a word that is none of these.
pub(crate) fn place(is_fixed: bool, word: Option<&str>) -> Option<KeyPlace> {
    if !is_fixed {
        return Some(KeyPlace::Authority);
    }
    Some(match word {
        None => KeyPlace::Terminal,
        Some("kept") => KeyPlace::Authority,
        Some(word) => match KeyDestroyed::parse(word)? {
            KeyDestroyed::WindowEnd => KeyPlace::Authority,
            _ => KeyPlace::Holder,
        },
    })
}
