//! Chromium, driven by `oracles/browser/drive.js`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::tools::{command, named, oracle, run, run_with_input};

/// A person at a browser of her own.
#[derive(Debug)]
pub struct Chromium {
    home: PathBuf,
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
        })
    }

    /// Carries out the steps; answers one object per step. A step that fails is an error that shows
    /// all of them.
    pub fn drive(&self, steps: &[Value]) -> Result<Vec<Value>> {
        let mut node = command("node", [oracle("browser/drive.js")]);
        node.arg("--home").arg(&self.home);
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
