//! What a revocation list contains, read so that a million entries cost little (W4, PERF6).
//!
//! A row costs the driver far more than its octets do. So the database joins the entries of a range
//! of serial numbers into three texts: serial numbers, instants, and reasons or states.

use tegata_domain::certificate::CertificateState;
use tegata_domain::id::{CaKeyId, SerialNumber};
use tegata_domain::revocation::ReasonCode;
use tegata_domain::time::Timestamp;

use crate::error::StoreError;
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
            let end = self.end_of_page(ca_key, shard, cutoff, &after).await?;
            let upto = end.as_deref().unwrap_or(BEYOND);
            let page = self.page(ca_key, shard, cutoff, &after, upto).await?;
            page.into_iter().for_each(&mut each);
            match end {
                Some(end) => after = end,
                None => return Ok(()),
            }
        }
    }

    /// The last serial number of the page after `after`, where more than that page is left.
    async fn end_of_page(
        &mut self,
        ca_key: &CaKeyId,
        shard: Option<i64>,
        cutoff: Timestamp,
        after: &str,
    ) -> Result<Option<String>, StoreError> {
        let key = ca_key.as_str();
        let row = match shard {
            Some(shard) => {
                let args = [key.into(), cutoff.into(), after.into(), shard.into()];
                self.fetch_optional(END_IN_SHARD, &args).await?
            }
            None => {
                let args = [key.into(), cutoff.into(), after.into()];
                self.fetch_optional(END_IN_ALL, &args).await?
            }
        };
        row.map(|row| row.of("certificate").text(0).map(str::to_owned))
            .transpose()
    }

    /// The entries with serial numbers above `after`, up to `upto`.
    async fn page(
        &mut self,
        ca_key: &CaKeyId,
        shard: Option<i64>,
        cutoff: Timestamp,
        after: &str,
        upto: &str,
    ) -> Result<Vec<ListedEntry>, StoreError> {
        let key = ca_key.as_str();
        let rows = match shard {
            Some(shard) => {
                let range = [key.into(), cutoff.into(), after.into(), upto.into()];
                let [key, cutoff, after, upto] = range;
                let args = [key, cutoff, after, upto, shard.into()];
                self.fetch_apart(PAGE_OF_SHARD, &args).await?
            }
            None => {
                let args = [key.into(), cutoff.into(), after.into(), upto.into()];
                self.fetch_apart(PAGE_OF_ALL, &args).await?
            }
        };
        let Some(row) = rows.first() else {
            return Ok(Vec::new());
        };
        let fields = row.of("certificate");
        let (Some(serials), Some(instants), Some(words)) = (
            fields.opt_text(0)?,
            fields.opt_text(1)?,
            fields.opt_text(2)?,
        ) else {
            return Ok(Vec::new());
        };
        entries(serials, instants, words)
    }
}

/// Takes the three joined texts apart.
fn entries(serials: &str, instants: &str, words: &str) -> Result<Vec<ListedEntry>, StoreError> {
    let mut list = Vec::with_capacity(PAGE);
    let (mut instants, mut words) = (instants.split(','), words.split(','));
    for serial in serials.split(',') {
        let at = instants.next().unwrap_or_default();
        let word = words.next().unwrap_or_default();
        list.push(entry(serial, at, word)?);
    }
    // No database promises to join in the order of the index that it read.
    list.sort_by_key(|entry| entry.serial);
    Ok(list)
}

/// Reads one entry; `word` is the number of the reason where one is stored, else the state.
fn entry(serial: &str, at: &str, word: &str) -> Result<ListedEntry, StoreError> {
    let corrupt = |column: &str| StoreError::Corrupt {
        table: "certificate",
        column: column.to_owned(),
        id: serial.to_owned(),
    };
    let at = at.parse().map_err(|_| corrupt("state_at"))?;
    let at = Timestamp::from_unix(at);
    let state = match word {
        "on_hold" => CertificateState::OnHold { at },
        "revoked" => CertificateState::Revoked { at, reason: None },
        "superseded" => CertificateState::Superseded { at },
        "void" => CertificateState::Void { at },
        number => {
            let reason = number.parse().ok().and_then(ReasonCode::from_number);
            let reason = Some(reason.ok_or_else(|| corrupt("reason"))?);
            CertificateState::Revoked { at, reason }
        }
    };
    Ok(ListedEntry {
        serial: serial_number(serial).ok_or_else(|| corrupt("serial"))?,
        at,
        reason: state.reason(),
    })
}

/// Reads 32 hexadecimal digits at once: a million of them are read for one list.
fn serial_number(text: &str) -> Option<SerialNumber> {
    let number = u128::from_str_radix(text, 16).ok()?;
    SerialNumber::from_octets(number.to_be_bytes()).filter(|_| text.len() == 32)
}

/// Entries of a page; the offsets below are one less.
const PAGE: usize = 2_000;
/// Stands after every serial number.
const BEYOND: &str = "g";

const END_IN_ALL: &str = "select serial from certificate
    where ca_key_id = $1 and not_after >= $2 and serial > $3
        and state in ('on_hold', 'revoked', 'superseded', 'void')
    order by serial limit 1 offset 1999";

const END_IN_SHARD: &str = "select serial from certificate
    where ca_key_id = $1 and not_after >= $2 and serial > $3 and shard = $4
        and state in ('on_hold', 'revoked', 'superseded', 'void')
    order by serial limit 1 offset 1999";

const PAGE_OF_ALL: &str = "select string_agg(serial, ','), string_agg(cast(state_at as text), ','),
        string_agg(coalesce(cast(reason as text), state), ',')
    from certificate
    where ca_key_id = $1 and not_after >= $2 and serial > $3 and serial <= $4
        and state in ('on_hold', 'revoked', 'superseded', 'void')";

const PAGE_OF_SHARD: &str = "select string_agg(serial, ','),
        string_agg(cast(state_at as text), ','),
        string_agg(coalesce(cast(reason as text), state), ',')
    from certificate
    where ca_key_id = $1 and not_after >= $2 and serial > $3 and serial <= $4 and shard = $5
        and state in ('on_hold', 'revoked', 'superseded', 'void')";
