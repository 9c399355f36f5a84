//! `tegata key list | prepare | rotate | rewrap | retire`: the exchange of the key-encryption key (K8).
//!
//! On one machine `rotate` does it all while `serve` runs, because a process reads the file again when it was replaced.
//! Where several machines share a database, `prepare` comes first: the new key opens everywhere before it seals anywhere.

use clap::{Args, Subcommand};
use serde_json::json;
use tegata_app::{KeyEncryptionKey, KeyEncryptionKeys, Rewrapped, SealedCounts};
use tegata_domain::entropy::octets;
use tegata_domain::operator::{Operator, Role};
use tegata_domain::secret::Secret;

use super::acting::Acting;
use super::output::{Listing, line};
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;
use crate::kek::KekFile;
use crate::system::SystemEntropy;

/// What to do with key-encryption keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the keys that this machine knows, and how many values each of them seals.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Add a new key that opens and does not seal yet. Copy the file to every machine of the installation afterwards.
    Prepare(Act),
    /// Let the newest key seal (a new one, where none was prepared), and seal everything anew with it.
    Rotate(Act),
    /// Seal anew whatever an older key sealed; goes on where an earlier run ended.
    Rewrap(Act),
    /// Take a key out of the file. Refused while a value is sealed with it.
    Retire(Retire),
}

/// The administrator who acts.
#[derive(Args, Debug)]
pub(crate) struct Act {
    #[command(flatten)]
    acting: Acting,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which key to take out.
#[derive(Args, Debug)]
pub(crate) struct Retire {
    /// Its number, as `tegata key list` shows it.
    number: u8,
    #[command(flatten)]
    act: Act,
}

/// Carries out the command.
pub(crate) async fn run(instance: &Instance, command: Command) -> Outcome<()> {
    let file = KekFile::of(&instance.config);
    match command {
        Command::List { json } => list(instance, &file, json).await,
        Command::Prepare(act) => prepare(instance, &file, &act).await,
        Command::Rotate(act) => rotate(instance, &file, &act).await,
        Command::Rewrap(act) => {
            let by = administrator(instance, &act).await?;
            let done = instance.app.rewrap(&by).await?;
            tell_rewrapped(done, file.read()?.sealing().number, act.json);
            Ok(())
        }
        Command::Retire(retire) => take_out(instance, &file, &retire).await,
    }
}

async fn list(instance: &Instance, file: &KekFile, json: bool) -> Outcome<()> {
    let keys = file.read()?;
    let counts = instance.app.sealed_counts().await?;
    let mut listing = Listing::new(&["KEY", "STATE", "VALUES"]);
    for key in keys.all() {
        let state = state(&keys, key);
        let values = counts.get(&key.number).copied().unwrap_or_default();
        let cells = vec![key.number.to_string(), state.to_owned(), values.to_string()];
        let object = json!({"key": key.number, "state": state, "values": values});
        listing.push(cells, object);
    }
    // Values that no key of this file opens: the file of another machine does, or a safe.
    let is_known = |number: u8| keys.all().iter().any(|key| key.number == number);
    for (number, values) in counts.iter().filter(|(number, _)| !is_known(**number)) {
        let cells = vec![number.to_string(), "missing".to_owned(), values.to_string()];
        listing.push(
            cells,
            json!({"key": number, "state": "missing", "values": values}),
        );
    }
    listing.print(json);
    Ok(())
}

fn state(keys: &KeyEncryptionKeys, key: &KeyEncryptionKey) -> &'static str {
    if key.is_next {
        "next"
    } else if key.number == keys.sealing().number {
        "sealing"
    } else {
        "older"
    }
}

async fn administrator(instance: &Instance, act: &Act) -> Outcome<Operator> {
    let by = act.acting.authenticate(&instance.app).await?;
    if by.roles.contains(&Role::Administrator) {
        return Ok(by);
    }
    Err(Failure::new(
        format!("{} is no administrator", by.name),
        "name an operator with this role by --operator",
    ))
}

async fn prepare(instance: &Instance, file: &KekFile, act: &Act) -> Outcome<()> {
    let by = administrator(instance, act).await?;
    let (number, keys) = with_next(&file.read()?)?;
    instance
        .app
        .record_key_change(&by, "key.prepare", number)
        .await?;
    change(file, &keys)?;
    if act.json {
        line(json!({"key": number}).to_string());
    } else {
        line(format!(
            "key {number} is prepared; it opens and seals nothing yet"
        ));
        line(
            "what to do: copy the file to every machine of this installation, then run `tegata key rotate` on each",
        );
    }
    Ok(())
}

async fn rotate(instance: &Instance, file: &KekFile, act: &Act) -> Outcome<()> {
    let by = administrator(instance, act).await?;
    let keys = file.read()?;
    let older = values_of_others(&instance.app.sealed_counts().await?, &keys);
    let is_prepared = keys.all().iter().any(|key| key.is_next);
    if older > 0 && !is_prepared {
        return Err(Failure::new(
            format!(
                "{older} values are still sealed with other keys than {}",
                keys.sealing().number
            ),
            "run `tegata key rewrap` first: an exchange was begun and did not end",
        ));
    }
    let (number, mut keys) = with_next(&keys)?;
    for key in &mut keys {
        key.is_next = false;
    }
    instance
        .app
        .record_key_change(&by, "key.rotate", number)
        .await?;
    change(file, &keys)?;
    let done = instance.app.rewrap(&by).await?;
    tell_rewrapped(done, number, act.json);
    Ok(())
}

fn tell_rewrapped(done: Rewrapped, number: u8, json: bool) {
    if json {
        let told = json!({"key": number, "values": done.values, "files": done.files});
        line(told.to_string());
        return;
    }
    line(format!(
        "key {number} seals; sealed anew: {} values, {} files of CA keys",
        done.values, done.files
    ));
    line(
        "what to do: keep a copy of the key file where the old one was kept; an hour later, retire the keys that \
          `tegata key list` shows without values",
    );
}

async fn take_out(instance: &Instance, file: &KekFile, retire: &Retire) -> Outcome<()> {
    let by = administrator(instance, &retire.act).await?;
    let number = retire.number;
    let keys = file.read()?;
    if keys.get(number).is_none() {
        return Err(Failure::new(
            format!("there is no key {number}"),
            "`tegata key list` shows the keys",
        ));
    }
    if keys.sealing().number == number {
        return Err(Failure::new(
            format!("key {number} seals"),
            "run `tegata key rotate` first",
        ));
    }
    let counts = instance.app.sealed_counts().await?;
    let values = counts.get(&number).copied().unwrap_or_default();
    if values > 0 {
        return Err(Failure::new(
            format!("{values} values are sealed with key {number}"),
            "run `tegata key rewrap` and try again",
        ));
    }
    let left: Vec<_> = keys
        .all()
        .iter()
        .filter(|key| key.number != number)
        .cloned()
        .collect();
    instance
        .app
        .record_key_change(&by, "key.retire", number)
        .await?;
    change(file, &left)?;
    if retire.act.json {
        line(json!({"key": number}).to_string());
    } else {
        line(format!(
            "key {number} is taken out; backups from before its exchange open only with a copy of it"
        ));
    }
    Ok(())
}

/// The keys with one that is `next`, and its number: the prepared one, or a new one.
fn with_next(keys: &KeyEncryptionKeys) -> Outcome<(u8, Vec<KeyEncryptionKey>)> {
    let mut all = keys.all().to_vec();
    if let Some(next) = all.iter().find(|key| key.is_next) {
        return Ok((next.number, all));
    }
    let newest = all.last().map_or(0, |key| key.number);
    let number = newest.checked_add(1).ok_or_else(|| {
        Failure::new(
            "key 255 is the last one that can be made",
            "retire the older keys and ask the makers for a wider number",
        )
    })?;
    all.push(KeyEncryptionKey {
        number,
        key: Secret::new(octets::<32>(&SystemEntropy)),
        is_next: true,
    });
    Ok((number, all))
}

fn change(file: &KekFile, keys: &[KeyEncryptionKey]) -> Outcome<()> {
    if file.is_credential() {
        return Err(Failure::new(
            "the key-encryption key is a systemd credential, which cannot be changed from here",
            "change the file that the credential is made of, as docs/operating/README.md says, restart the service, \
             and run `tegata key rewrap`",
        ));
    }
    file.replace(keys)
}

fn values_of_others(counts: &SealedCounts, keys: &KeyEncryptionKeys) -> u64 {
    let sealing = keys.sealing().number;
    counts
        .iter()
        .filter(|(number, _)| **number != sealing)
        .map(|(_, values)| values)
        .sum()
}
