//! The nightly feed (decision F7): what relying systems show about every certificate for which there is anything to
//! show, in one signed file for those that cannot ask at each login.
//!
//! JSON Lines: a head, one line for each certificate in the order of their ends, a foot with their number. It is made
//! once for each day in Japan, when it is first asked for, and kept; what is stopped afterwards stands in the next
//! one, and at once in OCSP and in the answers about single certificates.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tegata_domain::id::SerialNumber;
use tegata_domain::notice::NoticeChannel;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_pki::cms::sign_detached;
use tegata_pki::digest::sha256;
use tegata_store::{FeedRow, RelyingRow};

use crate::base::App;
use crate::error::{Error, Result, internal};
use crate::relying::RelyingNotice;

/// Certificates read at once.
const PAGE: u32 = 2_000;

/// The feed of a day. Clones share the octets.
#[derive(Clone)]
pub struct RelyingFeed {
    /// The day in Japan.
    pub day: CalendarDate,
    /// When it was made.
    pub made_at: Timestamp,
    /// SHA-256 of the body, hexadecimal.
    pub sha256: String,
    /// What it says: JSON Lines.
    pub body: Arc<[u8]>,
    /// The detached signature: CMS SignedData, DER (RFC 5652).
    pub signature: Arc<[u8]>,
}

/// The feed that was read or made last, and the turn to make one.
#[derive(Default)]
pub(crate) struct Feeds {
    kept: Mutex<Option<RelyingFeed>>,
    turn: tokio::sync::Mutex<()>,
}

impl Feeds {
    fn get(&self, day: CalendarDate) -> Option<RelyingFeed> {
        self.lock().clone().filter(|feed| feed.day == day)
    }

    fn keep(&self, feed: &RelyingFeed) {
        *self.lock() = Some(feed.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Option<RelyingFeed>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Serialize)]
struct Head {
    feed: &'static str,
    version: u32,
    day: String,
    made_at: String,
}

#[derive(Serialize)]
struct Line<'a> {
    certificate: String,
    status: &'static str,
    since: Option<String>,
    not_after: String,
    days_left: i64,
    renewal: Option<&'static str>,
    levels: Levels,
    message: Option<Message<'a>>,
}

/// The threshold of the day in each channel.
#[derive(Serialize)]
struct Levels {
    claims_message: Option<i64>,
    eligibility_message: Option<i64>,
}

#[derive(Serialize)]
struct Message<'a> {
    heading: &'a str,
    text: &'a str,
    link: &'a str,
    link_text: &'a str,
}

#[derive(Serialize)]
struct Foot {
    certificates: u64,
}

impl App {
    /// The feed of the day in Japan: the kept one, or a new one where there is none yet.
    pub async fn relying_feed(&self, now: Timestamp) -> Result<RelyingFeed> {
        let day = now.japan_date();
        if let Some(feed) = self.feeds().get(day) {
            return Ok(feed);
        }
        let _turn = self.feeds().turn.lock().await;
        if let Some(feed) = self.feeds().get(day) {
            return Ok(feed);
        }
        let stored = self.store().reader().await?.relying_feed(day).await?;
        let row = match stored {
            Some(row) => row,
            None => self.make_feed(day, now).await?,
        };
        let feed = RelyingFeed {
            day: row.day,
            made_at: row.made_at,
            sha256: row.sha256,
            body: row.body.into(),
            signature: row.signature.into(),
        };
        self.feeds().keep(&feed);
        Ok(feed)
    }

    async fn make_feed(&self, day: CalendarDate, now: Timestamp) -> Result<FeedRow> {
        self.may_sign()?;
        let (signer, chain) = self.feed_signer(now).await?;
        let body = self.write_feed(day, now).await?;
        let signing = tokio::task::spawn_blocking(move || {
            let signature = sign_detached(&body, &signer, &chain, now.unix());
            signature.map(|signature| (body, signature))
        });
        let (body, signature) = signing
            .await
            .map_err(|error| internal("sign the feed", error))?
            .map_err(|error| internal("sign the feed", error))?;
        let row = FeedRow {
            day,
            made_at: now,
            sha256: hex::encode(sha256(&body)),
            body,
            signature,
        };
        let kept = row.clone();
        let is_first = self
            .store()
            .write(move |tx| {
                Box::pin(async move { Ok::<_, Error>(tx.insert_relying_feed(&kept).await?) })
            })
            .await?;
        if is_first {
            return Ok(row);
        }
        // Another process was faster: everybody gets its feed.
        let stored = self.store().reader().await?.relying_feed(day).await?;
        stored.ok_or(Error::Conflict)
    }

    async fn write_feed(&self, day: CalendarDate, now: Timestamp) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        let head = Head {
            feed: "tegata-relying",
            version: 1,
            day: day.to_string(),
            made_at: now.to_string(),
        };
        push(&mut body, &head)?;
        let mut certificates = 0;
        let (from, until) = self.feed_span(day);
        let mut reader = self.store().reader().await?;
        let mut after = None;
        loop {
            let page = reader
                .relying_rows_ending((from, until), after.as_ref(), PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(place(last));
            certificates += self.push_rows(&mut body, &page, now)?;
        }
        after = None;
        loop {
            let page = reader
                .relying_rows_stopped(day.start(), after.as_ref(), PAGE)
                .await?;
            let Some(last) = page.last() else { break };
            after = Some(place(last));
            certificates += self.push_rows(&mut body, &page, now)?;
        }
        push(&mut body, &Foot { certificates })?;
        Ok(body)
    }

    /// The ends between which a certificate in force stands in the feed: from those that can still be retrieved to the
    /// first day of any message.
    fn feed_span(&self, day: CalendarDate) -> (Timestamp, Timestamp) {
        let policy = self.policy();
        let days = &policy.notices;
        let farthest = [
            NoticeChannel::ClaimsMessage,
            NoticeChannel::EligibilityMessage,
        ]
        .into_iter()
        .filter_map(|channel| channel.thresholds(days).first().copied())
        .max();
        let last = day.plus_days(farthest.unwrap_or_default());
        let first = day.plus_days(-policy.periods.retrieval_days);
        (first.start(), last.end())
    }

    fn push_rows(&self, body: &mut Vec<u8>, rows: &[RelyingRow], now: Timestamp) -> Result<u64> {
        let mut pushed = 0;
        for row in rows {
            let claims = self.notice_of(row, NoticeChannel::ClaimsMessage, now);
            let eligibility = self.notice_of(row, NoticeChannel::EligibilityMessage, now);
            if let (Some(claims), Some(eligibility)) = (claims, eligibility) {
                push(body, &line(&claims, &eligibility))?;
                pushed += 1;
            }
        }
        Ok(pushed)
    }
}

fn place(row: &RelyingRow) -> (Timestamp, SerialNumber) {
    (row.not_after, row.serial)
}

/// Both channels' notices in one line; their words are the same wherever both have some.
fn line<'a>(claims: &'a RelyingNotice, eligibility: &'a RelyingNotice) -> Line<'a> {
    let words = claims.message.as_ref().or(eligibility.message.as_ref());
    Line {
        certificate: claims.fingerprint.to_string(),
        status: claims.status.as_str(),
        since: claims.status.since().map(|at| at.to_string()),
        not_after: claims.not_after.to_string(),
        days_left: claims.days_left,
        renewal: claims.renewal.map(|standing| standing.as_str()),
        levels: Levels {
            claims_message: claims.level,
            eligibility_message: eligibility.level,
        },
        message: words.map(|words| Message {
            heading: &words.heading,
            text: &words.text,
            link: &words.link,
            link_text: words.link_text,
        }),
    }
}

fn push(body: &mut Vec<u8>, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *body, line).map_err(|error| internal("write the feed", error))?;
    body.push(b'\n');
    Ok(())
}
