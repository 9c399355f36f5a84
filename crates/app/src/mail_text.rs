//! The texts of mails: one file for each kind in `templates/mails`, which an operator may replace by a file of the
//! same name (N2, N3). The first line is the subject, then an empty line, then the text.
//!
//! A value that a text names and that a mail does not have is an error: the texts are tried out with sample
//! values before the program serves, so that no mail fails later.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use tegata_domain::outbox::{MailKind, OutboxMail, sealed_name};
use tegata_domain::time::{CalendarDate, Timestamp};

use crate::base::App;
use crate::error::{Result, internal};
use crate::messages;
use crate::seal::Purpose;

/// The texts that come with the program.
const BUILT_IN: [(MailKind, &str); MailKind::ALL.len()] = [
    (
        MailKind::AddressChanged,
        include_str!("../templates/mails/address_changed.txt"),
    ),
    (
        MailKind::AddressCode,
        include_str!("../templates/mails/address_code.txt"),
    ),
    (
        MailKind::ApplicationCancelled,
        include_str!("../templates/mails/application_cancelled.txt"),
    ),
    (
        MailKind::ApplicationReceived,
        include_str!("../templates/mails/application_received.txt"),
    ),
    (
        MailKind::ApplicationRejected,
        include_str!("../templates/mails/application_rejected.txt"),
    ),
    (
        MailKind::ApplicationReturned,
        include_str!("../templates/mails/application_returned.txt"),
    ),
    (
        MailKind::CertificateExpired,
        include_str!("../templates/mails/certificate_expired.txt"),
    ),
    (
        MailKind::CertificateExpiring,
        include_str!("../templates/mails/certificate_expiring.txt"),
    ),
    (
        MailKind::Collected,
        include_str!("../templates/mails/collected.txt"),
    ),
    (
        MailKind::CollectionCode,
        include_str!("../templates/mails/collection_code.txt"),
    ),
    (
        MailKind::CollectionRefused,
        include_str!("../templates/mails/collection_refused.txt"),
    ),
    (
        MailKind::GrantFrozen,
        include_str!("../templates/mails/grant_frozen.txt"),
    ),
    (
        MailKind::HoldLifted,
        include_str!("../templates/mails/hold_lifted.txt"),
    ),
    (
        MailKind::LetterPosted,
        include_str!("../templates/mails/letter_posted.txt"),
    ),
    (
        MailKind::LetterReissued,
        include_str!("../templates/mails/letter_reissued.txt"),
    ),
    (
        MailKind::NotCollected,
        include_str!("../templates/mails/not_collected.txt"),
    ),
    (
        MailKind::ReferenceReplaced,
        include_str!("../templates/mails/reference_replaced.txt"),
    ),
    (
        MailKind::RenewalAccepted,
        include_str!("../templates/mails/renewal_accepted.txt"),
    ),
    (
        MailKind::RenewedAgain,
        include_str!("../templates/mails/renewed_again.txt"),
    ),
    (
        MailKind::RevocationAccepted,
        include_str!("../templates/mails/revocation_accepted.txt"),
    ),
    (
        MailKind::RevocationCompleted,
        include_str!("../templates/mails/revocation_completed.txt"),
    ),
    (
        MailKind::RevocationRefused,
        include_str!("../templates/mails/revocation_refused.txt"),
    ),
    (
        MailKind::SuccessorUnused,
        include_str!("../templates/mails/successor_unused.txt"),
    ),
    (
        MailKind::WindowExtended,
        include_str!("../templates/mails/window_extended.txt"),
    ),
];
/// What ends every text.
const SIGNATURE: &str = include_str!("../templates/mails/signature.txt");
const SIGNATURE_NAME: &str = "signature";
/// The days to the end that a text counts to, as a number.
const DAYS_LEFT: &str = "days_left";

/// A mail as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    /// One line.
    pub subject: String,
    /// Lines that end in `\n`.
    pub body: String,
}

/// Why the texts cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct MailTextError {
    /// The file's name.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The texts, checked.
#[derive(Clone)]
pub struct MailTexts(Environment<'static>);

impl MailTexts {
    /// The texts of the program, with those of `folder` in place of the ones they are named after
    /// (`letter_posted.txt`).
    ///
    /// Fails on a file that is no text of a mail, and on one that names a value which its mails do not have.
    pub fn load(folder: Option<&Path>) -> std::result::Result<Self, MailTextError> {
        let mut sources: BTreeMap<String, String> = BUILT_IN
            .iter()
            .map(|(kind, text)| (kind.as_str().to_owned(), (*text).to_owned()))
            .collect();
        sources.insert(SIGNATURE_NAME.to_owned(), SIGNATURE.to_owned());
        if let Some(folder) = folder {
            replace(&mut sources, folder)?;
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(syntax()?);
        environment.add_filter("moment", moment);
        environment.add_filter("day", day);
        environment.add_filter("clock", clock);
        environment.add_filter("lines", lines);
        for (name, source) in sources {
            environment
                .add_template_owned(name.clone(), source)
                .map_err(|error| mistake(&name, &error))?;
        }
        let texts = Self(environment);
        for kind in MailKind::ALL {
            for values in samples(kind) {
                texts.write(kind, values)?;
            }
        }
        Ok(texts)
    }

    /// A text with sample values, for a look at it.
    pub fn preview(&self, kind: MailKind) -> std::result::Result<MailText, MailTextError> {
        let [_, all] = samples(kind);
        self.write(kind, all)
    }

    fn write(
        &self,
        kind: MailKind,
        mut values: BTreeMap<String, String>,
    ) -> std::result::Result<MailText, MailTextError> {
        let name = kind.as_str();
        let signature = self.render(SIGNATURE_NAME, &values)?;
        values.insert(SIGNATURE_NAME.to_owned(), signature.trim_end().to_owned());
        let text = self.render(name, &values)?;
        let (subject, body) = text.split_once("\n\n").ok_or_else(|| MailTextError {
            name: format!("{name}.txt"),
            reason: "the first line is the subject, the second one is empty".to_owned(),
        })?;
        Ok(MailText {
            subject: one_line(subject),
            body: body.replace("\r\n", "\n"),
        })
    }

    fn render(
        &self,
        name: &str,
        values: &BTreeMap<String, String>,
    ) -> std::result::Result<String, MailTextError> {
        self.0
            .get_template(name)
            .and_then(|template| template.render(values))
            .map_err(|error| mistake(name, &error))
    }
}

impl App {
    /// The text of a queued mail; its secret is opened for it.
    pub(crate) fn mail_text(&self, mail: &OutboxMail) -> Result<MailText> {
        let mut values = self.mail_setting();
        values.extend(mail.values.clone());
        if let Some(left) = self.days_left(mail)? {
            values.insert(DAYS_LEFT.to_owned(), left.to_string());
        }
        if let Some(name) = mail.kind.secret()
            && let Some(sealed) = values.remove(&sealed_name(name))
        {
            let sealed = data_encoding::BASE64
                .decode(sealed.as_bytes())
                .map_err(|error| internal("open a mail's secret", error))?;
            let place = format!("outbox/{}/{name}", mail.id);
            let clear = self.keyring().open(Purpose::Mail, &place, &sealed)?;
            let clear = String::from_utf8(clear.to_vec())
                .map_err(|error| internal("open a mail's secret", error))?;
            values.insert(name.to_owned(), clear);
        }
        self.mail_texts()
            .write(mail.kind, values)
            .map_err(|error| internal("write a mail", error))
    }

    /// The days from today to the end that the text counts to.
    fn days_left(&self, mail: &OutboxMail) -> Result<Option<i64>> {
        let Some(name) = mail.kind.counts_to() else {
            return Ok(None);
        };
        let end = mail.instant(name);
        let end = end.ok_or_else(|| internal("write a mail", format!("{name} is no instant")))?;
        let today = self.clock_now().japan_date();
        Ok(Some(today.days_until(end.japan_date())))
    }

    /// What every text may name beside the values of its mail.
    fn mail_setting(&self) -> BTreeMap<String, String> {
        let names = &self.policy().names;
        let addresses = self.addresses();
        let subscriber = addresses.subscriber.first().cloned().unwrap_or_default();
        // On another name the browser asks anew for a certificate (W1).
        let check = addresses.subscriber.get(1).unwrap_or(&subscriber).clone();
        [
            ("ca_name", names.ca_name.clone()),
            ("ca_short", names.ca_short.clone()),
            ("help_desk", messages::help_desk(&names.help_desk)),
            ("letter_days", names.letter_days.clone()),
            ("relying_systems", names.relying_systems.clone()),
            ("public", addresses.public.clone()),
            ("subscriber", subscriber),
            ("check", check),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

/// Lines with nothing but a condition leave no empty line behind.
fn syntax() -> std::result::Result<SyntaxConfig, MailTextError> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| mistake(SIGNATURE_NAME, &error))
}

/// Puts the files of a folder in the place of the texts they are named after.
fn replace(
    sources: &mut BTreeMap<String, String>,
    folder: &Path,
) -> std::result::Result<(), MailTextError> {
    let failed = |name: &str, error: &dyn std::fmt::Display| MailTextError {
        name: name.to_owned(),
        reason: error.to_string(),
    };
    let shown = folder.display().to_string();
    let entries = std::fs::read_dir(folder).map_err(|error| failed(&shown, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| failed(&shown, &error))?.path();
        let file = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Some(name) = file.strip_suffix(".txt") else {
            continue;
        };
        let Some(source) = sources.get_mut(name) else {
            return Err(failed(
                &file,
                &"no mail has this name; see `tegata mail preview`",
            ));
        };
        *source = std::fs::read_to_string(&path).map_err(|error| failed(&file, &error))?;
    }
    Ok(())
}

/// Values that a mail of this kind has at the least, and at the most.
fn samples(kind: MailKind) -> [BTreeMap<String, String>; 2] {
    let setting = [
        "ca_name",
        "ca_short",
        "help_desk",
        "letter_days",
        "relying_systems",
        "public",
        "subscriber",
        "check",
    ];
    let least = setting
        .iter()
        .chain(kind.needs())
        .copied()
        .chain(kind.secret())
        .chain(kind.counts_to().map(|_| DAYS_LEFT));
    let most = least
        .clone()
        .chain(kind.may_have().iter().copied())
        .chain(["contact"]);
    let values = |names: &mut dyn Iterator<Item = &'static str>| {
        names
            .map(|name| (name.to_owned(), messages::sample_value(name).to_owned()))
            .collect()
    };
    [values(&mut least.clone()), values(&mut most.clone())]
}

fn mistake(name: &str, error: &minijinja::Error) -> MailTextError {
    let what = match error.kind() {
        ErrorKind::UndefinedError => "it names a value that this mail does not have".to_owned(),
        _ => error.to_string(),
    };
    let line = error
        .line()
        .map_or_else(String::new, |line| format!(", line {line}"));
    MailTextError {
        name: format!("{name}.txt{line}"),
        reason: what,
    }
}

/// A subject never has a line break, whatever the values are (T57).
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

fn instant(text: &str) -> std::result::Result<Timestamp, minijinja::Error> {
    Timestamp::parse_rfc3339(text)
        .map_err(|error| minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

fn moment(text: &str) -> std::result::Result<String, minijinja::Error> {
    Ok(messages::date_and_time(instant(text)?))
}

fn day(text: &str) -> std::result::Result<String, minijinja::Error> {
    match CalendarDate::parse(text) {
        Ok(date) => Ok(messages::day(date)),
        Err(_) => Ok(messages::date(instant(text)?)),
    }
}

fn clock(text: &str) -> std::result::Result<String, minijinja::Error> {
    Ok(messages::time(instant(text)?))
}

/// Several lines, each moved to the right.
fn lines(text: &str, by: usize) -> String {
    let moved: Vec<String> = text
        .lines()
        .map(|line| format!("{:by$}{line}", ""))
        .collect();
    moved.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_can_be_written_with_the_least_and_the_most_that_its_mails_have() {
        let texts = MailTexts::load(None).unwrap();
        for kind in MailKind::ALL {
            let text = texts.preview(kind).unwrap();
            assert!(text.subject.starts_with('【'), "{kind:?}");
            assert!(text.body.contains("お問合せ"), "{kind:?}");
            assert!(
                !text.body.contains("{{") && !text.body.contains("\n\n\n"),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn an_operators_text_takes_the_place_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("grant_frozen.txt");
        std::fs::write(&file, "停止\n\n{{ terminal }}を止めました。\n").unwrap();
        let texts = MailTexts::load(Some(folder.path())).unwrap();
        let text = texts.preview(MailKind::GrantFrozen).unwrap();
        assert_eq!(text.subject, "停止");
        assert_eq!(text.body, "受付1号機を止めました。\n");
    }

    #[test]
    fn a_text_with_an_unknown_value_or_name_stops_the_start() {
        for (name, text, told) in [
            ("grant_frozen.txt", "a\n\n{{ tracking }}", "does not have"),
            ("grant_frozen.txt", "a\n\n{{ terminal", "syntax error"),
            ("grant_frozen.txt", "only a subject", "first line"),
            ("grant_thawed.txt", "a\n\nb", "no mail has this name"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(name), text).unwrap();
            let error = MailTexts::load(Some(folder.path()))
                .map(|_| ())
                .unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn no_value_breaks_the_subject_into_two_lines() {
        assert_eq!(one_line("a\r\nBcc: b"), "a  Bcc: b");
    }
}
