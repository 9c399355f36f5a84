//! 証明書パスワード: what protects a `.p12` (decision K4). One rule for the sites, the client and the API.

/// Most characters: old Windows dialogs refuse more.
pub const LONGEST_PASSWORD: usize = 31;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Something other than printable ASCII.
    NotAscii,
    /// More than [`LONGEST_PASSWORD`] characters.
    TooLong,
    /// Fewer characters than the policy wants.
    TooShort,
}

/// Everything that is wrong with a password; `min` is the least number of characters.
pub fn password_faults(password: &str, min: usize) -> impl Iterator<Item = PasswordFault> {
    let length = password.chars().count();
    let is_printable = password.bytes().all(|octet| (0x20..=0x7e).contains(&octet));
    [
        (!is_printable, PasswordFault::NotAscii),
        (length < min, PasswordFault::TooShort),
        (length > LONGEST_PASSWORD, PasswordFault::TooLong),
    ]
    .into_iter()
    .filter_map(|(is_so, fault)| is_so.then_some(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_ascii_from_the_policys_least_to_31_characters_is_taken() {
        use PasswordFault::{NotAscii, TooLong, TooShort};
        let (most, more) = ("a".repeat(31), "a".repeat(32));
        for (password, min, faults) in [
            ("1234", 4, &[][..]),
            (" ~ ~", 4, &[]),
            (&most, 4, &[]),
            (&more, 4, &[TooLong]),
            ("123", 4, &[TooShort]),
            ("1234", 12, &[TooShort]),
            ("１２３４", 4, &[NotAscii]),
            ("あ", 4, &[NotAscii, TooShort]),
            ("ab\u{7f}cd", 4, &[NotAscii]),
            ("ab\tcd", 4, &[NotAscii]),
            ("", 4, &[TooShort]),
        ] {
            let found: Vec<_> = password_faults(password, min).collect();
            assert_eq!(found, faults, "{password:?}");
        }
    }
}
