//! `tegata doctor`: checks an installation and explains; exit code 1 where something is wrong.

use std::path::Path;

use clap::Args;
use serde_json::json;
use tegata_app::{App, CaKeyPurpose};
use tegata_domain::certificate::CertificateKind;
use tegata_domain::notice::is_run_late;
use tegata_domain::policy::SecondFactor;
use tegata_domain::time::{Clock as _, Timestamp};
use tegata_pki::certificate::Certificate;

use crate::bounce::Maildir;
use crate::cli::line;
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::instance::{Instance, key_folder, open_store};
use crate::kek::KekFile;
use crate::mailer::Mailer;
use crate::releases::Unpublished;
use crate::system::SystemClock;
use crate::{releases, worker};

/// Days before the end of a CA certificate at which to think about the next one.
const CA_WARNING_DAYS: i64 = 4 * 365;
/// Seconds after which a mail that waits deserves a look, and after which it is an error.
const MAIL_HOUR: i64 = 3_600;
const MAIL_DAY: i64 = 86_400;
/// Seconds by which the clocks of two processes may be apart.
const APART: i64 = 60;
/// Before this instant no clock can be right: 2026-01-01T00:00:00Z.
const NEVER_BEFORE: Timestamp = Timestamp::from_unix(1_767_225_600);

/// How to check.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Say that the machine's clock is right, after it was set.
    #[arg(long)]
    confirm_clock: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// The findings so far.
#[derive(Debug, Default)]
struct Report(Vec<(Level, String, String)>);

impl Report {
    fn ok(&mut self, finding: impl Into<String>) {
        self.0.push((Level::Ok, finding.into(), String::new()));
    }

    fn warn(&mut self, finding: impl Into<String>, remedy: impl Into<String>) {
        self.0.push((Level::Warn, finding.into(), remedy.into()));
    }

    fn fail(&mut self, finding: impl Into<String>, remedy: impl Into<String>) {
        self.0.push((Level::Fail, finding.into(), remedy.into()));
    }

    /// Takes a failure as a finding; the value where there is none.
    fn take<T>(&mut self, outcome: Outcome<T>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(failure) => {
                self.fail(failure.reason(), failure.remedy());
                None
            }
        }
    }

    fn print(&self, json: bool) {
        if json {
            let findings: Vec<_> = self
                .0
                .iter()
                .map(|(level, finding, remedy)| {
                    json!({ "level": level.as_str(), "finding": finding, "remedy": remedy })
                })
                .collect();
            return line(json!(findings).to_string());
        }
        for (level, finding, remedy) in &self.0 {
            let remedy = if remedy.is_empty() {
                String::new()
            } else {
                format!(": {remedy}")
            };
            line(format!("{:4}  {finding}{remedy}", level.as_str()));
        }
    }

    fn failures(&self) -> usize {
        self.0
            .iter()
            .filter(|(level, ..)| *level == Level::Fail)
            .count()
    }
}

/// The release of the MPKI client, where a folder for it is named (F10).
fn check_client(instance: &Instance, report: &mut Report) {
    let Some(folder) = &instance.config.client_folder else {
        return;
    };
    match releases::read(folder) {
        Ok(published) => {
            let release = &published.release;
            let finding = format!("MPKI client {}", release.version);
            match releases::days_left(release, SystemClock.now()) {
                days if days < 0 => report.fail(
                    format!("{finding}: terminals no longer believe its announcement"),
                    "draft and sign it again (docs/operating/client.md)",
                ),
                days if days < releases::WARN_DAYS => report.warn(
                    format!("{finding}: its announcement ends in {days} days"),
                    "draft and sign it again (docs/operating/client.md)",
                ),
                days => report.ok(format!("{finding}, announced for {days} more days")),
            }
        }
        Err(Unpublished::Nothing) => report.ok(format!("{} publishes no client", folder.display())),
        Err(Unpublished::Wrong(reason)) => report.fail(
            reason,
            "copy the packages and manifest.json again, or see `tegata client manifest check`",
        ),
    }
}

/// Carries out the command.
pub(crate) async fn run(file: &Path, arguments: Arguments) -> Outcome<()> {
    let config = Config::load(file)?;
    let mut report = Report::default();
    report.ok(format!("configuration {}", file.display()));
    check_kek(&config, &mut report);
    if let Some(instance) = open(&config, &mut report).await {
        if arguments.confirm_clock {
            worker::confirm_clock(&instance.store, SystemClock.now()).await?;
        }
        check_clock(&instance, &mut report).await?;
        check_authorities(&instance, arguments.confirm_clock, &mut report).await?;
        check_services(&instance, &mut report).await?;
        check_mail(&instance, &mut report).await?;
        check_notices(&instance, &mut report).await?;
        check_client(&instance, &mut report);
        instance.store.close().await;
    }
    report.print(arguments.json);
    match report.failures() {
        0 => Ok(()),
        count => Err(Failure::told(format!(
            "{count} of the checks failed; see the lines above"
        ))),
    }
}

fn check_kek(config: &Config, report: &mut Report) {
    let file = KekFile::of(config);
    if report.take(file.read()).is_none() {
        return;
    }
    let shown = file.path().display();
    if file.is_credential() {
        report.ok("key-encryption key, a credential of the service");
    } else if config.kek_file.starts_with(&config.data_dir) {
        let remedy = "move it out of data_dir: a backup of the data would carry its key";
        report.warn(
            format!("the key-encryption key {shown} lies in data_dir"),
            remedy,
        );
    } else if file.mode().is_ok_and(|mode| mode != 0o400) {
        report.warn(
            format!("{shown} can be written"),
            format!("run `chmod 0400 {shown}`"),
        );
    } else {
        report.ok("key-encryption key");
    }
}

/// Opens the installation step by step, so that each failure has its own line.
async fn open(config: &Config, report: &mut Report) -> Option<Instance> {
    let store = report.take(open_store(config).await)?;
    report.ok("database is reachable and its tables are up to date");
    match App::is_initialised(&store).await {
        Ok(true) => {}
        Ok(false) => {
            let shown = config.file.display();
            report.fail(
                "not initialised",
                format!("run `tegata init --config {shown}`"),
            );
            return None;
        }
        Err(error) => {
            report.take::<()>(Err(error.into()));
            return None;
        }
    }
    store.close().await;
    let instance = report.take(Instance::open(config.clone()).await)?;
    report.ok("CA keys open");
    Some(instance)
}

async fn check_clock(instance: &Instance, report: &mut Report) -> Outcome<()> {
    let now = SystemClock.now();
    if now < NEVER_BEFORE {
        report.fail(
            format!("the clock shows {now}"),
            "set the machine's clock (NTP)",
        );
    } else if let Some(doubt) = worker::clock_doubt(&instance.store, now).await? {
        let remedy = "set the clock right, then run `tegata doctor --confirm-clock`";
        report.fail(doubt, remedy);
    } else {
        report.ok(format!("clock shows {now}"));
    }
    if instance.demo.is_some() {
        report.warn("this is a demo", "never use it for real certificates");
    }
    Ok(())
}

/// Whether mails leave, and how long the oldest one waits.
async fn check_mail(instance: &Instance, report: &mut Report) -> Outcome<()> {
    match report.take(Mailer::open(&instance.config)) {
        Some(Some(mailer)) => match mailer.is_reachable().await {
            Ok(()) => report.ok("mail server answers"),
            Err(reason) => report.fail(
                format!("the mail server does not answer: {reason}"),
                "see that mail.server and the keys beside it are right and the server runs",
            ),
        },
        Some(None) if asks_for_codes(instance) => report.fail(
            "no mail server is configured: without the code that is mailed nobody can collect",
            "set mail.server, or policy.collect.second_factor = \"none\"",
        ),
        Some(None) => report.warn(
            "no mail server is configured: mails wait in the database",
            "set mail.server",
        ),
        None => {}
    }
    if let Some(folder) = &instance.config.mail.bounces {
        match Maildir::new(folder.clone()).is_usable() {
            Ok(()) => report.ok("mails that come back can be read"),
            Err(reason) => report.fail(
                format!("mails that come back cannot be read: {reason}"),
                "see that mail.bounces is a Maildir whose `new` and `cur` this user can write",
            ),
        }
    }
    let Some((due, error)) = instance.app.oldest_waiting_mail().await? else {
        return Ok(());
    };
    let waits = instance.app.clock_now().seconds_since(due);
    let why = error.map_or_else(String::new, |error| format!(" ({error})"));
    let finding = format!("the oldest mail waits since {due}{why}");
    let remedy = "look at `tegata mail list`, then send one with `tegata mail test ADDRESS`";
    if waits > MAIL_DAY {
        report.fail(finding, remedy);
    } else if waits > MAIL_HOUR {
        report.warn(finding, remedy);
    }
    Ok(())
}

/// Whether the daily run of notices is done day by day.
async fn check_notices(instance: &Instance, report: &mut Report) -> Outcome<()> {
    let app = &instance.app;
    match app.last_notice_run().await? {
        None => report.ok("no daily run of notices was due yet"),
        Some(last) if is_run_late(last, app.clock_now(), &app.policy().notices) => report.warn(
            format!("the last daily run of notices was that of {last}, more than 26 hours ago"),
            "see that `tegata serve` runs and what it logs; the next run makes up for what was missed",
        ),
        Some(last) => report.ok(format!("the last daily run of notices was that of {last}")),
    }
    Ok(())
}

fn asks_for_codes(instance: &Instance) -> bool {
    instance.app.policy().collect.second_factor == SecondFactor::MailCode
}

/// The CAs and their lists. One that was made while the clock was ahead is no failure when the clock was `confirmed` just
/// now: the next start makes it again.
async fn check_authorities(
    instance: &Instance,
    confirmed: bool,
    report: &mut Report,
) -> Outcome<()> {
    let app = &instance.app;
    let now = app.clock_now();
    for ca in app.ca_certificates() {
        let (name, end) = (&ca.common_name, ca.not_after);
        if end < now {
            report.fail(format!("CA \"{name}\" ended at {end}"), "make a new CA key");
        } else if end < now.plus_days(CA_WARNING_DAYS) {
            report.warn(
                format!("CA \"{name}\" ends at {end}"),
                "plan the next CA key",
            );
        } else {
            report.ok(format!("CA \"{name}\" is valid until {end}"));
        }
        let list = app.revocation_list(&ca.id, "all").await?;
        let offline = ca.purpose == CaKeyPurpose::Root;
        let remedy = if offline {
            "sign a new list with the offline root and import it"
        } else {
            "see that `tegata serve` runs, or run `tegata crl publish`"
        };
        match list {
            None => report.fail(format!("CA \"{name}\" has no revocation list"), remedy),
            Some(list) if list.this_update.seconds_since(now) > APART => {
                let at = list.this_update;
                let finding =
                    format!("list of \"{name}\" says that it is of {at}, which is to come");
                let remedy = "set the clock right, run `tegata doctor --confirm-clock`, then serve";
                if confirmed {
                    report.warn(finding, remedy);
                } else {
                    report.fail(finding, remedy);
                }
            }
            Some(list) if list.next_update < now => {
                report.fail(
                    format!("list of \"{name}\" ended at {}", list.next_update),
                    remedy,
                );
            }
            Some(list) => {
                report.ok(format!(
                    "list {} of \"{name}\" holds until {}",
                    list.number, list.next_update
                ));
            }
        }
    }
    check_offline_root(instance, report);
    Ok(())
}

/// The offline root's key must not lie on this machine (K7).
fn check_offline_root(instance: &Instance, report: &mut Report) {
    if instance.config.policy.ca.tiers == 1 {
        if instance.demo.is_none() {
            let remedy = "profile default has an offline root; an HSM comes with a later release";
            report.warn(
                "the CA has one tier and its key lies on this machine",
                remedy,
            );
        }
        return;
    }
    let config_folder = instance.config.file.parent().unwrap_or(Path::new("."));
    let folders = [
        config_folder,
        &instance.config.data_dir,
        &key_folder(&instance.config),
    ];
    let noted = instance.offline_folder();
    let found = folders
        .into_iter()
        .map(Path::to_owned)
        .chain(noted)
        .map(|folder| folder.join("root.key"))
        .find(|path| path.exists());
    match found {
        Some(path) => {
            let finding = format!(
                "the offline root's key lies on this machine: {}",
                path.display()
            );
            report.warn(
                finding,
                "move it to a medium in a safe, and check a copy of it there",
            );
        }
        None => report.ok("the offline root's key is not on this machine"),
    }
}

async fn check_services(instance: &Instance, report: &mut Report) -> Outcome<()> {
    let failed = |error| crate::instance::database_failure("read service certificates", &error);
    let now = instance.tls_now();
    let mut wanted: Vec<(CertificateKind, String, i64, Timestamp)> = instance
        .config
        .names
        .of_tls()
        .into_iter()
        .map(|name| {
            (
                CertificateKind::TlsServer,
                name,
                instance.config.policy.tls.renew_days,
                now,
            )
        })
        .collect();
    for ca in instance.app.ca_certificates() {
        if ca.purpose != CaKeyPurpose::Root {
            let renew = instance.config.policy.ocsp.renew_days;
            let now = instance.app.clock_now();
            wanted.push((
                CertificateKind::OcspResponder,
                ca.id.to_string(),
                renew,
                now,
            ));
        }
    }
    for (kind, name, renew_days, now) in wanted {
        let what = match kind {
            CertificateKind::OcspResponder => format!("OCSP responder of CA key {name}"),
            CertificateKind::FeedSigner
            | CertificateKind::Subscriber
            | CertificateKind::TlsServer => format!("TLS certificate of {name}"),
        };
        let mut reader = instance.store.reader().await.map_err(failed)?;
        let newest = reader
            .newest_service_certificate(kind, &name, now)
            .await
            .map_err(failed)?;
        let remedy = "see that `tegata serve` runs; it renews this by itself";
        match newest.and_then(|row| Certificate::from_der(&row.der).ok()) {
            None => report.warn(format!("{what} is not made yet"), remedy),
            Some(found) => {
                let end = Timestamp::from_unix(found.not_after());
                if end < now {
                    report.fail(format!("{what} ended at {end}"), remedy);
                } else if end < now.plus_days(renew_days - 1) {
                    report.warn(format!("{what} ends at {end} and was not renewed"), remedy);
                } else {
                    report.ok(format!("{what} is valid until {end}"));
                }
            }
        }
    }
    Ok(())
}
