//! The only reader of the machine's clock and of its randomness; everything else gets them handed down.

use std::time::UNIX_EPOCH;

use tegata_domain::time::Timestamp;

use crate::ports::{Clock, Entropy};

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one reader of the clock"
        )]
        let now = std::time::SystemTime::now();
        let seconds = match now.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        };
        Timestamp::from_unix(seconds)
    }
}

/// The random octets of the crypto library.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one reader of randomness"
        )]
        let filled = aws_lc_rs::rand::fill(buffer);
        #[expect(
            clippy::expect_used,
            reason = "without randomness no secret may be made at all"
        )]
        filled.expect("the generator answers once it is seeded, and the library seeds it at start");
    }
}
