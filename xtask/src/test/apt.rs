//! Debian packages, installed only when something is missing.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The package manager of this machine. It refreshes its lists at most once.
#[derive(Default)]
pub(crate) struct Apt {
    refreshed: bool,
}

impl Apt {
    /// Installs packages, or says what somebody with the right to do so must install.
    pub(crate) fn install(&mut self, packages: &[&str]) -> Result<()> {
        let command = format!("apt-get install {}", packages.join(" "));
        if !is_root() {
            bail!("as root: {command}");
        }
        eprintln!("install: {command}");
        let install = || {
            quiet(
                apt_get()
                    .args(["install", "--yes", "--no-install-recommends"])
                    .args(packages),
            )
        };
        if install().is_ok() {
            return Ok(());
        }
        self.refresh()?;
        install().with_context(|| format!("{command} failed"))
    }

    /// Reads the lists of packages again, once in a run.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        if !self.refreshed {
            eprintln!("install: apt-get update");
            quiet(apt_get().arg("update")).context("apt-get update failed")?;
            self.refreshed = true;
        }
        Ok(())
    }
}

/// Runs a command without its output; when it fails, the error holds the end of what it said.
pub(crate) fn quiet(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("start {name}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let end = lines
        .get(lines.len().saturating_sub(3)..)
        .unwrap_or_default();
    bail!("{name}: {}: {}", output.status, end.join(" / "));
}

/// Whether this process may install packages and change to another user.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_says_its_last_lines() {
        let script = "echo one; echo two; echo three; echo four >&2; exit 7";
        let error = quiet(Command::new("sh").args(["-c", script])).unwrap_err();
        assert_eq!(error.to_string(), "sh: exit status: 7: two / three / four");
    }
}
