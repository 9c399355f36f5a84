//! 端末へのお知らせ: what a terminal is told about the certificate that it presents, and when it asks again (R-030,
//! P-32, PERF17).
//!
//! One read by the fingerprint's index, whatever the number of certificates. Nothing is queued and nothing is kept but
//! what every presentation leaves: that the certificate was seen in use, once (K3).

use tegata_domain::audit::Actor;
use tegata_domain::grant::renewal_opens;
use tegata_domain::id::Fingerprint;
use tegata_domain::relying::RelyingStatus;
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::spread::{RequestPlan, RequestTime};
use tegata_domain::terminal_notice::{TerminalMessage, TerminalStanding};
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_pki::digest::sha256;
use tegata_store::RelyingRow;

use crate::base::App;
use crate::error::Result;
use crate::messages::{before_renewal, worded};
use crate::relying::RelyingWords;
use crate::source::Source;

/// What a terminal is told about its certificate, on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalNotice {
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// The day in Japan that it is for.
    pub day: CalendarDate,
    /// Whether the certificate can be used.
    pub status: RelyingStatus,
    /// Its last second.
    pub not_after: Timestamp,
    /// Days of Japan to its last day; negative after it.
    pub days_left: i64,
    /// The threshold whose day this is.
    pub level: Option<i64>,
    /// Where it stands on its way to a newer one, while there is such a way.
    pub renewal: Option<RenewalStanding>,
    /// The first instant at which it can be renewed.
    pub renewal_opens: Timestamp,
    /// What windows show, and its words.
    pub message: Option<(TerminalMessage, RelyingWords)>,
    /// Whether the message is shown unasked.
    pub notifies: bool,
    /// When the terminal asks again.
    pub next: Option<RequestTime>,
    /// What that follows from.
    pub plan: RequestPlan,
}

impl App {
    /// The notice for the terminal that presented this certificate (DER) and proved its possession; `None` where the
    /// certificate is none of ours.
    pub async fn terminal_notice(
        &self,
        presented: &[u8],
        source: Source,
        now: Timestamp,
    ) -> Result<Option<TerminalNotice>> {
        let fingerprint = Fingerprint(sha256(presented));
        let mut reader = self.store().reader().await?;
        let row = reader.relying_row(&fingerprint).await?;
        drop(reader);
        let Some(row) = row else { return Ok(None) };
        let Some(notice) = self.terminal_notice_of(&row, now) else {
            return Ok(None);
        };
        if notice.status == RelyingStatus::Good && !row.is_settled {
            let (record, grant) = self.presented(fingerprint).await?;
            let actor = Actor::Subscriber(source.to_string());
            self.see_in_use(&grant, &record, actor, now).await?;
        }
        Ok(Some(notice))
    }

    fn terminal_notice_of(&self, row: &RelyingRow, now: Timestamp) -> Option<TerminalNotice> {
        let policy = self.policy();
        let told = TerminalStanding::of(
            &row.state,
            (row.not_before, row.not_after),
            row.successor.as_ref(),
            (&policy.notices, &policy.periods),
            now,
        )?;
        let standing = told.standing;
        let message = told.message.map(|message| {
            let worded = match message {
                TerminalMessage::About(about) => {
                    let by_operator = row.is_held_by_operator;
                    worded(about, &standing, row.not_after, by_operator, policy)
                }
                TerminalMessage::BeforeRenewal { opens } => before_renewal(opens),
            };
            (message, self.words_of(worded))
        });
        let plan = RequestPlan::of(policy);
        let next = plan.next(&row.fingerprint, row.not_after, told.asking, now);
        Some(TerminalNotice {
            fingerprint: row.fingerprint,
            day: now.japan_date(),
            status: standing.status,
            not_after: row.not_after,
            days_left: standing.days_left,
            level: told.level,
            renewal: standing.renewal,
            renewal_opens: renewal_opens(row.not_after, &policy.periods),
            message,
            notifies: told.notifies,
            next,
            plan,
        })
    }
}
