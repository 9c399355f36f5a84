//! Watches a Maildir into which the mail server puts what comes back: each new message is read once and moved from
//! `new` to `cur` (`mail.bounces`).
//!
//! Several processes may watch the same one: a report does the same however often it is taken.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tegata_app::{App, ReportTaken};
use tegata_domain::bounce::DeliveryReport;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::{LONGEST, read_report};

/// Time between two looks at the folder.
const TICK: Duration = Duration::from_secs(10);
/// Messages of one look at the most.
const BATCH: usize = 200;
/// What a message's name ends with once it is read, by the rules of Maildir: seen.
const SEEN: &str = ":2,S";

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Maildir(PathBuf);

/// What came of the messages of one look.
#[derive(Debug, Default)]
struct Taken {
    marked: usize,
    cleared: usize,
    underway: usize,
    foreign: usize,
    no_report: usize,
}

impl Maildir {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Whether messages can be read and moved.
    pub(crate) fn is_usable(&self) -> Result<(), String> {
        for name in ["new", "cur"] {
            let folder = self.0.join(name);
            let shown = folder.display();
            fs::read_dir(&folder).map_err(|error| format!("{shown}: {error}"))?;
            let probe = folder.join(".tegata-probe");
            fs::write(&probe, b"")
                .and_then(|()| fs::remove_file(&probe))
                .map_err(|error| format!("{shown} cannot be written: {error}"))?;
        }
        Ok(())
    }

    /// Takes what is there and what comes until `stop` turns true.
    pub(crate) async fn run(self, app: App, mut stop: watch::Receiver<bool>) {
        let mut is_told = false;
        loop {
            match self.look(&app).await {
                Ok(()) => is_told = false,
                Err(reason) => {
                    if !is_told {
                        tracing::error!(
                            reason,
                            "mails that came back could not be read (mail.bounces)"
                        );
                    }
                    is_told = true;
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// One look. A message whose report cannot be taken now stays where it is.
    async fn look(&self, app: &App) -> Result<(), String> {
        let folder = self.0.join("new");
        let found = spawn_blocking(move || new_messages(&folder)).await;
        let found = found.map_err(|error| error.to_string())??;
        if found.is_empty() {
            return Ok(());
        }
        let mut taken = Taken::default();
        for path in found {
            let read = path.clone();
            let report = spawn_blocking(move || read_file(&read)).await;
            let report = report.map_err(|error| error.to_string())??;
            match report {
                Some(report) => {
                    let told = app.take_report(&report, app.clock_now()).await;
                    taken.count(told.map_err(|error| error.to_string())?);
                }
                None => taken.no_report += 1,
            }
            self.put_away(&path)?;
        }
        taken.tell();
        Ok(())
    }

    fn put_away(&self, path: &Path) -> Result<(), String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let to = self.0.join("cur").join(format!("{name}{SEEN}"));
        match fs::rename(path, &to) {
            // Another process was first.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.exists() => Ok(()),
            other => other.map_err(|error| format!("{}: {error}", path.display())),
        }
    }
}

impl Taken {
    fn count(&mut self, taken: ReportTaken) {
        match taken {
            ReportTaken::Cleared(_) => self.cleared += 1,
            ReportTaken::Foreign => self.foreign += 1,
            ReportTaken::Marked { .. } => self.marked += 1,
            ReportTaken::Underway => self.underway += 1,
        }
    }

    /// Reports that name no mail of ours, and other messages, are nothing but counted.
    fn tell(&self) {
        tracing::info!(
            marked = self.marked,
            cleared = self.cleared,
            underway = self.underway,
            foreign = self.foreign,
            no_report = self.no_report,
            "mails that came back were read"
        );
    }
}

/// The oldest messages of a folder, by their names. What is no plain file, or hidden, is left alone.
fn new_messages(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !is_hidden && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            found.push(entry.path());
        }
    }
    found.sort();
    found.truncate(BATCH);
    Ok(found)
}

/// What a message reports; the same as none where another process was first.
fn read_file(path: &Path) -> Result<Option<DeliveryReport>, String> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut octets = Vec::new();
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    file.take(most)
        .read_to_end(&mut octets)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(read_report(&octets))
}
