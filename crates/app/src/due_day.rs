//! この日に送るもの: what the run of a day would queue as things stand (F6). Reading only; it asks what the run asks.
//!
//! Counting a day reads every row that the run would read (600,000 certificates: about 500 for each of 19 occasions),
//! so the counts of a day are kept for a minute in this process; the list is read page by page.

use tegata_domain::institution::MailAddress;
use tegata_domain::notice::due_at;
use tegata_domain::outbox::MailKind;
use tegata_domain::reference::RequestId;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_store::NoticeCursor;

use crate::act_refusal::ActRefusal;
use crate::base::App;
use crate::due::{Due, Occasion, Span};
use crate::error::Result;

/// Days ahead about which one may ask.
const FURTHEST: i64 = 400;
/// Rows read at once for the counts.
const BATCH: u32 = 1_000;

/// What goes out on a day, as things stand.
#[derive(Clone, Debug)]
pub struct DueDay {
    /// The day.
    pub day: CalendarDate,
    /// Whether its run was finished: this went out then, unless something changed since.
    pub is_queued: bool,
    /// The notices by occasion and kind, in the order of the run.
    pub groups: Vec<DueGroup>,
    /// The day of the run before.
    since: Option<CalendarDate>,
}

/// The notices of one occasion and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueGroup {
    /// What makes them due.
    pub occasion: Occasion,
    /// Which text.
    pub kind: MailKind,
    /// How many certificates.
    pub notices: i64,
    /// How many mails: some go to a second address too.
    pub mails: i64,
}

/// One notice of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueEntry {
    /// What makes it due.
    pub occasion: Occasion,
    /// Which text.
    pub kind: MailKind,
    /// リクエストID.
    pub request_id: RequestId,
    /// The institution's name.
    pub institution: String,
    /// 端末名称等.
    pub terminal: String,
    /// Days left on that day to the end of validity, or of the window.
    pub days_left: i64,
    /// The addresses that get it, masked.
    pub mails: Vec<String>,
}

/// Some of the notices of a day.
#[derive(Clone, Debug)]
pub struct DueEntries {
    /// In the order of the run.
    pub entries: Vec<DueEntry>,
    /// From where the next page goes on; `None` after the last.
    pub next: Option<DueCursor>,
}

/// A place in the list of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCursor {
    occasion: Occasion,
    after: NoticeCursor,
}

impl DueDay {
    /// How many mails in all.
    pub fn mails(&self) -> i64 {
        self.groups.iter().map(|group| group.mails).sum()
    }

    /// How many certificates in all.
    pub fn notices(&self) -> i64 {
        self.groups.iter().map(|group| group.notices).sum()
    }
}

impl DueCursor {
    /// Reads the place back from an address.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let occasion = Occasion::parse(parts.next()?)?;
        let at = parts.next()?.parse().map(Timestamp::from_unix).ok()?;
        let id = parts.next()?;
        let is_id = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric());
        is_id.then(|| Self {
            occasion,
            after: NoticeCursor {
                at,
                id: id.to_owned(),
            },
        })
    }
}

impl std::fmt::Display for DueCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let NoticeCursor { at, id } = &self.after;
        write!(f, "{}.{}.{id}", self.occasion.word(), at.unix())
    }
}

impl App {
    /// What goes out on `day`, counted; from today to 400 days ahead.
    pub async fn due_on(&self, day: CalendarDate) -> Result<DueDay> {
        let (since, is_queued) = self.since_of(day).await?;
        let asked = (since, day);
        let now = self.system_now();
        if let Some(groups) = self.counted().due(asked, now) {
            return Ok(DueDay {
                day,
                is_queued,
                groups,
                since,
            });
        }
        let mut groups: Vec<DueGroup> = Vec::new();
        for span in self.spans(since, day) {
            let mut cursor = Some(span.begin());
            while let Some(after) = cursor {
                let page = self
                    .due_page(&span, &after, BATCH, self.hour_of(day))
                    .await?;
                page.notices.iter().for_each(|due| count(&mut groups, due));
                cursor = page.next;
            }
        }
        self.counted().keep_due(asked, now, groups.clone());
        Ok(DueDay {
            day,
            is_queued,
            groups,
            since,
        })
    }

    /// The notices of a day one by one, after `after`. Occasions that had none when it was counted are not asked about.
    pub async fn due_entries(
        &self,
        due: &DueDay,
        after: Option<&DueCursor>,
        limit: u32,
    ) -> Result<DueEntries> {
        let day = due.day;
        let spans = self.spans(due.since, day);
        let first = match after {
            Some(after) => spans
                .iter()
                .position(|span| span.occasion == after.occasion)
                .unwrap_or(spans.len()),
            None => 0,
        };
        let is_empty = |span: &Span| {
            let mut groups = due.groups.iter();
            groups.all(|group| group.occasion != span.occasion)
        };
        let mut entries = Vec::new();
        let mut start = after.map(|after| after.after.clone());
        for span in spans.iter().skip(first) {
            if start.is_none() && is_empty(span) {
                continue;
            }
            let mut cursor = Some(start.take().unwrap_or_else(|| span.begin()));
            while let Some(after) = cursor {
                let found = u32::try_from(entries.len()).unwrap_or(limit);
                if found >= limit {
                    let next = Some(place(span, after));
                    return Ok(DueEntries { entries, next });
                }
                let rest = limit - found;
                let page = self.due_page(span, &after, rest, self.hour_of(day)).await?;
                entries.extend(page.notices.iter().map(|due| entry(due, day)));
                cursor = page.next;
            }
        }
        let next = None;
        Ok(DueEntries { entries, next })
    }

    /// The day of the run before that of `day`, as things stand, and whether that of `day` was finished.
    async fn since_of(&self, day: CalendarDate) -> Result<(Option<CalendarDate>, bool)> {
        let today = self.clock_now().japan_date();
        let latest = today.plus_days(FURTHEST);
        if day < today || day > latest {
            let first = today;
            return Err(ActRefusal::DayBeyond { first, latest }.into());
        }
        let last = self.store().reader().await?.last_notice_run().await?;
        let is_queued = last.is_some_and(|last| last >= day);
        // Until then there is a run each day.
        let since = if day > today || is_queued {
            Some(day.plus_days(-1))
        } else {
            last
        };
        Ok((since, is_queued))
    }

    fn hour_of(&self, day: CalendarDate) -> Timestamp {
        due_at(day, &self.policy().notices)
    }
}

fn count(groups: &mut Vec<DueGroup>, due: &Due) {
    let (occasion, kind) = (due.occasion(), due.kind());
    let mails = 1 + i64::from(kind.goes_to_second() && due.holder().second_mail.is_some());
    let same = |group: &&mut DueGroup| (group.occasion, group.kind) == (occasion, kind);
    match groups.iter_mut().find(same) {
        Some(group) => {
            group.notices += 1;
            group.mails += mails;
        }
        None => groups.push(DueGroup {
            occasion,
            kind,
            notices: 1,
            mails,
        }),
    }
}

fn entry(due: &Due, day: CalendarDate) -> DueEntry {
    let (holder, kind) = (due.holder(), due.kind());
    let second = holder.second_mail.as_ref();
    let second = second.filter(|_| kind.goes_to_second());
    DueEntry {
        occasion: due.occasion(),
        kind,
        request_id: holder.request_id.clone(),
        institution: holder.institution_name.clone(),
        terminal: holder.terminal.as_str().to_owned(),
        days_left: day.days_until(due.end().japan_date()),
        mails: [&holder.mail]
            .into_iter()
            .chain(second)
            .map(MailAddress::masked)
            .collect(),
    }
}

const fn place(span: &Span, after: NoticeCursor) -> DueCursor {
    DueCursor {
        occasion: span.occasion,
        after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is() {
        for text in ["e-1.1800000000.4a", "e60.1800000000.", "w30.-5.0fF"] {
            assert_eq!(DueCursor::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "", "e60", "e60.1", "x60.1.a", "e.1.a", "e60.x.a", "e60.1.a'",
        ] {
            assert_eq!(DueCursor::parse(text), None, "{text}");
        }
    }
}
