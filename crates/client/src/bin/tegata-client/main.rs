//! The client's command line for Linux and macOS terminals.
//!
//! | file | holds |
//! | --- | --- |
//! | `line.rs` | commands and options, and what they answer |
//! | `session.rs` | one run of the controller on the state folder |
//! | `daemon.rs` | `renew --daemon`: from one due thing to the next |
//! | `state_folder.rs` | where state lies, and who works on it |

#[cfg(unix)]
mod daemon;
#[cfg(unix)]
mod line;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod state_folder;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;

    use clap::Parser as _;

    match session::run(&line::Line::parse()) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "tegata-client: {error:#}");
            std::process::ExitCode::from(2)
        }
    }
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!("tegata-client is for Linux and macOS; on Windows there is mpki-client");
    std::process::ExitCode::from(2)
}
