//! The backup of a new key: the password rule (K4), the two forms (K5), the file.

use tegata_domain::entropy::{self, Entropy};
pub use tegata_domain::password::LONGEST_PASSWORD;
use tegata_domain::password::{PasswordFault, password_faults};
use tegata_domain::secret::Secret;
use tegata_pki::certificate::Certificate;
use tegata_pki::key::PrivateKey;
use tegata_pki::pkcs12::{self, Pkcs12Form};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Small letters and digits without `0 o 1 l i`.
const SUGGESTED: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// The two fields differ.
    Differ,
    /// Something other than printable ASCII.
    NotAscii,
    /// More than [`LONGEST_PASSWORD`].
    TooLong,
    /// Less than the policy wants.
    TooShort,
}

/// Checks what was typed into the two fields.
pub fn check_password(password: &str, again: &str, min: usize) -> Result<(), PasswordProblem> {
    match password_faults(password, min).next() {
        Some(PasswordFault::NotAscii) => Err(PasswordProblem::NotAscii),
        Some(PasswordFault::TooLong) => Err(PasswordProblem::TooLong),
        Some(PasswordFault::TooShort) => Err(PasswordProblem::TooShort),
        None if password != again => Err(PasswordProblem::Differ),
        None => Ok(()),
    }
}

/// Three groups of four characters without look-alikes, 59 bits; the hyphens belong to it.
pub fn suggest_password(entropy: &dyn Entropy) -> Secret<String> {
    let text = entropy::text(entropy, SUGGESTED, 12);
    let groups: Vec<&str> = [0..4, 4..8, 8..12]
        .into_iter()
        .filter_map(|range| text.get(range))
        .collect();
    Secret::new(groups.join("-"))
}

/// `<リクエストID>.p12`.
pub fn file_name(request_id: &str) -> String {
    format!("{request_id}.p12")
}

/// The file's octets.
pub fn write(
    key: &PrivateKey,
    (certificate, chain): (&Certificate, &[Certificate]),
    password: &Secret<String>,
    form: Pkcs12Form,
    iterations: u32,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let name = certificate.subject().friendly_name();
    let mut all = vec![certificate.der()];
    all.extend(chain.iter().map(Certificate::der));
    pkcs12::write(key, &all, &name, password.expose(), form, iterations)
        .map_err(|error| Failure::Key(error.to_string()))
}

#[cfg(test)]
mod tests {
    use tegata_domain::entropy::SeededEntropy;

    use super::*;

    #[test]
    fn the_password_rule_is_that_of_the_web() {
        let check = |text: &str, min| check_password(text, text, min);
        assert_eq!(check("1234", 4), Ok(()));
        assert_eq!(check("1234", 12), Err(PasswordProblem::TooShort));
        assert_eq!(check("1234", 4), Ok(()));
        assert_eq!(check("パスワード", 4), Err(PasswordProblem::NotAscii));
        assert_eq!(check(&"a".repeat(31), 4), Ok(()));
        assert_eq!(check(&"a".repeat(32), 4), Err(PasswordProblem::TooLong));
        assert_eq!(
            check_password("1234", "1243", 4),
            Err(PasswordProblem::Differ)
        );
    }

    #[test]
    fn a_suggested_password_passes_the_strictest_rule() {
        let suggested = suggest_password(&SeededEntropy::new(1));
        let text = suggested.expose();
        assert_eq!(text.len(), 14);
        assert_eq!(check_password(text, text, 12), Ok(()));
    }
}
