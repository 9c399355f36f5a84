//! お知らせ: published, changed and taken down by administrators; read by everybody on the entrance page.

use tegata_domain::announcement::{Announcement, Notice};
use tegata_domain::audit::{Actor, AuditEvent};
use tegata_domain::id::AnnouncementId;
use tegata_domain::operator::{Act, Operator};
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::error::{Error, Refusal, Result};

/// Announcements on the entrance page at once (`screens.md` C.0).
const SHOWN: u32 = 3;

/// What the entrance page tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// お知らせ, the newest first, three at the most.
    pub announcements: Vec<Announcement>,
    /// Why the service is not as usual today; empty on a usual day.
    pub affecting: Vec<Announcement>,
}

impl App {
    /// お知らせ and 今日の状況, on the day in Japan.
    pub async fn news(&self, now: Timestamp) -> Result<News> {
        let day = now.japan_date();
        let mut reader = self.store().reader().await?;
        Ok(News {
            announcements: reader.announcements_shown(day, SHOWN).await?,
            affecting: reader.announcements_affecting(day, SHOWN).await?,
        })
    }

    /// All announcements, the newest first, from the one after `before`.
    pub async fn list_announcements(
        &self,
        before: Option<&AnnouncementId>,
        limit: u32,
    ) -> Result<Vec<Announcement>> {
        let mut reader = self.store().reader().await?;
        Ok(reader.list_announcements(before, limit).await?)
    }

    /// One announcement, withdrawn ones included.
    pub async fn announcement(&self, id: &AnnouncementId) -> Result<Announcement> {
        let found = self.store().reader().await?.announcement(id).await?;
        Ok(found.ok_or(Refusal::NotFound)?)
    }

    /// Publishes a notice: it stands on the entrance page on its days.
    pub async fn publish_announcement(
        &self,
        notice: Notice,
        by: &Operator,
        now: Timestamp,
    ) -> Result<Announcement> {
        self.require(by, Act::Announce, now).await?;
        let new = Announcement {
            id: AnnouncementId::generate(now, self.entropy()),
            notice,
            version: 1,
            created_at: now,
            withdrawn_at: None,
        };
        let event = self.announced("announcement.publish", &new.id, &new.notice, by, now);
        let row = new.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    tx.insert_announcement(&row).await?;
                    tx.insert_audit(&event).await?;
                    Ok::<_, Error>(())
                })
            })
            .await?;
        Ok(new)
    }

    /// Changes what an announcement says. `version` is the one that was looked at; `Conflict` where somebody changed
    /// or withdrew it since.
    pub async fn change_announcement(
        &self,
        id: &AnnouncementId,
        version: i64,
        notice: Notice,
        by: &Operator,
        now: Timestamp,
    ) -> Result<()> {
        self.require(by, Act::Announce, now).await?;
        let event = self.announced("announcement.change", id, &notice, by, now);
        let id = id.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.change_announcement(&id, version, &notice).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }

    /// Takes an announcement down. Its row stays.
    pub async fn withdraw_announcement(
        &self,
        id: &AnnouncementId,
        version: i64,
        by: &Operator,
        now: Timestamp,
    ) -> Result<()> {
        self.require(by, Act::Announce, now).await?;
        let notice = self.announcement(id).await?.notice;
        let event = self.announced("announcement.withdraw", id, &notice, by, now);
        let id = id.clone();
        self.store()
            .write(move |tx| {
                Box::pin(async move {
                    if !tx.withdraw_announcement(&id, version, now).await? {
                        return Err(Error::Conflict);
                    }
                    tx.insert_audit(&event).await?;
                    Ok(())
                })
            })
            .await
    }

    fn announced(
        &self,
        action: &'static str,
        id: &AnnouncementId,
        notice: &Notice,
        by: &Operator,
        now: Timestamp,
    ) -> AuditEvent {
        let days = notice.shown;
        let detail = format!(
            "{} \"{}\" from {} to {}",
            notice.kind.as_str(),
            notice.title,
            days.from,
            days.until
        );
        let object = format!("announcement:{id}");
        self.event(Actor::Operator(by.id.clone()), action, object, detail, now)
    }
}
