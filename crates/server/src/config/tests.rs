//! A mistake in the file, and the one line that the operator reads.

use std::path::Path;

use super::*;

const FILE: &str = "/etc/tegata/tegata.toml";

fn parse(text: &str) -> Result<Config, Mistake> {
    Config::parse(Path::new(FILE), text)
}

#[test]
fn each_mistake_is_told_in_one_line_with_key_and_remedy() {
    for (text, told) in [
        (
            "profil = \"obn\"",
            "profil: unknown key; write \"profile\" or remove it",
        ),
        (
            "colour = \"blue\"",
            "colour: unknown key; remove it (docs/reference/configuration.md lists every key)",
        ),
        (
            "profile = \"japan\"",
            "profile: write \"default\" or \"obn\"",
        ),
        ("listen = 3", "listen: write a section: [listen]"),
        (
            "policy = 3",
            "policy: write a section: [policy.periods] and so on",
        ),
        (
            "[listen]\npublik = \"127.0.0.1:1\"",
            "listen.publik: unknown key; write \"listen.public\" or remove it",
        ),
        (
            "[listen]\npublic = 8440",
            "listen.public: write a text in quotes",
        ),
        (
            "[listen]\npublic = \"localhost\"",
            "listen.public: \"localhost\" is no socket address; write one such as \"127.0.0.1:8440\"",
        ),
        (
            "[listen]\nsubscriber = \"127.0.0.1:8440\"",
            "listen.subscriber: use another port than listen.public",
        ),
        (
            "[listen]\nplain = \"127.0.0.1:8440\"",
            "listen.plain: use a port of its own",
        ),
        (
            "[listen]\nrelying = \"127.0.0.1:8444\"",
            "listen.relying: use a port of its own",
        ),
        (
            "[listen]\nrelying = \"127.0.0.1:9\"\nmetrics = \"127.0.0.1:9\"",
            "listen.metrics: use a port of its own",
        ),
        (
            "[listen]\nproxies = [\"proxy.example\"]",
            "listen.proxies: \"proxy.example\" is no IP address; write one such as \"192.0.2.1\"",
        ),
        (
            "[relying]\nsystems = [\"claims=0f\"]",
            "relying.systems: no 64 hexadecimal digits in \"claims=0f\"; write \"NAME=SHA256\" for each system",
        ),
        (
            "[relying]\nsystems = [\"claims\"]",
            "relying.systems: no \"=\" in \"claims\"; write \"NAME=SHA256\" for each system",
        ),
        (
            "[names]\npublic = \"a b\"",
            "names.public: \"a b\" is no host name; write one such as \"ca.example.jp\"",
        ),
        (
            "[names]\nsubscriber = \"localhost\"",
            "names.subscriber: write a list of texts: [\"one\", \"two\"]",
        ),
        (
            "[names]\nsubscriber = []",
            "names.subscriber: write at least one host name",
        ),
        (
            "[names]\ntls_domains = [\"example.jp\"]",
            "names.tls_domains: add a domain that contains \"localhost\"",
        ),
        (
            "[names]\nplain_url = \"https://ca.example.jp\"",
            "names.plain_url: write an address such as \"http://ca.example.jp\", without a slash \
             at the end",
        ),
        (
            "[names]\npublic_port = 0",
            "names.public_port: write a number from 1 to 65535",
        ),
        (
            "database = \"mysql://x\"",
            "database: write \"sqlite:PATH\" or \"postgres://USER@HOST/NAME\"",
        ),
        (
            "[log]\nformat = \"xml\"",
            "log.format: write \"text\" or \"json\"",
        ),
        (
            "[policy.periods]\nvalidity_month = 39",
            "policy.periods.validity_month: unknown key; write \"policy.periods.validity_months\" \
             or remove it",
        ),
        (
            "[policy.periods]\nvalidity_months = \"39\"",
            "policy.periods.validity_months: write a number, such as 39",
        ),
        (
            "[policy.periods]\nvalidity_months = 0",
            "policy.periods.validity_months: use 1 to 120",
        ),
        (
            "[policy.names.help_desk]\nfax = \"1\"",
            "policy.names.help_desk.fax: unknown key; remove it (docs/reference/configuration.md lists every key)",
        ),
    ] {
        let mistake = parse(text)
            .err()
            .map(|mistake| mistake.line(Path::new(FILE)));
        assert_eq!(mistake, Some(format!("{FILE}: {told}")), "{text}");
    }
}

#[test]
fn a_mistake_of_form_names_its_line() {
    let mistake = parse("profile = \"obn\"\n\n[names\n").unwrap_err();
    let line = mistake.line(Path::new(FILE));
    assert!(line.starts_with(&format!("{FILE}: line 3: ")), "{line}");
    assert!(!line.contains('\n'));
}

#[test]
fn an_empty_file_is_the_default_on_loopback() {
    let config = parse("").unwrap();
    assert_eq!(config.profile, Profile::Default);
    assert_eq!(config.names.addresses.public, "https://localhost:8440");
    assert_eq!(config.names.addresses.plain, "http://localhost:8444");
    assert_eq!(config.database, "sqlite:/etc/tegata/data/tegata.db");
    assert_eq!(config.kek_file, Path::new("/etc/tegata/kek"));
    assert!(config.listen.public.ip().is_loopback());
}

#[test]
fn the_starter_file_of_each_profile_loads_as_that_profile() {
    for profile in [Profile::Default, Profile::Obn] {
        assert_eq!(parse(&starter(profile)).unwrap().profile, profile);
    }
}

#[test]
fn relying_systems_are_listed_with_the_listener_that_answers_them() {
    let systems = format!(
        "[relying]\nsystems = [\"claims={}\"]\n",
        "0F:".repeat(31) + "0F"
    );
    let mistake = parse(&systems).unwrap_err();
    let told = mistake.line(Path::new(FILE));
    assert!(
        told.contains("relying.systems: set listen.relying"),
        "{told}"
    );
    let text = format!("[listen]\nrelying = \"127.0.0.1:8446\"\n{systems}");
    let config = parse(&text).unwrap();
    assert_eq!(config.relying_entries.len(), 1);
    assert_eq!(config.names.relying, "localhost");
    assert_eq!(config.listen.relying.unwrap().port(), 8_446);
}

#[test]
fn usual_ports_stand_in_no_address() {
    let text = "[listen]\npublic = \"0.0.0.0:443\"\nsubscriber = \"[::]:9441\"\nplain = \
                \"0.0.0.0:80\"\n[names]\npublic = \"CA.example.jp\"\nsubscriber = \
                [\"ru.example.jp\"]\nsubscriber_port = 443\n";
    let names = parse(text).unwrap().names;
    assert_eq!(names.addresses.public, "https://ca.example.jp");
    assert_eq!(names.addresses.subscriber, ["https://ru.example.jp"]);
    assert_eq!(names.addresses.plain, "http://ca.example.jp");
    assert_eq!(names.of_tls(), ["ca.example.jp", "ru.example.jp"]);
}

#[test]
fn overrides_change_single_rules_and_classes_can_be_added() {
    let text = "profile = \"obn\"\n[policy.periods]\ncollection_days = 90\n\
                [policy.subject]\ncps_uri = \"http://ca.example.jp/cps\"\n\
                [policy.classes.clinic]\nlabel = \"C\"\nou = \"clinic\"\npattern = \"[0-9]{4}\"\n\
                luhn = false\nprefecture = false\n";
    let policy = parse(text).unwrap().policy;
    assert_eq!(policy.periods.collection_days, 90);
    assert_eq!(policy.periods.validity_months, 39);
    assert_eq!(
        policy.subject.cps_uri.as_deref(),
        Some("http://ca.example.jp/cps")
    );
    assert!(policy.classes.contains_key("clinic") && policy.classes.contains_key("medical"));
}
