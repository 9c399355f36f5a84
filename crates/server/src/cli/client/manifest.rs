//! `tegata client manifest draft | sign | check`: the announcement of a release (F10).
//!
//! One person drafts it from the finished packages; two of the three key holders sign it, each on a machine without a
//! network; then it is copied, with the packages, into the folder that `client.folder` names.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tegata_domain::id::Fingerprint;
use tegata_domain::time::{CalendarDate, Clock as _, Timestamp};
use tegata_installer::{Inspection, inspect};
use tegata_pki::cms::claimed_signer;
use tegata_pki::digest::sha256;
use tegata_pki::ed25519::SigningKey;
use tegata_protocol::release::{
    Envelope, LARGEST_ENVELOPE, LARGEST_FILE, LIFETIME_DAYS, Release, ReleaseFile, Signature,
    THRESHOLD,
};

use super::files;
use super::settings::{parse_key, update_key};
use crate::cli::acting::{ask_hidden, read_secret};
use crate::cli::line;
use crate::failure::{Failure, Outcome};
use crate::system::SystemClock;

const DAY: i64 = 86_400;
/// The most of a text of changes, of a key file and of an envelope that is read.
const LARGEST_TEXT: u64 = LARGEST_ENVELOPE as u64;

/// What to do with the announcement.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write it, unsigned, from a folder of packages of one version. Drafting the same version again makes it valid for
    /// 30 further days.
    Draft(Draft),
    /// Add a signature.
    Sign(Sign),
    /// Say whether terminals would take it.
    Check(Check),
}

/// From what it is drafted.
#[derive(Args, Debug)]
pub(crate) struct Draft {
    /// The folder with the packages (.msi).
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// A text of what is new, Japanese, one change a line.
    #[arg(long, value_name = "FILE")]
    changes: PathBuf,
    /// The day of publication, such as 2027-03-14; today when left out.
    #[arg(long, value_name = "DATE", value_parser = day)]
    released: Option<CalendarDate>,
    /// The file; manifest.json in the folder when left out. One of a higher version is not replaced.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Who signs what.
#[derive(Args, Debug)]
pub(crate) struct Sign {
    /// The announcement; the signature is added to it.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The private key, as `client keygen` wrote it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// File with the passphrase; asked for on the terminal when left out.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// What is checked with which keys.
#[derive(Args, Debug)]
pub(crate) struct Check {
    /// The announcement; the packages are looked for beside it.
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// A public key that terminals know: three times.
    #[arg(long = "key", value_name = "HEX", value_parser = update_key, required = true)]
    keys: Vec<String>,
}

/// Carries out the command.
pub(super) fn run(command: Command) -> Outcome<()> {
    let now = SystemClock.now();
    match command {
        Command::Draft(draft) => draft.run(now),
        Command::Sign(sign) => sign.run(now),
        Command::Check(check) => check.run(now),
    }
}

impl Draft {
    fn run(&self, now: Timestamp) -> Outcome<()> {
        let (version, packages) = packages(&self.folder)?;
        let changes = files::read_text(&self.changes, LARGEST_TEXT)?;
        let changes = changes
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        let release = Release {
            format: tegata_protocol::VERSION,
            version,
            released: self.released.unwrap_or(now.japan_date()),
            expires_at: Timestamp::from_unix(now.unix() + LIFETIME_DAYS * DAY),
            changes: changes.map(str::to_owned).collect(),
            files: packages,
        };
        let out = self
            .out
            .clone()
            .unwrap_or(self.folder.join("manifest.json"));
        if out.exists()
            && let Ok((_, earlier)) = read(&out)
            && earlier.version > release.version
        {
            return Err(Failure::new(
                format!("{} announces {} already", out.display(), earlier.version),
                "terminals never take a lower version: build a higher one",
            ));
        }
        let payload = serde_json::to_vec_pretty(&release).map_err(|error| {
            Failure::machine("write the announcement", error, "see the text of changes")
        })?;
        write(&out, &Envelope::unsigned(payload))?;
        tell(&release);
        line(format!(
            "unsigned: {THRESHOLD} holders of keys run `tegata client manifest sign`"
        ));
        Ok(())
    }
}

impl Sign {
    fn run(&self, now: Timestamp) -> Outcome<()> {
        let (mut envelope, release) = read(&self.manifest)?;
        if release.expires_at <= now {
            return Err(Failure::new(
                "this announcement has expired",
                "draft it again",
            ));
        }
        // The holder sees what the signature is for before the passphrase is asked for.
        tell(&release);
        let shown = self.key.display();
        let text = files::read_text(&self.key, LARGEST_TEXT)?;
        let passphrase = match &self.passphrase_file {
            Some(path) => read_secret(path)?,
            None => ask_hidden(&format!("passphrase of {shown}: "))?,
        };
        let key =
            SigningKey::from_file(&text, passphrase.expose().as_bytes()).map_err(|error| {
                let remedy = "name a key of `tegata client keygen` and give its passphrase";
                Failure::machine(format!("open {shown}"), error, remedy)
            })?;
        let keyid = hex::encode(key.verifying_key().as_octets());
        envelope
            .signatures
            .retain(|signature| signature.keyid != keyid);
        let sig = key.sign(&envelope.signed_octets());
        envelope.signatures.push(Signature { keyid, sig });
        write(&self.manifest, &envelope)?;
        line(format!(
            "{} of {THRESHOLD} signatures",
            envelope.signatures.len()
        ));
        Ok(())
    }
}

impl Check {
    fn run(&self, now: Timestamp) -> Outcome<()> {
        let (envelope, release) = read(&self.manifest)?;
        let signed = envelope.signed_octets();
        let is_signed_by = |text: &&String| {
            parse_key(text).is_some_and(|key| {
                envelope
                    .signatures
                    .iter()
                    .any(|signature| key.verify(&signed, &signature.sig))
            })
        };
        let mut keys = self.keys.clone();
        keys.sort_unstable();
        keys.dedup();
        let valid = keys.iter().filter(is_signed_by).count();
        tell(&release);
        if valid < THRESHOLD {
            return Err(Failure::new(
                format!("{valid} of these keys signed it, not {THRESHOLD}"),
                "let another holder run `tegata client manifest sign`",
            ));
        }
        if release.expires_at <= now {
            return Err(Failure::new("it has expired", "draft and sign it again"));
        }
        let folder = self.manifest.parent().unwrap_or(Path::new("."));
        for file in &release.files {
            let octets = files::read(&folder.join(&file.name), LARGEST_FILE)?;
            if octets.len() as u64 != file.size || sha256(&octets) != file.sha256.0 {
                return Err(Failure::new(
                    format!("{} is not the file that was announced", file.name),
                    "copy the package again, or draft the announcement anew",
                ));
            }
        }
        line("terminals take it");
        Ok(())
    }
}

/// The packages of a folder, which must all be of one version and differ in processor or scope.
fn packages(folder: &Path) -> Outcome<(tegata_protocol::release::Version, Vec<ReleaseFile>)> {
    let remedy =
        "name the folder that `tegata client pack` wrote to, with the packages of one version";
    let failed = |error: std::io::Error| {
        Failure::machine(format!("read {}", folder.display()), error, remedy)
    };
    let mut found: Vec<(Inspection, ReleaseFile)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("msi"))
        {
            found.push(package(&path)?);
        }
    }
    found.sort_by_key(|(_, file)| (file.architecture, file.scope));
    let Some((first, _)) = found.first() else {
        let reason = format!("{} holds no package (.msi)", folder.display());
        return Err(Failure::new(reason, remedy));
    };
    let version = first.version;
    for pair in found.windows(2) {
        if let [(a, one), (b, other)] = pair {
            if a.version != b.version {
                let reason = format!("{} and {} are of different versions", one.name, other.name);
                return Err(Failure::new(reason, remedy));
            }
            if (a.architecture, a.scope) == (b.architecture, b.scope) {
                let reason = format!("{} and {} are for the same machines", one.name, other.name);
                return Err(Failure::new(reason, remedy));
            }
        }
    }
    Ok((version, found.into_iter().map(|(_, file)| file).collect()))
}

fn package(path: &Path) -> Outcome<(Inspection, ReleaseFile)> {
    let octets = files::read(path, LARGEST_FILE)?;
    let inspection = inspect(&octets).map_err(|error| {
        let remedy = "leave only packages of `tegata client pack` in the folder";
        Failure::machine(format!("read {}", path.display()), error, remedy)
    })?;
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if !is_plain(name) {
        return Err(Failure::new(
            format!("{name:?} is no name for a download"),
            "use letters, digits, hyphens and full stops",
        ));
    }
    let signer = inspection.signature.as_deref().and_then(claimed_signer);
    let signer = signer.map(|certificate| {
        let subject = certificate.subject();
        subject
            .common_name()
            .map_or_else(|| subject.to_string(), str::to_owned)
    });
    let file = ReleaseFile {
        architecture: inspection.architecture,
        scope: inspection.scope,
        name: name.to_owned(),
        size: octets.len() as u64,
        sha256: Fingerprint(sha256(&octets)),
        signer,
    };
    Ok((inspection, file))
}

/// A name that needs no quoting in an address or a header.
fn is_plain(name: &str) -> bool {
    !name.starts_with('.')
        && !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// Reads an announcement without believing it.
fn read(path: &Path) -> Outcome<(Envelope, Release)> {
    let text = files::read(path, LARGEST_TEXT)?;
    let read = serde_json::from_slice::<Envelope>(&text).and_then(|envelope| {
        let release = serde_json::from_slice(&envelope.payload)?;
        Ok((envelope, release))
    });
    read.map_err(|error| {
        let remedy = "name a file that `tegata client manifest draft` wrote";
        Failure::machine(format!("read {}", path.display()), error, remedy)
    })
}

fn write(path: &Path, envelope: &Envelope) -> Outcome<()> {
    let text = serde_json::to_vec_pretty(envelope)
        .map_err(|error| Failure::machine("write the announcement", error, "repeat"))?;
    files::replace(path, &text)
}

/// What a person compares before signing.
fn tell(release: &Release) {
    line(format!(
        "version {} of {}",
        release.version, release.released
    ));
    line(format!("believed until {}", release.expires_at));
    for file in &release.files {
        line(format!(
            "{} {} octets SHA-256 {}",
            file.name, file.size, file.sha256
        ));
        line(format!(
            "  signed by {}",
            file.signer.as_deref().unwrap_or("nobody")
        ));
    }
    for change in &release.changes {
        line(format!("- {change}"));
    }
}

fn day(text: &str) -> Result<CalendarDate, String> {
    CalendarDate::parse(text).map_err(|_| "write year-month-day, such as 2027-03-14".to_owned())
}
