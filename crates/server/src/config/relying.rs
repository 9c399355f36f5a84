//! `[relying]`: which relying systems may ask (decision F7).

use serde::Deserialize;
use tegata_app::RelyingSystems;
use tegata_domain::id::Fingerprint;

use super::Mistake;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RelyingFile {
    systems: Vec<String>,
}

impl RelyingFile {
    pub(super) fn checked(
        &self,
        is_served: bool,
    ) -> Result<(RelyingSystems, Vec<String>), Mistake> {
        let mut systems = RelyingSystems::default();
        for entry in &self.systems {
            let (name, fingerprint) = parse(entry)?;
            systems.insert(fingerprint, name);
        }
        if !self.systems.is_empty() && !is_served {
            let remedy =
                "set listen.relying, such as \"127.0.0.1:8446\": nobody can ask without it";
            return Err(Mistake::new("relying.systems", remedy));
        }
        Ok((systems, self.systems.clone()))
    }
}

/// `NAME=SHA256`.
fn parse(entry: &str) -> Result<(&str, Fingerprint), Mistake> {
    let wrong = |what: &str| {
        let remedy = format!("{what} in \"{entry}\"; write \"NAME=SHA256\" for each system");
        Mistake::new("relying.systems", remedy)
    };
    let (name, digits) = entry.split_once('=').ok_or_else(|| wrong("no \"=\""))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.is_empty() || name.len() > 40 || !name.bytes().all(plain) {
        return Err(wrong("the name is not of 1 to 40 letters, digits, - or _"));
    }
    let fingerprint =
        Fingerprint::parse(digits.trim()).ok_or_else(|| wrong("no 64 hexadecimal digits"))?;
    Ok((name, fingerprint))
}
