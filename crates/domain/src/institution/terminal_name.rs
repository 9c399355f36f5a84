//! 端末名称等: what a certificate is for.

use serde::Serialize;

/// 端末名称等: what a certificate is for. One line, 1 to 64 characters, no control characters, and
/// none that turn the direction of writing (a letter must show what the screen showed).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct TerminalName(String);

impl TerminalName {
    /// Trims and checks a name.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let length = text.chars().count();
        let is_plain = |c: char| !c.is_control() && !breaks_or_turns_line(c);
        ((1..=64).contains(&length) && text.chars().all(is_plain)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Line and paragraph separators, and the marks that turn the direction of writing (Unicode
/// Bidi_Control): no control characters, yet a text with them does not read as it is stored.
pub(crate) const fn breaks_or_turns_line(c: char) -> bool {
    matches!(
        c,
        '\u{061c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_named_in_any_script() {
        for name in [
            "受付1",
            "髙﨑𠮷",
            "葛\u{e0100}城 レセコン(2号機)",
            "PC-01",
            "1",
        ] {
            let read = TerminalName::parse(name);
            assert_eq!(read.as_ref().map(TerminalName::as_str), Some(name));
        }
    }

    #[test]
    fn blanks_around_a_terminal_name_are_cut_off() {
        for typed in ["受付 1", " 受付 1 ", "\u{3000}受付 1\u{3000}", "受付 1\r\n"] {
            let read = TerminalName::parse(typed);
            assert_eq!(read.as_ref().map(TerminalName::as_str), Some("受付 1"));
        }
    }

    #[test]
    fn a_terminal_name_has_1_to_64_characters_however_many_octets() {
        for character in ["a", "髙", "𠮷"] {
            assert!(TerminalName::parse(&character.repeat(64)).is_some());
            assert!(TerminalName::parse(&character.repeat(65)).is_none());
            assert!(TerminalName::parse(&character.repeat(500)).is_none());
        }
        for empty in ["", " ", "\u{3000}\t\n"] {
            assert_eq!(TerminalName::parse(empty), None, "{empty:?}");
        }
    }

    #[test]
    fn a_terminal_name_is_one_line_that_reads_as_it_is_stored() {
        for c in [
            '\0', '\t', '\n', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{2028}', '\u{2029}',
            '\u{61c}', '\u{200e}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
        ] {
            let name = format!("受付{c}1");
            assert_eq!(TerminalName::parse(&name), None, "{name:?}");
        }
    }
}
