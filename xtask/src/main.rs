//! `cargo xtask`: the house rules as a program.
//!
//! `check` is the quick gate, `test` runs everything and installs what it needs, `soak` runs a test that
//! counts at its full size, `gen` writes the generated documents. The names and the last line of `test` are promised in the README.

mod check;
mod client;
mod dist;
mod generated;
mod targets;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask check
       cargo xtask test [--no-skips] [--only tools|check|unit|system|release|deny]...
       cargo xtask soak [NAME|all]
       cargo xtask client [--arch x64|x86]... [--test | --lint]
       cargo xtask dist [--settings FILE] [--sign-with PROGRAM]
       cargo xtask gen [--check]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Vec<String>) -> Result<ExitCode> {
    let mut arguments = arguments.into_iter();
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match name.as_str() {
        "check" if rest.is_empty() => Ok(exit_code(check::run()? == 0)),
        "test" => Ok(exit_code(test::run(&test::Options::parse(&rest)?)?)),
        "soak" => Ok(exit_code(test::soak::run(&rest)?)),
        "client" => {
            client::run(&client::Options::parse(&rest)?)?;
            Ok(ExitCode::SUCCESS)
        }
        "dist" => {
            dist::run(&dist::Options::parse(&rest)?)?;
            Ok(ExitCode::SUCCESS)
        }
        "gen" => match rest
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .as_slice()
        {
            [] => Ok(exit_code(generated::write()?)),
            ["--check"] => Ok(exit_code(generated::is_fresh()?)),
            _ => bail!("{USAGE}"),
        },
        _ => bail!("{USAGE}"),
    }
}

fn exit_code(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
