//! What relying systems ask about a certificate: all of it in one row (decision F7).

use tegata_domain::certificate::CertificateState;
use tegata_domain::id::{Fingerprint, GrantId, SerialNumber};
use tegata_domain::renewal::Continuation;
use tegata_domain::revocation::BY_OPERATOR;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::certificate::{digest, state};
use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;
use crate::successor::{joined_successor, successor, successor_column};

/// A feed as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// The day in Japan that it is for.
    pub day: CalendarDate,
    /// When it was made.
    pub made_at: Timestamp,
    /// SHA-256 of the body, hexadecimal.
    pub sha256: String,
    /// What it says.
    pub body: Vec<u8>,
    /// The detached signature, DER.
    pub signature: Vec<u8>,
}

/// A subscriber's certificate with what came after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingRow {
    /// Its serial number.
    pub serial: SerialNumber,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Where it stands.
    pub state: CertificateState,
    /// Its grant.
    pub grant: GrantId,
    /// Whether its being seen in use is recorded, or would say nothing about the grant (K3).
    pub is_settled: bool,
    /// Whether an operator stopped it without a request of its holder.
    pub is_held_by_operator: bool,
    /// The renewal that continues it, unless that was given up.
    pub successor: Option<Continuation>,
}

/// Subscribers' certificates with what came after them; what follows chooses them.
macro_rules! relying {
    ($chosen:literal) => {
        concat!(
            "select c.serial, c.fingerprint, c.not_before, c.not_after, c.state, c.state_at,
                c.reason, c.grant_id, coalesce(g.frozen_from, g.state), g.serial, r.source, ",
            successor_column!(),
            " from certificate c
            join issue_grant g on g.id = c.grant_id
            left join revocation_request r
                on r.grant_id = c.grant_id and r.state in ('submitted', 'proposed')",
            joined_successor!(),
            "where c.kind = 'subscriber' and ",
            $chosen
        )
    };
}

impl Connection {
    /// The certificate whose DER has this fingerprint, once it is issued.
    pub async fn relying_row(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<RelyingRow>, StoreError> {
        let row = self
            .fetch_optional(
                relying!("c.fingerprint = $1"),
                &[fingerprint.0.as_slice().into()],
            )
            .await?;
        row.as_ref().map(relying_row).transpose()
    }

    /// Certificates in force that end between `from` and `until`, both included, in the order of their ends: those
    /// after `after` (end and serial number), at most `limit`.
    pub async fn relying_rows_ending(
        &mut self,
        (from, until): (Timestamp, Timestamp),
        after: Option<&(Timestamp, SerialNumber)>,
        limit: u32,
    ) -> Result<Vec<RelyingRow>, StoreError> {
        let (end, serial) = place(from, after);
        let rows = self
            .fetch_apart(
                relying!(
                    "c.state = 'issued' and c.not_after >= $1 and c.not_after <= $2
                        and (c.not_after > $1 or c.serial > $3)
                    order by c.not_after, c.serial limit $4"
                ),
                &[
                    end.into(),
                    until.into(),
                    serial.as_str().into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(relying_row).collect()
    }

    /// Certificates on hold, revoked or superseded that end at `from` or later, likewise.
    pub async fn relying_rows_stopped(
        &mut self,
        from: Timestamp,
        after: Option<&(Timestamp, SerialNumber)>,
        limit: u32,
    ) -> Result<Vec<RelyingRow>, StoreError> {
        let (end, serial) = place(from, after);
        let rows = self
            .fetch_apart(
                relying!(
                    "(c.state = 'on_hold' or c.state = 'revoked' or c.state = 'superseded')
                        and c.not_after >= $1 and (c.not_after > $1 or c.serial > $2)
                    order by c.not_after, c.serial limit $3"
                ),
                &[end.into(), serial.as_str().into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(relying_row).collect()
    }

    /// The feed of a day, once it was made.
    pub async fn relying_feed(&mut self, day: CalendarDate) -> Result<Option<FeedRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select day, made_at, sha256, body, signature from relying_feed where day = $1",
                &[day.to_string().into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("relying_feed");
            Ok(FeedRow {
                day: fields.id(0, CalendarDate::parse)?,
                made_at: fields.time(1)?,
                sha256: fields.text(2)?.to_owned(),
                body: fields.bytes(3)?,
                signature: fields.bytes(4)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    /// Keeps the feed of a day and drops those of other days; `false` where another process was faster.
    pub async fn insert_relying_feed(&mut self, feed: &FeedRow) -> Result<bool, StoreError> {
        let day = feed.day.to_string();
        self.execute(
            "delete from relying_feed where day <> $1",
            &[day.as_str().into()],
        )
        .await?;
        self.changes(
            "insert into relying_feed (day, made_at, sha256, body, signature)
            values ($1, $2, $3, $4, $5) on conflict (day) do nothing",
            &[
                day.as_str().into(),
                feed.made_at.into(),
                feed.sha256.as_str().into(),
                feed.body.as_slice().into(),
                feed.signature.as_slice().into(),
            ],
        )
        .await
    }
}

/// Where a page begins: after the last row of the page before, else at `from`.
fn place(from: Timestamp, after: Option<&(Timestamp, SerialNumber)>) -> (Timestamp, String) {
    match after {
        Some((end, serial)) => (*end, serial.to_string()),
        None => (from, String::new()),
    }
}

fn relying_row(row: &Row) -> Result<RelyingRow, StoreError> {
    let fields = row.of("certificate");
    let serial = fields.id(0, SerialNumber::parse)?;
    let of_grant = row.part("issue_grant", 8);
    let is_own = of_grant.opt_id(1, SerialNumber::parse)? == Some(serial);
    let waits = matches!(of_grant.text(0)?, "collected" | "key_fixed");
    Ok(RelyingRow {
        serial,
        fingerprint: digest(fields.bytes(1)?)
            .map(Fingerprint)
            .ok_or_else(|| fields.corrupt(1))?,
        not_before: fields.time(2)?,
        not_after: fields.time(3)?,
        state: state(fields, 4)?,
        grant: fields.id(7, GrantId::parse)?,
        is_settled: !(is_own && waits),
        is_held_by_operator: row
            .part("revocation_request", 10)
            .opt_text(0)?
            .is_some_and(|source| source == BY_OPERATOR),
        successor: successor(fields, 11)?.map(|successor| successor.continuation),
    })
}
