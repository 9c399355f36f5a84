//! What a revocation list contains, read so that a million entries cost little (W4, PERF6): page by page, in the order of an
//! index that has all that is asked for, each row where the statement finds it.

use tegata_domain::certificate::CertificateState;
use tegata_domain::id::{CaKeyId, SerialNumber};
use tegata_domain::revocation::ReasonCode;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
use crate::row::{Columns, Fields};
use crate::sql::Connection;

/// An entry of a revocation list (RFC 5280 §5.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedEntry {
    /// The certificate.
    pub serial: SerialNumber,
    /// revocationDate.
    pub at: Timestamp,
    /// reasonCode; `None` is left out of the list.
    pub reason: Option<ReasonCode>,
}

impl Connection {
    /// Hands each entry of a revocation list to `each`, in the order of the serial numbers, and
    /// keeps no more than a page of them: those of `shard`, or all of the key.
    ///
    /// Certificates whose last second lies before `cutoff` are left out. With the previous list's
    /// thisUpdate as `cutoff`, an entry stays on one list past notAfter (W4, RFC 5280 §3.3). A
    /// change that is committed meanwhile may or may not be contained; its
    /// [`want_publication`](crate::Tx::want_publication) has the list made again.
    pub async fn listed(
        &mut self,
        ca_key: &CaKeyId,
        shard: Option<i64>,
        cutoff: Timestamp,
        mut each: impl FnMut(ListedEntry) + Send,
    ) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let page = self.page(ca_key, shard, cutoff, &after).await?;
            let last = page.last().map(|entry| entry.serial.to_string());
            let is_full = page.len() == PAGE;
            page.into_iter().for_each(&mut each);
            match last {
                Some(last) if is_full => after = last,
                _ => return Ok(()),
            }
        }
    }

    /// The entries with serial numbers above `after`, a page of them.
    async fn page(
        &mut self,
        ca_key: &CaKeyId,
        shard: Option<i64>,
        cutoff: Timestamp,
        after: &str,
    ) -> Result<Vec<ListedEntry>, StoreError> {
        let (key, cutoff, after) = (ca_key.as_str().into(), cutoff.into(), after.into());
        let most = i64::try_from(PAGE).unwrap_or(i64::MAX).into();
        match shard {
            Some(shard) => {
                let args = [key, cutoff, after, most, shard.into()];
                self.read_apart(PAGE_OF_SHARD, &args, entry).await
            }
            None => {
                let args = [key, cutoff, after, most];
                self.read_apart(PAGE_OF_ALL, &args, entry).await
            }
        }
    }
}

fn entry(row: &dyn Columns) -> Result<ListedEntry, StoreError> {
    let fields = Fields::of(row, "certificate");
    let at = fields.time(1)?;
    let reason = fields.opt_int(2)?;
    let reason =
        reason.map(|number| ReasonCode::from_number(number).ok_or_else(|| fields.corrupt(2)));
    let reason = reason.transpose()?;
    let state = match fields.text(3)? {
        "on_hold" => CertificateState::OnHold { at },
        "revoked" => CertificateState::Revoked { at, reason },
        "superseded" => CertificateState::Superseded { at },
        "void" => CertificateState::Void { at },
        _ => return Err(fields.corrupt(3)),
    };
    Ok(ListedEntry {
        serial: fields.word(0, serial_number)?,
        at,
        reason: state.reason(),
    })
}

/// Reads 32 hexadecimal digits as two numbers: a million of them are read for one list.
fn serial_number(text: &str) -> Option<SerialNumber> {
    let (high, low) = text.split_at_checked(16)?;
    let number = |digits| u64::from_str_radix(digits, 16).ok().map(u128::from);
    let number = number(high)? << 64 | number(low)?;
    SerialNumber::from_octets(number.to_be_bytes()).filter(|_| text.len() == 32)
}

/// Entries of a page.
const PAGE: usize = 5_000;

const PAGE_OF_ALL: &str = "select serial, state_at, reason, state from certificate
    where ca_key_id = $1 and not_after >= $2 and serial > $3
        and (state = 'on_hold' or state = 'revoked' or state = 'superseded' or state = 'void')
    order by serial limit $4";

const PAGE_OF_SHARD: &str = "select serial, state_at, reason, state from certificate
    where ca_key_id = $1 and not_after >= $2 and serial > $3 and shard = $5
        and (state = 'on_hold' or state = 'revoked' or state = 'superseded' or state = 'void')
    order by serial limit $4";
