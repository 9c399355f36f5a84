//! Which notices a day brings, and which text each holder gets (F6, P-14, R-030 to R-034). The daily run queues them,
//! the dry run shows them, and a notice that waits or is sent again is judged here too: one decision for all.

use tegata_domain::grant::GrantState;
use tegata_domain::notice::{NoticeChannel, due_at, ends_between, newest_notice};
use tegata_domain::outbox::{MailKind, OutboxMail};
use tegata_domain::reminder::approved_between;
use tegata_domain::renewal::{KeyPlace, RenewalStanding};
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_store::{EndingCertificate, Holder, NoticeCursor, StoreError, WaitingGrant};

use crate::base::App;
use crate::error::Result;

/// What makes a notice due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A certificate comes to its end: the threshold in days left.
    End(i64),
    /// A certificate was not collected: days since its approval.
    NotCollected(i64),
}

impl Occasion {
    /// Its short word in addresses: `e60`, `w30`.
    pub fn word(self) -> String {
        match self {
            Self::End(threshold) => format!("e{threshold}"),
            Self::NotCollected(after) => format!("w{after}"),
        }
    }

    /// Reads the word back.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse().ok();
        match text.strip_prefix('e') {
            Some(digits) => number(digits).map(Self::End),
            None => number(text.strip_prefix('w')?).map(Self::NotCollected),
        }
    }
}

/// The rows that one occasion is about on a day: those between two instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) occasion: Occasion,
    pub(crate) first: Timestamp,
    last: Timestamp,
}

/// A notice that is due.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    End {
        kind: MailKind,
        threshold: i64,
        certificate: EndingCertificate,
    },
    NotCollected {
        after: i64,
        grant: WaitingGrant,
    },
}

/// Some of the notices of a span.
pub(crate) struct DuePage {
    pub(crate) notices: Vec<Due>,
    /// From where the next page goes on; `None` after the last.
    pub(crate) next: Option<NoticeCursor>,
}

impl Span {
    /// The place before its first row.
    pub(crate) const fn begin(&self) -> NoticeCursor {
        NoticeCursor {
            at: self.first,
            id: String::new(),
        }
    }
}

impl Due {
    pub(crate) const fn occasion(&self) -> Occasion {
        match self {
            Self::End { threshold, .. } => Occasion::End(*threshold),
            Self::NotCollected { after, .. } => Occasion::NotCollected(*after),
        }
    }

    pub(crate) const fn kind(&self) -> MailKind {
        match self {
            Self::End { kind, .. } => *kind,
            Self::NotCollected { .. } => MailKind::NotCollected,
        }
    }

    pub(crate) const fn holder(&self) -> &Holder {
        match self {
            Self::End { certificate, .. } => &certificate.holder,
            Self::NotCollected { grant, .. } => &grant.holder,
        }
    }

    /// The instant to which its text counts the days.
    pub(crate) const fn end(&self) -> Timestamp {
        match self {
            Self::End { certificate, .. } => certificate.not_after,
            Self::NotCollected { grant, .. } => grant.window_end,
        }
    }

    /// The key that makes its mail unique (F6).
    pub(crate) fn key(&self) -> String {
        match self {
            Self::End {
                threshold,
                certificate,
                ..
            } => {
                // With the end before it, the keys of one day are neighbours in their index.
                let (end, serial) = (certificate.not_after.unix(), certificate.serial);
                format!("notice:mail:{threshold}:{end}:{serial}")
            }
            Self::NotCollected { after, grant } => format!("reminder:{after}:{}", grant.id),
        }
    }

    fn values(&self) -> Vec<(&'static str, String)> {
        let mut values = values_of(self.holder());
        match self {
            Self::End {
                kind,
                threshold,
                certificate,
            } => {
                values.push(("serial", certificate.serial.to_string()));
                values.push(("threshold", threshold.to_string()));
                values.push(("not_after", certificate.not_after.to_string()));
                values.extend(values_of_successor(*kind, certificate));
            }
            Self::NotCollected { grant, .. } => {
                values.push(("posted_at", grant.posted_at.to_string()));
                values.push(("window_end", grant.window_end.to_string()));
            }
        }
        values
    }
}

impl App {
    /// What becomes due on `day`, on its own day or late, where the last run was that of `since`.
    pub(crate) fn spans(&self, since: Option<CalendarDate>, day: CalendarDate) -> Vec<Span> {
        let days = &self.policy().notices;
        let channel = NoticeChannel::Mail;
        let ends = channel.thresholds(days).into_iter().map(|threshold| {
            let span = ends_between(channel, threshold, since, day, days);
            (Occasion::End(threshold), span)
        });
        let waits = days.not_collected.iter().map(|after| {
            let span = approved_between(*after, since, day, &days.not_collected);
            (Occasion::NotCollected(*after), span)
        });
        ends.chain(waits)
            .filter_map(|(occasion, span)| {
                let (first, last) = span?;
                Some(Span {
                    occasion,
                    first,
                    last,
                })
            })
            .collect()
    }

    /// Up to `limit` rows of a span after `after`, and which of them get a notice at `now`.
    pub(crate) async fn due_page(
        &self,
        span: &Span,
        after: &NoticeCursor,
        limit: u32,
        now: Timestamp,
    ) -> Result<DuePage> {
        let mut reader = self.store().reader().await?;
        Ok(match span.occasion {
            Occasion::End(threshold) => {
                let page = reader.ending_certificates(after, span.last, limit).await?;
                let notices = readable(page.rows)
                    .filter_map(|certificate| self.due_end(certificate, threshold, now));
                DuePage {
                    notices: notices.collect(),
                    next: page.next,
                }
            }
            Occasion::NotCollected(after_days) => {
                let page = reader.waiting_grants(after, span.last, limit).await?;
                let notices =
                    readable(page.rows).filter_map(|grant| due_reminder(grant, after_days, now));
                DuePage {
                    notices: notices.collect(),
                    next: page.next,
                }
            }
        })
    }

    /// The notice of this threshold about a certificate in force; `None` where there is nothing to say.
    pub(crate) fn due_end(
        &self,
        certificate: EndingCertificate,
        threshold: i64,
        now: Timestamp,
    ) -> Option<Due> {
        Some(Due::End {
            kind: self.text_for(&certificate, now)?,
            threshold,
            certificate,
        })
    }

    /// The mails of a notice, one for each address, unique by `key`.
    pub(crate) fn due_mails(&self, due: &Due, key: &str, now: Timestamp) -> Vec<OutboxMail> {
        let addresses = due.holder().addresses();
        self.mails_to(due.kind(), addresses, key, due.values(), now)
    }

    /// The threshold of the newest notice about an end whose hour has come by `now`.
    pub(crate) fn reached_threshold(&self, not_after: Timestamp, now: Timestamp) -> Option<i64> {
        let days = &self.policy().notices;
        let today = now.japan_date();
        let reached = if now < due_at(today, days) {
            today.plus_days(-1)
        } else {
            today
        };
        let newest = newest_notice(NoticeChannel::Mail, not_after, reached, days);
        newest.map(|newest| newest.threshold)
    }

    /// Which text the holder of a certificate in force gets; `None` where there is nothing to say.
    pub(crate) fn text_for(
        &self,
        certificate: &EndingCertificate,
        now: Timestamp,
    ) -> Option<MailKind> {
        let successor = certificate
            .successor
            .as_ref()
            .map(|grant| &grant.continuation.state);
        let end = certificate.not_after;
        let standing = RenewalStanding::of(end, successor, &self.policy().periods, now);
        match standing {
            RenewalStanding::Replaced => None,
            _ if end < now => Some(MailKind::CertificateExpired),
            RenewalStanding::Accepted | RenewalStanding::Collected => {
                Some(MailKind::SuccessorUnused)
            }
            RenewalStanding::Early { .. } | RenewalStanding::Open => {
                Some(MailKind::CertificateExpiring)
            }
        }
    }
}

/// The reminder to collect; `None` once the window is over.
pub(crate) fn due_reminder(grant: WaitingGrant, after: i64, now: Timestamp) -> Option<Due> {
    (now <= grant.window_end).then_some(Due::NotCollected { after, grant })
}

/// The rows that can be read; one that cannot keeps nobody else's notice back.
fn readable<T>(rows: Vec<std::result::Result<T, StoreError>>) -> impl Iterator<Item = T> {
    rows.into_iter().filter_map(|row| {
        row.inspect_err(|error| tracing::error!(%error, "nobody is told of this one's end"))
            .ok()
    })
}

fn values_of(holder: &Holder) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("institution", holder.institution_name.clone()),
        ("terminal", holder.terminal.as_str().to_owned()),
        ("request_id", holder.request_id.as_str().to_owned()),
    ];
    values.extend(holder.contact.clone().map(|person| ("contact", person)));
    values
}

fn values_of_successor(
    kind: MailKind,
    certificate: &EndingCertificate,
) -> Vec<(&'static str, String)> {
    let mut values = Vec::new();
    match (kind, &certificate.successor) {
        (MailKind::CertificateExpired, Some(successor)) => {
            let continuation = &successor.continuation;
            match (continuation.key, &continuation.state) {
                (KeyPlace::Authority, _) => {
                    values.push(("grace_until", successor.window_end.to_string()));
                }
                (KeyPlace::Holder, GrantState::Collected { .. }) => {
                    values.push(("file", successor.request_id.as_str().to_owned()));
                }
                (KeyPlace::Terminal, GrantState::Collected { .. }) => {
                    values.push(("terminal_key", "yes".to_owned()));
                }
                (KeyPlace::Holder | KeyPlace::Terminal, _) => {}
            }
        }
        (MailKind::SuccessorUnused, Some(successor)) => {
            values.push(("renewed_at", successor.accepted_at.to_string()));
            values.push(("file", successor.request_id.as_str().to_owned()));
            if matches!(successor.continuation.state, GrantState::Collected { .. }) {
                values.push(("collected", successor.accepted_at.to_string()));
            }
            match successor.continuation.key {
                KeyPlace::Authority => values.push(("kept", successor.window_end.to_string())),
                KeyPlace::Holder => {}
                KeyPlace::Terminal => values.push(("terminal_key", "yes".to_owned())),
            }
        }
        _ => {}
    }
    values
}
