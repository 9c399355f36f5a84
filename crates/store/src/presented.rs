//! A certificate as its holder presents it, read in one statement: each one more costs two changes of threads, and this is
//! asked on every connection (PERF9).

use tegata_domain::certificate::CertificateRecord;
use tegata_domain::grant::Grant;
use tegata_domain::id::Fingerprint;

use crate::certificate;
use crate::error::StoreError;
use crate::grant;
use crate::sql::Connection;

/// Columns of the certificate.
const OF_CERTIFICATE: usize = 13;
/// Columns of the grant.
const OF_GRANT: usize = 24;

/// A certificate that was made for a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedRow {
    /// The certificate.
    pub certificate: CertificateRecord,
    /// Its grant.
    pub grant: Grant,
    /// Whether there are renewals of it, or of another certificate of its grant; those that were given up count too.
    pub has_renewals: bool,
}

impl Connection {
    /// The certificate whose DER has this fingerprint, where it was made for a grant.
    pub async fn presented(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<PresentedRow>, StoreError> {
        let row = self
            .fetch_optional(
                "select c.serial, c.kind, c.ca_key_id, c.shard, c.grant_id, c.fingerprint,
                    c.spki_sha256, c.not_before, c.not_after, c.created_at,
                    c.state, c.state_at, c.reason,
                    g.id, g.request_id, g.application_id, g.institution_id, g.institution_name,
                    g.class, g.code, g.prefecture, g.terminal, g.mail, g.approved_at, g.not_after,
                    g.window_end, g.entered_by, g.examined_by, g.approved_by,
                    g.state, g.serial, g.state_at, g.frozen_from, g.frozen_at, g.kind,
                    g.predecessor, g.second_mail,
                    (select count(*) from certificate o
                        join issue_grant n on n.predecessor = o.serial
                        where o.grant_id = c.grant_id)
                from certificate c join issue_grant g on g.id = c.grant_id
                where c.fingerprint = $1",
                &[fingerprint.0.as_slice().into()],
            )
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(PresentedRow {
            certificate: certificate::certificate(&row)?,
            grant: grant::of(row.part("issue_grant", OF_CERTIFICATE))?,
            has_renewals: row.of("certificate").int(OF_CERTIFICATE + OF_GRANT)? > 0,
        }))
    }
}
