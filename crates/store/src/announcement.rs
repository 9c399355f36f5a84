//! お知らせ: what operators tell everybody on the entrance page.

use tegata_domain::announcement::{Announcement, AnnouncementKind, Days, Notice};
use tegata_domain::id::AnnouncementId;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::error::StoreError;
use crate::row::Fields;
use crate::sql::Connection;
use crate::store::Tx;

const TABLE: &str = "announcement";

impl Connection {
    /// The announcement with this id, withdrawn ones included.
    pub async fn announcement(
        &mut self,
        id: &AnnouncementId,
    ) -> Result<Option<Announcement>, StoreError> {
        let row = self
            .fetch_optional(
                "select id, kind, title, body, shown_from, shown_until, affects_from,
                    affects_until, version, created_at, withdrawn_at
                from announcement where id = $1",
                &[id.as_str().into()],
            )
            .await?;
        row.map(|row| announcement(row.of(TABLE))).transpose()
    }

    /// What stands on the entrance page on this day, the newest first.
    pub async fn announcements_shown(
        &mut self,
        day: CalendarDate,
        limit: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, kind, title, body, shown_from, shown_until, affects_from,
                    affects_until, version, created_at, withdrawn_at
                from announcement
                where withdrawn_at is null and shown_until >= $1 and shown_from <= $1
                order by shown_from desc, id desc limit $2",
                &[day.to_string().into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(|row| announcement(row.of(TABLE))).collect()
    }

    /// What makes the service unusual on this day, the newest first.
    pub async fn announcements_affecting(
        &mut self,
        day: CalendarDate,
        limit: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, kind, title, body, shown_from, shown_until, affects_from,
                    affects_until, version, created_at, withdrawn_at
                from announcement
                where withdrawn_at is null and affects_until >= $1 and affects_from <= $1
                order by affects_from desc, id desc limit $2",
                &[day.to_string().into(), i64::from(limit).into()],
            )
            .await?;
        rows.iter().map(|row| announcement(row.of(TABLE))).collect()
    }

    /// All announcements, the newest first, from the one after `before`.
    pub async fn list_announcements(
        &mut self,
        before: Option<&AnnouncementId>,
        limit: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let rows = self
            .fetch_all(
                "select id, kind, title, body, shown_from, shown_until, affects_from,
                    affects_until, version, created_at, withdrawn_at
                from announcement where id < $1 order by id desc limit $2",
                &[
                    before.map_or("g", AnnouncementId::as_str).into(),
                    i64::from(limit).into(),
                ],
            )
            .await?;
        rows.iter().map(|row| announcement(row.of(TABLE))).collect()
    }
}

impl Tx {
    /// Adds an announcement.
    pub async fn insert_announcement(&mut self, new: &Announcement) -> Result<(), StoreError> {
        let [kind, title, body, from, until, affects_from, affects_until] = columns(&new.notice);
        self.execute(
            "insert into announcement (id, kind, title, body, shown_from, shown_until,
                affects_from, affects_until, version, created_at, withdrawn_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                new.id.as_str().into(),
                kind.into(),
                title.into(),
                body.into(),
                from.into(),
                until.into(),
                affects_from.into(),
                affects_until.into(),
                new.version.into(),
                new.created_at.into(),
                new.withdrawn_at.into(),
            ],
        )
        .await?;
        Ok(())
    }

    /// Writes what an announcement says now and makes its version one greater; `false` where it is withdrawn, or was
    /// changed since `version`.
    pub async fn change_announcement(
        &mut self,
        id: &AnnouncementId,
        version: i64,
        notice: &Notice,
    ) -> Result<bool, StoreError> {
        let [kind, title, body, from, until, affects_from, affects_until] = columns(notice);
        self.changes(
            "update announcement set kind = $3, title = $4, body = $5, shown_from = $6,
                shown_until = $7, affects_from = $8, affects_until = $9, version = version + 1
            where id = $1 and version = $2 and withdrawn_at is null",
            &[
                id.as_str().into(),
                version.into(),
                kind.into(),
                title.into(),
                body.into(),
                from.into(),
                until.into(),
                affects_from.into(),
                affects_until.into(),
            ],
        )
        .await
    }

    /// Takes an announcement down; `false` where it is withdrawn already, or was changed since `version`.
    pub async fn withdraw_announcement(
        &mut self,
        id: &AnnouncementId,
        version: i64,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.changes(
            "update announcement set withdrawn_at = $3, version = version + 1
            where id = $1 and version = $2 and withdrawn_at is null",
            &[id.as_str().into(), version.into(), at.into()],
        )
        .await
    }
}

/// `kind, title, body, shown_from, shown_until, affects_from, affects_until`.
fn columns(notice: &Notice) -> [Option<String>; 7] {
    let affects = |of: fn(&Days) -> CalendarDate| notice.affects.as_ref().map(of);
    [
        Some(notice.kind.as_str().to_owned()),
        Some(notice.title.clone()),
        Some(notice.body.clone()),
        Some(notice.shown.from.to_string()),
        Some(notice.shown.until.to_string()),
        affects(|days| days.from).map(|day| day.to_string()),
        affects(|days| days.until).map(|day| day.to_string()),
    ]
}

fn announcement(fields: Fields<'_>) -> Result<Announcement, StoreError> {
    let day = |index| {
        let text = fields.opt_text(index)?;
        text.map(|text| CalendarDate::parse(text).map_err(|_| fields.corrupt(index)))
            .transpose()
    };
    let needed = |index| day(index)?.ok_or_else(|| fields.corrupt(index));
    let affects = match (day(6)?, day(7)?) {
        (Some(from), Some(until)) => Some(Days { from, until }),
        (None, None) => None,
        _ => return Err(fields.corrupt(7)),
    };
    Ok(Announcement {
        id: fields.id(0, AnnouncementId::parse)?,
        notice: Notice {
            kind: fields.word(1, AnnouncementKind::parse)?,
            title: fields.text(2)?.to_owned(),
            body: fields.text(3)?.to_owned(),
            shown: Days {
                from: needed(4)?,
                until: needed(5)?,
            },
            affects,
        },
        version: fields.int(8)?,
        created_at: fields.time(9)?,
        withdrawn_at: fields.opt_time(10)?,
    })
}
