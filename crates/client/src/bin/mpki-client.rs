//! The Windows program of the client. Everything is in `tegata_client::win`; elsewhere there is `tegata-client`.

#![cfg_attr(windows, windows_subsystem = "windows")]

use std::process::ExitCode;

#[cfg(windows)]
fn main() -> ExitCode {
    tegata_client::win::main()
}

#[cfg(not(windows))]
fn main() -> ExitCode {
    eprintln!("mpki-client is the program for Windows; here, use tegata-client");
    ExitCode::from(2)
}
