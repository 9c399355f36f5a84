//! Certificates: the intent, the issue, states, and what OCSP asks (F5).

use tegata_domain::certificate::{CertificateKind, CertificateRecord, CertificateState};
use tegata_domain::id::{CaKeyId, Fingerprint, GrantId, SerialNumber};
use tegata_domain::revocation::ReasonCode;
use tegata_domain::time::Timestamp;

use crate::arg::Arg;
use crate::error::StoreError;
use crate::row::{Fields, Row};
use crate::sql::Connection;
use crate::store::Tx;

const TABLE: &str = "certificate";

/// What OCSP asks about a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRow {
    /// The key that signed it.
    pub ca_key: CaKeyId,
    /// Where it stands.
    pub state: CertificateState,
    /// Its last second.
    pub not_after: Timestamp,
}

impl Connection {
    /// The certificate with this serial number.
    pub async fn certificate(
        &mut self,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateRecord>, StoreError> {
        let row = self
            .fetch_optional(
                "select serial, kind, ca_key_id, shard, grant_id, fingerprint, spki_sha256,
                    not_before, not_after, created_at, state, state_at, reason
                from certificate where serial = $1",
                &[serial.to_string().into()],
            )
            .await?;
        row.as_ref().map(certificate).transpose()
    }

    /// The certificate whose DER has this fingerprint.
    pub async fn certificate_by_fingerprint(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<CertificateRecord>, StoreError> {
        let row = self
            .fetch_optional(
                "select serial, kind, ca_key_id, shard, grant_id, fingerprint, spki_sha256,
                    not_before, not_after, created_at, state, state_at, reason
                from certificate where fingerprint = $1",
                &[fingerprint.0.as_slice().into()],
            )
            .await?;
        row.as_ref().map(certificate).transpose()
    }

    /// The certificate's DER, once it is issued.
    pub async fn certificate_der(
        &mut self,
        serial: &SerialNumber,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self
            .fetch_optional(
                "select serial, der from certificate_der where serial = $1 and der is not null",
                &[serial.to_string().into()],
            )
            .await?;
        row.map(|row| row.of("certificate_der").bytes(1))
            .transpose()
    }

    /// The intended TBSCertificate.
    pub async fn intent_tbs(
        &mut self,
        serial: &SerialNumber,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self
            .fetch_optional(
                "select serial, tbs from certificate_der where serial = $1",
                &[serial.to_string().into()],
            )
            .await?;
        row.map(|row| row.of("certificate_der").bytes(1))
            .transpose()
    }

    /// Intents stored before `before` that were neither issued nor voided, the oldest first.
    pub async fn intents_before(
        &mut self,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        let rows = self
            .fetch_all(
                "select serial, kind, ca_key_id, shard, grant_id, fingerprint, spki_sha256,
                    not_before, not_after, created_at, state, state_at, reason
                from certificate where state = 'intended' and created_at < $1
                order by created_at, serial limit $2",
                &[before.into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(certificate).collect()
    }

    /// What OCSP and the listeners ask: one indexed read.
    pub async fn status(&mut self, serial: &SerialNumber) -> Result<Option<StatusRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select serial, ca_key_id, not_after, state, state_at, reason
                from certificate where serial = $1",
                &[serial.to_string().into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of(TABLE);
            Ok(StatusRow {
                ca_key: fields.id(1, CaKeyId::parse)?,
                state: state(fields, 3)?,
                not_after: fields.time(2)?,
            })
        })
        .transpose()
    }

    /// The grant's live certificate, else its newest; voided intents excepted.
    pub async fn latest_certificate_of_grant(
        &mut self,
        grant: &GrantId,
    ) -> Result<Option<CertificateRecord>, StoreError> {
        let row = self
            .fetch_optional(
                "select serial, kind, ca_key_id, shard, grant_id, fingerprint, spki_sha256,
                    not_before, not_after, created_at, state, state_at, reason
                from certificate where grant_id = $1 and state <> 'void'
                order by case when state = 'intended' or state = 'issued' or state = 'on_hold'
                    then 0 else 1 end, created_at desc, serial desc
                limit 1",
                &[grant.as_str().into()],
            )
            .await?;
        row.as_ref().map(certificate).transpose()
    }

    /// Certificates in the order of their serial numbers, from the one after `after`.
    pub async fn list_certificates(
        &mut self,
        after: Option<&SerialNumber>,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        let after = after.map(ToString::to_string).unwrap_or_default();
        let rows = self
            .fetch_all(
                "select serial, kind, ca_key_id, shard, grant_id, fingerprint, spki_sha256,
                    not_before, not_after, created_at, state, state_at, reason
                from certificate where serial > $1 order by serial limit $2",
                &[after.into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(certificate).collect()
    }
}

impl Tx {
    /// Stores an intent: serial number and TBSCertificate, before anything is signed (F5).
    ///
    /// `Conflict` on `certificate_pkey` where the serial number is taken (I4), on
    /// `certificate_live` where the grant has a live certificate, on `certificate_key` where the
    /// key was certified.
    pub async fn insert_intent(
        &mut self,
        record: &CertificateRecord,
        tbs: &[u8],
    ) -> Result<(), StoreError> {
        let serial = record.serial.to_string();
        let [state, state_at, reason] = state_columns(record.state);
        self.execute(
            "insert into certificate (serial, kind, ca_key_id, shard, grant_id, fingerprint,
                spki_sha256, not_before, not_after, created_at, state, state_at, reason)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            &[
                serial.as_str().into(),
                record.kind.as_str().into(),
                record.ca_key.as_str().into(),
                record.shard.into(),
                record.grant.as_ref().map(GrantId::as_str).into(),
                record.fingerprint.as_ref().map(|f| f.0.as_slice()).into(),
                record.spki_sha256.as_slice().into(),
                record.not_before.into(),
                record.not_after.into(),
                record.created_at.into(),
                state,
                state_at,
                reason,
            ],
        )
        .await?;
        self.execute(
            "insert into certificate_der (serial, tbs) values ($1, $2)",
            &[serial.as_str().into(), tbs.into()],
        )
        .await
        .map(drop)
    }

    /// Stores the verified certificate and marks it issued; `false` where it is no intent any more.
    pub async fn issue_certificate(
        &mut self,
        serial: &SerialNumber,
        fingerprint: &Fingerprint,
        der: &[u8],
    ) -> Result<bool, StoreError> {
        let serial = serial.to_string();
        let issued = self
            .changes(
                "update certificate set state = 'issued', fingerprint = $2
                where serial = $1 and state = 'intended'",
                &[serial.as_str().into(), fingerprint.0.as_slice().into()],
            )
            .await?;
        if issued {
            self.execute(
                "update certificate_der set der = $2 where serial = $1",
                &[serial.as_str().into(), der.into()],
            )
            .await?;
        }
        Ok(issued)
    }

    /// Writes the state `to` where the certificate is still exactly in `from`; `false` where it is
    /// not. An intent becomes issued by [`Tx::issue_certificate`] only.
    pub async fn move_certificate(
        &mut self,
        serial: &SerialNumber,
        from: &CertificateState,
        to: &CertificateState,
    ) -> Result<bool, StoreError> {
        let [state, state_at, reason] = state_columns(*to);
        let [was, was_at, was_reason] = state_columns(*from);
        self.changes(
            "update certificate set state = $2, state_at = $3, reason = $4
            where serial = $1 and state = $5 and state_at is not distinct from $6
                and reason is not distinct from $7",
            &[
                serial.to_string().into(),
                state,
                state_at,
                reason,
                was,
                was_at,
                was_reason,
            ],
        )
        .await
    }
}

/// The columns `state, state_at, reason` of a state. The reason of a hold and of a replacement
/// follows from the state and is not stored.
fn state_columns(state: CertificateState) -> [Arg<'static>; 3] {
    let reason = match state {
        CertificateState::Revoked { reason, .. } => reason,
        _ => None,
    };
    [
        state.as_str().into(),
        state.stopped_at().into(),
        reason.map(|reason| i64::from(reason.number())).into(),
    ]
}

pub(crate) fn certificate(row: &Row) -> Result<CertificateRecord, StoreError> {
    let fields = row.of(TABLE);
    Ok(CertificateRecord {
        serial: fields.id(0, SerialNumber::parse)?,
        kind: fields.word(1, CertificateKind::parse)?,
        ca_key: fields.id(2, CaKeyId::parse)?,
        shard: fields.int(3)?,
        grant: fields.opt_id(4, GrantId::parse)?,
        fingerprint: match fields.opt_bytes(5)? {
            Some(octets) => Some(Fingerprint(
                digest(octets).ok_or_else(|| fields.corrupt(5))?,
            )),
            None => None,
        },
        spki_sha256: digest(fields.bytes(6)?).ok_or_else(|| fields.corrupt(6))?,
        not_before: fields.time(7)?,
        not_after: fields.time(8)?,
        created_at: fields.time(9)?,
        state: state(fields, 10)?,
    })
}

/// The state whose word, instant and reason stand from column `first` on.
pub(crate) fn state(fields: Fields<'_>, first: usize) -> Result<CertificateState, StoreError> {
    let at = || fields.time(first + 1);
    Ok(match fields.text(first)? {
        "intended" => CertificateState::Intended,
        "issued" => CertificateState::Issued,
        "on_hold" => CertificateState::OnHold { at: at()? },
        "revoked" => {
            let corrupt = || fields.corrupt(first + 2);
            let reason = fields
                .opt_int(first + 2)?
                .map(|number| ReasonCode::from_number(number).ok_or_else(corrupt));
            CertificateState::Revoked {
                at: at()?,
                reason: reason.transpose()?,
            }
        }
        "superseded" => CertificateState::Superseded { at: at()? },
        "void" => CertificateState::Void { at: at()? },
        _ => return Err(fields.corrupt(first)),
    })
}

/// 32 octets, or nothing.
pub(crate) fn digest(octets: Vec<u8>) -> Option<[u8; 32]> {
    octets.try_into().ok()
}
