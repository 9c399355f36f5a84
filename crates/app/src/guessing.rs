//! Slowing down those who guess (decision I3, T16, T18).
//!
//! The secret is checked first, and a right answer is never delayed. Wrong ones are counted per source
//! (IPv4 address or IPv6 /64) and minute, slowed within a budget, and refused above it. No lock per ID.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tegata_domain::id::OperatorId;
use tegata_domain::policy::GuessingPolicy;
use tegata_domain::time::Timestamp;

use crate::base::App;
use crate::source::{OTHERS, Source, SourceCounts};

/// Wrong one-time codes of an operator in a minute after which none is judged.
const MOST_CODES: u32 = 5;
/// Networks of a minute that are stored by name, those that were wrong most often; the rest is stored as one.
const MOST_STORED: usize = 100;

/// Counters of the present minute and those that wait to be stored.
#[derive(Debug, Default)]
pub(crate) struct Guessing {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    of_minute: SourceCounts,
    alarmed: bool,
    to_store: HashMap<(String, i64), u32>,
}

/// Wrong pairs of a network in a minute, which is counted from 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrongInMinute {
    pub(crate) network: String,
    pub(crate) minute: i64,
    pub(crate) count: u32,
}

/// What a wrong pair earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// How long the answer waits.
    pub(crate) delay: Duration,
    /// The seconds to wait, where the source is over its budget.
    pub(crate) refused: Option<u64>,
    /// Whether the alarm rings now, for the first time in this minute.
    pub(crate) alarm: bool,
}

impl Guessing {
    /// Counts a wrong pair from `source`.
    pub(crate) fn wrong(&self, source: Source, policy: &GuessingPolicy, now: Timestamp) -> Verdict {
        let mut counts = self.lock();
        let minute = now.unix().div_euclid(60);
        if counts.of_minute.begin(minute) {
            counts.alarmed = false;
        }
        let network = counts.of_minute.counted_as(source);
        *counts.to_store.entry((network, minute)).or_default() += 1;
        let own = counts.of_minute.add(source);
        let alarm = counts.of_minute.all() >= policy.alarm_per_minute && !counts.alarmed;
        counts.alarmed |= alarm;
        let over = own.saturating_sub(policy.free_per_minute);
        let refused = (own > policy.budget_per_minute).then(|| to_next_minute(now));
        let delay = if refused.is_some() || over == 0 {
            Duration::ZERO
        } else {
            let milliseconds = 100_u64.saturating_mul(1 << over.min(6));
            Duration::from_millis(milliseconds.min(policy.longest_delay_seconds * 1_000))
        };
        Verdict {
            delay,
            refused,
            alarm,
        }
    }

    /// The seconds to wait, where the source has used up its budget of this minute.
    pub(crate) fn used_up(
        &self,
        source: Source,
        policy: &GuessingPolicy,
        now: Timestamp,
    ) -> Option<u64> {
        let own = self.lock().of_minute.of(source, now.unix().div_euclid(60));
        let is_used_up = own >= policy.budget_per_minute;
        is_used_up.then(|| to_next_minute(now))
    }

    /// Takes the counts that wait to be stored.
    pub(crate) fn take(&self) -> Vec<WrongInMinute> {
        let waiting = std::mem::take(&mut self.lock().to_store);
        let mut by_minute: BTreeMap<i64, Vec<(u32, String)>> = BTreeMap::new();
        for ((network, minute), count) in waiting {
            by_minute.entry(minute).or_default().push((count, network));
        }
        by_minute
            .into_iter()
            .flat_map(|(minute, networks)| most(minute, networks))
            .collect()
    }

    /// Takes counts back that could not be stored.
    pub(crate) fn give_back(&self, counted: Vec<WrongInMinute>) {
        let mut counts = self.lock();
        for wrong in counted {
            let key = (wrong.network, wrong.minute);
            *counts.to_store.entry(key).or_default() += wrong.count;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        match self.counts.lock() {
            Ok(counts) => counts,
            Err(poisoned) => poisoned.into_inner(),
        }
    }
}

impl App {
    /// The seconds after which a login from `source` is judged again, where it used its budget up.
    pub(crate) fn login_refused(&self, source: Source) -> Option<u64> {
        if self.is_proxy(source.0) {
            return None;
        }
        let policy = &self.policy().guessing;
        self.logins().used_up(source, policy, self.system_now())
    }

    /// Counts a wrong secret from `source`, and says what it earns. Behind a configured proxy that does not say for whom it
    /// asks stand many: it is counted for the alarm, and neither slowed nor refused.
    pub(crate) fn wrong_secret(&self, counters: &Guessing, source: Source) -> Verdict {
        let verdict = counters.wrong(source, &self.policy().guessing, self.system_now());
        if self.is_proxy(source.0) {
            return Verdict {
                delay: Duration::ZERO,
                refused: None,
                ..verdict
            };
        }
        verdict
    }
}

fn to_next_minute(now: Timestamp) -> u64 {
    60 - u64::try_from(now.unix().rem_euclid(60)).unwrap_or(0)
}

/// Wrong one-time codes of operators whose password was right, or who are logged in. A code of six digits is guessed
/// soon where nobody counts (T41); whoever reaches this counter has the rest already, so it locks nobody out by name.
#[derive(Debug, Default)]
pub(crate) struct WrongCodes(Mutex<(i64, HashMap<OperatorId, u32>)>);

impl WrongCodes {
    /// Whether codes of this operator are judged at this time; after five wrong ones, not until the next minute.
    pub(crate) fn may_try(&self, operator: &OperatorId, now: Timestamp) -> bool {
        let counts = self.of_minute(now);
        counts
            .1
            .get(operator)
            .is_none_or(|wrong| *wrong < MOST_CODES)
    }

    /// Counts a wrong code.
    pub(crate) fn count(&self, operator: &OperatorId, now: Timestamp) {
        let mut counts = self.of_minute(now);
        *counts.1.entry(operator.clone()).or_default() += 1;
    }

    fn of_minute(&self, now: Timestamp) -> MutexGuard<'_, (i64, HashMap<OperatorId, u32>)> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.unix().div_euclid(60);
        if counts.0 != minute {
            *counts = (minute, HashMap::new());
        }
        counts
    }
}

/// The networks of a minute that are stored by name, and the rest as one.
fn most(minute: i64, mut networks: Vec<(u32, String)>) -> Vec<WrongInMinute> {
    networks.sort_unstable_by(|a, b| b.cmp(a));
    let rest = networks.split_off(networks.len().min(MOST_STORED));
    let rest: u32 = rest.iter().map(|(count, _)| count).sum();
    let mut named: BTreeMap<String, u32> = networks
        .into_iter()
        .map(|(count, network)| (network, count))
        .collect();
    if rest > 0 {
        *named.entry(OTHERS.to_owned()).or_default() += rest;
    }
    let stored = named.into_iter().map(|(network, count)| WrongInMinute {
        network,
        minute,
        count,
    });
    stored.collect()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use super::*;
    use crate::source::MOST_NETWORKS;

    const POLICY: GuessingPolicy = GuessingPolicy {
        free_per_minute: 2,
        budget_per_minute: 4,
        longest_delay_seconds: 5,
        alarm_per_minute: 6,
    };
    const NOW: Timestamp = Timestamp::from_unix(600);

    fn v4(last: u8) -> Source {
        Source(IpAddr::from([127, 0, 0, last]))
    }

    #[test]
    fn the_first_wrong_pairs_are_free_then_slowed_then_refused() {
        let guessing = Guessing::default();
        let verdict = || guessing.wrong(v4(1), &POLICY, NOW);
        assert_eq!(verdict().delay, Duration::ZERO);
        assert_eq!(verdict().delay, Duration::ZERO);
        assert_eq!(verdict().delay, Duration::from_millis(200));
        assert_eq!(verdict().delay, Duration::from_millis(400));
        assert_eq!(verdict().refused, Some(60));
    }

    #[test]
    fn another_source_and_another_minute_begin_anew() {
        let guessing = Guessing::default();
        for _ in 0..5 {
            guessing.wrong(v4(1), &POLICY, NOW);
        }
        assert_eq!(guessing.wrong(v4(2), &POLICY, NOW).refused, None);
        assert_eq!(
            guessing.wrong(v4(1), &POLICY, NOW.plus_seconds(60)).refused,
            None
        );
    }

    #[test]
    fn the_alarm_rings_once_a_minute_over_all_sources() {
        let guessing = Guessing::default();
        let rings = (0..20)
            .filter(|n| guessing.wrong(v4(*n), &POLICY, NOW).alarm)
            .count();
        assert_eq!(rings, 1);
    }

    #[test]
    fn the_networks_of_a_minute_are_bounded() {
        let guessing = Guessing::default();
        let last = u32::try_from(2 * MOST_NETWORKS).unwrap();
        for n in 0..last {
            guessing.wrong(Source(IpAddr::from(n.to_be_bytes())), &POLICY, NOW);
        }
        let verdict = guessing.wrong(Source(IpAddr::from(last.to_be_bytes())), &POLICY, NOW);
        assert!(verdict.refused.is_some());
        let unseen = Source(IpAddr::from((last + 1).to_be_bytes()));
        assert_eq!(guessing.used_up(unseen, &POLICY, NOW), verdict.refused);
        let stored = guessing.take();
        // Those beyond the networks that are counted are the greatest of them, and take the rest up.
        assert_eq!(stored.len(), MOST_STORED);
        assert_eq!(
            stored.iter().map(|wrong| wrong.count).sum::<u32>(),
            last + 1
        );
        guessing.give_back(stored.clone());
        assert_eq!(guessing.take(), stored);
    }

    #[test]
    fn a_network_of_64_bits_counts_as_one_source() {
        let guessing = Guessing::default();
        for n in 0..5 {
            let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, n);
            guessing.wrong(Source(address.into()), &POLICY, NOW);
        }
        assert_eq!(
            guessing.take(),
            [WrongInMinute {
                network: "2001:db8:0:1::/64".to_owned(),
                minute: 10,
                count: 5
            }]
        );
        assert!(guessing.take().is_empty());
    }
}
