//! The folder of the MPKI client's release: read, compared with its announcement, handed to the sites (F10).
//!
//! Signatures are not verified here, since this machine is not what terminals trust; what cannot be right (a file that
//! is missing or differs) is not published.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tegata_domain::time::Timestamp;
use tegata_pki::digest::sha256;
use tegata_protocol::release::{
    Envelope, LARGEST_ENVELOPE, LARGEST_FILE, PAYLOAD_TYPE, Release, THRESHOLD,
};
use tegata_web::{Published, Releases};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::instance::Instance;

/// The announcement in the folder.
const MANIFEST: &str = "manifest.json";
/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(20);
/// A release that ends within so many days is told to the operator.
pub(crate) const WARN_DAYS: i64 = 7;
const DAY: i64 = 86_400;

/// Why a folder publishes nothing.
#[derive(Debug)]
pub(crate) enum Unpublished {
    /// There is no announcement.
    Nothing,
    /// Something in it is wrong.
    Wrong(String),
}

/// Reads the release of a folder.
pub(crate) fn read(folder: &Path) -> Result<Published, Unpublished> {
    let wrong = |what: &str, error: &dyn std::fmt::Display| {
        Unpublished::Wrong(format!("{}: {what}: {error}", folder.display()))
    };
    let manifest = match std::fs::read(folder.join(MANIFEST)) {
        Ok(manifest) => manifest,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Unpublished::Nothing);
        }
        Err(error) => return Err(wrong(MANIFEST, &error)),
    };
    if manifest.len() > LARGEST_ENVELOPE {
        return Err(wrong(MANIFEST, &"it is too large"));
    }
    let envelope: Envelope =
        serde_json::from_slice(&manifest).map_err(|error| wrong(MANIFEST, &error))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(wrong(MANIFEST, &"it announces something else"));
    }
    if envelope.signatures.len() < THRESHOLD {
        let missing =
            format!("fewer than {THRESHOLD} signatures; run `tegata client manifest sign`");
        return Err(wrong(MANIFEST, &missing));
    }
    let release: Release =
        serde_json::from_slice(&envelope.payload).map_err(|error| wrong(MANIFEST, &error))?;
    let mut files = Vec::new();
    for file in &release.files {
        let name = &file.name;
        // The name becomes a path: nothing but a plain name may.
        let is_plain = !name.starts_with('.')
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !is_plain || file.size > LARGEST_FILE {
            return Err(wrong(name, &"not a file of a release"));
        }
        let path = folder.join(name);
        let size = std::fs::metadata(&path)
            .map_err(|error| wrong(name, &error))?
            .len();
        if size != file.size {
            return Err(wrong(name, &"its size is not the announced one"));
        }
        let octets = std::fs::read(&path).map_err(|error| wrong(name, &error))?;
        if sha256(&octets) != file.sha256.0 {
            return Err(wrong(name, &"its SHA-256 is not the announced one"));
        }
        files.push(octets.into());
    }
    Ok(Published {
        release,
        manifest: manifest.into(),
        files,
    })
}

/// The days that terminals still believe the announcement; negative when they do no more.
pub(crate) fn days_left(release: &Release, now: Timestamp) -> i64 {
    (release.expires_at.unix() - now.unix()).div_euclid(DAY)
}

/// Keeps `releases` what the folder holds, until the receiver turns true.
pub(crate) async fn watch(
    instance: std::sync::Arc<Instance>,
    releases: Releases,
    mut stop: watch::Receiver<bool>,
) {
    let Some(folder) = instance.config.client_folder.clone() else {
        return;
    };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = Seen::default();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        let state = FolderState::of(&folder);
        if seen.state.as_ref() == Some(&state) {
            continue;
        }
        let (at, now) = (folder.clone(), instance.app.system_now());
        if let Ok(found) = tokio::task::spawn_blocking(move || read(&at)).await {
            seen.take(found, state, &releases, now);
        }
    }
}

/// What was last found, so that nothing is told or read twice.
#[derive(Default)]
struct Seen {
    state: Option<FolderState>,
}

impl Seen {
    fn take(
        &mut self,
        found: Result<Published, Unpublished>,
        state: FolderState,
        releases: &Releases,
        now: Timestamp,
    ) {
        self.state = Some(state);
        match found {
            Ok(published) => {
                let (version, days) = (
                    published.release.version,
                    days_left(&published.release, now),
                );
                if days < WARN_DAYS {
                    tracing::warn!(%version, days, "the client's release is to be signed anew");
                } else {
                    tracing::info!(%version, days, "the client's release is published");
                }
                releases.publish(Some(published));
            }
            Err(Unpublished::Nothing) => releases.publish(None),
            // What was published before stays: a copy that is under way is no reason to stop downloads.
            Err(Unpublished::Wrong(reason)) => {
                tracing::warn!(
                    reason,
                    "the client's release in the folder is not published"
                );
            }
        }
    }
}

/// Names, sizes and dates of a folder's files: it is read again when they change.
#[derive(Debug, PartialEq, Eq)]
struct FolderState(Vec<(PathBuf, u64, Option<std::time::SystemTime>)>);

impl FolderState {
    fn of(folder: &Path) -> Self {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((entry.path(), data.len(), data.modified().ok()))
            })
            .collect();
        files.sort();
        Self(files)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tegata_domain::id::Fingerprint;
    use tegata_domain::time::CalendarDate;
    use tegata_protocol::release::{Architecture, ReleaseFile, Scope, Signature, Version};

    use super::*;

    fn release(octets: &[u8]) -> Release {
        Release {
            format: 1,
            version: Version {
                major: 1,
                minor: 0,
                patch: 0,
            },
            released: CalendarDate::from_ymd(2027, 1, 2).unwrap(),
            expires_at: Timestamp::from_unix(1_800_000_000),
            changes: Vec::new(),
            files: vec![ReleaseFile {
                architecture: Architecture::X64,
                scope: Scope::User,
                name: "a.msi".to_owned(),
                size: octets.len() as u64,
                sha256: Fingerprint(sha256(octets)),
                signer: None,
            }],
        }
    }

    fn announce(folder: &Path, release: &Release, signatures: usize) {
        let mut envelope = Envelope::unsigned(serde_json::to_vec(release).unwrap());
        for key in 0..signatures {
            let (keyid, sig) = (key.to_string(), Vec::new());
            envelope.signatures.push(Signature { keyid, sig });
        }
        fs::write(
            folder.join(MANIFEST),
            serde_json::to_vec(&envelope).unwrap(),
        )
        .unwrap();
    }

    fn reason(folder: &Path) -> String {
        match read(folder) {
            Err(Unpublished::Wrong(reason)) => reason,
            Err(Unpublished::Nothing) => "nothing".to_owned(),
            Ok(_) => "published".to_owned(),
        }
    }

    #[test]
    fn only_what_was_announced_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        assert_eq!(reason(here), "nothing");
        let mut announced = release(b"package");
        fs::write(here.join("a.msi"), b"package").unwrap();
        announce(here, &announced, 1);
        assert!(reason(here).contains("fewer than 2 signatures"));
        announce(here, &announced, 2);
        assert_eq!(reason(here), "published");
        fs::write(here.join("a.msi"), b"changed").unwrap();
        assert!(reason(here).contains("SHA-256"), "{}", reason(here));
        fs::write(here.join("a.msi"), b"longer than it was").unwrap();
        assert!(reason(here).contains("size"));
        fs::remove_file(here.join("a.msi")).unwrap();
        assert!(reason(here).contains("a.msi"));
        for name in ["../a.msi", "/etc/passwd", ".hidden", "a b.msi"] {
            announced.files[0].name = name.to_owned();
            announce(here, &announced, 2);
            assert!(reason(here).contains("not a file of a release"), "{name}");
        }
        fs::write(here.join(MANIFEST), b"{").unwrap();
        assert!(reason(here).contains("manifest.json"));
    }

    #[test]
    fn a_copy_under_way_does_not_stop_downloads() {
        let (releases, mut seen) = (Releases::default(), Seen::default());
        let state = || FolderState(Vec::new());
        let now = Timestamp::from_unix(1_700_000_000);
        let published = Published {
            release: release(b""),
            manifest: Vec::new().into(),
            files: Vec::new(),
        };
        seen.take(Ok(published), state(), &releases, now);
        seen.take(
            Err(Unpublished::Wrong("half".to_owned())),
            state(),
            &releases,
            now,
        );
        assert!(releases.current().is_some());
        seen.take(Err(Unpublished::Nothing), state(), &releases, now);
        assert!(releases.current().is_none());
    }
}
