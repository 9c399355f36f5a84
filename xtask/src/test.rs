//! `cargo xtask test`: every test there is, on a machine that may have only a Rust toolchain.
//!
//! Parts run in a fixed order and all of them run, whatever failed before. The last line is
//! `N passed, N failed, N skipped`. Skipped is only what is named: a tool that cannot be had, or a
//! test that says so itself.

pub(crate) mod apt;
mod postgres;
mod release;
pub(crate) mod soak;
pub(crate) mod tally;
mod tools;
mod zlint;

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::client::{self, Processor};
use crate::targets;
use crate::{check, workspace};
use apt::Apt;
use postgres::Cluster;
use tally::Tally;
use tools::{Environment, Tool};

/// What a developer asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// A skipped part fails the run.
    no_skips: bool,
    /// The parts to run, in their own order.
    parts: Vec<Part>,
}

impl Options {
    /// Reads the arguments after `test`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut no_skips = false;
        let mut only = Vec::new();
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument {
                "--no-skips" => no_skips = true,
                "--only" => only.push(Part::named(arguments.next().unwrap_or_default())?),
                other => bail!("{other} is not an option of test"),
            }
        }
        let wanted = |part: &Part| only.is_empty() || only.contains(part);
        Ok(Self {
            no_skips,
            parts: Part::ALL.into_iter().filter(wanted).collect(),
        })
    }
}

/// One step of the run, in the order of `ALL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Outside tools are there, or are installed.
    Tools,
    /// The quick gate.
    Check,
    /// Tests of all crates but the system tests, with both databases.
    Unit,
    /// The binary as a whole, judged by other people's tools.
    System,
    /// The release build holds no failpoint.
    Release,
    /// cargo-deny over deny.toml, where it is installed; `check` does the same without it.
    Deny,
}

impl Part {
    const ALL: [Self; 6] = [
        Self::Tools,
        Self::Check,
        Self::Unit,
        Self::System,
        Self::Release,
        Self::Deny,
    ];

    fn named(name: &str) -> Result<Self> {
        let part = Self::ALL.into_iter().find(|part| part.name() == name);
        part.with_context(|| format!("there is no part named {name:?}"))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Check => "check",
            Self::Unit => "unit",
            Self::System => "system",
            Self::Release => "release",
            Self::Deny => "deny",
        }
    }

    /// The outside tools that this part runs.
    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Tools | Self::System => &Tool::ALL,
            Self::Unit => &[Tool::OpenSsl, Tool::PostgreSql, Tool::Pdf],
            Self::Check | Self::Release | Self::Deny => &[],
        }
    }
}

/// Runs the parts and prints the sum. Answers whether the run was good.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut session = Session::start(&options.parts)?;
    for part in &options.parts {
        session.run(*part);
    }
    let tally = session.finish();
    say(&format!("{tally}"))?;
    Ok(tally.failed == 0 && (tally.skipped == 0 || !options.no_skips))
}

/// What the parts share: the tools, the database server, the counts.
struct Session {
    tally: Tally,
    environment: Environment,
    cluster: Option<Cluster>,
}

impl Session {
    fn start(parts: &[Part]) -> Result<Self> {
        let mut session = Self {
            tally: Tally::default(),
            environment: Environment::new(),
            cluster: None,
        };
        let wanted = |tool: &Tool| parts.iter().any(|part| part.tools().contains(tool));
        for tool in Tool::ALL.into_iter().filter(wanted) {
            if let Err(reason) = session.environment.add(tool) {
                say(&format!("skipped: {} ({reason:#})", tool.name()))?;
                session.tally.skipped += 1;
            }
        }
        let databases = parts
            .iter()
            .any(|part| matches!(part, Part::Unit | Part::System));
        if databases && let Some(programs) = session.environment.postgres_programs() {
            match Cluster::start(&programs) {
                Ok(cluster) => {
                    session
                        .environment
                        .set("TEGATA_TEST_POSTGRES", cluster.url().into());
                    session.cluster = Some(cluster);
                }
                Err(error) => {
                    eprintln!("postgresql: {error:#}");
                    session.tally.count(false);
                }
            }
        }
        Ok(session)
    }

    fn run(&mut self, part: Part) {
        let name = part.name();
        eprintln!("==== {name}");
        let start = Instant::now();
        let counted = match part {
            Part::Tools => Ok(self.environment.tally()),
            Part::Check => check::run_and_count().map(|(passed, failed)| Tally {
                passed,
                failed,
                skipped: 0,
            }),
            Part::Unit => self.unit(),
            Part::System => self.system(),
            Part::Release => release::run(),
            Part::Deny => deny(),
        };
        let tally = counted.unwrap_or_else(|error| {
            eprintln!("{name}: {error:#}");
            Tally {
                failed: 1,
                ..Tally::default()
            }
        });
        eprintln!("==== {name}: {tally} in {} s", start.elapsed().as_secs());
        self.tally.add(&tally);
    }

    fn unit(&self) -> Result<Tally> {
        let files = targets::test_files(&workspace::root())?;
        let mut command = targets::test(files.iter().filter(|file| !file.is_of_the_system()));
        command.args(["--lib", "--bins"]);
        let mut tally = self.libtest(&mut command)?;
        let mut examples = targets::cargo();
        examples.args(["test", "--workspace", "--no-fail-fast", "--doc"]);
        tally.add(&self.libtest(&mut examples)?);
        Ok(tally)
    }

    fn system(&mut self) -> Result<Tally> {
        let files = targets::test_files(&workspace::root())?;
        self.build_programs()?;
        let mut command = targets::test(files.iter().filter(|file| file.is_of_the_system()));
        // Most of a story is waiting for a browser or a program; two at once fill the gaps of each other.
        command.args(["--", "--test-threads=2"]);
        self.libtest(&mut command)
    }

    /// Builds the programs that tests of the system start, and says where they lie.
    fn build_programs(&mut self) -> Result<()> {
        let status = targets::build_programs().status();
        if !status.context("start cargo build")?.success() {
            bail!("the programs do not build");
        }
        let windows = build_windows_client()?;
        self.environment.set("TEGATA_BIN", Profile::Dev.server());
        self.environment
            .set("TEGATA_CLIENT_BIN", Profile::Dev.client());
        self.environment
            .set("TEGATA_MPKI_CLIENT", windows.into_os_string());
        Ok(())
    }

    fn libtest(&self, command: &mut Command) -> Result<Tally> {
        libtest(command.envs(self.environment.variables()))
    }

    /// Stops what was started, then hands out the counts.
    fn finish(self) -> Tally {
        drop(self.cluster);
        self.tally
    }
}

/// The two ways the server is built here.
#[derive(Clone, Copy)]
enum Profile {
    /// With failpoints.
    Dev,
    /// What leaves the house.
    Release,
}

impl Profile {
    /// The server binary of this profile.
    fn server(self) -> OsString {
        self.binary("tegata")
    }

    /// The client's command line of this profile.
    fn client(self) -> OsString {
        self.binary("tegata-client")
    }

    fn binary(self, name: &str) -> OsString {
        let folder = match self {
            Self::Dev => "debug",
            Self::Release => "release",
        };
        workspace::target_folder()
            .join(folder)
            .join(name)
            .into_os_string()
    }
}

/// Lints the Windows program and builds it for both processors, and what drives its windows. Answers the folder of the
/// 64-bit one, which the tests run: the wine of this Debian has no 32-bit half.
fn build_windows_client() -> Result<PathBuf> {
    client::ensure_tools(&mut Apt::default())?;
    client::lint(Processor::X64)?;
    client::build(Processor::X86, &["--bin", "mpki-client"])?;
    client::build(
        Processor::X64,
        &["--bin", "mpki-client", "--example", "drive"],
    )
}

/// cargo-deny checks the same file with its own eyes. Nothing is counted where it is not installed,
/// because the rules of `check` hold the same lists.
fn deny() -> Result<Tally> {
    let mut tally = Tally::default();
    if workspace::find_program("cargo-deny").is_some() {
        let mut command = workspace::cargo();
        command.args(["deny", "check", "bans", "licenses", "sources"]);
        tally.count(command.status().context("start cargo deny")?.success());
    }
    Ok(tally)
}

/// Runs test binaries, shows their output as it comes, and counts their results. A run that fails
/// without a failed test (it did not compile, it crashed) counts as one failure.
fn libtest(command: &mut Command) -> Result<Tally> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("start the tests")?;
    let output = child.stdout.take().context("read the tests")?;
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("read the tests")?;
        let line = String::from_utf8_lossy(&line);
        tally.read_line(&line);
        say(&line)?;
    }
    if !child.wait().context("wait for the tests")?.success() && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

/// Prints a line on standard output, where the counts are expected.
fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .context("print")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        Options::parse(
            &arguments
                .iter()
                .map(|&argument| argument.to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn all_parts_run_unless_some_are_named() {
        let all = Options {
            no_skips: false,
            parts: Part::ALL.to_vec(),
        };
        assert_eq!(parse(&[]).unwrap(), all);
        let two = parse(&["--only", "unit", "--only", "check", "--no-skips"]).unwrap();
        assert_eq!(
            two,
            Options {
                no_skips: true,
                parts: vec![Part::Check, Part::Unit]
            }
        );
    }

    #[test]
    fn unknown_arguments_are_refused() {
        assert!(parse(&["--all"]).is_err());
        assert!(parse(&["--only", "everything"]).is_err());
        assert!(parse(&["--only"]).is_err());
    }

    #[test]
    fn a_run_that_fails_without_a_failed_test_counts_one_failure() {
        let tally = libtest(Command::new("sh").args(["-c", "exit 101"])).unwrap();
        assert_eq!(
            tally,
            Tally {
                failed: 1,
                ..Tally::default()
            }
        );
    }
}
