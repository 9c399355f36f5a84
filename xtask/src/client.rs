//! `cargo xtask client`: builds the Windows program on this machine, for both kinds of processor.
//!
//! The compiler is Debian's `rustc-web` and not the pinned toolchain: it comes with the source of
//! the standard library, which must be built for a target that still knows Windows 8.1. The
//! lock file is the workspace's and is never written; what is built lies in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::test::apt::Apt;
use crate::workspace;

/// What the cross build needs from Debian.
const PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-clippy",
    "rust-web-src",
    "gcc-mingw-w64-x86-64",
    "gcc-mingw-w64-i686",
    "g++-mingw-w64-x86-64",
    "g++-mingw-w64-i686",
    "binutils-mingw-w64",
    "nasm",
    "cmake",
];

const COMPILER: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const CLIPPY: &str = "/usr/bin/cargo-clippy";

/// A kind of processor that Windows runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processor {
    /// 64 bits.
    X64,
    /// 32 bits.
    X86,
}

impl Processor {
    pub(crate) const ALL: [Self; 2] = [Self::X64, Self::X86];

    /// The name of the compiler's target.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::X64 => "x86_64-win7-windows-gnu",
            Self::X86 => "i686-win7-windows-gnu",
        }
    }

    /// The name before each tool of MinGW.
    fn mingw(self) -> &'static str {
        match self {
            Self::X64 => "x86_64-w64-mingw32",
            Self::X86 => "i686-w64-mingw32",
        }
    }
}

/// What a developer asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    processors: Vec<Processor>,
    /// Also the program that drives the windows in tests.
    with_driver: bool,
    /// Only look at what the compiler of this machine's own programs never sees.
    lint: bool,
}

impl Options {
    /// Reads the arguments after `client`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut processors = Vec::new();
        let (mut with_driver, mut lint) = (false, false);
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match (argument, arguments.clone().next()) {
                ("--arch", Some("x64")) => processors.push(Processor::X64),
                ("--arch", Some("x86")) => processors.push(Processor::X86),
                ("--arch", _) => bail!("--arch is x64 or x86"),
                ("--test", _) => {
                    with_driver = true;
                    continue;
                }
                ("--lint", _) => {
                    lint = true;
                    continue;
                }
                (other, _) => bail!("{other} is not an option of client"),
            }
            arguments.next();
        }
        if processors.is_empty() {
            processors = Processor::ALL.to_vec();
        }
        Ok(Self {
            processors,
            with_driver,
            lint,
        })
    }
}

/// Builds what was asked for and says where it lies.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure_tools(&mut Apt::default())?;
    for processor in &options.processors {
        if options.lint {
            lint(*processor)?;
            continue;
        }
        let program = build(*processor, &["--bin", "mpki-client"])?.join("mpki-client.exe");
        eprintln!("client: {}", program.display());
        if options.with_driver {
            let folder = build(*processor, &["--example", "drive"])?;
            eprintln!("client: {}", folder.join("examples/drive.exe").display());
        }
    }
    Ok(())
}

/// Where the program for this processor lies once it is built.
pub(crate) fn program(processor: Processor) -> PathBuf {
    folder()
        .join(processor.target())
        .join("small/mpki-client.exe")
}

/// Builds what is named and answers the folder that it lies in.
pub(crate) fn build(processor: Processor, what: &[&str]) -> Result<PathBuf> {
    let mut command = Command::new(CARGO);
    command.arg("build");
    let status = cross(&mut command, processor, what).status();
    if !status.context("start Debian's cargo")?.success() {
        bail!("the client does not build for {}", processor.target());
    }
    Ok(folder().join(processor.target()).join("small"))
}

/// Runs clippy over the code that is for Windows alone.
pub(crate) fn lint(processor: Processor) -> Result<()> {
    let mut command = Command::new(CLIPPY);
    command.arg("clippy").env("CARGO", CARGO);
    let what = ["--bin", "mpki-client", "--example", "drive"];
    let status = cross(&mut command, processor, &what).status();
    if !status.context("start Debian's clippy")?.success() {
        bail!("clippy objects to the client for {}", processor.target());
    }
    Ok(())
}

/// Where everything for Windows is built.
fn folder() -> PathBuf {
    workspace::target_folder().join("client")
}

/// Completes a command of cargo for this processor.
fn cross<'c>(command: &'c mut Command, processor: Processor, what: &[&str]) -> &'c mut Command {
    let target = processor.target();
    let lower = target.replace('-', "_");
    let mingw = processor.mingw();
    for (tool, program) in [("CC", "gcc"), ("CXX", "g++"), ("AR", "ar")] {
        command.env(format!("{tool}_{lower}"), format!("{mingw}-{program}"));
    }
    command
        .current_dir(workspace::root())
        .args(["--locked", "--profile", "small"])
        .args(["-Zbuild-std=std,panic_abort", "--target", target])
        .args(["--package", "tegata-client"])
        .args(what)
        .env("CARGO_TARGET_DIR", folder())
        .env("RUSTC", COMPILER)
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            format!("CARGO_TARGET_{}_LINKER", lower.to_uppercase()),
            format!("{mingw}-gcc"),
        )
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
}

/// Installs what is missing. An older `rustc-web` is brought up to the one that has the targets.
pub(crate) fn ensure_tools(apt: &mut Apt) -> Result<()> {
    let tools = [
        "x86_64-w64-mingw32-g++",
        "i686-w64-mingw32-g++",
        "nasm",
        "cmake",
    ];
    let has_tools = tools
        .iter()
        .all(|name| workspace::find_program(name).is_some());
    if has_tools && Path::new(CLIPPY).exists() && knows_targets() {
        return Ok(());
    }
    apt.refresh()?;
    apt.install(PACKAGES)?;
    if !knows_targets() {
        bail!(
            "{COMPILER} has no target *-win7-windows-gnu: Debian's rustc-web must be 1.88 or later"
        );
    }
    Ok(())
}

fn knows_targets() -> bool {
    let listed = workspace::output(Command::new(COMPILER).args(["--print", "target-list"]));
    listed.is_ok_and(|list| {
        Processor::ALL
            .iter()
            .all(|processor| list.lines().any(|line| line == processor.target()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Options> {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn without_a_choice_both_processors_are_built() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.processors, Processor::ALL);
        assert!(!options.with_driver);
    }

    #[test]
    fn one_processor_can_be_chosen_and_a_wrong_one_is_refused() {
        let options = parse(&["--test", "--arch", "x86"]).unwrap();
        assert_eq!(options.processors, [Processor::X86]);
        assert!(options.with_driver);
        assert!(parse(&["--lint"]).unwrap().lint);
        assert!(parse(&["--arch", "arm"]).is_err());
        assert!(parse(&["--arch"]).is_err());
    }
}
