//! The two profiles, and what a policy refuses (decisions N2, K2, K4, K7, I2; requirements §2.B,
//! §2.C).

use std::collections::BTreeMap;

use tegata_domain::institution::ClassName;
use tegata_domain::policy::{Policy, ProfileName, SecondFactor};
use toml::{Table, Value};

fn table(profile: ProfileName) -> Table {
    profile.source().parse().unwrap()
}

fn policy(profile: ProfileName) -> Policy {
    toml::from_str(profile.source()).unwrap()
}

/// The value at a path such as `periods.renewal_days`, with the tables on the way made where
/// absent.
fn place<'a>(table: &'a mut Table, path: &str) -> &'a mut Value {
    let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut table = table;
    for name in parents.split('.').filter(|name| !name.is_empty()) {
        table = table[name].as_table_mut().unwrap();
    }
    table
        .entry(last)
        .or_insert_with(|| Value::String(String::new()))
}

/// `obn` with one value changed.
fn with(path: &str, value: impl Into<Value>) -> Result<Policy, toml::de::Error> {
    let mut table = table(ProfileName::Obn);
    *place(&mut table, path) = value.into();
    table.try_into()
}

/// Every key of a table by its whole path, with its value.
fn leaves(table: &Table) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => {
                let inner = leaves(inner).into_iter();
                found.extend(inner.map(|(path, value)| (format!("{name}.{path}"), value)));
            }
            other => {
                found.insert(name.clone(), other.clone());
            }
        }
    }
    found
}

/// The paths of all tables, the outermost (an empty path) included.
fn tables(table: &Table, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    for (name, value) in table {
        if let Value::Table(inner) = value {
            tables(inner, &format!("{path}{name}."), found);
        }
    }
}

#[test]
fn both_profiles_can_be_read_and_meant() {
    for profile in ProfileName::ALL {
        assert_eq!(policy(profile).check(), Ok(()), "{profile}");
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    assert!("Obn".parse::<ProfileName>().is_err());
}

#[test]
fn obn_has_every_number_of_the_manual() {
    let policy = policy(ProfileName::Obn);
    let falling = [30, 15, 7, 6, 5, 4, 3, 2, 1, 0];
    let after = |first: &[i64]| [first, &falling].concat();
    assert_eq!(policy.periods.validity_months, 39);
    assert_eq!(policy.periods.collection_days, 180);
    assert_eq!(policy.periods.renewal_days, 90);
    assert_eq!(policy.notices.mail, after(&[75, 60, 45]));
    assert_eq!(policy.notices.message, after(&[90, 60]));
    assert_eq!(policy.notices.terminal, after(&[90, 60]));
    assert_eq!(policy.notices.message_daily_from, 90);
    assert_eq!(policy.reference_id.length, 10);
    assert_eq!(policy.p12.min_length, 4);
    assert_eq!(policy.ca.tiers, 1);
    assert_eq!(policy.collect.second_factor, SecondFactor::None);
    assert_eq!(policy.subject.organization, "ReceiptOnline");
    assert_eq!(policy.subject.country, "JP");
}

#[test]
fn obn_has_every_number_of_the_decisions() {
    let policy = policy(ProfileName::Obn);
    let periods = &policy.periods;
    assert_eq!(periods.collection_limit_days, 365, "D4");
    assert_eq!(periods.backdate_seconds, 600, "D2");
    assert_eq!(policy.notices.hour, 9, "D2");
    assert_eq!(periods.letter_days, 14, "I2");
    assert_eq!(periods.retrieval_days, 30, "F3");
    assert_eq!(periods.flow_hours, 2, "K3");
    assert_eq!(policy.guessing.longest_delay_seconds, 5, "I3");
    assert_eq!(policy.p12.iterations, 10_000, "K5");
    assert_eq!(policy.ca.key, "rsa3072", "K6");
    assert_eq!(policy.ca.subscriber_key, "rsa2048", "K6");
    assert_eq!(policy.hold.rate_per_hour, 100, "F4");
    assert_eq!(policy.crl.next_update_hours, 72, "W4");
    assert_eq!(policy.crl.interval_minutes, 60, "W4");
    assert_eq!(policy.ocsp.next_update_hours, 12, "W4");
    assert_eq!((policy.crl.max_age, policy.ocsp.max_age), (60, 60), "W4");
    assert_eq!(policy.ocsp.responder_days, 14, "W4");
    assert_eq!(policy.ocsp.renew_days, 7, "W4");
}

#[test]
fn default_differs_only_where_the_decisions_say_so() {
    let (obn, default) = (
        leaves(&table(ProfileName::Obn)),
        leaves(&table(ProfileName::Default)),
    );
    let keys = obn.keys().chain(default.keys());
    let differing: std::collections::BTreeSet<&str> = keys
        .filter(|key| obn.get(*key) != default.get(*key))
        .map(String::as_str)
        .collect();
    let allowed = [
        // N2: names are an operator's own.
        "ca.common_name",
        "ca.issuing_common_name",
        "ca.organization",
        "ca.tls_common_name",
        "names.ca_name",
        "names.ca_short",
        "names.help_desk.name",
        "names.network",
        "names.relying_systems",
        "subject.organization",
        // S6, N2: an own policy.
        "subject.policy_oid",
        // K7, K2, I2, K4.
        "ca.tiers",
        "collect.second_factor",
        "reference_id.length",
        "p12.min_length",
    ];
    assert_eq!(differing, allowed.into());
    let default = policy(ProfileName::Default);
    assert_eq!(default.ca.tiers, 2);
    assert_eq!(default.collect.second_factor, SecondFactor::MailCode);
    assert_eq!(default.reference_id.length, 16);
    assert_eq!(default.p12.min_length, 12);
}

#[test]
fn both_profiles_have_the_classes_of_the_decisions() {
    let names = [
        "medical",
        "dental",
        "pharmacy",
        "visiting-nurse",
        "insurer",
        "checkup",
        "agent",
        "vendor",
        "other",
    ];
    for profile in ProfileName::ALL {
        let policy = policy(profile);
        assert_eq!(policy.classes.len(), names.len());
        for name in names {
            let rule = policy.class(&ClassName::new(name)).unwrap();
            assert_eq!(rule.ou, name);
        }
        assert!(policy.class(&ClassName::new("rosai")).is_none());
    }
}

#[test]
fn an_unknown_key_is_refused_by_its_name_at_every_level() {
    let obn = table(ProfileName::Obn);
    let mut paths = Vec::new();
    tables(&obn, "", &mut paths);
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths.iter().filter(|path| *path != "classes.") {
        let refused = with(&format!("{path}nonsense"), 1);
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains("unknown field `nonsense`"),
            "{path}: {message}"
        );
    }
}

#[test]
fn a_missing_key_is_refused_by_its_name() {
    for path in leaves(&table(ProfileName::Obn)).keys() {
        let mut table = table(ProfileName::Obn);
        let (parents, last) = path.rsplit_once('.').unwrap();
        let parent = place(&mut table, parents).as_table_mut().unwrap();
        assert!(parent.remove(last).is_some());
        let message = table.try_into::<Policy>().unwrap_err().to_string();
        assert!(
            message.contains(&format!("missing field `{last}`")),
            "{path}: {message}"
        );
    }
}

#[test]
fn what_is_written_is_read_back_the_same() {
    for profile in ProfileName::ALL {
        let written = toml::to_string(&policy(profile)).unwrap();
        assert_eq!(written.parse::<Table>().unwrap(), table(profile));
        let again: Policy = toml::from_str(&written).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), written);
    }
    let with_address = with("subject.cps_uri", "https://ca.example/cps").unwrap();
    let written = toml::to_string(&with_address).unwrap();
    assert!(written.contains("cps_uri = \"https://ca.example/cps\""));
}

/// Asserts that `obn` with each of these values is refused, and that the refusal names the key.
fn refuses(path: &str, values: impl IntoIterator<Item = impl Into<Value>>) {
    for value in values {
        let value = value.into();
        let shown = value.to_string();
        let invalid = with(path, value).unwrap().check();
        let key = invalid.expect_err(&format!("{path} = {shown}")).key;
        assert_eq!(key, format!("policy.{path}"), "{shown}");
    }
}

/// Asserts that `obn` with each of these values is accepted.
fn accepts(path: &str, values: impl IntoIterator<Item = impl Into<Value>>) {
    for value in values {
        let value = value.into();
        let shown = value.to_string();
        assert_eq!(
            with(path, value).unwrap().check(),
            Ok(()),
            "{path} = {shown}"
        );
    }
}

/// Asserts that exactly the whole numbers from `first` to `last` are accepted.
fn ranges(path: &str, first: i64, last: i64) {
    accepts(path, [first, last]);
    refuses(path, [first - 1, last + 1]);
}

#[test]
fn a_number_outside_its_range_is_refused_by_its_key() {
    ranges("periods.validity_months", 1, 120);
    refuses("periods.collection_days", [i64::MIN, 0, 366, i64::MAX]);
    ranges("periods.collection_limit_days", 180, 365);
    ranges("periods.renewal_days", 1, 365);
    ranges("periods.retrieval_days", 0, 365);
    ranges("periods.backdate_seconds", 0, 86_400);
    ranges("periods.letter_days", 1, 14);
    ranges("periods.flow_hours", 1, 24);
    ranges("notices.message_daily_from", 0, 365);
    ranges("notices.hour", 0, 23);
    ranges("notices.keep_sent_days", 200, 3_650);
    refuses("terminal.first_hour", [i64::MIN, -1, 24, i64::MAX]);
    ranges("terminal.last_hour", 10, 24);
    ranges("terminal.busy_first_day", 1, 28);
    ranges("terminal.busy_last_day", 0, 27);
    ranges("ca.tiers", 1, 2);
    ranges("ca.years", 1, 40);
    refuses("ca.key_pool", [1_001]);
    ranges("crl.shards", 1, 1_024);
    refuses("crl.interval_minutes", [i64::MIN, 0, 10_081, i64::MAX]);
    ranges("crl.next_update_hours", 2, 8_760);
    ranges("ocsp.next_update_hours", 1, 8_760);
    refuses("ocsp.responder_days", [367]);
    ranges("ocsp.renew_days", 0, 13);
    refuses("tls.server_days", [i64::MIN, 0, 10_001]);
    ranges("tls.renew_days", 0, 396);
    ranges("reference_id.length", 10, 32);
    ranges("p12.min_length", 4, 31);
    ranges("p12.iterations", 1_000, 600_000);
    ranges("collect.code_minutes", 1, 120);
    ranges("collect.code_pause_seconds", 0, 3_600);
    ranges("collect.code_tries", 1, 100);
    ranges("collect.codes_per_hour", 1, 60);
    refuses("guessing.longest_delay_seconds", [6]);
    refuses("guessing.alarm_per_minute", [0]);
    refuses("hold.rate_per_hour", [i64::MIN, 0]);
    refuses("renewal.rate_per_hour", [i64::MIN, 0]);
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    // A list is made again before it is out of date.
    refuses("crl.next_update_hours", [i64::MIN, 1, 8_761, i64::MAX]);
    let slow = with("crl.interval_minutes", 72 * 60).unwrap().check();
    assert_eq!(slow.unwrap_err().key, "policy.crl.next_update_hours");
    // No cache keeps an answer that is out of date.
    refuses("crl.max_age", [72 * 3_600]);
    refuses("ocsp.max_age", [12 * 3_600]);
    // A window can be extended, never shortened, and ends at P + 365 days (D4).
    refuses("periods.collection_limit_days", [179, 366]);
    let long = with("periods.collection_days", 366).unwrap().check();
    assert_eq!(long.unwrap_err().key, "policy.periods.collection_days");
    // Answers are slowed before they are refused.
    refuses("guessing.budget_per_minute", [4]);
    accepts("guessing.budget_per_minute", [5]);
    // Terminals have an hour to ask in.
    let none = with("terminal.first_hour", 17).unwrap().check();
    assert_eq!(none.unwrap_err().key, "policy.terminal.last_hour");
    // Renewed before its end.
    let late = with("ocsp.responder_days", 7).unwrap().check();
    assert_eq!(late.unwrap_err().key, "policy.ocsp.renew_days");
    let late = with("tls.server_days", 30).unwrap().check();
    assert_eq!(late.unwrap_err().key, "policy.tls.renew_days");
}

#[test]
fn days_of_notices_fall_and_lie_within_a_year() {
    for channel in ["mail", "message", "terminal"] {
        let path = format!("notices.{channel}");
        let list = |days: &[i64]| Value::from(days.to_vec());
        refuses(
            &path,
            [
                list(&[7, 7]),
                list(&[7, 15]),
                list(&[366]),
                list(&[0, -1]),
                list(&[1, 0, i64::MIN]),
            ],
        );
        accepts(&path, [list(&[]), list(&[0]), list(&[365, 90, 0])]);
    }
}

#[test]
fn a_text_that_cannot_be_meant_is_refused_by_its_key() {
    let long = "x".repeat(65);
    refuses("names.ca_name", ["", " "]);
    refuses("names.ca_short", ["", "\u{3000}"]);
    refuses("names.sender", ["", "ca.example", "a@b@ca.example"]);
    refuses("subject.country", ["", "jp", "JPN", "J1"]);
    refuses("subject.organization", ["", " O", "a\nb", &long]);
    refuses(
        "subject.policy_oid",
        [
            "",
            "2",
            "3.1",
            "1.40",
            "2.40",
            "2.999.1",
            "2.5.",
            ".1.2",
            "2.01",
            "2.+1",
            "2.5.4294967296",
            "a.b",
            &format!("2.5{}", ".1".repeat(39)),
            &format!("2.5{}.128", ".1".repeat(37)),
            &format!("2.5{}", ".4294967295".repeat(8)),
        ],
    );
    accepts(
        "subject.policy_oid",
        [
            "1.3.6.1.4.1.0",
            "0.39",
            "2.5.4294967295",
            &format!("2.5{}", ".1".repeat(38)),
            &format!("2.5{}.128", ".1".repeat(36)),
        ],
    );
    refuses(
        "subject.cps_uri",
        [
            "",
            "ca.example",
            "http://",
            "ftp://ca.example",
            "http://ca example",
        ],
    );
    accepts(
        "subject.cps_uri",
        ["http://ca.example/cps", "https://ca.example"],
    );
    refuses("ca.common_name", ["", &long]);
    refuses(
        "ca.issuing_common_name",
        ["", "Sample Billing NW Common Root CA - G1"],
    );
    refuses(
        "ca.tls_common_name",
        [
            "",
            "Sample Billing NW Common Root CA - G1",
            "Sample Billing NW Issuing CA - G1",
        ],
    );
    refuses("ca.organization", ["", &long]);
    refuses("ca.key", ["", "rsa1024", "RSA3072", "ed25519"]);
    accepts("ca.key", ["rsa2048", "rsa4096", "p256", "p384"]);
    refuses("ca.subscriber_key", ["rsa3072", "p384"]);
    accepts("ca.subscriber_key", ["p256"]);
}

#[test]
fn a_class_without_a_name_a_label_or_an_ou_is_refused() {
    let refused = |policy: Policy| policy.check().unwrap_err().to_string();
    let none = with("classes", Table::new()).unwrap();
    assert_eq!(refused(none), "policy.classes: name at least one class");
    let label = with("classes.medical.label", " ").unwrap();
    assert_eq!(refused(label), "policy.classes: give each class a label");
    for ou in [String::new(), "x".repeat(65)] {
        let ou = with("classes.medical.ou", ou).unwrap();
        assert!(refused(ou).contains("ou of 1 to 64"));
    }
    let medical = table(ProfileName::Obn)["classes"]["medical"].clone();
    for name in ["Medical", "", "a b", &"x".repeat(33)] {
        let mut table = table(ProfileName::Obn);
        let classes = place(&mut table, "classes").as_table_mut().unwrap();
        classes.insert(name.to_owned(), medical.clone());
        let policy: Policy = table.try_into().unwrap();
        assert!(refused(policy).contains("small letters"), "{name}");
    }
}

#[test]
fn a_pattern_that_is_no_regular_expression_stops_the_reading() {
    for pattern in ["[0-9", "a)|(b", "(", "*"] {
        assert!(
            with("classes.medical.pattern", pattern).is_err(),
            "{pattern}"
        );
    }
}
