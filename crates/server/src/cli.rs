//! The command line: one file for each noun. Listings have `--json`; errors are in English and say what
//! to do next.

mod acting;
mod application;
mod ca;
mod cert;
mod change;
mod client;
mod config;
mod crl;
mod grant;
mod init;
mod institution;
mod institution_import;
mod key;
mod letter;
mod mail;
mod notice;
mod operator;
mod output;
mod proposal;
mod revocation;
mod serve;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;
use crate::{bench, demo, doctor};

pub(crate) use self::init::{make_folder, make_kek};
pub(crate) use self::output::line;

/// A managed certification authority for client certificates.
#[derive(Debug, Parser)]
#[command(
    name = "tegata",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/etc/tegata/tegata.toml"
    )]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make CA keys, database, TLS certificates and two administrators.
    Init(init::Arguments),
    /// Run the listeners.
    Serve,
    /// Run the whole system on loopback, with sample data.
    Demo(demo::Arguments),
    /// Measure what this program does a second, beside what the machine could do at best.
    Bench(bench::Arguments),
    /// Check an installation and explain what is wrong.
    Doctor(doctor::Arguments),
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// Operators and their roles.
    #[command(subcommand)]
    Operator(operator::Command),
    /// The register of institutions.
    #[command(subcommand)]
    Institution(institution::Command),
    /// Applications, and the answers to them.
    #[command(subcommand)]
    Application(application::Command),
    /// From an application to a posted letter, and what two operators change after it.
    #[command(subcommand)]
    Grant(grant::Command),
    /// What one operator proposed for another to confirm.
    #[command(subcommand)]
    Proposal(proposal::Command),
    /// Requests to revoke.
    #[command(subcommand)]
    Revocation(revocation::Command),
    /// Issued certificates.
    #[command(subcommand)]
    Cert(cert::Command),
    /// Revocation lists.
    #[command(subcommand)]
    Crl(crl::Command),
    /// Mails: what waits, how the texts read, whether they leave.
    #[command(subcommand)]
    Mail(mail::Command),
    /// Notices of a certificate's end: what goes out on a day, and what went out.
    #[command(subcommand)]
    Notice(notice::Command),
    /// The MPKI client: its packages, the keys that sign releases, the announcement of a release.
    #[command(subcommand)]
    Client(client::Command),
    /// Keys and certificates of the certification authority.
    #[command(subcommand)]
    Ca(ca::Command),
    /// Key-encryption keys, and their exchange.
    #[command(subcommand)]
    Key(key::Command),
}

/// Carries out the command.
pub(crate) fn run(arguments: Arguments) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::machine(
                "start the runtime",
                error,
                "raise the limits of processes and files",
            )
        })?;
    let outcome = runtime.block_on(dispatch(arguments));
    // Work that nobody waits for any more (a key pool being filled) must not hold the program up.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(arguments: Arguments) -> Outcome<()> {
    let file = arguments.config;
    match arguments.command {
        Command::Init(arguments) => init::run(&file, arguments).await,
        Command::Serve => serve::run(Config::load(&file)?).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Bench(arguments) => bench::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(&file, arguments).await,
        Command::Config(command) => config::run(&file, command),
        Command::Operator(command) => on(&file, operator::run, command).await,
        Command::Institution(command) => on(&file, institution::run, command).await,
        Command::Application(command) => on(&file, application::run, command).await,
        Command::Grant(command) => on(&file, grant::run, command).await,
        Command::Proposal(command) => on(&file, proposal::run, command).await,
        Command::Revocation(command) => on(&file, revocation::run, command).await,
        Command::Cert(command) => on(&file, cert::run, command).await,
        Command::Crl(command) => on(&file, crl::run, command).await,
        Command::Mail(command) if command.needs_instance() => on(&file, mail::run, command).await,
        Command::Mail(command) => mail::run_plain(&Config::load(&file)?, command).await,
        Command::Notice(command) => on(&file, notice::run, command).await,
        Command::Client(command) if command.needs_instance() => {
            on(&file, async |at, command| client::run(at, command), command).await
        }
        Command::Client(command) => client::run_plain(command),
        Command::Ca(command) => on(&file, ca::run, command).await,
        Command::Key(command) => on(&file, key::run, command).await,
    }
}

/// Runs `command` on the instance, and waits for what the database has left to do.
async fn on<C>(
    file: &Path,
    run: impl AsyncFnOnce(&Instance, C) -> Outcome<()>,
    command: C,
) -> Outcome<()> {
    let instance = Instance::open(Config::load(file)?).await?;
    let done = run(&instance, command).await;
    instance.store.close().await;
    done
}
