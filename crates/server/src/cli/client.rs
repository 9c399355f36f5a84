//! `tegata client settings | pack | keygen | manifest`: the MPKI client from the operator's side (W6, F10).
//!
//! Only `settings` reads this installation. The others work on files alone, on a machine without a network.

mod files;
mod keygen;
mod manifest;
mod pack;
mod settings;

use clap::Subcommand;

use crate::failure::Outcome;
use crate::instance::Instance;

/// What to do with the client.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the settings that go into every package: names, roots, help desk, keys of releases.
    Settings(settings::Arguments),
    /// Make Windows packages (.msi) of a program and settings, and have them signed.
    Pack(pack::Arguments),
    /// Make one of the three keys that sign releases.
    Keygen(keygen::Arguments),
    /// The announcement of a release.
    #[command(subcommand)]
    Manifest(manifest::Command),
}

impl Command {
    /// Whether it reads an installation.
    pub(crate) const fn needs_instance(&self) -> bool {
        matches!(self, Self::Settings(_))
    }
}

/// Carries out a command about this installation.
pub(crate) fn run(instance: &Instance, command: Command) -> Outcome<()> {
    match command {
        Command::Settings(arguments) => settings::run(instance, &arguments),
        other => run_plain(other),
    }
}

/// Carries out a command about files.
pub(crate) fn run_plain(command: Command) -> Outcome<()> {
    match command {
        Command::Settings(_) => Ok(()),
        Command::Pack(arguments) => pack::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Manifest(command) => manifest::run(command),
    }
}
