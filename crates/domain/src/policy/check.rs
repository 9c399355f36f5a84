//! Whether the values of a policy can be meant: each by itself, and those that depend on each
//! other.
//!
//! A range says what the program can live with, and what the decisions fix; it gives no advice.

use super::{ClassRule, InvalidPolicy, NoticeDays, Policy, TerminalPolicy};
use crate::institution::MailAddress;

/// A rule: whether it holds, the key it is about, and what to write instead.
type Rule = (bool, &'static str, &'static str);

impl Policy {
    /// What is wrong with the values, one by one and taken together: the key and what to do.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let broken = self
            .period_rules()
            .into_iter()
            .chain(notice_rules(&self.notices))
            .chain(terminal_rules(&self.terminal))
            .chain(self.name_rules())
            .chain(self.ca_rules())
            .chain(self.status_rules())
            .chain(self.secret_rules())
            .chain(self.application_rules())
            .chain(self.class_rules())
            .find(|(holds, ..)| !holds);
        match broken {
            Some((_, key, remedy)) => Err(InvalidPolicy { key, remedy }),
            None => Ok(()),
        }
    }

    /// Lifetimes and windows; the window never ends later than P + 365 days (D4), and the clear
    /// text of a letter's ID lives at most 14 days (I2).
    fn period_rules(&self) -> [Rule; 8] {
        let periods = &self.periods;
        [
            (
                (1..=120).contains(&periods.validity_months),
                "policy.periods.validity_months",
                "use 1 to 120",
            ),
            (
                (1..=365).contains(&periods.collection_days),
                "policy.periods.collection_days",
                "use 1 to 365",
            ),
            (
                (periods.collection_days..=365).contains(&periods.collection_limit_days),
                "policy.periods.collection_limit_days",
                "use policy.periods.collection_days to 365",
            ),
            (
                (1..=365).contains(&periods.renewal_days),
                "policy.periods.renewal_days",
                "use 1 to 365",
            ),
            (
                (0..=365).contains(&periods.retrieval_days),
                "policy.periods.retrieval_days",
                "use 0 to 365",
            ),
            (
                (0..=86_400).contains(&periods.backdate_seconds),
                "policy.periods.backdate_seconds",
                "use 0 to 86400",
            ),
            (
                (1..=14).contains(&periods.letter_days),
                "policy.periods.letter_days",
                "use 1 to 14",
            ),
            (
                (1..=24).contains(&periods.flow_hours),
                "policy.periods.flow_hours",
                "use 1 to 24",
            ),
        ]
    }

    /// What stands in names and on screens.
    fn name_rules(&self) -> [Rule; 9] {
        let subject = &self.subject;
        [
            (
                !self.names.ca_name.trim().is_empty(),
                "policy.names.ca_name",
                "write the name of the certification authority",
            ),
            (
                !self.names.ca_short.trim().is_empty(),
                "policy.names.ca_short",
                "write a short name of the certification authority",
            ),
            (
                is_address_or_none(self.names.application_guide.as_deref()),
                "policy.names.application_guide",
                "use an address that begins with http:// or https://, or leave it out",
            ),
            (
                is_address_or_none(self.names.user_manual.as_deref()),
                "policy.names.user_manual",
                "use an address that begins with http:// or https://, or leave it out",
            ),
            (
                MailAddress::parse(&self.names.sender).is_some(),
                "policy.names.sender",
                "write a mail address such as no-reply@ca.example",
            ),
            (
                is_country(&subject.country),
                "policy.subject.country",
                "use two capital letters such as JP",
            ),
            (
                is_name_part(&subject.organization),
                "policy.subject.organization",
                "use 1 to 64 characters",
            ),
            (
                is_object_identifier(&subject.policy_oid),
                "policy.subject.policy_oid",
                "use numbers with dots such as 1.3.6.1.4.1.32473.1.1, the second at most 39",
            ),
            (
                is_address_or_none(subject.cps_uri.as_deref()),
                "policy.subject.cps_uri",
                "use an address that begins with http:// or https://, or leave it out",
            ),
        ]
    }

    /// The certification authority's own keys and certificates, and those of its servers.
    fn ca_rules(&self) -> [Rule; 11] {
        let (ca, tls) = (&self.ca, &self.tls);
        [
            (
                is_name_part(&ca.common_name),
                "policy.ca.common_name",
                "use 1 to 64 characters",
            ),
            (
                is_name_part(&ca.issuing_common_name) && ca.issuing_common_name != ca.common_name,
                "policy.ca.issuing_common_name",
                "use 1 to 64 characters, other than policy.ca.common_name",
            ),
            (
                is_name_part(&ca.tls_common_name)
                    && ca.tls_common_name != ca.common_name
                    && ca.tls_common_name != ca.issuing_common_name,
                "policy.ca.tls_common_name",
                "use 1 to 64 characters, other than the names of the other authorities",
            ),
            (
                is_name_part(&ca.organization),
                "policy.ca.organization",
                "use 1 to 64 characters",
            ),
            ((1..=2).contains(&ca.tiers), "policy.ca.tiers", "use 1 or 2"),
            (
                ["rsa2048", "rsa3072", "rsa4096", "p256", "p384"].contains(&ca.key.as_str()),
                "policy.ca.key",
                "use rsa2048, rsa3072, rsa4096, p256 or p384",
            ),
            (
                (1..=40).contains(&ca.years),
                "policy.ca.years",
                "use 1 to 40",
            ),
            (
                ["rsa2048", "p256"].contains(&ca.subscriber_key.as_str()),
                "policy.ca.subscriber_key",
                "use rsa2048 or p256",
            ),
            (ca.key_pool <= 1_000, "policy.ca.key_pool", "use 0 to 1000"),
            (
                (1..=10_000).contains(&tls.server_days),
                "policy.tls.server_days",
                "use 1 to 10000",
            ),
            (
                (0..tls.server_days).contains(&tls.renew_days),
                "policy.tls.renew_days",
                "use fewer than policy.tls.server_days",
            ),
        ]
    }

    /// Revocation lists and OCSP.
    fn status_rules(&self) -> [Rule; 8] {
        let (crl, ocsp) = (&self.crl, &self.ocsp);
        [
            (
                (1..=1_024).contains(&crl.shards),
                "policy.crl.shards",
                "use 1 to 1024",
            ),
            (
                (1..=10_080).contains(&crl.interval_minutes),
                "policy.crl.interval_minutes",
                "use 1 to 10080",
            ),
            (
                (1..=8_760).contains(&crl.next_update_hours)
                    && crl.next_update_hours * 60 > crl.interval_minutes,
                "policy.crl.next_update_hours",
                "use more than policy.crl.interval_minutes, at most 8760",
            ),
            (
                is_shorter(crl.max_age, crl.next_update_hours),
                "policy.crl.max_age",
                "use fewer seconds than policy.crl.next_update_hours has",
            ),
            (
                (1..=8_760).contains(&ocsp.next_update_hours),
                "policy.ocsp.next_update_hours",
                "use 1 to 8760",
            ),
            (
                is_shorter(ocsp.max_age, ocsp.next_update_hours),
                "policy.ocsp.max_age",
                "use fewer seconds than policy.ocsp.next_update_hours has",
            ),
            (
                (1..=366).contains(&ocsp.responder_days),
                "policy.ocsp.responder_days",
                "use 1 to 366",
            ),
            (
                (0..ocsp.responder_days).contains(&ocsp.renew_days),
                "policy.ocsp.renew_days",
                "use fewer than policy.ocsp.responder_days",
            ),
        ]
    }

    /// IDs, passwords, and those who guess them: a wrong answer is slowed by at most 5 seconds
    /// (I3), a password has at most 31 characters (K4).
    fn secret_rules(&self) -> [Rule; 12] {
        let (guessing, collect) = (&self.guessing, &self.collect);
        [
            (
                (10..=32).contains(&self.reference_id.length),
                "policy.reference_id.length",
                "use 10 to 32",
            ),
            (
                (4..=31).contains(&self.p12.min_length),
                "policy.p12.min_length",
                "use 4 to 31",
            ),
            (
                (1_000..=600_000).contains(&self.p12.iterations),
                "policy.p12.iterations",
                "use 1000 to 600000",
            ),
            (
                (1..=120).contains(&collect.code_minutes),
                "policy.collect.code_minutes",
                "use 1 to 120",
            ),
            (
                (0..=3_600).contains(&collect.code_pause_seconds),
                "policy.collect.code_pause_seconds",
                "use 0 to 3600",
            ),
            (
                (1..=100).contains(&collect.code_tries),
                "policy.collect.code_tries",
                "use 1 to 100",
            ),
            (
                (1..=60).contains(&collect.codes_per_hour),
                "policy.collect.codes_per_hour",
                "use 1 to 60",
            ),
            (
                guessing.free_per_minute <= guessing.budget_per_minute,
                "policy.guessing.budget_per_minute",
                "use policy.guessing.free_per_minute or more",
            ),
            (
                guessing.longest_delay_seconds <= 5,
                "policy.guessing.longest_delay_seconds",
                "use 0 to 5",
            ),
            (
                guessing.alarm_per_minute >= 1,
                "policy.guessing.alarm_per_minute",
                "use 1 or more",
            ),
            (
                self.hold.rate_per_hour >= 1,
                "policy.hold.rate_per_hour",
                "use 1 or more",
            ),
            (
                self.renewal.rate_per_hour >= 1,
                "policy.renewal.rate_per_hour",
                "use 1 or more",
            ),
        ]
    }

    /// What anybody may send in: no budget that keeps everybody out.
    fn application_rules(&self) -> [Rule; 4] {
        let application = &self.application;
        [
            (
                application.sent_per_hour >= 1,
                "policy.application.sent_per_hour",
                "use 1 or more",
            ),
            (
                application.begun_per_hour >= application.sent_per_hour,
                "policy.application.begun_per_hour",
                "use policy.application.sent_per_hour or more",
            ),
            (
                application.mails_per_day >= 1,
                "policy.application.mails_per_day",
                "use 1 or more",
            ),
            (
                application.alarm_per_hour >= 1,
                "policy.application.alarm_per_hour",
                "use 1 or more",
            ),
        ]
    }

    fn class_rules(&self) -> [Rule; 4] {
        let every = |rule: fn(&ClassRule) -> bool| self.classes.values().all(rule);
        [
            (
                !self.classes.is_empty(),
                "policy.classes",
                "name at least one class",
            ),
            (
                self.classes.keys().all(|name| is_class_name(name)),
                "policy.classes",
                "name each class with 1 to 32 small letters, digits and hyphens",
            ),
            (
                every(|class| !class.label.trim().is_empty()),
                "policy.classes",
                "give each class a label",
            ),
            (
                every(|class| is_name_part(&class.ou)),
                "policy.classes",
                "give each class an ou of 1 to 64 characters",
            ),
        ]
    }
}

/// Days between the last mail that a certificate can have and the day on which the first one is forgotten.
const APART: i64 = 30;

fn notice_rules(notices: &NoticeDays) -> [Rule; 8] {
    let ends = notices.mail.first().map_or(0, |first| first + 1);
    let reminders = notices.not_collected.last().copied().unwrap_or(0);
    let shortest = ends.max(reminders).saturating_add(APART);
    const FALLING: &str = "use days from 365 to 0, each smaller than the one before";
    [
        (is_falling(&notices.mail), "policy.notices.mail", FALLING),
        (
            is_falling(&notices.message),
            "policy.notices.message",
            FALLING,
        ),
        (
            (0..=365).contains(&notices.message_daily_from),
            "policy.notices.message_daily_from",
            "use 0 to 365",
        ),
        (
            is_falling(&notices.terminal),
            "policy.notices.terminal",
            FALLING,
        ),
        (
            is_rising(&notices.not_collected),
            "policy.notices.not_collected",
            "use days from 1 to 365, each greater than the one before",
        ),
        (
            (0..=365).contains(&notices.unreachable),
            "policy.notices.unreachable",
            "use 0 to 365",
        ),
        (
            (shortest..=3_650).contains(&notices.keep_sent_days),
            "policy.notices.keep_sent_days",
            "use at most 3650, and 30 or more beyond the first mail and the last reminder, so that none comes twice",
        ),
        (
            (0..=23).contains(&notices.hour),
            "policy.notices.hour",
            "use 0 to 23",
        ),
    ]
}

/// Every month keeps days on which any terminal may ask.
fn terminal_rules(terminal: &TerminalPolicy) -> [Rule; 4] {
    [
        (
            (0..=23).contains(&terminal.first_hour),
            "policy.terminal.first_hour",
            "use 0 to 23",
        ),
        (
            (1..=24).contains(&terminal.last_hour) && terminal.last_hour > terminal.first_hour,
            "policy.terminal.last_hour",
            "use more than policy.terminal.first_hour, at most 24",
        ),
        (
            (1..=28).contains(&terminal.busy_first_day),
            "policy.terminal.busy_first_day",
            "use 1 to 28",
        ),
        (
            (0..=27).contains(&terminal.busy_last_day),
            "policy.terminal.busy_last_day",
            "use 0 to 27; less than policy.terminal.busy_first_day leaves no busy day",
        ),
    ]
}

/// Whether the days lie in 0 to 365 and fall from each to the next. An empty list is a silent
/// channel.
fn is_falling(days: &[i64]) -> bool {
    days.iter().all(|day| (0..=365).contains(day)) && days.is_sorted_by(|a, b| a > b)
}

/// Whether the days lie in 1 to 365 and rise from each to the next. An empty list sends no reminder.
fn is_rising(days: &[i64]) -> bool {
    days.iter().all(|day| (1..=365).contains(day)) && days.is_sorted_by(|a, b| a < b)
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// Whether `text` fits O, OU and CN: RFC 5280 appendix A allows them 64 characters.
fn is_name_part(text: &str) -> bool {
    (1..=64).contains(&text.chars().count())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

/// X.660: at least two numbers, of which the first is 0, 1 or 2. The encoder that signing uses
/// takes 0 to 39 for the second, whatever the first, 32 bits for each, and 39 octets in all (the
/// first two numbers make one). What it cannot encode is refused at the start, not at the first
/// certificate.
fn is_object_identifier(text: &str) -> bool {
    let arc = |arc: &str| {
        let is_plain =
            arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
        if is_plain {
            arc.parse::<u32>().ok()
        } else {
            None
        }
    };
    let Some(arcs) = text.split('.').map(arc).collect::<Option<Vec<_>>>() else {
        return false;
    };
    match arcs.as_slice() {
        [0..=2, 0..=39, rest @ ..] => rest.iter().map(base128_octets).sum::<usize>() < 39,
        _ => false,
    }
}

/// Octets of a number in groups of seven bits (X.690 §8.19.2).
fn base128_octets(number: &u32) -> usize {
    match number {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x1f_ffff => 3,
        0x20_0000..=0xfff_ffff => 4,
        _ => 5,
    }
}

fn is_address_or_none(text: Option<&str>) -> bool {
    text.is_none_or(is_http_address)
}

fn is_http_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
}

fn is_class_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_shorter(seconds: u32, hours: i64) -> bool {
    i64::from(seconds) < hours.saturating_mul(3_600)
}
