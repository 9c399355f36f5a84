//! Every number of the certificate policy in one struct, read from TOML.
//!
//! The two profiles (N2) are files in `profiles/`; a configuration overrides single values. An
//! unknown key stops the start.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::institution::ClassName;

mod check;

/// The manual's service as a sample profile.
pub const OBN: &str = include_str!("../profiles/obn.toml");
/// What a new operator should use.
pub const DEFAULT: &str = include_str!("../profiles/default.toml");

/// One of the two profiles that come with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileName {
    /// [`DEFAULT`].
    Default,
    /// [`OBN`].
    Obn,
}

impl ProfileName {
    /// Both profiles.
    pub const ALL: [Self; 2] = [Self::Default, Self::Obn];

    /// The word that stands in the configuration and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Obn => "obn",
        }
    }

    /// The profile's file: a whole [`Policy`] in TOML.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Default => DEFAULT,
            Self::Obn => OBN,
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProfileName {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::ALL
            .into_iter()
            .find(|name| name.as_str() == text)
            .ok_or(UnknownProfile)
    }
}

/// Text that names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such profile (use default or obn)")]
pub struct UnknownProfile;

/// The rules that a certification authority lives by.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Names and texts that subscribers read.
    pub names: Names,
    /// Lifetimes and windows.
    pub periods: Periods,
    /// Days on which notices are due, for each channel.
    pub notices: NoticeDays,
    /// When terminals ask.
    pub terminal: TerminalPolicy,
    /// The subject's fixed parts.
    pub subject: SubjectLayout,
    /// Keys and lifetimes of the certification authority.
    pub ca: CaPolicy,
    /// Revocation lists.
    pub crl: CrlPolicy,
    /// OCSP answers and responders.
    pub ocsp: OcspPolicy,
    /// TLS server certificates.
    pub tls: TlsPolicy,
    /// リファレンスID.
    pub reference_id: ReferencePolicy,
    /// `.p12` files and their passwords.
    pub p12: P12Policy,
    /// Collection.
    pub collect: CollectPolicy,
    /// What anybody may send in.
    pub application: ApplicationPolicy,
    /// Slowing down those who guess.
    pub guessing: GuessingPolicy,
    /// Holds.
    pub hold: HoldPolicy,
    /// Renewals.
    pub renewal: RenewalPolicy,
    /// Classes of subscribers, by name.
    pub classes: BTreeMap<String, ClassRule>,
}

impl Policy {
    /// The rule of a class.
    pub fn class(&self, name: &ClassName) -> Option<&ClassRule> {
        self.classes.get(name.as_str())
    }
}

/// A number that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {remedy}")]
pub struct InvalidPolicy {
    /// The key in the configuration.
    pub key: &'static str,
    /// What to write instead.
    pub remedy: &'static str,
}

/// Names and texts that subscribers read (N2).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// The certification authority in headings.
    pub ca_name: String,
    /// Its short name in sentences.
    pub ca_short: String,
    /// The systems that rely on the certificates.
    pub relying_systems: String,
    /// How long a letter takes, in words.
    pub letter_days: String,
    /// The address that mails come from.
    pub sender: String,
    /// The network that terminals must be connected to.
    pub network: String,
    /// The help desk.
    pub help_desk: HelpDesk,
    /// Address of 発行等申請の手引き, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_guide: Option<String>,
    /// Address of ユーザーマニュアル, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_manual: Option<String>,
    /// Whether the first screen of each site says that other tabs do no harm.
    pub show_tabs_hint: bool,
}

/// Whom to call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelpDesk {
    /// Its name.
    pub name: String,
    /// Its telephone number.
    pub telephone: String,
    /// When it answers.
    pub hours: String,
}

/// Lifetimes and windows (D1, D2, D4, F1, F3).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Periods {
    /// Calendar months from the instant of approval to the end of validity.
    pub validity_months: u32,
    /// Japanese days after the day of approval on which collecting is possible.
    pub collection_days: i64,
    /// The farthest day to which operators can move the window.
    pub collection_limit_days: i64,
    /// Days before the end from which renewal is possible.
    pub renewal_days: i64,
    /// Days after the old end during which a renewed certificate can be retrieved.
    pub retrieval_days: i64,
    /// Seconds by which notBefore may lie before the signature.
    pub backdate_seconds: i64,
    /// Days that the clear text of a letter's reference ID is kept at most.
    pub letter_days: i64,
    /// Hours that a procedure lives without a step.
    pub flow_hours: i64,
}

/// Days on which notices are due, before the end where nothing else is said.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeDays {
    /// Mails.
    pub mail: Vec<i64>,
    /// Messages in the eligibility system.
    pub message: Vec<i64>,
    /// The claims system shows its message daily from this day on.
    pub message_daily_from: i64,
    /// Notices on the terminal.
    pub terminal: Vec<i64>,
    /// Days after the approval on which a reminder is due while nothing was collected (P-14).
    pub not_collected: Vec<i64>,
    /// Days left from which on a holder whose mails come back is called or written to (P-23).
    pub unreachable: i64,
    /// Days for which a mail that was handed over is kept; then only its number stays.
    pub keep_sent_days: i64,
    /// Hour of the day in Japan at which they are due.
    pub hour: i64,
}

/// When terminals ask for their notices (P-11, PERF17): in the hours of a working day, not in the claims peak.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalPolicy {
    /// Hour of the day in Japan from which on they ask.
    pub first_hour: i64,
    /// Hour of the day in Japan before which they ask.
    pub last_hour: i64,
    /// First day of the month on which only those ask that have a notice.
    pub busy_first_day: i64,
    /// Last such day; smaller than the first where there is none.
    pub busy_last_day: i64,
}

/// Fixed parts of the subject (N2).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectLayout {
    /// C, two letters.
    pub country: String,
    /// O.
    pub organization: String,
    /// The object identifier of the certificate policy.
    pub policy_oid: String,
    /// Address of the CP/CPS, where there is one.
    #[serde(default)]
    pub cps_uri: Option<String>,
}

/// Keys and lifetimes of the certification authority (K6, K7).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaPolicy {
    /// Common name of the subscriber CA (of the root, where there are two tiers).
    pub common_name: String,
    /// Common name of the issuing CA where there are two tiers.
    pub issuing_common_name: String,
    /// Common name of the TLS CA.
    pub tls_common_name: String,
    /// O of the CA's own name.
    pub organization: String,
    /// One tier as in the manual, or an offline root and an issuing CA.
    pub tiers: u8,
    /// `rsa2048`, `rsa3072`, `rsa4096`, `p256` or `p384`.
    pub key: String,
    /// Years that the CA's own certificate is valid.
    pub years: u32,
    /// Algorithm of the keys that the CA makes for subscribers: `rsa2048` or `p256`.
    pub subscriber_key: String,
    /// Keys made in advance, in memory only (K3).
    pub key_pool: usize,
}

/// Revocation lists (W4).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrlPolicy {
    /// Number of shards; fixed in each certificate at issue.
    pub shards: i64,
    /// Hours from thisUpdate to nextUpdate.
    pub next_update_hours: i64,
    /// Minutes after which a list is made again without a change.
    pub interval_minutes: i64,
    /// `max-age` of the answer, seconds.
    pub max_age: u32,
}

/// OCSP (W4).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OcspPolicy {
    /// Hours from thisUpdate to nextUpdate.
    pub next_update_hours: i64,
    /// `max-age` of the answer, seconds.
    pub max_age: u32,
    /// Days that a responder's certificate is valid.
    pub responder_days: i64,
    /// Days before its end at which it is renewed.
    pub renew_days: i64,
}

/// TLS server certificates (K6, K7).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsPolicy {
    /// Days that a server certificate is valid.
    pub server_days: i64,
    /// Days before its end at which it is renewed.
    pub renew_days: i64,
}

/// リファレンスID (I2).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferencePolicy {
    /// Characters.
    pub length: usize,
}

/// `.p12` files (K4, K5).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct P12Policy {
    /// Shortest password, characters.
    pub min_length: usize,
    /// Iterations of each layer.
    pub iterations: u32,
}

/// Collection (K2).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectPolicy {
    /// `none` or `mail_code`.
    pub second_factor: SecondFactor,
    /// Minutes for which a 確認番号 is taken.
    pub code_minutes: i64,
    /// Seconds between two 確認番号 of one procedure.
    pub code_pause_seconds: i64,
    /// How often a 確認番号 may be typed before another one is needed.
    pub code_tries: i64,
    /// 確認番号 of one grant that are sent in an hour.
    pub codes_per_hour: usize,
}

/// What is asked beside the letter's two IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// A number sent to the registered mail address.
    MailCode,
    /// Nothing.
    None,
}

/// Slowing down those who guess (I3).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuessingPolicy {
    /// Wrong pairs a source may send in a minute before answers are slowed.
    pub free_per_minute: u32,
    /// Wrong pairs a source may send in a minute before it is asked to wait (429).
    pub budget_per_minute: u32,
    /// Longest delay of a wrong answer, seconds.
    pub longest_delay_seconds: u64,
    /// Wrong pairs a minute from all sources that ring the alarm.
    pub alarm_per_minute: u32,
}

/// What anybody may begin and send in at the application site.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationPolicy {
    /// Procedures of 発行申請 and 申請状況照会 that a source may begin in an hour.
    pub begun_per_hour: u32,
    /// Submissions that a source may send in an hour.
    pub sent_per_hour: u32,
    /// 電子証明書 申請情報受付通知 that one address gets in 24 hours; further applications are taken without a mail.
    pub mails_per_day: u32,
    /// Submissions in an hour from all sources that ring the alarm.
    pub alarm_per_hour: u32,
}

/// Holds (F4).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldPolicy {
    /// Holds in an hour above which requests queue and ring instead.
    pub rate_per_hour: i64,
}

/// Renewals (F9).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewalPolicy {
    /// Renewals in the browser that are accepted in an hour; further ones are asked to come back.
    pub rate_per_hour: i64,
}

/// The rule of one class of subscribers (I5).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRule {
    /// Its name on screens.
    pub label: String,
    /// OU in the subject.
    pub ou: String,
    /// What its codes look like (a regular expression over the whole code).
    pub pattern: Pattern,
    /// Whether the last digit is a Luhn check digit.
    pub luhn: bool,
    /// Whether the first two digits are the prefecture.
    pub prefecture: bool,
}

/// A regular expression that must match a whole text.
#[derive(Clone, Debug)]
pub struct Pattern(regex_lite::Regex);

impl Pattern {
    /// Compiles `source`, which must be a regular expression by itself: with a stray bracket it
    /// could leave the group that is put around it and match anything.
    pub fn new(source: &str) -> Result<Self, String> {
        regex_lite::Regex::new(source).map_err(|e| e.to_string())?;
        regex_lite::Regex::new(&format!("^(?:{source})$"))
            .map(Self)
            .map_err(|e| e.to_string())
    }

    /// Whether the whole `text` matches.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::new(&source).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let source = self.0.as_str();
        let inner = source
            .strip_prefix("^(?:")
            .and_then(|s| s.strip_suffix(")$"));
        serializer.serialize_str(inner.unwrap_or(source))
    }
}
