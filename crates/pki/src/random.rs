//! The one place of this crate that draws from the provider's random source: salts and
//! initialisation vectors. Serial numbers and nonces are chance that the caller passes in.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// The random source gave nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the random source failed")]
pub struct RandomFailed;

/// `N` unpredictable octets.
pub(crate) fn octets<const N: usize>() -> Result<[u8; N], RandomFailed> {
    let mut out = [0; N];
    source().fill(&mut out).map_err(|_| RandomFailed)?;
    Ok(out)
}

/// The provider's source, for signature algorithms that ask for one.
pub(crate) fn source() -> SystemRandom {
    SystemRandom::new()
}
