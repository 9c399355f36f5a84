//! Where the programs of others are (`oracles/README.md`), and running them.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// A program that ran to its end.
#[derive(Clone, Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard output, then standard error.
    pub fn all(&self) -> String {
        format!("{}{}", self.text(), self.stderr)
    }

    /// This run, where it ended with exit code 0.
    pub fn good(self) -> Result<Self> {
        ensure!(self.status.success(), "{}: {}", self.status, self.all());
        Ok(self)
    }
}

/// The server binary of the dev profile.
pub fn server_binary() -> Result<PathBuf> {
    binary("TEGATA_BIN", "tegata", "tegata-server")
}

/// The client's command line, of the dev profile.
pub fn client_binary() -> Result<PathBuf> {
    binary("TEGATA_CLIENT_BIN", "tegata-client", "tegata-client")
}

fn binary(variable: &str, name: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable)
        .map_or_else(|| root().join("target/debug").join(name), PathBuf::from);
    ensure!(
        path.is_file(),
        "there is no {name} at {}: run `cargo build -p {package}`, or name it with {variable}",
        path.display()
    );
    Ok(path)
}

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the folder `oracles`.
pub fn oracle(name: &str) -> PathBuf {
    let folder = std::env::var_os("TEGATA_ORACLE_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("oracles"),
        PathBuf::from,
    );
    folder.join(name)
}

/// The folder of what a run leaves for people to look at.
pub fn target(name: &str) -> Result<PathBuf> {
    let folder = root().join("target").join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// What an environment variable of `oracles/README.md` names.
pub fn named(variable: &str) -> Result<OsString> {
    std::env::var_os(variable).with_context(|| {
        format!("{variable} is not set: run the system tests with `cargo xtask test --only system`")
    })
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Result<Ran> {
    run_with_input(command, &[])
}

/// Runs a program to its end with this standard input.
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Result<Ran> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = command.get_program().to_owned();
    let named = || format!("run {}", program.display());
    let mut child = command.spawn().with_context(named)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input ends the pipe early; that is its own affair.
        let _ = stdin.write_all(input);
    }
    let output = child.wait_with_output().with_context(named)?;
    Ok(Ran {
        status: output.status,
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A command with its arguments.
pub fn command<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Lets a program live on a machine whose clock is so many days ahead.
pub fn set_clock(command: &mut Command, days_ahead: i64) -> Result<()> {
    set_clock_by(command, days_ahead * DAY)
}

/// Lets a program live on a machine whose clock is so many seconds ahead.
pub fn set_clock_by(command: &mut Command, ahead: i64) -> Result<()> {
    command.env("LD_PRELOAD", named("TEGATA_FAKETIME")?);
    command.env("FAKETIME", format!("{ahead:+}"));
    // Limits of connections and timers count by it.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Ok(())
}

/// Lets a program live on a machine whose clock is as far ahead as a file says at each moment: `+60` are seconds.
pub fn set_clock_from(command: &mut Command, file: &Path) -> Result<()> {
    command.env("LD_PRELOAD", named("TEGATA_FAKETIME")?);
    command.env("FAKETIME_TIMESTAMP_FILE", file);
    command.env("FAKETIME_NO_CACHE", "1");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Ok(())
}

/// Looks until `look` finds something; for what another process does by itself within a second or
/// two. Each look starts a program or a request, so it costs no more than it must.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    const LIMIT: Duration = Duration::from_secs(20);
    let start = Instant::now();
    while start.elapsed() < LIMIT {
        if let Some(found) = look()? {
            return Ok(found);
        }
    }
    bail!("waited {} s in vain for: {what}", LIMIT.as_secs())
}

/// The system's clock, as an authenticator program reads it: seconds since 1970.
pub fn unix_now() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "one-time codes are made outside the product, by the clock on the wall"
    )]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
