//! `cargo xtask dist`: what leaves the house, in `target/dist`: the server's program, the client's programs for both
//! processors and, where settings are named, their packages.
//!
//! The packages are made by `tegata client pack`, as an operator makes them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::client::{self, Processor};
use crate::test::apt::Apt;
use crate::workspace;

/// What a developer asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// The settings that `tegata client settings` wrote.
    settings: Option<PathBuf>,
    /// The program that signs.
    sign_with: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments after `dist`.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            let value = arguments.next();
            let value = value.map(PathBuf::from);
            match argument {
                "--settings" => options.settings = value.clone(),
                "--sign-with" => options.sign_with = value.clone(),
                other => bail!("{other} is not an option of dist"),
            }
            value.with_context(|| format!("{argument} needs a file"))?;
        }
        Ok(options)
    }
}

/// Builds everything and says where it lies.
pub(crate) fn run(options: &Options) -> Result<()> {
    let out = workspace::target_folder().join("dist");
    let status = workspace::cargo()
        .args(["build", "--release", "--package", "tegata-server"])
        .status()
        .context("start cargo build")?;
    if !status.success() {
        bail!("the server does not build");
    }
    let server = workspace::target_folder().join("release/tegata");
    fs::create_dir_all(&out).with_context(|| format!("make {}", out.display()))?;
    fs::copy(&server, out.join("tegata")).context("copy the server")?;
    client::ensure_tools(&mut Apt::default())?;
    let mut programs = Vec::new();
    for processor in Processor::ALL {
        let built = client::build(processor, &["--bin", "mpki-client"])?.join("mpki-client.exe");
        let folder = out.join(processor.target());
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let program = folder.join("mpki-client.exe");
        fs::copy(&built, &program).context("copy the client")?;
        programs.push(program);
    }
    if let Some(settings) = &options.settings {
        let mut pack = Command::new(&server);
        pack.args(["client", "pack", "--out"]).arg(&out);
        pack.arg("--settings").arg(settings);
        for program in &programs {
            pack.arg("--program").arg(program);
        }
        if let Some(tool) = &options.sign_with {
            pack.arg("--sign-with").arg(tool);
        }
        if !pack.status().context("start tegata client pack")?.success() {
            bail!("the packages were not made");
        }
    }
    eprintln!("dist: {}", out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_signing_are_files() {
        let parse = |arguments: &[&str]| {
            Options::parse(
                &arguments
                    .iter()
                    .map(|&text| text.to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        let options = parse(&["--settings", "a.toml", "--sign-with", "sign.sh"]).unwrap();
        assert_eq!(options.settings, Some(PathBuf::from("a.toml")));
        assert_eq!(options.sign_with, Some(PathBuf::from("sign.sh")));
        assert!(parse(&["--settings"]).is_err());
        assert!(parse(&["--all", "x"]).is_err());
    }
}
