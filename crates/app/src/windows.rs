//! Collection windows that come to their end: what operators extend in a batch, after a disaster or a delay of the post
//! (decision D4).

use tegata_domain::reference::RequestId;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_store::NoticeCursor;

use crate::base::App;
use crate::error::Result;

/// Rows read at once.
const PAGE: u32 = 500;

/// A letter's certificate that nobody collected yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenWindow {
    /// リクエストID.
    pub request_id: RequestId,
    /// The institution's name.
    pub institution: String,
    /// 端末名称等.
    pub terminal: String,
    /// When the letter was posted.
    pub posted_at: Timestamp,
    /// The last second in which it can be collected.
    pub window_end: Timestamp,
}

impl App {
    /// Certificates of posted letters that were not collected and whose window ends on `until` or before, ended ones that
    /// can still be extended among them: those approved first come first, at most `limit`.
    pub async fn ending_windows(
        &self,
        until: CalendarDate,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<OpenWindow>> {
        let periods = &self.policy().periods;
        // A window is never shorter than this, so whoever was approved later ends later.
        let last = until.end().plus_days(-periods.collection_days);
        let mut after = NoticeCursor {
            at: now.plus_days(-periods.collection_limit_days),
            id: String::new(),
        };
        let mut found = Vec::new();
        let mut reader = self.store().reader().await?;
        while found.len() < limit {
            let page = reader.waiting_grants(&after, last, PAGE).await?;
            for grant in page.rows {
                let grant = grant?;
                if grant.window_end <= until.end() {
                    found.push(OpenWindow {
                        request_id: grant.holder.request_id,
                        institution: grant.holder.institution_name,
                        terminal: grant.holder.terminal.as_str().to_owned(),
                        posted_at: grant.posted_at,
                        window_end: grant.window_end,
                    });
                }
            }
            let Some(next) = page.next else { break };
            after = next;
        }
        found.truncate(limit);
        Ok(found)
    }
}
