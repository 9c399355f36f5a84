//! Facts about arbitrary input: dates keep their order, what is printed is read back, and no text
//! that comes from outside stops the program.

use proptest::collection::vec;
use proptest::prelude::*;
use tegata_domain::application::EnteredBy;
use tegata_domain::certificate::CertificateKind;
use tegata_domain::entropy::{SeededEntropy, text};
use tegata_domain::flow::{FlowKind, FlowStep};
use tegata_domain::grant::{days_left, not_after, renewal_opens, window_end};
use tegata_domain::id::{FlowId, GrantId, SerialNumber};
use tegata_domain::institution::{InstitutionCode, MailAddress, Prefecture, TerminalName};
use tegata_domain::operator::{Role, is_operator_name};
use tegata_domain::outbox::MailKind;
use tegata_domain::policy::{ClassRule, Pattern, Policy, ProfileName};
use tegata_domain::proposal::{ActValues, ProposedAct};
use tegata_domain::reference::{ReferenceId, ReferenceScope, RequestId};
use tegata_domain::revocation::{Outcome, ReasonCode, StatedReason};
use tegata_domain::time::{CalendarDate, Timestamp};

/// Instants of the years 1600 to 2500.
fn instant() -> impl Strategy<Value = Timestamp> {
    (-11_670_000_000_i64..16_700_000_000).prop_map(Timestamp::from_unix)
}

/// Any text, and texts that come near to what the parsers look for.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(any::<char>(), 0..80).prop_map(String::from_iter),
        "[0-90-9A-Za-z@.\\- \u{3000}-]{0,300}",
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]{0,20}",
        "\\PC*",
    ]
}

fn policy() -> Policy {
    toml::from_str(ProfileName::Obn.source()).unwrap()
}

proptest! {
    #[test]
    fn dates_keep_the_order_of_instants(a in instant(), b in instant(), months in 0_u32..600) {
        let (a, b) = (a.min(b), a.max(b));
        let periods = policy().periods;
        prop_assert!(a.japan_date() <= b.japan_date());
        prop_assert!(a.japan_date().plus_months(months) <= b.japan_date().plus_months(months));
        prop_assert!(window_end(a, &periods) <= window_end(b, &periods));
        prop_assert!(renewal_opens(a, &periods) <= renewal_opens(b, &periods));
        prop_assert!(days_left(a, b) <= 0);
        prop_assert!(days_left(b, a) >= 0);
        // Clamped days share a date but keep their time of day: a later approval can end earlier,
        // by less than a day.
        let earlier_by = not_after(a, &periods).seconds_since(not_after(b, &periods));
        prop_assert!(earlier_by < 86_400);
    }

    #[test]
    fn adding_months_keeps_the_time_of_day(at in instant(), months in 0_u32..600) {
        let (before, after) = (at.japan(), at.plus_months(months).japan());
        prop_assert_eq!(
            (before.hour, before.minute, before.second),
            (after.hour, after.minute, after.second)
        );
        let (year, month, day) = before.date.ymd();
        let (later_year, later_month, later_day) = after.date.ymd();
        let between = (later_year - year) * 12 + i32::from(later_month) - i32::from(month);
        prop_assert_eq!(between, i32::try_from(months).unwrap());
        prop_assert!(later_day == day || (later_day < day && after.date.plus_days(1).ymd().2 == 1));
    }

    #[test]
    fn a_day_begins_and_ends_within_itself(at in instant()) {
        let date = at.japan_date();
        prop_assert!(date.start() <= at && at <= date.end());
        prop_assert_eq!(date.end().plus_seconds(1), date.plus_days(1).start());
        let (year, month, day) = date.ymd();
        prop_assert_eq!(CalendarDate::from_ymd(year, month, day), Ok(date));
    }

    #[test]
    fn an_instant_that_is_printed_is_read_back(at in instant()) {
        prop_assert_eq!(Timestamp::parse_rfc3339(&at.to_string()), Ok(at));
    }

    #[test]
    fn no_instant_stops_the_program(seconds: i64, other: i64, months: u32) {
        let (at, other) = (Timestamp::from_unix(seconds), Timestamp::from_unix(other));
        let date = at.japan_date();
        let _ = (at.to_string(), date.to_string(), at.japan(), date.weekday());
        let _ = (at.plus_months(months), date.start(), date.end(), at.plus_days(seconds));
        let _ = (at.seconds_since(other), date.days_until(other.japan_date()));
        let periods = policy().periods;
        let _ = (not_after(at, &periods), window_end(at, &periods), renewal_opens(at, &periods));
    }

    #[test]
    fn ids_that_are_printed_are_read_back(seed: u64, at in instant()) {
        let entropy = SeededEntropy::new(seed);
        let id = GrantId::generate(at, &entropy);
        prop_assert_eq!(GrantId::parse(&id.to_string()), Ok(id));
        let flow = FlowId::generate(&entropy);
        prop_assert_eq!(FlowId::parse(flow.as_str()), Ok(flow));
        let serial = SerialNumber::generate(&entropy);
        prop_assert_eq!(SerialNumber::parse(&serial.to_string()), Ok(serial));
        prop_assert_eq!(SerialNumber::from_octets(*serial.octets()), Some(serial));
    }

    #[test]
    fn request_ids_that_are_printed_are_read_back(at in instant(), number in 0..10_u64.pow(16)) {
        let id = RequestId::new(at.japan_date(), number);
        prop_assert_eq!(RequestId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn reference_ids_that_are_shown_are_read_back(seed: u64, length in 10_usize..=32) {
        let id = ReferenceId::generate(&SeededEntropy::new(seed), length);
        prop_assert_eq!(id.expose().len(), length);
        let again = ReferenceId::parse(id.expose());
        prop_assert_eq!(again.as_ref().map(ReferenceId::expose), Some(id.expose()));
    }

    #[test]
    fn what_a_parser_accepts_it_accepts_again(typed in anything()) {
        if let Some(id) = RequestId::parse(&typed) {
            prop_assert_eq!(RequestId::parse(id.as_str()), Some(id));
        }
        if let Some(id) = ReferenceId::parse(&typed) {
            let again = ReferenceId::parse(id.expose());
            prop_assert_eq!(again.as_ref().map(ReferenceId::expose), Some(id.expose()));
        }
        if let Some(address) = MailAddress::parse(&typed) {
            prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
            prop_assert_eq!(address.as_str().matches('@').count(), 1);
            prop_assert_eq!(MailAddress::parse(address.as_str()), Some(address));
        }
        if let Some(name) = TerminalName::parse(&typed) {
            prop_assert_eq!(TerminalName::parse(name.as_str()), Some(name));
        }
    }

    #[test]
    fn no_text_stops_a_parser(typed in anything(), number: i64) {
        let policy = policy();
        for rule in policy.classes.values() {
            let code = InstitutionCode::parse(&typed, rule, Prefecture::from_number(1));
            let _ = code.map(|code| code.prefecture());
        }
        let _ = InstitutionCode::from_stored(typed.clone()).prefecture();
        let everything = ClassRule {
            label: String::new(),
            ou: String::new(),
            pattern: Pattern::new("(?s).*").unwrap(),
            luhn: true,
            prefecture: true,
        };
        let _ = InstitutionCode::parse(&typed, &everything, None);
        let _ = MailAddress::parse(&typed).map(|address| address.masked());
        let _ = ReferenceId::parse(&typed).map(|id| id.last_two());
        let _ = (GrantId::parse(&typed), FlowId::parse(&typed), SerialNumber::parse(&typed));
        let values = ActValues::from([(typed.clone(), vec![typed.clone()])]);
        let _ = (CalendarDate::parse(&typed), ProposedAct::parse(&typed, &values));
        let _ = ProposedAct::WORDS.map(|word| ProposedAct::parse(word, &values));
        let _ = (Timestamp::parse_rfc3339(&typed), Prefecture::from_romaji(&typed));
        let _ = (CertificateKind::parse(&typed), FlowKind::parse(&typed), FlowStep::parse(&typed));
        let _ = (MailKind::parse(&typed), Role::parse(&typed), is_operator_name(&typed));
        let _ = (ReferenceScope::parse(&typed), Outcome::parse(&typed));
        let _ = (StatedReason::parse(&typed), ReasonCode::from_number(number));
        let _ = (EnteredBy::parse(&typed), typed.parse::<ProfileName>());
        let _ = (Pattern::new(&typed), toml::from_str::<Policy>(&typed));
    }

    #[test]
    fn random_text_has_its_length_and_only_characters_of_its_alphabet(
        seed: u64,
        alphabet in "[ -~]{0,300}",
        length in 0_usize..100,
    ) {
        let made = text(&SeededEntropy::new(seed), alphabet.as_bytes(), length);
        let expected = if alphabet.is_empty() { 0 } else { length };
        prop_assert_eq!(made.len(), expected);
        prop_assert!(made.chars().all(|c| alphabet.contains(c)));
    }
}
