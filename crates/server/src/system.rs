//! The only readers of the machine's clock and of its randomness; everything else gets them handed down.

use std::time::UNIX_EPOCH;

use rustix::time::{ClockId, clock_gettime};
use tegata_domain::entropy::{Entropy, text};
use tegata_domain::secret::Secret;
use tegata_domain::time::{Clock, Timestamp};
use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

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

    /// Seconds since the machine started, those in which it slept included: a weekend off is not a jump.
    fn uptime(&self) -> i64 {
        clock_gettime(ClockId::Boottime).tv_sec
    }
}

/// The random octets of this machine's cryptographic generator.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemEntropy;

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

/// A password of 20 letters and digits without look-alikes (116 bits), for a person to copy once.
pub(crate) fn generated_password() -> Secret<String> {
    Secret::new(text(
        &SystemEntropy,
        b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789",
        20,
    ))
}

/// Begins logging to stderr. The variable `TEGATA_LOG` wins over `level`.
pub(crate) fn begin_log(level: &str, format: LogFormat) {
    let wanted = std::env::var_os("TEGATA_LOG").and_then(|text| text.into_string().ok());
    // The database driver tells each statement and notice; only its warnings are for an operator.
    let filter = EnvFilter::new(wanted.unwrap_or_else(|| format!("{level},sqlx=warn")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second call keeps the first log: nothing is lost by it.
    let _ = match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
}
