//! 端末: what the holder's own terminal is told about its certificate, and how long it has something to learn
//! (R-030, P-32, decisions F6, S4).
//!
//! Unlike a relying system, a terminal is told on every day how it stands, since its windows show that; what it says
//! unasked follows the days of its channel, and after the end it says so on every day.

use crate::certificate::CertificateState;
use crate::notice::{NoticeChannel, notice_on};
use crate::policy::{NoticeDays, Periods};
use crate::relying::{RelyingMessage, RelyingStanding, RelyingStatus};
use crate::renewal::{Continuation, RenewalStanding};
use crate::spread::Asking;
use crate::time::Timestamp;

const CHANNEL: NoticeChannel = NoticeChannel::Terminal;

/// What a terminal's message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalMessage {
    /// The same as everywhere.
    About(RelyingMessage),
    /// Nothing can be done before this instant (1002 更新期間前).
    BeforeRenewal {
        /// The first instant at which it can be renewed.
        opens: Timestamp,
    },
}

/// What a terminal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStanding {
    /// What every channel is told: status, days left, the renewal.
    pub standing: RelyingStanding,
    /// The threshold whose day this is, that of the day after on every day after the end.
    pub level: Option<i64>,
    /// What its windows show; none where a newer certificate is in use.
    pub message: Option<TerminalMessage>,
    /// Whether it says so unasked.
    pub notifies: bool,
    /// How long it has something to learn.
    pub asking: Asking,
}

impl TerminalStanding {
    /// What the terminal is told at `now`; the arguments are those of [`RelyingStanding::of`].
    pub fn of(
        state: &CertificateState,
        validity: (Timestamp, Timestamp),
        successor: Option<&Continuation>,
        rules: (&NoticeDays, &Periods),
        now: Timestamp,
    ) -> Option<Self> {
        let standing = RelyingStanding::of(CHANNEL, state, validity, successor, rules, now)?;
        let is_replaced = standing.renewal == Some(RenewalStanding::Replaced);
        let level = match standing.status {
            RelyingStatus::Expired if !is_replaced => {
                notice_on(CHANNEL, validity.1, now.japan_date(), rules.0).map(|due| due.threshold)
            }
            _ => standing.level,
        };
        let message = match (level, standing.renewal) {
            (None, Some(RenewalStanding::Early { opens })) => {
                Some(TerminalMessage::BeforeRenewal { opens })
            }
            _ => standing.about.map(TerminalMessage::About),
        };
        let (notifies, asking) = match standing.status {
            RelyingStatus::Expired | RelyingStatus::Good if is_replaced => (false, Asking::Never),
            RelyingStatus::Expired | RelyingStatus::Good => (level.is_some(), Asking::NearTheEnd),
            RelyingStatus::OnHold { .. } => (true, Asking::FromNowOn),
            RelyingStatus::Revoked { .. } | RelyingStatus::Superseded { .. } => {
                (true, Asking::Never)
            }
        };
        Some(Self {
            standing,
            level,
            message,
            notifies,
            asking,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::grant::GrantState;
    use crate::id::SerialNumber;
    use crate::notice::AFTER_EXPIRY;
    use crate::policy::{OBN, Policy};
    use crate::renewal::KeyPlace;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn validity() -> (Timestamp, Timestamp) {
        (
            at("2023-12-14T17:39:00+09:00"),
            at("2027-03-14T17:38:59+09:00"),
        )
    }

    /// Early in the morning of the day with so many days left.
    fn told(
        state: &CertificateState,
        successor: Option<&GrantState>,
        left: i64,
    ) -> TerminalStanding {
        let policy: Policy = toml::from_str(OBN).unwrap();
        let now = validity().1.japan_date().plus_days(-left).start();
        let rules = (&policy.notices, &policy.periods);
        let successor = successor.map(|state| Continuation {
            state: state.clone(),
            key: KeyPlace::Authority,
        });
        TerminalStanding::of(state, validity(), successor.as_ref(), rules, now).unwrap()
    }

    #[test]
    fn r030_a_terminal_speaks_on_its_days_and_on_every_day_after_the_end() {
        for left in -40..=120 {
            let told = told(&CertificateState::Issued, None, left);
            let staged = [90, 60, 30, 15].contains(&left) || (0..=7).contains(&left);
            let level = if left < 0 {
                Some(AFTER_EXPIRY)
            } else {
                staged.then_some(left)
            };
            assert_eq!(told.level, level, "{left}");
            assert_eq!(told.notifies, level.is_some(), "{left}");
            let about = match left {
                91.. => TerminalMessage::BeforeRenewal {
                    opens: at("2026-12-14T00:00:00+09:00"),
                },
                0..=90 => TerminalMessage::About(RelyingMessage::Renew),
                _ => TerminalMessage::About(RelyingMessage::Ended),
            };
            assert_eq!(told.message, Some(about), "{left}");
            assert_eq!(told.asking, Asking::NearTheEnd);
        }
    }

    #[test]
    fn after_the_last_second_of_the_last_day_it_is_over_and_the_level_stays() {
        let policy: Policy = toml::from_str(OBN).unwrap();
        let rules = (&policy.notices, &policy.periods);
        let now = validity().1.plus_seconds(1);
        let told =
            TerminalStanding::of(&CertificateState::Issued, validity(), None, rules, now).unwrap();
        assert_eq!(told.standing.status, RelyingStatus::Expired);
        assert_eq!((told.level, told.standing.days_left), (Some(0), 0));
    }

    #[test]
    fn f6_a_renewed_certificate_speaks_of_its_use_and_falls_silent_in_use() {
        let serial = SerialNumber::generate(&SeededEntropy::new(1));
        let then = at("2027-01-01T00:00:00+09:00");
        let collected = GrantState::Collected { serial, at: then };
        let seen = GrantState::SeenInUse { serial, at: then };
        for (successor, message) in [
            (GrantState::Posted, RelyingMessage::Collect),
            (collected, RelyingMessage::Install),
        ] {
            for (left, notifies) in [(31, false), (30, true)] {
                let told = told(&CertificateState::Issued, Some(&successor), left);
                assert_eq!(told.message, Some(TerminalMessage::About(message)));
                assert_eq!(told.notifies, notifies);
            }
            let over = told(&CertificateState::Issued, Some(&successor), -1);
            let wanted = TerminalMessage::About(RelyingMessage::CollectAfterEnd);
            assert_eq!((over.message, over.notifies), (Some(wanted), true));
        }
        for (left, message) in [(30, None), (-1, Some(RelyingMessage::UseNewer))] {
            let told = told(&CertificateState::Issued, Some(&seen), left);
            assert_eq!(told.message, message.map(TerminalMessage::About));
            assert_eq!((told.level, told.notifies), (None, false));
            assert_eq!(told.asking, Asking::Never);
        }
    }

    #[test]
    fn what_was_stopped_speaks_on_any_day_and_only_a_hold_may_end() {
        let then = at("2026-06-01T00:00:00+09:00");
        let revoked = CertificateState::Revoked {
            at: then,
            reason: None,
        };
        for (state, message, asking) in [
            (
                CertificateState::OnHold { at: then },
                RelyingMessage::OnHold,
                Asking::FromNowOn,
            ),
            (revoked, RelyingMessage::Revoked, Asking::Never),
            (
                CertificateState::Superseded { at: then },
                RelyingMessage::UseNewer,
                Asking::Never,
            ),
        ] {
            for left in [91, 59, 30, 0] {
                let told = told(&state, None, left);
                assert_eq!(told.message, Some(TerminalMessage::About(message)));
                assert_eq!((told.level, told.notifies), (None, true));
                assert_eq!(told.asking, asking);
            }
        }
    }
}
