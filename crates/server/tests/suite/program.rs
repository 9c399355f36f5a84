//! Runs the program and looks at how it ended.

use std::process::{Command, Stdio};

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained about.
    pub(crate) stderr: String,
}

/// Runs `tegata` with these arguments, without a terminal and without settings of this machine.
pub(crate) fn tegata(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_tegata"))
        .args(arguments)
        .env_remove("CREDENTIALS_DIRECTORY")
        .env_remove("TEGATA_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
