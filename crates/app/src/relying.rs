//! 利用システム: what a relying system shows about the certificate of whoever logs in (decision F7; ).
//!
//! One read by the fingerprint's index, whatever the number of certificates. A message is computed when it is asked
//! for; nothing is queued and nothing is kept. To be asked about is to be seen in use (K3): that alone is written,
//! once for each certificate.

use std::collections::BTreeMap;

use tegata_domain::audit::Actor;
use tegata_domain::id::Fingerprint;
use tegata_domain::notice::NoticeChannel;
use tegata_domain::relying::{RelyingStanding, RelyingStatus};
use tegata_domain::renewal::RenewalStanding;
use tegata_domain::time::{CalendarDate, Timestamp};
use tegata_pki::digest::sha256;
use tegata_store::RelyingRow;

use crate::base::App;
use crate::error::Result;
use crate::messages::{LeadsTo, Worded, worded};

/// What is to be shown about a certificate, on a day and in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingNotice {
    /// SHA-256 of the certificate.
    pub fingerprint: Fingerprint,
    /// Where it is shown.
    pub channel: NoticeChannel,
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
    /// The words, where something is to be shown.
    pub message: Option<RelyingWords>,
}

/// A message in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingWords {
    /// One line.
    pub heading: String,
    /// Some sentences.
    pub text: String,
    /// Where the person goes on.
    pub link: String,
    /// What the link says.
    pub link_text: &'static str,
}

/// The relying systems that may ask: their TLS client certificates, each with a name for the audit trail.
#[derive(Clone, Debug, Default)]
pub struct RelyingSystems(BTreeMap<Fingerprint, String>);

impl RelyingSystems {
    /// Lets the holder of this certificate ask, under this name.
    pub fn insert(&mut self, fingerprint: Fingerprint, name: &str) {
        self.0.insert(fingerprint, name.to_owned());
    }

    /// The system whose certificate this is (DER).
    pub fn name_of(&self, certificate: &[u8]) -> Option<&str> {
        let name = self.0.get(&Fingerprint(sha256(certificate)));
        name.map(String::as_str)
    }
}

impl App {
    /// The notice about a certificate that was presented (DER) and whose possession was proved; `None` where it is
    /// none of ours.
    pub async fn notice_of_presented(
        &self,
        presented: &[u8],
        channel: NoticeChannel,
        asker: Actor,
        now: Timestamp,
    ) -> Result<Option<RelyingNotice>> {
        let fingerprint = Fingerprint(sha256(presented));
        self.relying_notice(fingerprint, channel, asker, now).await
    }

    /// The notice about the certificate with this fingerprint; `None` where it is none of ours.
    pub async fn relying_notice(
        &self,
        fingerprint: Fingerprint,
        channel: NoticeChannel,
        asker: Actor,
        now: Timestamp,
    ) -> Result<Option<RelyingNotice>> {
        let mut reader = self.store().reader().await?;
        let row = reader.relying_row(&fingerprint).await?;
        drop(reader);
        let Some(row) = row else { return Ok(None) };
        let Some(notice) = self.notice_of(&row, channel, now) else {
            return Ok(None);
        };
        if notice.status == RelyingStatus::Good && !row.is_settled {
            let (record, grant) = self.presented(fingerprint).await?;
            self.see_in_use(&grant, &record, asker, now).await?;
        }
        Ok(Some(notice))
    }

    /// What is to be shown about the certificate of this row.
    pub(crate) fn notice_of(
        &self,
        row: &RelyingRow,
        channel: NoticeChannel,
        now: Timestamp,
    ) -> Option<RelyingNotice> {
        let policy = self.policy();
        let standing = RelyingStanding::of(
            channel,
            &row.state,
            (row.not_before, row.not_after),
            row.successor.as_ref(),
            (&policy.notices, &policy.periods),
            now,
        )?;
        let message = standing.message.map(|message| {
            let by_operator = row.is_held_by_operator;
            self.words_of(worded(
                message,
                &standing,
                row.not_after,
                by_operator,
                policy,
            ))
        });
        Some(RelyingNotice {
            fingerprint: row.fingerprint,
            channel,
            day: now.japan_date(),
            status: standing.status,
            not_after: row.not_after,
            days_left: standing.days_left,
            level: standing.level,
            renewal: standing.renewal,
            message,
        })
    }

    /// The words with the address to which they lead.
    pub(crate) fn words_of(&self, worded: Worded) -> RelyingWords {
        RelyingWords {
            heading: worded.heading,
            text: worded.text,
            link: self.address_of(worded.link),
            link_text: worded.link_text,
        }
    }

    fn address_of(&self, place: LeadsTo) -> String {
        let addresses = self.addresses();
        let subscriber = addresses.subscriber.first().unwrap_or(&addresses.public);
        match place {
            LeadsTo::Application => format!("{}/p/rcr", addresses.public),
            LeadsTo::Collection => format!("{}/p/rcd", addresses.public),
            LeadsTo::List => format!("{subscriber}/p/ru/list"),
            LeadsTo::Renewal => format!("{subscriber}/p/ru"),
        }
    }
}
