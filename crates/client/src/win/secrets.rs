//! Sealing with DPAPI (`Secrets`).

use zeroize::Zeroizing;

use super::sys::{SystemError, dpapi};
use crate::ports::{SecretError, Secrets};

/// DPAPI for this user; the purpose is what Windows calls the optional entropy.
pub(super) struct WindowsSecrets;

impl Secrets for WindowsSecrets {
    fn seal(&self, purpose: &str, clear: &[u8]) -> Result<Vec<u8>, SecretError> {
        dpapi::seal(clear, purpose.as_bytes()).map_err(refusal)
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        dpapi::open(sealed, purpose.as_bytes()).map_err(refusal)
    }
}

fn refusal(error: SystemError) -> SecretError {
    SecretError(error.to_string())
}
