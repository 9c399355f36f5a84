//! Who acts: the operator named on the command line proves it with a password and a one-time code.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tegata_app::App;
use tegata_domain::operator::Operator;
use tegata_domain::secret::Secret;

use crate::failure::{Failure, Outcome};

/// The operator who acts.
#[derive(Args, Debug)]
pub(crate) struct Acting {
    /// Name of the operator who acts.
    #[arg(long, value_name = "NAME")]
    operator: String,
    #[command(flatten)]
    proof: Proof,
}

/// What an operator proves himself with.
#[derive(Args, Debug)]
pub(crate) struct Proof {
    /// File with the password; asked for on the terminal when left out.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The six digits of the authenticator; asked for on the terminal when left out.
    #[arg(long, value_name = "CODE")]
    totp: Option<String>,
}

impl Acting {
    /// Proves who acts.
    pub(crate) async fn authenticate(&self, app: &App) -> Outcome<Operator> {
        self.proof.authenticate(app, &self.operator).await
    }
}

impl Proof {
    /// Proves that the person is the operator `name`.
    pub(crate) async fn authenticate(&self, app: &App, name: &str) -> Outcome<Operator> {
        let password = match &self.password_file {
            Some(path) => read_secret(path)?,
            None => ask_hidden(&format!("password of {name}: "))?,
        };
        let code = match &self.totp {
            Some(code) => code.clone(),
            None => ask_hidden("one-time code: ")?.expose().clone(),
        };
        Ok(app.authenticate(name, &password, code.trim()).await?)
    }
}

/// The first line of a file that holds a secret.
pub(crate) fn read_secret(path: &Path) -> Outcome<Secret<String>> {
    let text = std::fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|error| {
            let remedy = "name a file that holds the password in its first line";
            Failure::machine(format!("read {}", path.display()), error, remedy)
        })?;
    Ok(Secret::from(
        text.expose().lines().next().unwrap_or_default(),
    ))
}

/// Asks on the terminal, without showing what is typed.
pub(crate) fn ask_hidden(question: &str) -> Outcome<Secret<String>> {
    let terminal = File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|error| {
            let remedy = "give --password-file FILE and --totp CODE where there is no terminal";
            Failure::machine("ask on the terminal", error, remedy)
        })?;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::machine(
            "ask on the terminal",
            error,
            "use --password-file and --totp",
        )
    };
    let shown = tcgetattr(&terminal).map_err(|error| failed(&error))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    write!(&terminal, "{question}").map_err(|error| failed(&error))?;
    tcsetattr(&terminal, OptionalActions::Flush, &hidden).map_err(|error| failed(&error))?;
    let mut typed = String::new();
    let read = BufReader::new(&terminal).read_line(&mut typed);
    let restored = tcsetattr(&terminal, OptionalActions::Flush, &shown);
    let typed = Secret::new(typed);
    read.map_err(|error| failed(&error))?;
    restored.map_err(|error| failed(&error))?;
    Ok(Secret::from(typed.expose().trim_end_matches(['\r', '\n'])))
}
