//! 更新: what the holder of a certificate may do about its end (decisions D1, F3; manual 1.2, 3.2).

use crate::grant::{GrantState, renewal_opens};
use crate::policy::Periods;
use crate::time::Timestamp;

/// The renewal that continues a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// Where its grant stands.
    pub state: GrantState,
    /// Where its key is.
    pub key: KeyPlace,
}

/// Where the key of a renewal is (K1, K3). It decides whether there is a file, and so what texts speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The authority hands it out in a file: it makes or keeps it, or may make another one.
    Authority,
    /// In the holder's file alone: the authority's copy was destroyed for good.
    Holder,
    /// The terminal made it. There is no file.
    Terminal,
}

/// Where a certificate that is in force stands on its way to a newer one. One answer for the browser,
/// EST and the client (T30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalStanding {
    /// Renewed; no file was handed out yet.
    Accepted,
    /// Renewed and collected; the newer one was never seen.
    Collected,
    /// It can be renewed from this instant on (RU-E1).
    Early {
        /// 00:00 in Japan of the first day.
        opens: Timestamp,
    },
    /// It can be renewed.
    Open,
    /// The newer one is in use.
    Replaced,
}

impl RenewalStanding {
    /// The word that stands in interfaces.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Collected => "collected",
            Self::Early { .. } => "early",
            Self::Open => "open",
            Self::Replaced => "in_use",
        }
    }

    /// The standing at `now` of a certificate that ends at `not_after`. `successor` is the state of the
    /// renewal that continues it; one that was given up is none.
    pub fn of(
        not_after: Timestamp,
        successor: Option<&GrantState>,
        periods: &Periods,
        now: Timestamp,
    ) -> Self {
        match successor {
            Some(GrantState::Frozen { from, .. }) => Self::of(not_after, Some(from), periods, now),
            Some(GrantState::Collected { .. }) => Self::Collected,
            Some(GrantState::SeenInUse { .. }) => Self::Replaced,
            Some(
                GrantState::Approved
                | GrantState::KeyFixed { .. }
                | GrantState::LetterReturned { .. }
                | GrantState::Posted,
            ) => Self::Accepted,
            Some(GrantState::Voided { .. }) | None => {
                let opens = renewal_opens(not_after, periods);
                if now < opens {
                    Self::Early { opens }
                } else {
                    Self::Open
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use crate::id::SerialNumber;
    use crate::policy::{OBN, Policy};

    fn periods() -> Periods {
        toml::from_str::<Policy>(OBN).unwrap().periods
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn renewal_opens_at_midnight_in_japan_90_days_before_the_end() {
        let end = at("2027-03-14T17:39:07+09:00");
        let opens = at("2026-12-14T00:00:00+09:00");
        let standing = |now| RenewalStanding::of(end, None, &periods(), now);
        assert_eq!(
            standing(opens.plus_seconds(-1)),
            RenewalStanding::Early { opens }
        );
        assert_eq!(standing(opens), RenewalStanding::Open);
        assert_eq!(standing(end), RenewalStanding::Open);
    }

    #[test]
    fn a_renewal_stands_where_its_grant_does() {
        let end = at("2027-03-14T17:39:07+09:00");
        let serial = SerialNumber::generate(&SeededEntropy::new(1));
        let then = Timestamp::from_unix(0);
        let frozen = GrantState::Frozen {
            at: then,
            from: Box::new(GrantState::Collected { serial, at: then }),
        };
        for (state, standing) in [
            (GrantState::Posted, RenewalStanding::Accepted),
            (GrantState::KeyFixed { serial }, RenewalStanding::Accepted),
            (
                GrantState::Collected { serial, at: then },
                RenewalStanding::Collected,
            ),
            (
                GrantState::SeenInUse { serial, at: then },
                RenewalStanding::Replaced,
            ),
            (frozen, RenewalStanding::Collected),
            (GrantState::Voided { at: then }, RenewalStanding::Open),
        ] {
            assert_eq!(
                RenewalStanding::of(end, Some(&state), &periods(), end),
                standing,
                "{state:?}"
            );
        }
    }
}
