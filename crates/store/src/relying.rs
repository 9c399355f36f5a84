//! What relying systems ask about a certificate: all of it in one row (decision F7).

use tegata_domain::certificate::CertificateState;
use tegata_domain::grant::GrantState;
use tegata_domain::id::{Fingerprint, GrantId, SerialNumber};
use tegata_domain::revocation::BY_OPERATOR;
use tegata_domain::time::Timestamp;

use crate::certificate::{digest, state};
use crate::error::StoreError;
use crate::grant;
use crate::sql::{Connection, Row};

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
    pub successor: Option<GrantState>,
}

impl Connection {
    /// The certificate whose DER has this fingerprint, once it is issued.
    pub async fn relying_row(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<RelyingRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select c.serial, c.fingerprint, c.not_before, c.not_after, c.state, c.state_at,
                    c.reason, c.grant_id, coalesce(g.frozen_from, g.state), g.serial, r.source,
                    s.state, s.serial, s.state_at, s.frozen_from, s.frozen_at
                from certificate c
                join issue_grant g on g.id = c.grant_id
                left join revocation_request r
                    on r.grant_id = c.grant_id and r.state in ('submitted', 'proposed')
                left join issue_grant s on s.id = (
                    select max(n.id) from certificate o
                    join issue_grant n on n.predecessor = o.serial and n.state <> 'voided'
                    where o.grant_id = c.grant_id)
                where c.fingerprint = $1 and c.kind = 'subscriber'",
                &[fingerprint.0.as_slice().into()],
            )
            .await?;
        row.as_ref().map(relying_row).transpose()
    }
}

fn relying_row(row: &Row) -> Result<RelyingRow, StoreError> {
    let fields = row.of("certificate");
    let serial = fields.id(0, SerialNumber::parse)?;
    let of_grant = row.part("issue_grant", 8);
    let is_own = of_grant.opt_id(1, SerialNumber::parse)? == Some(serial);
    let waits = matches!(of_grant.text(0)?, "collected" | "key_fixed");
    let successor = row.part("issue_grant", 11);
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
        successor: match successor.opt_text(0)? {
            Some(_) => Some(grant::state(successor, 0)?),
            None => None,
        },
    })
}
