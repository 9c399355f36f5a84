//! What people type: names, addresses, codes (`tegata-domain`).

use std::sync::LazyLock;

use tegata_domain::bounce::one_line_of;
use tegata_domain::institution::{
    InstitutionCode, MailAddress, Prefecture, TerminalName, mask_addresses, without_blanks,
};
use tegata_domain::operator::is_operator_name;
use tegata_domain::password::{LONGEST_PASSWORD, password_faults};
use tegata_domain::policy::{Policy, ProfileName};
use tegata_domain::register::telephone;
use tegata_domain::search::{self, SHORTEST};

use crate::text;

/// The policy that the texts are judged by.
pub(crate) static POLICY: LazyLock<Option<Policy>> =
    LazyLock::new(|| toml::from_str(ProfileName::Obn.source()).ok());

/// 医療機関コード, for each class and some prefectures.
pub fn institution_code(octets: &[u8]) -> bool {
    let (Some(text), Some(policy)) = (text(octets), POLICY.as_ref()) else {
        return false;
    };
    let mut is_read = false;
    for rule in policy.classes.values() {
        for prefecture in [1, 13, 47].into_iter().filter_map(Prefecture::from_number) {
            let Ok(code) = InstitutionCode::from_typed(text, rule, prefecture) else {
                continue;
            };
            assert!(code.as_str().len() <= 64);
            assert!(code.as_str().bytes().all(|b| b.is_ascii_alphanumeric()));
            let again = InstitutionCode::parse(code.as_str(), rule, Some(prefecture));
            assert_eq!(again.as_ref(), Ok(&code));
            let again = InstitutionCode::from_typed(code.as_str(), rule, prefecture);
            assert_eq!(again.as_ref(), Ok(&code));
            is_read = true;
        }
    }
    is_read
}

/// A mail address.
pub fn mail_address(octets: &[u8]) -> bool {
    let Some(typed) = text(octets) else {
        return false;
    };
    let Some(address) = MailAddress::from_typed(typed) else {
        assert_eq!(MailAddress::parse(&without_blanks(typed)), None);
        return false;
    };
    let text = address.as_str();
    assert!(text.len() <= 254 && text.is_ascii());
    assert!(
        !text
            .bytes()
            .any(|b| b <= b' ' || b == 0x7f || b == b'<' || b == b'>')
    );
    assert_eq!(text.matches('@').count(), 1);
    assert_eq!(MailAddress::parse(text).as_ref(), Some(&address));
    assert_eq!(MailAddress::from_typed(text).as_ref(), Some(&address));
    let masked = address.masked();
    assert!(masked.len() <= text.len() + 4);
    // In a passage an apostrophe before an address is a quotation mark.
    if !text.starts_with('\'') {
        assert_eq!(mask_addresses(text), masked);
    }
    true
}

/// Words of other programs, of any length.
pub fn passages(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let line = one_line_of(&text);
    assert!(line.chars().count() <= 300 && !line.chars().any(char::is_control));
    assert_eq!(one_line_of(&line), line.trim_end());
    let masked = mask_addresses(&text);
    assert!(masked.len() <= text.len() * 4 + 8);
    for word in masked.split_whitespace() {
        let shown = MailAddress::parse(word);
        assert!(shown.is_none_or(|address| address.as_str().contains("****@")));
    }
    true
}

/// What is looked for, and the words under which it is found.
pub fn search(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    assert!(search::fold(text).len() <= text.len() * 3);
    let looked_for = search::looked_for(text);
    let is_word = |word: &String| (SHORTEST..=32).contains(&word.chars().count());
    assert!(looked_for.iter().all(is_word));
    let words = search::words(text);
    assert!(words.len() <= 24 && words.iter().all(is_word) && words.is_sorted());
    let others = [search::code_words(text), search::mail_words(text)];
    for words in others {
        assert!(words.len() <= 2 && words.iter().all(is_word));
        assert!(
            looked_for.is_none() || words.contains(looked_for.as_ref().unwrap_or(&String::new()))
        );
    }
    looked_for.is_some()
}

/// 端末名称等, telephone numbers, passwords, names of operators and prefectures.
pub fn short_texts(octets: &[u8]) -> bool {
    let Some(text) = text(octets) else {
        return false;
    };
    let name = TerminalName::parse(text);
    if let Some(name) = &name {
        assert!((1..=64).contains(&name.as_str().chars().count()));
        assert!(!name.as_str().chars().any(char::is_control));
        assert_eq!(TerminalName::parse(name.as_str()).as_ref(), Some(name));
    }
    let number = telephone(text);
    if let Some(number) = &number {
        assert!(number.len() <= 15 && number.is_ascii());
        assert_eq!(telephone(number).as_ref(), Some(number));
    }
    if password_faults(text, 4).next().is_none() {
        assert!((4..=LONGEST_PASSWORD).contains(&text.len()));
    }
    let is_operator = is_operator_name(text);
    assert!(!is_operator || text.len() <= 32);
    for found in [Prefecture::from_romaji(text), Prefecture::from_name(text)] {
        assert!(found.is_none_or(|found| found.name() == text || found.romaji() == text));
    }
    let beginning = Prefecture::beginning(text);
    assert!(beginning.is_none_or(|found| text.starts_with(found.name())));
    name.is_some() || number.is_some() || is_operator
}
