//! The server and operator program `tegata` (contract, "The program").
//!
//! Exit codes: 0 done, 1 refused or failed (one line on stderr, then what to do), 2 wrong usage. This
//! crate wires the others together and has no rules of its own.

mod bench;
mod bounce;
mod cli;
mod config;
mod core_files;
mod demo;
mod doctor;
mod failure;
mod instance;
mod kek;
mod listen;
mod mailer;
mod releases;
mod running;
mod system;
mod tls;
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not mistakes; clap prints both kinds where they belong.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    if let Err(failure) = core_files::forbid() {
        failure.print();
        return ExitCode::from(failure.code());
    }
    match cli::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::from(failure.code())
        }
    }
}
