//! `GET /api/client/v1/notices`: how the presented certificate stands today, what the terminal says, and when it asks
//! again (R-030, P-32, F6).

use serde::{Deserialize, Serialize};
use tegata_domain::id::Fingerprint;
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::code::MessageCode;
use crate::schedule::Schedule;
use crate::text;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    /// The version of this JSON: [`VERSION`](crate::VERSION).
    pub version: u32,
    /// SHA-256 of the certificate.
    #[serde(with = "text::fingerprint")]
    pub certificate: Fingerprint,
    /// The day in Japan that the answer is for.
    #[serde(with = "text::day")]
    pub day: CalendarDate,
    /// Whether the certificate can be used.
    pub status: Status,
    /// Since when not, where that was somebody's act.
    #[serde(default, with = "text::maybe_instant")]
    pub since: Option<Timestamp>,
    /// Its last second.
    #[serde(with = "text::instant")]
    pub not_after: Timestamp,
    /// Days of Japan to its last day; negative after it.
    pub days_left: i64,
    /// The notice whose day this is: 90, 60, 30, 15, 7 … 0, and -1 on every day after the end. Null on other days, of
    /// what was stopped, and where a newer certificate is in use.
    #[serde(default)]
    pub level: Option<i64>,
    /// Where it stands on its way to a newer one; null where there is no such way any more.
    #[serde(default)]
    pub renewal: Option<Renewal>,
    /// The first instant at which it can be renewed.
    #[serde(with = "text::instant")]
    pub renewal_opens: Timestamp,
    /// What windows show; null where there is nothing to say.
    #[serde(default)]
    pub message: Option<Message>,
    /// The second at which this terminal asks again; null: never about this certificate.
    #[serde(default, with = "text::maybe_instant")]
    pub next_request_at: Option<Timestamp>,
    /// The last second for that: a terminal that was off asks as soon as it is on. Null with `next_request_at`.
    #[serde(default, with = "text::maybe_instant")]
    pub next_request_until: Option<Timestamp>,
    /// What `next_request_at` follows from, for a terminal that cannot reach the server then.
    pub schedule: Schedule,
}

/// Whether a certificate can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its last second is over.
    Expired,
    /// In force.
    Good,
    /// 一時停止.
    OnHold,
    /// 失効.
    Revoked,
    /// Replaced by a newer certificate of the same grant.
    Superseded,
    /// A word of a later version; nothing may be concluded from it.
    #[serde(other)]
    Other,
}

/// Where a certificate stands on its way to a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Renewal {
    /// Renewed; the newer one was not collected.
    Accepted,
    /// Renewed and collected; the newer one was not seen in use.
    Collected,
    /// It cannot be renewed yet.
    Early,
    /// Renewed, and the newer one is in use.
    InUse,
    /// It can be renewed.
    Open,
    /// A word of a later version.
    #[serde(other)]
    Other,
}

/// What a terminal shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number.
    pub code: MessageCode,
    /// Whether it is shown unasked, once on this day; else windows show it when they are open.
    pub notify: bool,
    /// Title of the notification: Japanese, one line, for the 63 characters that Windows has for it.
    pub title: String,
    /// Its text: Japanese, for the 255 characters that Windows has for it.
    pub text: String,
    /// Where a browser goes on.
    pub link: String,
    /// What the link says.
    pub link_text: String,
}
