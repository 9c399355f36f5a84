//! Files that come from elsewhere: registers of operators, and mails that come back.

#[path = "../../server/src/bounce/report.rs"]
mod report;

use tegata_domain::bounce::{DeliveryStatus, HandOverRefusal, HandOverVerdict, one_line_of};
use tegata_domain::institution::MailAddress;
use tegata_domain::register::{RegisterEntry, TypedEntry};

use crate::text;
use crate::texts::POLICY;

/// A delivery report. The reader is the program's own file: `tegata` is no library.
pub fn bounce(octets: &[u8]) -> bool {
    let Some(report) = report::read_report(octets) else {
        return false;
    };
    assert!((1..=100).contains(&report.recipients.len()));
    assert!(report.message_ids.len() <= 16);
    let length: usize = report.message_ids.iter().map(String::len).sum();
    assert!(length <= report::LONGEST * 4);
    for recipient in &report.recipients {
        assert!((1..=2).contains(&recipient.addresses.len()));
        for address in &recipient.addresses {
            assert_eq!(MailAddress::parse(address.as_str()).as_ref(), Some(address));
        }
        assert!(recipient.said.chars().count() <= 300);
        assert!(!recipient.said.chars().any(char::is_control));
    }
    true
}

/// A mail server's reply to a hand-over: three digits, and words.
pub fn hand_over(octets: &[u8]) -> bool {
    let text = String::from_utf8_lossy(octets);
    let code = text.get(..3).and_then(|digits| digits.parse().ok());
    let words = text.get(3..).unwrap_or_default().to_owned();
    let Some(code @ 400..=599) = code else {
        return false;
    };
    let refusal = HandOverRefusal { code, words };
    let status = match refusal.verdict() {
        HandOverVerdict::NoMailbox(status) => {
            assert!(code >= 500 && status.as_str().starts_with("5."));
            status
        }
        HandOverVerdict::NotTaken(status) => status,
        HandOverVerdict::OfServer => return true,
    };
    assert!(!status.as_str().starts_with('2') && status.as_str().len() <= 9);
    assert_eq!(DeliveryStatus::parse(status.as_str()), Some(status));
    true
}

/// A register in CSV.
pub fn register(octets: &[u8]) -> bool {
    let Some(register) = tegata_app::outside::register(octets) else {
        return false;
    };
    let lines = u64::try_from(octets.len())
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let numbers = register.entries.iter().map(|(line, _)| *line);
    assert!(numbers.clone().is_sorted() && numbers.clone().all(|line| (1..=lines).contains(&line)));
    assert!(
        register
            .bad
            .iter()
            .all(|bad| bad.line <= lines && !bad.problems.is_empty())
    );
    for (_, typed) in &register.entries {
        check_entry(typed);
    }
    true
}

/// An entry that was taken is taken again as it stands.
fn check_entry(typed: &TypedEntry) {
    let Some(policy) = POLICY.as_ref() else {
        return;
    };
    let entry = match RegisterEntry::check(typed, policy) {
        Ok(entry) => entry,
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                let _ = one_line_of(&problem.to_string());
            }
            return;
        }
    };
    let again = TypedEntry {
        class: entry.class.as_str().to_owned(),
        code: entry.code.as_str().to_owned(),
        name: entry.name.clone(),
        kana: entry.kana.clone(),
        prefecture: entry.prefecture.romaji().to_owned(),
        postal_code: entry.postal_code.clone(),
        address: entry.address.clone(),
        telephone: entry.telephone.clone(),
    };
    assert_eq!(RegisterEntry::check(&again, policy), Ok(entry));
    let cells = [&again.name, &again.kana, &again.address];
    let is_line = |cell: &&String| {
        text(cell.as_bytes()).is_some_and(|cell| !cell.chars().any(char::is_control))
    };
    assert!(cells.iter().all(is_line));
}
