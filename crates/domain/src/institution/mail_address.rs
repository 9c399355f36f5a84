//! Mail addresses, as typed, as stored and as shown to others (T45).

use std::fmt;

use serde::Serialize;

/// A mail address: one line, one `@`, ASCII, no blanks; so that no header can be added by it (T45).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct MailAddress(String);

impl MailAddress {
    /// Trims and checks an address: RFC 5321 sizes (local part 64, domain 253, both with the `@`
    /// 254) and the characters of an unquoted local part (its Dot-string). What looks like an encoded word is refused:
    /// readers of mails decode it to another address, which RFC 2047 §5 forbids.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.split_once('@')?;
        let local_is_plain = !local.is_empty()
            && local.len() <= 64
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && !looks_encoded(local)
            && local
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
        let domain_is_plain = domain.len() <= 253
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        (local_is_plain && domain_is_plain && text.len() <= 254).then(|| Self(text.to_owned()))
    }

    /// An address as a person typed it: full-width letters, digits and signs are put right, and blanks go.
    pub fn from_typed(typed: &str) -> Option<Self> {
        Self::parse(&without_blanks(typed))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address with most of its local part hidden: `t****@example.jp`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first = local.get(..1).unwrap_or_default();
        format!("{first}****@{domain}")
    }
}

/// Whether a reader of mails could take it for an encoded word (RFC 2047 §2).
fn looks_encoded(local: &str) -> bool {
    let begun = local.split_once("=?");
    begun.is_some_and(|(_, rest)| rest.contains("?="))
}

/// What was typed in half-width characters, without blanks. Line ends within it stay: they are no slip of the hand.
pub fn without_blanks(typed: &str) -> String {
    let kept = typed.trim().chars();
    let kept = kept.filter(|c| !matches!(c, ' ' | '\t' | '\u{a0}' | '\u{3000}'));
    kept.map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        other => other,
    })
    .collect()
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text of another program, such as a mail server's answer, with each mail address in it masked.
pub fn mask_addresses(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || "<>()[]\",;:".contains(c);
    let mask = |word: &str| match MailAddress::parse(word) {
        Some(address) => address.masked(),
        None if word.contains('@') => "****".to_owned(),
        None => word.to_owned(),
    };
    let mut masked = String::with_capacity(text.len());
    for part in text.split_inclusive(ends) {
        // An address may have an apostrophe in it; those around a word are no part of it.
        let opened = part.trim_start_matches('\'');
        let word = opened.trim_end_matches(|c| ends(c) || c == '\'');
        masked.push_str(part.get(..part.len() - opened.len()).unwrap_or_default());
        masked.push_str(&mask(word));
        masked.push_str(opened.get(word.len()..).unwrap_or_default());
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_mail_address_is_accepted() {
        let long = format!("{}@{}.example", "a".repeat(64), "b".repeat(63));
        for address in [
            "clinic@hospital.example",
            "first.last+tag@mail.hospital.example",
            "o'hara_1=2@hospital.example",
            "a@b",
            "a@xn--wgv71a.example",
            &long,
        ] {
            let read = MailAddress::parse(&format!(" {address}\n"));
            assert_eq!(read.as_ref().map(MailAddress::as_str), Some(address));
        }
    }

    #[test]
    fn a_mail_address_that_could_add_a_header_or_a_recipient_is_refused() {
        for address in [
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\nx",
            "a\r@b.example",
            "a@b.example\0",
            "a\0b@c.example",
            "a@b@c.example",
            "a@b.example,c@d.example",
            "a@b.example;c@d.example",
            "A <a@b.example>",
            "\"a b\"@c.example",
            "\"a\"@c.example",
            "a(b)@c.example",
            "a b@c.example",
            "a@b c.example",
            "=?utf-8?q?c=40d.example?=@b.example",
        ] {
            assert_eq!(MailAddress::parse(address), None, "{address:?}");
        }
    }

    #[test]
    fn a_mail_address_is_typed_in_any_width() {
        let typed = MailAddress::from_typed(" ｊｉｍｕ＠Ｃｌｉｎｉｃ．example　");
        assert_eq!(typed.unwrap().as_str(), "jimu@Clinic.example");
        let spaced = MailAddress::from_typed("jimu @\u{3000}clinic.example\r\n");
        assert_eq!(spaced.unwrap().as_str(), "jimu@clinic.example");
        for refused in [
            "事務＠clinic.example",
            "jimu@clinic.\r\nexample",
            "a\n@b.example",
        ] {
            assert_eq!(MailAddress::from_typed(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn what_is_no_mail_address_is_refused() {
        let long_local = format!("{}@b.example", "a".repeat(65));
        let long_label = format!("a@{}.example", "b".repeat(64));
        let long_domain = format!("a@{}", vec!["b".repeat(62); 4].join(".") + ".cc");
        let long_whole = format!("{}@{}", "a".repeat(64), vec!["b".repeat(61); 4].join("."));
        for address in [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
            "a@.example",
            "a@b..example",
            "a@b.example.",
            "a@-b.example",
            "a@b-.example",
            "a@b_c.example",
            "a@[192.0.2.1]",
            "受付@b.example",
            "a@日本.example",
            "a\u{ff20}b.example",
            &long_local,
            &long_label,
            &long_domain,
            &long_whole,
        ] {
            assert_eq!(MailAddress::parse(address), None, "{address}");
        }
    }

    #[test]
    fn addresses_in_a_foreign_text_are_masked_and_nothing_else_is() {
        for (text, masked) in [
            ("", ""),
            ("550 5.1.1 no such user", "550 5.1.1 no such user"),
            (
                "550 <desk@clinic.example>: unknown (desk@clinic.example)",
                "550 <d****@clinic.example>: unknown (d****@clinic.example)",
            ),
            ("to a@b@c. or @", "to **** or ****"),
            (
                "'o'brien@clinic.example' isn't known",
                "'o****@clinic.example' isn't known",
            ),
        ] {
            assert_eq!(mask_addresses(text), masked);
        }
    }

    #[test]
    fn a_masked_address_shows_one_character_and_the_domain() {
        for (address, masked) in [
            ("takahashi@hospital.example", "t****@hospital.example"),
            ("t@hospital.example", "t****@hospital.example"),
        ] {
            assert_eq!(MailAddress::parse(address).unwrap().masked(), masked);
        }
    }
}
