//! How many notices were queued and sent, how many certificates come to their end: counted by index, and never further
//! than the days that were asked about (F6).

use tegata_domain::id::OutboxId;
use tegata_domain::outbox::MailKind;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::error::StoreError;
use crate::row::Row;
use crate::sql::Connection;

/// A daily run that was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeRun {
    /// Its day.
    pub day: CalendarDate,
    /// When it was finished.
    pub finished_at: Timestamp,
    /// The mails that it queued.
    pub mails: i64,
}

/// What came of the notices of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeTally {
    /// Which text.
    pub kind: MailKind,
    /// Those that were handed over.
    pub sent: i64,
    /// Those that wait.
    pub waiting: i64,
    /// Those that were given up, because they did not hold any more.
    pub dropped: i64,
}

impl Connection {
    /// The runs that were finished, the newest first.
    pub async fn notice_runs(&mut self, limit: u32) -> Result<Vec<NoticeRun>, StoreError> {
        let rows = self
            .fetch_all(
                "select day, finished_at, mails from notice_run order by day desc limit $1",
                &[i64::from(limit).into()],
            )
            .await?;
        let read = |row: &Row| {
            let fields = row.of("notice_run");
            Ok(NoticeRun {
                day: fields.id(0, CalendarDate::parse)?,
                finished_at: fields.time(1)?,
                mails: fields.int(2)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The notices that became due from `first` up to `last`, by kind. Ids begin with their instant, so this reads the
    /// mails of that time and no others.
    pub async fn tally_notices(
        &mut self,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<Vec<NoticeTally>, StoreError> {
        let rows = self
            .fetch_apart(
                "select kind,
                    cast(count(sent_at) as bigint),
                    cast(count(*) - count(coalesce(sent_at, dropped_at)) as bigint),
                    cast(count(case when sent_at is null then dropped_at end) as bigint)
                from outbox where id >= $1 and id < $2 and urgency = 2
                group by kind order by kind",
                &[
                    OutboxId::first_of(first).as_str().into(),
                    OutboxId::first_of(last.plus_seconds(1)).as_str().into(),
                ],
            )
            .await?;
        let read = |row: &Row| {
            let fields = row.of("outbox");
            Ok(NoticeTally {
                kind: fields.word(0, MailKind::parse)?,
                sent: fields.int(1)?,
                waiting: fields.int(2)?,
                dropped: fields.int(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// How many mails wait, and how many notices among them.
    pub async fn count_waiting_mails(&mut self) -> Result<(i64, i64), StoreError> {
        let rows = self
            .fetch_apart(
                "select cast(count(*) as bigint),
                    cast(count(case when urgency = 2 then urgency end) as bigint)
                from outbox where sent_at is null and dropped_at is null",
                &[],
            )
            .await?;
        rows.first().map_or(Ok((0, 0)), |row| {
            let fields = row.of("outbox");
            Ok((fields.int(0)?, fields.int(1)?))
        })
    }

    /// When the oldest notice became due that was not handed over, and why its last try failed. Mails of other kinds
    /// go first, so few of them stand before it.
    pub async fn oldest_waiting_notice(
        &mut self,
    ) -> Result<Option<(Timestamp, Option<String>)>, StoreError> {
        let row = self
            .fetch_optional(
                "select at, last_error from outbox
                where sent_at is null and dropped_at is null and urgency = 2
                order by at, id limit 1",
                &[],
            )
            .await?;
        row.map(|row| {
            let fields = row.of("outbox");
            Ok((fields.time(0)?, fields.opt_text(1)?.map(str::to_owned)))
        })
        .transpose()
    }

    /// How many certificates in force end from `first` up to `last`; where another one stands in place of one, that one
    /// alone counts.
    pub async fn count_ending(
        &mut self,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<i64, StoreError> {
        let rows = self
            .fetch_apart(
                "select cast(count(*) as bigint) from certificate
                where state = 'issued' and kind = 'subscriber' and set_aside_at is null
                    and not_after >= $1 and not_after <= $2",
                &[first.into(), last.into()],
            )
            .await?;
        rows.first()
            .map_or(Ok(0), |row| row.of("certificate").int(0))
    }

    /// How many of them were renewed, and the renewal was not given up.
    pub async fn count_ending_renewed(
        &mut self,
        first: Timestamp,
        last: Timestamp,
    ) -> Result<i64, StoreError> {
        let rows = self
            .fetch_apart(
                "select cast(count(*) as bigint) from certificate c
                where c.state = 'issued' and c.kind = 'subscriber' and c.set_aside_at is null
                    and c.not_after >= $1 and c.not_after <= $2
                    and exists (
                        select 1 from certificate o
                        join issue_grant n on n.predecessor = o.serial and n.state <> 'voided'
                        where o.grant_id = c.grant_id)",
                &[first.into(), last.into()],
            )
            .await?;
        rows.first()
            .map_or(Ok(0), |row| row.of("certificate").int(0))
    }
}
