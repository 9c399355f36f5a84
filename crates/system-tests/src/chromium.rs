//! Chromium, driven by `oracles/browser/drive.js`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::tools::{command, named, oracle, run, run_with_input};

/// Where Chromium reads what an administrator decided.
const POLICY: &str = "/etc/chromium/policies/managed/tegata-test.json";

/// A person at a browser of her own, which stays open between the runs: cookies are kept.
#[derive(Debug)]
pub struct Chromium {
    home: PathBuf,
    ahead: i64,
    hurries: bool,
}

impl Chromium {
    /// Makes a HOME that trusts this CA; `p12` (file, password) is imported.
    pub fn new(home: &Path, ca: &Path, p12: Option<(&Path, &str)>) -> Result<Self> {
        named("TEGATA_CHROMIUM")?;
        named("TEGATA_PLAYWRIGHT")?;
        let mut script = command("bash", [oracle("browser/home.sh")]);
        script.arg(home).arg(ca);
        if let Some((file, password)) = p12 {
            script.arg(file).arg(password);
        }
        run(&mut script)?
            .good()
            .context("make a HOME for the browser")?;
        Ok(Self {
            home: home.to_owned(),
            ahead: 0,
            hurries: false,
        })
    }

    /// Imports one more certificate.
    pub fn import(&self, file: &Path, password: &str) -> Result<()> {
        let store = format!("sql:{}", self.home.join(".pki/nssdb").display());
        let mut import = command("pk12util", ["-d", &store, "-K", "", "-W", password, "-i"]);
        run(import.arg(file))?
            .good()
            .context("import a certificate")?;
        Ok(())
    }

    /// The same person on a day when the machine's clock is this many seconds ahead of ours (behind
    /// it, where the number is negative).
    pub fn ahead(self, seconds: i64) -> Self {
        Self {
            ahead: seconds,
            ..self
        }
    }

    /// The same person on pages that were looked at elsewhere: she takes no pictures.
    pub fn hurry(self) -> Self {
        Self {
            hurries: true,
            ..self
        }
    }

    /// Carries out the steps; answers one object per step. A step that fails is an error that shows
    /// all of them.
    pub fn drive(&self, steps: &[Value]) -> Result<Vec<Value>> {
        let mut node = command("node", [oracle("browser/drive.js")]);
        node.arg("--home").arg(&self.home);
        node.arg("--cookies").arg(self.home.join("cookies.json"));
        node.arg(format!("--ahead={}", self.ahead));
        let is_done = |step: &&Value| !self.hurries || step.get("screenshot").is_none();
        let steps: Vec<_> = steps.iter().filter(is_done).collect();
        let ran = run_with_input(&mut node, json!(steps).to_string().as_bytes())?;
        let ran = ran.good().context("a step in the browser failed")?;
        let lines = ran.text();
        let results = lines
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>();
        results.context("one JSON object per step")
    }
}

/// Lets Chromium choose a certificate without asking at these addresses. Dropping it takes the rule
/// away. The rule holds for the whole machine, so whoever comes second waits.
#[derive(Debug)]
pub struct ChoosesItself {
    _alone: File,
}

impl ChoosesItself {
    /// Makes the rule for these addresses.
    pub fn at<A: AsRef<str>>(addresses: &[A]) -> Result<Self> {
        Self::by(addresses.iter().map(|address| (address, json!({}))))
    }

    /// Makes a rule for each address: the certificate whose subject has this CN is presented there.
    pub fn named<A: AsRef<str>>(addresses: &[(A, &str)]) -> Result<Self> {
        let of = |name: &str| json!({ "SUBJECT": { "CN": name } });
        Self::by(addresses.iter().map(|(address, name)| (address, of(name))))
    }

    fn by<A: AsRef<str>>(rules: impl Iterator<Item = (A, Value)>) -> Result<Self> {
        let lock = std::env::temp_dir().join("tegata-chromium-policy.lock");
        let alone = File::create(lock).context("make the lock of the browser's policy")?;
        alone
            .lock()
            .context("wait for the lock of the browser's policy")?;
        let rules: Vec<String> = rules
            .map(|(address, filter)| {
                json!({ "pattern": address.as_ref(), "filter": filter }).to_string()
            })
            .collect();
        let policy = json!({ "AutoSelectCertificateForUrls": rules });
        if let Some(folder) = Path::new(POLICY).parent() {
            fs::create_dir_all(folder)?;
        }
        let guard = Self { _alone: alone };
        fs::write(POLICY, policy.to_string()).context("write a policy of Chromium")?;
        Ok(guard)
    }
}

impl Drop for ChoosesItself {
    fn drop(&mut self) {
        let _ = fs::remove_file(POLICY);
    }
}
