//! zlint from Debian's next release, without touching the package lists of this machine.
//!
//! The package stands in later releases only. It is one program without libraries of its own, so
//! the archive is unpacked into our folder. The mirror is the one this machine uses already.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::apt::quiet;
use crate::workspace;

/// The releases that have the package, oldest first.
const RELEASES: [&str; 2] = ["trixie", "sid"];

/// Where the program lies once it is unpacked.
pub(crate) fn program() -> PathBuf {
    workspace::tools_folder().join("zlint/usr/bin/zlint")
}

/// Downloads and unpacks the package.
pub(crate) fn install() -> Result<()> {
    let folder = workspace::tools_folder().join("zlint");
    eprintln!(
        "install: zlint (apt-get download, unpacked under {})",
        folder.display()
    );
    let mirror = Mirror::of_this_machine()?;
    let mut reasons = Vec::new();
    for release in RELEASES {
        match unpack(&mirror, release, &folder) {
            Ok(()) => return Ok(()),
            Err(error) => reasons.push(format!("{release}: {error:#}")),
        }
    }
    bail!("{}", reasons.join("; "));
}

fn unpack(mirror: &Mirror, release: &str, folder: &Path) -> Result<()> {
    let work = folder.join("apt");
    for name in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(work.join(name)).context("make a folder for apt")?;
    }
    let sources = work.join("sources.list");
    fs::write(&sources, mirror.line(release)).context("write the list for apt")?;
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.current_dir(&work);
        for (name, value) in [
            ("Dir::Etc::sourcelist", sources.as_path()),
            ("Dir::Etc::sourceparts", Path::new("/dev/null")),
            ("Dir::State::lists", &work.join("lists")),
            ("Dir::Cache", &work.join("cache")),
            ("APT::Sandbox::User", Path::new("root")),
        ] {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        }
        command
    };
    quiet(apt_get().arg("update"))?;
    quiet(apt_get().args(["download", "zlint"]))?;
    let archive = downloaded(&work)?;
    quiet(Command::new("dpkg").arg("-x").args([&archive, folder]))?;
    fs::remove_dir_all(&work).context("remove the folder of apt")
}

fn downloaded(folder: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(folder).context("look for the package")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            return Ok(path);
        }
    }
    bail!("apt-get download left no package");
}

/// A package mirror and the key ring that vouches for it.
#[derive(Debug, PartialEq, Eq)]
struct Mirror {
    uri: String,
    signed_by: Option<String>,
}

impl Mirror {
    /// The mirror that serves this machine's own release.
    fn of_this_machine() -> Result<Self> {
        let release = release_of(&fs::read_to_string("/etc/os-release")?)
            .context("/etc/os-release names no VERSION_CODENAME")?;
        let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
        if let Ok(entries) = fs::read_dir("/etc/apt/sources.list.d") {
            files.extend(entries.flatten().map(|entry| entry.path()));
        }
        files.sort();
        for file in files {
            let text = fs::read_to_string(&file).unwrap_or_default();
            let found = match file.extension().and_then(|extension| extension.to_str()) {
                Some("sources") => Self::in_stanzas(&text, &release),
                Some("list") => Self::in_lines(&text, &release),
                _ => None,
            };
            if let Some(mirror) = found {
                return Ok(mirror);
            }
        }
        bail!("the apt sources of this machine name no mirror for {release}");
    }

    /// Looks through the stanza format (`deb822`).
    fn in_stanzas(text: &str, release: &str) -> Option<Self> {
        text.split("\n\n").find_map(|stanza| {
            let field = |name: &str| {
                stanza
                    .lines()
                    .find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
            };
            let serves = field("Suites:")?
                .split_whitespace()
                .any(|suite| suite == release);
            let uri = field("URIs:")?.split_whitespace().next()?.to_owned();
            serves.then(|| Self {
                uri,
                signed_by: field("Signed-By:"),
            })
        })
    }

    /// Looks through the format of one source per line.
    fn in_lines(text: &str, release: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            let line = line.strip_prefix("deb ")?.trim();
            let (options, rest) = match line.strip_prefix('[') {
                Some(line) => line.split_once(']')?,
                None => ("", line),
            };
            let mut words = rest.split_whitespace();
            let uri = words.next()?.to_owned();
            let signed_by = options
                .split_whitespace()
                .find_map(|option| option.strip_prefix("signed-by="))
                .map(str::to_owned);
            (words.next()? == release).then_some(Self { uri, signed_by })
        })
    }

    fn line(&self, release: &str) -> String {
        let options = self
            .signed_by
            .as_ref()
            .map_or_else(String::new, |key| format!("[signed-by={key}] "));
        format!("deb {options}{} {release} main\n", self.uri)
    }
}

fn release_of(os_release: &str) -> Option<String> {
    let line = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(line.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_read_from_stanzas() {
        let text = "Types: deb\nURIs: http://mirror.example/security\nSuites: old-security\n\n\
                    Types: deb\nURIs: http://mirror.example/main\nSuites: old old-updates\n\
                    Components: main\nSigned-By: /keys/a.gpg\n";
        let mirror = Mirror::in_stanzas(text, "old").unwrap();
        assert_eq!(
            mirror.line("new"),
            "deb [signed-by=/keys/a.gpg] http://mirror.example/main new main\n"
        );
        assert_eq!(Mirror::in_stanzas(text, "other"), None);
    }

    #[test]
    fn the_mirror_is_read_from_lines() {
        let text =
            "# comment\ndeb [arch=amd64 signed-by=/keys/b.gpg] http://mirror.example old main\n";
        let mirror = Mirror::in_lines(text, "old").unwrap();
        assert_eq!(
            mirror.line("new"),
            "deb [signed-by=/keys/b.gpg] http://mirror.example new main\n"
        );
        let plain = Mirror::in_lines("deb http://mirror.example old main", "old").unwrap();
        assert_eq!(plain.line("new"), "deb http://mirror.example new main\n");
    }

    #[test]
    fn the_release_is_read_with_or_without_quotes() {
        assert_eq!(
            release_of("ID=x\nVERSION_CODENAME=old\n").as_deref(),
            Some("old")
        );
        assert_eq!(
            release_of("VERSION_CODENAME=\"old\"\n").as_deref(),
            Some("old")
        );
        assert_eq!(release_of("ID=x\n"), None);
    }
}
