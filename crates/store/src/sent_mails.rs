//! Mails that are over: their rows go after a while, what is left is how many there were of each kind on each day.

use std::collections::BTreeMap;

use tegata_domain::id::OutboxId;
use tegata_domain::outbox::MailKind;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::error::StoreError;
use crate::notice_figures::NoticeTally;
use crate::row::Row;
use crate::sql::Connection;
use crate::store::Tx;

impl Connection {
    /// The notices that became due on a day, as far as their rows are gone, by kind.
    pub async fn forgotten_notices(
        &mut self,
        day: CalendarDate,
    ) -> Result<Vec<NoticeTally>, StoreError> {
        let rows = self
            .fetch_all(
                "select kind, sent, dropped from sent_mail where day = $1 order by kind",
                &[day.to_string().into()],
            )
            .await?;
        let read = |row: &Row| {
            let fields = row.of("sent_mail");
            Ok(NoticeTally {
                kind: fields.word(0, MailKind::parse)?,
                sent: fields.int(1)?,
                waiting: 0,
                dropped: fields.int(2)?,
            })
        };
        let tallies: Result<Vec<_>, StoreError> = rows.iter().map(read).collect();
        let mut tallies = tallies?;
        tallies.retain(|tally| tally.kind.is_bulk());
        Ok(tallies)
    }
}

impl Tx {
    /// Deletes up to `limit` mails that became due before `due_before` and were handed over or given up before
    /// `over_before`, and adds them to the numbers of their days. What waits stays, and what an address's mark or a
    /// 確認番号 refers to. Answers how many went.
    pub async fn forget_mails(
        &mut self,
        due_before: Timestamp,
        over_before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let rows = self
            .fetch_all(
                "select o.id, o.kind, o.at, o.sent_at from outbox o
                where o.id < $1 and (o.sent_at < $2 or (o.sent_at is null and o.dropped_at < $2))
                    and not exists (select 1 from bounced_address b where b.mail_id = o.id)
                    and not exists (select 1 from mail_code m where m.mail_id = o.id)
                order by o.id limit $3",
                &[
                    OutboxId::first_of(due_before).as_str().into(),
                    over_before.into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        let mut counts: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
        let mut gone = 0;
        for row in &rows {
            let id = row.of("outbox").text(0)?;
            let deleted = self
                .changes("delete from outbox where id = $1", &[id.into()])
                .await?;
            // Another process may have been faster: it counted it.
            if deleted {
                let fields = row.of("outbox");
                let day = fields.time(2)?.japan_date().to_string();
                let count = counts.entry((day, fields.text(1)?.to_owned())).or_default();
                match fields.opt_time(3)? {
                    Some(_) => count.0 += 1,
                    None => count.1 += 1,
                }
                gone += 1;
            }
        }
        for ((day, kind), (sent, dropped)) in counts {
            self.execute(
                "insert into sent_mail (day, kind, sent, dropped) values ($1, $2, $3, $4)
                on conflict (day, kind) do update
                set sent = sent_mail.sent + excluded.sent,
                    dropped = sent_mail.dropped + excluded.dropped",
                &[day.into(), kind.into(), sent.into(), dropped.into()],
            )
            .await?;
        }
        Ok(gone)
    }
}
