//! Callers by their network address, and how often each did something.

use std::collections::HashMap;
use std::net::IpAddr;

/// The network address of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(pub IpAddr);

impl Source {
    /// What is counted together: an IPv4 address, or the first 64 bits of an IPv6 address.
    fn network(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.to_canonical().fmt(f)
    }
}

/// Networks that are counted one by one in a period; further ones are counted as one, so that an attacker with many
/// addresses fills no memory.
pub(crate) const MOST_NETWORKS: usize = 10_000;
/// The name of those further ones.
pub(crate) const OTHERS: &str = "others";

/// How often each network did something in one period: a minute or an hour, by its number since 1970.
#[derive(Debug, Default)]
pub(crate) struct SourceCounts {
    period: i64,
    by_network: HashMap<String, u32>,
    all: u32,
}

impl SourceCounts {
    /// Forgets what was counted where another period has begun, and answers whether one has.
    pub(crate) fn begin(&mut self, period: i64) -> bool {
        let has_begun = self.period != period;
        if has_begun {
            *self = Self {
                period,
                ..Self::default()
            };
        }
        has_begun
    }

    /// Counts one more of `source`, and answers how many it had then.
    pub(crate) fn add(&mut self, source: Source) -> u32 {
        let network = self.counted_as(source);
        self.all += 1;
        let own = self.by_network.entry(network).or_default();
        *own += 1;
        *own
    }

    /// How many `source` had in `period`.
    pub(crate) fn of(&self, source: Source, period: i64) -> u32 {
        let own = self.by_network.get(&self.counted_as(source)).copied();
        own.filter(|_| self.period == period).unwrap_or(0)
    }

    /// How many there were from all sources.
    pub(crate) const fn all(&self) -> u32 {
        self.all
    }

    /// The name of the network that a source is counted with.
    pub(crate) fn counted_as(&self, source: Source) -> String {
        let network = source.network();
        let is_full = self.by_network.len() >= MOST_NETWORKS;
        if is_full && !self.by_network.contains_key(&network) {
            return OTHERS.to_owned();
        }
        network
    }
}
