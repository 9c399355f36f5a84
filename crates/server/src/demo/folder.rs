//! The demo's folder: what lies in it, and how it is told from any other.
//!
//!     tegata.toml   configuration, for the other commands (`--config DIR/tegata.toml`)
//!     kek           key-encryption key, marked
//!     data/         database, CA keys, clock
//!     relying/      certificate and key of each sample relying system
//!     samples/      .p12 files
//!     state.json    operators and samples with their secrets, mode 0600
//!     demo.json     the file of the contract; written when the demo is ready, mode 0600

use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tegata_domain::time::Timestamp;
use toml::Table;

use super::clock::DemoClock;
use super::relying_api::make_identity;
use super::relying_site::SampleSystem;
use super::{DEMO_POLICY, PORT_BASE};
use crate::cli::{make_folder, make_kek};
use crate::config::Config;
use crate::failure::{Failure, Outcome};
use crate::instance::Instance;

/// What differs from the profile, and the samples.
pub(super) const DEMO_TOML: &str = include_str!("../../demo.toml");
/// Further names of the subscriber listener (W1).
const FURTHER_NAMES: u16 = 8;

/// The folder of one demo.
pub(crate) struct Folder {
    path: PathBuf,
}

/// What a demo made once and says again at each start.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct State {
    /// Bearer token of `POST /clock`.
    pub(crate) clock_token: String,
    /// Persons who work for the sample authority.
    pub(crate) operators: Vec<SampleOperator>,
    /// Certificates in their states.
    pub(crate) samples: Vec<SampleCertificate>,
}

/// An operator with everything needed to act.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct SampleOperator {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) totp_secret: String,
}

/// A sample with the IDs of its letter, as far as there is one yet, and the numbers of its application where it was
/// made on the web.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct SampleCertificate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) application_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) inquiry_no: Option<String>,
    pub(crate) institution_code: String,
    pub(crate) terminal: String,
    pub(crate) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p12: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p12_password: Option<String>,
}

impl Folder {
    /// Makes a fresh folder, or takes an existing demo's.
    pub(super) fn prepare(
        path: &Path,
        port_base: Option<u16>,
        begin: Option<Timestamp>,
    ) -> Outcome<Self> {
        let path = std::path::absolute(path).map_err(|error| {
            Failure::machine("find the demo's folder", error, "name it with --data DIR")
        })?;
        let folder = Self { path };
        if folder.config_file().exists() {
            return Ok(folder);
        }
        if fs::read_dir(&folder.path).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(folder.foreign());
        }
        make_folder(&folder.path)?;
        make_folder(&folder.path.join("data"))?;
        make_folder(&folder.path.join("relying"))?;
        make_folder(&folder.path.join("samples"))?;
        folder.write(".gitignore", 0o644, "*\n")?;
        DemoClock::create(&folder.path.join("data"), begin)?;
        let systems = folder.make_identities()?;
        let text = configuration(port_base.unwrap_or(PORT_BASE), &systems)?;
        folder.write("tegata.toml", 0o600, &text)?;
        make_kek(
            &folder.config()?,
            "Demo, not for use: the key-encryption key of sample data.",
        )?;
        Ok(folder)
    }

    /// The configuration; refuses one that is no demo's.
    pub(super) fn config(&self) -> Outcome<Config> {
        let config = Config::load(&self.config_file())?;
        if config.policy.subject.policy_oid == DEMO_POLICY {
            Ok(config)
        } else {
            Err(self.foreign())
        }
    }

    /// The first port, which stands in the certificates and cannot change.
    pub(super) fn port_base(&self, config: &Config, wanted: Option<u16>) -> Outcome<u16> {
        let base = config.listen.public.port();
        match wanted {
            Some(wanted) if wanted != base => Err(Failure::new(
                format!("{} was made for --port-base {base}", self.path.display()),
                "use that port, or another --data folder: the port stands in its certificates",
            )),
            _ => Ok(base),
        }
    }

    /// This folder is no demo's.
    pub(super) fn foreign(&self) -> Failure {
        Failure::new(
            format!("{} is no demo's folder", self.path.display()),
            "name a folder that is empty or does not exist: --data DIR",
        )
    }

    /// Operators and samples, where they were made before.
    pub(super) fn state(&self) -> Outcome<Option<State>> {
        let Ok(text) = fs::read_to_string(self.path.join("state.json")) else {
            return Ok(None);
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::machine(
                "read state.json",
                error,
                "begin anew with another --data folder",
            )
        })
    }

    /// Refuses a folder whose samples were half made when an earlier start was ended.
    pub(super) async fn refuse_unfinished(&self, instance: &Instance) -> Outcome<()> {
        if instance.app.list_operators().await?.is_empty() {
            return Ok(());
        }
        let shown = self.path.display();
        let reason = format!("{shown} was left half made by an earlier start");
        Err(Failure::new(
            reason,
            format!("remove it (`rm -r {shown}`) and start again"),
        ))
    }

    /// Keeps operators and samples for the next start.
    pub(super) fn keep_state(&self, state: &State) -> Outcome<()> {
        let text = serde_json::to_string_pretty(state)
            .map_err(|error| Failure::machine("write state.json", error, "report this defect"))?;
        self.write("state.json", 0o600, &text).map(drop)
    }

    /// Takes `demo.json` of an earlier start away. Only once the ports are ours: another demo that
    /// still runs from this folder keeps its file.
    pub(super) fn withdraw(&self) {
        let _ = fs::remove_file(self.path.join("demo.json"));
    }

    /// Writes `demo.json`: the sign that the demo is ready.
    pub(super) fn announce(&self, content: &Value) -> Outcome<PathBuf> {
        self.write("demo.json", 0o600, format!("{content:#}\n"))
    }

    /// Writes a file of this folder as a whole: beside it first, then renamed.
    pub(super) fn write(&self, name: &str, mode: u32, text: impl AsRef<[u8]>) -> Outcome<PathBuf> {
        let file = self.path.join(name);
        let beside = self.path.join(format!("{name}.new"));
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&beside)
            .and_then(|mut open| {
                use std::io::Write as _;
                open.set_permissions(fs::Permissions::from_mode(mode))?;
                open.write_all(text.as_ref())?;
                fs::rename(&beside, &file)
            });
        written.map_err(|error| {
            let remedy = "make room in the demo's folder, or name another one with --data DIR";
            Failure::machine(format!("write {}", file.display()), error, remedy)
        })?;
        Ok(file)
    }

    /// Certificate and key of a sample relying system, PEM.
    pub(super) fn identity(&self, system: SampleSystem) -> PathBuf {
        self.path.join(identity_name(system))
    }

    /// Makes the keys of the sample relying systems; answers their entries of `relying.systems`.
    fn make_identities(&self) -> Outcome<Vec<String>> {
        let mut entries = Vec::new();
        for system in SampleSystem::ALL {
            let (pem, fingerprint) = make_identity(system.as_str())?;
            self.write(&identity_name(system), 0o600, &pem)?;
            entries.push(format!("\"{}={fingerprint}\"", system.as_str()));
        }
        Ok(entries)
    }

    fn config_file(&self) -> PathBuf {
        self.path.join("tegata.toml")
    }
}

fn identity_name(system: SampleSystem) -> String {
    format!("relying/{}.pem", system.as_str())
}

/// The demo's configuration file.
fn configuration(base: u16, systems: &[String]) -> Outcome<String> {
    let defect = |error: toml::de::Error| {
        Failure::machine("read demo.toml", error, "report this as a defect")
    };
    let demo: Table = DEMO_TOML.parse().map_err(defect)?;
    let policy = demo
        .into_iter()
        .filter(|(name, _)| name == "policy")
        .collect::<Table>();
    let names: Vec<String> = std::iter::once("localhost".to_owned())
        .chain((1..=FURTHER_NAMES).map(|n| format!("r{n}.localhost")))
        .map(|name| format!("\"{name}\""))
        .collect();
    Ok(format!(
        "# Made by `tegata demo`. Not for use: `serve` refuses it.\n\
         profile = \"obn\"\n\
         data_dir = \"data\"\n\
         kek_file = \"kek\"\n\n\
         [listen]\n\
         public = \"127.0.0.1:{base}\"\n\
         subscriber = \"127.0.0.1:{}\"\n\
         console = \"127.0.0.1:{}\"\n\
         plain = \"127.0.0.1:{}\"\n\
         relying = \"127.0.0.1:{}\"\n\
         metrics = \"127.0.0.1:{}\"\n\n\
         [names]\n\
         public = \"localhost\"\n\
         subscriber = [{}]\n\
         tls_domains = [\"localhost\"]\n\n\
         [relying]\n\
         systems = [{}]\n\n\
         [client]\n\
         folder = \"client\"\n\n\
         {policy}",
        base + 1,
        base + 2,
        base + 4,
        base + 6,
        base + 9,
        names.join(", "),
        systems.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kek::KekFile;

    #[test]
    fn a_fresh_folder_has_a_configuration_that_loads() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        let folder = Folder::prepare(&path, Some(9_000), None).unwrap();
        let config = folder.config().unwrap();
        assert_eq!(config.names.addresses.public, "https://localhost:9000");
        assert_eq!(config.names.addresses.subscriber.len(), 9);
        assert_eq!(config.names.console_address, "https://localhost:9002");
        assert_eq!(config.names.addresses.plain, "http://localhost:9004");
        assert_eq!(config.names.relying_address, "https://localhost:9006");
        let figures = config.listen.metrics.map(|address| address.port());
        assert_eq!(figures, Some(9_009));
        assert_eq!(config.relying_entries.len(), 2);
        assert_eq!(config.names.tls_domains, ["localhost"]);
        assert_eq!(folder.port_base(&config, None).unwrap(), 9_000);
        assert!(folder.port_base(&config, Some(9_010)).is_err());
        KekFile::of(&config).read().unwrap();
    }

    #[test]
    fn a_folder_with_other_files_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("letter.txt"), "mine").unwrap();
        let refused = Folder::prepare(parent.path(), None, None).err().unwrap();
        assert!(
            refused.reason().ends_with("is no demo's folder"),
            "{}",
            refused.reason()
        );
    }

    #[test]
    fn an_installation_that_is_no_demo_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("tegata.toml"), "profile = \"obn\"\n").unwrap();
        let folder = Folder::prepare(parent.path(), None, None).unwrap();
        assert!(folder.config().is_err());
    }
}
