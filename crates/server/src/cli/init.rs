//! `tegata init`: CA keys, database, TLS certificates and two administrators (decisions F8, K7, K8).

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use tegata_app::{App, InitOptions, Initialised, OfflineRoot};
use tegata_domain::audit::Actor;
use tegata_domain::entropy::octets;
use tegata_domain::operator::Role;
use tegata_domain::secret::Secret;
use tegata_domain::time::Clock as _;

use super::acting::{ask_hidden, read_secret};
use super::line;
use crate::config::{Config, Profile, starter};
use crate::failure::{Failure, Outcome};
use crate::instance::{Instance, OFFLINE_NOTE, open_store, parts};
use crate::kek::{KekFile, print_first};
use crate::running::Tls;
use crate::system::{SystemClock, SystemEntropy, generated_password};

/// Names of the first administrators.
const ADMINISTRATORS: [&str; 2] = ["admin1", "admin2"];

/// How to initialise.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The set of rules to begin with, where there is no configuration file yet.
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// Ask nothing on the terminal: passwords are made and printed once.
    #[arg(long)]
    non_interactive: bool,
    /// Folder on a removable medium for the offline root's key (profiles with two tiers).
    #[arg(long, value_name = "DIR")]
    offline_dir: Option<PathBuf>,
    /// File with the passphrase of the offline root's key.
    #[arg(long, value_name = "FILE", requires = "offline_dir")]
    offline_passphrase_file: Option<PathBuf>,
    /// Take a single-tier CA whose key lies on this machine (profile obn).
    #[arg(long)]
    accept_online_root: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Carries out the command.
pub(crate) async fn run(file: &Path, arguments: Arguments) -> Outcome<()> {
    if !file.exists() {
        let text = starter(arguments.profile.unwrap_or(Profile::Default));
        write_new(file, 0o640, &text)?;
        if !arguments.json {
            line(format!(
                "{}: written; read it and change what differs",
                file.display()
            ));
        }
    }
    let config = Config::load(file)?;
    refuse_other_profile(file, &config, arguments.profile)?;
    make_folder(&config.data_dir)?;
    let remark = "Key-encryption key of tegata. Keep it secret and out of backups.";
    make_kek(&config, remark)?;
    let mut made = Map::new();
    make_authority(&config, &arguments, &mut made).await?;
    let finished = finish(config, &mut made).await;
    // Printed even where the rest failed: a passphrase that was made is shown nowhere else.
    if arguments.json {
        line(Value::Object(made).to_string());
    } else {
        print(&made, file);
    }
    finished
}

/// CA keys and certificates, unless an earlier start made them and ended before the administrators.
async fn make_authority(config: &Config, arguments: &Arguments, made: &mut Map) -> Outcome<()> {
    let store = open_store(config).await?;
    if App::is_initialised(&store).await? {
        return refuse_second_time(config, &store).await;
    }
    let (offline, generated) = offline_root(arguments, config)?;
    let accept_online_root = arguments.accept_online_root;
    let options = InitOptions {
        offline,
        accept_online_root,
        demo: false,
    };
    let parts = parts(config, store.clone(), Arc::new(SystemClock))?;
    let initialised = App::initialise(&parts, options, SystemClock.now()).await?;
    describe(&initialised, generated.as_ref(), made);
    store.close().await;
    if let Some(folder) = &arguments.offline_dir {
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.clone());
        let note = config.data_dir.join(OFFLINE_NOTE);
        write_new(&note, 0o600, &folder.display().to_string())?;
    }
    Ok(())
}

/// TLS certificates, first lists and responders, administrators.
async fn finish(config: Config, made: &mut Map) -> Outcome<()> {
    let instance = Instance::open(config).await?;
    Tls::open(&instance).await?;
    instance.app.run_due_jobs(instance.app.clock_now()).await?;
    made.insert(
        "administrators".to_owned(),
        administrators(&instance).await?,
    );
    instance.store.close().await;
    Ok(())
}

fn refuse_other_profile(file: &Path, config: &Config, wanted: Option<Profile>) -> Outcome<()> {
    let is = config.profile;
    match wanted {
        Some(wanted) if wanted != is => Err(Failure::new(
            format!(
                "{}: profile: the file says \"{}\"",
                file.display(),
                is.as_str()
            ),
            format!(
                "leave --profile out, or write \"{}\" there",
                wanted.as_str()
            ),
        )),
        _ => Ok(()),
    }
}

type Map = serde_json::Map<String, Value>;

/// Makes a folder that only its owner reads; an existing one is taken as it is.
pub(crate) fn make_folder(path: &Path) -> Outcome<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            let remedy = "choose another data_dir, or make it as the owner of the service";
            Failure::machine(format!("make the folder {}", path.display()), error, remedy)
        })
}

/// Writes the key-encryption key where there is none yet (K8).
pub(crate) fn make_kek(config: &Config, remark: &str) -> Outcome<()> {
    if KekFile::of(config).is_credential() || config.kek_file.exists() {
        return Ok(());
    }
    let key = Secret::new(octets::<32>(&SystemEntropy));
    let text = print_first(remark, key.expose());
    write_new(&config.kek_file, 0o400, text.expose())
}

/// Writes a file that does not exist yet.
pub(crate) fn write_new(path: &Path, mode: u32, text: &str) -> Outcome<()> {
    let failed = |error| {
        let remedy = "choose a folder that exists and can be written";
        Failure::machine(format!("write {}", path.display()), error, remedy)
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

/// A second `init` is refused, unless the first one ended before the administrators were there.
async fn refuse_second_time(config: &Config, store: &tegata_store::Store) -> Outcome<()> {
    let app = App::open(parts(config, store.clone(), Arc::new(SystemClock))?).await?;
    if app.list_operators().await?.is_empty() {
        return Ok(());
    }
    let remedy = "begin with `tegata serve`; for another installation name another --config FILE";
    Err(Failure::new(
        "this installation is initialised already; nothing was changed",
        remedy,
    ))
}

/// Where the offline root goes, and its passphrase where it was made here.
fn offline_root(
    arguments: &Arguments,
    config: &Config,
) -> Outcome<(Option<OfflineRoot>, Option<Secret<String>>)> {
    let Some(folder) = arguments.offline_dir.clone() else {
        return Ok((None, None));
    };
    if config.policy.ca.tiers == 1 {
        let remedy = "leave --offline-dir out, or set policy.ca.tiers = 2";
        return Err(Failure::new("this profile has no offline root", remedy));
    }
    if let Some(file) = &arguments.offline_passphrase_file {
        return Ok((
            Some(OfflineRoot {
                folder,
                passphrase: read_secret(file)?,
            }),
            None,
        ));
    }
    if arguments.non_interactive {
        let passphrase = generated_password();
        let shown = Secret::from(passphrase.expose().as_str());
        return Ok((Some(OfflineRoot { folder, passphrase }), Some(shown)));
    }
    let passphrase = ask_hidden("passphrase for the offline root's key: ")?;
    if passphrase.expose() != ask_hidden("the same again: ")?.expose() {
        return Err(Failure::new(
            "the two passphrases differ",
            "run the command again",
        ));
    }
    Ok((Some(OfflineRoot { folder, passphrase }), None))
}

fn describe(initialised: &Initialised, passphrase: Option<&Secret<String>>, made: &mut Map) {
    let certificates = initialised
        .certificates
        .iter()
        .map(|(name, sha256)| json!({ "common_name": name, "sha256": sha256 }))
        .collect();
    made.insert("certificates".to_owned(), certificates);
    made.insert(
        "connection_code".to_owned(),
        json!(initialised.connection_code),
    );
    if let Some(file) = &initialised.offline_key_file {
        made.insert("offline_key_file".to_owned(), json!(file));
    }
    if let Some(passphrase) = passphrase {
        made.insert("offline_passphrase".to_owned(), json!(passphrase.expose()));
    }
}

/// The two administrators, without case roles (F8).
async fn administrators(instance: &Instance) -> Outcome<Value> {
    let app = &instance.app;
    let mut made = Vec::new();
    for name in ADMINISTRATORS {
        let password = generated_password();
        let roles = [Role::Administrator];
        let added = app
            .add_operator(name, &password, &roles, Actor::System, app.clock_now())
            .await?;
        made.push(json!({
            "name": name,
            "password": password.expose(),
            "totp_secret": added.totp_secret.expose(),
        }));
    }
    Ok(Value::Array(made))
}

fn print(made: &Map, file: &Path) {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let each = |key: &str| {
        made.get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    for certificate in each("certificates") {
        line(format!(
            "certificate \"{}\"",
            text(&certificate, "common_name")
        ));
        line(format!("  SHA-256 {}", text(&certificate, "sha256")));
    }
    for (key, meaning) in [
        (
            "connection_code",
            "connection code of the TLS root, for letters and the client",
        ),
        (
            "offline_key_file",
            "key of the offline root: take it off this machine",
        ),
        (
            "offline_passphrase",
            "passphrase of the offline root, shown once",
        ),
    ] {
        if let Some(value) = made.get(key).and_then(Value::as_str) {
            line(format!("{meaning}: {value}"));
        }
    }
    line("administrators, shown once; hand each to another person:");
    for person in each("administrators") {
        let (name, password) = (text(&person, "name"), text(&person, "password"));
        line(format!(
            "  {name}  password {password}  one-time codes {}",
            text(&person, "totp_secret")
        ));
    }
    let file = file.display();
    line("next:");
    line(format!(
        "  tegata operator add NAME --role ROLE --by admin1 --config {file}"
    ));
    line(format!("  tegata serve --config {file}"));
    line(format!("  tegata doctor --config {file}"));
}
