//! `tegata client pack`: Windows packages of a program and the operator's settings, signed by the operator's own tool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use clap::{Args, ValueEnum};
use tegata_domain::time::Clock as _;
use tegata_installer::{Package, Program, inspect};
use tegata_pki::certificate::Certificate;
use tegata_protocol::release::{LARGEST_FILE, Scope};
use toml::Table;

use super::files;
use super::settings::parse_key;
use crate::cli::line;
use crate::failure::{Failure, Outcome};
use crate::system::SystemClock;

/// Settings are a page of text.
const LARGEST_SETTINGS: u64 = 256 << 10;

/// What is packed.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The program, mpki-client.exe: once for each processor.
    #[arg(long = "program", value_name = "EXE", required = true)]
    programs: Vec<PathBuf>,
    /// The settings that `client settings` wrote.
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// For whom: whoever installs it, everybody on the machine, or a package of each.
    #[arg(long, value_enum, default_value = "both")]
    scope: Scopes,
    /// Folder for the packages.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A program that signs: it is started with two arguments, the file to sign and the file to write, first for the
    /// program, then for each package.
    #[arg(long, value_name = "PROGRAM")]
    sign_with: Option<PathBuf>,
}

/// Whom packages are for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scopes {
    /// One of each.
    Both,
    /// Everybody on the machine.
    Machine,
    /// Whoever installs it.
    User,
}

impl Scopes {
    const fn each(self) -> &'static [Scope] {
        match self {
            Self::Both => &[Scope::User, Scope::Machine],
            Self::Machine => &[Scope::Machine],
            Self::User => &[Scope::User],
        }
    }
}

/// Makes the packages and prints their paths.
pub(super) fn run(arguments: &Arguments) -> Outcome<()> {
    let settings = files::read_text(&arguments.settings, LARGEST_SETTINGS)?;
    let told = Told::read(&settings).map_err(|problem| {
        Failure::new(
            format!("{}: {problem}", arguments.settings.display()),
            "write the settings with `tegata client settings`, or correct the file",
        )
    })?;
    fs::create_dir_all(&arguments.out).map_err(|error| {
        let remedy = "name a folder that can be written";
        Failure::machine(format!("make {}", arguments.out.display()), error, remedy)
    })?;
    let workshop = Workshop::new(&arguments.out, arguments.sign_with.as_deref())?;
    for path in &arguments.programs {
        let octets = workshop.signed(path, files::read(path, LARGEST_FILE)?, "mpki-client.exe")?;
        let program = Program::read(octets).map_err(|error| {
            let remedy = "name the mpki-client.exe that `cargo xtask client` built";
            Failure::machine(format!("read {}", path.display()), error, remedy)
        })?;
        for scope in arguments.scope.each() {
            let package = Package {
                program: &program,
                scope: *scope,
                settings: Some(settings.as_bytes()),
                help: told.help.as_deref(),
                dated: SystemClock.now().japan_date(),
            };
            let name = package.file_name();
            let octets = package.write().map_err(|error| {
                Failure::machine(
                    format!("make {name}"),
                    error,
                    "see the settings and the program",
                )
            })?;
            let target = arguments.out.join(&name);
            let octets = workshop.signed(&target, octets, &name)?;
            if arguments.sign_with.is_some() && !is_signed(&octets) {
                return Err(Failure::new(
                    format!("{name} carries no signature after --sign-with"),
                    "see that the program writes the signed file to its second argument",
                ));
            }
            files::replace(&target, &octets)?;
            line(target.display().to_string());
        }
    }
    Ok(())
}

fn is_signed(octets: &[u8]) -> bool {
    inspect(octets).is_ok_and(|found| found.signature.is_some())
}

/// What of the settings concerns the package.
struct Told {
    /// The page of the client, for Windows' list of programs.
    help: Option<String>,
}

impl Told {
    /// Reads the settings far enough to know that a terminal could begin with them.
    fn read(text: &str) -> Result<Self, String> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        let value = |name: &str| {
            table
                .get(name)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
        };
        if value("server").is_empty() {
            return Err("server: write the name of the subscribers' site".to_owned());
        }
        let root = value("root");
        if !root.is_empty() {
            for block in pem_blocks(root) {
                let certificate =
                    Certificate::from_pem(&block).map_err(|error| format!("root: {error}"))?;
                if !certificate.is_ca() {
                    return Err("root: this is not a certificate of an authority".to_owned());
                }
            }
        }
        if let Some(update) = table.get("update") {
            let keys = update.get("keys").and_then(|keys| keys.as_array());
            let keys = keys.ok_or("update.keys: write the three public keys")?;
            let mut known: Vec<&str> = keys.iter().filter_map(|key| key.as_str()).collect();
            known.sort_unstable();
            known.dedup();
            if known.len() != 3 || known.iter().any(|key| parse_key(key).is_none()) {
                return Err(
                    "update.keys: write three different public keys of 64 digits".to_owned(),
                );
            }
        }
        let site = value("site");
        Ok(Self {
            help: (!site.is_empty()).then(|| format!("{site}/p/c")),
        })
    }
}

fn pem_blocks(text: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = text.split_inclusive(END);
    let blocks = blocks.map(|block| block.trim().to_owned());
    blocks.filter(|block| !block.is_empty()).collect()
}

/// Where files are signed: a folder of its own beside the packages, gone when the command ends.
struct Workshop<'a> {
    folder: PathBuf,
    tool: Option<&'a Path>,
}

impl Drop for Workshop<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl<'a> Workshop<'a> {
    fn new(beside: &Path, tool: Option<&'a Path>) -> Outcome<Self> {
        let folder = beside.join(format!(".signing-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| {
            Failure::machine(
                format!("make {}", folder.display()),
                error,
                "name another --out",
            )
        })?;
        Ok(Self { folder, tool })
    }

    /// The file with the operator's signature; the same where no tool is named.
    fn signed(&self, shown: &Path, octets: Vec<u8>, name: &str) -> Outcome<Vec<u8>> {
        let Some(tool) = self.tool else {
            return Ok(octets);
        };
        let shown = shown.display();
        let remedy = "see what it wrote above; docs/operating/client.md has an example";
        let failed = |error: &dyn std::fmt::Display| {
            Failure::machine(
                format!("sign {shown} with {}", tool.display()),
                error,
                remedy,
            )
        };
        let (plain, signed) = (
            self.folder.join(name),
            self.folder.join(format!("signed-{name}")),
        );
        fs::write(&plain, octets).map_err(|error| failed(&error))?;
        let _ = fs::remove_file(&signed);
        let status = Process::new(tool)
            .arg(&plain)
            .arg(&signed)
            .stdout(std::io::stderr())
            .status();
        let status = status.map_err(|error| failed(&error))?;
        if !status.success() {
            return Err(failed(&status));
        }
        files::read(&signed, LARGEST_FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_no_terminal_could_begin_with_are_refused() {
        let problem = |text: &str| Told::read(text).err().unwrap_or_default();
        assert!(!problem("server = ").is_empty());
        assert!(problem("ca_name = 'A'").starts_with("server:"));
        assert!(problem("server = 'a'\nroot = 'no certificate'").starts_with("root:"));
        assert!(problem("server = 'a'\n[update]\nkeys = ['00']").starts_with("update.keys:"));
        assert!(
            Told::read("server = 'a.example'\nsite = 'https://a.example'")
                .unwrap()
                .help
                .is_some()
        );
    }
}
