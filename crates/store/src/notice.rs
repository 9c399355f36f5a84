//! What the daily run of notices reads, by index and in pages, and the runs that were finished (F6, P-14).

use tegata_domain::id::{GrantId, OutboxId, SerialNumber};
use tegata_domain::institution::{MailAddress, TerminalName};
use tegata_domain::reference::RequestId;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::arg::Arg;
use crate::error::StoreError;
use crate::many::{MANY, padded};
use crate::outbox::{self, MailFate};
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;
use crate::successor::{SuccessorRow, joined_successor, successor, successor_column};

/// A certificate in force that its holder has and that comes to its end, with what a notice says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndingCertificate {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Its last second.
    pub not_after: Timestamp,
    /// What its grant says.
    pub holder: Holder,
    /// The renewal that continues it, unless it was given up.
    pub successor: Option<SuccessorRow>,
}

/// A letter's grant that was approved and is not collected, with what a reminder says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingGrant {
    /// Its id.
    pub id: GrantId,
    /// P: the instant of approval.
    pub approved_at: Timestamp,
    /// When the letter was posted.
    pub posted_at: Timestamp,
    /// The last second in which it can be collected.
    pub window_end: Timestamp,
    /// Whose it is.
    pub holder: Holder,
}

/// Whom a notice is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// リクエストID.
    pub request_id: RequestId,
    /// The institution's name.
    pub institution_name: String,
    /// 端末名称等.
    pub terminal: TerminalName,
    /// Registered mail address.
    pub mail: MailAddress,
    /// 予備のメールアドレス.
    pub second_mail: Option<MailAddress>,
    /// The person at the institution, where one was named.
    pub contact: Option<String>,
}

impl Holder {
    /// The registered address, and the second one where there is one.
    pub fn addresses(&self) -> (&MailAddress, Option<&MailAddress>) {
        (&self.mail, self.second_mail.as_ref())
    }
}

/// Some rows of a selection in its order.
#[derive(Clone, Debug)]
pub struct NoticePage<T> {
    /// The rows; one that cannot be read keeps the others from nothing.
    pub rows: Vec<Result<T, StoreError>>,
    /// From where the next page goes on; `None` after the last.
    pub next: Option<NoticeCursor>,
}

/// A place in a selection: after the row with this instant and this serial number or id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeCursor {
    /// The instant by which the selection is ordered.
    pub at: Timestamp,
    /// The serial number or id; empty before the first of the instant.
    pub id: String,
}

/// Certificates that their holders have, with grant, contact and successor; what follows chooses them. Each column costs
/// a run over many rows its time: what only decides stands in the condition.
macro_rules! ending {
    ($chosen:literal) => {
        concat!(
            "select c.serial, c.not_after,
                g.request_id, g.institution_name, g.terminal, g.mail, g.second_mail, a.person, ",
            successor_column!(),
            " from certificate c
            join issue_grant g on g.id = c.grant_id
            left join applicant a on a.application_id = g.application_id",
            joined_successor!(),
            "where c.state = 'issued' and c.kind = 'subscriber' and c.set_aside_at is null
                and g.state in ('collected', 'seen_in_use') and ",
            $chosen
        )
    };
}

/// Grants of letters with their contact that are not collected; what follows chooses them.
macro_rules! waiting {
    ($chosen:literal) => {
        concat!(
            "select g.id, g.approved_at,
                g.request_id, g.institution_name, g.terminal, g.mail, g.second_mail, a.person,
                g.posted_at, g.window_end
            from issue_grant g
            left join applicant a on a.application_id = g.application_id
            where g.kind = 'letter' and g.state in ('posted', 'key_fixed') and ",
            $chosen
        )
    };
}

impl Connection {
    /// Certificates in force, of holders that have them, that end up to `last`, from the one after `after` on, in the order of end and serial
    /// number; of those that another one stands in place of, that one only.
    pub async fn ending_certificates(
        &mut self,
        after: &NoticeCursor,
        last: Timestamp,
        limit: u32,
    ) -> Result<NoticePage<EndingCertificate>, StoreError> {
        let rows = self
            .fetch_apart(
                ending!(
                    "(c.not_after, c.serial) > ($1, $2) and c.not_after <= $3
                    order by c.not_after, c.serial limit $4"
                ),
                &[
                    after.at.into(),
                    after.id.as_str().into(),
                    last.into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        page(&rows, limit, ending)
    }

    /// One certificate, if it is in force, its holder has it and none stands in its place.
    pub async fn ending_certificate(
        &mut self,
        serial: &SerialNumber,
    ) -> Result<Option<EndingCertificate>, StoreError> {
        let row = self
            .fetch_optional(ending!("c.serial = $1"), &[serial.to_string().into()])
            .await?;
        row.as_ref().map(ending).transpose()
    }

    /// Those of these certificates that are in force, that their holders have and that none stands in the place of, in no
    /// order; one that cannot be read keeps the others from nothing.
    pub async fn ending_certificates_among(
        &mut self,
        serials: &[SerialNumber],
    ) -> Result<Vec<Result<EndingCertificate, StoreError>>, StoreError> {
        let serials: Vec<String> = serials.iter().map(ToString::to_string).collect();
        let mut found = Vec::with_capacity(serials.len());
        for serials in serials.chunks(MANY) {
            let args: Vec<Arg<'_>> = padded(serials).collect();
            let rows = self
                .fetch_all(
                    ending!(
                        "c.serial in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                            $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)"
                    ),
                    &args,
                )
                .await?;
            found.extend(rows.iter().map(ending));
        }
        Ok(found)
    }

    /// Letters' grants approved up to `last` that are not collected, from the one after `after` on, in the order of
    /// approval and id.
    pub async fn waiting_grants(
        &mut self,
        after: &NoticeCursor,
        last: Timestamp,
        limit: u32,
    ) -> Result<NoticePage<WaitingGrant>, StoreError> {
        let rows = self
            .fetch_apart(
                waiting!(
                    "(g.approved_at, g.id) > ($1, $2) and g.approved_at <= $3
                    order by g.approved_at, g.id limit $4"
                ),
                &[
                    after.at.into(),
                    after.id.as_str().into(),
                    last.into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        page(&rows, limit, waiting)
    }

    /// One letter's grant, if it is not collected.
    pub async fn waiting_grant(
        &mut self,
        request: &RequestId,
    ) -> Result<Option<WaitingGrant>, StoreError> {
        let row = self
            .fetch_optional(waiting!("g.request_id = $1"), &[request.as_str().into()])
            .await?;
        row.as_ref().map(waiting).transpose()
    }

    /// The newest notice about a certificate by its request ID, and what came of it.
    pub async fn newest_notice_about(
        &mut self,
        about: &str,
    ) -> Result<Option<(OutboxId, MailFate)>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, sent_at, dropped_at, last_error from outbox
                where about = $1 and urgency = 2 order by id desc limit 1",
                &[about.into()],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("outbox");
            Ok((fields.id(0, OutboxId::parse)?, outbox::fate(fields, 1)?))
        })
        .transpose()
    }

    /// The day of the last run that was finished.
    pub async fn last_notice_run(&mut self) -> Result<Option<CalendarDate>, StoreError> {
        let row = self
            .fetch_optional("select day from notice_run order by day desc limit 1", &[])
            .await?;
        row.map(|row| row.of("notice_run").id(0, CalendarDate::parse))
            .transpose()
    }
}

impl Tx {
    /// Records that the run of `day` is finished; `false` where it was before.
    pub async fn finish_notice_run(
        &mut self,
        day: CalendarDate,
        mails: i64,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "insert into notice_run (day, finished_at, mails) values ($1, $2, $3)
            on conflict (day) do nothing",
            &[day.to_string().into(), at.into(), mails.into()],
        )
        .await
    }
}

fn page<T>(
    rows: &[Row],
    limit: u32,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<NoticePage<T>, StoreError> {
    let next = match rows.last() {
        Some(row) if rows.len() as u64 == u64::from(limit) => {
            let fields = row.of("certificate");
            Some(NoticeCursor {
                at: fields.time(1)?,
                id: fields.text(0)?.to_owned(),
            })
        }
        _ => None,
    };
    Ok(NoticePage {
        rows: rows.iter().map(read).collect(),
        next,
    })
}

fn ending(row: &Row) -> Result<EndingCertificate, StoreError> {
    let fields = row.of("certificate");
    Ok(EndingCertificate {
        serial: fields.id(0, SerialNumber::parse)?,
        not_after: fields.time(1)?,
        holder: holder(row)?,
        successor: successor(fields, 8)?,
    })
}

fn waiting(row: &Row) -> Result<WaitingGrant, StoreError> {
    let fields = row.of("issue_grant");
    Ok(WaitingGrant {
        id: fields.id(0, GrantId::parse)?,
        approved_at: fields.time(1)?,
        posted_at: fields.time(8)?,
        window_end: fields.time(9)?,
        holder: holder(row)?,
    })
}

/// Both selections have the holder's columns in the same place.
fn holder(row: &Row) -> Result<Holder, StoreError> {
    let fields = row.part("issue_grant", 2);
    Ok(Holder {
        request_id: fields.word(0, RequestId::parse)?,
        institution_name: fields.text(1)?.to_owned(),
        terminal: fields.word(2, TerminalName::parse)?,
        mail: fields.word(3, MailAddress::parse)?,
        second_mail: fields.opt_word(4, MailAddress::parse)?,
        contact: fields.opt_text(5)?.map(str::to_owned),
    })
}
