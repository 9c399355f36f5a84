//! 利用システム: what a relying system is told about a certificate on a day (decisions F6, F7, P-40).
//!
//! The days are those of [`notice_on`]. A message is for the whole day in Japan, not from an hour on: whoever logs
//! in early in the morning is told too.

use crate::certificate::CertificateState;
use crate::grant::{days_left, retrieval_end};
use crate::notice::{NoticeChannel, notice_on};
use crate::policy::{NoticeDays, Periods};
use crate::renewal::{Continuation, KeyPlace, RenewalStanding};
use crate::time::Timestamp;

/// Whether a certificate can be used, at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelyingStatus {
    /// Its last second is over.
    Expired,
    /// In force.
    Good,
    /// 一時停止.
    OnHold {
        /// Since when.
        at: Timestamp,
    },
    /// 失効.
    Revoked {
        /// Since when.
        at: Timestamp,
    },
    /// Replaced by a newer certificate of the same grant.
    Superseded {
        /// Since when.
        at: Timestamp,
    },
}

impl RelyingStatus {
    /// The status at `now`; none of a certificate that nobody holds yet, or ever.
    pub fn of(
        state: &CertificateState,
        (not_before, not_after): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Option<Self> {
        match state {
            CertificateState::Intended | CertificateState::Void { .. } => None,
            CertificateState::Revoked { at, .. } => Some(Self::Revoked { at: *at }),
            CertificateState::Superseded { at } => Some(Self::Superseded { at: *at }),
            _ if now > not_after => Some(Self::Expired),
            _ if now < not_before => None,
            CertificateState::OnHold { at } => Some(Self::OnHold { at: *at }),
            CertificateState::Issued => Some(Self::Good),
        }
    }

    /// The word that stands in interfaces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Good => "good",
            Self::OnHold { .. } => "on_hold",
            Self::Revoked { .. } => "revoked",
            Self::Superseded { .. } => "superseded",
        }
    }

    /// Since when it cannot be used, where that was somebody's act.
    pub const fn since(self) -> Option<Timestamp> {
        match self {
            Self::OnHold { at } | Self::Revoked { at } | Self::Superseded { at } => Some(at),
            Self::Expired | Self::Good => None,
        }
    }
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelyingMessage {
    /// Renewed, not collected, and the old certificate is over.
    CollectAfterEnd,
    /// Renewed; the newer certificate waits to be collected.
    Collect,
    /// Over, and never renewed.
    Ended,
    /// Renewed and collected; the newer certificate was never seen in use.
    Install,
    /// The same, and the old certificate is over: only whoever has the newer one's file can go on.
    InstallAfterEnd,
    /// It was stopped for the time being.
    OnHold,
    /// The end comes near.
    Renew,
    /// It was revoked.
    Revoked,
    /// A newer certificate is in use.
    UseNewer,
}

impl RelyingMessage {
    /// What can be said of a certificate; nothing of one in force whose newer one is in use.
    fn about(
        status: RelyingStatus,
        renewal: Option<RenewalStanding>,
        can_be_retrieved: bool,
    ) -> Option<Self> {
        match (status, renewal) {
            (RelyingStatus::Good, Some(standing)) => match standing {
                RenewalStanding::Accepted => Some(Self::Collect),
                RenewalStanding::Collected => Some(Self::Install),
                RenewalStanding::Early { .. } | RenewalStanding::Open => Some(Self::Renew),
                RenewalStanding::Replaced => None,
            },
            (RelyingStatus::Good, None) => None,
            (RelyingStatus::Expired, Some(RenewalStanding::Replaced)) => Some(Self::UseNewer),
            (RelyingStatus::Expired, Some(_)) if can_be_retrieved => Some(Self::CollectAfterEnd),
            (RelyingStatus::Expired, Some(RenewalStanding::Collected)) => {
                Some(Self::InstallAfterEnd)
            }
            (RelyingStatus::Expired, Some(_)) => Some(Self::Ended),
            (RelyingStatus::Expired, None) => Some(Self::Ended),
            (RelyingStatus::OnHold { .. }, _) => Some(Self::OnHold),
            (RelyingStatus::Revoked { .. }, _) => Some(Self::Revoked),
            (RelyingStatus::Superseded { .. }, _) => Some(Self::UseNewer),
        }
    }
}

/// What a relying system is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelyingStanding {
    /// Whether the certificate can be used.
    pub status: RelyingStatus,
    /// Days of Japan to its last day; negative after it.
    pub days_left: i64,
    /// The threshold whose day this is; none on the days between, and where F6 says none.
    pub level: Option<i64>,
    /// Where it stands on its way to a newer one; none where there is no such way any more.
    pub renewal: Option<RenewalStanding>,
    /// Where the key of the renewal is that continues it.
    pub key: Option<KeyPlace>,
    /// What can be said of it, whatever the day; none where a newer certificate is in use.
    pub about: Option<RelyingMessage>,
    /// What is to be shown; none where nothing is.
    pub message: Option<RelyingMessage>,
}

impl RelyingStanding {
    /// What is to be shown at `now` in `channel`. `successor` is the renewal that continues the certificate. None of a
    /// certificate that nobody holds.
    pub fn of(
        channel: NoticeChannel,
        state: &CertificateState,
        validity: (Timestamp, Timestamp),
        successor: Option<&Continuation>,
        rules: (&NoticeDays, &Periods),
        now: Timestamp,
    ) -> Option<Self> {
        let status = RelyingStatus::of(state, validity, now)?;
        let (days, periods) = rules;
        let not_after = validity.1;
        let state = successor.map(|successor| &successor.state);
        let standing = RenewalStanding::of(not_after, state, periods, now);
        let key = successor.map(|successor| successor.key);
        let can_be_retrieved =
            key == Some(KeyPlace::Authority) && now <= retrieval_end(not_after, periods);
        let renewal = match status {
            RelyingStatus::Good => Some(standing),
            RelyingStatus::Expired => Some(standing).filter(|standing| {
                !matches!(
                    standing,
                    RenewalStanding::Early { .. } | RenewalStanding::Open
                )
            }),
            RelyingStatus::OnHold { .. }
            | RelyingStatus::Revoked { .. }
            | RelyingStatus::Superseded { .. } => None,
        };
        let due = (status == RelyingStatus::Good && standing != RenewalStanding::Replaced)
            .then(|| notice_on(channel, not_after, now.japan_date(), days))
            .flatten();
        let level = due.map(|due| due.threshold);
        let about = RelyingMessage::about(status, renewal, can_be_retrieved);
        let message = about.filter(|_| status != RelyingStatus::Good || level.is_some());
        Some(Self {
            status,
            days_left: days_left(not_after, now),
            level,
            renewal,
            key,
            about,
            message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::grant::GrantState;
    use crate::id::SerialNumber;
    use crate::policy::{OBN, Policy};

    const CLAIMS: NoticeChannel = NoticeChannel::ClaimsMessage;
    const ELIGIBILITY: NoticeChannel = NoticeChannel::EligibilityMessage;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn validity() -> (Timestamp, Timestamp) {
        (
            at("2023-12-14T17:39:00+09:00"),
            at("2027-03-14T17:38:59+09:00"),
        )
    }

    fn told(
        channel: NoticeChannel,
        state: &CertificateState,
        successor: Option<&GrantState>,
        now: Timestamp,
    ) -> Option<RelyingStanding> {
        let successor = successor.map(|state| Continuation {
            state: state.clone(),
            key: KeyPlace::Authority,
        });
        told_of(channel, state, successor.as_ref(), now)
    }

    fn told_of(
        channel: NoticeChannel,
        state: &CertificateState,
        successor: Option<&Continuation>,
        now: Timestamp,
    ) -> Option<RelyingStanding> {
        let policy: Policy = toml::from_str(OBN).unwrap();
        let rules = (&policy.notices, &policy.periods);
        RelyingStanding::of(channel, state, validity(), successor, rules, now)
    }

    /// Early in the morning of the day with so many days left.
    fn morning(left: i64) -> Timestamp {
        validity().1.japan_date().plus_days(-left).start()
    }

    #[test]
    fn each_channel_tells_on_its_days_from_their_first_second_to_their_last() {
        for left in -1..=91 {
            for instant in [
                morning(left),
                morning(left)
                    .plus_days(1)
                    .plus_seconds(-1)
                    .min(validity().1),
            ] {
                if instant < morning(left) {
                    continue;
                }
                let level = |channel| {
                    let told = told(channel, &CertificateState::Issued, None, instant).unwrap();
                    assert_eq!(told.days_left, left);
                    told.level
                };
                let claims = (0..=90).contains(&left).then_some(left);
                let staged = [90, 60, 30, 15].contains(&left) || (0..=7).contains(&left);
                assert_eq!(level(CLAIMS), claims, "{left}");
                assert_eq!(level(ELIGIBILITY), staged.then_some(left), "{left}");
            }
        }
    }

    #[test]
    fn the_last_second_is_in_force_and_the_next_one_is_not() {
        let status = |now| {
            told(CLAIMS, &CertificateState::Issued, None, now)
                .unwrap()
                .status
        };
        let (first, last) = validity();
        assert_eq!(status(last), RelyingStatus::Good);
        assert_eq!(status(last.plus_seconds(1)), RelyingStatus::Expired);
        assert_eq!(status(first), RelyingStatus::Good);
        let before = first.plus_seconds(-1);
        assert_eq!(told(CLAIMS, &CertificateState::Issued, None, before), None);
    }

    #[test]
    fn f6_a_renewed_certificate_has_a_message_of_its_own_until_the_newer_one_is_in_use() {
        let serial = SerialNumber::generate(&SeededEntropy::new(1));
        let then = morning(80);
        let collected = GrantState::Collected { serial, at: then };
        let seen = GrantState::SeenInUse { serial, at: then };
        for (successor, in_time, late) in [
            (None, Some(RelyingMessage::Renew), RelyingMessage::Ended),
            (
                Some(GrantState::Posted),
                Some(RelyingMessage::Collect),
                RelyingMessage::CollectAfterEnd,
            ),
            (
                Some(collected),
                Some(RelyingMessage::Install),
                RelyingMessage::CollectAfterEnd,
            ),
            (Some(seen), None, RelyingMessage::UseNewer),
        ] {
            let on = |left| {
                let told = told(
                    CLAIMS,
                    &CertificateState::Issued,
                    successor.as_ref(),
                    morning(left),
                );
                told.unwrap()
            };
            assert_eq!(on(30).message, in_time, "{successor:?}");
            assert_eq!(on(30).level.is_some(), in_time.is_some(), "{successor:?}");
            assert_eq!(on(-1).message, Some(late), "{successor:?}");
            assert_eq!(on(-1).level, None, "{successor:?}");
        }
    }

    #[test]
    fn f3_after_the_end_nobody_is_sent_to_a_file_that_is_not_there() {
        let serial = SerialNumber::generate(&SeededEntropy::new(1));
        let at = morning(80);
        let collected = GrantState::Collected { serial, at };
        let fixed = GrantState::KeyFixed { serial };
        for (state, key, left, message) in [
            (
                &collected,
                KeyPlace::Authority,
                -30,
                RelyingMessage::CollectAfterEnd,
            ),
            (
                &collected,
                KeyPlace::Authority,
                -31,
                RelyingMessage::InstallAfterEnd,
            ),
            (
                &collected,
                KeyPlace::Holder,
                -1,
                RelyingMessage::InstallAfterEnd,
            ),
            (&collected, KeyPlace::Holder, 1, RelyingMessage::Install),
            (
                &fixed,
                KeyPlace::Authority,
                -30,
                RelyingMessage::CollectAfterEnd,
            ),
            (&fixed, KeyPlace::Authority, -31, RelyingMessage::Ended),
            (&fixed, KeyPlace::Holder, -1, RelyingMessage::Ended),
        ] {
            let successor = Continuation {
                state: state.clone(),
                key,
            };
            let issued = CertificateState::Issued;
            let told = told_of(CLAIMS, &issued, Some(&successor), morning(left)).unwrap();
            assert_eq!(told.message, Some(message), "{successor:?}, {left}");
        }
    }

    #[test]
    fn what_was_stopped_is_told_on_every_day_and_never_as_a_notice() {
        let then = morning(100);
        for (state, message) in [
            (
                CertificateState::OnHold { at: then },
                RelyingMessage::OnHold,
            ),
            (
                CertificateState::Revoked {
                    at: then,
                    reason: None,
                },
                RelyingMessage::Revoked,
            ),
            (
                CertificateState::Superseded { at: then },
                RelyingMessage::UseNewer,
            ),
        ] {
            for left in [91, 59, 0] {
                let told = told(ELIGIBILITY, &state, None, morning(left)).unwrap();
                assert_eq!(told.message, Some(message));
                assert_eq!((told.level, told.renewal), (None, None));
                assert_eq!(told.status.since(), Some(then));
            }
        }
        let unknown = [
            CertificateState::Intended,
            CertificateState::Void { at: then },
        ];
        for state in unknown {
            assert_eq!(told(CLAIMS, &state, None, morning(30)), None);
        }
    }
}
