//! `tegata client keygen`: one of the keys that sign releases (F10).

use std::path::PathBuf;

use clap::Args;
use tegata_domain::secret::Secret;
use tegata_pki::ed25519::SigningKey;

use super::files;
use crate::cli::acting::{ask_hidden, read_secret};
use crate::cli::line;
use crate::failure::{Failure, Outcome};

/// The shortest passphrase.
const SHORTEST: usize = 12;

/// Where the key goes.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The new file of the private key, encrypted with a passphrase. Keep it off every server.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File with the passphrase; asked for on the terminal when left out.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Makes a key; prints the public one, which `client settings` pins.
pub(super) fn run(arguments: &Arguments) -> Outcome<()> {
    let passphrase = match &arguments.passphrase_file {
        Some(path) => read_secret(path)?,
        None => ask_twice()?,
    };
    if passphrase.expose().chars().count() < SHORTEST {
        return Err(Failure::new(
            format!("the passphrase has fewer than {SHORTEST} characters"),
            "choose a longer one, such as five words",
        ));
    }
    let key = SigningKey::generate().map_err(|error| {
        Failure::machine(
            "make a key",
            error,
            "repeat; if it fails again, restart the machine",
        )
    })?;
    let text = key
        .to_file(passphrase.expose().as_bytes())
        .map_err(|error| Failure::machine("encrypt the key", error, "repeat"))?;
    files::create_secret(&arguments.out, &text)?;
    line(hex::encode(key.verifying_key().as_octets()));
    Ok(())
}

fn ask_twice() -> Outcome<Secret<String>> {
    let first = ask_hidden("passphrase of the new key: ")?;
    let second = ask_hidden("the same once more: ")?;
    if first.expose() == second.expose() {
        Ok(first)
    } else {
        Err(Failure::new(
            "the two passphrases differ",
            "repeat the command",
        ))
    }
}
