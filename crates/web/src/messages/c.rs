//! Sentences of MPKIクライアントのダウンロード (`/p/c`, screens.md C.7).

use tegata_protocol::release::{Architecture, Scope};

use super::{Screen, screen};

/// Called C-1 in the drawings, a number that the console has too.
pub(crate) const CL_1: Screen = screen("CL-1", "", "MPKIクライアントのダウンロード");

#[cfg(test)]
pub(super) const SCREENS: &[Screen] = &[CL_1];

/// 32bit or 64bit.
pub(crate) const fn architecture(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X64 => "64bit",
        Architecture::X86 => "32bit",
    }
}

/// What stands behind the name of a package that is not for whoever installs it.
pub(crate) const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Machine => "(端末のすべてのユーザー用。管理者の方がまとめて配布するとき)",
        Scope::User => "",
    }
}

/// The signer of a package.
pub(crate) fn signer(name: Option<&str>) -> String {
    name.unwrap_or("署名なし").to_owned()
}

/// A size as Windows shows it: in MB with two digits, with the octets behind.
pub(crate) fn size(octets: u64) -> String {
    let hundredths = octets.saturating_mul(100) / (1 << 20);
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    format!("{whole}.{rest:02} MB({}バイト)", grouped(octets))
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_windows_shows_it() {
        assert_eq!(size(1_069_548), "1.02 MB(1,069,548バイト)");
        assert_eq!(size(999), "0.00 MB(999バイト)");
    }
}
